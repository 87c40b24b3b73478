/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_memory.c - the n-th allocation fails: mappings and page faults.
 */
#include "nomem.h"

/* ---- mappings ------------------------------------------------------------------------------- */

static int try_mmap(void)
{
	char *p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_populate(void)
{
	char *p = map(16 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_mmap_shared(void)
{
	char *p = map(16 * PAGE, MAP_SHARED | MAP_ANONYMOUS, -1);

	return p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
}

static int try_mmap_file(void)
{
	int fd = open(self_path, O_RDONLY), error;
	char *p;

	if (fd < 0)
		return errno;
	p = mmap(NULL, 16 * PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	error = p == MAP_FAILED ? errno : error_of(munmap(p, 16 * PAGE));
	close(fd);
	return error;
}

/* Every third page with other rights: many runs.  Contents must survive what fails. */
static int try_mprotect(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < 64 && !error; i += 3)
		error = error_of(mprotect(p + i * PAGE, PAGE, PROT_READ));
	munmap(p, 64 * PAGE);
	return error;
}

static int try_holes(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 1; i < 63 && !error; i += 2)
		error = error_of(munmap(p + i * PAGE, PAGE));
	munmap(p, 64 * PAGE);
	return error;
}

static int try_mremap(void)
{
	char *p = map(4 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1), *q;
	size_t size = 4 * PAGE;
	int error = 0;

	if (p == MAP_FAILED)
		return errno;
	for (int i = 0; i < 4 && !error; i++) {
		q = mremap(p, size, 8 * size, MREMAP_MAYMOVE);
		if (q == MAP_FAILED) {
			error = errno;
		} else {
			p = q;
			size *= 8;
		}
	}
	munmap(p, size);
	return error;
}

static int try_brk(void)
{
	char *at = sbrk(0);

	if (sbrk(64 * PAGE) == (void *)-1)
		return errno;
	return error_of(brk(at));
}

static const struct named memory_ops[] = {
	{ "mmap", try_mmap },
	{ "mmap, populated", try_populate },
	{ "mmap, shared", try_mmap_shared },
	{ "mmap of a file", try_mmap_file },
	{ "mprotect", try_mprotect },
	{ "munmap of every other page", try_holes },
	{ "mremap", try_mremap },
	{ "brk", try_brk },
};

TEST("mmap, munmap, mprotect, mremap, brk without memory")
{
	EXHAUST(memory_ops);
}

/* ---- faults -------------------------------------------------------------------------------- */

static int touch(int flags, int fd, int prot, int write_it)
{
	volatile char *p = mmap(NULL, 40 * PAGE, prot, flags, fd, 0);

	if (p == MAP_FAILED)
		return errno;
	for (size_t i = 0; i < 40; i += 3)
		if (write_it)
			p[i * PAGE] = 1;
		else
			(void)p[i * PAGE];
	return error_of(munmap((void *)p, 40 * PAGE));
}

static int fault_anonymous_read(void)
{
	return touch(MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_READ, 0);
}

static int fault_anonymous_write(void)
{
	return touch(MAP_PRIVATE | MAP_ANONYMOUS, -1, PROT_READ | PROT_WRITE, 1);
}

static int fault_shared_write(void)
{
	return touch(MAP_SHARED | MAP_ANONYMOUS, -1, PROT_READ | PROT_WRITE, 1);
}

static int of_file(int flags, int write_it)
{
	int fd = open(self_path, O_RDONLY), error;

	if (fd < 0)
		return errno;
	error = touch(flags, fd, write_it ? PROT_READ | PROT_WRITE : PROT_READ, write_it);
	close(fd);
	return error;
}

static int fault_file_read(void)
{
	return of_file(MAP_SHARED, 0);
}

static int fault_file_write(void)
{
	return of_file(MAP_PRIVATE, 1);
}

static int fault_copy(void)
{
	static char page[8 * PAGE];
	pid_t pid;

	memset(page, 1, sizeof page);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < 8; i++)
			((volatile char *)page)[i * PAGE] = 2;
		_exit(0);
	}
	if (pid > 0)
		for (size_t i = 0; i < 8; i++)
			((volatile char *)page)[i * PAGE] = 3;
	return wait_for(pid);
}

static int fault_stack(void)
{
	volatile char deep[100 * PAGE];

	deep[0] = 1;
	return deep[0] != 1;
}

/* A call faults on the program's behalf. */
static int fault_in_call(void)
{
	char *p = map(64 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	int fd = open("/dev/zero", O_RDONLY), error = 0;

	if (p == MAP_FAILED || fd < 0)
		return errno;
	if (read(fd, p, 64 * PAGE) < 0)
		error = errno == EFAULT ? ENOMEM : errno;
	close(fd);
	munmap(p, 64 * PAGE);
	return error;
}

static const struct named fault_ops[] = {
	{ "anonymous read", fault_anonymous_read },
	{ "anonymous write", fault_anonymous_write },
	{ "shared write", fault_shared_write },
	{ "file read", fault_file_read },
	{ "file write", fault_file_write },
	{ "copy-on-write", fault_copy },
	{ "stack", fault_stack },
	{ "in a call", fault_in_call },
};

TEST("page faults without memory")
{
	EXHAUST(fault_ops);
}
