/* sudoku - solved by constraint propagation and search over candidate sets; puzzles made by hiding cells of shuffled grids. */
#include "checksum.h"

static uint8_t peers[81][20];
static uint8_t units[27][9];

struct grid {
    uint16_t candidates[81];
};

static void make_tables(void)
{
    for (int i = 0; i < 81; i++) {
        int row = i / 9, column = i % 9, box = row / 3 * 3 + column / 3, count = 0;
        units[row][column] = (uint8_t)i;
        units[9 + column][row] = (uint8_t)i;
        units[18 + box][row % 3 * 3 + column % 3] = (uint8_t)i;
        for (int j = 0; j < 81; j++) {
            if (j != i && (j / 9 == row || j % 9 == column || j / 27 * 3 + j % 9 / 3 == box))
                peers[i][count++] = (uint8_t)j;
        }
        require(count == 20);
    }
}

/* Removes digits from a cell and follows what is forced by it; 0 on a contradiction. */
static int eliminate(struct grid *grid, int cell, uint16_t digits)
{
    uint16_t left = grid->candidates[cell] & (uint16_t)~digits;
    if (left == grid->candidates[cell])
        return 1;
    if (!left)
        return 0;
    grid->candidates[cell] = left;
    if (!(left & (left - 1))) {
        for (int i = 0; i < 20; i++) {
            if (!eliminate(grid, peers[cell][i], left))
                return 0;
        }
    }
    return 1;
}

/* Digits with one place left in a unit. */
static int hidden_singles(struct grid *grid)
{
    for (int u = 0; u < 27; u++) {
        uint16_t once = 0, twice = 0;
        for (int i = 0; i < 9; i++) {
            uint16_t c = grid->candidates[units[u][i]];
            twice |= once & c;
            once |= c;
        }
        if (once != 511)
            return 0;
        once &= (uint16_t)~twice;
        for (int i = 0; once && i < 9; i++) {
            uint16_t single = grid->candidates[units[u][i]] & once;
            if (single && !eliminate(grid, units[u][i], (uint16_t)~single))
                return 0;
        }
    }
    return 1;
}

static uint64_t tried;

static int search(struct grid *grid)
{
    tried++;
    struct grid before;
    do {
        before = *grid;
        if (!hidden_singles(grid))
            return 0;
    } while (memcmp(&before, grid, sizeof before) != 0);

    int best = -1, fewest = 10;
    for (int i = 0; i < 81; i++) {
        int count = __builtin_popcount(grid->candidates[i]);
        if (count > 1 && count < fewest) {
            fewest = count;
            best = i;
        }
    }
    if (best < 0)
        return 1;
    for (uint16_t left = grid->candidates[best]; left; left &= (uint16_t)(left - 1)) {
        struct grid guess = *grid;
        if (eliminate(&guess, best, (uint16_t)~(left & -left)) && search(&guess)) {
            *grid = guess;
            return 1;
        }
    }
    return 0;
}

static void check(const struct grid *grid)
{
    for (int u = 0; u < 27; u++) {
        uint16_t seen = 0;
        for (int i = 0; i < 9; i++)
            seen |= grid->candidates[units[u][i]];
        require(seen == 511);
    }
}

int main(void)
{
    make_tables();
    for (int n = 0; n < SIZE; n++) {
        uint8_t digits[9], puzzle[81];
        for (int i = 0; i < 9; i++)
            digits[i] = (uint8_t)i;
        for (int i = 8; i > 0; i--) {
            int j = (int)(next_random() % (uint64_t)(i + 1));
            uint8_t swapped = digits[i];
            digits[i] = digits[j];
            digits[j] = swapped;
        }
        for (int i = 0; i < 81; i++)
            puzzle[i] = digits[(i / 9 * 3 + i / 27 + i % 9) % 9];
        struct grid grid;
        for (int i = 0; i < 81; i++)
            grid.candidates[i] = 511;
        for (int shown = 0; shown < 22;) {
            int cell = (int)(next_random() % 81);
            if (grid.candidates[cell] & (grid.candidates[cell] - 1)) {
                require(eliminate(&grid, cell, (uint16_t)~(1 << puzzle[cell])));
                shown++;
            }
            int open = 0;
            for (int i = 0; i < 81; i++)
                open += (grid.candidates[i] & (grid.candidates[i] - 1)) != 0;
            if (!open)
                break;
        }
        require(search(&grid));
        check(&grid);
        mix_bytes(&grid, sizeof grid);
    }
    mix(tried);
    return finish("sudoku");
}
