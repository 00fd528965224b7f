/* aes - AES-128 with tables made at the start (FIPS 197): the standard's example, then counter mode. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 48000
#endif

static uint8_t sbox[256];
static uint32_t tables[4][256];
static uint32_t round_keys[44];

static uint8_t twice(uint8_t x) { return (uint8_t)(x << 1 ^ (x & 0x80 ? 0x1B : 0)); }

static void make_tables(void)
{
    uint8_t p = 1, q = 1; /* q = 1 / p throughout, for every p but 0 */
    do {
        p = (uint8_t)(p ^ twice(p));
        q ^= (uint8_t)(q << 1);
        q ^= (uint8_t)(q << 2);
        q ^= (uint8_t)(q << 4);
        if (q & 0x80)
            q ^= 0x09;
        uint8_t x = q;
        for (int i = 1; i < 5; i++)
            x ^= (uint8_t)(q << i | q >> (8 - i));
        sbox[p] = x ^ 0x63;
    } while (p != 1);
    sbox[0] = 0x63;
    for (int i = 0; i < 256; i++) {
        uint32_t s = sbox[i], s2 = twice(sbox[i]);
        uint32_t word = s2 << 24 | s << 16 | s << 8 | (s2 ^ s);
        for (int t = 0; t < 4; t++, word = word >> 8 | word << 24)
            tables[t][i] = word;
    }
}

static uint32_t load(const uint8_t *at) { return (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3]; }

static uint32_t substitute(uint32_t w)
{
    return (uint32_t)sbox[w >> 24] << 24 | sbox[w >> 16 & 255] << 16 | sbox[w >> 8 & 255] << 8 | sbox[w & 255];
}

static void expand_key(const uint8_t key[16])
{
    uint8_t constant = 1;
    for (int i = 0; i < 44; i++) {
        if (i < 4) {
            round_keys[i] = load(key + 4 * i);
            continue;
        }
        uint32_t word = round_keys[i - 1];
        if (i % 4 == 0) {
            word = substitute(word << 8 | word >> 24) ^ (uint32_t)constant << 24;
            constant = twice(constant);
        }
        round_keys[i] = round_keys[i - 4] ^ word;
    }
}

static void encrypt(const uint8_t in[16], uint8_t out[16])
{
    uint32_t s[4], t[4];
    for (int i = 0; i < 4; i++)
        s[i] = load(in + 4 * i) ^ round_keys[i];
    for (int round = 1; round < 10; round++) {
        for (int i = 0; i < 4; i++)
            t[i] = tables[0][s[i] >> 24] ^ tables[1][s[(i + 1) % 4] >> 16 & 255] ^ tables[2][s[(i + 2) % 4] >> 8 & 255]
                ^ tables[3][s[(i + 3) % 4] & 255] ^ round_keys[4 * round + i];
        memcpy(s, t, sizeof s);
    }
    for (int i = 0; i < 4; i++) {
        uint32_t mixed = (s[i] & 0xFF000000u) | (s[(i + 1) % 4] & 0xFF0000) | (s[(i + 2) % 4] & 0xFF00) | (s[(i + 3) % 4] & 0xFF);
        uint32_t word = substitute(mixed) ^ round_keys[40 + i];
        for (int byte = 0; byte < 4; byte++)
            out[4 * i + byte] = (uint8_t)(word >> (24 - 8 * byte));
    }
}

int main(void)
{
    make_tables();
    uint8_t key[16], block[16], out[16];
    static const uint8_t expected[16] = { 0x69, 0xC4, 0xE0, 0xD8, 0x6A, 0x7B, 0x04, 0x30, 0xD8, 0xCD, 0xB7, 0x80, 0x70, 0xB4, 0xC5, 0x5A };
    for (int i = 0; i < 16; i++) {
        key[i] = (uint8_t)i;
        block[i] = (uint8_t)(i * 0x11);
    }
    expand_key(key);
    encrypt(block, out);
    require(memcmp(out, expected, 16) == 0); /* FIPS 197, C.1 */

    memset(block, 0, 16);
    for (uint32_t counter = 0; counter < SIZE / 16; counter++) {
        memcpy(block, &counter, 4);
        encrypt(block, out);
        for (int i = 0; i < 16; i += 8) {
            uint64_t half;
            memcpy(&half, out + i, 8);
            mix(half ^ next_random());
        }
    }
    return finish("aes");
}
