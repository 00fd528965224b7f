/* states - a state machine of 256 states, each with code and constants of its own, written out by macros: one huge
 * function of straight lines between jumps through a table, as a protocol parser or a generated lexer is. */
#include "checksum.h"

enum { STATES = 256 };

/* Each state reads a byte, stirs four accumulators in a way of its own, and goes on to one of four others. */
#define STATE(n)                                                 \
    case (n):                                                    \
        c = input[at++ & mask];                                  \
        a += (c ^ ((n) * 2654435761u)) + (b >> ((n) % 13 + 1));  \
        if (c & (1 << (n) % 8)) {                                \
            b ^= a << ((n) % 7 + 1) | a >> (32 - ((n) % 7 + 1)); \
            d = d * (2 * (n) + 3) + c;                           \
        } else {                                                 \
            e += d ^ ((n) << 4);                                 \
            b -= (uint32_t)c * ((n) + 17);                       \
        }                                                        \
        counts[((n) * 7 + c) % 64]++;                            \
        if ((a ^ e) & (1u << (n) % 29))                          \
            state = ((n) * 5 + 1 + (c & 3)) % STATES;            \
        else                                                     \
            state = ((n) * 3 + 7 + (b & 1)) % STATES;            \
        break;
#define STATE4(n) STATE(n) STATE(n + 1) STATE(n + 2) STATE(n + 3)
#define STATE16(n) STATE4(n) STATE4(n + 4) STATE4(n + 8) STATE4(n + 12)
#define STATE64(n) STATE16(n) STATE16(n + 16) STATE16(n + 32) STATE16(n + 48)

static uint32_t counts[64];

static uint32_t run(const uint8_t *input, uint32_t mask, uint64_t steps)
{
    uint32_t a = 1, b = 2, d = 3, e = 4, at = 0;
    int state = 0;
    for (; steps; steps--) {
        uint8_t c;
        switch (state) {
            STATE64(0) STATE64(64) STATE64(128) STATE64(192)
        default:
            return 0;
        }
    }
    mix(d);
    mix(e);
    return a ^ b;
}

int main(void)
{
    static uint8_t input[1 << 14];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)(next_random() >> 33);
    uint64_t steps = (uint64_t)SIZE * 1000;
    mix(run(input, sizeof input - 1, steps));
    uint64_t sum = 0;
    for (int i = 0; i < 64; i++) {
        sum += counts[i];
        mix(counts[i]);
    }
    require(sum == steps);
    return finish("states");
}
