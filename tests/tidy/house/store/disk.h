/* Disk: a header of the second floor.
 *
 * threads  any
 */
