/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_advise.c - madvise, msync, mincore, memory policies, membarrier, process_vm_readv.
 */
#include "user.h"
#include <sys/uio.h>

static int advise(void *p, size_t n, int advice)
{
	return (int)syscall(SYS_madvise, p, n, advice);
}

static void children_see(void *arg)
{
	char *p = arg;

	CHECK_EQ(fault_read(p), SIGSEGV); /* DONTFORK */
	CHECK(p[PAGE] == 0);              /* WIPEONFORK */
	CHECK(p[2 * PAGE] == 3 && p[3 * PAGE] == 4);
}

TEST("what children get: DONTFORK, WIPEONFORK, and back")
{
	char *p = fresh(4 * PAGE), *shared;

	for (int i = 0; i < 4; i++)
		p[(size_t)i * PAGE] = (char)(i + 1);
	CHECK(advise(p, PAGE, MADV_DONTFORK) == 0 && advise(p + PAGE, PAGE, MADV_WIPEONFORK) == 0);
	CHECK(advise(p + 2 * PAGE, PAGE, MADV_DONTFORK) == 0 &&
	      advise(p + 2 * PAGE, PAGE, MADV_DOFORK) == 0);
	CHECK(advise(p + 3 * PAGE, PAGE, MADV_WIPEONFORK) == 0 &&
	      advise(p + 3 * PAGE, PAGE, MADV_KEEPONFORK) == 0);
	CHECK_EQ(in_child(children_see, p), 0);
	CHECK(p[0] == 1 && p[PAGE] == 2);
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK_ERR(advise(shared, PAGE, MADV_WIPEONFORK), EINVAL);
}

TEST("all advice wants the range to be there, and whole pages")
{
	static const int all[] = { 0, 1, 2, 3, 4, 8, 10, 11, 16, 17, 18, 19, 20, 21 };
	char *p = fresh(4 * PAGE);

	munmap(p + PAGE, PAGE);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		CHECK(advise(p, PAGE, all[i]) == 0);
		CHECK(advise(p, 0, all[i]) == 0);
		CHECK_ERR(advise(p, 4 * PAGE, all[i]), ENOMEM);
		CHECK_ERR(advise(p + 1, PAGE, all[i]), EINVAL);
		if (!under_64_bits())
			CHECK_ERR(advise(p, (size_t)-1, all[i]), EINVAL);
	}
	CHECK_ERR(advise(p, PAGE, 999), EINVAL);
	CHECK_ERR(advise(p, 0, 999), EINVAL);
	CHECK_ERR(advise(p, PAGE, -1), EINVAL);
	CHECK_ERR(advise(p, PAGE, 5), EINVAL);
}

TEST("POPULATE_READ and POPULATE_WRITE fetch pages, or say why not")
{
	int fd = memfd_create("x", 0);
	char *p = fresh(4 * PAGE), *none, *ro, *file;
	unsigned char there[4];

	if (advise(p, PAGE, 22) < 0 && errno == EINVAL)
		skip("a Linux before 5.14");
	CHECK(advise(p + PAGE, 2 * PAGE, 23) == 0 && mincore(p, 4 * PAGE, there) == 0);
	CHECK((there[1] & there[2] & 1) && !(there[3] & 1));
	none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK_ERR(advise(none, PAGE, 22), EINVAL);
	CHECK_ERR(advise(ro, PAGE, 23), EINVAL);
	CHECK(advise(ro, PAGE, 22) == 0);
	NEED(ftruncate(fd, PAGE) == 0);
	file = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(advise(file, PAGE, 23) == 0);
	CHECK_ERR(advise(file, 2 * PAGE, 22), EFAULT);
	munmap(p + PAGE, PAGE);
	CHECK_ERR(advise(p, 4 * PAGE, 22), ENOMEM);
}

TEST("REMOVE makes a hole in the file; DONTNEED and FREE know what they may drop")
{
	int fd = memfd_create("x", 0);
	char *s, *p, c = 1;

	NEED(ftruncate(fd, 4 * PAGE) == 0);
	s = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	NEED(s != MAP_FAILED && p != MAP_FAILED);
	memset(s, 7, 4 * PAGE);
	p[PAGE] = 8;
	CHECK(advise(s + PAGE, 2 * PAGE, MADV_REMOVE) == 0);
	CHECK(s[PAGE] == 0 && s[0] == 7 && pread(fd, &c, 1, 2 * PAGE) == 1 && c == 0);
	CHECK(p[PAGE] == 8);
	CHECK_ERR(advise(p, PAGE, MADV_REMOVE), EACCES);
	CHECK_ERR(advise(fresh(PAGE), PAGE, MADV_REMOVE), EINVAL);
	CHECK_ERR(advise(s, PAGE, MADV_FREE), EINVAL);
	CHECK_ERR(advise(p, PAGE, MADV_FREE), EINVAL);
	CHECK(advise(p, 4 * PAGE, MADV_DONTNEED) == 0 && p[PAGE] == 0 && p[0] == 7);
	CHECK(advise(s, 4 * PAGE, MADV_DONTNEED) == 0 && s[0] == 7);
}

TEST("FREE: a byte is old or zero, and stays what is written afterwards")
{
	char *p = fresh(64 * PAGE);

	memset(p, 5, 64 * PAGE);
	CHECK(advise(p, 64 * PAGE, MADV_FREE) == 0);
	for (unsigned i = 0; i < 64; i += 2)
		p[i * PAGE] = 6;
	for (unsigned i = 0; i < 64; i++)
		CHECK(p[i * PAGE] == 6 || (i % 2 && (p[i * PAGE] == 5 || p[i * PAGE] == 0)));
	CHECK(advise(p, 64 * PAGE, MADV_FREE) == 0);
	CHECK(munmap(p, 64 * PAGE) == 0);
}

TEST("process_madvise without a process to mean")
{
	struct iovec v = { fresh(PAGE), PAGE };
	int fd = open("/dev/null", O_RDONLY);

	CHECK_ERR(syscall(SYS_process_madvise, -1, &v, 1, MADV_COLD, 0), EBADF);
	CHECK_ERR(syscall(SYS_process_madvise, fd, &v, 1, MADV_COLD, 0), EBADF);
	CHECK_ERR(syscall(SYS_process_madvise, -1, &v, 1, MADV_COLD, 1), EINVAL);
	CHECK_ERR(syscall(SYS_process_madvise, -1, &v, 2000, MADV_COLD, 0), EINVAL);
	CHECK_ERR(syscall(SYS_process_madvise, -1, (void *)8, 1, MADV_COLD, 0), EFAULT);
}

TEST("process_madvise of another process")
{
	struct iovec v[2] = { { fresh(2 * PAGE), 2 * PAGE }, { fresh(2 * PAGE), PAGE } };
	char *hole = v[1].iov_base;
	pid_t child = fork();
	int fd;

	if (child == 0) {
		pause();
		_exit(0);
	}
	fd = (int)syscall(SYS_pidfd_open, child, 0);
	NEED(child > 0 && fd >= 0);
	if (syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0) < 0 && errno == EPERM)
		skip("not privileged");
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0), 3 * PAGE);
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 2, MADV_PAGEOUT, 0), 3 * PAGE);
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 2, MADV_WILLNEED, 0), 3 * PAGE);
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 0, MADV_COLD, 0), 0);
	CHECK_ERR(syscall(SYS_process_madvise, fd, v, 2, MADV_DONTNEED, 0), EINVAL);
	CHECK_ERR(syscall(SYS_process_madvise, fd, v, 2, 99, 0), EINVAL);
	v[0].iov_base = (char *)v[0].iov_base + 1;
	CHECK_ERR(syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0), EINVAL);
	v[0].iov_base = (char *)v[0].iov_base - 1;
	v[1].iov_base = (void *)PAGE; /* what was done before it counts */
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0), 2 * PAGE);
	munmap(hole, 2 * PAGE); /* ours, not the child's */
	v[1].iov_base = hole;
	CHECK_EQ(syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0), 3 * PAGE);
	kill(child, SIGKILL);
	CHECK_EQ(waitpid(child, NULL, 0), child);
	CHECK_ERR(syscall(SYS_process_madvise, fd, v, 2, MADV_COLD, 0), ESRCH);
}

TEST("msync and mincore")
{
	char *p = fresh(4 * PAGE);
	unsigned char there[4];

	CHECK(msync(p, 4 * PAGE, MS_SYNC) == 0 && msync(p, 0, MS_ASYNC) == 0);
	CHECK_ERR(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERR(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERR(msync(p, PAGE, 8), EINVAL);
	CHECK(msync(p, PAGE, MS_INVALIDATE) == 0);
	CHECK(mincore(p, 0, there) == 0);
	CHECK_ERR(mincore(p, PAGE, (void *)8), EFAULT);
	CHECK_ERR(mincore(p + 1, PAGE, there), EINVAL);
	munmap(p + PAGE, PAGE);
	CHECK_ERR(msync(p, 4 * PAGE, MS_SYNC), ENOMEM);
	CHECK_ERR(mincore(p, 4 * PAGE, there), ENOMEM);
}

enum { PREFERRED = 1, BIND, INTERLEAVE, LOCAL, MPOL_STATIC = 1 << 15 };

static int policy_at(const char *p)
{
	unsigned long mask[2] = { 0 };
	int mode = -1;

	if (syscall(SYS_get_mempolicy, &mode, mask, 64, p, 2))
		return -errno;
	CHECK_EQ(mask[0], mode != 0 && mode != LOCAL);
	return mode;
}

static void check_child(void *p)
{
	CHECK_EQ(policy_at((char *)p + 3 * PAGE), BIND);
	munmap(p, 8 * PAGE);
}

/* What a range was given goes with what is mapped there. */
static void check_ranges(void)
{
	unsigned long one[2] = { 1 };
	char *p = fresh(16 * PAGE), *q = fresh(16 * PAGE);

	CHECK(syscall(SYS_set_mempolicy, PREFERRED, one, 64) == 0);
	CHECK_EQ(policy_at(p), 0);
	CHECK(syscall(SYS_mbind, p + 2 * PAGE, 4 * PAGE, BIND, one, 64, 0) == 0);
	CHECK(syscall(SYS_mbind, p + 4 * PAGE, PAGE, INTERLEAVE | MPOL_STATIC, one, 64, 0) == 0);
	CHECK_EQ(policy_at(p + PAGE), 0);
	CHECK_EQ(policy_at(p + 2 * PAGE), BIND);
	CHECK_EQ(policy_at(p + 3 * PAGE + 99), BIND);
	CHECK_EQ(policy_at(p + 4 * PAGE), INTERLEAVE | MPOL_STATIC);
	CHECK_EQ(policy_at(p + 5 * PAGE), BIND);
	CHECK_EQ(policy_at(p + 6 * PAGE), 0);
	CHECK_EQ(in_child(check_child, p), 0);
	CHECK(syscall(SYS_mbind, p + 3 * PAGE, PAGE, 0, NULL, 0, 0) == 0);
	CHECK_EQ(policy_at(p + 3 * PAGE), 0);
	CHECK(syscall(SYS_mbind, p + 3 * PAGE, PAGE, PREFERRED, NULL, 0, 0) == 0);
	CHECK_EQ(policy_at(p + 3 * PAGE), LOCAL);
	/* A move takes it along, a new mapping has none. */
	NEED(mremap(p + 4 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	CHECK_EQ(policy_at(q), INTERLEAVE | MPOL_STATIC);
	CHECK_EQ(policy_at(q + PAGE), INTERLEAVE | MPOL_STATIC);
	CHECK_EQ(policy_at(q + 2 * PAGE), 0);
	CHECK_EQ(policy_at(p + 4 * PAGE), -EFAULT);
	NEED(mmap(p + 4 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
		  0) == p + 4 * PAGE);
	CHECK_EQ(policy_at(p + 4 * PAGE), 0);
	CHECK_EQ(policy_at(p + 5 * PAGE), 0);
	munmap(p, 16 * PAGE);
	CHECK(syscall(SYS_set_mempolicy, 0, NULL, 0) == 0);
}

TEST("memory policies of one node")
{
	unsigned long one[2] = { 1 }, two[2] = { 2 }, three[2] = { 3 }, mask[2] = { 99 };
	char *p = fresh(4 * PAGE);
	int mode = 99;

	if (syscall(SYS_get_mempolicy, &mode, mask, 64, 0, 0) < 0 && errno == ENOSYS)
		skip("a Linux without memory policies");
	CHECK(mode == 0 && mask[0] == 0);
	CHECK(syscall(SYS_get_mempolicy, &mode, mask, 64, 0, 4) == 0 && mask[0] == 1);
	CHECK(syscall(SYS_set_mempolicy, 2, three, 64) == 0);
	CHECK(syscall(SYS_get_mempolicy, &mode, mask, 64, 0, 0) == 0 && mode == 2 && mask[0] == 1);
	CHECK_ERR(syscall(SYS_set_mempolicy, 2, two, 64), EINVAL);
	CHECK_ERR(syscall(SYS_set_mempolicy, 2, NULL, 0), EINVAL);
	CHECK_ERR(syscall(SYS_set_mempolicy, 0, one, 64), EINVAL);
	CHECK_ERR(syscall(SYS_set_mempolicy, 99, one, 64), EINVAL);
	CHECK_ERR(syscall(SYS_set_mempolicy, 2, (void *)8, 64), EFAULT);
	CHECK(syscall(SYS_set_mempolicy, 1, NULL, 0) == 0);
	CHECK(syscall(SYS_get_mempolicy, &mode, mask, 64, 0, 0) == 0 && mode == 4 && mask[0] == 0);
	CHECK(syscall(SYS_set_mempolicy, 0, NULL, 0) == 0);
	CHECK(syscall(SYS_get_mempolicy, &mode, NULL, 0, p, 3) == 0 && mode == 0);
	CHECK_ERR(syscall(SYS_get_mempolicy, &mode, mask, 0, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_get_mempolicy, &mode, NULL, 0, p, 0), EINVAL);
	CHECK_ERR(syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 8), EINVAL);
	CHECK_ERR(syscall(SYS_get_mempolicy, (void *)8, NULL, 0, 0, 0), EFAULT);
	CHECK(syscall(SYS_mbind, p, PAGE, 2, one, 64, 1) == 0);
	CHECK_ERR(syscall(SYS_mbind, p + 1, PAGE, 2, one, 64, 0), EINVAL);
	CHECK_ERR(syscall(SYS_mbind, p, PAGE, 2, one, 64, 8), EINVAL);
	CHECK_ERR(syscall(SYS_mbind, p, PAGE, 2, two, 64, 0), EINVAL);
	check_ranges();
	munmap(p + PAGE, PAGE);
	CHECK_ERR(syscall(SYS_mbind, p, 4 * PAGE, 2, one, 64, 0), EFAULT);
	CHECK_ERR(syscall(SYS_migrate_pages, 0, 64, one, two), EINVAL);
	CHECK(syscall(SYS_migrate_pages, 0, 64, two, one) == 0);
}

TEST("move_pages tells where pages are")
{
	char *p = fresh(3 * PAGE);
	void *list[] = { p, p + PAGE, NULL };
	int status[3] = { 9, 9, 9 }, node[3] = { 0, 0, 0 }, bad[3] = { 5, 0, 0 };

	p[0] = 1;
	if (syscall(SYS_move_pages, 0, 3, list, NULL, status, 0) < 0 && errno == ENOSYS)
		skip("a Linux without move_pages");
	CHECK(status[0] == 0 && status[1] == -ENOENT && status[2] == -EFAULT);
	CHECK_ERR(syscall(SYS_move_pages, 0, 3, list, bad, status, 2), ENODEV);
	CHECK_ERR(syscall(SYS_move_pages, 0, 3, list, node, status, 1), EINVAL);
	CHECK_ERR(syscall(SYS_move_pages, 999999, 3, list, node, status, 0), ESRCH);
	CHECK_ERR(syscall(SYS_move_pages, 0, 3, 8, NULL, status, 0), EFAULT);
	CHECK_ERR(syscall(SYS_move_pages, 0, 3, list, NULL, 8, 0), EFAULT);
}

TEST("membarrier: who has not registered may not")
{
	long can = syscall(SYS_membarrier, 0, 0, 0);

	if (can < 0)
		skip("a Linux without membarrier");
	CHECK_EQ(can & 0x1ff, 0x1ff);
	CHECK(syscall(SYS_membarrier, 1, 0, 0) == 0 && syscall(SYS_membarrier, 2, 0, 0) == 0);
	for (int command = 8; command <= 128; command *= 4) {
		CHECK_ERR(syscall(SYS_membarrier, command, 0, 0), EPERM);
		CHECK(syscall(SYS_membarrier, 2 * command, 0, 0) == 0);
		CHECK(syscall(SYS_membarrier, command, 0, 0) == 0);
	}
	CHECK_ERR(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_membarrier, 0x40000000, 0, 0), EINVAL);
	CHECK_ERR(syscall(SYS_membarrier, 1, 1, 0), EINVAL);
	CHECK(syscall(SYS_membarrier, 128, 1, 0) == 0);
}

TEST("process_vm_readv and writev: from and to another's memory, as far as it goes")
{
	char *p = fresh(4 * PAGE), here[100], *big = fresh(4 * PAGE);
	struct iovec mine = { here, sizeof here }, his[2] = { { p, 10 }, { p + PAGE, 90 } },
		     all = { big, 4 * PAGE }, part;
	pid_t pid;
	int sync[2], status;

	NEED(pipe(sync) == 0);
	strcpy(p, "parent");
	pid = fork();
	if (pid == 0) {
		strcpy(p, "child");
		write(sync[1], "x", 1);
		while (!*(volatile char *)(p + PAGE))
			usleep(1000);
		_exit(p[PAGE]);
	}
	NEED(pid > 0 && read(sync[0], here, 1) == 1);
	CHECK_EQ(process_vm_readv(pid, &mine, 1, his, 2, 0), 100);
	CHECK(!strcmp(here, "child") && !strcmp(p, "parent"));
	here[0] = 42;
	mine.iov_len = 1;
	CHECK_EQ(process_vm_writev(pid, &mine, 1, his + 1, 1, 0), 1);
	CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 42 && p[PAGE] == 0);
	CHECK_ERR(process_vm_readv(pid, &mine, 1, his, 1, 0), ESRCH);
	pid = getpid();
	munmap(p + 2 * PAGE, PAGE);
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
	part = (struct iovec){ p + 100, 4 * PAGE };
	CHECK_EQ(process_vm_readv(pid, &all, 1, &part, 1, 0), 2 * PAGE - 100);
	part = (struct iovec){ p + 3 * PAGE, PAGE };
	CHECK_ERR(process_vm_writev(pid, &all, 1, &part, 1, 0), EFAULT);
	CHECK_EQ(process_vm_readv(pid, &all, 1, &part, 1, 0), PAGE);
	CHECK_ERR(process_vm_readv(pid, &all, 1, &part, 1, 1), EINVAL);
	CHECK_ERR(process_vm_readv(pid, &all, 2000, &part, 1, 0), EINVAL);
	CHECK_ERR(process_vm_readv(pid, &all, 1, &part, 2000, 0), EINVAL);
	CHECK_ERR(process_vm_readv(pid, (void *)8, 1, &part, 1, 0), EFAULT);
	CHECK(process_vm_readv(pid, &all, 0, &part, 1, 0) == 0);
	CHECK(process_vm_readv(pid, &all, 1, &part, 0, 0) == 0);
}
