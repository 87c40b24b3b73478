/* SPDX-License-Identifier: BSD-2-Clause
 *
 * preload.c - heaplab-preload.so: writes down what a program asks of malloc, and lets glibc do it.
 *
 * The program itself is recorded, not its children: they find neither variable in their
 * environment, and a child that has not executed anything has another process id.
 * A free is written down before it happens and an allocation after, so that with several threads
 * too no address is given out twice.
 */
#include "heaplab/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);

enum { ALLOC, FREE, RESIZE };

static struct raw *raw;

__attribute__((constructor)) static void begin(void)
{
	const char *name = getenv(RAW_VARIABLE);
	int fd = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, RAW_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
	close(fd);
	unsetenv(RAW_VARIABLE);
	unsetenv("LD_PRELOAD");
	if (at == MAP_FAILED)
		return;
	((struct raw *)at)->pid = (uint32_t)getpid();
	raw = at;
}

static void note(uint32_t call, void *p, void *old, size_t size, size_t align)
{
	uint32_t i;

	if (!raw || raw->pid != (uint32_t)getpid())
		return;
	i = __atomic_fetch_add(&raw->n, 1, __ATOMIC_RELAXED);
	if (i < RAW_ROOM)
		raw->calls[i] =
		    (struct raw_call){ call, (uint32_t)align, size, (uintptr_t)p, (uintptr_t)old };
}

void *malloc(size_t n)
{
	void *p = __libc_malloc(n);

	if (p)
		note(ALLOC, p, NULL, n, 0);
	return p;
}

void *calloc(size_t n, size_t size)
{
	void *p = __libc_calloc(n, size);

	if (p)
		note(ALLOC, p, NULL, n * size, 0);
	return p;
}

void *realloc(void *old, size_t n)
{
	void *p;

	if (!old)
		return malloc(n);
	if (!n)
		note(FREE, NULL, old, 0, 0);
	p = __libc_realloc(old, n);
	if (p)
		note(n ? RESIZE : ALLOC, p, old, n, 0);
	return p;
}

void free(void *p)
{
	if (p)
		note(FREE, NULL, p, 0, 0);
	__libc_free(p);
}

void *memalign(size_t align, size_t n)
{
	void *p = __libc_memalign(align, n);

	if (p)
		note(ALLOC, p, NULL, n, align);
	return p;
}

void *aligned_alloc(size_t align, size_t n)
{
	return memalign(align, n);
}

int posix_memalign(void **out, size_t align, size_t n)
{
	void *p;

	if (align & (align - 1) || align < sizeof(void *))
		return EINVAL;
	p = memalign(align, n);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}
