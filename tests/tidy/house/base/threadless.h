/* Threadless: says what it is, but not from where it may be called. want: opening */
int threadless(void); /* want: unused */
