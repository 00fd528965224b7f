/* behaviour - ends in every way that a task can end; the first byte of the input chooses.
 *
 *   00  exit 0, output = struct opt_task as bytes (64)
 *   01  exit 7 from main, output "seven"
 *   02  opt_fail(9, "nine") after other output
 *   03  abort()
 *   04  assert() that fails
 *   05  output over 512 MiB
 *   06  illegal instruction (a fault)
 *   07  an endless loop (out of steps)
 *   08  the counters below, each one more than in the last accepted task: .data, .bss, heap; output 3 x u64
 *   09  the same, then exit 1
 *   0a  the same, then EBREAK (a fault)
 *   0b  exit 0 through exit(), with atexit handler; output "handler"
 *   0c  exit 0, output = the input, 4 KiB at a time
 */
#include <optimistic.h>

#include <assert.h>
#include <stdlib.h>

static uint64_t in_data = 100, in_bss, *on_heap;

static void handler(void) { opt_append("handler", 7); }

static void count(void)
{
    if (!on_heap)
        on_heap = calloc(1, sizeof *on_heap);
    in_data++;
    in_bss++;
    ++*on_heap;
    opt_append_u64(in_data);
    opt_append_u64(in_bss);
    opt_append_u64(*on_heap);
}

int main(void)
{
    switch (opt_input_length() ? opt_input()[0] : 0) {
    case 0x00:
        opt_append(&opt_task, sizeof opt_task);
        return 0;
    case 0x01:
        opt_append("seven", 5);
        return 7;
    case 0x02:
        opt_append("forgotten", 9);
        opt_fail(9, "nine");
    case 0x03:
        abort();
    case 0x04:
        assert(opt_input_length() == 0);
        return 0;
    case 0x05:
        opt_append("12345678", 8);
        opt_commit(OPT_OUTPUT_MAX_BYTES - 7);
        return 0;
    case 0x06:
        __asm__ volatile(".half 0");
        return 0;
    case 0x07:
        for (;;)
            __asm__ volatile("");
    case 0x08:
        count();
        return 0;
    case 0x09:
        count();
        return 1;
    case 0x0a:
        count();
        __asm__ volatile("ebreak");
        return 0;
    case 0x0b:
        atexit(handler);
        exit(0);
    case 0x0c:
        for (size_t at = 0; at < opt_input_length(); at += 4096) {
            size_t length = opt_input_length() - at < 4096 ? opt_input_length() - at : 4096;
            memcpy(opt_output_next(), opt_input() + at, length);
            opt_commit(length);
        }
        return 0;
    default:
        opt_fail(2, "unknown behaviour");
    }
}
