/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_huge.c - huge pages: a program sees none of it but in /proc, in /sys and in its speed.
 *
 * What is asked of contents holds everywhere.  How many huge pages there are depends on the free
 * memory and, on Linux, on a thread of its own: it is asked of Quire only.
 */
#include "user.h"

#include <sys/prctl.h>

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#define DIR "/sys/kernel/mm/transparent_hugepage/"

static size_t huge; /* bytes of one */

static char *text_of(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		skip("no transparent huge pages");
	text[n] = 0;
	close(fd);
	return text;
}

/* Room for n huge pages, aligned, with asked-for huge pages. */
static char *room(size_t n)
{
	char *p;

	huge = strtoul(text_of(DIR "hpage_pmd_size"), NULL, 10);
	NEED(huge == 2 * MiB || huge == 4 * MiB);
	p = fresh((n + 1) * huge);
	p += -(uintptr_t)p & (huge - 1);
	NEED(madvise(p, n * huge, MADV_HUGEPAGE) == 0);
	return p;
}

/* Huge pages of this process; of Linux, nobody knows. */
static void has(size_t n)
{
	if (on_quire())
		CHECK_EQ(proc_kib("/proc/self/smaps_rollup", "AnonHugePages"), n * huge / KiB);
}

static void mark(char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += PAGE)
		*(size_t *)(p + i) = i ^ 0x1234567;
}

static void holds(const char *p, size_t from, size_t to)
{
	for (size_t i = from; i < to; i += PAGE)
		if (*(const size_t *)(p + i) != (i ^ 0x1234567)) {
			CHECK_EQ(*(const size_t *)(p + i), i ^ 0x1234567);
			return;
		}
}

TEST("a huge page is zero, resident at once, and gone with munmap")
{
	char *p = room(2);
	unsigned char there[2];

	p[huge + 5] = 1;
	has(1);
	for (size_t i = 0; i < huge; i += 64)
		NEED(p[huge + i] == 0 && (i || p[huge + 5] == 1));
	if (on_quire()) {
		CHECK(mincore(p + huge + 100 * PAGE, 2 * PAGE, there) == 0);
		CHECK(there[0] & there[1] & 1);
		CHECK(proc_kib("/proc/meminfo", "AnonHugePages") >= (long)(huge / KiB));
	}
	CHECK(munmap(p + huge, huge) == 0);
	has(0);
	CHECK_EQ(fault_read(p + huge), SIGSEGV);
}

TEST("unmapping, protecting and giving up parts of a huge page leaves the rest")
{
	char *p = room(3);

	mark(p, 0, 3 * huge);
	has(3);
	CHECK(munmap(p + 5 * PAGE, 3 * PAGE) == 0);
	holds(p, 0, 5 * PAGE);
	holds(p, 8 * PAGE, 3 * huge);
	CHECK_EQ(fault_read(p + 6 * PAGE), SIGSEGV);
	CHECK(mprotect(p + huge + huge / 2, PAGE, PROT_READ) == 0);
	CHECK_EQ(fault_write(p + huge + huge / 2, 1), SIGSEGV);
	CHECK_EQ(fault_write(p + huge + huge / 2 + PAGE, 0x67), 0);
	CHECK(madvise(p + 2 * huge + 7 * PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(p[2 * huge + 7 * PAGE] == 0);
	holds(p, 2 * huge + 8 * PAGE, 3 * huge);
	has(0);
	CHECK(munmap(p, 3 * huge) == 0);
}

TEST("rights of a whole huge page")
{
	char *p = room(1);

	mark(p, 0, huge);
	CHECK(mprotect(p, huge, PROT_READ) == 0);
	CHECK_EQ(fault_write(p + 9 * PAGE, 1), SIGSEGV);
	holds(p, 0, huge);
	CHECK(mprotect(p, huge, PROT_NONE) == 0);
	CHECK_EQ(fault_read(p + 9 * PAGE), SIGSEGV);
	CHECK(mprotect(p, huge, PROT_READ | PROT_WRITE) == 0);
	holds(p, 0, huge);
	mark(p, 0, huge);
	has(1);
}

static char *shared;

static void child_writes(void *arg)
{
	(void)arg;
	holds(shared, 0, 2 * huge);
	memset(shared + 3 * PAGE, 9, PAGE);
	holds(shared, 4 * PAGE, 2 * huge);
	_exit(shared[3 * PAGE] != 9);
}

TEST("fork copies on write, on both sides")
{
	char *p = shared = room(2);
	int status;
	pid_t pid;

	mark(p, 0, 2 * huge);
	CHECK_EQ(in_child(child_writes, NULL), 0);
	holds(p, 0, 2 * huge);
	mark(p, 0, 2 * huge);
	has(2);
	pid = fork();
	if (pid == 0) {
		raise(SIGSTOP);
		holds(p, 0, 2 * huge);
		_exit(0);
	}
	waitpid(pid, &status, WUNTRACED);
	memset(p + huge, 7, huge);
	munmap(p + 4 * PAGE, PAGE);
	kill(pid, SIGCONT);
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	holds(p, 5 * PAGE, huge);
	CHECK(p[huge] == 7 && p[2 * huge - 1] == 7);
}

TEST("mremap takes huge pages along")
{
	char *p = room(2), *q = room(7), *to;

	mark(p, 0, 2 * huge);
	to = mremap(p, 2 * huge, 2 * huge, MREMAP_MAYMOVE | MREMAP_FIXED, q + 2 * huge);
	CHECK(to == q + 2 * huge);
	holds(to, 0, 2 * huge);
	has(2);
	to = mremap(to, 2 * huge, 2 * huge, MREMAP_MAYMOVE | MREMAP_FIXED, q + 4 * huge + 3 * PAGE);
	CHECK(to == q + 4 * huge + 3 * PAGE);
	holds(to, 0, 2 * huge);
	has(0);
	to = mremap(to, 2 * huge, 3 * huge, MREMAP_MAYMOVE);
	NEED(to != MAP_FAILED);
	holds(to, 0, 2 * huge);
	CHECK(to[2 * huge] == 0);
}

TEST("MADV_COLLAPSE makes huge pages of small ones")
{
	char *p = room(2);

	NEED(madvise(p, 2 * huge, MADV_NOHUGEPAGE) == 0);
	mark(p, 0, huge);
	has(0);
	CHECK_ERR(madvise(p, 2 * huge, MADV_COLLAPSE), EINVAL);
	NEED(madvise(p, 2 * huge, MADV_HUGEPAGE) == 0);
	if (madvise(p, huge, MADV_COLLAPSE) != 0) {
		NEED(errno == EINVAL || errno == ENOMEM || errno == EAGAIN);
		skip("cannot be collapsed here");
	}
	has(1);
	holds(p, 0, huge);
	CHECK(madvise(p, huge, MADV_COLLAPSE) == 0);
	CHECK(madvise(p + PAGE, huge - PAGE, MADV_COLLAPSE) == 0); /* no whole one: nothing */
	/* Taken apart and put together again, in place. */
	CHECK(mprotect(p + 9 * PAGE, PAGE, PROT_READ) == 0);
	CHECK(mprotect(p + 9 * PAGE, PAGE, PROT_READ | PROT_WRITE) == 0);
	holds(p, 0, huge);
	CHECK(madvise(p, huge, MADV_COLLAPSE) == 0);
	holds(p, 0, huge);
	has(1);
}

TEST("who does not want huge pages gets none")
{
	char *p = room(3);

	NEED(madvise(p, huge, MADV_NOHUGEPAGE) == 0);
	p[0] = 1;
	has(0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 0);
	CHECK(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0);
	CHECK_EQ(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), 1);
	CHECK_ERR(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	p[huge] = 1;
	has(0);
	CHECK(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0);
	p[2 * huge] = 1;
	has(1);
}

TEST("the settings in /sys")
{
	static const char *const words[] = { "always", "madvise", "never" };
	char was[256], want[40];
	int fd;

	CHECK(strchr(text_of(DIR "enabled"), '[') != NULL);
	CHECK(strchr(text_of(DIR "defrag"), '[') != NULL);
	CHECK(strchr(text_of(DIR "shmem_enabled"), '[') != NULL);
	CHECK(strlen(text_of(DIR "use_zero_page")) == 2);
	if (!on_quire())
		skip("not this machine's settings");
	strcpy(was, text_of(DIR "enabled"));
	fd = open(DIR "enabled", O_WRONLY);
	NEED(fd >= 0);
	CHECK_ERR(write(fd, "sometimes", 9), EINVAL);
	for (int i = 0; i < 3; i++) {
		char *p = room(2);

		CHECK(write(fd, words[i], strlen(words[i])) == (ssize_t)strlen(words[i]));
		snprintf(want, sizeof(want), "[%s]", words[i]);
		CHECK(strstr(text_of(DIR "enabled"), want) != NULL);
		p[0] = 1;
		has(i < 2);
		munmap(p, 2 * huge);
		p = fresh(3 * huge);
		memset(p, 1, 3 * huge);
		has(i == 0 ? 3 - ((uintptr_t)p % huge != 0) : 0);
		munmap(p, 3 * huge);
	}
	*strchr(was, ']') = 0;
	CHECK(write(fd, strchr(was, '[') + 1, strlen(strchr(was, '[') + 1)) > 0);
	close(fd);
}

static void some_of_each(void)
{
	char *p = room(4);

	mark(p, 0, 4 * huge);
	munmap(p + PAGE, PAGE);
	mprotect(p + huge, huge, PROT_NONE);
	in_child(child_writes, NULL);
	madvise(p + 3 * huge, huge, MADV_DONTNEED);
	munmap(p, 4 * huge);
}

TEST("no memory is lost")
{
	shared = room(2);
	mark(shared, 0, 2 * huge);
	CHECK(!loses_memory(some_of_each));
}
