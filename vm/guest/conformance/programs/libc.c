/* libc - picolibc on the SDK: printf, the heap, errno (thread-local), qsort, strtol, and their limits. */
#include "checksum.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

static int constant = 41;

static int descending(const void *a, const void *b) { return *(const int *)b - *(const int *)a; }

static void formatting(void)
{
    char line[128];
    int length = snprintf(line, sizeof line, "%d|%5u|%-6s|%06lx|%c|%" PRId64 "|%%", -7, 42u, "ab", 0xBEEFul, 'z', INT64_MIN);
    require(strcmp(line, "-7|   42|ab    |00beef|z|-9223372036854775808|%") == 0);
    require(length == (int)strlen(line));
    volatile size_t room = 4; /* hides the truncation from the compiler's warning */
    require(snprintf(line, room, "%s", "truncated") == 9 && strcmp(line, "tru") == 0);
    mix((uint64_t)length);
}

static void numbers(void)
{
    char *end;
    errno = 0;
    require(strtol("-123xyz", &end, 10) == -123 && *end == 'x' && errno == 0);
    require(strtol("99999999999999999999", &end, 10) == LONG_MAX && errno == ERANGE);
    require(strtoul("0xFFFFFFFFFFFFFFFF", &end, 0) == ULONG_MAX);
    require(atoi("2147483647") == INT_MAX);

    int values[200];
    for (int i = 0; i < 200; i++)
        values[i] = (int)(next_random() % 1000);
    qsort(values, 200, sizeof *values, descending);
    for (int i = 0; i < 200; i++) {
        require(i == 0 || values[i - 1] >= values[i]);
        mix((uint64_t)values[i]);
    }
}

static void heap(void)
{
    enum { BLOCKS = 100 };
    static char *blocks[BLOCKS];
    static size_t sizes[BLOCKS];
    for (int turn = 0; turn < 600; turn++) {
        int i = (int)(next_random() % BLOCKS);
        if (blocks[i]) {
            for (size_t at = 0; at < sizes[i]; at++)
                require(blocks[i][at] == (char)i);
            free(blocks[i]);
        }
        sizes[i] = next_random() % 512 + 1;
        blocks[i] = malloc(sizes[i]);
        require(blocks[i] && (uintptr_t)blocks[i] % 8 == 0);
        memset(blocks[i], i, sizes[i]);
    }
    char *large = malloc(512 << 10);
    require(large != NULL);
    large[0] = large[(512 << 10) - 1] = 1;
    free(large);
    errno = 0;
    require(malloc(1ul << 40) == NULL && errno == ENOMEM);
    require(malloc(3ul << 30) == NULL);
}

int main(void)
{
    require(++constant == 42); /* .data is what the file says */
    formatting();
    numbers();
    heap();
    printf("printf %s %d\n", "works", 1234567);
    printf("%s", "kept until exit, ");
    fprintf(stderr, "on fd %d\n", 2);
    printf("then flushed\n");
    return finish("libc");
}
