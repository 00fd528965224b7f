/* check.h - self-checking cases for one family of instructions.
 *
 * Each file is a whole program: BEGIN, cases, END. It exits with 0 when every case gave what it should,
 * otherwise with the number of the first that did not, counted from 1 (at most 255, so that a Linux
 * exit code can hold it). Expected values are written out; nothing is computed by what it tests.
 *
 * s11 holds the number of the case under way; a0..a5, t0..t6 are free to every case; sp is not touched
 * but where a case says so.
 */
    .altmacro

.macro BEGIN
    .text
    .option norelax
    .globl _start
_start:
    .set case, 0
.endm

.macro END
    li      a0, 0
    j       exit
fail:
    mv      a0, s11
exit:
    li      a1, 0
    li      a7, 93
    ecall
    .if case > 255
    .error "more than 255 cases: an exit code cannot tell them apart"
    .endif
.endm

.macro NEXT
    .set case, case + 1
    li      s11, case
.endm

.macro EXPECT register, value
    li      t6, \value
    bne     \register, t6, fail
.endm

/* op rd, rs1, rs2 */
.macro RR op, expected, a, b
    NEXT
    li      a1, \a
    li      a2, \b
    \op     a0, a1, a2
    EXPECT  a0, \expected
.endm

/* The same with rd = rs1 and with rd = rs2. */
.macro RR_SAME op, expected, a, b
    NEXT
    li      a1, \a
    li      a2, \b
    \op     a1, a1, a2
    EXPECT  a1, \expected
    NEXT
    li      a1, \a
    li      a2, \b
    \op     a2, a1, a2
    EXPECT  a2, \expected
.endm

/* op rd, rs1, immediate */
.macro RI op, expected, a, immediate
    NEXT
    li      a1, \a
    \op     a0, a1, \immediate
    EXPECT  a0, \expected
.endm

/* op rd, rs1 */
.macro R1 op, expected, a
    NEXT
    li      a1, \a
    \op     a0, a1
    EXPECT  a0, \expected
.endm

/* A branch that must be taken or must not, forwards. */
.macro TAKEN op, a, b
    LOCAL   target
    NEXT
    li      a1, \a
    li      a2, \b
    \op     a1, a2, target
    j       fail
target:
.endm

.macro NOT_TAKEN op, a, b
    LOCAL   target, over
    NEXT
    li      a1, \a
    li      a2, \b
    \op     a1, a2, target
    j       over
target:
    j       fail
over:
.endm

/* 48 bytes at "buffer", 32-byte aligned: 0x80, 0x91, 0xA2, ... each byte the last plus 0x11. */
.macro BUFFER
    .data
    .balign 32
pattern:
    .byte   0x80, 0x91, 0xA2, 0xB3, 0xC4, 0xD5, 0xE6, 0xF7, 0x08, 0x19, 0x2A, 0x3B, 0x4C, 0x5D, 0x6E, 0x7F
    .byte   0x90, 0xA1, 0xB2, 0xC3, 0xD4, 0xE5, 0xF6, 0x07, 0x18, 0x29, 0x3A, 0x4B, 0x5C, 0x6D, 0x7E, 0x8F
    .byte   0xA0, 0xB1, 0xC2, 0xD3, 0xE4, 0xF5, 0x06, 0x17, 0x28, 0x39, 0x4A, 0x5B, 0x6C, 0x7D, 0x8E, 0x9F
    .balign 32
buffer:
    .skip   64
    .text
.endm

.macro FILL
    la      t0, pattern
    la      t1, buffer
    .irp    at, 0, 8, 16, 24, 32, 40
    ld      t2, \at(t0)
    sd      t2, \at(t1)
    .endr
.endm

/* op rd, offset(base), the buffer filled */
.macro LOAD op, expected, offset
    NEXT
    la      a1, buffer
    \op     a0, \offset(a1)
    EXPECT  a0, \expected
.endm

/* op rs2, offset(base), then the two doublewords around it */
.macro STORE op, value, offset, low, high
    NEXT
    FILL
    la      a1, buffer
    li      a2, \value
    \op     a2, \offset(a1)
    ld      a3, ((\offset) / 8 * 8)(a1)
    ld      a4, ((\offset) / 8 * 8 + 8)(a1)
    EXPECT  a3, \low
    EXPECT  a4, \high
.endm

/* op rd, rs2, (rs1): memory "before" at buffer + 8, then "after"; the address is buffer + 8 + offset */
.macro AMO op, result, after, before, operand, offset
    NEXT
    la      a1, buffer
    li      a2, \before
    sd      a2, 8(a1)
    addi    a3, a1, 8 + \offset
    li      a4, \operand
    \op     a0, a4, (a3)
    EXPECT  a0, \result
    ld      a2, 8(a1)
    EXPECT  a2, \after
.endm
