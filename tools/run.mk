# SPDX-License-Identifier: BSD-2-Clause
#
# Booting by hand.  APPEND="words" adds to the kernel's command line, MEMORY=64M sets its RAM,
# QEMU_ARGS="..." adds to QEMU's own; ACCEL=kvm uses the host's processor.
#
# `make run` boots another root file system if told: PACKAGES="python3 gcc" of Debian, FILES=DIR
# laid over it; ROOT=DIR alone; INITRD=FILE (tools/runroot).

qemu := qemu-system-$(if $(filter x86_64,$(ARCH)),x86_64,i386)
own_root := $(strip $(PACKAGES)$(FILES)$(ROOT)$(INITRD))
MEMORY ?= $(if $(own_root),,64M)
QEMU_ARGS ?=
machine = $(qemu) -m $(1) -nic none -no-reboot -display none -serial mon:stdio \
	$(if $(ACCEL),-accel $(ACCEL)) $(QEMU_ARGS)
boot = -kernel $(KERNEL) -initrd $(1) -append "console=ttyS0 $(APPEND)"

run-needs: $(KERNEL) $(if $(own_root),,$(ROOT_FILE))
	@:
.PHONY: run-needs image

## run: boot a shell in this terminal (Ctrl-A X leaves)
run:
	@tools/setup run
	$(submake) run-needs
ifeq ($(own_root),)
	@exec $(call machine,$(MEMORY)) $(call boot,$(ROOT_FILE))
else
	@made=$$(PACKAGES="$(PACKAGES)" FILES="$(FILES)" ROOT="$(ROOT)" INITRD="$(INITRD)" \
		MEMORY="$(MEMORY)" tools/runroot $(ARCH)) || exit 1; \
	exec $(call machine,"$${made##* }") $(call boot,"$${made% *}")
endif

## debug: boot, stopped at the first instruction, with gdb attached
debug:
	@tools/setup debug
	$(submake) run-needs
	@tools/debug $(KERNEL) build/$(ARCH)/serial -- $(qemu) -m $(MEMORY) -nic none -no-reboot \
		-display none $(QEMU_ARGS) $(call boot,$(ROOT_FILE))

ISO := $(B)/quire.iso

$(ISO): $(KERNEL) $(ROOT_FILE) tools/mkiso
	$(call quiet,ISO,$@)
	$(Q)tools/mkiso $@ $(KERNEL) $(ROOT_FILE) "$(APPEND)"

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
	@sed -n 's/^## \([a-z-]*\): \(.*\)/  \1\t\2/p' Makefile $(filter %.mk,$(MAKEFILE_LIST)) | sort | expand -t 19
	@echo
	@echo 'Without a goal: kernel.  run and debug take MEMORY=64M, APPEND="words",'
	@echo 'QEMU_ARGS="..."; run takes ACCEL=kvm, and another root file system: PACKAGES="names" of'
	@echo 'Debian, FILES=dir laid over it, ROOT=dir alone, INITRD=file.  test takes T="names".'
