/* matrix - products and an inverse over the field of integers modulo a 61-bit prime: A * A^-1 = I. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 32
#endif
#define PRIME ((1ul << 61) - 1)

typedef uint64_t matrix[SIZE][SIZE];

static uint64_t multiply(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t sum = (uint64_t)(product & PRIME) + (uint64_t)(product >> 61);
    return sum >= PRIME ? sum - PRIME : sum;
}

static uint64_t subtract(uint64_t a, uint64_t b) { return a >= b ? a - b : a + PRIME - b; }

static uint64_t inverse(uint64_t a)
{
    uint64_t result = 1;
    for (uint64_t exponent = PRIME - 2; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = multiply(result, a);
        a = multiply(a, a);
    }
    return result;
}

static void product(matrix out, const matrix a, const matrix b)
{
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            uint64_t sum = 0;
            for (int k = 0; k < SIZE; k++)
                sum = (sum + multiply(a[i][k], b[k][j])) % PRIME;
            out[i][j] = sum;
        }
    }
}

/* Gauss-Jordan; false when the matrix is singular. */
static int invert(matrix a, matrix out)
{
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++)
            out[i][j] = i == j;
    }
    for (int column = 0; column < SIZE; column++) {
        int pivot = column;
        while (pivot < SIZE && !a[pivot][column])
            pivot++;
        if (pivot == SIZE)
            return 0;
        uint64_t scale = inverse(a[pivot][column]);
        for (int j = 0; j < SIZE; j++) {
            uint64_t left = multiply(a[pivot][j], scale), right = multiply(out[pivot][j], scale);
            a[pivot][j] = a[column][j];
            out[pivot][j] = out[column][j];
            a[column][j] = left;
            out[column][j] = right;
        }
        for (int i = 0; i < SIZE; i++) {
            uint64_t factor = a[i][column];
            if (i == column || !factor)
                continue;
            for (int j = 0; j < SIZE; j++) {
                a[i][j] = subtract(a[i][j], multiply(factor, a[column][j]));
                out[i][j] = subtract(out[i][j], multiply(factor, out[column][j]));
            }
        }
    }
    return 1;
}

int main(void)
{
    static matrix a, work, inverted, identity;
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++)
            a[i][j] = next_random() % PRIME;
    }
    a[0][0] = 0; /* needs a row swap */
    memcpy(work, a, sizeof a);
    require(invert(work, inverted));
    product(identity, a, inverted);
    for (int i = 0; i < SIZE; i++) {
        for (int j = 0; j < SIZE; j++) {
            require(identity[i][j] == (i == j));
            mix(inverted[i][j]);
        }
    }
    product(work, a, a);
    mix_bytes(work, sizeof work);
    return finish("matrix");
}
