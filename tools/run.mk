# SPDX-License-Identifier: BSD-2-Clause
#
# Booting by hand.  APPEND="words" adds to the kernel's command line, MEMORY=64M sets its RAM,
# QEMU_ARGS="..." adds to QEMU's own; ACCEL=kvm uses the host's processor.

qemu := qemu-system-$(if $(filter x86_64,$(ARCH)),x86_64,i386)
MEMORY ?= 64M
QEMU_ARGS ?=
machine = $(qemu) -m $(MEMORY) -nic none -no-reboot -display none -serial mon:stdio \
	$(if $(ACCEL),-accel $(ACCEL)) $(QEMU_ARGS)
boot = -kernel $(KERNEL) -initrd $(ROOT) -append "console=ttyS0 $(APPEND)"

run-needs: $(KERNEL) $(ROOT)
	
.PHONY: run-needs image

## run: boot a shell in this terminal (Ctrl-A X leaves)
run:
	@tools/setup run
	$(submake) run-needs
	@exec $(machine) $(boot)

## debug: boot, stopped at the first instruction, with gdb attached
debug:
	@tools/setup debug
	$(submake) run-needs
	@tools/debug $(KERNEL) build/$(ARCH)/serial -- $(qemu) -m $(MEMORY) -nic none -no-reboot \
		-display none $(QEMU_ARGS) $(boot)

ISO := $(B)/quire.iso

$(ISO): $(KERNEL) $(ROOT) tools/mkiso
	$(call quiet,ISO,$@)
	$(Q)tools/mkiso $@ $(KERNEL) $(ROOT) "$(APPEND)"

image: $(ISO)

## iso: build an image that GRUB boots, on BIOS and UEFI: build/ARCH/quire.iso
iso:
	@tools/setup iso run
	$(submake) image
	@echo "$(ISO): try it with"
	@echo "  $(qemu) -m $(MEMORY) -serial mon:stdio -cdrom $(ISO)"

## fmt: format the C sources
fmt:
	@tools/setup fmt
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

## help: this list
help:
	@echo 'make GOAL [ARCH=x86_64|i686|i686-pae] [CC=gcc|clang] [DEBUG=1] [V=1]'
	@echo
	@sed -n 's/^## \([a-z]*\): \(.*\)/  \1\t\2/p' Makefile $(filter %.mk,$(MAKEFILE_LIST)) | sort | expand -t 12
	@echo
	@echo 'Without a goal: kernel.  run and debug take MEMORY=64M, APPEND="words",'
	@echo 'QEMU_ARGS="..."; run takes ACCEL=kvm.  test takes T="names".'
