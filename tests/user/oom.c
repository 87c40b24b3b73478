/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oom.c - too much of everything: whoever asks for it fails or dies, the others go on, and
 * all of it comes back.
 */
#include "user.h"
#include <sys/resource.h>

enum { SMALL_MACHINE_KIB = 600 * 1024 };

/* Eating all memory is for machines that are made for it. */
static void need_small_machine(void)
{
	long total = proc_kib("/proc/meminfo", "MemTotal");

	if (total < 0 || total > SMALL_MACHINE_KIB)
		skip("more memory than this test would eat");
}

static void eat_everything(void *unused)
{
	(void)unused;
	for (;;) {
		char *p = mmap(NULL, 4 * MiB, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (p == MAP_FAILED)
			raise(SIGKILL); /* refused at last: as good */
		for (size_t i = 0; i < 4 * MiB; i += PAGE)
			p[i] = 1;
	}
}

static void eat_once(void)
{
	int status = in_child(eat_everything, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST("a program that eats all memory is killed; its parent is not, and the memory is back")
{
	need_small_machine();
	CHECK(!loses_memory(eat_once));
}

TEST("many that eat at once all die, and the parent lives")
{
	int status, killed = 0;

	need_small_machine();
	for (int i = 0; i < 5; i++)
		if (fork() == 0)
			eat_everything(NULL);
	while (wait(&status) > 0)
		killed += WIFSIGNALED(status);
	CHECK_EQ(killed, 5);
}

/* Most of what is free, written and given up; then as much again, elsewhere. */
static void give_up_and_eat(void *unused)
{
	size_t n = (size_t)proc_kib("/proc/meminfo", "MemFree") * 1024 / 10 * 7 & ~(PAGE - 1);
	char *p = mmap(NULL, 2 * n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t kept = 0;

	(void)unused;
	NEED(p != MAP_FAILED);
	for (size_t i = 0; i < n; i += PAGE)
		p[i] = 1;
	NEED(madvise(p, n, MADV_FREE) == 0);
	for (size_t i = 0; i < n; i += 16 * PAGE)
		p[i] = 2;
	for (size_t i = n; i < 2 * n; i += PAGE)
		p[i] = 3;
	for (size_t i = 0; i < n; i += PAGE) {
		CHECK(p[i] == 2 || (i % (16 * PAGE) && (p[i] == 0 || p[i] == 1)));
		kept += p[i] == 1;
	}
	CHECK(kept < n / PAGE);
	_exit(0);
}

TEST("memory that was given up goes before anybody is killed; what was written since stays")
{
	need_small_machine();
	CHECK_EQ(in_child(give_up_and_eat, NULL), 0);
}

static void fill_files(void)
{
	char block[64 * 1024];
	int fd = open("big", O_RDWR | O_CREAT, 0600);
	ssize_t n;

	memset(block, 1, sizeof block);
	while ((n = write(fd, block, sizeof block)) > 0)
		;
	unlink("big");
	close(fd);
}

TEST("a file that fills memory: the write fails, or the writer is killed; removed, all is back")
{
	int status;

	need_small_machine();
	status = in_child((void (*)(void *))(void *)fill_files, NULL);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	unlink("big");
	CHECK(proc_kib("/proc/meminfo", "MemFree") > 1024);
}

/* Under a limit of processes, for a user who is not root. */
static void bomb(void *unused)
{
	struct rlimit limit = { 50, 50 };
	int n = 0;

	(void)unused;
	NEED(setrlimit(RLIMIT_NPROC, &limit) == 0 && setgid(4242) == 0 && setuid(4242) == 0);
	for (;;) {
		pid_t pid = fork();

		if (pid == 0) {
			pause();
			_exit(0);
		}
		if (pid < 0)
			break;
		n++;
	}
	CHECK_EQ(errno, EAGAIN);
	CHECK(n >= 40 && n <= 50);
	kill(-1, SIGKILL); /* all that are 4242's, but oneself */
	while (wait(NULL) > 0)
		n--;
	CHECK_EQ(n, 0);
	CHECK(fork() >= 0);
}

TEST("a fork bomb stops at the limit of processes")
{
	if (getuid() != 0)
		skip("needs root to become somebody else");
	CHECK_EQ(in_child(bomb, NULL), 0);
}

static void limited(void *unused)
{
	struct rlimit limit = { 64 * MiB, 64 * MiB };
	int n = 0;

	(void)unused;
	NEED(setrlimit(RLIMIT_AS, &limit) == 0);
	while (n < 100 && mmap(NULL, MiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			       0) != MAP_FAILED)
		n++;
	CHECK_EQ(errno, ENOMEM);
	CHECK(n > 30 && n < 64);
	CHECK(sbrk(4 * MiB) == (void *)-1);
}

TEST("the limit of address space is kept")
{
	CHECK_EQ(in_child(limited, NULL), 0);
}

TEST("more address space than there is: refused at once, nothing half done")
{
	size_t n = 0, size = sizeof(void *) == 8 ? (size_t)1 << 45 : (size_t)1 << 29;
	char *p[64];

	while (n < 64 && (p[n] = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) !=
			     MAP_FAILED)
		n++;
	CHECK(n < 64);
	CHECK_EQ(errno, ENOMEM);
	while (n > 0)
		CHECK(munmap(p[--n], size) == 0);
	fresh(64 * MiB);
}
