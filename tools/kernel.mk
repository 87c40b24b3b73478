# SPDX-License-Identifier: BSD-2-Clause
#
# One kernel: build/ARCH/quire.elf.
#
# It is linked twice.  The first link has an empty symbol table; its symbols become the table
# of the second.  The table holds functions only and lies behind them in the image, so it
# moves none of them; tools/symbols checks that.

compiler := $(if $(findstring clang,$(CC)),clang,gcc)
B := build/$(ARCH)$(if $(filter clang,$(compiler)),-clang)$(if $(DEBUG),-debug)
KERNEL := $(B)/quire.elf

bits := $(if $(filter x86_64,$(ARCH)),64,32)
ld_script := arch/x86/$(bits)/kernel.ld

kernel_sources := $(sort $(wildcard \
	mm/*.c arch/x86/*.[cS] arch/x86/$(bits)/*.[cS] arch/x86/boot/*.[cS] \
	drivers/*.c fs/*.c fs/*/*.c kernel/*.c kernel/*/*.c))
kernel_objects := $(addsuffix .o,$(addprefix $(B)/,$(basename $(kernel_sources))))

# Two sources of one name (entry.c, entry.S) would make one object.
ifneq ($(words $(kernel_objects)),$(words $(sort $(kernel_objects))))
$(error two sources differ only in their suffix: $(sort $(foreach o,$(kernel_objects),\
	$(if $(word 2,$(filter $(o),$(kernel_objects))),$(o)))))
endif

warnings := -Wall -Wextra -Werror -Wno-unused-parameter -Wstrict-prototypes -Wmissing-prototypes

kernel_flags_64 := -m64 -mcmodel=kernel -mno-red-zone \
	$(if $(filter clang,$(compiler)),-mstack-alignment=8,-mpreferred-stack-boundary=3)
# 32 bits: the first three arguments in registers; kernel/lib/div64.c has the divisions that the
# compiler calls by that convention.
kernel_flags_32 := -m32 -march=i686 -mtune=generic -mregparm=3 \
	$(if $(filter clang,$(compiler)),-mstack-alignment=4,-mpreferred-stack-boundary=2)
# One table format per kernel, so that mm/ compiles to constants (see quire/format.h).
kernel_flags_x86_64 := -DQR_FORMAT=QR_FORMAT_X86_64
kernel_flags_i686 := -DQR_FORMAT=QR_FORMAT_TWO_LEVEL
kernel_flags_i686-pae := -DQR_FORMAT=QR_FORMAT_PAE -DQUIRE_PAE

# What runs often is compiled for speed, everything else for size (docs/design-notes.md has the
# figures).  A file belongs here when a row of `make bench` gets dearer by 1 % without it.
fast := $(filter-out mm/%_check.c mm/%_setup.c mm/%_explain.c mm/%_wrong.c \
		mm/heap_debug.c mm/heap_note.c mm/heap_any.c mm/heap_meta.c \
		mm/heap_bump.c mm/heap_block.c mm/heap_list.c \
		mm/space_huge.c mm/space_collapse.c mm/space_back.c mm/space_pager.c \
		mm/space_advise.c mm/space_remap.c, \
		$(wildcard mm/frames*.c mm/heap*.c mm/space*.c)) \
	mm/object.c mm/paging_change.c mm/pool.c mm/radix.c mm/tlb.c \
	$(addprefix arch/x86/,context.c segment.c quire_host.c trap.c user.c \
		fpu_frame.c $(bits)/fpu_frame.c $(bits)/signal_frame.c) \
	$(addprefix kernel/,exit.c fault.c fork.c futex.c \
		kmalloc.c kstack.c sched.c signal.c signal_deliver.c signal_user.c \
		wait.c waitq.c lib/string.c lib/bits.c lib/div64.c) \
	$(addprefix kernel/syscall/,dispatch.c files.c files_io.c files_user.c futex.c memory.c \
		mmap.c poll.c process_vm.c signals.c splice.c time.c timespec.c) \
	$(addprefix fs/,dentry.c file.c files.c inode.c memfs_file.c open.c path.c \
		pipe.c uio.c proc/pid_maps.c proc/text.c) \
	drivers/clock.c
#
# gcc's -Oz leaves on what makes copies of code (threaded jumps, peeled and hoisted parts) and
# tables of jumps that are larger than the comparisons; and it aligns data for caches.  Blocks
# in the simple order are as fast as others, and none is there twice.  clang's -Oz would call
# functions for 64-bit shifts.
fast_flags := -O2 $(if $(filter gcc,$(compiler)),-falign-functions=4 -falign-jumps=1 -falign-loops=1 \
	-freorder-blocks-algorithm=simple -malign-data=abi)
small_flags := $(if $(filter gcc,$(compiler)),-Oz -malign-data=abi -fno-jump-tables \
	-fno-tree-dominator-opts -fno-thread-jumps -fno-code-hoisting \
	-fno-move-loop-invariants -fno-caller-saves -Wno-maybe-uninitialized,-Os)
optimise = $(if $(filter $(fast),$<),$(fast_flags),$(small_flags))

kernel_cppflags = -I. -Iinclude -DQUIRE_ARCH='"$(ARCH)"' -DQUIRE_KERNEL -DQR_MAX_CPUS=1 $(if $(DEBUG),-DQR_DEBUG) \
	$(if $(wildcard arch/x86/quire_host.h),-DQR_HOST_INLINE='"arch/x86/quire_host.h"')
kernel_cflags = $(kernel_flags_$(bits)) $(kernel_flags_$(ARCH)) -std=gnu17 -g $(warnings) \
	-ffreestanding -ffunction-sections -fdata-sections -fno-pic -fno-pie -fno-stack-protector -fno-strict-aliasing -fno-common \
	-fomit-frame-pointer \
	-fno-asynchronous-unwind-tables -fcf-protection=none \
	-mgeneral-regs-only -mno-mmx -mno-sse -mno-80387 $(CFLAGS)
kernel_ldflags = -m $(if $(filter 64,$(bits)),elf_x86_64,elf_i386) -static -nostdlib \
	--gc-sections -z noexecstack -z max-page-size=4096 --build-id=none --no-warn-rwx-segments -T $(ld_script)

# Objects follow a change of flags, not only of sources.
flags_words = $(CC) $(kernel_cppflags) $(fast_flags) $(small_flags) $(fast) $(kernel_cflags) $(kernel_objects)
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(flags_words)' | cmp -s - $@ || \
		echo '$(flags_words)' >$@
FORCE:
.PHONY: FORCE

$(B)/%.o: %.c $(B)/flags
	$(call quiet,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(kernel_cppflags) $(optimise) $(kernel_cflags) -MMD -MP -c -o $@ $<

$(B)/%.o: %.S $(B)/flags
	$(call quiet,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(kernel_cppflags) -D__ASSEMBLY__ $(kernel_cflags) -MMD -MP -c -o $@ $<

# What programs of 64 bits find mapped (arch/x86/64/vdso): a shared object, linked by itself.
$(B)/vdso.so: arch/x86/64/vdso/vdso.S arch/x86/64/vdso/vdso.ld
	@mkdir -p $(@D)
	$(Q)$(CC) -m64 -shared -nostdlib -s -Wl,-soname,linux-vdso.so.1,--hash-style=both \
		-Wl,--build-id=none,-z,max-page-size=4096 \
		-Wl,--no-eh-frame-hdr,-T,arch/x86/64/vdso/vdso.ld -o $@ $<

$(B)/arch/x86/64/vdso_image.o: kernel_cppflags += -DVDSO='"$(B)/vdso.so"'
$(B)/arch/x86/64/vdso_image.o: $(B)/vdso.so

$(B)/symbols0.S: tools/symbols
	@mkdir -p $(@D)
	$(Q)tools/symbols --empty >$@

$(B)/quire0.elf: $(kernel_objects) $(B)/symbols0.o $(ld_script)
	$(Q)$(LD) $(kernel_ldflags) -o $@ $(kernel_objects) $(B)/symbols0.o

$(B)/symbols1.S: $(B)/quire0.elf tools/symbols
	$(Q)nm -n $< | tools/symbols >$@

$(B)/symbols%.o: $(B)/symbols%.S
	$(Q)$(CC) $(kernel_flags_$(bits)) -fno-pic -fno-pie -c -o $@ $<

$(KERNEL): $(kernel_objects) $(B)/symbols1.o $(ld_script)
	$(call quiet,LD,$@)
	$(Q)$(LD) $(kernel_ldflags) -o $@ $(kernel_objects) $(B)/symbols1.o
	$(Q)nm -n $@ | tools/symbols | cmp - $(B)/symbols1.S

-include $(kernel_objects:.o=.d)
