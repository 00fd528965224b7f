/* digest - SHA-256 and keccak-256 of the input.
 *
 * Input: any bytes. Output, 64 bytes: SHA-256 (FIPS 180-4), then keccak-256 (the Keccak submission's
 * padding 0x01, as Ethereum uses it, not SHA-3's 0x06). Exit code 0. Stateless.
 */
#include <optimistic.h>

/* ---- SHA-256, FIPS 180-4 ---- */

static const uint32_t sha_constants[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate_right(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t load_big_endian(const uint8_t *at)
{
    return __builtin_bswap32(opt_load_u32(at));
}

static void sha_block(uint32_t state[8], const uint8_t block[64])
{
    uint32_t w[64];
    for (int i = 0; i < 16; i++)
        w[i] = load_big_endian(block + 4 * i);
    for (int i = 16; i < 64; i++) {
        uint32_t s0 = rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ w[i - 15] >> 3;
        uint32_t s1 = rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ w[i - 2] >> 10;
        w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }

    uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
    uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
    for (int i = 0; i < 64; i++) {
        uint32_t s1 = rotate_right(e, 6) ^ rotate_right(e, 11) ^ rotate_right(e, 25);
        uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha_constants[i] + w[i];
        uint32_t s0 = rotate_right(a, 2) ^ rotate_right(a, 13) ^ rotate_right(a, 22);
        uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    state[0] += a, state[1] += b, state[2] += c, state[3] += d;
    state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

static void sha256(const uint8_t *bytes, size_t length, uint8_t digest[32])
{
    uint32_t state[8] = {
        0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    };
    size_t left = length;
    for (; left >= 64; left -= 64, bytes += 64)
        sha_block(state, bytes);

    uint8_t last[128] = { 0 };
    size_t last_bytes = left < 56 ? 64 : 128;
    memcpy(last, bytes, left);
    last[left] = 0x80;
    opt_store_u64(last + last_bytes - 8, __builtin_bswap64(length * 8));
    for (size_t at = 0; at < last_bytes; at += 64)
        sha_block(state, last + at);

    for (int i = 0; i < 8; i++) {
        uint32_t word = __builtin_bswap32(state[i]);
        memcpy(digest + 4 * i, &word, 4);
    }
}

/* ---- keccak-256, The Keccak reference 3.0; rate 136 ---- */

enum { RATE_BYTES = 136 };

static const uint64_t round_constants[24] = {
    0x0000000000000001, 0x0000000000008082, 0x800000000000808a, 0x8000000080008000, 0x000000000000808b,
    0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008a, 0x0000000000000088,
    0x0000000080008009, 0x000000008000000a, 0x000000008000808b, 0x800000000000008b, 0x8000000000008089,
    0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800a, 0x800000008000000a,
    0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008,
};

static uint64_t rotate_left(uint64_t x, int n) { return x << n | x >> (-n & 63); }

static void keccak_f(uint64_t a[25])
{
    /* Where rho and pi send lane 1, 10, 7, ... in turn, and by how much they rotate it. */
    static const uint8_t lane[24] = { 10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1 };
    static const uint8_t turn[24] = { 1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44 };

    for (int round = 0; round < 24; round++) {
        uint64_t c[5];
        for (int x = 0; x < 5; x++)
            c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
        for (int x = 0; x < 5; x++) {
            uint64_t d = c[(x + 4) % 5] ^ rotate_left(c[(x + 1) % 5], 1);
            for (int y = 0; y < 25; y += 5)
                a[y + x] ^= d;
        }

        uint64_t carried = a[1];
        for (int i = 0; i < 24; i++) {
            uint64_t next = a[lane[i]];
            a[lane[i]] = rotate_left(carried, turn[i]);
            carried = next;
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

static void absorb(uint64_t state[25], const uint8_t block[RATE_BYTES])
{
    for (int i = 0; i < RATE_BYTES / 8; i++)
        state[i] ^= opt_load_u64(block + 8 * i);
    keccak_f(state);
}

static void keccak256(const uint8_t *bytes, size_t length, uint8_t digest[32])
{
    uint64_t state[25] = { 0 };
    for (; length >= RATE_BYTES; length -= RATE_BYTES, bytes += RATE_BYTES)
        absorb(state, bytes);

    uint8_t last[RATE_BYTES] = { 0 };
    memcpy(last, bytes, length);
    last[length] = 0x01;
    last[RATE_BYTES - 1] |= 0x80;
    absorb(state, last);
    memcpy(digest, state, 32);
}

int main(void)
{
    uint8_t digests[64];
    sha256(opt_input(), opt_input_length(), digests);
    keccak256(opt_input(), opt_input_length(), digests + 32);
    opt_append(digests, sizeof digests);
    return 0;
}
