# SPDX-License-Identifier: BSD-2-Clause
#
# bench.mk - the program that measures (both word sizes, no C library) and `make bench`.

BENCH_CC ?= gcc
BENCH_FLAGS := -std=gnu17 -O2 -Wall -Wextra -Werror -ffreestanding -fno-pic \
	-fno-stack-protector -fcf-protection=none -mno-sse -fno-asynchronous-unwind-tables \
	-I. -nostdlib -static -Wl,--build-id=none
BENCH_OPS := $(wildcard bench/ops/*.[cS])

build/bench/ops64 build/bench/ops32: build/bench/ops%: $(BENCH_OPS) $(wildcard bench/ops/*.h) tests/lib/linux_call.h
	@mkdir -p $(@D)
	$(BENCH_CC) -m$* $(BENCH_FLAGS) -o $@ $(BENCH_OPS)

.PHONY: bench-programs
bench-programs: build/bench/ops64 build/bench/ops32

# What differs between two runs is a difference between two kernels: the counter is the clock.
## bench: guest instructions per operation, beside Debian's Linux (build/bench/table.md)
bench: bench-programs
	+@tools/setup bench
	$(submake) -s ARCH=x86_64 kernel root
	$(submake) -s ARCH=i686 kernel root
	bench/run -o build/bench/table.md

# Several threads in one address space: the library, built with either stage of its locks.
CONTEND_SOURCES := bench/space/contend.c $(sort $(wildcard mm/*.c arch/x86/mmu_*.c))
build/bench/contend-s0 build/bench/contend-s1: build/bench/contend-s%: $(CONTEND_SOURCES) \
		$(wildcard include/quire/*.h mm/*.h tests/host/lib/plain_*.h)
	@mkdir -p $(@D)
	$(BENCH_CC) -std=gnu17 -O2 -I. -Iinclude -pthread -D_GNU_SOURCE -DQUIRE_HOST_TEST $(warnings) \
		-DQR_SPACE_STAGE=$* -o $@ $(CONTEND_SOURCES)

.PHONY: bench-space
## bench-space: threads in one address space, with a lock for each table and with one for all
bench-space: build/bench/contend-s0 build/bench/contend-s1
	@bench/space/run
