/* Zbs: single bits */
#include "check.h"

    BEGIN

    RR      bclr, 0x123456789abcdee, 0x123456789abcdef, 0
    RR      bclr, 0xfedcba9876543210, 0xfedcba9876543210, 1
    RR      bclr, 0x7fffffffffffffff, 0xffffffffffffffff, 0x3f
    RR      bclr, 0, 0, 0x3f
    RR      bclr, 0x123456709abcdef, 0x123456789abcdef, 0x1f
    RR      bclr, 0xfedcba9876543210, 0xfedcba9876543210, 0x20
    RR      bclr, 0x123456789abcdee, 0x123456789abcdef, 0x40
    RR      bclr, 0x7edcba9876543210, 0xfedcba9876543210, 0xffffffffffffffff
    RR      bclr, 0, 0, 0x21
    RR_SAME bclr, 0, 0, 0x21

    RR      bext, 1, 0x123456789abcdef, 0
    RR      bext, 0, 0xfedcba9876543210, 1
    RR      bext, 1, 0xffffffffffffffff, 0x3f
    RR      bext, 0, 0, 0x3f
    RR      bext, 1, 0x123456789abcdef, 0x1f
    RR      bext, 0, 0xfedcba9876543210, 0x20
    RR      bext, 1, 0x123456789abcdef, 0x40
    RR      bext, 1, 0xfedcba9876543210, 0xffffffffffffffff
    RR      bext, 0, 0, 0x21
    RR_SAME bext, 0, 0, 0x21

    RR      binv, 0x123456789abcdee, 0x123456789abcdef, 0
    RR      binv, 0xfedcba9876543212, 0xfedcba9876543210, 1
    RR      binv, 0x7fffffffffffffff, 0xffffffffffffffff, 0x3f
    RR      binv, 0x8000000000000000, 0, 0x3f
    RR      binv, 0x123456709abcdef, 0x123456789abcdef, 0x1f
    RR      binv, 0xfedcba9976543210, 0xfedcba9876543210, 0x20
    RR      binv, 0x123456789abcdee, 0x123456789abcdef, 0x40
    RR      binv, 0x7edcba9876543210, 0xfedcba9876543210, 0xffffffffffffffff
    RR      binv, 0x200000000, 0, 0x21
    RR_SAME binv, 0x200000000, 0, 0x21

    RR      bset, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      bset, 0xfedcba9876543212, 0xfedcba9876543210, 1
    RR      bset, 0xffffffffffffffff, 0xffffffffffffffff, 0x3f
    RR      bset, 0x8000000000000000, 0, 0x3f
    RR      bset, 0x123456789abcdef, 0x123456789abcdef, 0x1f
    RR      bset, 0xfedcba9976543210, 0xfedcba9876543210, 0x20
    RR      bset, 0x123456789abcdef, 0x123456789abcdef, 0x40
    RR      bset, 0xfedcba9876543210, 0xfedcba9876543210, 0xffffffffffffffff
    RR      bset, 0x200000000, 0, 0x21
    RR_SAME bset, 0x200000000, 0, 0x21

    RI      bclri, 0x123456789abcdee, 0x123456789abcdef, 0
    RI      bclri, 0xfedcba9876543210, 0xfedcba9876543210, 1
    RI      bclri, 0x7fffffffffffffff, 0xffffffffffffffff, 63
    RI      bclri, 0, 0, 63
    RI      bclri, 0x123456709abcdef, 0x123456789abcdef, 31
    RI      bclri, 0xfedcba9876543210, 0xfedcba9876543210, 32
    RI      bclri, 0, 0, 33

    RI      bexti, 1, 0x123456789abcdef, 0
    RI      bexti, 0, 0xfedcba9876543210, 1
    RI      bexti, 1, 0xffffffffffffffff, 63
    RI      bexti, 0, 0, 63
    RI      bexti, 1, 0x123456789abcdef, 31
    RI      bexti, 0, 0xfedcba9876543210, 32
    RI      bexti, 0, 0, 33

    RI      binvi, 0x123456789abcdee, 0x123456789abcdef, 0
    RI      binvi, 0xfedcba9876543212, 0xfedcba9876543210, 1
    RI      binvi, 0x7fffffffffffffff, 0xffffffffffffffff, 63
    RI      binvi, 0x8000000000000000, 0, 63
    RI      binvi, 0x123456709abcdef, 0x123456789abcdef, 31
    RI      binvi, 0xfedcba9976543210, 0xfedcba9876543210, 32
    RI      binvi, 0x200000000, 0, 33

    RI      bseti, 0x123456789abcdef, 0x123456789abcdef, 0
    RI      bseti, 0xfedcba9876543212, 0xfedcba9876543210, 1
    RI      bseti, 0xffffffffffffffff, 0xffffffffffffffff, 63
    RI      bseti, 0x8000000000000000, 0, 63
    RI      bseti, 0x123456789abcdef, 0x123456789abcdef, 31
    RI      bseti, 0xfedcba9976543210, 0xfedcba9876543210, 32
    RI      bseti, 0x200000000, 0, 33

    END
