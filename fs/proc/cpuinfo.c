/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpuinfo.c - /proc/cpuinfo.
 */
#include "arch/x86/cpu.h"
#include "fs/proc/proc.h"

/* Names by bit of a CPUID word; NULL: not shown. */
static const char *const leaf1_d[32] = {
	"fpu",  "vme",  "de",   "pse", "tsc",  "msr", "pae",   "mce", "cx8",     "apic", NULL,
	"sep",  "mtrr", "pge",  "mca", "cmov", "pat", "pse36", "pn",  "clflush", NULL,   "dts",
	"acpi", "mmx",  "fxsr", "sse", "sse2", "ss",  "ht",    "tm",  "ia64",    "pbe",
};
static const char *const leaf1_c[32] = {
	"pni",    "pclmulqdq",  "dtes64", "monitor", "ds_cpl",
	"vmx",    "smx",        "est",    "tm2",     "ssse3",
	"cid",    "sdbg",       "fma",    "cx16",    "xtpr",
	"pdcm",   NULL,         "pcid",   "dca",     "sse4_1",
	"sse4_2", "x2apic",     "movbe",  "popcnt",  "tsc_deadline_timer",
	"aes",    "xsave",      NULL,     "avx",     "f16c",
	"rdrand", "hypervisor",
};
static const char *const ext1_d[32] = {
	[11] = "syscall", [20] = "nx", [22] = "mmxext",   [25] = "fxsr_opt", [26] = "pdpe1gb",
	[27] = "rdtscp",  [29] = "lm", [30] = "3dnowext", [31] = "3dnow",
};
static const char *const ext1_c[32] = {
	[0] = "lahf_lm", [5] = "abm", [6] = "sse4a", [7] = "misalignsse", [8] = "3dnowprefetch",
};
static const char *const leaf7_b[32] = {
	[0] = "fsgsbase",    [3] = "bmi1",      [5] = "avx2",      [7] = "smep",
	[8] = "bmi2",        [9] = "erms",      [16] = "avx512f",  [17] = "avx512dq",
	[18] = "rdseed",     [19] = "adx",      [20] = "smap",     [21] = "avx512ifma",
	[23] = "clflushopt", [24] = "clwb",     [28] = "avx512cd", [29] = "sha_ni",
	[30] = "avx512bw",   [31] = "avx512vl",
};
/* Leaf 0xd, 1: only what the kernel makes use of. */
static const char *const xsave_a[32] = { "xsaveopt", "xsavec", "xgetbv1" };

static void put_flags(struct text *t, uint32_t word, const char *const names[32])
{
	for (unsigned bit = 0; bit < 32; bit++)
		if (word >> bit & 1 && names[bit])
			text_printf(t, " %s", names[bit]);
}

PROC_SHOW(cpuinfo)
{
	const struct cpu_features *c = &cpu_features;

	text_printf(t, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
		    c->vendor, c->family, c->model);
	text_printf(t, "model name\t: %s\nstepping\t: %u\n", c->brand[0] ? c->brand : c->vendor,
		    c->stepping);
	text_string(t, "physical id\t: 0\nsiblings\t: 1\ncore id\t\t: 0\ncpu cores\t: 1\n");
	text_printf(t, "fpu\t\t: yes\nwp\t\t: yes\nflags\t\t:");
	put_flags(t, c->leaf1.d, leaf1_d);
	put_flags(t, c->ext1.d, ext1_d);
	put_flags(t, c->leaf1.c, leaf1_c);
	put_flags(t, c->ext1.c, ext1_c);
	put_flags(t, c->leaf7.b, leaf7_b);
	if (c->xsave)
		put_flags(t, cpuid(0xd, 1).a, xsave_a);
	text_printf(t, "\naddress sizes\t: %u bits physical, %u bits virtual\n\n", c->phys_bits,
		    c->virt_bits);
	return 0;
}
