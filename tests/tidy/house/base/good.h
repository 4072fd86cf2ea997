/* Good: a header that keeps every rule.
 *
 * units    milliseconds
 * memory   good_open takes it, good_close gives it back
 * threads  any
 */
#ifndef GOOD_H
#define GOOD_H

struct good {
    int wait_ms;
};

int good_open(struct good *g);
void good_close(struct good *g);
extern const char *const good_names[];

#endif
