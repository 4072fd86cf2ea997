/* Loop: a header of the shell.
 *
 * threads  any
 */
