/* C: every compressed instruction, each bit of its immediate */
#include "check.h"

    BEGIN
    BUFFER
    .option rvc

    /* C.ADDI4SPN: each bit of the immediate. sp is restored from s0 after every use. */
    mv      s0, sp
    NEXT
    c.addi4spn a0, sp, 4
    sub     a0, a0, sp
    EXPECT  a0, 4
    NEXT
    c.addi4spn a0, sp, 8
    sub     a0, a0, sp
    EXPECT  a0, 8
    NEXT
    c.addi4spn a0, sp, 16
    sub     a0, a0, sp
    EXPECT  a0, 16
    NEXT
    c.addi4spn a0, sp, 32
    sub     a0, a0, sp
    EXPECT  a0, 32
    NEXT
    c.addi4spn a0, sp, 64
    sub     a0, a0, sp
    EXPECT  a0, 64
    NEXT
    c.addi4spn a0, sp, 128
    sub     a0, a0, sp
    EXPECT  a0, 128
    NEXT
    c.addi4spn a0, sp, 256
    sub     a0, a0, sp
    EXPECT  a0, 256
    NEXT
    c.addi4spn a0, sp, 512
    sub     a0, a0, sp
    EXPECT  a0, 512
    NEXT
    c.addi4spn a0, sp, 1020
    sub     a0, a0, sp
    EXPECT  a0, 1020

    /* C.LW, C.LD, C.SW, C.SD: each bit of the offset. */
    la      a4, wide
    NEXT
    li      a5, 0xffffffff80000000
    c.sw    a5, 0(a4)
    c.lw    a3, 0(a4)
    EXPECT  a3, 0xffffffff80000000
    lwu     a3, 0(a4)
    EXPECT  a3, 0x80000000
    NEXT
    li      a5, 0xffffffff80000004
    c.sw    a5, 4(a4)
    c.lw    a3, 4(a4)
    EXPECT  a3, 0xffffffff80000004
    lwu     a3, 4(a4)
    EXPECT  a3, 0x80000004
    NEXT
    li      a5, 0xffffffff80000008
    c.sw    a5, 8(a4)
    c.lw    a3, 8(a4)
    EXPECT  a3, 0xffffffff80000008
    lwu     a3, 8(a4)
    EXPECT  a3, 0x80000008
    NEXT
    li      a5, 0xffffffff80000010
    c.sw    a5, 16(a4)
    c.lw    a3, 16(a4)
    EXPECT  a3, 0xffffffff80000010
    lwu     a3, 16(a4)
    EXPECT  a3, 0x80000010
    NEXT
    li      a5, 0xffffffff80000020
    c.sw    a5, 32(a4)
    c.lw    a3, 32(a4)
    EXPECT  a3, 0xffffffff80000020
    lwu     a3, 32(a4)
    EXPECT  a3, 0x80000020
    NEXT
    li      a5, 0xffffffff80000040
    c.sw    a5, 64(a4)
    c.lw    a3, 64(a4)
    EXPECT  a3, 0xffffffff80000040
    lwu     a3, 64(a4)
    EXPECT  a3, 0x80000040
    NEXT
    li      a5, 0xffffffff8000007c
    c.sw    a5, 124(a4)
    c.lw    a3, 124(a4)
    EXPECT  a3, 0xffffffff8000007c
    lwu     a3, 124(a4)
    EXPECT  a3, 0x8000007c
    NEXT
    li      a5, 0xfedcba9876543210
    c.sd    a5, 0(a4)
    c.ld    a3, 0(a4)
    EXPECT  a3, 0xfedcba9876543210
    ld      a3, 0(a4)
    EXPECT  a3, 0xfedcba9876543210
    NEXT
    li      a5, 0xfedcba9876543218
    c.sd    a5, 8(a4)
    c.ld    a3, 8(a4)
    EXPECT  a3, 0xfedcba9876543218
    ld      a3, 8(a4)
    EXPECT  a3, 0xfedcba9876543218
    NEXT
    li      a5, 0xfedcba9876543220
    c.sd    a5, 16(a4)
    c.ld    a3, 16(a4)
    EXPECT  a3, 0xfedcba9876543220
    ld      a3, 16(a4)
    EXPECT  a3, 0xfedcba9876543220
    NEXT
    li      a5, 0xfedcba9876543230
    c.sd    a5, 32(a4)
    c.ld    a3, 32(a4)
    EXPECT  a3, 0xfedcba9876543230
    ld      a3, 32(a4)
    EXPECT  a3, 0xfedcba9876543230
    NEXT
    li      a5, 0xfedcba9876543250
    c.sd    a5, 64(a4)
    c.ld    a3, 64(a4)
    EXPECT  a3, 0xfedcba9876543250
    ld      a3, 64(a4)
    EXPECT  a3, 0xfedcba9876543250
    NEXT
    li      a5, 0xfedcba9876543290
    c.sd    a5, 128(a4)
    c.ld    a3, 128(a4)
    EXPECT  a3, 0xfedcba9876543290
    ld      a3, 128(a4)
    EXPECT  a3, 0xfedcba9876543290
    NEXT
    li      a5, 0xfedcba9876543308
    c.sd    a5, 248(a4)
    c.ld    a3, 248(a4)
    EXPECT  a3, 0xfedcba9876543308
    ld      a3, 248(a4)
    EXPECT  a3, 0xfedcba9876543308

    /* C.ADDI, C.ADDIW, C.LI, C.LUI, C.ADDI16SP */
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 1
    EXPECT  a0, 0x8000000000000000
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 1
    EXPECT  a0, 0xffffffff80000000
    NEXT
    li      t3, 99
    c.li    t3, 1
    EXPECT  t3, 1
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 2
    EXPECT  a0, 0x8000000000000001
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 2
    EXPECT  a0, 0xffffffff80000001
    NEXT
    li      t3, 99
    c.li    t3, 2
    EXPECT  t3, 2
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 4
    EXPECT  a0, 0x8000000000000003
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 4
    EXPECT  a0, 0xffffffff80000003
    NEXT
    li      t3, 99
    c.li    t3, 4
    EXPECT  t3, 4
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 8
    EXPECT  a0, 0x8000000000000007
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 8
    EXPECT  a0, 0xffffffff80000007
    NEXT
    li      t3, 99
    c.li    t3, 8
    EXPECT  t3, 8
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 16
    EXPECT  a0, 0x800000000000000f
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 16
    EXPECT  a0, 0xffffffff8000000f
    NEXT
    li      t3, 99
    c.li    t3, 16
    EXPECT  t3, 0x10
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, 31
    EXPECT  a0, 0x800000000000001e
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, 31
    EXPECT  a0, 0xffffffff8000001e
    NEXT
    li      t3, 99
    c.li    t3, 31
    EXPECT  t3, 0x1f
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, -1
    EXPECT  a0, 0x7ffffffffffffffe
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, -1
    EXPECT  a0, 0x7ffffffe
    NEXT
    li      t3, 99
    c.li    t3, -1
    EXPECT  t3, 0xffffffffffffffff
    NEXT
    li      a0, 0x7fffffffffffffff
    c.addi  a0, -32
    EXPECT  a0, 0x7fffffffffffffdf
    NEXT
    li      a0, 0x17fffffff
    c.addiw a0, -32
    EXPECT  a0, 0x7fffffdf
    NEXT
    li      t3, 99
    c.li    t3, -32
    EXPECT  t3, 0xffffffffffffffe0
    NEXT
    li      a0, 0x180000000
    c.addiw a0, 0
    EXPECT  a0, 0xffffffff80000000
    NEXT
    c.lui   a0, 1
    EXPECT  a0, 0x1000
    NEXT
    c.lui   a0, 2
    EXPECT  a0, 0x2000
    NEXT
    c.lui   a0, 4
    EXPECT  a0, 0x4000
    NEXT
    c.lui   a0, 8
    EXPECT  a0, 0x8000
    NEXT
    c.lui   a0, 0x10
    EXPECT  a0, 0x10000
    NEXT
    c.lui   a0, 0x1f
    EXPECT  a0, 0x1f000
    NEXT
    c.lui   a0, 0xfffe0
    EXPECT  a0, 0xfffffffffffe0000
    NEXT
    c.lui   a0, 0xfffff
    EXPECT  a0, 0xfffffffffffff000
    NEXT
    c.addi16sp sp, 16
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x10
    NEXT
    c.addi16sp sp, 32
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x20
    NEXT
    c.addi16sp sp, 64
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x40
    NEXT
    c.addi16sp sp, 128
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x80
    NEXT
    c.addi16sp sp, 256
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x100
    NEXT
    c.addi16sp sp, 496
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0x1f0
    NEXT
    c.addi16sp sp, -512
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0xfffffffffffffe00
    NEXT
    c.addi16sp sp, -16
    sub     a0, sp, s0
    mv      sp, s0
    EXPECT  a0, 0xfffffffffffffff0

    /* C.SRLI, C.SRAI, C.ANDI, C.SLLI */
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 1
    EXPECT  a0, 0x7f6e5d4c3b2a1908
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 1
    EXPECT  a0, 0xff6e5d4c3b2a1908
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 1
    EXPECT  t3, 0xfdb97530eca86420
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 2
    EXPECT  a0, 0x3fb72ea61d950c84
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 2
    EXPECT  a0, 0xffb72ea61d950c84
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 2
    EXPECT  t3, 0xfb72ea61d950c840
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 4
    EXPECT  a0, 0xfedcba987654321
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 4
    EXPECT  a0, 0xffedcba987654321
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 4
    EXPECT  t3, 0xedcba98765432100
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 8
    EXPECT  a0, 0xfedcba98765432
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 8
    EXPECT  a0, 0xfffedcba98765432
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 8
    EXPECT  t3, 0xdcba987654321000
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 16
    EXPECT  a0, 0xfedcba987654
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 16
    EXPECT  a0, 0xfffffedcba987654
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 16
    EXPECT  t3, 0xba98765432100000
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 32
    EXPECT  a0, 0xfedcba98
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 32
    EXPECT  a0, 0xfffffffffedcba98
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 32
    EXPECT  t3, 0x7654321000000000
    NEXT
    li      a0, 0xfedcba9876543210
    c.srli  a0, 63
    EXPECT  a0, 1
    NEXT
    li      a0, 0xfedcba9876543210
    c.srai  a0, 63
    EXPECT  a0, 0xffffffffffffffff
    NEXT
    li      t3, 0xfedcba9876543210
    c.slli  t3, 63
    EXPECT  t3, 0
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, 0
    EXPECT  a0, 0
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, 1
    EXPECT  a0, 1
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, 21
    EXPECT  a0, 5
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, 31
    EXPECT  a0, 0xf
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, -1
    EXPECT  a0, 0x123456789abcdef
    NEXT
    li      a0, 0x123456789abcdef
    c.andi  a0, -32
    EXPECT  a0, 0x123456789abcde0

    /* C.SUB, C.XOR, C.OR, C.AND, C.SUBW, C.ADDW, C.MV, C.ADD */
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.sub   a0, a1
    EXPECT  a0, 0x2468acf13579bdf
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.sub   a0, a1
    EXPECT  a0, 0x80000000
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.sub   a0, a1
    EXPECT  a0, 0x7fffffffffffffff
    EXPECT  a1, 1
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.xor   a0, a1
    EXPECT  a0, 0xffffffffffffffff
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.xor   a0, a1
    EXPECT  a0, 0xffffffff80000000
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.xor   a0, a1
    EXPECT  a0, 0x8000000000000001
    EXPECT  a1, 1
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.or    a0, a1
    EXPECT  a0, 0xffffffffffffffff
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.or    a0, a1
    EXPECT  a0, 0xffffffffffffffff
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.or    a0, a1
    EXPECT  a0, 0x8000000000000001
    EXPECT  a1, 1
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.and   a0, a1
    EXPECT  a0, 0
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.and   a0, a1
    EXPECT  a0, 0x7fffffff
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.and   a0, a1
    EXPECT  a0, 0
    EXPECT  a1, 1
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.subw  a0, a1
    EXPECT  a0, 0x13579bdf
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.subw  a0, a1
    EXPECT  a0, 0xffffffff80000000
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.subw  a0, a1
    EXPECT  a0, 0xffffffffffffffff
    EXPECT  a1, 1
    NEXT
    li      a0, 0x123456789abcdef
    li      a1, 0xfedcba9876543210
    c.addw  a0, a1
    EXPECT  a0, 0xffffffffffffffff
    EXPECT  a1, 0xfedcba9876543210
    NEXT
    li      a0, 0x7fffffff
    li      a1, 0xffffffffffffffff
    c.addw  a0, a1
    EXPECT  a0, 0x7ffffffe
    EXPECT  a1, 0xffffffffffffffff
    NEXT
    li      a0, 0x8000000000000000
    li      a1, 1
    c.addw  a0, a1
    EXPECT  a0, 1
    EXPECT  a1, 1
    NEXT
    li      t3, 0x123456789abcdef
    c.mv    t4, t3
    EXPECT  t4, 0x123456789abcdef
    NEXT
    li      t3, 0x123456789abcdef
    li      t4, 0xfedcba9876543210
    c.add   t3, t4
    EXPECT  t3, 0xffffffffffffffff

    /* C.J, C.BEQZ, C.BNEZ: forwards, backwards, taken or not, near and far. */
    NEXT
    c.j     2f
1:  c.j     3f
    j       fail
    .skip   2000
2:  c.j     1b
    j       fail
3:
    NEXT
    li      a0, 0
    c.beqz  a0, 2f
    j       fail
1:  c.bnez  a0, 4f
    c.j     3f
    .skip   230
2:  c.beqz  a0, 1b
4:  j       fail
3:
    NEXT
    li      a0, 0x100000000
    c.bnez  a0, 2f
    j       fail
1:  c.beqz  a0, 4f
    c.j     3f
    .skip   230
2:  c.bnez  a0, 1b
4:  j       fail
3:

    /* C.JR; C.JALR links to pc + 2, also when it jumps through ra. */
    NEXT
    la      t3, 1f
    c.jr    t3
    j       fail
1:
    NEXT
    la      ra, 2f
    c.jalr  ra
1:  j       fail
2:  la      t3, 1b
    bne     ra, t3, fail

    /* C.LWSP, C.LDSP, C.SWSP, C.SDSP: each bit of the offset. */
    la      sp, wide
    NEXT
    li      t3, 0xffffffff80000100
    c.swsp  t3, 0(sp)
    c.lwsp  t4, 0(sp)
    EXPECT  t4, 0xffffffff80000100
    lwu     t4, 0(sp)
    EXPECT  t4, 0x80000100
    NEXT
    li      t3, 0xffffffff80000104
    c.swsp  t3, 4(sp)
    c.lwsp  t4, 4(sp)
    EXPECT  t4, 0xffffffff80000104
    lwu     t4, 4(sp)
    EXPECT  t4, 0x80000104
    NEXT
    li      t3, 0xffffffff80000108
    c.swsp  t3, 8(sp)
    c.lwsp  t4, 8(sp)
    EXPECT  t4, 0xffffffff80000108
    lwu     t4, 8(sp)
    EXPECT  t4, 0x80000108
    NEXT
    li      t3, 0xffffffff80000110
    c.swsp  t3, 16(sp)
    c.lwsp  t4, 16(sp)
    EXPECT  t4, 0xffffffff80000110
    lwu     t4, 16(sp)
    EXPECT  t4, 0x80000110
    NEXT
    li      t3, 0xffffffff80000120
    c.swsp  t3, 32(sp)
    c.lwsp  t4, 32(sp)
    EXPECT  t4, 0xffffffff80000120
    lwu     t4, 32(sp)
    EXPECT  t4, 0x80000120
    NEXT
    li      t3, 0xffffffff80000140
    c.swsp  t3, 64(sp)
    c.lwsp  t4, 64(sp)
    EXPECT  t4, 0xffffffff80000140
    lwu     t4, 64(sp)
    EXPECT  t4, 0x80000140
    NEXT
    li      t3, 0xffffffff80000180
    c.swsp  t3, 128(sp)
    c.lwsp  t4, 128(sp)
    EXPECT  t4, 0xffffffff80000180
    lwu     t4, 128(sp)
    EXPECT  t4, 0x80000180
    NEXT
    li      t3, 0xffffffff800001fc
    c.swsp  t3, 252(sp)
    c.lwsp  t4, 252(sp)
    EXPECT  t4, 0xffffffff800001fc
    lwu     t4, 252(sp)
    EXPECT  t4, 0x800001fc
    NEXT
    li      t3, 0x123456789abcdef
    c.sdsp  t3, 0(sp)
    c.ldsp  t4, 0(sp)
    EXPECT  t4, 0x123456789abcdef
    ld      t4, 0(sp)
    EXPECT  t4, 0x123456789abcdef
    NEXT
    li      t3, 0x123456789abcdf7
    c.sdsp  t3, 8(sp)
    c.ldsp  t4, 8(sp)
    EXPECT  t4, 0x123456789abcdf7
    ld      t4, 8(sp)
    EXPECT  t4, 0x123456789abcdf7
    NEXT
    li      t3, 0x123456789abcdff
    c.sdsp  t3, 16(sp)
    c.ldsp  t4, 16(sp)
    EXPECT  t4, 0x123456789abcdff
    ld      t4, 16(sp)
    EXPECT  t4, 0x123456789abcdff
    NEXT
    li      t3, 0x123456789abce0f
    c.sdsp  t3, 32(sp)
    c.ldsp  t4, 32(sp)
    EXPECT  t4, 0x123456789abce0f
    ld      t4, 32(sp)
    EXPECT  t4, 0x123456789abce0f
    NEXT
    li      t3, 0x123456789abce2f
    c.sdsp  t3, 64(sp)
    c.ldsp  t4, 64(sp)
    EXPECT  t4, 0x123456789abce2f
    ld      t4, 64(sp)
    EXPECT  t4, 0x123456789abce2f
    NEXT
    li      t3, 0x123456789abce6f
    c.sdsp  t3, 128(sp)
    c.ldsp  t4, 128(sp)
    EXPECT  t4, 0x123456789abce6f
    ld      t4, 128(sp)
    EXPECT  t4, 0x123456789abce6f
    NEXT
    li      t3, 0x123456789abceef
    c.sdsp  t3, 256(sp)
    c.ldsp  t4, 256(sp)
    EXPECT  t4, 0x123456789abceef
    ld      t4, 256(sp)
    EXPECT  t4, 0x123456789abceef
    NEXT
    li      t3, 0x123456789abcfe7
    c.sdsp  t3, 504(sp)
    c.ldsp  t4, 504(sp)
    EXPECT  t4, 0x123456789abcfe7
    ld      t4, 504(sp)
    EXPECT  t4, 0x123456789abcfe7

    /* HINTs: C.NOP with an immediate, C.ADDI 0, C.LI x0, C.LUI x0, C.MV x0, C.ADD x0, C.SLLI x0, shifts by 0. */
    mv      sp, s0
    NEXT
    li      a0, 9
    .half   0x0005, 0x0501, 0x4005, 0x6005, 0x802A, 0x902A, 0x0006, 0x0502, 0x8101, 0x8501
    EXPECT  a0, 9
    EXPECT  x0, 0

    .data
    .balign 32
wide:
    .skip   512
    .text

    END
