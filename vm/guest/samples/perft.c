/* perft - counts the legal move sequences from a chess position, for each length up to a depth.
 *
 * Input, text: "FEN;depth", for example
 *
 *   rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1;4
 *
 * FEN's two move counters may be left out; depth is 1 to 15. A newline at the end is allowed.
 *
 * Output: depth little-endian u64s, the number of sequences of 1, 2, ... depth moves. Exit code 0. Bad
 * input: exit code 1, and the output is the reason as text. Stateless.
 *
 * Move generation is legal from the start: pieces pinned to their king stay on the line of the pin, a
 * checked king's side only answers the check, and the king never steps on an attacked square. So the
 * last ply is counted without being played.
 */
#include <optimistic.h>

/* ---- Board: bit n of a set is square n, a1 = 0, b1 = 1, ... h8 = 63 ---- */

typedef uint64_t squares;

enum { PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING, PIECE_KINDS };
enum { WHITE, BLACK };
enum { NO_SQUARE = 64, MAX_DEPTH = 15 };
enum { MAX_MOVES = 15 * 27 + 8 + 2 }; /* fifteen queens, a king, castling: no 16 pieces have more */
enum { BAD_INPUT = 1 };

struct position {
    squares kinds[PIECE_KINDS];
    squares sides[2];
    squares castling_rooks; /* rooks that may still castle */
    uint8_t to_move;
    uint8_t en_passant; /* the square a pawn just passed over, or NO_SQUARE */
};

struct move {
    uint8_t from, to;
    uint8_t promotion; /* kind, or PAWN for none */
};

struct moves {
    int count;
    struct move list[MAX_MOVES];
};

#define FILE_A 0x0101010101010101UL
#define FILE_H 0x8080808080808080UL
#define RANK_3 0x0000000000FF0000UL
#define RANK_6 0x0000FF0000000000UL
#define LAST_RANKS 0xFF000000000000FFUL

static squares bit(int square) { return 1UL << square; }
static int first(squares set) { return __builtin_ctzl(set); }
static int last(squares set) { return 63 - __builtin_clzl(set); }
static int count(squares set) { return __builtin_popcountl(set); }
static squares without_first(squares set) { return set & (set - 1); }

/* ---- Attacks ---- */

/* Rays from each square to the edge, its own square not included. The first four directions go up in
 * square numbers, so the nearest blocker is the lowest bit; the others go down. */
enum { NORTH, EAST, NORTH_EAST, NORTH_WEST, SOUTH, WEST, SOUTH_WEST, SOUTH_EAST, DIRECTIONS };
static const int8_t step_file[DIRECTIONS] = { 0, 1, 1, -1, 0, -1, -1, 1 };
static const int8_t step_rank[DIRECTIONS] = { 1, 0, 1, 1, -1, 0, -1, -1 };

static squares rays[DIRECTIONS][64];
static squares knight_table[64], king_table[64];

static squares moves_of_king(int square) { return king_table[square]; }
static squares moves_of_knight(int square) { return knight_table[square]; }

static squares at(int file, int rank)
{
    return file >= 0 && file < 8 && rank >= 0 && rank < 8 ? bit(rank * 8 + file) : 0;
}

static void make_tables(void)
{
    for (int square = 0; square < 64; square++) {
        int file = square & 7, rank = square >> 3;
        king_table[square] = 0;
        for (int d = 0; d < DIRECTIONS; d++) {
            rays[d][square] = 0;
            king_table[square] |= at(file + step_file[d], rank + step_rank[d]);
            for (int n = 1; n < 8; n++)
                rays[d][square] |= at(file + n * step_file[d], rank + n * step_rank[d]);
        }
        knight_table[square] = at(file + 1, rank + 2) | at(file + 2, rank + 1) | at(file + 2, rank - 1)
            | at(file + 1, rank - 2) | at(file - 1, rank - 2) | at(file - 2, rank - 1)
            | at(file - 2, rank + 1) | at(file - 1, rank + 2);
    }
}

static squares slide_up(int direction, int square, squares occupied)
{
    squares ray = rays[direction][square];
    squares blockers = ray & occupied;
    return blockers ? ray & ~rays[direction][first(blockers)] : ray;
}

static squares slide_down(int direction, int square, squares occupied)
{
    squares ray = rays[direction][square];
    squares blockers = ray & occupied;
    return blockers ? ray & ~rays[direction][last(blockers)] : ray;
}

static squares moves_of_rook(int square, squares occupied)
{
    return slide_up(NORTH, square, occupied) | slide_up(EAST, square, occupied)
        | slide_down(SOUTH, square, occupied) | slide_down(WEST, square, occupied);
}

static squares moves_of_bishop(int square, squares occupied)
{
    return slide_up(NORTH_EAST, square, occupied) | slide_up(NORTH_WEST, square, occupied)
        | slide_down(SOUTH_WEST, square, occupied) | slide_down(SOUTH_EAST, square, occupied);
}

/* Squares that pawns of a side attack. */
static squares pawn_attacks(squares pawns, int side)
{
    squares to_east = pawns & ~FILE_H, to_west = pawns & ~FILE_A;
    return side == WHITE ? to_east << 9 | to_west << 7 : to_east >> 7 | to_west >> 9;
}

static squares attacks_of(int kind, int square, squares occupied)
{
    switch (kind) {
    case KNIGHT:
        return moves_of_knight(square);
    case BISHOP:
        return moves_of_bishop(square, occupied);
    case ROOK:
        return moves_of_rook(square, occupied);
    case QUEEN:
        return moves_of_bishop(square, occupied) | moves_of_rook(square, occupied);
    default:
        return moves_of_king(square);
    }
}

/* All squares that a side attacks, were the board occupied so. */
static squares attacked_by(const struct position *p, int side, squares occupied)
{
    squares own = p->sides[side];
    squares attacked = pawn_attacks(own & p->kinds[PAWN], side);
    for (int kind = KNIGHT; kind <= KING; kind++) {
        for (squares left = own & p->kinds[kind]; left; left = without_first(left))
            attacked |= attacks_of(kind, first(left), occupied);
    }
    return attacked;
}

/* Sliders of a side that would reach a square, were the board occupied so. */
static squares sliders_to(const struct position *p, int side, int square, squares occupied)
{
    squares straight = p->kinds[ROOK] | p->kinds[QUEEN], diagonal = p->kinds[BISHOP] | p->kinds[QUEEN];
    return p->sides[side]
        & ((moves_of_rook(square, occupied) & straight) | (moves_of_bishop(square, occupied) & diagonal));
}

/* Squares strictly between two squares of one line; 0 if they share none. */
static squares between(int a, int b)
{
    for (int d = 0; d < DIRECTIONS; d++) {
        if (rays[d][a] & bit(b))
            return rays[d][a] & ~rays[d][b] & ~bit(b);
    }
    return 0;
}

/* ---- Moves ---- */

static void add(struct moves *moves, int from, squares targets, bool pawn)
{
    for (; targets; targets = without_first(targets)) {
        int to = first(targets);
        if (pawn && (bit(to) & LAST_RANKS)) {
            for (uint8_t kind = KNIGHT; kind <= QUEEN; kind++)
                moves->list[moves->count++] = (struct move){ (uint8_t)from, (uint8_t)to, kind };
        } else {
            moves->list[moves->count++] = (struct move){ (uint8_t)from, (uint8_t)to, PAWN };
        }
    }
}

/* En passant takes two pawns off one rank at once, which pins do not foresee: looks at the board after. */
static bool en_passant_is_safe(const struct position *p, int from, int king)
{
    int side = p->to_move;
    squares captured = side == WHITE ? bit(p->en_passant) >> 8 : bit(p->en_passant) << 8;
    squares occupied = ((p->sides[0] | p->sides[1]) & ~bit(from) & ~captured) | bit(p->en_passant);
    return !sliders_to(p, !side, king, occupied);
}

static void add_pawn_moves(const struct position *p, struct moves *moves, int from, squares allowed, squares answers, int king)
{
    int side = p->to_move;
    squares empty = ~(p->sides[0] | p->sides[1]);
    squares one = (side == WHITE ? bit(from) << 8 : bit(from) >> 8) & empty;
    squares two = (side == WHITE ? (one & RANK_3) << 8 : (one & RANK_6) >> 8) & empty;
    squares attacks = pawn_attacks(bit(from), side);
    add(moves, from, (one | two | (attacks & p->sides[!side])) & allowed & answers, true);

    if (p->en_passant != NO_SQUARE && (attacks & bit(p->en_passant))) {
        squares captured = side == WHITE ? bit(p->en_passant) >> 8 : bit(p->en_passant) << 8;
        bool answers_check = (bit(p->en_passant) | captured) & answers;
        if (answers_check && (allowed & bit(p->en_passant)) && en_passant_is_safe(p, from, king))
            add(moves, from, bit(p->en_passant), true);
    }
}

/* Castling, written as the king's move of two squares. */
static void add_castling(const struct position *p, struct moves *moves, int king, squares attacked)
{
    squares occupied = p->sides[0] | p->sides[1];
    squares rooks = p->castling_rooks & p->sides[p->to_move];
    for (; rooks; rooks = without_first(rooks)) {
        int rook = first(rooks);
        int to = rook > king ? king + 2 : king - 2;
        squares path = between(king, to) | bit(to) | bit(king);
        if (!(between(king, rook) & occupied) && !(path & attacked))
            add(moves, king, bit(to), false);
    }
}

static void make_moves(const struct position *p, struct moves *moves)
{
    int side = p->to_move;
    squares own = p->sides[side], other = p->sides[!side], occupied = own | other;
    int king = first(own & p->kinds[KING]);
    moves->count = 0;

    /* The king itself must not hide squares behind it from a slider. */
    squares attacked = attacked_by(p, !side, occupied & ~bit(king));
    add(moves, king, moves_of_king(king) & ~own & ~attacked, false);

    squares checkers = sliders_to(p, !side, king, occupied)
        | (moves_of_knight(king) & p->kinds[KNIGHT] & other)
        | (pawn_attacks(bit(king), side) & p->kinds[PAWN] & other);
    if (count(checkers) > 1)
        return;
    squares answers = checkers ? checkers | between(king, first(checkers)) : ~0UL;
    if (!checkers)
        add_castling(p, moves, king, attacked);

    /* A piece is pinned when it stands alone between its king and a slider that would reach the king. */
    squares pinned = 0;
    squares pin_lines[64];
    squares snipers = sliders_to(p, !side, king, other);
    for (; snipers; snipers = without_first(snipers)) {
        int sniper = first(snipers);
        squares line = between(king, sniper), blockers = line & own;
        if (count(blockers) == 1) {
            pinned |= blockers;
            pin_lines[first(blockers)] = line | bit(sniper);
        }
    }

    for (int kind = PAWN; kind < KING; kind++) {
        for (squares left = own & p->kinds[kind]; left; left = without_first(left)) {
            int from = first(left);
            squares allowed = pinned & bit(from) ? pin_lines[from] : ~0UL;
            if (kind == PAWN)
                add_pawn_moves(p, moves, from, allowed, answers, king);
            else
                add(moves, from, attacks_of(kind, from, occupied) & ~own & allowed & answers, false);
        }
    }
}

static void play(struct position *p, struct move move)
{
    int side = p->to_move;
    squares from = bit(move.from), to = bit(move.to);
    int kind = PAWN;
    while (!(p->kinds[kind] & from))
        kind++;

    squares captured = p->sides[!side] & to;
    if (kind == PAWN && move.to == p->en_passant)
        captured = side == WHITE ? to >> 8 : to << 8;
    if (captured) {
        p->sides[!side] ^= captured;
        for (int k = 0; k < PIECE_KINDS; k++)
            p->kinds[k] &= ~captured;
        p->castling_rooks &= ~captured;
    }

    p->sides[side] ^= from | to;
    p->kinds[kind] ^= from;
    p->kinds[move.promotion != PAWN ? move.promotion : kind] ^= to;
    p->en_passant = NO_SQUARE;

    if (kind == PAWN && (move.to - move.from == 16 || move.from - move.to == 16))
        p->en_passant = (uint8_t)((move.from + move.to) / 2);
    if (kind == ROOK)
        p->castling_rooks &= ~from;
    if (kind == KING) {
        squares corner_rook = 0;
        if (move.to == move.from + 2)
            corner_rook = bit(move.from + 3) | bit(move.from + 1);
        if (move.from == move.to + 2)
            corner_rook = bit(move.from - 4) | bit(move.from - 1);
        p->sides[side] ^= corner_rook;
        p->kinds[ROOK] ^= corner_rook;
        p->castling_rooks &= ~p->sides[side];
    }
    p->to_move = (uint8_t)!side;
}

static void count_sequences(const struct position *p, int depth, int ply, uint64_t counts[MAX_DEPTH])
{
    struct moves moves;
    make_moves(p, &moves);
    counts[ply] += (uint64_t)moves.count;
    if (ply + 1 == depth)
        return;
    for (int i = 0; i < moves.count; i++) {
        struct position next = *p;
        play(&next, moves.list[i]);
        count_sequences(&next, depth, ply + 1, counts);
    }
}

/* ---- Input ---- */

static _Noreturn void refuse(const char *reason) { opt_fail(BAD_INPUT, reason); }

static const char *text, *text_end;

static bool next_is(char c)
{
    if (text == text_end || *text != c)
        return false;
    text++;
    return true;
}

static char next(const char *reason)
{
    if (text == text_end)
        refuse(reason);
    return *text++;
}

static void read_board(struct position *p)
{
    static const char letters[] = "pnbrqk";
    const char *reason = "FEN: the board needs eight ranks of eight squares, pieces PNBRQKpnbrqk";
    for (int rank = 7; rank >= 0; rank--) {
        int file = 0;
        while (file < 8) {
            char c = next(reason);
            if (c >= '1' && c <= '8') {
                file += c - '0';
                continue;
            }
            int side = c >= 'a' ? BLACK : WHITE;
            const char *letter = c ? strchr(letters, c | 32) : NULL;
            if (!letter || !*letter)
                refuse(reason);
            p->sides[side] |= bit(rank * 8 + file);
            p->kinds[letter - letters] |= bit(rank * 8 + file);
            file++;
        }
        if (file != 8 || !next_is(rank ? '/' : ' '))
            refuse(reason);
    }
}

static void read_castling(struct position *p)
{
    if (next_is('-'))
        return;
    static const struct {
        char letter;
        uint8_t king, rook, side;
    } rights[4] = { { 'K', 4, 7, WHITE }, { 'Q', 4, 0, WHITE }, { 'k', 60, 63, BLACK }, { 'q', 60, 56, BLACK } };
    int seen = 0;
    for (int i = 0; i < 4; i++) {
        if (!next_is(rights[i].letter))
            continue;
        seen++;
        if (!(p->kinds[KING] & p->sides[rights[i].side] & bit(rights[i].king))
            || !(p->kinds[ROOK] & p->sides[rights[i].side] & bit(rights[i].rook)))
            refuse("FEN: castling without king and rook at home");
        p->castling_rooks |= bit(rights[i].rook);
    }
    if (!seen)
        refuse("FEN: castling must be - or letters of KQkq in this order");
}

static void read_en_passant(struct position *p)
{
    const char *reason = "FEN: en passant must be - or the square behind a pawn that just moved two";
    p->en_passant = NO_SQUARE;
    if (next_is('-'))
        return;
    char file = next(reason), rank = next(reason);
    if (file < 'a' || file > 'h' || rank != (p->to_move == WHITE ? '6' : '3'))
        refuse(reason);
    int square = (rank - '1') * 8 + file - 'a';
    int pawn = p->to_move == WHITE ? square - 8 : square + 8;
    squares pawns = p->kinds[PAWN] & p->sides[!p->to_move];
    if (!(pawns & bit(pawn)) || ((p->sides[0] | p->sides[1]) & bit(square)))
        refuse(reason);
    p->en_passant = (uint8_t)square;
}

static int read_input(struct position *p)
{
    text = (const char *)opt_input();
    text_end = text + opt_input_length();

    read_board(p);
    if (next_is('b'))
        p->to_move = BLACK;
    else if (!next_is('w'))
        refuse("FEN: side to move must be w or b");
    if (!next_is(' '))
        refuse("FEN: a space must follow the side to move");
    read_castling(p);
    if (!next_is(' '))
        refuse("FEN: a space must follow castling");
    read_en_passant(p);
    while (text < text_end && (*text == ' ' || (*text >= '0' && *text <= '9')))
        text++;

    if (!next_is(';'))
        refuse("a semicolon and a depth must follow the FEN");
    int depth = 0;
    for (int digits = 0; digits < 2 && text < text_end && *text >= '0' && *text <= '9'; digits++)
        depth = depth * 10 + *text++ - '0';
    next_is('\n');
    if (depth < 1 || depth > MAX_DEPTH || text != text_end)
        refuse("depth must be 1 to 15, and the end of the input");

    for (int side = WHITE; side <= BLACK; side++) {
        if (count(p->sides[side] & p->kinds[KING]) != 1 || count(p->sides[side]) > 16)
            refuse("FEN: each side needs one king and at most 16 pieces");
    }
    if (p->kinds[PAWN] & LAST_RANKS)
        refuse("FEN: a pawn on the first or last rank");
    return depth;
}

int main(void)
{
    static const struct position empty;
    struct position p = empty;
    make_tables();
    int depth = read_input(&p);
    squares waiting_king = p.kinds[KING] & p.sides[!p.to_move];
    if (attacked_by(&p, p.to_move, p.sides[0] | p.sides[1]) & waiting_king)
        refuse("FEN: the side to move could take the king");

    uint64_t counts[MAX_DEPTH] = { 0 };
    count_sequences(&p, depth, 0, counts);
    for (int i = 0; i < depth; i++)
        opt_append_u64(counts[i]);
    return 0;
}
