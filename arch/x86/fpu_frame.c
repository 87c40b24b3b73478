/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fpu_frame.c - extended state in signal frames: straight between the registers and the program's
 * stack.
 *
 *	fx ->	the image		64-byte aligned, standard layout
 *	  464	software bytes		magic 1, sizes, the parts in it
 *	  512	header			x87 and SSE always marked: who changes those need not know of it
 *	 size	magic 2			a copy of fxsave's part alone does not have it
 *
 * What comes back is what went there as a rule: a glance at what says so, and it is loaded.  Else
 * it may be anything: parts are taken as far as both the frame's software bytes and XCR0 name them, the CPU refuses what it does not know in the header, and that is an entry of the
 * exception table like a page that is not there.
 *
 * Sources: Linux's <asm/sigcontext.h>; Intel SDM volume 1, section 13.8 (XRSTOR's faults).
 */
#include "arch/x86/fpu.h"
#include "arch/x86/context.h"

#ifdef __x86_64__
#define FPU_WORD "q"
#else
#define FPU_WORD "l"
#endif
/* The most of a frame besides the image: i386's old one, its padding and the image's. */
#define FRAME_BESIDE (732 + 15 + 63)

size_t fpu_frame_most(void)
{
	return (FRAME_BESIDE + fpu.frame + (cpu_features.fxsr ? FPU_OLD : 0) + 15) & ~(size_t)15;
}

int fpu_frame_save_fx(void __user *fx)
{
	const void *mark = &fpu.mark;
	void *to = (char *)fx + FPU_SOFTWARE;
	size_t n = sizeof(fpu.mark) / sizeof(uintptr_t);

	if (!user_range_ok(fx, fpu.frame))
		return -EFAULT;
	if (QR_RARELY(!fpu.features)) {
		__asm__ goto(STAC "1: fxsave" FPU_64
				  " (%0)\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
			     :
			     : "r"(fx)
			     : "memory"
			     : fault);
		return 0;
	}
	__asm__ volatile goto(
	    STAC "1: rep movs" FPU_WORD "\n"
		 "2: xsave" FPU_64 " (%[fx])\n"
		 "3: orb %[always], %c[header](%[fx])\n"
		 "4: movl %[magic], (%[fx],%[size])\n\t" CLAC /* clang-format off */
			  EXTABLE_ENTRY("1b", "%l[fault]") EXTABLE_ENTRY("2b", "%l[fault]")
			  EXTABLE_ENTRY("3b", "%l[fault]") EXTABLE_ENTRY("4b", "%l[fault]")
		     : "+D"(to), "+S"(mark), "+c"(n) /* clang-format on */
	    : [fx] "r"(fx), [size] "r"((uintptr_t)fpu.size), [header] "i"(FPU_HEADER),
	      [always] "i"(FPU_X87 | FPU_SSE), [magic] "i"(FPU_MAGIC2), "a"(-1)
	    : "memory"
	    : fault);
	return 0;
fault:
	return -EFAULT;
}

int fpu_frame_look(const void __user *fx, struct fpu_found *found)
{
	const char __user *at = fx;
	struct {
		uint32_t magic1, extended_size;
		uint64_t features;
		uint32_t size, reserved;
	} s;
	uint32_t magic2;

	found->whole = false;
	if (!user_range_ok(fx, fpu.frame) ||
	    get_user(found->mxcsr, (uint32_t __user *)(at + MXCSR_AT)))
		return -EFAULT;
	if (!fpu.features)
		return 0;
	if (copy_from_user(&s, at + FPU_SOFTWARE, sizeof(s)))
		return -EFAULT;
	if (s.magic1 != FPU_MAGIC1 || s.size < FPU_EXTENDED || s.size > fpu.size ||
	    s.size > s.extended_size)
		return 0;
	if (get_user(magic2, (uint32_t __user *)(at + s.size)))
		return -EFAULT;
	found->whole = magic2 == FPU_MAGIC2;
	found->features = (uint32_t)s.features & fpu.features;
	return 0;
}

#ifdef __x86_64__

uintptr_t fpu_frame_place(uintptr_t sp)
{
	return (sp - fpu.frame) & ~(uintptr_t)(FPU_ALIGN - 1);
}

int fpu_frame_save(uintptr_t at)
{
	return fpu_frame_save_fx((void __user *)at);
}

static int load_fx(const void __user *fx)
{
	__asm__ goto(STAC "1: fxrstor64 (%0)\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
		     :
		     : "r"(fx)
		     : "memory"
		     : fault);
	return 0;
fault:
	return -EFAULT;
}

static int load_parts(const void __user *fx, uint32_t features)
{
	__asm__ goto(STAC "1: xrstor64 (%0)\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
		     :
		     : "r"(fx), "a"(features), "d"(0)
		     : "memory"
		     : fault);
	return 0;
fault:
	return -EFAULT;
}

/* Not what was saved here: anything. */
static __attribute__((noinline)) int load_changed(const void __user *fx)
{
	struct fpu_found found;

	if (!fx) {
		fpu_reset();
		return 0;
	}
	if (fpu_frame_look(fx, &found) || found.mxcsr & ~MXCSR_VALID)
		goto fault;
	/* What the frame does not have is as it begins. */
	if (!found.whole || found.features != fpu.features)
		fpu_reset();
	if (found.whole ? load_parts(fx, found.features) : load_fx(fx))
		goto fault;
	return 0;
fault:
	fpu_reset();
	return -EFAULT;
}

int fpu_frame_load(uintptr_t at)
{
	const char __user *fx = (const char __user *)at;
	const void *said = fx + FPU_SOFTWARE, *mark = &fpu.mark;
	size_t n = 3; /* words that say what it is */

	if (QR_RARELY(!user_range_ok(fx, fpu.frame) || !at || !fpu.features))
		return load_changed(fx);
	__asm__ volatile goto(
	    STAC "1: repe cmpsq\n\t"
		 "jne 9f\n"
		 "2: cmpl %[magic], (%[fx],%[size])\n\t"
		 "jne 9f\n"
		 "3: testl %[reserved], %c[mxcsr](%[fx])\n\t"
		 "jne 9f\n"
		 "4: xrstor64 (%[fx])\n\t" CLAC /* clang-format off */
			      ".pushsection .text.unlikely,\"ax\"\n"
			      "9: " CLAC "jmp %l[changed]\n\t"
			      ".popsection\n\t"
			      EXTABLE_ENTRY("1b", "%l[changed]") EXTABLE_ENTRY("2b", "%l[changed]")
			      EXTABLE_ENTRY("3b", "%l[changed]") EXTABLE_ENTRY("4b", "%l[changed]")
			      : "+D"(said), "+S"(mark), "+c"(n) /* clang-format on */
	    : [fx] "r"(fx), [size] "r"((uintptr_t)fpu.size), [magic] "i"(FPU_MAGIC2),
	      [reserved] "i"(~MXCSR_VALID), [mxcsr] "i"(MXCSR_AT), "a"(-1)
	    : "memory", "cc"
	    : changed);
	return 0;
changed:
	return load_changed(fx);
}

#endif
