# guest.mk - how to compile and link a guest. Include it with SDK set to this folder:
#
#   SDK := path/to/vm/guest/sdk
#   include $(SDK)/guest.mk
#   app.elf: app.c $(SDK_FILES)
#   	$(GUEST_COMPILE_AND_LINK)
#
# Debian: apt-get install gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf

GUEST_CC ?= riscv64-unknown-elf-gcc
GUEST_STRIP ?= riscv64-unknown-elf-strip
GUEST_OPT ?= -O2

GUEST_SOURCES := $(addprefix $(SDK)/,crt0.S runtime.c stdio.c table.c linux.c)
SDK_FILES := $(GUEST_SOURCES) $(addprefix $(SDK)/,optimistic.h sdk.h optimistic.ld guest.mk)

GUEST_ARCH := -march=rv64imac_zba_zbb_zbs -mabi=lp64 -mcmodel=medany
# gcc finds its multilib by the exact -march, and has none with Zb*: link as plain rv64imac, whose
# libraries are a subset.
GUEST_LINK_ARCH := -march=rv64imac -mabi=lp64 -mcmodel=medany

# The ELF depends on sources and compiler alone: no build id, no paths, no debug information.
GUEST_CFLAGS = $(GUEST_ARCH) $(GUEST_OPT) -std=gnu11 -Wall -Wextra -Werror --specs=picolibc.specs \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-ident \
	-ffile-prefix-map=$(abspath $(SDK)/..)=. -frandom-seed=0 -I$(SDK)
GUEST_LDFLAGS = $(GUEST_LINK_ARCH) --specs=picolibc.specs -nostartfiles -static -T $(SDK)/optimistic.ld \
	-Wl,--gc-sections -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,--strip-debug

# $@ from the C and assembly files among the prerequisites and the SDK. Sources compile one by one, so
# that -march of compiling and of linking can differ.
define GUEST_COMPILE_AND_LINK
	@rm -rf $@.tmp && mkdir -p $@.tmp
	@set -e; for source in $(sort $(filter %.c %.S,$^) $(GUEST_SOURCES)); do \
		$(GUEST_CC) $(GUEST_CFLAGS) -c $$source -o $@.tmp/$$(echo $$source | tr / _).o; done
	$(GUEST_CC) $(GUEST_LDFLAGS) $@.tmp/*.o -o $@
	@$(GUEST_STRIP) --strip-debug --discard-all $@
	@rm -r $@.tmp
endef
