/* SPDX-License-Identifier: Apache-2.0 */
/* A job that notes when its first instruction ran: writes the time and its pid to the fifo named by
 * its argument, and then waits to be killed. It has no C library, whose start-up comes before main
 * and is the job's own affair: on some virtual machines, where asking the processor for its name is
 * slow, it takes longer than all that a guard does. */
#include <fcntl.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>

#if defined(__x86_64__)
static long call(long number, long a, long b, long c, long d)
{
    long result;
    register long fourth __asm__("r10") = d;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth)
                     : "rcx", "r11", "memory");
    return result;
}
__asm__(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call run\n");
#elif defined(__aarch64__)
static long call(long number, long a, long b, long c, long d)
{
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
}
__asm__(".globl _start\n_start:\n  mov x0, sp\n  bl run\n");
#else
#error "this measurement knows x86-64 and arm64"
#endif

/* `stack` is what the kernel hands over: the number of arguments, then the arguments. */
_Noreturn void run(const long *stack);

void run(const long *stack)
{
    struct timespec now;
    call(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0, 0);
    uint64_t note[2] = { (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec,
                         (uint64_t)call(SYS_getpid, 0, 0, 0, 0) };
    long fd = call(SYS_openat, AT_FDCWD, stack[2], O_WRONLY, 0);
    call(SYS_write, fd, (long)note, sizeof(note), 0);
    for (;;)
        call(SYS_ppoll, 0, 0, 0, 0);
}
