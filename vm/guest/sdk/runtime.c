/* runtime.c - output, exit and heap: what every guest needs. */
#include "sdk.h"

#include <errno.h>
#include <stdlib.h>

/* Room that the heap always leaves for the stack below 0xC0000000. Nothing faults when a stack outgrows
 * it (all of RAM is writable), so it is generous: most programs use a few KiB. */
#define STACK_RESERVE_BYTES (64UL << 20)
#define STACK_TOP 0xC0000000UL

struct opt_task opt_task;
size_t opt_output_length;
bool opt_on_linux;
void (*opt_flush_stdio)(void);

void opt_commit(size_t length)
{
    if (length > OPT_OUTPUT_MAX_BYTES - opt_output_length)
        opt_fail(OPT_EXIT_OUTPUT_FULL, "output over 512 MiB");
    opt_output_length += length;
}

void opt_append(const void *bytes, size_t length)
{
    uint8_t *at = opt_output_next();
    opt_commit(length); /* first: a copy over the end would wrap to address 0 */
    memcpy(at, bytes, length);
}

void opt_output_reset(void)
{
    memset(opt_output_start(), 0, opt_output_length);
    opt_output_length = 0;
}

void opt_append_u64(uint64_t value) { opt_append(&value, sizeof value); }

_Noreturn void _exit(int code)
{
    if (opt_flush_stdio)
        opt_flush_stdio();
    if (opt_on_linux)
        opt_linux_write_output();
    for (;;)
        opt_ecall(ECALL_EXIT, (uint32_t)code, (long)opt_output_length, 0, 0, 0, 0);
}

_Noreturn void opt_exit(int code) { _exit(code); }

_Noreturn void opt_fail(int code, const char *reason)
{
    opt_output_reset();
    opt_append(reason, strlen(reason));
    _exit(code ? code : OPT_EXIT_ABORT);
}

_Noreturn void abort(void) { _exit(OPT_EXIT_ABORT); }

/* What picolibc's assert() calls. The place goes to fd 2 and to the output. */
_Noreturn void __assert_func(const char *file, int line, const char *function, const char *expression)
{
    char digits[12];
    char *at = digits + sizeof digits;
    unsigned left = (unsigned)line;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);

    opt_output_reset();
    opt_append(file, strlen(file));
    opt_append(":", 1);
    opt_append(at, (size_t)(digits + sizeof digits - at));
    opt_append(": ", 2);
    opt_append(function, strlen(function));
    opt_append(": assertion failed: ", 20);
    opt_append(expression, strlen(expression));
    write(2, opt_output_start(), opt_output_length);
    write(2, "\n", 1);
    _exit(OPT_EXIT_ABORT);
}

long write(int fd, const void *bytes, size_t length)
{
    return opt_ecall(ECALL_WRITE, fd, (long)bytes, (long)length, 0, 0, 0);
}

/* The heap, for picolibc's malloc: from the end of .bss up to the stack's reserve. */
void *sbrk(ptrdiff_t bytes)
{
    extern char __heap_start[];
    static uintptr_t heap_end;
    if (!heap_end)
        heap_end = (uintptr_t)__heap_start;

    uintptr_t end = heap_end + (uintptr_t)bytes;
    bool fits = bytes >= 0 ? end >= heap_end && end <= STACK_TOP - STACK_RESERVE_BYTES
                           : end < heap_end && end >= (uintptr_t)__heap_start;
    if (!fits || (opt_on_linux && !opt_linux_grow_heap(end))) {
        errno = ENOMEM;
        return (void *)-1;
    }
    void *start = (void *)heap_end;
    heap_end = end;
    return start;
}
