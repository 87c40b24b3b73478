# SPDX-License-Identifier: BSD-2-Clause
#
# The build of Quire.  Two commands matter: `make run` and `make test`; `make help` lists
# the rest.  Sources are found by wildcard: put a file where it belongs and it is built.
#
#	tools/kernel.mk    build/ARCH/quire.elf: one kernel, with its symbol table
#	tools/root.mk      build/ARCH/root.cpio.gz: the root file system it boots with
#	tools/run.mk       booting by hand: run, debug, iso; fmt, help
#	tools/host.mk      build/host/: the library, and the unit tests in all their variants
#	tools/test.mk      what `make test` runs
#
# ARCH=x86_64 (default), i686, i686-pae.  CC=gcc (default), clang.  DEBUG=1: assertions of
# the debug tier.  What differs from the default is built in a directory of its own.

ARCH ?= x86_64
ifeq ($(origin CC),default)
CC := gcc
endif
JOBS ?= $(shell nproc 2>/dev/null || echo 2)

ARCHES := x86_64 i686 i686-pae
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH) is not known; one of: $(ARCHES))
endif

all: kernel

# A parallel make of the given goals, unless the caller has chosen -j already.
submake = +@$(MAKE) --no-print-directory $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(JOBS))

# `make` shows one short line a step; `make V=1` whole commands.
ifeq ($(V),1)
quiet =
else
quiet = @$(if $(findstring s,$(firstword -$(MAKEFLAGS))),,printf '  %-7s %s\n' '$(1)' '$(2)' &&) :;
Q := @
endif

include tools/kernel.mk
include tools/host.mk
include tools/root.mk
include tools/run.mk
-include bench/bench.mk tests/user/user.mk tests/replay/replay.mk malloc/malloc.mk heaplab/heaplab.mk tests/fuzz/fuzz.mk
include tools/test.mk

.PHONY: all kernel lib run test bench iso debug fmt help clean check-build tests
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

## kernel: build build/ARCH/quire.elf
kernel: $(KERNEL)
	@:

## lib: build the library for a kernel of yours, build/host/libquire.a (docs/porting.md)
lib: $(LIB)/libquire.a
	@:

## clean: remove build/, except for fetched Debian packages
clean:
	$(Q)[ ! -d build ] || find build -mindepth 1 -maxdepth 1 ! -name debs -exec rm -rf {} +

# What must hold before a change lands: both kernels link, the unit tests compile, by
# either compiler and for either word size.
check-build:
ifneq ($(wildcard kernel/main.c),)
	$(submake) -s ARCH=x86_64 kernel
	$(submake) -s ARCH=i686 kernel
endif
	$(submake) -s tests-gcc64 tests-clang32
