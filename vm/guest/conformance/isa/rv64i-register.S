/* RV64I: register-register */
#include "check.h"

    BEGIN

    RR      add, 0, 0, 0
    RR      add, 0, 1, 0xffffffffffffffff
    RR      add, 0x8000000000000000, 0x7fffffffffffffff, 1
    RR      add, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      add, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210
    RR      add, 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffffffffffff
    RR      add, 0x80000000, 0x7fffffff, 1
    RR      add, 0x100000000, 0x80000000, 0x80000000
    RR      add, 0x100000000, 0xffffffff, 1
    RR      add, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME add, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef

    RR      sub, 0, 0, 0
    RR      sub, 2, 1, 0xffffffffffffffff
    RR      sub, 0x7ffffffffffffffe, 0x7fffffffffffffff, 1
    RR      sub, 0x8000000000000001, 0x8000000000000000, 0xffffffffffffffff
    RR      sub, 0x2468acf13579bdf, 0x123456789abcdef, 0xfedcba9876543210
    RR      sub, 0, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sub, 0x7ffffffe, 0x7fffffff, 1
    RR      sub, 0, 0x80000000, 0x80000000
    RR      sub, 0xfffffffe, 0xffffffff, 1
    RR      sub, 0xfdb97530eca86421, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME sub, 0xfdb97530eca86421, 0xfedcba9876543210, 0x123456789abcdef

    RR      slt, 0, 0, 0
    RR      slt, 0, 1, 0xffffffffffffffff
    RR      slt, 0, 0x7fffffffffffffff, 1
    RR      slt, 1, 0x8000000000000000, 0xffffffffffffffff
    RR      slt, 0, 0x123456789abcdef, 0xfedcba9876543210
    RR      slt, 0, 0xffffffffffffffff, 0xffffffffffffffff
    RR      slt, 0, 0x7fffffff, 1
    RR      slt, 0, 0x80000000, 0x80000000
    RR      slt, 0, 0xffffffff, 1
    RR      slt, 1, 0xfedcba9876543210, 0x123456789abcdef
    RR      slt, 1, 0x8000000000000000, 0x7fffffffffffffff
    RR      slt, 0, 0x7fffffffffffffff, 0x8000000000000000
    RR      slt, 1, 5, 6
    RR_SAME slt, 1, 5, 6

    RR      sltu, 0, 0, 0
    RR      sltu, 1, 1, 0xffffffffffffffff
    RR      sltu, 0, 0x7fffffffffffffff, 1
    RR      sltu, 1, 0x8000000000000000, 0xffffffffffffffff
    RR      sltu, 1, 0x123456789abcdef, 0xfedcba9876543210
    RR      sltu, 0, 0xffffffffffffffff, 0xffffffffffffffff
    RR      sltu, 0, 0x7fffffff, 1
    RR      sltu, 0, 0x80000000, 0x80000000
    RR      sltu, 0, 0xffffffff, 1
    RR      sltu, 0, 0xfedcba9876543210, 0x123456789abcdef
    RR      sltu, 0, 0x8000000000000000, 0x7fffffffffffffff
    RR      sltu, 1, 0x7fffffffffffffff, 0x8000000000000000
    RR      sltu, 1, 5, 6
    RR_SAME sltu, 1, 5, 6

    RR      xor, 0, 0, 0
    RR      xor, 0xfffffffffffffffe, 1, 0xffffffffffffffff
    RR      xor, 0x7ffffffffffffffe, 0x7fffffffffffffff, 1
    RR      xor, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      xor, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210
    RR      xor, 0, 0xffffffffffffffff, 0xffffffffffffffff
    RR      xor, 0x7ffffffe, 0x7fffffff, 1
    RR      xor, 0, 0x80000000, 0x80000000
    RR      xor, 0xfffffffe, 0xffffffff, 1
    RR      xor, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME xor, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef

    RR      or, 0, 0, 0
    RR      or, 0xffffffffffffffff, 1, 0xffffffffffffffff
    RR      or, 0x7fffffffffffffff, 0x7fffffffffffffff, 1
    RR      or, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      or, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210
    RR      or, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff
    RR      or, 0x7fffffff, 0x7fffffff, 1
    RR      or, 0x80000000, 0x80000000, 0x80000000
    RR      or, 0xffffffff, 0xffffffff, 1
    RR      or, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME or, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef

    RR      and, 0, 0, 0
    RR      and, 1, 1, 0xffffffffffffffff
    RR      and, 1, 0x7fffffffffffffff, 1
    RR      and, 0x8000000000000000, 0x8000000000000000, 0xffffffffffffffff
    RR      and, 0, 0x123456789abcdef, 0xfedcba9876543210
    RR      and, 0xffffffffffffffff, 0xffffffffffffffff, 0xffffffffffffffff
    RR      and, 1, 0x7fffffff, 1
    RR      and, 0x80000000, 0x80000000, 0x80000000
    RR      and, 1, 0xffffffff, 1
    RR      and, 0, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME and, 0, 0xfedcba9876543210, 0x123456789abcdef

    RR      addw, 0, 0, 0
    RR      addw, 0, 1, 0xffffffffffffffff
    RR      addw, 0, 0x7fffffffffffffff, 1
    RR      addw, 0xffffffffffffffff, 0x8000000000000000, 0xffffffffffffffff
    RR      addw, 0xffffffffffffffff, 0x123456789abcdef, 0xfedcba9876543210
    RR      addw, 0xfffffffffffffffe, 0xffffffffffffffff, 0xffffffffffffffff
    RR      addw, 0xffffffff80000000, 0x7fffffff, 1
    RR      addw, 0, 0x80000000, 0x80000000
    RR      addw, 0, 0xffffffff, 1
    RR      addw, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME addw, 0xffffffffffffffff, 0xfedcba9876543210, 0x123456789abcdef

    RR      subw, 0, 0, 0
    RR      subw, 2, 1, 0xffffffffffffffff
    RR      subw, 0xfffffffffffffffe, 0x7fffffffffffffff, 1
    RR      subw, 1, 0x8000000000000000, 0xffffffffffffffff
    RR      subw, 0x13579bdf, 0x123456789abcdef, 0xfedcba9876543210
    RR      subw, 0, 0xffffffffffffffff, 0xffffffffffffffff
    RR      subw, 0x7ffffffe, 0x7fffffff, 1
    RR      subw, 0, 0x80000000, 0x80000000
    RR      subw, 0xfffffffffffffffe, 0xffffffff, 1
    RR      subw, 0xffffffffeca86421, 0xfedcba9876543210, 0x123456789abcdef
    RR_SAME subw, 0xffffffffeca86421, 0xfedcba9876543210, 0x123456789abcdef

    RR      sll, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      sll, 0xfdb97530eca86420, 0xfedcba9876543210, 1
    RR      sll, 0x3b2a190800000000, 0xfedcba9876543210, 0x1f
    RR      sll, 0x89abcdef00000000, 0x123456789abcdef, 0x20
    RR      sll, 0xeca8642000000000, 0xfedcba9876543210, 0x21
    RR      sll, 0, 0xfedcba9876543210, 0x3f
    RR      sll, 0xffffffffffffffff, 0xffffffffffffffff, 0x40
    RR      sll, 0, 0xfedcba9876543210, 0xffffffffffffffff
    RR      sll, 0x800000000, 0x80000000, 4
    RR      sll, 0xb2a1908000000000, 0xfedcba9876543210, 0x123
    RR_SAME sll, 0, 0xfedcba9876543210, 0x3c

    RR      srl, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      srl, 0x7f6e5d4c3b2a1908, 0xfedcba9876543210, 1
    RR      srl, 0x1fdb97530, 0xfedcba9876543210, 0x1f
    RR      srl, 0x1234567, 0x123456789abcdef, 0x20
    RR      srl, 0x7f6e5d4c, 0xfedcba9876543210, 0x21
    RR      srl, 1, 0xfedcba9876543210, 0x3f
    RR      srl, 0xffffffffffffffff, 0xffffffffffffffff, 0x40
    RR      srl, 1, 0xfedcba9876543210, 0xffffffffffffffff
    RR      srl, 0x8000000, 0x80000000, 4
    RR      srl, 0x1fdb9753, 0xfedcba9876543210, 0x123
    RR_SAME srl, 0xf, 0xfedcba9876543210, 0x3c

    RR      sra, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      sra, 0xff6e5d4c3b2a1908, 0xfedcba9876543210, 1
    RR      sra, 0xfffffffffdb97530, 0xfedcba9876543210, 0x1f
    RR      sra, 0x1234567, 0x123456789abcdef, 0x20
    RR      sra, 0xffffffffff6e5d4c, 0xfedcba9876543210, 0x21
    RR      sra, 0xffffffffffffffff, 0xfedcba9876543210, 0x3f
    RR      sra, 0xffffffffffffffff, 0xffffffffffffffff, 0x40
    RR      sra, 0xffffffffffffffff, 0xfedcba9876543210, 0xffffffffffffffff
    RR      sra, 0x8000000, 0x80000000, 4
    RR      sra, 0xffffffffffdb9753, 0xfedcba9876543210, 0x123
    RR_SAME sra, 0xffffffffffffffff, 0xfedcba9876543210, 0x3c

    RR      sllw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RR      sllw, 0xffffffffeca86420, 0xfedcba9876543210, 1
    RR      sllw, 0, 0xfedcba9876543210, 0x1f
    RR      sllw, 0xffffffff89abcdef, 0x123456789abcdef, 0x20
    RR      sllw, 0xffffffffeca86420, 0xfedcba9876543210, 0x21
    RR      sllw, 0, 0x80000000, 4
    RR      sllw, 0xffffffff80000000, 0xffffffffffffffff, 0x3f
    RR      sllw, 0xffffffff80000000, 0xffffffff7fffffff, 0xffffffffffffffff
    RR_SAME sllw, 0x76543210, 0x87654321, 0x104

    RR      srlw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RR      srlw, 0x3b2a1908, 0xfedcba9876543210, 1
    RR      srlw, 0, 0xfedcba9876543210, 0x1f
    RR      srlw, 0xffffffff89abcdef, 0x123456789abcdef, 0x20
    RR      srlw, 0x3b2a1908, 0xfedcba9876543210, 0x21
    RR      srlw, 0x8000000, 0x80000000, 4
    RR      srlw, 1, 0xffffffffffffffff, 0x3f
    RR      srlw, 0, 0xffffffff7fffffff, 0xffffffffffffffff
    RR_SAME srlw, 0x8765432, 0x87654321, 0x104

    RR      sraw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RR      sraw, 0x3b2a1908, 0xfedcba9876543210, 1
    RR      sraw, 0, 0xfedcba9876543210, 0x1f
    RR      sraw, 0xffffffff89abcdef, 0x123456789abcdef, 0x20
    RR      sraw, 0x3b2a1908, 0xfedcba9876543210, 0x21
    RR      sraw, 0xfffffffff8000000, 0x80000000, 4
    RR      sraw, 0xffffffffffffffff, 0xffffffffffffffff, 0x3f
    RR      sraw, 0, 0xffffffff7fffffff, 0xffffffffffffffff
    RR_SAME sraw, 0xfffffffff8765432, 0x87654321, 0x104

    END
