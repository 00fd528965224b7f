/* chess - perft: counts move sequences from two well-known positions on a 10x12 board, by making every pseudo-legal move,
 * looking for checks, and taking it back. Counts are the published ones (chessprogramming.org, "Perft Results"). */
#include "checksum.h"

enum { EMPTY, PAWN, KNIGHT, BISHOP, ROOK, QUEEN, KING, WHITE = 8, BLACK = 16, OFF = 32 };
enum { A1 = 21, H1 = 28, A8 = 91, H8 = 98, E1 = 25, E8 = 95 };

struct move {
    uint8_t from, to, promotion, flag;
};
enum { PLAIN, DOUBLE, EN_PASSANT, CASTLE };

static uint8_t board[120];
static int side, passant, castling; /* castling: 1 white short, 2 white long, 4 black short, 8 black long */
static int kings[2];

static const int8_t knight_steps[8] = { -21, -19, -12, -8, 8, 12, 19, 21 };
static const int8_t king_steps[8] = { -11, -10, -9, -1, 1, 9, 10, 11 };
static const int8_t diagonals[4] = { -11, -9, 9, 11 }, straights[4] = { -10, -1, 1, 10 };

static void set_up(const char *fen)
{
    memset(board, OFF, sizeof board);
    int square = A8;
    for (; *fen && *fen != ' '; fen++) {
        if (*fen == '/')
            square -= 18;
        else if (*fen >= '1' && *fen <= '8')
            for (int n = *fen - '0'; n; n--)
                board[square++] = EMPTY;
        else {
            int piece = (int)(strchr("pnbrqk", *fen | 32) - "pnbrqk") + 1;
            int white = !(*fen & 32);
            if (piece == KING)
                kings[!white] = square;
            board[square++] = (uint8_t)(piece | (white ? WHITE : BLACK));
        }
    }
    side = fen[1] == 'w' ? WHITE : BLACK;
    castling = 0;
    for (fen += 3; *fen && *fen != ' '; fen++)
        castling |= *fen == 'K' ? 1 : *fen == 'Q' ? 2 : *fen == 'k' ? 4 : *fen == 'q' ? 8 : 0;
    passant = 0;
}

static int is_attacked(int square, int by)
{
    int pawn = by == WHITE ? -10 : 10;
    if (board[square + pawn - 1] == (by | PAWN) || board[square + pawn + 1] == (by | PAWN))
        return 1;
    for (int i = 0; i < 8; i++) {
        if (board[square + knight_steps[i]] == (by | KNIGHT) || board[square + king_steps[i]] == (by | KING))
            return 1;
    }
    for (int i = 0; i < 4; i++) {
        int to = square + diagonals[i];
        while (board[to] == EMPTY)
            to += diagonals[i];
        if (board[to] == (by | BISHOP) || board[to] == (by | QUEEN))
            return 1;
        to = square + straights[i];
        while (board[to] == EMPTY)
            to += straights[i];
        if (board[to] == (by | ROOK) || board[to] == (by | QUEEN))
            return 1;
    }
    return 0;
}

static struct move *put(struct move *at, int from, int to, int flag)
{
    *at = (struct move){ (uint8_t)from, (uint8_t)to, 0, (uint8_t)flag };
    return at + 1;
}

static struct move *put_pawn(struct move *at, int from, int to, int flag)
{
    if (to < A8 && to > H1)
        return put(at, from, to, flag);
    for (int piece = KNIGHT; piece <= QUEEN; piece++) {
        at = put(at, from, to, flag);
        at[-1].promotion = (uint8_t)piece;
    }
    return at;
}

static struct move *slide(struct move *at, int from, const int8_t *steps, int count, int other, int once)
{
    for (int i = 0; i < count; i++) {
        int to = from + steps[i];
        for (; board[to] == EMPTY; to += steps[i]) {
            at = put(at, from, to, PLAIN);
            if (once)
                break;
        }
        if (board[to] & other && !(once && board[from + steps[i]] == EMPTY))
            at = put(at, from, to, PLAIN);
    }
    return at;
}

static struct move *generate(struct move *at)
{
    int other = side ^ (WHITE | BLACK), forward = side == WHITE ? 10 : -10;
    for (int from = A1; from <= H8; from++) {
        if (!(board[from] & side) || board[from] == OFF)
            continue;
        switch (board[from] & 7) {
        case PAWN:
            if (board[from + forward] == EMPTY) {
                at = put_pawn(at, from, from + forward, PLAIN);
                int start = side == WHITE ? from <= 38 : from >= 81;
                if (start && board[from + 2 * forward] == EMPTY)
                    at = put(at, from, from + 2 * forward, DOUBLE);
            }
            for (int sideways = -1; sideways <= 1; sideways += 2) {
                int to = from + forward + sideways;
                if (board[to] & other)
                    at = put_pawn(at, from, to, PLAIN);
                else if (to == passant)
                    at = put(at, from, to, EN_PASSANT);
            }
            break;
        case KNIGHT:
            at = slide(at, from, knight_steps, 8, other, 1);
            break;
        case BISHOP:
            at = slide(at, from, diagonals, 4, other, 0);
            break;
        case ROOK:
            at = slide(at, from, straights, 4, other, 0);
            break;
        case QUEEN:
            at = slide(at, from, king_steps, 8, other, 0);
            break;
        default: {
            at = slide(at, from, king_steps, 8, other, 1);
            int rights = side == WHITE ? castling : castling >> 2;
            if (rights & 3 && !is_attacked(from, other)) {
                if (rights & 1 && board[from + 1] == EMPTY && board[from + 2] == EMPTY && !is_attacked(from + 1, other))
                    at = put(at, from, from + 2, CASTLE);
                if (rights & 2 && board[from - 1] == EMPTY && board[from - 2] == EMPTY && board[from - 3] == EMPTY && !is_attacked(from - 1, other))
                    at = put(at, from, from - 2, CASTLE);
            }
        }
        }
    }
    return at;
}

static int rights_at(int square)
{
    switch (square) {
    case A1: return 2;
    case H1: return 1;
    case E1: return 3;
    case A8: return 8;
    case H8: return 4;
    case E8: return 12;
    default: return 0;
    }
}

static uint64_t perft(int depth)
{
    struct move moves[256], *end = generate(moves);
    uint64_t count = 0;
    int mover = side, other = mover ^ (WHITE | BLACK), old_passant = passant, old_castling = castling;
    for (const struct move *m = moves; m < end; m++) {
        uint8_t piece = board[m->from], taken = board[m->to];
        int victim = m->flag == EN_PASSANT ? m->to + (mover == WHITE ? -10 : 10) : m->to;
        if (m->flag == EN_PASSANT) {
            taken = board[victim];
            board[victim] = EMPTY;
        }
        board[m->to] = m->promotion ? (uint8_t)(m->promotion | mover) : piece;
        board[m->from] = EMPTY;
        if (m->flag == CASTLE) {
            int rook = m->to > m->from ? m->to + 1 : m->to - 2, beside = (m->from + m->to) / 2;
            board[beside] = board[rook];
            board[rook] = EMPTY;
        }
        if ((piece & 7) == KING)
            kings[mover == BLACK] = m->to;
        passant = m->flag == DOUBLE ? (m->from + m->to) / 2 : 0;
        castling &= ~(rights_at(m->from) | rights_at(m->to));
        side = other;

        if (!is_attacked(kings[mover == BLACK], other))
            count += depth == 1 ? 1 : perft(depth - 1);

        side = mover;
        passant = old_passant;
        castling = old_castling;
        if ((piece & 7) == KING)
            kings[mover == BLACK] = m->from;
        if (m->flag == CASTLE) {
            int rook = m->to > m->from ? m->to + 1 : m->to - 2, beside = (m->from + m->to) / 2;
            board[rook] = board[beside];
            board[beside] = EMPTY;
        }
        board[m->from] = piece;
        board[m->to] = m->flag == EN_PASSANT ? EMPTY : taken;
        board[victim] = taken;
    }
    return count;
}

int main(void)
{
    static const uint64_t start[] = { 20, 400, 8902, 197281, 4865609 }, middle[] = { 48, 2039, 97862, 4085603 };
    for (int depth = 1; depth <= SIZE; depth++) {
        set_up("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq");
        uint64_t count = perft(depth);
        require(count == start[depth - 1]);
        mix(count);
        if (depth == SIZE)
            break;
        set_up("r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq");
        count = perft(depth);
        require(count == middle[depth - 1]);
        mix(count);
    }
    return finish("chess");
}
