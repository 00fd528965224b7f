/* table - the SDK's address table and replay protection, against a plain list. */
#include <optimistic.h>

#include "checksum.h"

enum { ENTRIES = 1200 };

static struct opt_table balances = { .value_bytes = 12 };
static uint8_t addresses[ENTRIES][OPT_ADDRESS_BYTES];

static void take(uint8_t sender, uint64_t nonce, bool accepted)
{
    memset(opt_task.sender, sender, OPT_ADDRESS_BYTES);
    opt_task.nonce = nonce;
    require(opt_use_nonce() == accepted);
}

int main(void)
{
    require(opt_table_find(&balances, addresses[0]) == NULL);
    for (int i = 0; i < ENTRIES; i++) {
        /* Also addresses that differ in one byte only, and ones that are all alike but for the end. */
        if (i % 3 == 0) {
            for (int byte = 0; byte < OPT_ADDRESS_BYTES; byte++)
                addresses[i][byte] = (uint8_t)next_random();
        } else {
            memcpy(addresses[i], addresses[i - 1], OPT_ADDRESS_BYTES);
            addresses[i][i % OPT_ADDRESS_BYTES] ^= (uint8_t)(1 + i % 7);
        }
    }
    for (int i = 0; i < ENTRIES; i++) {
        uint64_t *value = opt_table_put(&balances, addresses[i]);
        require((uintptr_t)value % 8 == 0);
        value[0] += (uint64_t)i + 1;
    }
    require(balances.count <= ENTRIES && balances.count > ENTRIES / 2);
    require((balances.capacity & (balances.capacity - 1)) == 0 && balances.count * 4 <= balances.capacity * 3);

    uint64_t sum = 0;
    for (int i = 0; i < ENTRIES; i++) {
        uint64_t expected = 0;
        for (int j = 0; j < ENTRIES; j++)
            expected += opt_load_u32(addresses[i]) == opt_load_u32(addresses[j]) && memcmp(addresses[i], addresses[j], OPT_ADDRESS_BYTES) == 0 ? (uint64_t)j + 1 : 0;
        const uint64_t *value = opt_table_find(&balances, addresses[i]);
        require(value && *value == expected);
        sum += *value;
    }
    mix(sum);
    mix(balances.count);
    mix_bytes(balances.slots, balances.capacity);

    take(1, 0, true);
    take(1, 0, false);
    take(2, 5, true);
    take(1, 7, true);
    take(1, 6, false);
    take(2, 4, false);
    take(2, 6, true);
    take(3, UINT64_MAX, true);
    take(3, UINT64_MAX, false);
    take(3, 0, false);
    for (int sender = 10; sender < 90; sender++)
        take((uint8_t)sender, (uint64_t)sender, true);
    take(1, 8, true);
    return finish("table");
}
