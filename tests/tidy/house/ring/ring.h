/* Ring: a header of the second floor.
 *
 * threads  any
 */
