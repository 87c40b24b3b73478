/* SPDX-License-Identifier: BSD-2-Clause
 *
 * isolate.c - a program reaches neither the kernel nor others, and finds nothing that others
 * left in memory.
 */
#include "user.h"

#include <sched.h>

static const char secret[] = "this must not be seen by anybody else 0123456789";

/* Fill memory of all kinds with the secret, and end. */
static void leave_secrets(void *unused)
{
	char *p = fresh(16 * MiB), *heap = malloc(100 * 1000);
	int fd[2], file = open("secret", O_RDWR | O_CREAT, 0600);

	(void)unused;
	for (size_t i = 0; i + sizeof secret < 16 * MiB; i += 64)
		memcpy(p + i, secret, sizeof secret);
	for (size_t i = 0; i + sizeof secret < 100 * 1000; i += 64)
		memcpy(heap + i, secret, sizeof secret);
	NEED(pipe2(fd, O_NONBLOCK) == 0);
	while (write(fd[1], p, 4096) > 0)
		;
	for (int i = 0; i < 64; i++)
		write(file, p, 65536);
	unlink("secret");
}

static size_t find_secrets(const char *p, size_t size)
{
	size_t found = 0;

	for (size_t i = 0; i + sizeof secret <= size; i += 64)
		found += !memcmp(p + i, secret + 5, 16) || !memcmp(p + i, secret, 16);
	return found;
}

TEST("memory that another program left is zero in ours: anonymous, break, stack, file, pipe")
{
	static char big[4 * MiB];
	size_t found = 0, dirty = 0;
	char *p;
	int fd;

	for (int round = 0; round < 4; round++) {
		CHECK_EQ(in_child(leave_secrets, NULL), 0);
		p = fresh(24 * MiB);
		for (size_t i = 0; i < 24 * MiB; i += sizeof(long))
			dirty += *(long *)(p + i) != 0;
		munmap(p, 24 * MiB);
		p = sbrk(4 * MiB);
		found += find_secrets(p, 4 * MiB);
		sbrk(-(intptr_t)(4 * MiB));
	}
	CHECK_EQ(dirty, 0);
	found += find_secrets(big, sizeof big);
	fd = open("hole", O_RDWR | O_CREAT, 0600);
	ftruncate(fd, 4 * MiB);
	pread(fd, big, 4 * MiB, 0);
	found += find_secrets(big, sizeof big);
	CHECK_EQ(found, 0);
}

TEST("the rest of a file's last page is zero, whatever lay there")
{
	char page[PAGE], *p;
	size_t dirty = 0;
	int fd;

	CHECK_EQ(in_child(leave_secrets, NULL), 0);
	for (int i = 0; i < 50; i++) {
		fd = open("f", O_RDWR | O_CREAT | O_TRUNC, 0600);
		memset(page, 'z', sizeof page);
		write(fd, page, sizeof page);
		ftruncate(fd, 10); /* forgets the rest */
		p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
		for (size_t k = 10; k < PAGE; k++)
			dirty += p[k] != 0;
		ftruncate(fd, PAGE);
		for (size_t k = 10; k < PAGE; k++)
			dirty += p[k] != 0;
		munmap(p, PAGE);
		close(fd);
	}
	CHECK_EQ(dirty, 0);
}

/* The structs that the kernel fills have holes; what is in them must not be its stack. */
TEST("padding of structs that the kernel fills shows nothing of the kernel")
{
	union {
		struct stat st;
		siginfo_t info;
		unsigned char byte[256];
		uintptr_t word[256 / sizeof(uintptr_t)];
	} u;
	uintptr_t half = (uintptr_t)1 << (sizeof(uintptr_t) * 8 - 1);
	size_t kernel_words = 0;

	if (sizeof(void *) == 4)
		skip("on 32 bits a number and an address look alike");
	for (int i = 0; i < 3; i++) {
		memset(&u, 0, sizeof u);
		if (i == 0)
			stat("/", &u.st);
		else if (i == 1)
			syscall(SYS_waitid, P_ALL, 0, &u.info, WEXITED | WNOHANG, NULL);
		else
			syscall(SYS_rt_sigpending, &u, 8);
		for (size_t k = 0; k < sizeof u / sizeof *u.word; k++)
			kernel_words += u.word[k] >= (half | half >> 1 | half >> 2);
	}
	CHECK_EQ(kernel_words, 0);
}

TEST("no address of the kernel's half can be read or written, at any stride")
{
	uintptr_t half = sizeof(void *) == 8 ? (uintptr_t)-1 << 47 : (uintptr_t)0xc0000000u;
	uintptr_t step = (0 - half) / 509;
	int open_doors = 0;

	if (under_64_bits())
		skip("all of a 32-bit program's addresses are its own here");
	for (uintptr_t at = half, i = 0; i < 509; at += step, i++) {
		open_doors += fault_read((void *)at) != SIGSEGV;
		open_doors += fault_write((void *)at, 0) != SIGSEGV;
	}
	for (uintptr_t below = 1; below < 64 * MiB; below += 61 * PAGE)
		open_doors += fault_read((void *)(0 - below)) != SIGSEGV;
	CHECK_EQ(open_doors, 0);
}

TEST("jumping into the kernel ends in SIGSEGV at that address")
{
	uintptr_t at = sizeof(void *) == 8 ? (uintptr_t) - (2048 * MiB) + MiB : 0xc0100000u;
	struct sigaction act = { .sa_handler = SIG_DFL };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		sigaction(SIGSEGV, &act, NULL);
		((void (*)(void))at)();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static volatile long mine = 1;

TEST("the same address in two processes is two things")
{
	volatile long *p = (volatile long *)fresh(PAGE);
	int status;

	*p = 100;
	if (fork() == 0) {
		mine = 2;
		*p = 200;
		usleep(20000);
		_exit(mine != 2 || *p != 200);
	}
	usleep(10000);
	CHECK(mine == 1 && *p == 100);
	mine = 3;
	*p = 300;
	wait(&status);
	CHECK_EQ(status, 0);
}

TEST("a write-protected page stays so when the kernel writes on the program's behalf")
{
	char *p = fresh(PAGE);
	int fd[2];

	NEED(pipe(fd) == 0 && write(fd[1], "evil", 4) == 4);
	mprotect(p, PAGE, PROT_READ);
	CHECK_ERR(read(fd[0], p, 4), EFAULT);
	CHECK_EQ(p[0], 0);
	CHECK_ERR(read(fd[0], (void *)(uintptr_t)secret, 4), EFAULT);
	CHECK_EQ(secret[0], 't');
}

#ifdef __x86_64__

#define SELECTOR(name)                                             \
	({                                                         \
		unsigned v_;                                       \
		__asm__ volatile("mov %%" name ", %0" : "=r"(v_)); \
		v_;                                                \
	})

TEST("segment selectors are each program's own, with and without an LDT")
{
	int status;

	if (fork() == 0) {
		unsigned seen = 0;

		for (int i = 0; i < 50; i++) {
			seen |= SELECTOR("ds") | SELECTOR("es") | SELECTOR("gs");
			sched_yield();
		}
		_exit(seen != 0);
	}
	__asm__ volatile("mov %0, %%ds\n\tmov %0, %%es\n\tmov %0, %%gs" : : "r"(0x2b));
	do {
		CHECK(SELECTOR("ds") == 0x2b && SELECTOR("es") == 0x2b && SELECTOR("gs") == 0x2b);
		sched_yield();
	} while (waitpid(-1, &status, WNOHANG) == 0);
	CHECK_EQ(status, 0);
	if (fork() == 0)
		_exit(SELECTOR("gs") != 0x2b);
	wait(&status);
	CHECK_EQ(status, 0);
}

#endif
