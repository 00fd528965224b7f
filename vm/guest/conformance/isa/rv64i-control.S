/* RV64I: branches, jumps, fences, environment calls */
#include "check.h"

    BEGIN

    TAKEN     beq, 0, 0
    NOT_TAKEN beq, 1, 2
    NOT_TAKEN beq, 2, 1
    NOT_TAKEN beq, 0xffffffffffffffff, 1
    NOT_TAKEN beq, 1, 0xffffffffffffffff
    NOT_TAKEN beq, 0x8000000000000000, 0x7fffffffffffffff
    NOT_TAKEN beq, 0x7fffffffffffffff, 0x8000000000000000
    TAKEN     beq, 0xffffffffffffffff, 0xffffffffffffffff
    NOT_TAKEN beq, 0x100000000, 0

    NOT_TAKEN bne, 0, 0
    TAKEN     bne, 1, 2
    TAKEN     bne, 2, 1
    TAKEN     bne, 0xffffffffffffffff, 1
    TAKEN     bne, 1, 0xffffffffffffffff
    TAKEN     bne, 0x8000000000000000, 0x7fffffffffffffff
    TAKEN     bne, 0x7fffffffffffffff, 0x8000000000000000
    NOT_TAKEN bne, 0xffffffffffffffff, 0xffffffffffffffff
    TAKEN     bne, 0x100000000, 0

    NOT_TAKEN blt, 0, 0
    TAKEN     blt, 1, 2
    NOT_TAKEN blt, 2, 1
    TAKEN     blt, 0xffffffffffffffff, 1
    NOT_TAKEN blt, 1, 0xffffffffffffffff
    TAKEN     blt, 0x8000000000000000, 0x7fffffffffffffff
    NOT_TAKEN blt, 0x7fffffffffffffff, 0x8000000000000000
    NOT_TAKEN blt, 0xffffffffffffffff, 0xffffffffffffffff
    NOT_TAKEN blt, 0x100000000, 0

    TAKEN     bge, 0, 0
    NOT_TAKEN bge, 1, 2
    TAKEN     bge, 2, 1
    NOT_TAKEN bge, 0xffffffffffffffff, 1
    TAKEN     bge, 1, 0xffffffffffffffff
    NOT_TAKEN bge, 0x8000000000000000, 0x7fffffffffffffff
    TAKEN     bge, 0x7fffffffffffffff, 0x8000000000000000
    TAKEN     bge, 0xffffffffffffffff, 0xffffffffffffffff
    TAKEN     bge, 0x100000000, 0

    NOT_TAKEN bltu, 0, 0
    TAKEN     bltu, 1, 2
    NOT_TAKEN bltu, 2, 1
    NOT_TAKEN bltu, 0xffffffffffffffff, 1
    TAKEN     bltu, 1, 0xffffffffffffffff
    NOT_TAKEN bltu, 0x8000000000000000, 0x7fffffffffffffff
    TAKEN     bltu, 0x7fffffffffffffff, 0x8000000000000000
    NOT_TAKEN bltu, 0xffffffffffffffff, 0xffffffffffffffff
    NOT_TAKEN bltu, 0x100000000, 0

    TAKEN     bgeu, 0, 0
    NOT_TAKEN bgeu, 1, 2
    TAKEN     bgeu, 2, 1
    TAKEN     bgeu, 0xffffffffffffffff, 1
    NOT_TAKEN bgeu, 1, 0xffffffffffffffff
    TAKEN     bgeu, 0x8000000000000000, 0x7fffffffffffffff
    NOT_TAKEN bgeu, 0x7fffffffffffffff, 0x8000000000000000
    TAKEN     bgeu, 0xffffffffffffffff, 0xffffffffffffffff
    TAKEN     bgeu, 0x100000000, 0

    /* Backwards, and a loop: 0 + 1 + ... + 99. */
    NEXT
    li      a0, 0
    li      a1, 99
1:  add     a0, a0, a1
    addi    a1, a1, -1
    bgez    a1, 1b
    EXPECT  a0, 4950

    /* JAL: link, forwards, backwards, rd = x0. */
    NEXT
    jal     a0, 2f
1:  j       3f
2:  la      a1, 1b
    bne     a0, a1, fail
    jal     a0, 1b
    j       fail
3:

    /* JALR: link, offset, bit 0 of the target cleared, rd = rs1. */
    NEXT
    la      a1, 2f + 5
    jalr    a0, -4(a1)
1:  j       fail
2:  la      a2, 1b
    bne     a0, a2, fail
    NEXT
    la      a1, 2f
    jalr    a1, 0(a1)
1:  j       fail
2:  la      a2, 1b
    bne     a1, a2, fail
    NEXT
    la      a1, 1f - 2047
    jalr    x0, 2047(a1)
    j       fail
1:

    /* A far jump and back. */
    NEXT
    j       far
back:

    /* FENCE in several forms, FENCE.I. */
    NEXT
    li      a0, 7
    fence
    fence   r, w
    fence.tso
    .word   0x0000100F
    EXPECT  a0, 7

    /* ECALL: an unknown number gives -38 and changes no other register; writing nothing gives 0. */
    NEXT
    li      a0, 1
    li      a1, 2
    li      a2, 3
    li      a7, 4000
    ecall
    EXPECT  a0, -38
    EXPECT  a1, 2
    EXPECT  a2, 3
    EXPECT  a7, 4000
    NEXT
    li      a0, 1
    la      a1, _start
    li      a2, 0
    li      a7, 64
    ecall
    EXPECT  a0, 0

    /* A 4-byte instruction over the border of two 32-byte words; pc runs through every even offset. */
    .option push
    .option rvc
    .balign 32
    NEXT
    li      a0, 0
    .balign 32
    .rept   15
    c.nop
    .endr
    lui     a0, 0x12345
    .rept   15
    c.addi  a0, 1
    .endr
    addi    a0, a0, 0x700
    .option pop
    EXPECT  a0, 0x1234570f
    j       over

    .balign 4096
    .skip   40960
far:
    j       back
over:

    END
