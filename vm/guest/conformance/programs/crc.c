/* crc - CRC-32 by table and bit by bit, CRC-64 and Adler-32. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 40000
#endif

static uint32_t table[256];
static uint8_t data[SIZE];

static uint32_t crc32_bitwise(const uint8_t *bytes, size_t length)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

static uint32_t crc32_table(const uint8_t *bytes, size_t length)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < length; i++)
        crc = crc >> 8 ^ table[(crc ^ bytes[i]) & 0xFF];
    return ~crc;
}

static uint64_t crc64(const uint8_t *bytes, size_t length)
{
    uint64_t crc = ~0ul;
    for (size_t i = 0; i < length; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (-(crc & 1) & 0xC96C5795D7870F42ul);
    }
    return ~crc;
}

static uint32_t adler32(const uint8_t *bytes, size_t length)
{
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < length; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

int main(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t value = i;
        for (int bit = 0; bit < 8; bit++)
            value = value & 1 ? value >> 1 ^ 0xEDB88320u : value >> 1;
        table[i] = value;
    }
    const uint8_t *digits = (const uint8_t *)"123456789";
    require(crc32_table(digits, 9) == 0xCBF43926u);
    require(crc64(digits, 9) == 0x995DC9BBDF1939FAul);
    require(adler32(digits, 9) == 0x091E01DEu);

    for (size_t i = 0; i < SIZE; i++)
        data[i] = (uint8_t)(next_random() >> 40);
    require(crc32_table(data, SIZE) == crc32_bitwise(data, SIZE));
    mix(crc32_table(data, SIZE));
    mix(crc64(data, SIZE));
    mix(adler32(data, SIZE));
    return finish("crc");
}
