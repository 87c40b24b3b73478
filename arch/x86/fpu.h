/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fpu.h - the registers of a program that the kernel does not compute with: x87, SSE, AVX, AVX-512.
 *
 * A task that does not run has them in an *image* behind its `struct task`:
 *
 *	  0	x87, MXCSR, XMM		fxsave's 512 bytes; fsave's 112 where the CPU is older
 *	464	  software bytes	what a signal frame says of itself; XCR0 in core files
 *	512	header, 64 bytes	which parts are not as they begin, XSTATE_BV; the rest 0
 *	576	YMM's upper halves	and what else there is, at the places CPUID tells
 *
 * From 512 on it exists only with XSAVE.  The layout is the standard one, which is also that of signal
 * frames and core files.  The instructions stand in the kernel as fxsave and fxrstor; fpu_init()
 * makes xsaveopt (or xsave) and xrstor of them, which are the same but for three bits.  An image costs
 * what the CPU has: 512 bytes, 832 with AVX, 2688 with AVX-512; a switch moves what is in use
 * and was changed.  AMX, whose 8 KiB Linux gives on request, and PKRU, which needs the tables'
 * help, are not offered.
 *
 * I1  No image is changed but by saving, or by who loads it at once: xsaveopt leaves out what it
 *     knows to be in the image it was loaded from.
 * I2  The header of an image holds nothing but bits of XSTATE_BV that XCR0 has.
 *
 * Context: the running task's registers, interrupts in any state: no handler touches them.
 * Sources: Intel SDM volume 1, chapter 13; AMD APM volume 2, section 11.5.
 */
#ifndef ARCH_X86_FPU_H
#define ARCH_X86_FPU_H

#include <quire/types.h>
#include "arch/x86/cpu.h"
#include "arch/x86/user.h"

struct context;

#define FPU_LEGACY   512 /* bytes of fxsave's image */
#define FPU_OLD      112 /* of fsave's, as signal frames have it */
#define FPU_SOFTWARE 464
#define FPU_HEADER   512
#define FPU_EXTENDED 576
#define FPU_MAGIC1   0x46505853u
#define FPU_MAGIC2   0x46505845u /* behind the image in a frame, where XSAVE is */
#define FPU_ALIGN    64

/* Parts, as XCR0 numbers them. */
#define FPU_X87    0x01u
#define FPU_SSE    0x02u
#define FPU_AVX    0x04u
#define FPU_AVX512 0xe0u

/* What a frame has from FPU_SOFTWARE on when it is made: software bytes, header. */
struct fpu_mark {
	uint32_t magic1, extended_size; /* magic 2 and fsave's part included */
	uint64_t features;
	uint32_t size, reserved[7];
	uint64_t header[8];
};
_Static_assert(sizeof(struct fpu_mark) == FPU_EXTENDED - FPU_SOFTWARE, "software bytes, header");

/* Set by fpu_init(), constant afterwards. */
struct fpu_layout {
	uint32_t size;     /* of an image */
	uint32_t frame;    /* of an image in a signal frame, magic 2 included */
	uint32_t features; /* XCR0; 0: no XSAVE */
	struct fpu_mark mark;
};
extern struct fpu_layout fpu;

/* Turn on what the CPU has.  Text must still be writable: see patch_smap. */
void fpu_init(void);

/* Bytes that a task has behind itself, which begin at a multiple of 16, and its image there; the
 * header is cleared. */
QR_INLINE size_t fpu_room(void)
{
	return fpu.size + FPU_ALIGN - 16;
}
void *fpu_place(void *behind);

/* ---- the running task's registers --------------------------------------------------------- */

/* Places where fpu_init() ORs bits into the ModRM byte behind 0f ae. */
#define FPU_SITE(kind)                       \
	".pushsection __fpu_table,\"a\"\n\t" \
	".balign 4\n\t"                      \
	".long 671b - ., " kind "\n\t"       \
	".popsection\n\t"
#define FPU_SITE_SAVE "0"
#define FPU_SITE_LOAD "1"

#ifdef __x86_64__
#define FPU_64 "64" /* the form that keeps addresses whole */
#else
#define FPU_64 ""
#endif

struct fpu_image {
	_Alignas(16) uint8_t bytes[FPU_LEGACY];
};

/* All parts of XCR0 are asked for by eax; edx has none to ask for. */
QR_INLINE void fpu_image_save(void *image)
{
#ifndef __x86_64__
	if (QR_RARELY(!cpu_features.fxsr)) {
		__asm__ volatile("fnsave %0\n\tfrstor %0" : "=m"(*(struct fpu_image *)image));
		return;
	}
#endif
	__asm__ volatile("671: fxsave" FPU_64 " %0\n\t" FPU_SITE(FPU_SITE_SAVE)
			 : "+m"(*(struct fpu_image *)image)
			 : "a"(-1)
			 : "memory");
}

/* frstor looks for an exception that the image before it left pending, and would raise it here:
 * the exceptions of that image are its owner's, so they are cleared first. */
QR_INLINE void fpu_image_load(const void *image)
{
#ifndef __x86_64__
	if (QR_RARELY(!cpu_features.fxsr)) {
		__asm__ volatile("fnclex\n\tfrstor %0" : : "m"(*(const struct fpu_image *)image));
		return;
	}
#endif
	__asm__ volatile("671: fxrstor" FPU_64 " %0\n\t" FPU_SITE(FPU_SITE_LOAD)
			 :
			 : "m"(*(const struct fpu_image *)image), "a"(-1)
			 : "memory");
}

/* Those of a fresh program, also for a handler to begin with. */
extern _Alignas(FPU_ALIGN) uint8_t fpu_fresh[FPU_EXTENDED];
QR_INLINE void fpu_reset(void)
{
	fpu_image_load(fpu_fresh);
}

/* The image of a task that sleeps or runs, as core files have it: fpu.size bytes. */
void fpu_core(struct context *c, void *out);

/* ---- signal frames (fpu_frame.c, 32/fpu_frame.c) -------------------------------------------- */

/* Where below sp the image goes: what sigcontext.fpstate says. */
uintptr_t fpu_frame_place(uintptr_t sp);

/* The running task's registers to and from a frame of its own.  After saving they count no more: the
 * handler gets fresh ones.  -EFAULT when loading also for a frame that no CPU would accept; then the
 * registers are a fresh program's, as they are for address 0.  A frame whose magics are not there
 * has fxsave's part only. */
int fpu_frame_save(uintptr_t at);
int fpu_frame_load(uintptr_t at);

#define MXCSR_AT    24
#define MXCSR_VALID 0xffffu /* without DAZ on very old CPUs: those have no SSE2 programs */

/* What the frame at fx says of itself.  -EFAULT: it is not readable. */
struct fpu_found {
	bool whole;        /* both magics: XSAVE's image; else fxsave's */
	uint32_t features; /* parts that count */
	uint32_t mxcsr;
};
int fpu_frame_look(const void __user *fx, struct fpu_found *found);
/* The image alone, with its software bytes. */
int fpu_frame_save_fx(void __user *fx);

/* AT_MINSIGSTKSZ: the most that a frame takes of a stack. */
size_t fpu_frame_most(void);

#endif
