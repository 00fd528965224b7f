/* table.c - state that is keyed by address: opt_table, and replay protection on top of it. */
#include "sdk.h"

#include <stdlib.h>

/* A slot: used, address, three zeros, value. */
enum { ADDRESS_OFFSET = 1, VALUE_OFFSET = 24, FIRST_CAPACITY = 16 };

static size_t slot_bytes(const struct opt_table *table) { return VALUE_OFFSET + ((table->value_bytes + 7UL) & ~7UL); }

/* First slot to try: the top bits of a multiplicative hash over the whole address. It spreads honest
 * addresses; an attacker who grinds keys for colliding addresses pays 2^n key generations for each
 * entry of a run in a table of 2^n slots, and probes cost steps of his own tasks first of all. */
static uint64_t home(const struct opt_table *table, const uint8_t *address)
{
    uint64_t hash = (opt_load_u64(address) ^ opt_load_u32(address + 16)) * 0x9E3779B97F4A7C15UL;
    hash = (hash ^ (hash >> 32) ^ opt_load_u64(address + 8)) * 0xD6E8FEB86659FD93UL;
    return hash >> table->shift;
}

/* The slot that holds address, or the free one where it would go. Needs a free slot somewhere. */
static uint8_t *probe(const struct opt_table *table, const uint8_t *address)
{
    for (uint64_t i = home(table, address);; i = (i + 1) & (table->capacity - 1)) {
        uint8_t *slot = table->slots + i * slot_bytes(table);
        if (!slot[0] || memcmp(slot + ADDRESS_OFFSET, address, OPT_ADDRESS_BYTES) == 0)
            return slot;
    }
}

static void grow(struct opt_table *table)
{
    struct opt_table larger = *table;
    larger.capacity = table->capacity ? table->capacity * 2 : FIRST_CAPACITY;
    larger.shift = table->capacity ? table->shift - 1 : 60;
    larger.slots = calloc(larger.capacity, slot_bytes(table));
    if (!larger.slots)
        opt_fail(OPT_EXIT_OUT_OF_MEMORY, "out of memory");
    for (uint64_t i = 0; i < table->capacity; i++) {
        const uint8_t *slot = table->slots + i * slot_bytes(table);
        if (slot[0])
            memcpy(probe(&larger, slot + ADDRESS_OFFSET), slot, slot_bytes(table));
    }
    free(table->slots);
    *table = larger;
}

void *opt_table_find(const struct opt_table *table, const uint8_t address[OPT_ADDRESS_BYTES])
{
    if (!table->capacity)
        return NULL;
    uint8_t *slot = probe(table, address);
    return slot[0] ? slot + VALUE_OFFSET : NULL;
}

void *opt_table_put(struct opt_table *table, const uint8_t address[OPT_ADDRESS_BYTES])
{
    void *value = opt_table_find(table, address);
    if (value)
        return value;
    if (table->count + 1 > table->capacity / 4 * 3)
        grow(table);
    uint8_t *slot = probe(table, address);
    slot[0] = 1;
    memcpy(slot + ADDRESS_OFFSET, address, OPT_ADDRESS_BYTES);
    table->count++;
    return slot + VALUE_OFFSET;
}

bool opt_use_nonce(void)
{
    static struct opt_table last_nonces = { .value_bytes = sizeof(uint64_t) };
    uint64_t *last = opt_table_find(&last_nonces, opt_task.sender);
    if (last && opt_task.nonce <= *last)
        return false;
    last = opt_table_put(&last_nonces, opt_task.sender);
    *last = opt_task.nonce;
    return true;
}
