/* Dead: nobody includes this one; want: dead
 *
 * threads  any
 */
int dead(void); /* want: unused */
