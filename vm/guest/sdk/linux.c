/* linux.c - lets the ELF that runs in the machine run as a Linux process too (qemu-riscv64): maps the
 * input and output areas, fills in the task from the command line, and writes the output to stdout.
 *
 *   app.elf [INPUT-FILE [SENDER [NONCE [NUMBER [TIME [BLOCK]]]]]]
 *
 * SENDER is 40 hex digits, with or without 0x; the numbers are decimal; what is missing is zero. crt0.S
 * comes here only when sp is not the machine's, so none of this ever runs in a task. */
#include "sdk.h"

#include <stdlib.h>

enum { LINUX_OPENAT = 56, LINUX_READ = 63, LINUX_BRK = 214, LINUX_MMAP = 222 };
enum { AT_FDCWD = -100, PROT_READ_WRITE = 3, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x4032 };

#define AREA_BYTES (512UL << 20)

static void map(uintptr_t address)
{
    long got = opt_ecall(LINUX_MMAP, (long)address, AREA_BYTES, PROT_READ_WRITE,
                         MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0);
    if (got != (long)address)
        opt_ecall(ECALL_EXIT, OPT_EXIT_LINUX_INPUT, 0, 0, 0, 0, 0);
}

static void read_input(const char *path)
{
    long file = opt_ecall(LINUX_OPENAT, AT_FDCWD, (long)path, 0, 0, 0, 0);
    long got = file;
    while (got >= 0 && opt_task.input_length < AREA_BYTES) {
        uintptr_t at = OPT_INPUT_ADDRESS + opt_task.input_length;
        got = opt_ecall(LINUX_READ, file, (long)at, (long)(AREA_BYTES - opt_task.input_length), 0, 0, 0);
        if (got == 0)
            return;
        if (got > 0)
            opt_task.input_length += (uint64_t)got;
    }
    opt_fail(OPT_EXIT_LINUX_INPUT, "cannot read the input file");
}

static void read_sender(const char *hex)
{
    if (hex[0] == '0' && hex[1] == 'x')
        hex += 2;
    for (int i = 0; i < 2 * OPT_ADDRESS_BYTES && hex[i]; i++) {
        int digit = hex[i] <= '9' ? hex[i] - '0' : (hex[i] | 32) - 'a' + 10;
        opt_task.sender[i / 2] |= (uint8_t)((digit & 15) << (i % 2 ? 0 : 4));
    }
}

static uint64_t read_decimal(const char *text)
{
    uint64_t value = 0;
    while (*text >= '0' && *text <= '9')
        value = value * 10 + (uint64_t)(*text++ - '0');
    return value;
}

void opt_linux_start(const uint64_t *stack)
{
    uint64_t argc = stack[0];
    const char *const *argv = (const char *const *)(stack + 1);
    opt_on_linux = true;
    map(OPT_INPUT_ADDRESS);
    map(OPT_OUTPUT_ADDRESS);
    if (argc > 2)
        read_sender(argv[2]);
    if (argc > 3)
        opt_task.nonce = read_decimal(argv[3]);
    if (argc > 4)
        opt_task.number = read_decimal(argv[4]);
    if (argc > 5)
        opt_task.l1_time = read_decimal(argv[5]);
    if (argc > 6)
        opt_task.l1_block = read_decimal(argv[6]);
    if (argc > 1)
        read_input(argv[1]);
}

void opt_linux_write_output(void)
{
    for (size_t done = 0; done < opt_output_length;) {
        long wrote = write(1, opt_output_start() + done, opt_output_length - done);
        if (wrote <= 0)
            return;
        done += (size_t)wrote;
    }
}

bool opt_linux_grow_heap(uintptr_t end) { return (uintptr_t)opt_ecall(LINUX_BRK, (long)end, 0, 0, 0, 0, 0) >= end; }
