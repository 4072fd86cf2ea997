/* Unitless: want: opening
 *
 * threads  any
 */
int unitless_ms(void); /* want: unused */
