# SPDX-License-Identifier: BSD-2-Clause
#
# user.mk - tests/user/*.c as one static binary for each word size, build/user/64/utest and
# build/user/32/utest.  They run on Quire and, to prove themselves, on the host's Linux.

USER_CC ?= gcc
# Bad pointers and unread answers are what the tests are about.
USER_FLAGS := -std=gnu17 -I. -O2 -g0 -Wall -Wextra -Werror -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-D_TIME_BITS=64 -fno-strict-aliasing -Wno-unknown-warning-option -Wno-nonnull \
	-Wno-stringop-overread -Wno-unused-result -static -Wl,-z,noexecstack
USER_SOURCES := $(wildcard tests/user/*.c)

build/user/64/utest build/user/32/utest: build/user/%/utest: $(USER_SOURCES) $(wildcard tests/user/*.h) tests/lib/linux_call.h
	@mkdir -p $(@D)
	$(USER_CC) -m$* $(USER_FLAGS) -o $@ $(USER_SOURCES)
	@strip $@

.PHONY: user-programs test-user
user-programs: build/user/64/utest build/user/32/utest

## test-user: run the programs of tests/user on this machine's Linux, both word sizes
test-user: user-programs
	build/user/64/utest
	build/user/32/utest
