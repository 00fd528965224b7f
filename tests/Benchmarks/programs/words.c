/* words - library code at work: formatted text, words counted in a hash table of strings on the heap, lines sorted with
 * qsort and strcmp, split with strtok, blocks moved about with memcpy, memmove and memset, allocations of all sizes. */
#include "checksum.h"

#include <stdio.h>

struct entry {
    struct entry *next;
    unsigned count;
    char word[];
};

enum { BUCKETS = 1024 };

static struct entry *buckets[BUCKETS];

static struct entry *count_word(const char *word)
{
    uint32_t hash = 5381;
    for (const char *at = word; *at; at++)
        hash = hash * 33 + (uint8_t)*at;
    for (struct entry *entry = buckets[hash % BUCKETS]; entry; entry = entry->next) {
        if (strcmp(entry->word, word) == 0) {
            entry->count++;
            return entry;
        }
    }
    struct entry *fresh = malloc(sizeof *fresh + strlen(word) + 1);
    require(fresh != NULL);
    strcpy(fresh->word, word);
    fresh->count = 1;
    fresh->next = buckets[hash % BUCKETS];
    return buckets[hash % BUCKETS] = fresh;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void sort_lines(char *text)
{
    enum { MAX_LINES = 400 };
    char *lines[MAX_LINES];
    size_t count = 0;
    for (char *line = strtok(text, "\n"); line && count < MAX_LINES; line = strtok(NULL, "\n"))
        lines[count++] = line;
    qsort(lines, count, sizeof *lines, by_text);
    for (size_t i = 0; i < count; i++) {
        require(i == 0 || strcmp(lines[i - 1], lines[i]) <= 0);
        mix(strlen(lines[i]));
    }
    mix((uint8_t)lines[count / 2][3]);
}

static void shuffle_blocks(void)
{
    enum { BLOCKS = 64 };
    char *blocks[BLOCKS] = { 0 };
    size_t sizes[BLOCKS] = { 0 };
    for (int turn = 0; turn < 600; turn++) {
        int i = (int)(next_random() % BLOCKS), j = (int)(next_random() % BLOCKS);
        size_t size = next_random() % 2000 + 1;
        blocks[i] = realloc(blocks[i], size);
        require(blocks[i] != NULL);
        memset(blocks[i], turn & 255, size);
        sizes[i] = size;
        if (i != j && blocks[j]) {
            size_t common = size < sizes[j] ? size : sizes[j];
            memcpy(blocks[i], blocks[j], common);
            memmove(blocks[j] + common / 3, blocks[j], common - common / 3);
            mix((uint8_t)blocks[j][common - 1]);
        }
    }
    for (int i = 0; i < BLOCKS; i++)
        free(blocks[i]);
}

int main(void)
{
    static char text[32768];
    for (int turn = 0; turn < SIZE; turn++) {
        size_t length = 0;
        for (int line = 0; line < 300; line++) {
            uint64_t random = next_random();
            length += (size_t)snprintf(text + length, sizeof text - length, "%05u %s-%x %d,%ld %c%-8s|\n", (unsigned)(random % 900), random & 1 ? "alpha" : "beta", (unsigned)(random >> 54), (int)(random >> 40) % 1000 - 500, (long)(random >> 52), (char)('a' + random % 26), random & 2 ? "left" : "x");
        }
        mix(length);
        char *copy = malloc(length + 1);
        require(copy != NULL);
        memcpy(copy, text, length + 1);
        unsigned total = 0;
        for (char *word = strtok(copy, " ,-|\n"); word; word = strtok(NULL, " ,-|\n"))
            total += count_word(word)->count & 3;
        mix(total);
        free(copy);
        sort_lines(text);
        shuffle_blocks();
    }
    uint64_t sum = 0, words = 0;
    for (int i = 0; i < BUCKETS; i++) {
        for (struct entry *entry = buckets[i], *next; entry; entry = next) {
            next = entry->next;
            sum += entry->count;
            words++;
            free(entry);
        }
    }
    mix(sum);
    mix(words);
    printf("%lu words, %lu of them different\n", (unsigned long)sum, (unsigned long)words);
    fflush(stdout);
    return finish("words");
}
