/* ledger - a stateful app: accounts and transfers that persist between tasks.
 *
 * An account is a 20-byte address with a balance, u64. The sender of a task is the address that signed
 * it, so nobody moves another's balance. The sender of the first accepted mint becomes the owner for
 * good; only the owner mints.
 *
 * Input, one operation; amounts are u64 little-endian:
 *
 *   01 to[20] amount[8]       mint       29 bytes
 *   02 to[20] amount[8]       transfer   29 bytes, from the sender
 *   03 address[20]            balance    21 bytes
 *   04                        supply      1 byte
 *
 * Output with exit code 0:
 *
 *   mint      balance of to [8], supply [8]
 *   transfer  balance of the sender [8], balance of to [8]
 *   balance   balance [8]
 *   supply    supply [8], number of accounts [8], owner [20], zeros before the first mint
 *
 * Mint and transfer take the task's nonce (opt_use_nonce). A refused task changes nothing; its output
 * is the reason as text, its exit code one of enum refusal. Checks are made in the order of the enum.
 * The supply is at most 2^64 - 1, so no balance can overflow.
 */
#include <optimistic.h>

enum operation { MINT = 1, TRANSFER = 2, BALANCE = 3, SUPPLY = 4 };

enum refusal {
    MALFORMED = 1,
    NONCE_USED = 2,
    NOT_OWNER = 3,
    ZERO_AMOUNT = 4,
    SELF_TRANSFER = 5,
    INSUFFICIENT_BALANCE = 6,
    SUPPLY_OVERFLOW = 7,
};

static struct opt_table balances = { .value_bytes = sizeof(uint64_t) };
static uint64_t supply;
static bool owned;
static uint8_t owner[OPT_ADDRESS_BYTES];

static bool same_address(const uint8_t *a, const uint8_t *b) { return memcmp(a, b, OPT_ADDRESS_BYTES) == 0; }

static void mint(const uint8_t *to, uint64_t amount)
{
    if (!opt_use_nonce())
        opt_fail(NONCE_USED, "nonce already used");
    if (owned && !same_address(opt_task.sender, owner))
        opt_fail(NOT_OWNER, "only the owner mints");
    if (amount == 0)
        opt_fail(ZERO_AMOUNT, "amount is zero");
    if (amount > UINT64_MAX - supply)
        opt_fail(SUPPLY_OVERFLOW, "supply would exceed 2^64 - 1");

    if (!owned) {
        owned = true;
        memcpy(owner, opt_task.sender, sizeof owner);
    }
    uint64_t *balance = opt_table_put(&balances, to);
    *balance += amount;
    supply += amount;
    opt_append_u64(*balance);
    opt_append_u64(supply);
}

static void transfer(const uint8_t *to, uint64_t amount)
{
    if (!opt_use_nonce())
        opt_fail(NONCE_USED, "nonce already used");
    if (amount == 0)
        opt_fail(ZERO_AMOUNT, "amount is zero");
    if (same_address(opt_task.sender, to))
        opt_fail(SELF_TRANSFER, "sender and receiver are the same");
    uint64_t *from = opt_table_find(&balances, opt_task.sender);
    if (!from || *from < amount)
        opt_fail(INSUFFICIENT_BALANCE, "insufficient balance");

    *from -= amount;
    opt_append_u64(*from); /* before the put below, which may move the table */
    uint64_t *receiver = opt_table_put(&balances, to);
    *receiver += amount;
    opt_append_u64(*receiver);
}

int main(void)
{
    const uint8_t *input = opt_input();
    const uint8_t *address = input + 1;
    size_t length = opt_input_length();
    enum operation operation = length ? input[0] : 0;

    if (operation == MINT && length == 29) {
        mint(address, opt_load_u64(input + 21));
    } else if (operation == TRANSFER && length == 29) {
        transfer(address, opt_load_u64(input + 21));
    } else if (operation == BALANCE && length == 21) {
        const uint64_t *balance = opt_table_find(&balances, address);
        opt_append_u64(balance ? *balance : 0);
    } else if (operation == SUPPLY && length == 1) {
        opt_append_u64(supply);
        opt_append_u64(balances.count);
        opt_append(owner, sizeof owner);
    } else {
        opt_fail(MALFORMED, "unknown operation or wrong length");
    }
    return 0;
}
