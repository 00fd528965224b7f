/* checksum.h - what the compute programs share: numbers to work on, and one line to print.
 *
 * Each program prints "name checksum\n" with write(1, ...) and exits with 0; it exits with 1 when its
 * own check of its results fails. They are plain C, so the host's compiler gives the expected line:
 *
 *   cc -O2 -ffp-contract=off sort.c -o sort && ./sort
 *
 * SIZE scales the work; each file has a default for 1 to 20 million instructions.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static uint64_t random_state = 0x9E3779B97F4A7C15u;

/* xorshift64*, Vigna 2016 */
static inline uint64_t next_random(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545F4914F6CDD1Du;
}

static uint64_t checksum = 0xCBF29CE484222325u;

/* FNV-1a over 64-bit units */
static inline void mix(uint64_t value)
{
    checksum = (checksum ^ value) * 0x100000001B3u;
    checksum ^= checksum >> 29;
}

static inline void mix_bytes(const void *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        mix(((const uint8_t *)bytes)[i]);
}

static inline void require(int condition)
{
    if (!condition) {
        (void)!write(2, "check failed\n", 13);
        _exit(1);
    }
}

static inline int finish(const char *name)
{
    char line[40];
    size_t length = strlen(name);
    memcpy(line, name, length);
    line[length++] = ' ';
    for (int shift = 60; shift >= 0; shift -= 4)
        line[length++] = "0123456789abcdef"[checksum >> shift & 15];
    line[length++] = '\n';
    return write(1, line, length) == (long)length ? 0 : 1;
}
