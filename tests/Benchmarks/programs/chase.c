/* chase - pointer chasing: a random cycle through memory, a linked list sorted in place, a binary search tree. */
#include "checksum.h"

enum { NODES = 1 << 16, ROUNDS = SIZE };

struct node {
    struct node *next, *left, *right;
    uint64_t key;
};

static struct node nodes[NODES];

/* Sattolo: one cycle through all. */
static void link_cycle(void)
{
    static uint32_t order[NODES];
    for (uint32_t i = 0; i < NODES; i++)
        order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(next_random() % i), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (uint32_t i = 0; i < NODES; i++)
        nodes[i].next = &nodes[order[i]];
}

static uint64_t walk(const struct node *node, uint64_t steps)
{
    uint64_t sum = 0;
    for (; steps; steps--, node = node->next)
        sum += node->key;
    return sum;
}

static struct node *merge(struct node *a, struct node *b)
{
    struct node *first = NULL, **at = &first;
    while (a && b) {
        struct node **smaller = a->key <= b->key ? &a : &b;
        *at = *smaller;
        at = &(*at)->next;
        *smaller = *at;
    }
    *at = a ? a : b;
    return first;
}

static struct node *sort(struct node *list)
{
    if (!list || !list->next)
        return list;
    struct node *slow = list;
    for (struct node *fast = list->next; fast && fast->next; fast = fast->next->next)
        slow = slow->next;
    struct node *half = slow->next;
    slow->next = NULL;
    return merge(sort(list), sort(half));
}

static void insert(struct node **root, struct node *node)
{
    while (*root)
        root = node->key < (*root)->key ? &(*root)->left : &(*root)->right;
    *root = node;
    node->left = node->right = NULL;
}

static const struct node *find(const struct node *root, uint64_t key)
{
    while (root && root->key != key)
        root = key < root->key ? root->left : root->right;
    return root;
}

int main(void)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < NODES; i++)
            nodes[i].key = next_random() >> 20;
        link_cycle();
        mix(walk(nodes, NODES * 16));

        struct node *start = &nodes[next_random() % NODES], *list = start->next;
        start->next = NULL;
        list = sort(list);
        uint64_t last = 0, count = 0;
        for (const struct node *node = list; node; node = node->next, count++) {
            require(node->key >= last);
            last = node->key;
        }
        require(count == NODES);

        struct node *root = NULL;
        for (int i = 0; i < NODES; i++)
            insert(&root, &nodes[i]);
        uint64_t found = 0;
        for (int i = 0; i < NODES; i++)
            found += find(root, nodes[i].key + (uint64_t)(i & 1)) != NULL;
        require(found >= NODES / 2);
        mix(found);
        mix(last);
    }
    return finish("chase");
}
