# SPDX-License-Identifier: BSD-2-Clause
#
# What there is to test: unit tests on the host (tools/host.mk), booted tests
# (tests/boot/NAME.t), checks of the sources (tests/check/NAME.t).  T="NAME ..." chooses by name:
# T=frames runs frames and frames_model, wherever they are.

ifdef T
wanted = $(filter $(T) $(addsuffix _%,$(T)),$(1))
else
wanted = $(1)
endif

check_scripts := $(foreach t,$(call wanted,$(patsubst tests/check/%.t,%,$(sort $(wildcard tests/check/*.t)))),tests/check/$(t).t)
boot_scripts := $(foreach t,$(call wanted,$(patsubst tests/boot/%.t,%,$(sort $(wildcard tests/boot/*.t)))),tests/boot/$(t).t)
host_programs := $(foreach v,$(host_variants),$(addprefix build/host/$(v)/,$(call wanted,$(call tests_of,$(v)))))

# What the chosen tests need built, beside what fragments included before have added to
# test_needs.
test_needs += $(host_programs)
ifneq ($(boot_scripts)$(filter size compilers,$(notdir $(check_scripts:.t=))),)
test_needs += test-kernels
endif
ifneq ($(filter layers,$(notdir $(check_scripts:.t=))),)
test_needs += build/host/gcc64/quire.a
endif
ifneq ($(filter examples,$(notdir $(check_scripts:.t=))),)
test_needs += lib
endif
ifneq ($(boot_scripts)$(filter compilers,$(notdir $(check_scripts:.t=))),)
test_needs += test-roots
endif
ifneq ($(boot_scripts),)
test_needs += user-programs
endif

test_arches := x86_64 i686 i686-pae
test-kernels:
	$(Q)$(foreach a,$(test_arches),$(MAKE) --no-print-directory ARCH=$(a) kernel &&) :
ifneq ($(filter iso,$(notdir $(boot_scripts:.t=))),)
	$(Q)$(foreach a,$(filter-out i686-pae,$(test_arches)),$(MAKE) --no-print-directory ARCH=$(a) image &&) :
endif
test-roots:
	$(Q)$(foreach a,$(test_arches),$(MAKE) --no-print-directory ARCH=$(a) root &&) :
test-needs: $(test_needs)
	@:
.PHONY: test-kernels test-roots test-needs

## test: build and run all tests; T="NAME ..." runs those of that name
test:
	@tools/setup test
	-$(submake) -k test-needs
	@tools/test --jobs $(JOBS) $(check_scripts) $(boot_scripts) $(host_programs)
