/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.h - reaching a program's memory from the kernel: checked, and allowed to fail.
 *
 * An address from a program may be anything.  Each access (1) is checked to lie below USER_BOUND,
 * (2) runs between stac and clac where the CPU has SMAP (patched to nops where not), and (3) has
 * an entry in the exception table: when page_fault() cannot make the page present, it calls
 * extable_fixup(), which continues at the entry's landing place, and the copy answers -EFAULT.
 * Demand paging, copy-on-write and stack growth work as for the program itself.
 *
 * Context: may sleep (a fault may read a file); not in interrupts, not in a space transaction.
 */
#ifndef ARCH_X86_USER_H
#define ARCH_X86_USER_H

#include <quire/types.h>
#include "kernel/errno.h"

#define __user /* marks a pointer that only these functions may follow */

/* USER_END: first address that a program cannot have.  The last page below the hole of x86_64 is
 * left out: a system call instruction at its end would return to a non-canonical address.
 * USER_WINDOW_END: where what asks for no higher address ends (programs may hide things in the high
 * bits of their pointers).  USER_BOUND: the same for every number of levels, and the kernel's own
 * addresses lie above it; what is not canonical below it faults as if nothing were there. */
#ifdef __x86_64__
#define USER_WINDOW_END 0x00007ffffffff000ul
#define USER_BOUND      0x00fffffffffff000ul
#define USER_END        user_end
extern uintptr_t user_end;
#else
#define USER_WINDOW_END 0xc0000000ul
#define USER_BOUND      0xc0000000ul
#define USER_END        0xc0000000ul
#endif

QR_INLINE bool user_range_ok(const volatile void __user *p, size_t n)
{
	return n <= USER_BOUND && (uintptr_t)p <= USER_BOUND - n;
}

/* All or -EFAULT.  On failure `to` may be partly written. */
QR_MUST_CHECK int copy_from_user(void *to, const void __user *from, size_t n);
QR_MUST_CHECK int copy_to_user(void __user *to, const void *from, size_t n);
QR_MUST_CHECK int clear_user(void __user *to, size_t n);

/* As far as it goes: the answer is the number of bytes NOT copied (for read and write, which
 * then report a short count). */
size_t copy_from_user_some(void *to, const void __user *from, size_t n);
size_t copy_to_user_some(void __user *to, const void *from, size_t n);

/* Length of the string without its end; `max` if there is no end within max bytes; -EFAULT. */
QR_MUST_CHECK long strnlen_user(const char __user *s, size_t max);

/* Copy a string: its length without the end; `size` if it does not fit (then `to` has no end);
 * -EFAULT. */
QR_MUST_CHECK long strncpy_from_user(char *to, const char __user *from, size_t size);

/* ---- single values -------------------------------------------------------------------- */

/* Landing place and instruction, both relative to the entry itself. */
#define EXTABLE_ENTRY(insn, landing)              \
	".pushsection __ex_table,\"a\"\n\t"       \
	".balign 4\n\t"                           \
	".long " insn " - ., " landing " - .\n\t" \
	".popsection\n\t"

/* stac and clac: three bytes that cpu_init replaces by the instruction if the CPU has SMAP. */
#ifdef __x86_64__
#define SMAP_NOP "0x0f, 0x1f, 0x00"
#else
#define SMAP_NOP "0x8d, 0x76, 0x00"
#endif
#define SMAP_PATCH(open)                      \
	"671: .byte " SMAP_NOP "\n\t"         \
	".pushsection __smap_table,\"a\"\n\t" \
	".balign 4\n\t"                       \
	".long 671b - ., " open "\n\t"        \
	".popsection\n\t"
#define STAC SMAP_PATCH("1")
#define CLAC SMAP_PATCH("0")

/* 0 or -EFAULT; x is set only on success. */
#define get_user(x, p)                                               \
	({                                                           \
		__typeof__(*(p)) value_;                             \
		int err_ = user_read_(&value_, (p), sizeof(value_)); \
		if (!err_)                                           \
			(x) = value_;                                \
		err_;                                                \
	})

#define put_user(x, p)                                     \
	({                                                 \
		__typeof__(*(p)) value_ = (x);             \
		user_write_((p), &value_, sizeof(value_)); \
	})

#define USER_READ(type, reg)                                                                \
	do {                                                                                \
		type v_;                                                                    \
		__asm__ goto(STAC "1: mov %1, %0\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]") \
			     : reg(v_)                                                      \
			     : "m"(*(const volatile type *)from)                            \
			     : "memory"                                                     \
			     : fault);                                                      \
		*(type *)to = v_;                                                           \
		return 0;                                                                   \
	} while (0)

#define USER_WRITE(type, reg)                                                               \
	do {                                                                                \
		__asm__ goto(STAC "1: mov %0, %1\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]") \
			     :                                                              \
			     : reg(*(const type *)from), "m"(*(volatile type *)to)          \
			     : "memory"                                                     \
			     : fault);                                                      \
		return 0;                                                                   \
	} while (0)

/* The size is a constant: one branch of the switch remains. */
QR_INLINE int user_read_(void *to, const void __user *from, size_t n)
{
	if (QR_RARELY(!user_range_ok(from, n)))
		return -EFAULT;
	switch (n) {
	case 1:
		USER_READ(uint8_t, "=q");
	case 2:
		USER_READ(uint16_t, "=r");
	case 4:
		USER_READ(uint32_t, "=r");
	case 8:
#ifdef __x86_64__
		USER_READ(uint64_t, "=r");
#else
		__asm__ goto(STAC "1: mov %2, %0\n\t2: mov %3, %1\n\t" CLAC /* clang-format off */
				  EXTABLE_ENTRY("1b", "%l[fault]") EXTABLE_ENTRY("2b", "%l[fault]")
			     : "=&r"(((uint32_t *)to)[0]), "=&r"(((uint32_t *)to)[1]) /* clang-format on */
			     : "m"(((const volatile uint32_t *)from)[0]),
			       "m"(((const volatile uint32_t *)from)[1])
			     : "memory"
			     : fault);
		return 0;
#endif
	}
	return copy_from_user(to, from, n);
fault:
	return -EFAULT;
}

QR_INLINE int user_write_(void __user *to, const void *from, size_t n)
{
	if (QR_RARELY(!user_range_ok(to, n)))
		return -EFAULT;
	switch (n) {
	case 1:
		USER_WRITE(uint8_t, "q");
	case 2:
		USER_WRITE(uint16_t, "r");
	case 4:
		USER_WRITE(uint32_t, "r");
	case 8:
#ifdef __x86_64__
		USER_WRITE(uint64_t, "r");
#else
		__asm__ goto(STAC "1: mov %0, %2\n\t2: mov %1, %3\n\t" CLAC /* clang-format off */
				  EXTABLE_ENTRY("1b", "%l[fault]") EXTABLE_ENTRY("2b", "%l[fault]")
			     : /* clang-format on */
			     : "r"(((const uint32_t *)from)[0]), "r"(((const uint32_t *)from)[1]),
			       "m"(((volatile uint32_t *)to)[0]), "m"(((volatile uint32_t *)to)[1])
			     : "memory"
			     : fault);
		return 0;
#endif
	}
	return copy_to_user(to, from, n);
fault:
	return -EFAULT;
}

/* If *p == *expected: *p = desired.  0 and *expected = what was found; or -EFAULT.  For futex. */
QR_INLINE QR_MUST_CHECK int user_cmpxchg32(uint32_t __user *p, uint32_t *expected, uint32_t desired)
{
	uint32_t found = *expected;

	if (QR_RARELY(!user_range_ok(p, sizeof(*p))))
		return -EFAULT;
	__asm__ goto(STAC "1: lock cmpxchgl %2, %1\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
		     : "+a"(found), "+m"(*p)
		     : "r"(desired)
		     : "memory"
		     : fault);
	*expected = found;
	return 0;
fault:
	return -EFAULT;
}

#endif
