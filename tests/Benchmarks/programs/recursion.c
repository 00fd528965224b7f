/* recursion - Fibonacci and Ackermann by their definitions, the towers of Hanoi, and Takeuchi's function. */
#include "checksum.h"

static uint64_t fibonacci(uint64_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static uint64_t ackermann(uint64_t m, uint64_t n)
{
    if (m == 0)
        return n + 1;
    return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

static uint64_t moves;

static void hanoi(int disks, int from, int to)
{
    if (disks == 0)
        return;
    hanoi(disks - 1, from, 6 - from - to);
    moves += (uint64_t)(from * disks + to);
    hanoi(disks - 1, 6 - from - to, to);
}

static int takeuchi(int x, int y, int z) { return y >= x ? z : takeuchi(takeuchi(x - 1, y, z), takeuchi(y - 1, z, x), takeuchi(z - 1, x, y)); }

int main(void)
{
    volatile int seven = 7; /* hides the arguments from the compiler */
    require(fibonacci((uint64_t)seven + 13) == 6765);
    mix(fibonacci(SIZE));
    require(ackermann(2, (uint64_t)seven) == 17);
    mix(ackermann(3, (uint64_t)(SIZE / 4)));
    hanoi(SIZE / 2 + 2, 1, 3);
    mix(moves);
    mix((uint64_t)takeuchi(SIZE / 2, SIZE / 3, SIZE / 6));
    return finish("recursion");
}
