/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpu.c - find out what the CPU can do, and turn it on.
 *
 * Sources: Intel SDM volume 2 (CPUID), volume 3 chapter 2 (control registers); AMD APM volume 3,
 * appendix E (extended leaves).
 */
#include "arch/x86/asm.h"
#include "arch/x86/bulk.h"
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "kernel/lib/string.h"

struct cpu_features cpu_features;
struct cpu boot_cpu = { .self = &boot_cpu };

_Static_assert(offsetof(struct cpu, task) == CPU_TASK, "asm.h");
_Static_assert(offsetof(struct cpu, kstack_top) == CPU_KSTACK, "asm.h");
#ifdef __x86_64__
_Static_assert(offsetof(struct cpu, self) == 0, "this_cpu reads gs:0");
_Static_assert(offsetof(struct cpu, user_sp) == CPU_USER_SP, "asm.h");
#endif

struct cpuid_words cpuid(uint32_t leaf, uint32_t sub)
{
	struct cpuid_words w;

	__asm__ volatile("cpuid"
			 : "=a"(w.a), "=b"(w.b), "=c"(w.c), "=d"(w.d)
			 : "a"(leaf), "c"(sub));
	return w;
}

#define BIT(word, n) (((word) >> (n)) & 1)

static void detect_basic(struct cpu_features *f)
{
	struct cpuid_words w = cpuid(0, 0);
	uint32_t max = w.a;

	memcpy(f->vendor, &w.b, 4);
	memcpy(f->vendor + 4, &w.d, 4);
	memcpy(f->vendor + 8, &w.c, 4);

	w = f->leaf1 = cpuid(1, 0);
	f->stepping = w.a & 15;
	f->model = w.a >> 4 & 15;
	f->family = w.a >> 8 & 15;
	if (f->family == 6 || f->family == 15)
		f->model |= w.a >> 12 & 0xf0;
	if (f->family == 15)
		f->family += w.a >> 20 & 0xff;
	f->pse = BIT(w.d, 3);
	f->tsc = BIT(w.d, 4);
	f->msr = BIT(w.d, 5);
	f->pae = BIT(w.d, 6);
	f->apic = BIT(w.d, 9);
	f->sep = BIT(w.d, 11);
	f->pge = BIT(w.d, 13);
	f->pat = BIT(w.d, 16);
	f->fxsr = BIT(w.d, 24);
	f->sse = BIT(w.d, 25);
	f->sse2 = BIT(w.d, 26);
	f->pcid = BIT(w.c, 17);
	f->xsave = BIT(w.c, 26) && max >= 0xd;
	f->rdrand = BIT(w.c, 30);
	f->hypervisor = BIT(w.c, 31);

	if (max < 7)
		return;
	w = f->leaf7 = cpuid(7, 0);
	f->fsgsbase = BIT(w.b, 0);
	f->smep = BIT(w.b, 7);
	f->erms = BIT(w.b, 9);
	f->rdseed = BIT(w.b, 18);
	f->smap = BIT(w.b, 20);
	f->umip = BIT(w.c, 2);
	f->la57 = BIT(w.c, 16);
	f->fsrm = BIT(w.d, 4);
}

static void detect_extended(struct cpu_features *f)
{
	uint32_t max = cpuid(0x80000000, 0).a;

	f->phys_bits = f->pae ? 36 : 32;
	f->virt_bits = 32;
	if (max < 0x80000001 || max > 0x8000ffff)
		return;
	struct cpuid_words w = f->ext1 = cpuid(0x80000001, 0);

	f->nx = BIT(w.d, 20);
	f->pages_1g = BIT(w.d, 26);
	f->long_mode = BIT(w.d, 29);
	if (max >= 0x80000004) {
		for (uint32_t i = 0; i < 3; i++) {
			w = cpuid(0x80000002 + i, 0);
			memcpy(f->brand + 16 * i, &w, 16);
		}
	}
	if (max >= 0x80000007)
		f->invariant_tsc = BIT(cpuid(0x80000007, 0).d, 8);
	if (max >= 0x80000008) {
		w = cpuid(0x80000008, 0);
		f->phys_bits = w.a & 0xff;
		f->virt_bits = w.a >> 8 & 0xff;
	}
}

void cpu_detect(void)
{
	detect_basic(&cpu_features);
	detect_extended(&cpu_features);
}

/* Entries of __smap_table: where three bytes of nothing wait, and whether they open (stac). */
struct smap_site {
	int32_t where; /* relative to itself */
	int32_t open;
};
extern const struct smap_site smap_table_start[], smap_table_end[];

static void patch_smap(void)
{
	uintptr_t cr0 = cr0_get();

	cr0_set(cr0 & ~(uintptr_t)CR0_WP);
	for (const struct smap_site *s = smap_table_start; s < smap_table_end; s++) {
		uint8_t *insn = (uint8_t *)((uintptr_t)&s->where + (intptr_t)s->where);

		insn[0] = 0x0f;
		insn[1] = 0x01;
		insn[2] = s->open ? 0xcb : 0xca;
	}
	cr0_set(cr0);
}

void cpu_init(void)
{
	struct cpu_features *f = &cpu_features;

#ifdef __x86_64__
	msr_set(MSR_GS_BASE, (uintptr_t)&boot_cpu);
	msr_set(MSR_KERNEL_GS_BASE, 0);
#endif
	cpu_detect();

	uintptr_t cr4 = cr4_get();

	if (f->pge)
		cr4 |= CR4_PGE;
	if (f->fxsr)
		cr4 |= CR4_OSFXSR;
	if (f->sse)
		cr4 |= CR4_OSXMMEXCPT;
	if (f->umip)
		cr4 |= CR4_UMIP;
	if (f->smep)
		cr4 |= CR4_SMEP;
	if (f->smap) {
		patch_smap();
		cr4 |= CR4_SMAP;
	}
	cr4_set(cr4);
	if (f->nx && f->msr)
		msr_set(MSR_EFER, msr_get(MSR_EFER) | EFER_NXE);
	cr0_set((cr0_get() & ~(uintptr_t)(CR0_EM | CR0_TS)) | CR0_WP | CR0_MP | CR0_NE);
	fpu_init();
	bulk_init();
}

void cpu_halt(void)
{
	for (;;)
		__asm__ volatile("cli\n\thlt" : : : "memory");
}
