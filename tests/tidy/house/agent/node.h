/* Node: a header of the third floor.
 *
 * threads  any
 */
