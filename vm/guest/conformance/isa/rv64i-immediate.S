/* RV64I: register-immediate, LUI, AUIPC */
#include "check.h"

    BEGIN

    RI      addi, 0, 0, 0
    RI      addi, 0x8000000000000000, 0x7fffffffffffffff, 1
    RI      addi, 0x123456789abc5ef, 0x123456789abcdef, -2048
    RI      addi, 0xfedcba9876543a0f, 0xfedcba9876543210, 2047
    RI      addi, 0xfffffffffffffffe, 0xffffffffffffffff, -1
    RI      addi, 0x80000000, 0x7fffffff, 1
    RI      addi, 0xffffffff7fffffff, 0xffffffff80000000, -1
    RI      addi, 0x100000000, 0xffffffff, 1

    RI      slti, 0, 0, 0
    RI      slti, 0, 0x7fffffffffffffff, 1
    RI      slti, 0, 0x123456789abcdef, -2048
    RI      slti, 1, 0xfedcba9876543210, 2047
    RI      slti, 0, 0xffffffffffffffff, -1
    RI      slti, 0, 0x7fffffff, 1
    RI      slti, 1, 0xffffffff80000000, -1
    RI      slti, 0, 0xffffffff, 1
    RI      slti, 1, 5, 6
    RI      slti, 0, 6, 5
    RI      slti, 1, 0xfffffffffffffffa, -5
    RI      slti, 1, 0x8000000000000000, -1
    RI      slti, 0, 1, -1
    RI      slti, 1, 0xffffffffffffffff, 1

    RI      sltiu, 0, 0, 0
    RI      sltiu, 0, 0x7fffffffffffffff, 1
    RI      sltiu, 1, 0x123456789abcdef, -2048
    RI      sltiu, 0, 0xfedcba9876543210, 2047
    RI      sltiu, 0, 0xffffffffffffffff, -1
    RI      sltiu, 0, 0x7fffffff, 1
    RI      sltiu, 1, 0xffffffff80000000, -1
    RI      sltiu, 0, 0xffffffff, 1
    RI      sltiu, 1, 5, 6
    RI      sltiu, 0, 6, 5
    RI      sltiu, 1, 0xfffffffffffffffa, -5
    RI      sltiu, 1, 0x8000000000000000, -1
    RI      sltiu, 1, 1, -1
    RI      sltiu, 0, 0xffffffffffffffff, 1

    RI      xori, 0, 0, 0
    RI      xori, 0x7ffffffffffffffe, 0x7fffffffffffffff, 1
    RI      xori, 0xfedcba98765435ef, 0x123456789abcdef, -2048
    RI      xori, 0xfedcba98765435ef, 0xfedcba9876543210, 2047
    RI      xori, 0, 0xffffffffffffffff, -1
    RI      xori, 0x7ffffffe, 0x7fffffff, 1
    RI      xori, 0x7fffffff, 0xffffffff80000000, -1
    RI      xori, 0xfffffffe, 0xffffffff, 1

    RI      ori, 0, 0, 0
    RI      ori, 0x7fffffffffffffff, 0x7fffffffffffffff, 1
    RI      ori, 0xfffffffffffffdef, 0x123456789abcdef, -2048
    RI      ori, 0xfedcba98765437ff, 0xfedcba9876543210, 2047
    RI      ori, 0xffffffffffffffff, 0xffffffffffffffff, -1
    RI      ori, 0x7fffffff, 0x7fffffff, 1
    RI      ori, 0xffffffffffffffff, 0xffffffff80000000, -1
    RI      ori, 0xffffffff, 0xffffffff, 1

    RI      andi, 0, 0, 0
    RI      andi, 1, 0x7fffffffffffffff, 1
    RI      andi, 0x123456789abc800, 0x123456789abcdef, -2048
    RI      andi, 0x210, 0xfedcba9876543210, 2047
    RI      andi, 0xffffffffffffffff, 0xffffffffffffffff, -1
    RI      andi, 1, 0x7fffffff, 1
    RI      andi, 0xffffffff80000000, 0xffffffff80000000, -1
    RI      andi, 1, 0xffffffff, 1

    RI      addiw, 0, 0, 0
    RI      addiw, 0, 0x7fffffffffffffff, 1
    RI      addiw, 0xffffffff89abc5ef, 0x123456789abcdef, -2048
    RI      addiw, 0x76543a0f, 0xfedcba9876543210, 2047
    RI      addiw, 0xfffffffffffffffe, 0xffffffffffffffff, -1
    RI      addiw, 0xffffffff80000000, 0x7fffffff, 1
    RI      addiw, 0x7fffffff, 0xffffffff80000000, -1
    RI      addiw, 0, 0xffffffff, 1

    RI      slli, 0x123456789abcdef, 0x123456789abcdef, 0
    RI      slli, 0xfdb97530eca86420, 0xfedcba9876543210, 1
    RI      slli, 0x3b2a190800000000, 0xfedcba9876543210, 31
    RI      slli, 0x89abcdef00000000, 0x123456789abcdef, 32
    RI      slli, 0x1908000000000000, 0xfedcba9876543210, 47
    RI      slli, 0, 0xfedcba9876543210, 63
    RI      slli, 0x8000000000000000, 0xffffffffffffffff, 63

    RI      srli, 0x123456789abcdef, 0x123456789abcdef, 0
    RI      srli, 0x7f6e5d4c3b2a1908, 0xfedcba9876543210, 1
    RI      srli, 0x1fdb97530, 0xfedcba9876543210, 31
    RI      srli, 0x1234567, 0x123456789abcdef, 32
    RI      srli, 0x1fdb9, 0xfedcba9876543210, 47
    RI      srli, 1, 0xfedcba9876543210, 63
    RI      srli, 1, 0xffffffffffffffff, 63

    RI      srai, 0x123456789abcdef, 0x123456789abcdef, 0
    RI      srai, 0xff6e5d4c3b2a1908, 0xfedcba9876543210, 1
    RI      srai, 0xfffffffffdb97530, 0xfedcba9876543210, 31
    RI      srai, 0x1234567, 0x123456789abcdef, 32
    RI      srai, 0xfffffffffffffdb9, 0xfedcba9876543210, 47
    RI      srai, 0xffffffffffffffff, 0xfedcba9876543210, 63
    RI      srai, 0xffffffffffffffff, 0xffffffffffffffff, 63

    RI      slliw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RI      slliw, 0xffffffffeca86420, 0xfedcba9876543210, 1
    RI      slliw, 0xffffffff9abcdef0, 0x123456789abcdef, 4
    RI      slliw, 0x19080000, 0xfedcba9876543210, 15
    RI      slliw, 0xffffffff80000000, 0x123456789abcdef, 31
    RI      slliw, 0xfffffffffffffff8, 0xffffffff7fffffff, 3
    RI      slliw, 0, 0x80000000, 31

    RI      srliw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RI      srliw, 0x3b2a1908, 0xfedcba9876543210, 1
    RI      srliw, 0x89abcde, 0x123456789abcdef, 4
    RI      srliw, 0xeca8, 0xfedcba9876543210, 15
    RI      srliw, 1, 0x123456789abcdef, 31
    RI      srliw, 0xfffffff, 0xffffffff7fffffff, 3
    RI      srliw, 1, 0x80000000, 31

    RI      sraiw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RI      sraiw, 0x3b2a1908, 0xfedcba9876543210, 1
    RI      sraiw, 0xfffffffff89abcde, 0x123456789abcdef, 4
    RI      sraiw, 0xeca8, 0xfedcba9876543210, 15
    RI      sraiw, 0xffffffffffffffff, 0x123456789abcdef, 31
    RI      sraiw, 0xfffffff, 0xffffffff7fffffff, 3
    RI      sraiw, 0xffffffffffffffff, 0x80000000, 31

    NEXT
    lui     a0, 0
    EXPECT  a0, 0
    NEXT
    lui     a0, 1
    EXPECT  a0, 0x1000
    NEXT
    lui     a0, 0x7ffff
    EXPECT  a0, 0x7ffff000
    NEXT
    lui     a0, 0x80000
    EXPECT  a0, 0xffffffff80000000
    NEXT
    lui     a0, 0xfffff
    EXPECT  a0, 0xfffffffffffff000
    NEXT
    lui     a0, 0x12345
    EXPECT  a0, 0x12345000

    NEXT
    jal     a1, .+4
    auipc   a0, 0
    sub     a0, a0, a1
    EXPECT  a0, 0
    NEXT
    jal     a1, .+4
    auipc   a0, 1
    sub     a0, a0, a1
    EXPECT  a0, 0x1000
    NEXT
    jal     a1, .+4
    auipc   a0, 0x7ffff
    sub     a0, a0, a1
    EXPECT  a0, 0x7ffff000
    NEXT
    jal     a1, .+4
    auipc   a0, 0x80000
    sub     a0, a0, a1
    EXPECT  a0, 0xffffffff80000000
    NEXT
    jal     a1, .+4
    auipc   a0, 0xfffff
    sub     a0, a0, a1
    EXPECT  a0, 0xfffffffffffff000

    /* Writes to x0 are dropped; a HINT does nothing. */
    NEXT
    li      a1, 5
    addi    x0, a1, 7
    lui     x0, 0xFFFFF
    add     x0, a1, a1
    srai    x0, a1, 1
    auipc   x0, 1
    EXPECT  x0, 0
    NEXT
    li      a1, -1
    add     a0, x0, a1
    EXPECT  a0, 0xffffffffffffffff

    END
