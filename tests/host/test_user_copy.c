/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Copies between kernel and program, on real faults: this process is the program, and a handler
 * of SIGSEGV does what the kernel's page fault does: look for a landing place.
 */
// sources: arch/x86/user.c arch/x86/vector.S
#include "tap.h"

#include "arch/x86/bulk.h"
#include "arch/x86/user.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

/* The kernel's own, by its convention for calls. */
#ifdef __x86_64__
#define KERNEL_CALL
#else
#define KERNEL_CALL __attribute__((regparm(3)))
#endif
size_t KERNEL_CALL copy_avx(void *to, const void *from, size_t n);
size_t KERNEL_CALL copy_sse(void *to, const void *from, size_t n);

static size_t by_avx(void *to, const void *from, size_t n)
{
	return copy_avx(to, from, n);
}

#ifndef __x86_64__
static size_t by_sse(void *to, const void *from, size_t n)
{
	return copy_sse(to, from, n);
}
#endif

struct bulk bulk = { .least = SIZE_MAX };

struct extable_entry {
	int32_t insn, landing;
};
extern const struct extable_entry __start___ex_table[], __stop___ex_table[];

#ifdef __x86_64__
#define IP REG_RIP
#else
#define IP REG_EIP
#endif

static void on_fault(int signal, siginfo_t *info, void *context)
{
	greg_t *ip = &((ucontext_t *)context)->uc_mcontext.gregs[IP];

	for (const struct extable_entry *e = __start___ex_table; e < __stop___ex_table; e++) {
		if ((uintptr_t)&e->insn + (uintptr_t)(intptr_t)e->insn == (uintptr_t)*ip) {
			*ip = (greg_t)((uintptr_t)&e->landing + (uintptr_t)(intptr_t)e->landing);
			return;
		}
	}
	tap_die("extable", __FILE__, __LINE__, "a fault at %p without a landing place",
		info->si_addr);
}

#define ROOM 8192 /* what can be reached: two pages, and none behind them */
static char *user, *end;
static char kernel[ROOM + 64];
static uint64_t state;

static void copies(const char *how)
{
	static char before[ROOM];

	for (int i = 0; i < 30000; i++) {
		size_t offset = random_below(&state, 2) ? random_below(&state, ROOM)
							: ROOM - random_below(&state, 40);
		size_t n =
		    random_below(&state, 3) ? random_below(&state, 80) : random_below(&state, ROOM);
		size_t there = n < ROOM - offset ? n : ROOM - offset;
		char *at = user + offset;

		memset(kernel, 'k', n);
		must(copy_from_user_some(kernel, at, n) == n - there && !memcmp(kernel, at, there),
		     "%zu bytes from %zu: what is there", n, offset);
		must(copy_from_user(kernel, at, n) == (there < n ? -EFAULT : 0), "all or nothing");

		memcpy(before, user, ROOM);
		for (size_t k = 0; k < n; k++)
			kernel[k] = (char)random64(&state);
		must(copy_to_user_some(at, kernel, n) == n - there && !memcmp(kernel, at, there),
		     "%zu bytes to %zu: what is there", n, offset);
		must(!memcmp(before, user, offset) &&
			 !memcmp(before + offset + there, at + there, ROOM - offset - there),
		     "and nothing else");
		if (i % 8 == 0) {
			must(clear_user(at, n) == (there < n ? -EFAULT : 0), "clear");
			for (size_t k = 0; k < there; k++)
				must(!at[k], "cleared to the end");
		}
	}
	ok(true, "copies %s that end at a page that is not there are exact", how);
}

static void strings(void)
{
	for (int i = 0; i < 100000; i++) {
		size_t offset = random_below(&state, 2) ? ROOM / 2 - random_below(&state, 40)
							: ROOM - random_below(&state, 40);
		size_t max = random_below(&state, 60), len = random_below(&state, 50);
		char *at = user + offset;
		size_t there = ROOM - offset;
		long want;

		memset(user, 'a', ROOM);
		memset(kernel, 'k', sizeof(kernel));
		if (len < there)
			at[len] = 0;
		else
			len = there;
		want = len < there && len < max ? (long)len : max <= there ? (long)max : -EFAULT;
		must(strnlen_user(at, max) == want, "length of %zu, at most %zu, %zu there", len,
		     max, there);
		must(strncpy_from_user(kernel, at, max) == want, "and its copy");
		if (want >= 0)
			must(!memcmp(kernel, at, (size_t)want) &&
				 ((size_t)want == max || !kernel[want]),
			     "which is right");
		must(kernel[max] == 'k', "and stays within its room");
	}
	ok(true, "strings");
}

static void values(void)
{
	uint64_t v64 = 1;
	uint32_t v32 = 0x11223344, old;
	uint16_t v16;
	uint8_t v8;

	must(!put_user(v32, (uint32_t *)(end - 4)) && !get_user(v16, (uint16_t *)(end - 2)) &&
		 !get_user(v8, (uint8_t *)(end - 1)),
	     "at the very end");
	ok(v16 == 0x1122 && v8 == 0x11, "values of each size");
	ok(get_user(v64, (uint64_t *)(end - 7)) == -EFAULT && v64 == 1 &&
	       get_user(v32, (uint32_t *)(end - 3)) == -EFAULT &&
	       get_user(v16, (uint16_t *)(end - 1)) == -EFAULT &&
	       get_user(v8, (uint8_t *)end) == -EFAULT,
	   "across the end");
	ok(put_user(v64, (uint64_t *)(end - 7)) == -EFAULT &&
	       put_user(v8, (uint8_t *)end) == -EFAULT,
	   "written");
	ok(!put_user((uint64_t)0x0102030405060708, (uint64_t *)(end - 8)) &&
	       !get_user(v64, (uint64_t *)(end - 8)) && v64 == 0x0102030405060708,
	   "64 bits");

	*(uint32_t *)user = 5;
	old = 5;
	ok(!user_cmpxchg32((uint32_t *)user, &old, 6) && old == 5 && *(uint32_t *)user == 6,
	   "exchange");
	old = 5;
	ok(!user_cmpxchg32((uint32_t *)user, &old, 7) && old == 6 && *(uint32_t *)user == 6,
	   "another value");
	ok(user_cmpxchg32((uint32_t *)end, &old, 7) == -EFAULT, "nothing there");
}

static void bounds(void)
{
	char *top = (char *)USER_BOUND;

	ok(copy_from_user(kernel, top, 1) == -EFAULT &&
	       copy_from_user(kernel, top - 1, 2) == -EFAULT &&
	       copy_from_user(kernel, (char *)UINTPTR_MAX, 2) == -EFAULT &&
	       copy_to_user(user, kernel, SIZE_MAX) == -EFAULT && clear_user(top, 1) == -EFAULT,
	   "the kernel's addresses are refused");
	ok(!copy_from_user(kernel, top, 0) && !copy_to_user(NULL, kernel, 0),
	   "nothing can go anywhere");
	ok(strnlen_user(top, 1) == -EFAULT && strnlen_user((char *)UINTPTR_MAX, 9) == -EFAULT,
	   "no strings there either");
	must(!mprotect(user, ROOM, PROT_READ), "read-only");
	ok(copy_to_user(user, kernel, 1) == -EFAULT && put_user((char)1, user) == -EFAULT &&
	       clear_user(user, 1) == -EFAULT,
	   "what may only be read is not written");
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO };

	state = seed();
	sigaction(SIGSEGV, &action, NULL);
	user = mmap((void *)0x10000000, ROOM + 4096, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	must(user != MAP_FAILED && !mprotect(user + ROOM, 4096, PROT_NONE), "two pages and a hole");
	end = user + ROOM;
	copies("by words");
#ifndef __x86_64__
	bulk = (struct bulk){ .copy = by_sse, .least = 512 };
	copies("by SSE");
#endif
	if (__builtin_cpu_supports("avx")) {
		bulk = (struct bulk){ .copy = by_avx, .least = 512 };
		copies("by AVX");
	}
	strings();
	values();
	bounds();
	return done();
}
