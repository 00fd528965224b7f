/* neural - a convolutional network in 8-bit integers: two layers of 3x3 convolution with pooling and two dense layers, with
 * requantisation by multiply and shift as in integer inference libraries, and saturation. */
#include "checksum.h"

enum { WIDTH = 28, C1 = 8, C2 = 16, HIDDEN = 64, CLASSES = 10 };

static int8_t image[WIDTH][WIDTH], kernel1[C1][1][3][3], kernel2[C2][C1][3][3];
static int8_t dense1[HIDDEN][C2 * 5 * 5], dense2[CLASSES][HIDDEN];
static int32_t bias1[C1], bias2[C2], bias3[HIDDEN];
static int8_t map1[C1][13][13], map2[C2][5][5], hidden[HIDDEN];

static void fill(int8_t *at, size_t count)
{
    for (size_t i = 0; i < count; i++)
        at[i] = (int8_t)(next_random() >> 56);
}

static int8_t requantise(int32_t sum, int32_t multiplier, int shift)
{
    int64_t scaled = ((int64_t)sum * multiplier + ((int64_t)1 << (shift - 1))) >> shift;
    return (int8_t)(scaled < 0 ? 0 : scaled > 127 ? 127 : scaled); /* ReLU and saturation */
}

static int32_t convolve1(int channel, int y, int x)
{
    int32_t sum = bias1[channel];
    for (int ky = 0; ky < 3; ky++) {
        for (int kx = 0; kx < 3; kx++)
            sum += image[y + ky][x + kx] * kernel1[channel][0][ky][kx];
    }
    return sum;
}

static int32_t convolve2(int channel, int y, int x)
{
    int32_t sum = bias2[channel];
    for (int in = 0; in < C1; in++) {
        for (int ky = 0; ky < 3; ky++) {
            for (int kx = 0; kx < 3; kx++)
                sum += map1[in][y + ky][x + kx] * kernel2[channel][in][ky][kx];
        }
    }
    return sum;
}

static int32_t largest(int32_t a, int32_t b, int32_t c, int32_t d)
{
    int32_t ab = a > b ? a : b, cd = c > d ? c : d;
    return ab > cd ? ab : cd;
}

static int32_t dot(const int8_t *a, const int8_t *b, int count)
{
    int32_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += a[i] * b[i];
    return sum;
}

static int classify(int32_t scores[CLASSES])
{
    for (int c = 0; c < C1; c++) {
        for (int y = 0; y < 13; y++) {
            for (int x = 0; x < 13; x++)
                map1[c][y][x] = requantise(largest(convolve1(c, 2 * y, 2 * x), convolve1(c, 2 * y, 2 * x + 1), convolve1(c, 2 * y + 1, 2 * x), convolve1(c, 2 * y + 1, 2 * x + 1)), 1518500250, 41);
        }
    }
    for (int c = 0; c < C2; c++) {
        for (int y = 0; y < 5; y++) {
            for (int x = 0; x < 5; x++)
                map2[c][y][x] = requantise(largest(convolve2(c, 2 * y, 2 * x), convolve2(c, 2 * y, 2 * x + 1), convolve2(c, 2 * y + 1, 2 * x), convolve2(c, 2 * y + 1, 2 * x + 1)), 1324354657, 42);
        }
    }
    for (int i = 0; i < HIDDEN; i++)
        hidden[i] = requantise(bias3[i] + dot(&map2[0][0][0], dense1[i], C2 * 5 * 5), 1987654321, 43);
    int best = 0;
    for (int i = 0; i < CLASSES; i++) {
        scores[i] = dot(hidden, dense2[i], HIDDEN);
        if (scores[i] > scores[best])
            best = i;
    }
    return best;
}

int main(void)
{
    fill(&kernel1[0][0][0][0], sizeof kernel1);
    fill(&kernel2[0][0][0][0], sizeof kernel2);
    fill(&dense1[0][0], sizeof dense1);
    fill(&dense2[0][0], sizeof dense2);
    for (int i = 0; i < HIDDEN; i++) {
        bias1[i % C1] = (int32_t)(next_random() >> 52);
        bias2[i % C2] = (int32_t)(next_random() >> 52);
        bias3[i] = (int32_t)(next_random() >> 52);
    }
    int32_t scores[CLASSES];
    for (int n = 0; n < SIZE; n++) {
        fill(&image[0][0], sizeof image);
        mix((uint64_t)classify(scores));
        mix_bytes(scores, sizeof scores);
    }
    return finish("neural");
}
