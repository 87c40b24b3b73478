/* SPDX-License-Identifier: BSD-2-Clause
 *
 * user.h - tests of the Linux ABI, seen from a program.
 *
 * Each file NAME.c is a *program*: a handful of cases, each written as
 *
 *	TEST("what must hold")
 *	{
 *		CHECK(call() == 0);
 *	}
 *
 * All programs are linked into one static binary, `utest`, for each word size; the root file
 * system has it once, and a link NAME for each program.  It prints TAP.  Every case runs in a
 * child of its own, with a time limit and in a directory of its own, so that one that crashes
 * or hangs is a failure of that case and of nothing else.
 *
 * The tests know nothing of Quire: on Linux each of them passes too, and CI runs them there
 * first.  What they state is Linux's behaviour as man-pages has it.
 */
#ifndef TESTS_USER_H
#define TESTS_USER_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stddef.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096ul
#define KiB  1024ul
#define MiB  (1024ul * KiB)

struct test {
	const char *title, *file;
	int line;
	void (*run)(void);
};

#define TEST(title)         TEST_1(title, __LINE__)
#define TEST_1(title, line) TEST_2(title, line)
#define TEST_2(title, line)                                                                    \
	static void test_##line(void);                                                         \
	static const struct test test_at_##line                                                \
	    __attribute__((section("tests"), used,                                             \
			   aligned(sizeof(void *)))) = { title, __FILE__, line, test_##line }; \
	static void test_##line(void)

/* The case fails, and goes on (CHECK) or ends (NEED).  On failure both name errno. */
#define CHECK(cond) ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, 0))
#define NEED(cond)  ((cond) ? (void)0 : check_failed(__FILE__, __LINE__, #cond, 1))

/* Two integers are the same; if not, both are shown. */
#define CHECK_EQ(a, b) check_equal(__FILE__, __LINE__, #a " == " #b, (long long)(a), (long long)(b))

/* A call fails with this errno. */
#define CHECK_ERR(call, err)                                              \
	do {                                                              \
		errno = 0;                                                \
		long ret_ = (long)(call);                                 \
		check_error(__FILE__, __LINE__, #call, ret_, errno, err); \
	} while (0)

void check_failed(const char *file, int line, const char *what, int fatal);
void check_equal(const char *file, int line, const char *what, long long a, long long b);
void check_error(const char *file, int line, const char *what, long ret, int got, int want);

/* The case cannot be tried here (rights, a file that is absent): says why, ends it. */
_Noreturn void skip(const char *why);

/* ---- helpers (lib.c) ---------------------------------------------------------------- */

/* One access that may fault: the signal that it raised, 0 for none.  Where it was and the
 * si_code are left in fault_addr and fault_code. */
int fault_read(const volatile void *p);
int fault_write(volatile void *p, char value);
extern void *fault_addr;
extern int fault_code;

/* Run f(arg) in a child; answers its wait status. */
int in_child(void (*f)(void *), void *arg);

/* Fresh private anonymous memory, readable and writable; the case ends if there is none. */
char *fresh(size_t size);

/* A line "KEY: n kB" of a file of /proc, in KiB; -1 when it is not there. */
long proc_kib(const char *file, const char *key);

/* Does f lose memory?  In some of a few runs MemFree must come back to within 256 KiB: others
 * may be busy on the same machine. */
int loses_memory(void (*f)(void));

/* Is this a 32-bit program under a 64-bit kernel?  There it has all 4 GiB to itself. */
int under_64_bits(void);

/* This kernel, and not a Linux? */
int on_quire(void);

/* The path of this very binary, to be started again; `role` runs in it as argv[1] says. */
extern const char *self_path;

/* A role: what `utest ROLE args…` does instead of tests.  For programs that exec themselves. */
struct role {
	const char *name;
	int (*run)(int argc, char **argv, char **envp);
};
#define ROLE(name_)                                                                              \
	static int role_##name_(int argc, char **argv, char **envp);                             \
	static const struct role role_at_##name_                                                 \
	    __attribute__((section("roles"), used, aligned(sizeof(void *)))) = { "role-" #name_, \
										 role_##name_ }; \
	static int role_##name_(int argc, char **argv, char **envp)

#endif
