int naked(void); /* want: opening want: unused */
