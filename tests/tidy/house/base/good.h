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

int good_used_inline(void);
int good_open(struct good *g);
void good_close(struct good *g);
int good_only_tested(void); /* want: unused */
int good_only_here(int a);  /* want: unused */
static inline int good_twice(void)
{
    return 2 * good_used_inline();
}
extern const char *const good_names[];

#endif
