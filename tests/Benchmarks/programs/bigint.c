/* bigint - numbers of many 64-bit limbs: Montgomery powers modulo 2^1279 - 1 and of 2048 bits, Karatsuba products, and
 * the digits of 2^n by division. */
#include "checksum.h"

typedef unsigned __int128 wide;

enum { LIMBS = 32, LONG = 256 };

/* out[0..2n) = a * b */
static void multiply(uint64_t *restrict out, const uint64_t *a, const uint64_t *b, int n)
{
    memset(out, 0, 16 * (size_t)n);
    for (int i = 0; i < n; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < n; j++) {
            wide t = (wide)a[i] * b[j] + out[i + j] + carry;
            out[i + j] = (uint64_t)t;
            carry = (uint64_t)(t >> 64);
        }
        out[i + n] = carry;
    }
}

static uint64_t add(uint64_t *a, const uint64_t *b, int n)
{
    uint64_t carry = 0;
    for (int i = 0; i < n; i++) {
        wide t = (wide)a[i] + b[i] + carry;
        a[i] = (uint64_t)t;
        carry = (uint64_t)(t >> 64);
    }
    return carry;
}

static uint64_t subtract(uint64_t *a, const uint64_t *b, int n)
{
    uint64_t borrow = 0;
    for (int i = 0; i < n; i++) {
        uint64_t left = a[i] - b[i], borrowed = a[i] < b[i];
        a[i] = left - borrow;
        borrow = borrowed | (left < borrow);
    }
    return borrow;
}

/* Karatsuba down to 16 limbs; work has 4n limbs. */
static void karatsuba(uint64_t *out, const uint64_t *a, const uint64_t *b, int n, uint64_t *work)
{
    if (n <= 16) {
        multiply(out, a, b, n);
        return;
    }
    int h = n / 2;
    uint64_t *sa = work, *sb = work + h, *middle = work + n, *deeper = work + 2 * n + 2;
    memcpy(sa, a, 8 * (size_t)h);
    memcpy(sb, b, 8 * (size_t)h);
    uint64_t ca = add(sa, a + h, h), cb = add(sb, b + h, h);
    karatsuba(middle, sa, sb, h, deeper);
    uint64_t top = ca & cb;
    if (ca)
        top += add(middle + h, sb, h);
    if (cb)
        top += add(middle + h, sa, h);
    karatsuba(out, a, b, h, deeper);
    karatsuba(out + n, a + h, b + h, h, deeper);
    top -= subtract(middle, out, n);
    top -= subtract(middle, out + n, n);
    uint64_t carry = add(out + h, middle, n) + top;
    for (int i = h + n; carry && i < 2 * n; i++) {
        out[i] += carry;
        carry = out[i] < carry;
    }
}

/* a := a * b / 2^(64 n) mod m, with inverse = -1/m mod 2^64 */
static void montgomery(uint64_t *a, const uint64_t *b, const uint64_t *m, uint64_t inverse, int n)
{
    uint64_t t[LIMBS + 2] = { 0 };
    for (int i = 0; i < n; i++) {
        uint64_t carry = 0;
        for (int j = 0; j < n; j++) {
            wide sum = (wide)a[i] * b[j] + t[j] + carry;
            t[j] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        wide high = (wide)t[n] + carry;
        t[n] = (uint64_t)high;
        t[n + 1] = (uint64_t)(high >> 64);
        uint64_t q = t[0] * inverse;
        carry = (uint64_t)(((wide)q * m[0] + t[0]) >> 64);
        for (int j = 1; j < n; j++) {
            wide sum = (wide)q * m[j] + t[j] + carry;
            t[j - 1] = (uint64_t)sum;
            carry = (uint64_t)(sum >> 64);
        }
        high = (wide)t[n] + carry;
        t[n - 1] = (uint64_t)high;
        t[n] = t[n + 1] + (uint64_t)(high >> 64);
    }
    memcpy(a, t, 8 * (size_t)n);
    if (t[n])
        subtract(a, m, n);
    else if (!subtract(t, m, n))
        memcpy(a, t, 8 * (size_t)n);
}

/* base^exponent mod m in Montgomery form and out of it; m is odd. */
static void power(uint64_t *result, const uint64_t *base, const uint64_t *exponent, int bits, const uint64_t *m, int n)
{
    uint64_t inverse = 1, one[LIMBS] = { 1 }, form[LIMBS], square[LIMBS];
    for (int i = 0; i < 6; i++)
        inverse *= 2 - m[0] * inverse;
    inverse = -inverse;
    /* times 2^(64 n), by doubling */
    for (int turn = 0; turn < 2; turn++) {
        uint64_t *out = turn ? form : result;
        memcpy(out, turn ? base : one, 8 * (size_t)n);
        for (int i = 0; i < 64 * n; i++) {
            uint64_t twice[LIMBS];
            memcpy(twice, out, 8 * (size_t)n);
            uint64_t carry = add(out, twice, n);
            memcpy(twice, out, 8 * (size_t)n);
            if (subtract(twice, m, n) == 0 || carry)
                memcpy(out, twice, 8 * (size_t)n);
        }
    }
    for (int bit = bits; bit-- > 0;) {
        memcpy(square, result, 8 * (size_t)n);
        montgomery(result, square, m, inverse, n);
        if (exponent[bit / 64] >> bit % 64 & 1)
            montgomery(result, form, m, inverse, n);
    }
    montgomery(result, one, m, inverse, n);
}

/* Fermat: 3^(p-1) = 1 mod p for p = 2^1279 - 1. */
static void test_mersenne(void)
{
    uint64_t p[LIMBS], exponent[LIMBS], base[LIMBS] = { 3 }, result[LIMBS], one[LIMBS] = { 1 };
    memset(p, 0xFF, 160);
    p[19] >>= 1;
    memcpy(exponent, p, sizeof p);
    exponent[0] &= ~1ul;
    power(result, base, exponent, 1279, p, 20);
    require(memcmp(result, one, 160) == 0);
}

static void test_products(void)
{
    static uint64_t a[LONG], b[LONG], first[2 * LONG], second[2 * LONG], work[8 * LONG];
    for (int i = 0; i < LONG; i++) {
        a[i] = next_random();
        b[i] = next_random();
    }
    karatsuba(first, a, b, LONG, work);
    multiply(second, a, b, LONG);
    require(memcmp(first, second, sizeof first) == 0);
    mix_bytes(first, 64);
}

static void test_digits(int exponent)
{
    static uint64_t number[LONG];
    memset(number, 0, sizeof number);
    number[exponent / 64] = 1ul << exponent % 64;
    int length = exponent / 64 + 1;
    while (length) {
        uint64_t rest = 0;
        for (int i = length; i-- > 0;) {
            /* two halves, so that no division is wider than 64 bits */
            uint64_t high = rest << 32 | number[i] >> 32, low = (high % 1000000000) << 32 | (number[i] & 0xFFFFFFFF);
            number[i] = (high / 1000000000) << 32 | low / 1000000000;
            rest = low % 1000000000;
        }
        mix(rest);
        if (!number[length - 1])
            length--;
    }
}

int main(void)
{
    test_mersenne();
    for (int turn = 0; turn < SIZE; turn++) {
        uint64_t base[LIMBS], exponent[LIMBS], m[LIMBS], result[LIMBS];
        for (int i = 0; i < LIMBS; i++) {
            base[i] = next_random();
            exponent[i] = next_random();
            m[i] = next_random();
        }
        m[0] |= 1;
        m[LIMBS - 1] |= 1ul << 63;
        base[LIMBS - 1] &= ~(1ul << 63);
        power(result, base, exponent, 256, m, LIMBS);
        mix_bytes(result, sizeof result);
        test_products();
        test_products();
        test_products();
        test_digits(3000 + turn % 64);
    }
    return finish("bigint");
}
