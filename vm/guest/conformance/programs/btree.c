/* btree - a B-tree on the heap: insertions, look-ups and an ordered walk, checked against a sorted array. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 8000
#endif
enum { MAX_KEYS = 15, MID = MAX_KEYS / 2 };

struct node {
    int count, leaf;
    uint64_t keys[MAX_KEYS], values[MAX_KEYS];
    struct node *children[MAX_KEYS + 1];
};

static struct node *root;
static uint64_t entries;

static struct node *new_node(int leaf)
{
    struct node *node = calloc(1, sizeof *node);
    require(node != NULL);
    node->leaf = leaf;
    return node;
}

static int position(const struct node *node, uint64_t key)
{
    int low = 0, high = node->count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (node->keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void split(struct node *parent, int at)
{
    struct node *left = parent->children[at], *right = new_node(left->leaf);
    right->count = MAX_KEYS - MID - 1;
    memcpy(right->keys, left->keys + MID + 1, sizeof *right->keys * (size_t)right->count);
    memcpy(right->values, left->values + MID + 1, sizeof *right->values * (size_t)right->count);
    memcpy(right->children, left->children + MID + 1, sizeof *right->children * (size_t)(right->count + 1));
    left->count = MID;
    size_t moved = (size_t)(parent->count - at);
    memmove(parent->keys + at + 1, parent->keys + at, sizeof *parent->keys * moved);
    memmove(parent->values + at + 1, parent->values + at, sizeof *parent->values * moved);
    memmove(parent->children + at + 2, parent->children + at + 1, sizeof *parent->children * moved);
    parent->keys[at] = left->keys[MID];
    parent->values[at] = left->values[MID];
    parent->children[at + 1] = right;
    parent->count++;
}

static void insert(uint64_t key, uint64_t value)
{
    if (root->count == MAX_KEYS) {
        struct node *above = new_node(0);
        above->children[0] = root;
        root = above;
        split(root, 0);
    }
    struct node *node = root;
    for (;;) {
        int at = position(node, key);
        if (at < node->count && node->keys[at] == key) {
            node->values[at] = value;
            return;
        }
        if (node->leaf) {
            size_t moved = (size_t)(node->count - at);
            memmove(node->keys + at + 1, node->keys + at, sizeof *node->keys * moved);
            memmove(node->values + at + 1, node->values + at, sizeof *node->values * moved);
            node->keys[at] = key;
            node->values[at] = value;
            node->count++;
            entries++;
            return;
        }
        if (node->children[at]->count == MAX_KEYS) {
            split(node, at);
            continue;
        }
        node = node->children[at];
    }
}

static const uint64_t *find(uint64_t key)
{
    for (const struct node *node = root;;) {
        int at = position(node, key);
        if (at < node->count && node->keys[at] == key)
            return &node->values[at];
        if (node->leaf)
            return NULL;
        node = node->children[at];
    }
}

static uint64_t walked, last_key;

static void walk(const struct node *node)
{
    for (int i = 0; i <= node->count; i++) {
        if (!node->leaf)
            walk(node->children[i]);
        if (i < node->count) {
            require(walked == 0 || node->keys[i] > last_key);
            last_key = node->keys[i];
            walked++;
            mix(node->keys[i] ^ node->values[i]);
        }
    }
}

static uint64_t inserted[SIZE];

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    root = new_node(1);
    for (int i = 0; i < SIZE; i++) {
        inserted[i] = next_random() % (SIZE * 4);
        insert(inserted[i], (uint64_t)i);
        const uint64_t *value = find(inserted[i]);
        require(value && *value == (uint64_t)i);
    }
    require(!find(SIZE * 4));
    walk(root);
    qsort(inserted, SIZE, sizeof *inserted, compare);
    uint64_t distinct = 0;
    for (int i = 0; i < SIZE; i++)
        distinct += i == 0 || inserted[i] != inserted[i - 1];
    require(walked == entries && distinct == entries);
    return finish("btree");
}
