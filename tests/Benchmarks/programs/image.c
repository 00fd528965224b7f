/* image - the inner work of a picture codec in integers: 8x8 cosine transforms, quantisation, zigzag and run lengths with
 * variable-length codes, decoded again; then a blur and an edge filter over the result. */
#include "checksum.h"

enum { WIDTH = 256, HEIGHT = 256, SHIFT = 11 };

static uint8_t picture[HEIGHT][WIDTH], decoded[HEIGHT][WIDTH], filtered[HEIGHT][WIDTH];
static uint8_t stream[WIDTH * HEIGHT * 2];
static uint32_t bit_buffer;
static int bit_count;
static size_t stream_length, stream_at;

/* round(2^11 cos(k pi / 16)), scaled by 1/sqrt(2) for k = 4 rows of the even part */
static const int16_t cosine[8] = { 1448, 2009, 1892, 1703, 1448, 1138, 784, 400 };

static uint8_t zigzag[64];
static int16_t basis[8][8];

static void make_tables(void)
{
    int x = 0, y = 0;
    for (int i = 0; i < 64; i++) {
        zigzag[i] = (uint8_t)(y * 8 + x);
        if ((x + y) % 2 == 0) {
            if (x == 7)
                y++;
            else if (y == 0)
                x++;
            else {
                x++;
                y--;
            }
        } else {
            if (y == 7)
                x++;
            else if (x == 0)
                y++;
            else {
                x--;
                y++;
            }
        }
    }
    /* basis[u][x] = c(u) cos((2x + 1) u pi / 16), by symmetry from the eight values */
    for (int u = 0; u < 8; u++) {
        for (int i = 0; i < 8; i++) {
            int angle = (2 * i + 1) * u % 32, negative = 0;
            if (angle > 16)
                angle = 32 - angle;
            if (angle > 8) {
                angle = 16 - angle;
                negative = 1;
            }
            int value = u == 0 ? cosine[0] : angle == 8 ? 0 : cosine[angle];
            basis[u][i] = (int16_t)(negative ? -value : value);
        }
    }
}

static int32_t rounded(int64_t value, int shift) { return (int32_t)((value + (1 << (shift - 1))) >> shift); }

static void transform(int32_t block[64])
{
    int32_t rows[64];
    for (int y = 0; y < 8; y++) {
        for (int u = 0; u < 8; u++) {
            int32_t sum = 0;
            for (int x = 0; x < 8; x++)
                sum += block[y * 8 + x] * basis[u][x];
            rows[y * 8 + u] = rounded(sum, SHIFT - 2);
        }
    }
    for (int u = 0; u < 8; u++) {
        for (int v = 0; v < 8; v++) {
            int32_t sum = 0;
            for (int y = 0; y < 8; y++)
                sum += rows[y * 8 + u] * basis[v][y];
            block[v * 8 + u] = rounded(sum, SHIFT + 4);
        }
    }
}

static void inverse(int32_t block[64])
{
    int32_t columns[64];
    for (int u = 0; u < 8; u++) {
        for (int y = 0; y < 8; y++) {
            int32_t sum = 0;
            for (int v = 0; v < 8; v++)
                sum += block[v * 8 + u] * basis[v][y];
            columns[y * 8 + u] = rounded(sum, SHIFT - 2);
        }
    }
    for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 8; x++) {
            int32_t sum = 0;
            for (int u = 0; u < 8; u++)
                sum += columns[y * 8 + u] * basis[u][x];
            block[y * 8 + x] = rounded(sum, SHIFT + 4);
        }
    }
}

static void put_bits(uint32_t value, int count)
{
    bit_buffer = bit_buffer << count | value;
    bit_count += count;
    while (bit_count >= 8) {
        bit_count -= 8;
        stream[stream_length++] = (uint8_t)(bit_buffer >> bit_count);
    }
}

static uint32_t get_bits(int count)
{
    while (bit_count < count) {
        bit_buffer = bit_buffer << 8 | stream[stream_at++];
        bit_count += 8;
    }
    bit_count -= count;
    return bit_buffer >> bit_count & ((1u << count) - 1);
}

static int step_of(int i) { return 3 + i / 8 + i % 8; }

/* Six bits of run, 63 for the end, four bits of length, the value as in JPEG: negative ones less by one. */
static void encode(const int32_t block[64])
{
    int run = 0;
    for (int i = 0; i < 64; i++) {
        int32_t value = block[zigzag[i]] / step_of(zigzag[i]);
        if (!value) {
            run++;
            continue;
        }
        uint32_t size = (uint32_t)value & 0x80000000u ? (uint32_t)-value : (uint32_t)value;
        int length = 32 - __builtin_clz(size);
        put_bits((uint32_t)run, 6);
        put_bits((uint32_t)length, 4);
        put_bits((uint32_t)(value < 0 ? value + (1 << length) - 1 : value), length);
        run = 0;
    }
    put_bits(63, 6);
}

static void decode(int32_t block[64])
{
    memset(block, 0, 64 * sizeof *block);
    for (int i = 0; i < 64; i++) {
        uint32_t run = get_bits(6);
        if (run == 63)
            return;
        i += (int)run;
        int length = (int)get_bits(4);
        int32_t value = (int32_t)get_bits(length);
        if (value < 1 << (length - 1))
            value -= (1 << length) - 1;
        block[zigzag[i]] = value * step_of(zigzag[i]);
    }
    require(get_bits(6) == 63);
}

static void filter(void)
{
    for (int y = 1; y < HEIGHT - 1; y++) {
        for (int x = 1; x < WIDTH - 1; x++) {
            int sum = 0;
            for (int dy = -1; dy <= 1; dy++) {
                for (int dx = -1; dx <= 1; dx++)
                    sum += decoded[y + dy][x + dx] << (2 - (dx != 0) - (dy != 0));
            }
            filtered[y][x] = (uint8_t)(sum >> 4);
        }
    }
    for (int y = 1; y < HEIGHT - 1; y++) {
        for (int x = 1; x < WIDTH - 1; x++) {
            int across = filtered[y][x + 1] - filtered[y][x - 1], down = filtered[y + 1][x] - filtered[y - 1][x];
            int edge = (across < 0 ? -across : across) + (down < 0 ? -down : down);
            decoded[y][x] = (uint8_t)(edge > 255 ? 255 : edge);
        }
    }
}

int main(void)
{
    make_tables();
    for (int turn = 0; turn < SIZE; turn++) {
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++)
                picture[y][x] = (uint8_t)((x * (turn + 3) + y * 5) / 8 + ((x ^ y) & 16) + (next_random() >> 61));
        }
        stream_length = stream_at = 0;
        bit_count = 0;
        int32_t block[64];
        for (int at = 0; at < WIDTH * HEIGHT / 64; at++) {
            for (int i = 0; i < 64; i++)
                block[i] = picture[at / (WIDTH / 8) * 8 + i / 8][at % (WIDTH / 8) * 8 + i % 8] - 128;
            transform(block);
            encode(block);
        }
        put_bits(0, 7);
        bit_count = 0;
        uint64_t error = 0;
        for (int at = 0; at < WIDTH * HEIGHT / 64; at++) {
            decode(block);
            inverse(block);
            for (int i = 0; i < 64; i++) {
                int y = at / (WIDTH / 8) * 8 + i / 8, x = at % (WIDTH / 8) * 8 + i % 8, value = block[i] + 128;
                decoded[y][x] = (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
                int difference = decoded[y][x] - picture[y][x];
                error += (uint64_t)(difference * difference);
            }
        }
        require(error / (WIDTH * HEIGHT) < 100);
        mix(error);
        mix(stream_length);
        filter();
        for (int y = 0; y < HEIGHT; y += 16)
            mix_bytes(decoded[y], WIDTH);
    }
    return finish("image");
}
