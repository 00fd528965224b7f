/* A: AMO, LR, SC */
#include "check.h"

    BEGIN
    BUFFER

    AMO     amoswap.w, 0xffffffff89abcdef, 0x123456776543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoswap.w, 0xfffffffffedcba98, 0x89abcdef76543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amoswap.w, 0x7fffffff, 0x8000000000000001, 0x800000007fffffff, 1, 0
    AMO     amoswap.w, 0xffffffff80000000, 0xffffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amoswap.w, 0xffffffffffffffff, 0x500000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amoswap.d, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoswap.d, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amoswap.d, 0x7fffffffffffffff, 1, 0x7fffffffffffffff, 1, 0
    AMO     amoswap.d, 0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amoadd.w, 0xffffffff89abcdef, 0x1234567ffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoadd.w, 0xfffffffffedcba98, 0x8888888776543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amoadd.w, 0x7fffffff, 0x8000000080000000, 0x800000007fffffff, 1, 0
    AMO     amoadd.w, 0xffffffff80000000, 0x7fffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amoadd.w, 0xffffffffffffffff, 0x400000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amoadd.d, 0x123456789abcdef, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoadd.d, 0xfedcba9876543210, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amoadd.d, 0x7fffffffffffffff, 0x8000000000000000, 0x7fffffffffffffff, 1, 0
    AMO     amoadd.d, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amoxor.w, 0xffffffff89abcdef, 0x1234567ffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoxor.w, 0xfffffffffedcba98, 0x7777777776543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amoxor.w, 0x7fffffff, 0x800000007ffffffe, 0x800000007fffffff, 1, 0
    AMO     amoxor.w, 0xffffffff80000000, 0x7fffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amoxor.w, 0xffffffffffffffff, 0xfffffffa00000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amoxor.d, 0x123456789abcdef, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoxor.d, 0xfedcba9876543210, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amoxor.d, 0x7fffffffffffffff, 0x7ffffffffffffffe, 0x7fffffffffffffff, 1, 0
    AMO     amoxor.d, 0x8000000000000000, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amoand.w, 0xffffffff89abcdef, 0x123456700000000, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoand.w, 0xfffffffffedcba98, 0x8888888876543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amoand.w, 0x7fffffff, 0x8000000000000001, 0x800000007fffffff, 1, 0
    AMO     amoand.w, 0xffffffff80000000, 0x800000007fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amoand.w, 0xffffffffffffffff, 0x500000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amoand.d, 0x123456789abcdef, 0, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoand.d, 0xfedcba9876543210, 0, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amoand.d, 0x7fffffffffffffff, 1, 0x7fffffffffffffff, 1, 0
    AMO     amoand.d, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amoor.w, 0xffffffff89abcdef, 0x1234567ffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoor.w, 0xfffffffffedcba98, 0xffffffff76543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amoor.w, 0x7fffffff, 0x800000007fffffff, 0x800000007fffffff, 1, 0
    AMO     amoor.w, 0xffffffff80000000, 0xffffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amoor.w, 0xffffffffffffffff, 0xffffffff00000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amoor.d, 0x123456789abcdef, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amoor.d, 0xfedcba9876543210, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amoor.d, 0x7fffffffffffffff, 0x7fffffffffffffff, 0x7fffffffffffffff, 1, 0
    AMO     amoor.d, 0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amomin.w, 0xffffffff89abcdef, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomin.w, 0xfffffffffedcba98, 0x89abcdef76543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amomin.w, 0x7fffffff, 0x8000000000000001, 0x800000007fffffff, 1, 0
    AMO     amomin.w, 0xffffffff80000000, 0x800000007fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amomin.w, 0xffffffffffffffff, 0xffffffff00000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amomin.d, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomin.d, 0xfedcba9876543210, 0xfedcba9876543210, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amomin.d, 0x7fffffffffffffff, 1, 0x7fffffffffffffff, 1, 0
    AMO     amomin.d, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amomax.w, 0xffffffff89abcdef, 0x123456776543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomax.w, 0xfffffffffedcba98, 0xfedcba9876543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amomax.w, 0x7fffffff, 0x800000007fffffff, 0x800000007fffffff, 1, 0
    AMO     amomax.w, 0xffffffff80000000, 0xffffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amomax.w, 0xffffffffffffffff, 0x500000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amomax.d, 0x123456789abcdef, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomax.d, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amomax.d, 0x7fffffffffffffff, 0x7fffffffffffffff, 0x7fffffffffffffff, 1, 0
    AMO     amomax.d, 0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amominu.w, 0xffffffff89abcdef, 0x123456776543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amominu.w, 0xfffffffffedcba98, 0x89abcdef76543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amominu.w, 0x7fffffff, 0x8000000000000001, 0x800000007fffffff, 1, 0
    AMO     amominu.w, 0xffffffff80000000, 0x800000007fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amominu.w, 0xffffffffffffffff, 0x500000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amominu.d, 0x123456789abcdef, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amominu.d, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amominu.d, 0x7fffffffffffffff, 1, 0x7fffffffffffffff, 1, 0
    AMO     amominu.d, 0x8000000000000000, 0x8000000000000000, 0x8000000000000000, 0xffffffffffffffff, 0

    AMO     amomaxu.w, 0xffffffff89abcdef, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomaxu.w, 0xfffffffffedcba98, 0xfedcba9876543210, 0xfedcba9876543210, 0x123456789abcdef, 4
    AMO     amomaxu.w, 0x7fffffff, 0x800000007fffffff, 0x800000007fffffff, 1, 0
    AMO     amomaxu.w, 0xffffffff80000000, 0xffffffff7fffffff, 0x800000007fffffff, 0xffffffffffffffff, 4
    AMO     amomaxu.w, 0xffffffffffffffff, 0xffffffff00000001, 0xffffffff00000001, 0x100000005, 4
    AMO     amomaxu.d, 0x123456789abcdef, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210, 0
    AMO     amomaxu.d, 0xfedcba9876543210, 0xfedcba9876543210, 0xfedcba9876543210, 0x123456789abcdef, 0
    AMO     amomaxu.d, 0x7fffffffffffffff, 0x7fffffffffffffff, 0x7fffffffffffffff, 1, 0
    AMO     amomaxu.d, 0x8000000000000000, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0

    /* rd = rs2 and rd = rs1: memory gets the old rs2, rd the old memory. */
    NEXT
    la      a1, buffer
    li      a2, 40
    sd      a2, 0(a1)
    li      a3, 2
    amoadd.d.aqrl a3, a3, (a1)
    EXPECT  a3, 40
    ld      a0, 0(a1)
    EXPECT  a0, 42
    NEXT
    la      a1, buffer
    li      a3, 2
    amoadd.d a1, a3, (a1)
    EXPECT  a1, 42
    NEXT
    la      a1, buffer
    li      a3, 6
    amoadd.d x0, a3, (a1)
    ld      a0, 0(a1)
    EXPECT  a0, 50

    /* LR and SC: success stores and gives 0, and uses the reservation up. */
    NEXT
    la      a1, buffer
    li      a2, 0x8000000180000002
    sd      a2, 0(a1)
    li      a3, 77
    lr.w    a0, (a1)
    sc.w    a4, a3, (a1)
    EXPECT  a0, 0xffffffff80000002
    EXPECT  a4, 0
    ld      a0, 0(a1)
    EXPECT  a0, 0x800000010000004d
    NEXT
    li      a3, 78
    sc.w    a4, a3, (a1)
    EXPECT  a4, 1
    ld      a0, 0(a1)
    EXPECT  a0, 0x800000010000004d
    NEXT
    li      a3, 0x1122334455667788
    lr.d.aq a0, (a1)
    sc.d.rl a4, a3, (a1)
    EXPECT  a0, 0x800000010000004d
    EXPECT  a4, 0
    ld      a0, 0(a1)
    EXPECT  a0, 0x1122334455667788

    /* SC elsewhere fails, writes nothing, and clears the reservation all the same. */
    NEXT
    la      a1, buffer
    addi    a2, a1, 8
    sd      x0, 8(a1)
    li      a3, 5
    lr.d    a0, (a1)
    sc.d    a4, a3, (a2)
    EXPECT  a4, 1
    ld      a0, 8(a1)
    EXPECT  a0, 0
    sc.d    a4, a3, (a1)
    EXPECT  a4, 1
    ld      a0, 0(a1)
    EXPECT  a0, 0x1122334455667788

    /* A later LR replaces the reservation. */
    NEXT
    lr.d    a0, (a1)
    lr.d    a0, (a2)
    sc.d    a4, a3, (a2)
    EXPECT  a4, 0
    ld      a0, 8(a1)
    EXPECT  a0, 5

    /* A load between, and a store elsewhere, leave it alone. */
    NEXT
    lr.d    a0, (a1)
    ld      t0, 8(a1)
    sd      t0, 16(a1)
    sc.d    a4, a3, (a1)
    EXPECT  a4, 0
    ld      a0, 0(a1)
    EXPECT  a0, 5

    /* SC with rd = rs2. */
    NEXT
    lr.d    a0, (a1)
    sc.d    a3, a3, (a1)
    EXPECT  a3, 0

    END
