# SPDX-License-Identifier: BSD-2-Clause
#
# libquire-malloc.so: the heap's engine as malloc for any Linux program, build/host/ for 64 bits
# and build/host/32/ for 32.
#
#	make malloc
#	make install PREFIX=/usr/local DESTDIR=

malloc_engine := $(addprefix mm/heap,.c $(addprefix _,check.c class.c depot.c fail.c kept.c large.c map.c \
	meta.c span.c steal.c wrong.c))
malloc_cflags := -std=gnu17 -O2 -g -I. -Iinclude $(warnings) -fPIC -fvisibility=hidden -fno-builtin -fno-plt -fno-stack-protector -DQR_HEAP_PROCESS -DQR_HOST_INLINE='"malloc/host.h"'

# libquire-malloc.so, and with a suffix the one that watches a program, and the one that
# resists it (malloc.h).
malloc_kinds := release debug hardened
malloc_suffix = $(if $(filter release,$(1)),,-$(1))
malloc_flags_release := -DMALLOC_QUICK
malloc_flags_debug := -DMALLOC_DEBUG
malloc_flags_hardened := -DQR_HEAP_HARDENED
malloc_files := $(addprefix malloc/,idle.c malloc.c pages.c process.c stats.c) $(malloc_engine)
malloc_files_release := malloc/quick.c
malloc_files_debug := malloc/debug.c mm/heap_debug.c mm/heap_note.c
malloc_files_hardened := malloc/guard.c mm/heap_hardened.c

# $(1) directory, $(2) bits, $(3) kind
define malloc_library
$(1)/malloc-$(3)/%.o: %.c malloc/malloc.mk
	$$(call quiet,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$(CC) -m$(2) $$(malloc_cflags) $$(malloc_flags_$(3)) -MMD -MP -c -o $$@ $$<

$(1)/libquire-malloc$(call malloc_suffix,$(3)).so: $$(patsubst %.c,$(1)/malloc-$(3)/%.o,$$(malloc_files) $$(malloc_files_$(3)))
	$$(call quiet,LD,$$@)
	$$(Q)$(CC) -m$(2) -shared -Wl,-soname,$$(@F) -Wl,-z,now -Wl,-z,noseparate-code -o $$@ $$^

-include $$(wildcard $(1)/malloc-$(3)/*/*.d)
endef
$(foreach k,$(malloc_kinds),$(eval $(call malloc_library,build/host,64,$(k)))\
	$(eval $(call malloc_library,build/host/32,32,$(k))))

.PHONY: malloc malloc-debug malloc-hardened install
## malloc: build build/host/libquire-malloc.so, the heap as malloc for Linux programs
malloc: build/host/libquire-malloc.so build/host/32/libquire-malloc.so
	@:

## malloc-debug: build the one that finds a program's errors: libquire-malloc-debug.so
malloc-debug: build/host/libquire-malloc-debug.so build/host/32/libquire-malloc-debug.so
	@:

## malloc-hardened: build the one that resists them: libquire-malloc-hardened.so
malloc-hardened: build/host/libquire-malloc-hardened.so build/host/32/libquire-malloc-hardened.so
	@:

## install: install the library, its headers and libquire-malloc.so to PREFIX (DESTDIR)
install: install-lib malloc malloc-debug malloc-hardened
	$(call quiet,INSTALL,$(DESTDIR)$(LIBDIR)/libquire-malloc.so)
	$(Q)install -m 755 $(foreach k,$(malloc_kinds),build/host/libquire-malloc$(call malloc_suffix,$k).so) $(DESTDIR)$(LIBDIR)
	$(call quiet,INSTALL,$(DESTDIR)$(PREFIX)/share/man/man7/libquire-malloc.7)
	$(Q)install -d $(DESTDIR)$(PREFIX)/share/man/man7
	$(Q)install -m 644 malloc/libquire-malloc.7 $(DESTDIR)$(PREFIX)/share/man/man7

# The test program is told nothing of what malloc promises, or the compiler would do it itself.
build/host/malloc-family%: tests/malloc/family.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -m$* -std=gnu17 -O2 -g $(warnings) -fno-builtin -Wno-free-nonheap-object -Wno-use-after-free \
		-Wno-alloc-size-larger-than -pthread -o $@ $<

build/host/malloc-misuse%: tests/malloc/misuse.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -m$* -std=gnu17 -O1 -g $(warnings) -fno-builtin -rdynamic -o $@ $<

test_needs += $(if $(filter malloc malloc_%,$(notdir $(check_scripts:.t=))),lib malloc malloc-debug malloc-hardened \
	$(foreach b,64 32,$(foreach p,family misuse model,build/host/malloc-$p$b)) \
	$(malloc_tsan_programs:%=build/host/malloc-tsan-%))

build/host/patterns build/host/measure: build/host/%: bench/heap/%.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -std=gnu17 -O2 -g $(warnings) -pthread -o $@ $<

build/host/patterns32: bench/heap/patterns.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -m32 -std=gnu17 -O2 -g $(warnings) -pthread -o $@ $<

.PHONY: bench-heap
## bench-heap: the heap as malloc beside four allocators of Debian (build/bench/heap.md)
bench-heap:
	@tools/setup bench-heap
	$(submake) -s malloc build/host/patterns build/host/patterns32 build/host/measure
	@bench/heap/run

# Random calls against a model (tests/malloc/model.c): in a program of its own, with any library in
# front; and with the library's sources in it, under another name, for the thread sanitizer.
build/host/malloc-model%: tests/malloc/model.c
	$(call quiet,CC,$@)
	$(Q)$(CC) -m$* -std=gnu17 -O2 -g $(warnings) -fno-builtin -pthread -o $@ $<

malloc_renamed := $(foreach f,malloc free calloc realloc reallocarray memalign aligned_alloc posix_memalign valloc \
	pvalloc malloc_usable_size malloc_trim malloc_stats mallinfo mallinfo2 mallopt,-D$f=quire_$f)

# $(1) compiler, $(2) kind
define malloc_tsan
build/host/malloc-tsan-$(1)-$(2): tests/malloc/model.c $$(malloc_files) $$(malloc_files_$(2)) \
		$$(wildcard malloc/*.h mm/heap*.h include/quire/heap*.h)
	$$(call quiet,CC,$$@)
	$$(Q)$(1) $$(filter-out -fPIC -fvisibility=hidden -O2,$$(malloc_cflags)) -O1 -fsanitize=thread -pthread \
		-DMALLOC_PLAIN_TLS $$(malloc_flags_$(2)) $$(malloc_renamed) -o $$@ $$(filter %.c,$$^)
endef
malloc_tsan_programs := gcc-release clang-hardened
$(foreach t,$(malloc_tsan_programs),$(eval $(call malloc_tsan,$(firstword $(subst -, ,$t)),$(lastword $(subst -, ,$t)))))
