/* Zba: address generation */
#include "check.h"

    BEGIN

    RR      sh1add, 0, 0, 0
    RR      sh1add, 1, 1, 0xffffffffffffffff
    RR      sh1add, 0xffffffffffffffff, 0x7fffffffffffffff, 1
    RR      sh1add, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh1add, 0x123456789abcdee, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh1add, 0xfffffffffffffffd, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh1add, 0xffffffff, 0x7fffffff, 1
    RR      sh1add, 0x180000000, 0x80000000, 0x80000000
    RR      sh1add, 0x1ffffffff, 0xffffffff, 1
    RR      sh1add, 0xfedcba987654320f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh1add, 0xfedcba987654320f, 0xfedcba9876543210, 0x123456789abcdef

    RR      sh2add, 0, 0, 0
    RR      sh2add, 3, 1, 0xffffffffffffffff
    RR      sh2add, 0xfffffffffffffffd, 0x7fffffffffffffff, 1
    RR      sh2add, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh2add, 0x369d0369d0369cc, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh2add, 0xfffffffffffffffb, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh2add, 0x1fffffffd, 0x7fffffff, 1
    RR      sh2add, 0x280000000, 0x80000000, 0x80000000
    RR      sh2add, 0x3fffffffd, 0xffffffff, 1
    RR      sh2add, 0xfc962fc962fc962f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh2add, 0xfc962fc962fc962f, 0xfedcba9876543210, 0x123456789abcdef

    RR      sh3add, 0, 0, 0
    RR      sh3add, 7, 1, 0xffffffffffffffff
    RR      sh3add, 0xfffffffffffffff9, 0x7fffffffffffffff, 1
    RR      sh3add, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh3add, 0x7f6e5d4c3b2a188, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh3add, 0xfffffffffffffff7, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh3add, 0x3fffffff9, 0x7fffffff, 1
    RR      sh3add, 0x480000000, 0x80000000, 0x80000000
    RR      sh3add, 0x7fffffff9, 0xffffffff, 1
    RR      sh3add, 0xf8091a2b3c4d5e6f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh3add, 0xf8091a2b3c4d5e6f, 0xfedcba9876543210, 0x123456789abcdef

    RR      add.uw, 0, 0, 0
    RR      add.uw, 0, 1, 0xffffffffffffffff
    RR      add.uw, 0x100000000, 0x7fffffffffffffff, 1
    RR      add.uw, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      add.uw, 0xfedcba98ffffffff, 0x123456789abcdef, 0xfedcba9876543210
    RR      add.uw, 0xfffffffe, 0xffffffffffffffff, 0xffffffffffffffff
    RR      add.uw, 0x80000000, 0x7fffffff, 1
    RR      add.uw, 0x100000000, 0x80000000, 0x80000000
    RR      add.uw, 0x100000000, 0xffffffff, 1
    RR      add.uw, 0x1234567ffffffff, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME add.uw, 0x1234567ffffffff, 0xfedcba9876543210, 0x123456789abcdef

    RR      sh1add.uw, 0, 0, 0
    RR      sh1add.uw, 1, 1, 0xffffffffffffffff
    RR      sh1add.uw, 0x1ffffffff, 0x7fffffffffffffff, 1
    RR      sh1add.uw, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh1add.uw, 0xfedcba9989abcdee, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh1add.uw, 0x1fffffffd, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh1add.uw, 0xffffffff, 0x7fffffff, 1
    RR      sh1add.uw, 0x180000000, 0x80000000, 0x80000000
    RR      sh1add.uw, 0x1ffffffff, 0xffffffff, 1
    RR      sh1add.uw, 0x12345687654320f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh1add.uw, 0x12345687654320f, 0xfedcba9876543210, 0x123456789abcdef

    RR      sh2add.uw, 0, 0, 0
    RR      sh2add.uw, 3, 1, 0xffffffffffffffff
    RR      sh2add.uw, 0x3fffffffd, 0x7fffffffffffffff, 1
    RR      sh2add.uw, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh2add.uw, 0xfedcba9a9d0369cc, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh2add.uw, 0x3fffffffb, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh2add.uw, 0x1fffffffd, 0x7fffffff, 1
    RR      sh2add.uw, 0x280000000, 0x80000000, 0x80000000
    RR      sh2add.uw, 0x3fffffffd, 0xffffffff, 1
    RR      sh2add.uw, 0x123456962fc962f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh2add.uw, 0x123456962fc962f, 0xfedcba9876543210, 0x123456789abcdef

    RR      sh3add.uw, 0, 0, 0
    RR      sh3add.uw, 7, 1, 0xffffffffffffffff
    RR      sh3add.uw, 0x7fffffff9, 0x7fffffffffffffff, 1
    RR      sh3add.uw, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      sh3add.uw, 0xfedcba9cc3b2a188, 0x123456789abcdef, 0xfedcba9876543210
    RR      sh3add.uw, 0x7fffffff7, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sh3add.uw, 0x3fffffff9, 0x7fffffff, 1
    RR      sh3add.uw, 0x480000000, 0x80000000, 0x80000000
    RR      sh3add.uw, 0x7fffffff9, 0xffffffff, 1
    RR      sh3add.uw, 0x123456b3c4d5e6f, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sh3add.uw, 0x123456b3c4d5e6f, 0xfedcba9876543210, 0x123456789abcdef

    RI      slli.uw, 0x89abcdef, 0x123456789abcdef, 0
    RI      slli.uw, 0xeca86420, 0xfedcba9876543210, 1
    RI      slli.uw, 0x7fffffff80000000, 0xffffffffffffffff, 31
    RI      slli.uw, 0xffffffff00000000, 0xffffffffffffffff, 32
    RI      slli.uw, 0, 0xfedcba9876543210, 63
    RI      slli.uw, 0xfffffff800000000, 0xffffffff, 35

    END
