/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the agent's own process. */
#include "agent/shell/process.h"

#include <link.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define PROCESS_FILES 65536
#define PROCESS_NICE  (-10)

/* Two descriptors for each run, one for each peer: the usual soft limit of 1024 is for programs
 * that use select. The guard gives its job the usual one back. */
static void files_raise(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0 || l.rlim_cur >= PROCESS_FILES)
        return;
    l.rlim_cur = l.rlim_max < PROCESS_FILES ? l.rlim_max : PROCESS_FILES;
    (void)setrlimit(RLIMIT_NOFILE, &l);
}

void shell_process_prepare(void)
{
    /* One heap for the loop and its workers, and what is free at its end goes back to the kernel:
     * an agent's memory is the time its peers wait for its sockets to close. A large block stands
     * alone: of a table only what is used is touched, and a buffer leaves no hole when it goes. */
    (void)mallopt(M_ARENA_MAX, 1);
    (void)mallopt(M_MMAP_THRESHOLD, 32 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    /* One for commits, one for whatever else may take long. */
    (void)setenv("UV_THREADPOOL_SIZE", "2", 0);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGUSR2, SIG_IGN); /* one that comes too early is no reason to die */
    (void)umask(022);
    files_raise();
}

/* Only what nobody may write: it is the file's own. What the loader has written stays. */
static int object_rest(struct dl_phdr_info *object, size_t size, void *context)
{
    uintptr_t page = *(const uintptr_t *)context;
    (void)size;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_W) != 0)
            continue;
        uintptr_t begin = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
        uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_memsz;
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED); /* or it stays */
    }
    return 0;
}

void shell_process_rest(void)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)dl_iterate_phdr(object_rest, &page);
}

/* Not real-time priority: a worker of libuv that such a loop displaces in the middle of waking it
 * keeps the loop spinning for it, on a CPU that the worker then never gets. Measured as 0.95 s,
 * which is when the kernel steps in. */
const char *shell_process_hurry(void)
{
    struct sched_param normal = { .sched_priority = 0 };
    if (sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &normal) == 0 &&
        setpriority(PRIO_PROCESS, 0, PROCESS_NICE) == 0)
        return "a better priority";
    return "no better priority than others";
}

/* On Linux a priority is the thread's own. The last thread of a killed agent closes its sockets,
 * and that may be a worker among the guards that wake. */
void shell_process_pace(bool is_hurried)
{
    (void)setpriority(PRIO_PROCESS, 0, is_hurried ? PROCESS_NICE : 0);
}
