/* search - Horspool, Knuth-Morris-Pratt and memcmp at every place must find the same matches. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 24000
#endif

static char text[SIZE];

static int horspool(const char *pattern, int length, uint64_t *where)
{
    int skip[256], found = 0;
    for (int i = 0; i < 256; i++)
        skip[i] = length;
    for (int i = 0; i < length - 1; i++)
        skip[(uint8_t)pattern[i]] = length - 1 - i;
    for (int at = 0; at + length <= SIZE; at += skip[(uint8_t)text[at + length - 1]]) {
        int i = length - 1;
        while (i >= 0 && text[at + i] == pattern[i])
            i--;
        if (i < 0) {
            found++;
            *where = *where * 31 + (uint64_t)at;
        }
    }
    return found;
}

static int morris_pratt(const char *pattern, int length, uint64_t *where)
{
    int border[64], found = 0;
    border[0] = 0;
    for (int i = 1, k = 0; i < length; i++) {
        while (k && pattern[i] != pattern[k])
            k = border[k - 1];
        border[i] = k += pattern[i] == pattern[k];
    }
    for (int i = 0, k = 0; i < SIZE; i++) {
        while (k && text[i] != pattern[k])
            k = border[k - 1];
        k += text[i] == pattern[k];
        if (k == length) {
            found++;
            *where = *where * 31 + (uint64_t)(i - length + 1);
            k = border[k - 1];
        }
    }
    return found;
}

static int plain(const char *pattern, int length, uint64_t *where)
{
    int found = 0;
    for (int at = 0; at + length <= SIZE; at++) {
        if (memcmp(text + at, pattern, (size_t)length) == 0) {
            found++;
            *where = *where * 31 + (uint64_t)at;
        }
    }
    return found;
}

int main(void)
{
    static const char *const patterns[] = { "a", "ab", "abab", "abcabcab", "bacabac", "ccccc", "abcd", "cabacbabcabcb" };
    for (int i = 0; i < SIZE; i++)
        text[i] = (char)('a' + next_random() % 3);
    for (int n = 0; n < 20; n++)
        memcpy(text + next_random() % (SIZE - 16), patterns[n % 8], strlen(patterns[n % 8]));

    for (size_t n = 0; n < sizeof patterns / sizeof *patterns; n++) {
        int length = (int)strlen(patterns[n]);
        uint64_t first = 0, second = 0, third = 0;
        int found = horspool(patterns[n], length, &first);
        require(found == morris_pratt(patterns[n], length, &second) && first == second);
        require(found == plain(patterns[n], length, &third) && first == third);
        mix((uint64_t)found);
        mix(first);
    }
    return finish("search");
}
