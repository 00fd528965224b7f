/* Zbb: CTZW of a zero word is 32. Apart, because qemu 7.2 counts on into the upper half and fails case 3. */
#include "check.h"

    BEGIN

    R1      ctzw, 0x20, 0
    R1      ctzw, 0x20, 0x100000000
    R1      ctzw, 0x20, 0x8000000000000000
    R1      ctzw, 0x20, 0xabcd123400000000

    END
