# SPDX-License-Identifier: BSD-2-Clause
#
# Unit tests on the host.  tests/host/test_NAME.c is one program, linked with the real sources
# of mm/, the simulated machine (arch/sim), the table formats (arch/x86/mmu_*.c) and
# tests/host/lib.  Each is built in each variant:
#
#	gcc64 gcc32 clang64 clang32     -O2, as users build it
#	gcc64-san ... clang32-san       address and undefined-behaviour sanitizers, QR_DEBUG
#	gcc64-tsan clang64-tsan         thread sanitizer: tests that say so only
#	gcc64-s0 gcc32-s0               stage S0 of spaces, one lock each: tests of spaces only
#
# Lines in a test's source that this file reads:
#
#	// test: threads                also build it with the thread sanitizer
#	// sources: fs/cpio.c ...       link these too

host_variants := $(foreach c,gcc clang,$(foreach b,64 32,$(c)$(b) $(c)$(b)-san) $(c)64-tsan) \
	gcc64-s0 gcc32-s0

host_tests := $(patsubst tests/host/test_%.c,%,$(sort $(wildcard tests/host/test_*.c)))
host_threaded := $(if $(host_tests),$(patsubst tests/host/test_%.c,%,$(shell \
	grep -l '^// test:.*\bthreads\b' $(host_tests:%=tests/host/test_%.c))))
host_sources := $(sort $(wildcard mm/*.c arch/sim/*.c arch/x86/mmu_*.c tests/host/lib/*.c))

# Each word NAME:FILE says that test NAME links FILE.
host_extra := $(if $(host_tests),$(shell awk '/^\/\/ sources:/ { n = FILENAME; \
	sub(/.*test_/, "", n); sub(/\.c$$/, "", n); for (i = 3; i <= NF; i++) print n ":" $$i }' \
	$(host_tests:%=tests/host/test_%.c)))
host_extra_of = $(addsuffix .o,$(basename $(patsubst $(1):%,%,$(filter $(1):%,$(host_extra)))))

host_cflags := -std=gnu17 -g -I. -Iinclude -Itests/host/lib -pthread -D_GNU_SOURCE $(warnings) \
	-fno-omit-frame-pointer -DQUIRE_HOST_TEST
host_mode_ := -O2
host_debug := -DQR_DEBUG -DQR_HOST_CHECKS_LOCKS
host_mode_san := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all $(host_debug)
host_mode_tsan := -O1 -fsanitize=thread $(host_debug)
host_mode_s0 := -O1 $(host_debug) -DQR_SPACE_STAGE=0

# A source that went away must leave the archives too.
build/host/sources: FORCE
	@mkdir -p $(@D)
	@echo "$(host_sources)" | cmp -s - $@ || echo "$(host_sources)" >$@

# $(1) variant, $(2) compiler, $(3) bits, $(4) mode, $(5) names of its tests
define host_variant
build/host/$(1)/%.o: %.c tools/host.mk
	$$(call quiet,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) -m$(3) $$(host_cflags) $$(host_mode_$(4)) -MMD -MP -c -o $$@ $$<

build/host/$(1)/%.o: %.S tools/host.mk
	$$(call quiet,AS,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(2) -m$(3) -I. -c -o $$@ $$<

build/host/$(1)/quire.a: $$(host_sources:%.c=build/host/$(1)/%.o) build/host/sources
	@rm -f $$@
	$$(Q)$$(AR) rcsD $$@ $$(filter %.o,$$^)

$(foreach t,$(5),$(call host_test,$(1),$(2),$(3),$(4),$(t)))
tests-$(1): $(5:%=build/host/$(1)/%)
tests: tests-$(1)
.PHONY: tests-$(1)
-include $$(wildcard $(addprefix build/host/$(1)/,*/*.d */*/*.d */*/*/*.d))
endef

define host_test
build/host/$(1)/$(5): build/host/$(1)/tests/host/test_$(5).o \
		$(addprefix build/host/$(1)/,$(call host_extra_of,$(5))) build/host/$(1)/quire.a
	$$(call quiet,LD,$$@)
	$$(Q)$(2) -m$(3) $$(host_cflags) $$(host_mode_$(4)) -o $$@ $$^

endef

cc_of = $(if $(filter gcc%,$(1)),gcc,clang)
bits_of = $(if $(findstring 64,$(1)),64,32)
mode_of = $(word 2,$(subst -, ,$(1)))
host_spaces := $(filter space space_%,$(host_tests))
tests_of = $(if $(filter tsan,$(mode_of)),$(host_threaded),$(if $(filter s0,$(mode_of)),$(host_spaces),$(host_tests)))
$(foreach v,$(host_variants),$(eval $(call host_variant,$(v),$(call cc_of,$(v)),$(call bits_of,$(v)),$(call mode_of,$(v)),$(call tests_of,$(v)))))

# The library as a kernel takes it: mm/ and the table formats, freestanding, and without what a
# kernel must not use (red zone, vector registers).  LIB_CFLAGS adds the kernel's own flags, and
# LIB names another directory; docs/porting.md says which definitions matter.
LIB ?= build/host
LIB_CFLAGS ?=
lib_objects := $(patsubst %.c,$(LIB)/lib/%.o,$(sort $(wildcard mm/*.c arch/x86/mmu_*.c)))
lib_flags = -std=gnu17 -O2 -g -ffreestanding -fno-strict-aliasing -fno-stack-protector \
	-mno-red-zone -mgeneral-regs-only -ffunction-sections -I. -Iinclude $(warnings) $(LIB_CFLAGS)

$(LIB)/lib/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(lib_flags) $(lib_objects)' | cmp -s - $@ || \
		echo '$(CC) $(lib_flags) $(lib_objects)' >$@

$(LIB)/lib/%.o: %.c $(LIB)/lib/flags
	$(call quiet,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(lib_flags) -MMD -MP -c -o $@ $<

$(LIB)/libquire.a: $(lib_objects)
	@rm -f $@
	$(Q)$(AR) rcsD $@ $^

-include $(lib_objects:.o=.d)

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

.PHONY: install-lib
## install-lib: install the library and its headers alone, to PREFIX (DESTDIR); LIB_CFLAGS
install-lib: lib
	$(call quiet,INSTALL,$(DESTDIR)$(PREFIX)/include/quire)
	$(Q)install -d $(DESTDIR)$(PREFIX)/include/quire
	$(Q)install -m 644 include/quire/*.h $(DESTDIR)$(PREFIX)/include/quire
	$(call quiet,INSTALL,$(DESTDIR)$(LIBDIR)/libquire.a)
	$(Q)install -d $(DESTDIR)$(LIBDIR)/pkgconfig
	$(Q)install -m 644 $(LIB)/libquire.a $(DESTDIR)$(LIBDIR)
	$(Q)sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|; s|@DEFINES@|$(filter -D%,$(LIB_CFLAGS))|' \
		tools/quire.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/quire.pc
