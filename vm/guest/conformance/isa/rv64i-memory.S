/* RV64I: loads and stores, aligned or not, across 32-byte words and pages */
#include "check.h"

    BEGIN
    FILL

    LOAD    lb, 0xffffffffffffff80, 0
    LOAD    lb, 0xffffffffffffff91, 1
    LOAD    lb, 0xfffffffffffffff7, 7
    LOAD    lb, 8, 8
    LOAD    lb, 0xffffffffffffff8f, 31
    LOAD    lb, 0xffffffffffffffa0, 32

    LOAD    lh, 0xffffffffffff9180, 0
    LOAD    lh, 0xffffffffffffa291, 1
    LOAD    lh, 0xffffffffffffb3a2, 2
    LOAD    lh, 0x8f7, 7
    LOAD    lh, 0xffffffffffffa08f, 31
    LOAD    lh, 0x1908, 8

    LOAD    lw, 0xffffffffb3a29180, 0
    LOAD    lw, 0xffffffffc4b3a291, 1
    LOAD    lw, 0xffffffffe6d5c4b3, 3
    LOAD    lw, 0x8f7e6d5, 5
    LOAD    lw, 0xffffffffb1a08f7e, 30
    LOAD    lw, 0xffffffffa08f7e6d, 29
    LOAD    lw, 0x7f6e5d4c, 12

    LOAD    ld, 0xf7e6d5c4b3a29180, 0
    LOAD    ld, 0x8f7e6d5c4b3a291, 1
    LOAD    ld, 0x3b2a1908f7e6d5c4, 4
    LOAD    ld, 0x6e5d4c3b2a1908f7, 7
    LOAD    ld, 0xa08f7e6d5c4b3a29, 25
    LOAD    ld, 0xd3c2b1a08f7e6d5c, 28
    LOAD    ld, 0x6f5e4d3c2b1a08f, 31
    LOAD    ld, 0x7f6e5d4c3b2a190, 16

    LOAD    lbu, 0x80, 0
    LOAD    lbu, 0x91, 1
    LOAD    lbu, 0xf7, 7
    LOAD    lbu, 8, 8
    LOAD    lbu, 0x8f, 31
    LOAD    lbu, 0xa0, 32

    LOAD    lhu, 0x9180, 0
    LOAD    lhu, 0xa291, 1
    LOAD    lhu, 0xb3a2, 2
    LOAD    lhu, 0x8f7, 7
    LOAD    lhu, 0xa08f, 31
    LOAD    lhu, 0x1908, 8

    LOAD    lwu, 0xb3a29180, 0
    LOAD    lwu, 0xc4b3a291, 1
    LOAD    lwu, 0xe6d5c4b3, 3
    LOAD    lwu, 0x8f7e6d5, 5
    LOAD    lwu, 0xb1a08f7e, 30
    LOAD    lwu, 0xa08f7e6d, 29
    LOAD    lwu, 0x7f6e5d4c, 12

    STORE   sb, 0x123456789abcdef, 0, 0xf7e6d5c4b3a291ef, 0x7f6e5d4c3b2a1908
    STORE   sb, 0x123456789abcdef, 1, 0xf7e6d5c4b3a2ef80, 0x7f6e5d4c3b2a1908
    STORE   sb, 0x123456789abcdef, 7, 0xefe6d5c4b3a29180, 0x7f6e5d4c3b2a1908
    STORE   sb, 0x123456789abcdef, 31, 0xef7e6d5c4b3a2918, 0x1706f5e4d3c2b1a0
    STORE   sb, 0x123456789abcdef, 32, 0x1706f5e4d3c2b1ef, 0x9f8e7d6c5b4a3928

    STORE   sh, 0x123456789abcdef, 0, 0xf7e6d5c4b3a2cdef, 0x7f6e5d4c3b2a1908
    STORE   sh, 0x123456789abcdef, 1, 0xf7e6d5c4b3cdef80, 0x7f6e5d4c3b2a1908
    STORE   sh, 0x123456789abcdef, 6, 0xcdefd5c4b3a29180, 0x7f6e5d4c3b2a1908
    STORE   sh, 0x123456789abcdef, 7, 0xefe6d5c4b3a29180, 0x7f6e5d4c3b2a19cd
    STORE   sh, 0x123456789abcdef, 31, 0xef7e6d5c4b3a2918, 0x1706f5e4d3c2b1cd

    STORE   sw, 0x123456789abcdef, 0, 0xf7e6d5c489abcdef, 0x7f6e5d4c3b2a1908
    STORE   sw, 0x123456789abcdef, 1, 0xf7e6d589abcdef80, 0x7f6e5d4c3b2a1908
    STORE   sw, 0x123456789abcdef, 4, 0x89abcdefb3a29180, 0x7f6e5d4c3b2a1908
    STORE   sw, 0x123456789abcdef, 5, 0xabcdefc4b3a29180, 0x7f6e5d4c3b2a1989
    STORE   sw, 0x123456789abcdef, 29, 0xabcdef5c4b3a2918, 0x1706f5e4d3c2b189
    STORE   sw, 0x123456789abcdef, 30, 0xcdef6d5c4b3a2918, 0x1706f5e4d3c289ab
    STORE   sw, 0x123456789abcdef, 31, 0xef7e6d5c4b3a2918, 0x1706f5e4d389abcd

    STORE   sd, 0x123456789abcdef, 0, 0x123456789abcdef, 0x7f6e5d4c3b2a1908
    STORE   sd, 0x123456789abcdef, 1, 0x23456789abcdef80, 0x7f6e5d4c3b2a1901
    STORE   sd, 0x123456789abcdef, 4, 0x89abcdefb3a29180, 0x7f6e5d4c01234567
    STORE   sd, 0x123456789abcdef, 7, 0xefe6d5c4b3a29180, 0x7f0123456789abcd
    STORE   sd, 0x123456789abcdef, 25, 0x23456789abcdef18, 0x1706f5e4d3c2b101
    STORE   sd, 0x123456789abcdef, 28, 0x89abcdef4b3a2918, 0x1706f5e401234567
    STORE   sd, 0x123456789abcdef, 31, 0xef7e6d5c4b3a2918, 0x170123456789abcd

    /* Negative and extreme offsets. */
    FILL
    NEXT
    la      a1, buffer + 2048
    ld      a0, -2048(a1)
    EXPECT  a0, 0xf7e6d5c4b3a29180
    NEXT
    la      a1, buffer - 2047
    lb      a0, 2047(a1)
    EXPECT  a0, 0xffffffffffffff80
    NEXT
    la      a1, buffer + 16
    sw      x0, -12(a1)
    ld      a0, -16(a1)
    EXPECT  a0, 0xb3a29180

    /* rd = base; a load to x0. */
    FILL
    NEXT
    la      a1, buffer
    lwu     a1, 8(a1)
    EXPECT  a1, 0x3b2a1908
    NEXT
    la      a1, buffer
    ld      x0, 0(a1)
    EXPECT  x0, 0

    /* Across a page. */
    NEXT
    la      a1, page
    li      a2, 0x123456789abcdef
    sd      a2, -3(a1)
    ld      a0, -3(a1)
    EXPECT  a0, 0x123456789abcdef
    lbu     a0, 0(a1)
    EXPECT  a0, 0x89
    lhu     a0, -1(a1)
    EXPECT  a0, 0x89ab

    BUFFER
    .data
    .balign 4096
    .skip   4096
page:
    .skip   64
    .text

    END
