/* keccak - the keccak-f[1600] permutation as a sponge, written with loops, and unrolled by the lane. */
#include "checksum.h"

static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B, 0x0000000080000001,
    0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
    0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003, 0x8000000000008002, 0x8000000000000080,
    0x000000000000800A, 0x800000008000000A, 0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static inline uint64_t left(uint64_t x, int n) { return n ? x << n | x >> (64 - n) : x; }

static void permute_loops(uint64_t a[25])
{
    static const uint8_t rotations[24] = { 1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44 };
    static const uint8_t places[24] = { 10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1 };
    for (int round = 0; round < 24; round++) {
        uint64_t c[5];
        for (int x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ left(c[(x + 1) % 5], 1);
            for (int y = 0; y < 25; y += 5)
                a[y + x] ^= d;
        }
        uint64_t moved = a[1];
        for (int i = 0; i < 24; i++) {
            uint64_t next = a[places[i]];
            a[places[i]] = left(moved, rotations[i]);
            moved = next;
        }
        for (int y = 0; y < 25; y += 5) {
            for (int x = 0; x < 5; x++)
                c[x] = a[y + x];
            for (int x = 0; x < 5; x++)
                a[y + x] = c[x] ^ (~c[(x + 1) % 5] & c[(x + 2) % 5]);
        }
        a[0] ^= round_constants[round];
    }
}

#define COLUMN(x) (a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20])
#define ROW(y, l0, r0, l1, r1, l2, r2, l3, r3, l4, r4)                                                                      \
    do {                                                                                                                    \
        uint64_t b0 = left(a[l0] ^ d[l0 % 5], r0), b1 = left(a[l1] ^ d[l1 % 5], r1), b2 = left(a[l2] ^ d[l2 % 5], r2);      \
        uint64_t b3 = left(a[l3] ^ d[l3 % 5], r3), b4 = left(a[l4] ^ d[l4 % 5], r4);                                        \
        e[y] = b0 ^ (~b1 & b2), e[y + 1] = b1 ^ (~b2 & b3), e[y + 2] = b2 ^ (~b3 & b4), e[y + 3] = b3 ^ (~b4 & b0);          \
        e[y + 4] = b4 ^ (~b0 & b1);                                                                                         \
    } while (0)

static inline void round_unrolled(uint64_t *restrict e, const uint64_t *restrict a, uint64_t constant)
{
    uint64_t c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3), c4 = COLUMN(4);
    uint64_t d[5] = { c4 ^ left(c1, 1), c0 ^ left(c2, 1), c1 ^ left(c3, 1), c2 ^ left(c4, 1), c3 ^ left(c0, 1) };
    ROW(0, 0, 0, 6, 44, 12, 43, 18, 21, 24, 14);
    e[0] ^= constant;
    ROW(5, 3, 28, 9, 20, 10, 3, 16, 45, 22, 61);
    ROW(10, 1, 1, 7, 6, 13, 25, 19, 8, 20, 18);
    ROW(15, 4, 27, 5, 36, 11, 10, 17, 15, 23, 56);
    ROW(20, 2, 62, 8, 55, 14, 39, 15, 41, 21, 2);
}

static void permute_unrolled(uint64_t a[25])
{
    uint64_t e[25];
    for (int round = 0; round < 24; round += 2) {
        round_unrolled(e, a, round_constants[round]);
        round_unrolled(a, e, round_constants[round + 1]);
    }
}

int main(void)
{
    uint64_t first[25] = { 0 }, second[25] = { 0 };
    permute_unrolled(first);
    require(first[0] == 0xF1258F7940E1DDE7 && first[24] == 0xEAF1FF7B5CECA249); /* keccak team, test vectors */

    memset(first, 0, sizeof first);
    for (int block = 0; block < SIZE; block++) {
        for (int i = 0; i < 17; i++)
            first[i] ^= next_random();
        memcpy(second, first, sizeof first);
        permute_unrolled(first);
        if (block % 4 == 0) {
            permute_loops(second);
            require(memcmp(first, second, sizeof first) == 0);
        }
    }
    mix_bytes(first, sizeof first);
    return finish("keccak");
}
