# SPDX-License-Identifier: BSD-2-Clause
#
# heaplab: one program, on this machine and on Quire: static, build/host/heaplab for 64 bits and
# build/host/32/heaplab for 32.
#
#	make heaplab
#	build/host/heaplab --help
#	make heaplab-run [ARCH=i686]		a shell on Quire that has it

heaplab_sources := $(sort $(filter-out heaplab/preload.c,$(wildcard heaplab/*.c))) \
	$(sort $(wildcard mm/frames*.c mm/heap*.c))
heaplab_cflags := -std=gnu17 -O2 -g -I. -Iinclude -D_GNU_SOURCE -DQR_MAX_CPUS=1 $(warnings) \
	-DQR_HOST_INLINE='"heaplab/host.h"'

# $(1) directory, $(2) bits
define heaplab_program
$(1)/lab/%.o: %.c heaplab/heaplab.mk
	$$(call quiet,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) -m$(2) $$(heaplab_cflags) -MMD -MP -c -o $$@ $$<

$(1)/lab/heaplab/recorded.o: heaplab/recorded.S $(wildcard heaplab/traces/*.trace) heaplab/heaplab.mk
	$$(call quiet,AS,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) -m$(2) -c -o $$@ $$<

$(1)/heaplab: $$(heaplab_sources:%.c=$(1)/lab/%.o) $(1)/lab/heaplab/recorded.o
	$$(call quiet,LD,$$@)
	$$(Q)$(CC) -m$(2) -static -o $$@ $$^

$(1)/heaplab-preload.so: heaplab/preload.c heaplab/raw.h
	$$(call quiet,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) -m$(2) -std=gnu17 -O2 -I. -D_GNU_SOURCE -Wall -Wextra -Werror -fPIC -shared -fno-builtin -o $$@ $$<

-include $$(wildcard $(1)/lab/*/*.d)
endef
$(eval $(call heaplab_program,build/host,64))
$(eval $(call heaplab_program,build/host/32,32))

.PHONY: heaplab heaplab-run heaplab-traces heaplab-docs
## heaplab: build build/host/heaplab, which compares heaps on traces (docs/heaplab.md)
heaplab: build/host/heaplab build/host/heaplab-preload.so build/host/32/heaplab build/host/32/heaplab-preload.so
	@:

test_needs += $(if $(filter heaplab,$(notdir $(boot_scripts:.t=) $(check_scripts:.t=))),heaplab)

# A shell on Quire that has heaplab in /bin.
heaplab_root := build/$(ARCH)/heaplab-root
## heaplab-run: boot a shell that has heaplab
heaplab-run: heaplab
	@mkdir -p $(heaplab_root)/bin
	@cp build/host/$(if $(filter x86_64,$(ARCH)),,32/)heaplab $(heaplab_root)/bin
	@echo 'Type: heaplab'
	+@$(MAKE) --no-print-directory run FILES=$(heaplab_root)

# The pictures and the table of docs/heaplab.md, anew.
heaplab-docs: heaplab
	$(submake) -s ARCH=x86_64 kernel
	@heaplab/docs

heaplab-traces: heaplab
	@sh heaplab/traces/record.sh build/host/heaplab
