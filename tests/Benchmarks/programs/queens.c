/* queens - bit tricks: queens on a board by masks, Conway's life in 64-bit rows, Gray codes, and permutations of bits. */
#include "checksum.h"

static uint64_t place(uint32_t all, uint32_t columns, uint32_t left, uint32_t right)
{
    if (columns == all)
        return 1;
    uint64_t count = 0;
    for (uint32_t free = all & ~(columns | left | right); free;) {
        uint32_t queen = free & -free;
        free ^= queen;
        count += place(all, columns | queen, (left | queen) << 1, (right | queen) >> 1);
    }
    return count;
}

static uint64_t life[64], next[64];

/* Eight neighbours added in bit planes: ones, twos, fours or more. */
static void generation(void)
{
    for (int y = 0; y < 64; y++) {
        uint64_t ones = 0, twos = 0, fours = 0;
        for (int dy = 63; dy <= 65; dy++) {
            uint64_t row = life[(y + dy) & 63];
            uint64_t neighbours[3] = { row << 1 | row >> 63, row >> 1 | row << 63, dy == 64 ? 0 : row };
            for (int i = 0; i < 3; i++) {
                uint64_t carry = ones & neighbours[i];
                ones ^= neighbours[i];
                fours |= twos & carry;
                twos ^= carry;
            }
        }
        next[y] = (ones | life[y]) & twos & ~fours;
    }
    memcpy(life, next, sizeof life);
}

static uint64_t reverse(uint64_t x)
{
    x = (x >> 1 & 0x5555555555555555) | (x & 0x5555555555555555) << 1;
    x = (x >> 2 & 0x3333333333333333) | (x & 0x3333333333333333) << 2;
    x = (x >> 4 & 0x0F0F0F0F0F0F0F0F) | (x & 0x0F0F0F0F0F0F0F0F) << 4;
    return __builtin_bswap64(x);
}

static uint64_t gather(uint64_t x, uint64_t mask)
{
    uint64_t out = 0;
    for (int at = 0; mask; mask &= mask - 1, at++)
        out |= (x >> __builtin_ctzl(mask) & 1) << at;
    return out;
}

int main(void)
{
    require(place(255, 0, 0, 0) == 92);
    mix(place((1u << SIZE) - 1, 0, 0, 0));

    for (int y = 0; y < 64; y++)
        life[y] = next_random();
    for (int turn = 0; turn < SIZE * 300; turn++)
        generation();
    mix_bytes(life, sizeof life);

    uint64_t sum = 0;
    for (uint64_t i = 0; i < SIZE * 5000; i++) {
        uint64_t gray = i ^ i >> 1, x = next_random();
        sum += (uint64_t)__builtin_popcountl(gray) + (reverse(x) >> 40) + gather(x, x >> 17 & 0xF0F0F0F0F0);
        sum ^= (uint64_t)__builtin_clzl(x | 1) << (i & 31);
    }
    mix(sum);
    return finish("queens");
}
