/* Ownerless: want: opening
 *
 * threads  any
 */
int ownerless_open(void); /* want: unused */
