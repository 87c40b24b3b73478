# SPDX-License-Identifier: BSD-2-Clause
#
# What a kernel boots with: the root file system, and an image for GRUB.

root_arch := $(if $(filter x86_64,$(ARCH)),x86_64,i686)
root_files := tools/mkroot tools/cpio $(shell find tools/root ! -type d)
ROOT_FILE := build/$(ARCH)/root.cpio.gz

build/$(ARCH)/root.cpio.gz build/$(ARCH)/root.cpio: $(root_files)
	$(call quiet,ROOT,$@)
	$(Q)tools/mkroot $(ARCH) $@

## root: build build/ARCH/root.cpio.gz, the root file system
root: $(ROOT_FILE) build/$(ARCH)/root.cpio
	@:
.PHONY: root
