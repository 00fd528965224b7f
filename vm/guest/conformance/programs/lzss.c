/* lzss - compresses text with hash chains over a 4 KiB window, and decompresses it again. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 40000
#endif
#define WINDOW 4096
#define MIN_MATCH 3
#define MAX_MATCH 18
#define MAX_CHAIN 32

static uint8_t text[SIZE], packed[SIZE * 9 / 8 + 16], unpacked[SIZE];
static int32_t head[4096], previous[SIZE];

static void write_text(void)
{
    static const char *const words[] = { "optimistic ", "fraud ", "proof ", "root ", "leaf ", "the ", "a ", "step, ", "and ", "bond.\n" };
    for (size_t at = 0; at < SIZE;) {
        uint64_t range = next_random() % 10 + 1;
        const char *word = words[next_random() % range];
        for (; *word && at < SIZE; word++)
            text[at++] = (uint8_t)*word;
        if (next_random() % 50 == 0 && at < SIZE)
            text[at++] = (uint8_t)next_random();
    }
}

static uint32_t hash_of(const uint8_t *at) { return (at[0] << 8 ^ at[1] << 4 ^ at[2]) & 4095; }

/* Groups of eight: a byte of flags, then for each item a literal, or 12 bits distance and 4 bits length. */
static size_t compress(void)
{
    size_t out = 0, flags = 0;
    int items = 0;
    memset(head, 0xFF, sizeof head);
    for (int32_t at = 0; at < SIZE;) {
        if (items++ % 8 == 0) {
            flags = out++;
            packed[flags] = 0;
        }
        int best_length = 0, best_distance = 0, chain = 0;
        if (at + MIN_MATCH <= SIZE) {
            for (int32_t from = head[hash_of(text + at)]; from >= 0 && at - from < WINDOW && chain < MAX_CHAIN; from = previous[from], chain++) {
                int length = 0;
                while (length < MAX_MATCH && at + length < SIZE && text[from + length] == text[at + length])
                    length++;
                if (length > best_length) {
                    best_length = length;
                    best_distance = at - from;
                }
            }
        }
        int taken = 1;
        if (best_length >= MIN_MATCH) {
            taken = best_length;
            packed[flags] |= (uint8_t)(1 << (items - 1) % 8);
            packed[out++] = (uint8_t)best_distance;
            packed[out++] = (uint8_t)(best_distance >> 8 << 4 | (best_length - MIN_MATCH));
        } else {
            packed[out++] = text[at];
        }
        for (; taken; taken--, at++) {
            if (at + MIN_MATCH <= SIZE) {
                uint32_t hash = hash_of(text + at);
                previous[at] = head[hash];
                head[hash] = at;
            }
        }
    }
    return out;
}

static size_t decompress(size_t length)
{
    size_t out = 0;
    for (size_t in = 0; in < length;) {
        uint8_t flags = packed[in++];
        for (int bit = 0; bit < 8 && in < length; bit++) {
            if (flags >> bit & 1) {
                size_t distance = packed[in] | (size_t)(packed[in + 1] >> 4) << 8;
                size_t count = (packed[in + 1] & 15u) + MIN_MATCH;
                in += 2;
                for (; count; count--, out++)
                    unpacked[out] = unpacked[out - distance];
            } else {
                unpacked[out++] = packed[in++];
            }
        }
    }
    return out;
}

int main(void)
{
    write_text();
    size_t length = compress();
    require(length < SIZE / 2);
    require(decompress(length) == SIZE);
    require(memcmp(text, unpacked, SIZE) == 0);
    mix(length);
    mix_bytes(packed, length);
    return finish("lzss");
}
