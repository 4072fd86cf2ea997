/* Record: one line of a history file, written by the job that it is about.
 *
 *     FIRST LAST STATE MODE TOKEN ATTEMPT PID NODE JOB, then blanks to the end
 *
 * Every line is as long as any other, so that a job finds its own again and only writes LAST anew,
 * every few milliseconds. Whatever ends it, the line says when it last lived; a SIGKILL cannot tear
 * twenty bytes of one write.
 *
 * units    nanoseconds of CLOCK_BOOTTIME: one true clock for all agents of a machine
 * threads  any number of processes, each its own line
 */
#ifndef MUSTER_TESTS_E2E_KIT_RECORD_H
#define MUSTER_TESTS_E2E_KIT_RECORD_H

#define RECORD_LEN      512 /* with its newline */
#define RECORD_DIGITS   20  /* of FIRST and of LAST, zeros in front */
#define RECORD_LAST_AT  (RECORD_DIGITS + 1)
#define RECORD_STATE_AT (2 * RECORD_DIGITS + 2)

#define RECORD_LIVES 'l' /* or was killed: nobody had time to write it down */
#define RECORD_ENDED 'e' /* by itself */

#define RECORD_AVAILABLE 'a'
#define RECORD_EXCLUSIVE 'x'

#endif
