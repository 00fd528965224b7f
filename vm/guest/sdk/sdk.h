/* sdk.h - what the SDK's own files share; not for programs. */
#ifndef OPT_SDK_H
#define OPT_SDK_H

#include "optimistic.h"

/* One ecall: number in a7, arguments in a0..a5, result from a0. */
static inline long opt_ecall(long number, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    register long a7 __asm__("a7") = number;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}

enum { ECALL_WRITE = 64, ECALL_EXIT = 93 };

/* True when the program runs as a Linux process; set by opt_linux_start, never in the machine. */
extern bool opt_on_linux;

void opt_linux_start(const uint64_t *stack);
void opt_linux_write_output(void);
bool opt_linux_grow_heap(uintptr_t end);

/* Writes out what stdio still buffers; set by stdio.c on its first use, so that a program without
 * printf carries none of it. */
extern void (*opt_flush_stdio)(void);

#endif
