# SPDX-License-Identifier: BSD-2-Clause
#
# Fuzzing what takes bytes from outside, by libFuzzer with the address and undefined-behaviour
# sanitizers: tests/fuzz/NAME.c is one program.  The tests run each for a fixed number of inputs
# from a fixed seed (tests/check/fuzz.t);
#
#	make fuzz FUZZ=heap [SECONDS=60]
#
# goes on from what it has found before, in build/fuzz/NAME.corpus.  An input that breaks something
# is left in build/fuzz and printed.

fuzz_names := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/*.c)))
fuzz_sources_heap := $(wildcard mm/heap*.c mm/frames*.c) tests/host/lib/tap.c
fuzz_sources_cpio := fs/cpio.c tests/host/lib/tap.c tests/host/lib/kernel_memory.c
fuzz_sources_gunzip := fs/gunzip.c fs/crc32.c tests/host/lib/tap.c tests/host/lib/kernel_memory.c
fuzz_sources_bootmap := mm/bootmap.c tests/host/lib/tap.c

define fuzz_program
build/fuzz/$(1): tests/fuzz/$(1).c tests/fuzz/fuzz.mk $$(fuzz_sources_$(1)) $$(wildcard include/quire/*.h mm/*.h fs/*.h)
	$$(call quiet,FUZZ,$$@)
	@mkdir -p $$(@D)
	$$(Q)clang -m64 $$(host_cflags) -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $$@ $$(filter %.c,$$^)
endef
$(foreach f,$(fuzz_names),$(eval $(call fuzz_program,$(f))))

FUZZ ?= $(fuzz_names)
SECONDS ?= 60
.PHONY: fuzz
## fuzz: fuzz FUZZ="NAMES" (heap cpio gunzip bootmap) for SECONDS each
fuzz: $(FUZZ:%=build/fuzz/%)
	@$(foreach f,$(FUZZ),mkdir -p build/fuzz/$(f).corpus && (cd build/fuzz && ./$(f) -max_total_time=$(SECONDS) \
		-print_final_stats=1 $(f).corpus) &&) :

test_needs += $(if $(filter fuzz,$(notdir $(check_scripts:.t=))),$(fuzz_names:%=build/fuzz/%))
