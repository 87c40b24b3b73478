/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fpu.c - what the CPU has of extended state, turned on; fresh images, and those of core files.
 */
#include "arch/x86/fpu.h"
#include "arch/x86/context.h"
#include "kernel/lib/string.h"

#define FCW_DEFAULT   0x037f
#define MXCSR_DEFAULT 0x1f80
#define XMM_AT        160
#define XMM_END       416

#define MODRM_XSAVE    0x20 /* /4 where fxsave has /0; xrstor, /5, where fxrstor has /1 */
#define MODRM_XSAVEOPT 0x30 /* /6 */

struct fpu_layout fpu;
_Alignas(FPU_ALIGN) uint8_t fpu_fresh[FPU_EXTENDED];

/* Entries of __fpu_table: where fxsave or fxrstor stands, and whether it loads. */
struct fpu_site {
	int32_t where; /* relative to itself */
	int32_t load;
};
extern const struct fpu_site fpu_table_start[], fpu_table_end[];

static void patch_sites(uint8_t save)
{
	uintptr_t cr0 = cr0_get();

	cr0_set(cr0 & ~(uintptr_t)CR0_WP);
	for (const struct fpu_site *s = fpu_table_start; s < fpu_table_end; s++) {
		uint8_t *insn = (uint8_t *)((uintptr_t)&s->where + (intptr_t)s->where);

		while (*insn++ != 0xae) /* behind 0f, and a prefix for 64 bits */
			;
		*insn |= s->load ? MODRM_XSAVE : save;
	}
	cr0_set(cr0);
}

static void xsave_init(void)
{
	uint32_t there = cpuid(0xd, 0).a;

	fpu.features = there & (FPU_X87 | FPU_SSE | FPU_AVX);
	if ((fpu.features & FPU_AVX) && (there & FPU_AVX512) == FPU_AVX512)
		fpu.features |= FPU_AVX512;
	cr4_set(cr4_get() | CR4_OSXSAVE);
	__asm__ volatile("xsetbv" : : "c"(0), "a"(fpu.features), "d"(0));
	fpu.size = cpuid(0xd, 0).b;
	fpu.frame = fpu.size + 4;
	fpu.mark = (struct fpu_mark){
		.magic1 = FPU_MAGIC1,
		.extended_size = fpu.frame + (sizeof(long) == 4 ? FPU_OLD : 0),
		.features = fpu.features,
		.size = fpu.size,
	};
	patch_sites(cpuid(0xd, 1).a & 1 ? MODRM_XSAVEOPT : MODRM_XSAVE);
}

static void make_fresh(void)
{
	static const uint32_t empty[7] = {
		0xffff0000u | FCW_DEFAULT, 0xffff0000u, 0xffffffffu, 0, 0, 0, 0xffff0000u
	};

	memcpy(fpu_fresh, &(uint16_t){ FCW_DEFAULT }, 2);
	memcpy(fpu_fresh + MXCSR_AT, &(uint32_t){ MXCSR_DEFAULT }, 4);
	if (sizeof(long) == 4 && !cpu_features.fxsr)
		memcpy(fpu_fresh, empty, sizeof(empty));
}

void fpu_init(void)
{
	make_fresh();
	fpu.size = FPU_LEGACY;
	fpu.frame = cpu_features.fxsr ? FPU_LEGACY : FPU_OLD;
	if (cpu_features.xsave)
		xsave_init();
	__asm__ volatile("fninit");
}

void *fpu_place(void *behind)
{
	uint8_t *image =
	    (uint8_t *)(((uintptr_t)behind + FPU_ALIGN - 1) & ~(uintptr_t)(FPU_ALIGN - 1));

	memset(image + XMM_END, 0, (fpu.features ? FPU_EXTENDED : FPU_LEGACY) - XMM_END);
	return image;
}

/* xsaveopt has not written what is as it begins. */
void fpu_core(struct context *c, void *out)
{
	uint8_t *image = out;
	uint32_t used;

	if (c->task == current)
		fpu_image_save(c->fpu);
	memcpy(image, c->fpu, fpu.size);
	if (!fpu.features)
		return;
	memcpy(&used, image + FPU_HEADER, sizeof(used));
	if (!(used & FPU_X87)) {
		memset(image, 0, MXCSR_AT);
		memset(image + 32, 0, XMM_AT - 32);
		memcpy(image, &(uint16_t){ FCW_DEFAULT }, 2);
	}
	if (!(used & FPU_SSE))
		memset(image + XMM_AT, 0, XMM_END - XMM_AT);
	for (uint32_t i = 2; i < 32; i++) {
		struct cpuid_words part;

		if (!(fpu.features & ~used & 1u << i))
			continue;
		part = cpuid(0xd, i);
		memset(image + part.b, 0, part.a);
	}
	memcpy(image + FPU_SOFTWARE, &fpu.features, sizeof(fpu.features));
}
