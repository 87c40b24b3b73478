/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_fault.c - rights and faults: mprotect, PROT_NONE, what SIGSEGV and SIGBUS tell, the
 * backings of seeds C5-C7 as far as a program sees them, copy-on-write.
 */
#include "user.h"

TEST("the signal of a fault names the address and the reason")
{
	char *p = fresh(2 * PAGE);

	mprotect(p, PAGE, PROT_READ);
	CHECK_EQ(fault_write(p + 123, 1), SIGSEGV);
	CHECK(fault_addr == p + 123);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	munmap(p, 2 * PAGE);
	CHECK_EQ(fault_read(p + PAGE + 77), SIGSEGV);
	CHECK(fault_addr == p + PAGE + 77);
	CHECK_EQ(fault_code, SEGV_MAPERR);
}

TEST("PROT_NONE keeps the contents and refuses everything")
{
	char *p = fresh(PAGE);

	p[5] = 42;
	CHECK(mprotect(p, PAGE, PROT_NONE) == 0);
	CHECK_EQ(fault_read(p + 5), SIGSEGV);
	CHECK_EQ(fault_code, SEGV_ACCERR);
	CHECK_EQ(fault_write(p + 5, 1), SIGSEGV);
	CHECK(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_EQ(p[5], 42);
	CHECK_EQ(fault_write(p, 1), SIGSEGV);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK(fault_write(p + 5, 43) == 0 && p[5] == 43);
}

TEST("rights change for exactly the pages named")
{
	char *p = fresh(16 * PAGE);

	memset(p, 1, 8 * PAGE); /* half touched, half not */
	CHECK(mprotect(p + 4 * PAGE, 8 * PAGE, PROT_READ) == 0);
	for (int i = 0; i < 16; i++) {
		CHECK_EQ(fault_write(p + i * PAGE, 2), i >= 4 && i < 12 ? SIGSEGV : 0);
		CHECK_EQ(p[i * PAGE], i >= 4 && i < 8 ? 1 : i >= 8 && i < 12 ? 0 : 2);
	}
	CHECK(mprotect(p, 16 * PAGE, PROT_READ | PROT_WRITE) == 0);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(fault_write(p + i * PAGE, 3), 0);
}

TEST("mprotect refuses what is not mapped, not aligned, not a right")
{
	char *p = fresh(3 * PAGE);

	munmap(p + PAGE, PAGE);
	CHECK_ERR(mprotect(p, 3 * PAGE, PROT_READ), ENOMEM);
	CHECK_EQ(fault_write(p, 1), SIGSEGV); /* up to the hole it was done */
	CHECK_ERR(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	CHECK_ERR(mprotect(p, PAGE, 0x40), EINVAL);
	CHECK_ERR(mprotect(p, (size_t)-PAGE, PROT_READ), ENOMEM);
	CHECK(mprotect(p, 0, PROT_READ) == 0);
	CHECK_ERR(mprotect((void *)-PAGE, PAGE, PROT_READ), ENOMEM);
}

TEST("first write: reading shows zeroes, writing gives a page of one's own")
{
	char *p = fresh(32 * PAGE);
	long sum = 0;

	for (size_t i = 0; i < 32; i++)
		sum += p[i * PAGE];
	CHECK_EQ(sum, 0);
	for (size_t i = 0; i < 32; i += 2)
		p[i * PAGE] = (char)(i + 1);
	for (size_t i = 0; i < 32; i++)
		CHECK_EQ(p[i * PAGE], i % 2 ? 0 : i + 1);
}

static void write_copy(void *p)
{
	CHECK_EQ(*(char *)p, 1);
	memset(p, 2, 64 * PAGE);
	CHECK_EQ(*(char *)p, 2);
}

TEST("after fork each side writes its own copy")
{
	char *p = fresh(64 * PAGE);
	size_t changed = 0;

	memset(p, 1, 64 * PAGE);
	for (int round = 0; round < 20; round++)
		CHECK_EQ(in_child(write_copy, p), 0);
	for (size_t i = 0; i < 64 * PAGE; i++)
		changed += p[i] != 1;
	CHECK_EQ(changed, 0);
}

TEST("parent and child write at the same time, and grandchildren too")
{
	char *p = fresh(16 * PAGE);
	int status;

	memset(p, 'p', 16 * PAGE);
	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			memset(p, 'a' + i, 8 * PAGE);
			if (fork() == 0) {
				memset(p + 4 * PAGE, 'A' + i, 8 * PAGE);
				_exit(p[0] != 'a' + i || p[8 * PAGE] != 'A' + i ||
				      p[12 * PAGE] != 'p');
			}
			wait(&status);
			_exit(status || p[7 * PAGE] != 'a' + i || p[8 * PAGE] != 'p');
		}
	memset(p + 15 * PAGE, 'q', PAGE);
	for (int i = 0; i < 8; i++) {
		CHECK(wait(&status) > 0);
		CHECK_EQ(status, 0);
	}
	CHECK(p[0] == 'p' && p[12 * PAGE] == 'p' && p[15 * PAGE] == 'q');
}

static void write_shared(void *p)
{
	((volatile char *)p)[3 * PAGE] = 77;
}

TEST("shared anonymous memory is shared with children")
{
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	CHECK_EQ(in_child(write_shared, p), 0);
	CHECK_EQ(p[3 * PAGE], 77);
	CHECK_EQ(p[0], 0);
}

static void protect_copy(void *p)
{
	NEED(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_EQ(fault_write(p, 9), SIGSEGV);
	NEED(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	CHECK_EQ(fault_write(p, 9), 0);
}

TEST("giving rights back does not break copy-on-write")
{
	char *p = fresh(PAGE);

	p[0] = 1;
	CHECK_EQ(in_child(protect_copy, p), 0);
	CHECK_EQ(p[0], 1);
	mprotect(p, PAGE, PROT_READ);
	CHECK_EQ(in_child(protect_copy, p), 0);
	CHECK_EQ(p[0], 1);
}

TEST("code that was written can be run, and a page without that right cannot")
{
	static const unsigned char answer[] = { 0xb8, 42, 0, 0, 0, 0xc3 }; /* mov $42,%eax; ret */
	unsigned char *p = (unsigned char *)fresh(PAGE);
	int (*call)(void) = (int (*)(void))(void *)p;

	memcpy(p, answer, sizeof answer);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK_EQ(call(), 42);
	CHECK_EQ(fault_write(p, 0), SIGSEGV);
	mprotect(p, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
	p[1] = 43;
	CHECK_EQ(call(), 43);
}

TEST("a stray access in the kernel's half is a plain SIGSEGV")
{
	uintptr_t top = (uintptr_t)1 << (sizeof(void *) * 8 - 1);

	if (under_64_bits())
		skip("all of a 32-bit program's addresses are its own here");
	CHECK_EQ(fault_read((void *)(top | 0x40000000u)), SIGSEGV);
	CHECK_EQ(fault_read((void *)(uintptr_t) - (16 * MiB)), SIGSEGV);
	CHECK_EQ(fault_write((void *)(uintptr_t) - (2 * MiB), 1), SIGSEGV);
	if (sizeof(void *) == 8) /* not canonical: a general protection fault, without address */
		CHECK_EQ(fault_read((void *)(uintptr_t)0x1234567890abcdefull), SIGSEGV);
}
