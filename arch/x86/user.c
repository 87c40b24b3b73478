/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.c - copies between the kernel and a program, which stop at the first bad byte.
 *
 * Whole words by one string instruction, the rest by bytes; many bytes by bulk.h's blocks first.
 * Where a word cannot be reached, the landing place goes on by bytes, so that the answer (bytes not copied) is exact: Linux programs
 * see short counts, and a string may end just before an unmapped page.
 */
#include "arch/x86/user.h"
#include "arch/x86/bulk.h"

#ifdef __x86_64__
#define WORDS "q"
#else
#define WORDS "l"
#endif
#define WORD sizeof(uintptr_t)

/* In: n words, then rest bytes.  Out: bytes left over. */
#define COPY(to, from, n, rest)                                                                \
	__asm__ volatile(STAC                                                                  \
			 "1: rep movs" WORDS "\n\t"                                            \
			 "mov %[rest_], %[count]\n"                                            \
			 "2: rep movsb\n"                                                      \
			 "3: " CLAC ".pushsection .text.unlikely,\"ax\"\n"                     \
			 "4: lea (%[rest_],%[count],%c[word]), %[count]\n\t" STAC "jmp 2b\n\t" \
			 ".popsection\n\t" EXTABLE_ENTRY("1b", "4b") EXTABLE_ENTRY("2b", "3b") \
			 : "+D"(to), "+S"(from), [count] "+c"(n)                               \
			 : [rest_] "r"(rest), [word] "i"(WORD)                                 \
			 : "memory")

#define FILL(to, n, rest)                                                                      \
	__asm__ volatile(STAC                                                                  \
			 "1: rep stos" WORDS "\n\t"                                            \
			 "mov %[rest_], %[count]\n"                                            \
			 "2: rep stosb\n"                                                      \
			 "3: " CLAC ".pushsection .text.unlikely,\"ax\"\n"                     \
			 "4: lea (%[rest_],%[count],%c[word]), %[count]\n\t" STAC "jmp 2b\n\t" \
			 ".popsection\n\t" EXTABLE_ENTRY("1b", "4b") EXTABLE_ENTRY("2b", "3b") \
			 : "+D"(to), [count] "+c"(n)                                           \
			 : [rest_] "r"(rest), [word] "i"(WORD), "a"((uintptr_t)0)              \
			 : "memory")

/* Many bytes go by blocks first.  Where that ends, words and bytes go on. */
static __attribute__((noinline)) size_t copy_much(void *to, const void *from, size_t n)
{
	size_t left, rest;

	__asm__ volatile(STAC : : : "memory");
	left = bulk.copy(to, from, n);
	__asm__ volatile(CLAC : : : "memory");
	if (!left)
		return 0;
	to = (char *)to + (n - left);
	from = (const char *)from + (n - left);
	rest = left % WORD;
	left /= WORD;
	COPY(to, from, left, rest);
	return left;
}

QR_INLINE size_t copy(void *to, const void *from, size_t n)
{
	size_t rest = n % WORD;

	if (QR_RARELY(bulk_pays(n)))
		return copy_much(to, from, n);
	n /= WORD;
	COPY(to, from, n, rest);
	return n;
}

size_t copy_from_user_some(void *to, const void __user *from, size_t n)
{
	return user_range_ok(from, n) ? copy(to, from, n) : n;
}

size_t copy_to_user_some(void __user *to, const void *from, size_t n)
{
	return user_range_ok(to, n) ? copy(to, from, n) : n;
}

int copy_from_user(void *to, const void __user *from, size_t n)
{
	return user_range_ok(from, n) && !copy(to, from, n) ? 0 : -EFAULT;
}

int copy_to_user(void __user *to, const void *from, size_t n)
{
	return user_range_ok(to, n) && !copy(to, from, n) ? 0 : -EFAULT;
}

int clear_user(void __user *to, size_t n)
{
	if (!user_range_ok(to, n))
		return -EFAULT;
	size_t rest = n % WORD;

	n /= WORD;
	FILL(to, n, rest);
	return n ? -EFAULT : 0;
}

/* One byte; -EFAULT or its value. */
QR_INLINE int read_byte(const char __user *p)
{
	uint32_t v;

	__asm__ goto(STAC "1: movzbl %1, %0\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
		     : "=r"(v)
		     : "m"(*(const volatile char *)p)
		     : "memory"
		     : fault);
	return (int)v;
fault:
	return -EFAULT;
}

/* All of it within one page, or the answer depends on bytes behind the end of a string. */
QR_INLINE bool read_word(const char __user *p, uintptr_t *out)
{
	uintptr_t v;

	__asm__ goto(STAC "1: mov %1, %0\n\t" CLAC EXTABLE_ENTRY("1b", "%l[fault]")
		     : "=r"(v)
		     : "m"(*(const volatile uintptr_t *)p)
		     : "memory"
		     : fault);
	*out = v;
	return true;
fault:
	return false;
}

#define ONES (UINTPTR_MAX / 0xff)

/* The lowest bit set belongs to the first zero byte; 0 if there is none. */
QR_INLINE uintptr_t zero_bytes(uintptr_t v)
{
	return (v - ONES) & ~v & (ONES << 7);
}

QR_INLINE bool within_page(const char __user *p)
{
	return ((uintptr_t)p & QR_PAGE_MASK) <= QR_PAGE_SIZE - WORD;
}

/* Both string functions: scan up to max bytes, keeping them if `to` is not null.  By words where
 * one fits into the limit and into the page, else by bytes. */
QR_INLINE long scan(char *to, const char __user *from, size_t max)
{
	size_t n = 0;

	if ((uintptr_t)from >= USER_BOUND)
		return -EFAULT;
	bool cut = max > USER_BOUND - (uintptr_t)from;

	if (cut)
		max = USER_BOUND - (uintptr_t)from;
	while (n < max) {
		if (QR_LIKELY(max - n >= WORD && within_page(from + n))) {
			uintptr_t word, zero;

			if (!read_word(from + n, &word))
				return -EFAULT;
			if (to)
				__builtin_memcpy(to + n, &word, WORD);
			zero = zero_bytes(word);
			if (zero)
				return (long)(n + (size_t)__builtin_ctzl(zero) / 8);
			n += WORD;
			continue;
		}
		int c = read_byte(from + n);

		if (c < 0)
			return c;
		if (to)
			to[n] = (char)c;
		if (!c)
			return (long)n;
		n++;
	}
	return cut ? -EFAULT : (long)max;
}

long strnlen_user(const char __user *s, size_t max)
{
	return scan(NULL, s, max);
}

long strncpy_from_user(char *to, const char __user *from, size_t size)
{
	return scan(to, from, size);
}
