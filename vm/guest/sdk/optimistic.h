/* optimistic.h - the whole API of an Optimistic guest program.
 *
 * A guest is an ordinary RV64IMAC + Zba + Zbb + Zbs program, without floating-point registers, that
 * runs one *task*: it reads the task's input, writes an output, and exits. The same task always gives
 * the same output; there is no clock, no randomness, no file and no network to read.
 *
 * What a task sees (spec 1.2, 1.8):
 *
 *   0x00010000  the program, its data, its heap     kept between the tasks of a stateful app
 *   0xC0000000  stack top (grows down), and above it
 *   0xC0000000  the input, at most 512 MiB          zero after its end; may be written, is not kept
 *   0xE0000000  the output, at most 512 MiB         zero at the start
 *
 * How a task ends:
 *
 *   exit code 0                       accepted: a stateful app keeps its memory
 *   exit code not 0                   refused: a stateful app's memory is as it was before the task
 *   a fault, or no steps left         the same as refused, with no exit code
 *
 * The exit code and the output are recorded on L1 in all cases (after a fault the output is empty), so
 * a refused task can say why in its output. Undo is free: a program may change its data structures
 * first, and call opt_fail when it finds the task invalid.
 *
 * A stateless app starts every task from the program as deployed. A stateful app starts every task at
 * _start with fresh registers and stack, and with .data, .bss and heap as its last accepted task left
 * them: main runs again, static variables keep their values, initialisers do not run again. Constructors
 * (C++ globals, __attribute__((constructor))) are never run.
 *
 * Link with crt0.S, runtime.c, linux.c, table.c and optimistic.ld (guest.mk has the flags). picolibc is
 * available: string.h, stdlib.h (malloc, qsort, strtol...), printf to stdout and stderr for debugging.
 *
 * The same ELF runs under qemu-riscv64 as a Linux process, for debugging and tests:
 *
 *   qemu-riscv64 app.elf [INPUT-FILE [SENDER [NONCE [NUMBER [TIME [BLOCK]]]]]]
 *
 * with the output on stdout (after whatever the program printed there), no state between runs, the exit
 * code cut to 8 bits, and real faults for wild addresses where the machine wraps them modulo 2^32.
 */
#ifndef OPTIMISTIC_H
#define OPTIMISTIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Task -------------------------------------------------------------------------------------- */

/* What the rollup says about the task being run. Constant for the task; filled in before main. */
struct opt_task {
    uint64_t input_length; /* bytes */
    uint64_t number;       /* of the task in the rollup, counted from 0 */
    uint64_t l1_time;      /* seconds: timestamp of the L1 block that the task's batch refers to */
    uint64_t l1_block;     /* number of that block */
    uint64_t nonce;        /* chosen and signed by the sender; see opt_use_nonce */
    uint8_t sender[24];    /* bytes 0..19: the address that signed the task, or called L1; then zeros */
};
extern struct opt_task opt_task;

#define OPT_ADDRESS_BYTES 20

/* ---- Input ------------------------------------------------------------------------------------- */

#define OPT_INPUT_ADDRESS 0xC0000000UL
#define OPT_OUTPUT_ADDRESS 0xE0000000UL
#define OPT_OUTPUT_MAX_BYTES (512UL << 20)

/* The input: opt_task.input_length bytes, 4096-byte aligned. */
static inline const uint8_t *opt_input(void) { return (const uint8_t *)OPT_INPUT_ADDRESS; }
static inline size_t opt_input_length(void) { return opt_task.input_length; }

/* ---- Output ------------------------------------------------------------------------------------ */

/* Bytes of output so far. The output is opt_output_start()[0 .. opt_output_length - 1]; opt_exit hands
 * the length to the machine. */
extern size_t opt_output_length;

static inline uint8_t *opt_output_start(void) { return (uint8_t *)OPT_OUTPUT_ADDRESS; }

/* Appends length bytes. More than 512 MiB in all ends the task with OPT_EXIT_OUTPUT_FULL. */
void opt_append(const void *bytes, size_t length);

/* Appends value as 8 bytes, little-endian. */
void opt_append_u64(uint64_t value);

/* For output made in place: write at opt_output_next(), then commit the bytes written. */
static inline uint8_t *opt_output_next(void) { return opt_output_start() + opt_output_length; }
void opt_commit(size_t length);

/* Forgets all output so far, and zeroes it: the output's root covers the whole area, so bytes after the
 * length should stay zero, or the root is not that of the output alone. */
void opt_output_reset(void);

/* ---- End of a task ----------------------------------------------------------------------------- */

/* Exit codes of the SDK itself; a program's own codes should be 1..119. */
enum {
    OPT_EXIT_OK = 0,
    OPT_EXIT_OUTPUT_FULL = 120,   /* more than 512 MiB of output */
    OPT_EXIT_OUT_OF_MEMORY = 121, /* opt_table_put could not grow */
    OPT_EXIT_LINUX_INPUT = 122,   /* qemu only: the input file could not be read */
    OPT_EXIT_ABORT = 134,         /* abort(), or assert() that failed */
};

/* Ends the task with this code and the output so far. exit() and returning from main do the same,
 * except that handlers of atexit() run only in exit(). */
_Noreturn void opt_exit(int code);

/* Ends the task as refused: the output becomes the text reason (no terminating zero), code must not
 * be 0. A stateful app's memory is then unchanged, whatever was done to it in this task. */
_Noreturn void opt_fail(int code, const char *reason);

/* ---- Debugging --------------------------------------------------------------------------------- */

/* ECALL 64: shows bytes to whoever runs the program (fd 1 or 2). No effect on the machine but a0 =
 * length, and no part of the output. Returns length. */
long write(int fd, const void *bytes, size_t length);

/* ---- State: addresses to values ---------------------------------------------------------------- */

/* A map from 20-byte addresses to values of one fixed size, for stateful apps: open addressing with
 * linear probing, power-of-two capacity, doubled when more than 3/4 full. Entries are never removed.
 * Its shape depends only on the order of insertions. Declare it static: { .value_bytes = ... }. */
struct opt_table {
    uint32_t value_bytes; /* size of a value, set by the program before first use, then constant */
    uint32_t shift;       /* 64 - log2(capacity) */
    uint64_t count;       /* entries in use */
    uint64_t capacity;    /* slots; 0 before the first put */
    uint8_t *slots;       /* capacity x slot: used (1 byte), address (20), 3 zeros, value (rounded to 8) */
};

/* The value of address, or NULL if there is none. Valid until the next opt_table_put. 8-byte aligned. */
void *opt_table_find(const struct opt_table *table, const uint8_t address[OPT_ADDRESS_BYTES]);

/* The value of address, made of zeros if there was none. Pointers from earlier calls are void when a
 * new entry was made. Ends the task with OPT_EXIT_OUT_OF_MEMORY when the table cannot grow. */
void *opt_table_put(struct opt_table *table, const uint8_t address[OPT_ADDRESS_BYTES]);

/* ---- State: replay protection ------------------------------------------------------------------ */

/* Takes the nonce of this task from its sender: true if it is greater than every nonce taken from the
 * sender before (0 is good for the first), false if it was taken or skipped already.
 *
 * The rollup runs a signed task as often as anyone submits it; what stops a replay is this call, in
 * each task that changes state:
 *
 *     if (!opt_use_nonce())
 *         opt_fail(2, "nonce already used");
 *
 * A refused task takes nothing (its memory is undone), so it can be submitted again as long as no
 * greater nonce was accepted: a sender who gives up a refused task sends another with the same or a
 * greater nonce. Nonces may skip. 2^64 - 1 can be taken, and is the sender's last. */
bool opt_use_nonce(void);

/* ---- Little-endian fields ---------------------------------------------------------------------- */

static inline uint32_t opt_load_u32(const void *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline uint64_t opt_load_u64(const void *at)
{
    uint64_t value;
    memcpy(&value, at, sizeof value);
    return value;
}

static inline void opt_store_u64(void *at, uint64_t value) { memcpy(at, &value, sizeof value); }

#ifdef __cplusplus
}
#endif

#endif
