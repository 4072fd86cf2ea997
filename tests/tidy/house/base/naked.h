int naked(void); /* want: opening */
