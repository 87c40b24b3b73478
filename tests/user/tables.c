/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tables.c - what depends on the page tables of the machine: no execution without PROT_EXEC, and
 * with five levels addresses above 2^47, for those who ask for them.
 */
#include "user.h"

typedef long function(long);

/* Answers its argument plus one, through a system call (getppid) that must not disturb it. */
static const unsigned char code[] = {
#ifdef __x86_64__
	0x57,                      /* push %rdi */
	0xb8, 110,  0,    0,    0, /* mov $110, %eax */
	0x0f, 0x05,                /* syscall */
	0x58,                      /* pop %rax */
	0x48, 0xff, 0xc0, 0xc3,    /* inc %rax; ret */
#else
	0xb8, 64,   0,    0,    0,    /* mov $64, %eax */
	0xcd, 0x80,                   /* int $0x80 */
	0x8b, 0x44, 0x24, 0x04, 0x40, /* mov 4(%esp), %eax; inc %eax */
	0xc3,
#endif
};

static long call(const void *p, long n)
{
	return ((function *)(uintptr_t)p)(n);
}

static void call_it(void *p)
{
	_exit(call(p, 41) == 42 ? 0 : 1);
}

TEST("a page without PROT_EXEC does not execute")
{
	char *p = fresh(PAGE);
	int status;

	memcpy(p, code, sizeof code);
	status = in_child(call_it, p);
	if (sizeof(void *) == 4 && on_quire() && status == 0)
		skip("two-level tables have no such right");
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK_EQ(call(p, 41), 42);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	status = in_child(call_it, p);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

#ifdef __x86_64__

#define WINDOW (1ul << 47)
#define TOP    (1ul << 56)
#define HIGH   ((char *)(1ul << 50))

static char *map(void *at, size_t n, int flags)
{
	return mmap(at, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
}

/* A page above 2^47, or the case ends. */
static char *high(void)
{
	char *p = map(HIGH, PAGE, MAP_FIXED_NOREPLACE);

	if (p == MAP_FAILED)
		skip("four levels");
	CHECK(p == HIGH);
	return p;
}

TEST("without a hint nothing is mapped above 2^47")
{
	char *p = map(NULL, PAGE, 0), *q = map((char *)WINDOW - PAGE, 2 * PAGE, 0);

	CHECK(p != MAP_FAILED && (uintptr_t)p < WINDOW);
	CHECK(q != MAP_FAILED && (uintptr_t)q < WINDOW - 2 * PAGE);
	CHECK(map(NULL, WINDOW, MAP_NORESERVE) == MAP_FAILED);
	CHECK_ERR(map((char *)TOP, PAGE, MAP_FIXED), ENOMEM);
	CHECK_ERR(map((char *)TOP - PAGE, PAGE, MAP_FIXED), ENOMEM);
}

TEST("memory above 2^47 is memory")
{
	char *p = high(), *q;
	int fd[2];
	unsigned char vec;

	p[7] = 42;
	CHECK_EQ(fault_read(p + PAGE), SIGSEGV);
	CHECK(fault_addr == p + PAGE);
	CHECK(mincore(p, PAGE, &vec) == 0 && (vec & 1));
	CHECK(pipe(fd) == 0);
	CHECK_EQ(write(fd[1], p + 7, 1), 1);
	CHECK_EQ(read(fd[0], p + 9, 1), 1);
	CHECK_EQ(p[9], 42);
	CHECK_EQ(write(fd[1], p, 2), 2);
	CHECK_ERR(read(fd[0], p + PAGE, 1), EFAULT);
	CHECK_ERR(read(fd[0], (char *)TOP, 1), EFAULT);
	q = map(HIGH, PAGE, 0); /* taken: another place, up there too */
	CHECK(q != MAP_FAILED && q != p && (uintptr_t)q > WINDOW);
	CHECK(munmap(q, PAGE) == 0);
	q = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
	CHECK(q == p && q[7] == 42 && q[PAGE] == 0);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_EQ(fault_write(p, 1), SIGSEGV);
	CHECK(munmap(p, 2 * PAGE) == 0);
	CHECK_EQ(fault_read(p), SIGSEGV);
}

static void write_it(void *p)
{
	_exit(*(char *)p == 1 ? *(char *)p = 2, 0 : 1);
}

TEST("a fork copies what lies above 2^47, code runs there")
{
	char *p = high();

	p[0] = 1;
	CHECK_EQ(in_child(write_it, p), 0);
	CHECK_EQ(p[0], 1);
	memcpy(p, code, sizeof code);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK_EQ(call(p, 41), 42);
}

TEST("a mapping of a petabyte, and the ends of what five levels have")
{
	const size_t n = 1ul << 50;
	char *p, *q = (char *)TOP - 2 * PAGE;

	high();
	p = mmap(HIGH, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		 0);
	NEED(p != MAP_FAILED);
	p[0] = p[n / 2 + 5] = p[n - 1] = 3;
	CHECK(p[1] == 0 && p[n / 2 + 5] == 3 && p[n - 1] == 3);
	CHECK(munmap(p, n) == 0);
	CHECK(map(q, PAGE, MAP_FIXED_NOREPLACE) == q);
	*q = 1;
	CHECK(munmap(q, PAGE) == 0);
	q = map((char *)WINDOW, PAGE, MAP_FIXED_NOREPLACE);
	CHECK(q == (char *)WINDOW && (*q = 1) == 1);
}

#endif
