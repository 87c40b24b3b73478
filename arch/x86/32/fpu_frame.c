/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fpu_frame.c - floating point in signal frames of i386: what fsave knows stands in front, and counts.
 *
 *	at ->	fsave's part		112 bytes, the layout of 1985
 *	fx ->	the image		64-byte aligned, see arch/x86/fpu_frame.c; not before fxsave
 *
 * A handler may change either.  What both have is taken from fsave's part, as Linux does: old
 * programs know no other.  The CPU itself writes and reads that part, so nothing is converted.
 *
 * Sources: System V ABI for i386; Linux's <asm/sigcontext.h>; Intel SDM volume 1, chapters 8 and 13.
 */
#include "arch/x86/fpu.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

/* fsave's layout, and what Linux puts behind it. */
struct fpstate {
	uint32_t cw, sw, tag, ip_offset, cs_opcode, data_offset, data_segment;
	uint8_t st[8][10];
	uint16_t status, magic; /* magic: 0 if an image follows, 0xffff if not */
};
_Static_assert(sizeof(struct fpstate) == FPU_OLD, "struct _fpstate");

uintptr_t fpu_frame_place(uintptr_t sp)
{
	uintptr_t fx = (sp - fpu.frame) & ~(uintptr_t)(FPU_ALIGN - 1);

	return cpu_features.fxsr ? fx - FPU_OLD : fx;
}

/* fnsave leaves the registers empty, so both ends of the place are written first: then it cannot
 * fail.  Upper halves of the three control words are ones, as Linux has them. */
int fpu_frame_save(uintptr_t at)
{
	struct fpstate __user *f = (struct fpstate __user *)at;
	uint32_t status;

	if (cpu_features.fxsr && fpu_frame_save_fx((void __user *)(at + FPU_OLD)))
		return -EFAULT;
	__asm__ volatile("fnstsw %w0" : "=a"(status));
	status = (status & 0xffff) | (cpu_features.fxsr ? 0 : 0xffff0000u);
	if (put_user(status, (uint32_t __user *)&f->status) || put_user(0u, &f->cw))
		return -EFAULT;
	__asm__ volatile goto(STAC "1: fnsave (%0)\n\t"
				   "movw $-1, 2(%0)\n\tmovw $-1, 6(%0)\n\tmovw $-1, 10(%0)\n\t" CLAC
				       EXTABLE_ENTRY("1b", "%l[fault]")
			      :
			      : "r"(f)
			      : "memory"
			      : fault);
	return 0;
fault:
	return -EFAULT;
}

/* The header and what lies behind it. */
static int take_extended(uint8_t *image, const char __user *fx, const struct fpu_found *found)
{
	uint64_t header[8], others = 0;

	if (copy_from_user(header, fx + FPU_HEADER, sizeof(header)))
		return -EFAULT;
	for (unsigned i = 1; i < 8; i++)
		others |= header[i];
	if (others || header[0] & ~(uint64_t)fpu.features)
		return -EFAULT;
	if (header[0] & (FPU_X87 | FPU_SSE | FPU_AVX) && found->mxcsr & ~MXCSR_VALID)
		return -EFAULT;
	if (header[0] & ~(uint64_t)(FPU_X87 | FPU_SSE) &&
	    copy_from_user(image + FPU_EXTENDED, fx + FPU_EXTENDED, fpu.size - FPU_EXTENDED))
		return -EFAULT;
	header[0] &= found->features;
	memcpy(image + FPU_HEADER, header, sizeof(header));
	return 0;
}

static int take_image(uint8_t *image, const char __user *fx)
{
	struct fpu_found found;

	if (fpu_frame_look(fx, &found) || copy_from_user(image, fx, FPU_SOFTWARE))
		return -EFAULT;
	if (found.whole) {
		if (take_extended(image, fx, &found))
			return -EFAULT;
	} else if (fpu.features) {
		memset(image + FPU_HEADER, 0, FPU_EXTENDED - FPU_HEADER);
		image[FPU_HEADER] = FPU_X87 | FPU_SSE;
	}
	found.mxcsr &= MXCSR_VALID;
	memcpy(image + MXCSR_AT, &found.mxcsr, sizeof(found.mxcsr));
	return 0;
}

static int load_old(const struct fpstate __user *f)
{
	__asm__ volatile goto(STAC "fnclex\n1: frstor %0\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
			      :
			      : "m"(*f)
			      : "memory"
			      : fault);
	return 0;
fault:
	return -EFAULT;
}

/* Not what was saved here: anything.  It goes through the task's own image, where it is checked. */
static __attribute__((noinline)) int load_changed(uintptr_t at)
{
	uint8_t *image = current->context.fpu;
	bool x87 = true;
	int err = 0;

	if (at && cpu_features.fxsr) {
		err = take_image(image, (const char __user *)(at + FPU_OLD));
		if (!err)
			fpu_image_load(image);
		x87 = !fpu.features || image[FPU_HEADER] & FPU_X87;
	}
	if (at && !err && x87)
		err = load_old((const struct fpstate __user *)at);
	if (!at || err)
		fpu_reset();
	return err;
}

int fpu_frame_load(uintptr_t at)
{
	const char __user *fx = (const char __user *)(at + FPU_OLD);
	const void *said = fx + FPU_SOFTWARE, *mark = &fpu.mark;
	size_t n = 5; /* words that say what it is */

	if (QR_RARELY(!user_range_ok((void __user *)at, FPU_OLD + fpu.frame) || !at ||
		      !fpu.features))
		return load_changed(at);
	__asm__ volatile goto(
	    STAC "1: repe cmpsl\n\t"
		 "jne 9f\n"
		 "2: cmpl %[magic], (%[fx],%[size])\n\t"
		 "jne 9f\n"
		 "3: testl %[reserved], %c[mxcsr](%[fx])\n\t"
		 "jne 9f\n"
		 "4: testb %[x87], %c[header](%[fx])\n\t"
		 "je 9f\n"
		 "5: xrstor (%[fx])\n\t"
		 "fnclex\n"
		 "6: frstor -%c[old](%[fx])\n\t" CLAC ".pushsection .text.unlikely,\"ax\"\n"
		 "9: " CLAC "jmp %l[changed]\n\t"
		 ".popsection\n\t" /* clang-format off */
			      EXTABLE_ENTRY("1b", "%l[changed]") EXTABLE_ENTRY("2b", "%l[changed]")
			      EXTABLE_ENTRY("3b", "%l[changed]") EXTABLE_ENTRY("4b", "%l[changed]")
			      EXTABLE_ENTRY("5b", "%l[changed]") EXTABLE_ENTRY("6b", "%l[changed]")
			      : "+D"(said), "+S"(mark), "+c"(n) /* clang-format on */
	    : [fx] "r"(fx), [size] "r"(fpu.size), [magic] "i"(FPU_MAGIC2),
	      [reserved] "i"(~MXCSR_VALID), [mxcsr] "i"(MXCSR_AT), [x87] "i"(FPU_X87),
	      [header] "i"(FPU_HEADER), [old] "i"(FPU_OLD), "a"(-1)
	    : "memory", "cc"
	    : changed);
	return 0;
changed:
	return load_changed(at);
}
