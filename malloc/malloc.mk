# SPDX-License-Identifier: BSD-2-Clause
#
# libquire-malloc.so: the heap's engine as malloc for any Linux program, build/host/ for 64 bits
# and build/host/32/ for 32.
#
#	make malloc
#	make install PREFIX=/usr/local DESTDIR=

malloc_sources := $(sort $(wildcard malloc/*.c)) mm/heap.c mm/heap_check.c mm/heap_class.c mm/heap_depot.c \
	mm/heap_fail.c mm/heap_large.c mm/heap_map.c mm/heap_span.c mm/heap_wrong.c
malloc_cflags := -std=gnu17 -O2 -g -I. -Iinclude $(warnings) -fPIC -fvisibility=hidden -fno-builtin -fno-plt -fno-stack-protector -DQR_HEAP_PROCESS -DMALLOC_QUICK -DQR_HOST_INLINE='"malloc/host.h"'

# $(1) directory, $(2) bits
define malloc_library
$(1)/malloc/%.o: %.c malloc/malloc.mk
	$$(call quiet,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) -m$(2) $$(malloc_cflags) -MMD -MP -c -o $$@ $$<

$(1)/libquire-malloc.so: $$(malloc_sources:%.c=$(1)/malloc/%.o)
	$$(call quiet,LD,$$@)
	$$(Q)$(CC) -m$(2) -shared -Wl,-soname,libquire-malloc.so -Wl,-z,now -o $$@ $$^

-include $$(wildcard $(1)/malloc/*/*.d)
endef
$(eval $(call malloc_library,build/host,64))
$(eval $(call malloc_library,build/host/32,32))

PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib

.PHONY: malloc install
## malloc: build build/host/libquire-malloc.so, the heap as malloc for Linux programs
malloc: build/host/libquire-malloc.so build/host/32/libquire-malloc.so
	@:

## install: install the library, its headers and libquire-malloc.so to PREFIX (DESTDIR)
install: lib malloc
	install -d $(DESTDIR)$(PREFIX)/include/quire $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/share/man/man7
	install -m 644 include/quire/*.h $(DESTDIR)$(PREFIX)/include/quire
	install -m 644 build/host/libquire.a $(DESTDIR)$(LIBDIR)
	install -m 755 build/host/libquire-malloc.so $(DESTDIR)$(LIBDIR)
	install -m 644 malloc/libquire-malloc.7 $(DESTDIR)$(PREFIX)/share/man/man7
	sed 's|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' malloc/quire.pc.in \
		>$(DESTDIR)$(LIBDIR)/pkgconfig/quire.pc

# The test program is told nothing of what malloc promises, or the compiler would do it itself.
build/host/malloc-family%: tests/malloc/family.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -m$* -std=gnu17 -O2 -g $(warnings) -fno-builtin -Wno-free-nonheap-object -Wno-use-after-free \
		-Wno-alloc-size-larger-than -pthread -o $@ $<

test_needs += $(if $(filter malloc,$(notdir $(check_scripts:.t=))),lib malloc build/host/malloc-family64 \
	build/host/malloc-family32)

build/host/patterns: bench/heap/patterns.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g $(warnings) -pthread -o $@ $<

.PHONY: bench-heap
## bench-heap: the heap as malloc beside four allocators of Debian (build/bench/heap.md)
bench-heap:
	@tools/setup bench-heap
	$(submake) -s malloc build/host/patterns
	@bench/heap/run
