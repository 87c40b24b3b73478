/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpuinfo.c - /proc/cpuinfo.
 */
#include "arch/x86/cpu.h"
#include "fs/proc/proc.h"

/* Names by bit of a CPUID word, each with a blank behind it; just a blank: not shown. */
static const char leaf1_d[] =
    "fpu vme de pse tsc msr pae mce cx8 apic  sep mtrr pge mca cmov pat pse36 pn "
    "clflush  dts acpi mmx fxsr sse sse2 ss ht tm ia64 pbe ";
static const char leaf1_c[] =
    "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 "
    "xtpr pdcm  pcid dca sse4_1 sse4_2 x2apic movbe popcnt tsc_deadline_timer aes "
    "xsave  avx f16c rdrand hypervisor ";
static const char ext1_d[] =
    "           syscall         nx  mmxext   fxsr_opt pdpe1gb rdtscp  lm 3dnowext "
    "3dnow ";
static const char ext1_c[] = "lahf_lm     abm sse4a misalignsse 3dnowprefetch ";
static const char leaf7_b[] =
    "fsgsbase   bmi1  avx2  smep bmi2 erms       avx512f avx512dq rdseed adx smap "
    "avx512ifma  clflushopt clwb    avx512cd sha_ni avx512bw avx512vl ";
/* Leaf 0xd, 1: only what the kernel makes use of. */
static const char xsave_a[] = "xsaveopt xsavec xgetbv1 ";

static void put_flags(struct text *t, uint32_t word, const char *names)
{
	for (; *names; word >>= 1) {
		const char *end = names;

		while (*end != ' ')
			end++;
		if ((word & 1) && end > names) {
			text_char(t, ' ');
			text_put(t, names, (size_t)(end - names));
		}
		names = end + 1;
	}
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
