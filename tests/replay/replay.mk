# SPDX-License-Identifier: BSD-2-Clause
#
# replay.mk - tests/replay as one static binary for each word size, build/replay/64/replay and
# build/replay/32/replay.

REPLAY_CC ?= gcc
REPLAY_FLAGS := -std=gnu17 -O2 -g0 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-D_TIME_BITS=64 -I. -fno-strict-aliasing -fno-stack-protector -Wno-missing-field-initializers \
	-static -Wl,-z,noexecstack
REPLAY_SOURCES := $(wildcard tests/replay/*.c)

build/replay/64/replay build/replay/32/replay: build/replay/%/replay: $(REPLAY_SOURCES) \
		$(wildcard tests/replay/*.h) tests/lib/linux_call.h
	$(call quiet,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(REPLAY_CC) -m$* $(REPLAY_FLAGS) -o $@ $(REPLAY_SOURCES)
	$(Q)strip $@

.PHONY: replay-programs
replay-programs: build/replay/64/replay build/replay/32/replay

SEED ?= 1
N ?= 1000

## replay: run random scripts here and on Quire, and compare; SEED=n N=1000 ARCH=i686
replay: replay-programs
	$(submake) -s ARCH=$(ARCH) kernel
	@tools/replay -a $(ARCH) $(SEED) $(N)
.PHONY: replay
