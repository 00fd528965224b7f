/* bytecode - an interpreter for a small register machine, counting primes and measuring Collatz runs. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 5000
#endif
#define COLLATZ_LIMIT 1000

enum operation { LI, ADD, SUB, MUL, DIV, MOD, LT, EQ, LD, ST, JMP, JZ, EMIT, HALT };

struct instruction {
    uint8_t operation, a;
    int16_t b, c;
};

static int64_t memory[SIZE], emitted[4];
static int emitted_count;

static uint64_t run(const struct instruction *code)
{
    int64_t r[16] = { 0 };
    uint64_t executed = 1;
    for (const struct instruction *pc = code;; pc++, executed++) {
        switch (pc->operation) {
        case LI:
            r[pc->a] = pc->b;
            break;
        case ADD:
            r[pc->a] = r[pc->b] + r[pc->c];
            break;
        case SUB:
            r[pc->a] = r[pc->b] - r[pc->c];
            break;
        case MUL:
            r[pc->a] = r[pc->b] * r[pc->c];
            break;
        case DIV:
            r[pc->a] = r[pc->b] / r[pc->c];
            break;
        case MOD:
            r[pc->a] = r[pc->b] % r[pc->c];
            break;
        case LT:
            r[pc->a] = r[pc->b] < r[pc->c];
            break;
        case EQ:
            r[pc->a] = r[pc->b] == r[pc->c];
            break;
        case LD:
            r[pc->a] = memory[r[pc->b]];
            break;
        case ST:
            memory[r[pc->b]] = r[pc->a];
            break;
        case JMP:
            pc = code + pc->b - 1;
            break;
        case JZ:
            if (!r[pc->a])
                pc = code + pc->b - 1;
            break;
        case EMIT:
            emitted[emitted_count++] = r[pc->a];
            break;
        default:
            return executed;
        }
    }
}

/* r6 = number of primes below SIZE */
static const struct instruction sieve[] = {
    /*  0 */ { LI, 1, 1, 0 }, { LI, 2, SIZE, 0 }, { LI, 3, 2, 0 },
    /*  3 */ { LT, 5, 3, 2 }, { JZ, 5, 17, 0 }, { LD, 5, 3, 0 }, { JZ, 5, 8, 0 }, { JMP, 0, 15, 0 },
    /*  8 */ { ADD, 6, 6, 1 }, { ADD, 4, 3, 3 },
    /* 10 */ { LT, 5, 4, 2 }, { JZ, 5, 15, 0 }, { ST, 1, 4, 0 }, { ADD, 4, 4, 3 }, { JMP, 0, 10, 0 },
    /* 15 */ { ADD, 3, 3, 1 }, { JMP, 0, 3, 0 },
    /* 17 */ { EMIT, 6, 0, 0 }, { HALT, 0, 0, 0 },
};

/* r10 = the start below the limit with the longest run to 1, r9 = its steps */
static const struct instruction collatz[] = {
    /*  0 */ { LI, 1, 1, 0 }, { LI, 2, 2, 0 }, { LI, 7, 3, 0 }, { LI, 8, COLLATZ_LIMIT, 0 }, { LI, 3, 1, 0 }, { LI, 9, 0, 0 },
    /*  6 */ { LT, 5, 3, 8 }, { JZ, 5, 27, 0 }, { ADD, 4, 3, 0 }, { LI, 6, 0, 0 },
    /* 10 */ { EQ, 5, 4, 1 }, { JZ, 5, 13, 0 }, { JMP, 0, 21, 0 },
    /* 13 */ { ADD, 6, 6, 1 }, { MOD, 5, 4, 2 }, { JZ, 5, 19, 0 },
    /* 16 */ { MUL, 4, 4, 7 }, { ADD, 4, 4, 1 }, { JMP, 0, 10, 0 },
    /* 19 */ { DIV, 4, 4, 2 }, { JMP, 0, 10, 0 },
    /* 21 */ { LT, 5, 9, 6 }, { JZ, 5, 25, 0 }, { ADD, 9, 6, 0 }, { ADD, 10, 3, 0 },
    /* 25 */ { ADD, 3, 3, 1 }, { JMP, 0, 6, 0 },
    /* 27 */ { EMIT, 10, 0, 0 }, { EMIT, 9, 0, 0 }, { HALT, 0, 0, 0 },
};

int main(void)
{
    mix(run(sieve));
    mix(run(collatz));
    require(emitted_count == 3);
    require(SIZE != 5000 || emitted[0] == 669);
    require(emitted[1] == 871 && emitted[2] == 178);
    mix_bytes(emitted, sizeof emitted);
    mix_bytes(memory, sizeof memory);
    return finish("bytecode");
}
