/* bignum - a factorial, Fibonacci numbers and modular powers in multiple precision. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 300
#endif
#define LIMBS 64

typedef unsigned __int128 wide;

/* ---- Base 10^9, for decimal digits ---- */

static uint32_t decimal[SIZE];

static int factorial_digit_sum(int n)
{
    int limbs = 1, sum = 0;
    decimal[0] = 1;
    for (uint32_t factor = 2; factor <= (uint32_t)n; factor++) {
        uint64_t carry = 0;
        for (int i = 0; i < limbs; i++) {
            carry += (uint64_t)decimal[i] * factor;
            decimal[i] = (uint32_t)(carry % 1000000000);
            carry /= 1000000000;
        }
        if (carry)
            decimal[limbs++] = (uint32_t)carry;
    }
    for (int i = 0; i < limbs; i++) {
        for (uint32_t left = decimal[i]; left; left /= 10)
            sum += (int)(left % 10);
    }
    return sum;
}

/* ---- Base 2^64 ---- */

static uint64_t add(uint64_t *a, const uint64_t *b, int limbs)
{
    uint64_t carry = 0;
    for (int i = 0; i < limbs; i++) {
        wide sum = (wide)a[i] + b[i] + carry;
        a[i] = (uint64_t)sum;
        carry = (uint64_t)(sum >> 64);
    }
    return carry;
}

static uint64_t subtract(uint64_t *a, const uint64_t *b, int limbs)
{
    uint64_t borrow = 0;
    for (int i = 0; i < limbs; i++) {
        wide difference = (wide)a[i] - b[i] - borrow;
        a[i] = (uint64_t)difference;
        borrow = (uint64_t)(difference >> 64) & 1;
    }
    return borrow;
}

static uint64_t remainder_small(const uint64_t *a, int limbs, uint64_t divisor)
{
    wide left = 0;
    for (int i = limbs; i-- > 0;)
        left = (left << 64 | a[i]) % divisor;
    return (uint64_t)left;
}

/* Montgomery: a := a * b / 2^(64 limbs) mod m, m odd, inverse = -1/m mod 2^64. */
static void montgomery(uint64_t *a, const uint64_t *b, const uint64_t *m, uint64_t inverse, int limbs)
{
    uint64_t t[LIMBS + 2] = { 0 };
    for (int i = 0; i < limbs; i++) {
        wide carry = 0;
        for (int j = 0; j < limbs; j++) {
            carry += (wide)a[i] * b[j] + t[j];
            t[j] = (uint64_t)carry;
            carry >>= 64;
        }
        carry += t[limbs];
        t[limbs] = (uint64_t)carry;
        t[limbs + 1] = (uint64_t)(carry >> 64);

        uint64_t q = t[0] * inverse;
        carry = ((wide)q * m[0] + t[0]) >> 64;
        for (int j = 1; j < limbs; j++) {
            carry += (wide)q * m[j] + t[j];
            t[j - 1] = (uint64_t)carry;
            carry >>= 64;
        }
        carry += t[limbs];
        t[limbs - 1] = (uint64_t)carry;
        t[limbs] = t[limbs + 1] + (uint64_t)(carry >> 64);
    }
    memcpy(a, t, (size_t)limbs * 8);
    if (t[limbs] || !subtract(t, m, limbs))
        subtract(a, m, limbs);
}

/* Fermat: 3^(p-1) = 1 mod p for p = 2^521 - 1. */
static int mersenne_521_passes(void)
{
    enum { N = 9 };
    uint64_t p[N], power[N] = { 3 }, base[N];
    memset(p, 0xFF, sizeof p);
    p[N - 1] = 0x1FF;
    uint64_t inverse = 1; /* p = -1 mod 2^64, so -1/p = 1 */

    /* Into Montgomery form, times 2^576, by doubling. */
    for (int i = 0; i < 64 * N; i++) {
        uint64_t twice[N];
        memcpy(twice, power, sizeof power);
        add(power, twice, N);
        memcpy(twice, power, sizeof power);
        if (!subtract(twice, p, N))
            memcpy(power, twice, sizeof power);
    }
    memcpy(base, power, sizeof power);

    /* p - 1 is 520 ones and a zero: square and multiply, then square. */
    for (int i = 0; i < 519; i++) {
        uint64_t copy[N];
        memcpy(copy, power, sizeof power);
        montgomery(power, copy, p, inverse, N);
        montgomery(power, base, p, inverse, N);
    }
    uint64_t copy[N];
    memcpy(copy, power, sizeof power);
    montgomery(power, copy, p, inverse, N);

    uint64_t one[N] = { 1 };
    montgomery(power, one, p, inverse, N);
    mix_bytes(power, sizeof power);
    return memcmp(power, one, sizeof one) == 0;
}

int main(void)
{
    require(factorial_digit_sum(100) == 648);
    memset(decimal, 0, sizeof decimal);
    mix((uint64_t)factorial_digit_sum(SIZE));

    static uint64_t a[LIMBS], b[LIMBS] = { 1 };
    for (int i = 0; i < SIZE * 10 / 2; i++) {
        require(!add(a, b, LIMBS));
        require(!add(b, a, LIMBS));
        if (i == 44)
            require(a[0] == 2880067194370816120); /* F(90) */
    }
    mix_bytes(a, sizeof a);
    mix(remainder_small(a, LIMBS, 1000000007));
    require(mersenne_521_passes());
    return finish("bignum");
}
