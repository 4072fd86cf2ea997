/* Errors: every outcome that is not success, and the assertion that stops on a bug.
 *
 * Three troubles are kept apart: a bug of ours stops the process (MUSTER_ASSERT), an expected
 * outcome is a negative number from this list, and a stranger's bytes are refused with one of them.
 *
 * threads  any
 */
#ifndef MUSTER_BASE_ERR_H
#define MUSTER_BASE_ERR_H

#define MUSTER_MUST_USE          __attribute__((warn_unused_result))
#define MUSTER_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum muster_err {
    MUSTER_OK = 0,
    MUSTER_EINVAL = -1,        /* a value is wrong in itself */
    MUSTER_ESHORT = -2,        /* the input ended early */
    MUSTER_ETYPE = -3,         /* another type stands where this one was expected */
    MUSTER_ERANGE = -4,        /* a number does not fit */
    MUSTER_ELIMIT = -5,        /* larger than a named maximum */
    MUSTER_EFULL = -6,         /* no room left in a bounded table or buffer */
    MUSTER_ENOTFOUND = -7,     /* no such thing */
    MUSTER_EEXISTS = -8,       /* the name is taken */
    MUSTER_ECORRUPT = -9,      /* a checksum or a format does not hold */
    MUSTER_EVERSION = -10,     /* a format or protocol newer than this build */
    MUSTER_EIO = -11,          /* the disk or the network failed */
    MUSTER_ENOSPC = -12,       /* the disk is full */
    MUSTER_EBUSY = -13,        /* not now; later it may work */
    MUSTER_EREFUSED = -14,     /* the other side said no */
    MUSTER_ETIMEOUT = -15,     /* no answer in time */
    MUSTER_EUNREACHABLE = -16, /* no way to the other side */
    MUSTER_ENOQUORUM = -17,    /* too few members of the bench answer */
    MUSTER_EUNKNOWN = -18,     /* may or may not have happened: ask or repeat */
    MUSTER_EFOREIGN = -19,     /* belongs to another cluster */
    MUSTER_EUNSUPPORTED = -20, /* not in this build */
    MUSTER_ECONFLICT = -21,    /* the version is not the expected one */
    MUSTER_EDENIED = -22,      /* not allowed */
    MUSTER_ERR_LAST = -22
};

/* The constant's name ("MUSTER_ESHORT") and a short sentence without a full stop; never NULL. */
const char *muster_err_name(int err);
const char *muster_err_text(int err);

/* Prints where and what to standard error and aborts. */
_Noreturn void muster_assert_failed(const char *what, const char *file, int line);

#define MUSTER_ASSERT(fact) ((fact) ? (void)0 : muster_assert_failed(#fact, __FILE__, __LINE__))

#endif
