/* Zbb: basic bit manipulation (CTZW of zero is in zbb-ctzw-zero.S) */
#include "check.h"

    BEGIN

    RR      andn, 0, 0, 0
    RR      andn, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210
    RR      andn, 0xfedcba9876543210, 0xffffffffffffffff, 0x123456789abcdef
    RR      andn, 0, 0xfedcba9876543210, 0xffffffffffffffff
    RR      andn, 0xf0, 0xf0f0, 0xff00
    RR_SAME andn, 0xf0, 0xf0f0, 0xff00

    RR      orn, 0xffffffffffffffff, 0, 0
    RR      orn, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210
    RR      orn, 0xffffffffffffffff, 0xffffffffffffffff, 0x123456789abcdef
    RR      orn, 0xfedcba9876543210, 0xfedcba9876543210, 0xffffffffffffffff
    RR      orn, 0xfffffffffffff0ff, 0xf0f0, 0xff00
    RR_SAME orn, 0xfffffffffffff0ff, 0xf0f0, 0xff00

    RR      xnor, 0xffffffffffffffff, 0, 0
    RR      xnor, 0, 0x123456789abcdef, 0xfedcba9876543210
    RR      xnor, 0x123456789abcdef, 0xffffffffffffffff, 0x123456789abcdef
    RR      xnor, 0xfedcba9876543210, 0xfedcba9876543210, 0xffffffffffffffff
    RR      xnor, 0xfffffffffffff00f, 0xf0f0, 0xff00
    RR_SAME xnor, 0xfffffffffffff00f, 0xf0f0, 0xff00

    RR      max, 0, 0, 0
    RR      max, 1, 0xffffffffffffffff, 1
    RR      max, 1, 1, 0xffffffffffffffff
    RR      max, 0x7fffffffffffffff, 0x8000000000000000, 0x7fffffffffffffff
    RR      max, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210
    RR      max, 6, 5, 6
    RR_SAME max, 6, 5, 6

    RR      maxu, 0, 0, 0
    RR      maxu, 0xffffffffffffffff, 0xffffffffffffffff, 1
    RR      maxu, 0xffffffffffffffff, 1, 0xffffffffffffffff
    RR      maxu, 0x8000000000000000, 0x8000000000000000, 0x7fffffffffffffff
    RR      maxu, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210
    RR      maxu, 6, 5, 6
    RR_SAME maxu, 6, 5, 6

    RR      min, 0, 0, 0
    RR      min, 0xffffffffffffffff, 0xffffffffffffffff, 1
    RR      min, 0xffffffffffffffff, 1, 0xffffffffffffffff
    RR      min, 0x8000000000000000, 0x8000000000000000, 0x7fffffffffffffff
    RR      min, 0xfedcba9876543210, 0x123456789abcdef, 0xfedcba9876543210
    RR      min, 5, 5, 6
    RR_SAME min, 5, 5, 6

    RR      minu, 0, 0, 0
    RR      minu, 1, 0xffffffffffffffff, 1
    RR      minu, 1, 1, 0xffffffffffffffff
    RR      minu, 0x7fffffffffffffff, 0x8000000000000000, 0x7fffffffffffffff
    RR      minu, 0x123456789abcdef, 0x123456789abcdef, 0xfedcba9876543210
    RR      minu, 5, 5, 6
    RR_SAME minu, 5, 5, 6

    RR      rol, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      rol, 0x123456789abcdef0, 0x123456789abcdef, 4
    RR      rol, 0x76543210fedcba98, 0xfedcba9876543210, 0x20
    RR      rol, 0x8091a2b3c4d5e6f7, 0x123456789abcdef, 0x3f
    RR      rol, 0xfedcba9876543210, 0xfedcba9876543210, 0x40
    RR      rol, 0x8091a2b3c4d5e6f7, 0x123456789abcdef, 0xffffffffffffffff
    RR      rol, 2, 1, 1
    RR_SAME rol, 2, 1, 1

    RR      ror, 0x123456789abcdef, 0x123456789abcdef, 0
    RR      ror, 0xf0123456789abcde, 0x123456789abcdef, 4
    RR      ror, 0x76543210fedcba98, 0xfedcba9876543210, 0x20
    RR      ror, 0x2468acf13579bde, 0x123456789abcdef, 0x3f
    RR      ror, 0xfedcba9876543210, 0xfedcba9876543210, 0x40
    RR      ror, 0x2468acf13579bde, 0x123456789abcdef, 0xffffffffffffffff
    RR      ror, 0x8000000000000000, 1, 1
    RR_SAME ror, 0x8000000000000000, 1, 1

    RR      rolw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RR      rolw, 0xffffffff9abcdef8, 0x123456789abcdef, 4
    RR      rolw, 0x32107654, 0xfedcba9876543210, 0x10
    RR      rolw, 0xffffffffc4d5e6f7, 0x123456789abcdef, 0x1f
    RR      rolw, 0x76543210, 0xfedcba9876543210, 0x20
    RR      rolw, 0xffffffffc4d5e6f7, 0x123456789abcdef, 0xffffffffffffffff
    RR      rolw, 2, 1, 1
    RR      rolw, 1, 0x80000000, 1
    RR_SAME rolw, 1, 0x80000000, 1

    RR      rorw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RR      rorw, 0xfffffffff89abcde, 0x123456789abcdef, 4
    RR      rorw, 0x32107654, 0xfedcba9876543210, 0x10
    RR      rorw, 0x13579bdf, 0x123456789abcdef, 0x1f
    RR      rorw, 0x76543210, 0xfedcba9876543210, 0x20
    RR      rorw, 0x13579bdf, 0x123456789abcdef, 0xffffffffffffffff
    RR      rorw, 0xffffffff80000000, 1, 1
    RR      rorw, 0x40000000, 0x80000000, 1
    RR_SAME rorw, 0x40000000, 0x80000000, 1

    RI      rori, 0x123456789abcdef, 0x123456789abcdef, 0
    RI      rori, 0xf0123456789abcde, 0x123456789abcdef, 4
    RI      rori, 0x76543210fedcba98, 0xfedcba9876543210, 32
    RI      rori, 0x2468acf13579bde, 0x123456789abcdef, 63
    RI      rori, 0x8000000000000000, 1, 1

    RI      roriw, 0xffffffff89abcdef, 0x123456789abcdef, 0
    RI      roriw, 0xfffffffff89abcde, 0x123456789abcdef, 4
    RI      roriw, 0x32107654, 0xfedcba9876543210, 16
    RI      roriw, 0x13579bdf, 0x123456789abcdef, 31
    RI      roriw, 0xffffffff80000000, 1, 1

    R1      clz, 0x40, 0
    R1      clz, 0x3f, 1
    R1      clz, 0, 0xffffffffffffffff
    R1      clz, 0, 0x8000000000000000
    R1      clz, 1, 0x7fffffffffffffff
    R1      clz, 7, 0x123456789abcdef
    R1      clz, 0, 0xfedcba9876543210
    R1      clz, 0x20, 0x80000000
    R1      clz, 0, 0xffffffff00000001
    R1      clz, 8, 0xff00000000ff00
    R1      clz, 0x30, 0x8000
    R1      clz, 0x38, 0x80
    R1      clz, 0x31, 0x7f7f

    R1      cpop, 0, 0
    R1      cpop, 1, 1
    R1      cpop, 0x40, 0xffffffffffffffff
    R1      cpop, 1, 0x8000000000000000
    R1      cpop, 0x3f, 0x7fffffffffffffff
    R1      cpop, 0x20, 0x123456789abcdef
    R1      cpop, 0x20, 0xfedcba9876543210
    R1      cpop, 1, 0x80000000
    R1      cpop, 0x21, 0xffffffff00000001
    R1      cpop, 0x10, 0xff00000000ff00
    R1      cpop, 1, 0x8000
    R1      cpop, 1, 0x80
    R1      cpop, 0xe, 0x7f7f

    R1      sext.b, 0, 0
    R1      sext.b, 1, 1
    R1      sext.b, 0xffffffffffffffff, 0xffffffffffffffff
    R1      sext.b, 0, 0x8000000000000000
    R1      sext.b, 0xffffffffffffffff, 0x7fffffffffffffff
    R1      sext.b, 0xffffffffffffffef, 0x123456789abcdef
    R1      sext.b, 0x10, 0xfedcba9876543210
    R1      sext.b, 0, 0x80000000
    R1      sext.b, 1, 0xffffffff00000001
    R1      sext.b, 0, 0xff00000000ff00
    R1      sext.b, 0, 0x8000
    R1      sext.b, 0xffffffffffffff80, 0x80
    R1      sext.b, 0x7f, 0x7f7f

    R1      sext.h, 0, 0
    R1      sext.h, 1, 1
    R1      sext.h, 0xffffffffffffffff, 0xffffffffffffffff
    R1      sext.h, 0, 0x8000000000000000
    R1      sext.h, 0xffffffffffffffff, 0x7fffffffffffffff
    R1      sext.h, 0xffffffffffffcdef, 0x123456789abcdef
    R1      sext.h, 0x3210, 0xfedcba9876543210
    R1      sext.h, 0, 0x80000000
    R1      sext.h, 1, 0xffffffff00000001
    R1      sext.h, 0xffffffffffffff00, 0xff00000000ff00
    R1      sext.h, 0xffffffffffff8000, 0x8000
    R1      sext.h, 0x80, 0x80
    R1      sext.h, 0x7f7f, 0x7f7f

    R1      zext.h, 0, 0
    R1      zext.h, 1, 1
    R1      zext.h, 0xffff, 0xffffffffffffffff
    R1      zext.h, 0, 0x8000000000000000
    R1      zext.h, 0xffff, 0x7fffffffffffffff
    R1      zext.h, 0xcdef, 0x123456789abcdef
    R1      zext.h, 0x3210, 0xfedcba9876543210
    R1      zext.h, 0, 0x80000000
    R1      zext.h, 1, 0xffffffff00000001
    R1      zext.h, 0xff00, 0xff00000000ff00
    R1      zext.h, 0x8000, 0x8000
    R1      zext.h, 0x80, 0x80
    R1      zext.h, 0x7f7f, 0x7f7f

    R1      rev8, 0, 0
    R1      rev8, 0x100000000000000, 1
    R1      rev8, 0xffffffffffffffff, 0xffffffffffffffff
    R1      rev8, 0x80, 0x8000000000000000
    R1      rev8, 0xffffffffffffff7f, 0x7fffffffffffffff
    R1      rev8, 0xefcdab8967452301, 0x123456789abcdef
    R1      rev8, 0x1032547698badcfe, 0xfedcba9876543210
    R1      rev8, 0x8000000000, 0x80000000
    R1      rev8, 0x1000000ffffffff, 0xffffffff00000001
    R1      rev8, 0xff00000000ff00, 0xff00000000ff00
    R1      rev8, 0x80000000000000, 0x8000
    R1      rev8, 0x8000000000000000, 0x80
    R1      rev8, 0x7f7f000000000000, 0x7f7f

    R1      orc.b, 0, 0
    R1      orc.b, 0xff, 1
    R1      orc.b, 0xffffffffffffffff, 0xffffffffffffffff
    R1      orc.b, 0xff00000000000000, 0x8000000000000000
    R1      orc.b, 0xffffffffffffffff, 0x7fffffffffffffff
    R1      orc.b, 0xffffffffffffffff, 0x123456789abcdef
    R1      orc.b, 0xffffffffffffffff, 0xfedcba9876543210
    R1      orc.b, 0xff000000, 0x80000000
    R1      orc.b, 0xffffffff000000ff, 0xffffffff00000001
    R1      orc.b, 0xff00000000ff00, 0xff00000000ff00
    R1      orc.b, 0xff00, 0x8000
    R1      orc.b, 0xff, 0x80
    R1      orc.b, 0xffff, 0x7f7f

    R1      ctz, 0x40, 0
    R1      ctz, 0, 1
    R1      ctz, 0, 0xffffffffffffffff
    R1      ctz, 0x3f, 0x8000000000000000
    R1      ctz, 0, 0x7fffffffffffffff
    R1      ctz, 0, 0x123456789abcdef
    R1      ctz, 4, 0xfedcba9876543210
    R1      ctz, 0x1f, 0x80000000
    R1      ctz, 0, 0xffffffff00000001
    R1      ctz, 8, 0xff00000000ff00
    R1      ctz, 0xf, 0x8000
    R1      ctz, 7, 0x80
    R1      ctz, 0, 0x7f7f

    R1      clzw, 0x20, 0
    R1      clzw, 0x1f, 1
    R1      clzw, 0, 0xffffffffffffffff
    R1      clzw, 0x20, 0x8000000000000000
    R1      clzw, 0, 0x7fffffffffffffff
    R1      clzw, 0, 0x123456789abcdef
    R1      clzw, 1, 0xfedcba9876543210
    R1      clzw, 0, 0x80000000
    R1      clzw, 0x1f, 0xffffffff00000001
    R1      clzw, 0x10, 0xff00000000ff00
    R1      clzw, 0x10, 0x8000
    R1      clzw, 0x18, 0x80
    R1      clzw, 0x11, 0x7f7f
    R1      clzw, 0x20, 0x100000000

    R1      cpopw, 0, 0
    R1      cpopw, 1, 1
    R1      cpopw, 0x20, 0xffffffffffffffff
    R1      cpopw, 0, 0x8000000000000000
    R1      cpopw, 0x20, 0x7fffffffffffffff
    R1      cpopw, 0x14, 0x123456789abcdef
    R1      cpopw, 0xc, 0xfedcba9876543210
    R1      cpopw, 1, 0x80000000
    R1      cpopw, 1, 0xffffffff00000001
    R1      cpopw, 8, 0xff00000000ff00
    R1      cpopw, 1, 0x8000
    R1      cpopw, 1, 0x80
    R1      cpopw, 0xe, 0x7f7f
    R1      cpopw, 0, 0x100000000

    R1      ctzw, 0, 1
    R1      ctzw, 0, 0xffffffffffffffff
    R1      ctzw, 0, 0x7fffffffffffffff
    R1      ctzw, 0, 0x123456789abcdef
    R1      ctzw, 4, 0xfedcba9876543210
    R1      ctzw, 0x1f, 0x80000000
    R1      ctzw, 0, 0xffffffff00000001
    R1      ctzw, 8, 0xff00000000ff00
    R1      ctzw, 0xf, 0x8000
    R1      ctzw, 7, 0x80
    R1      ctzw, 0, 0x7f7f

    END
