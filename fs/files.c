/* SPDX-License-Identifier: BSD-2-Clause
 *
 * files.c - tables of descriptors (file.h draws them).
 *
 * A slot: 0 free; FILES_TAKEN; or the address of the file, bit 0 its close-on-exec flag.
 */
#include "fs/file.h"
#include "fs/lock.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define FIRST_SIZE (sizeof(((struct files *)0)->first) / sizeof(uintptr_t))

static struct file *file_in(uintptr_t slot)
{
	return (struct file *)(slot & ~(uintptr_t)3);
}

struct files *files_new(void)
{
	struct files *t = kzalloc(sizeof(*t));

	if (t) {
		t->ref = 1;
		t->size = FIRST_SIZE;
		t->slots = t->first;
	}
	return t;
}

/* Room for at least n slots. */
static int grow(struct files *t, unsigned n)
{
	unsigned size = t->size;
	uintptr_t *slots;

	while (size < n)
		size *= 2;
	slots = kcalloc(size, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memcpy(slots, t->slots, t->size * sizeof(*slots));
	if (t->slots != t->first)
		kfree(t->slots);
	t->slots = slots;
	t->size = size;
	return 0;
}

struct files *files_copy(struct files *from)
{
	struct files *t = files_new();
	unsigned n = from->size;

	while (n > FIRST_SIZE && !from->slots[n - 1])
		n--;
	if (t && n > t->size && grow(t, n)) {
		kfree(t);
		t = NULL;
	}
	if (!t)
		return NULL;
	t->lowest = from->lowest;
	for (unsigned fd = 0; fd < n; fd++) {
		struct file *f = file_in(from->slots[fd]);

		if (f) {
			f->ref++;
			t->slots[fd] = from->slots[fd];
		} else if (from->slots[fd] && fd < t->lowest) {
			t->lowest = fd; /* being opened by another thread: free in the copy */
		}
	}
	return t;
}

static void close_file(struct files *t, struct file *f)
{
	if (f->ops->close)
		f->ops->close(f);
	if (!list_empty(&f->inode->locks))
		locks_drop(f->inode, t);
	file_put(f);
}

void files_put(struct files *t)
{
	if (--t->ref)
		return;
	for (unsigned fd = 0; fd < t->size; fd++)
		if (file_in(t->slots[fd]))
			close_file(t, file_in(t->slots[fd]));
	if (t->slots != t->first)
		kfree(t->slots);
	kfree(t);
}

static void free_slot(struct files *t, unsigned fd)
{
	t->slots[fd] = 0;
	if (fd < t->lowest)
		t->lowest = fd;
}

void files_close_on_exec(struct files *t)
{
	for (unsigned fd = 0; fd < t->size; fd++)
		if (t->slots[fd] & FD_CLOEXEC) {
			struct file *f = file_in(t->slots[fd]);

			free_slot(t, fd);
			close_file(t, f);
		}
}

/* ---- of the current task -------------------------------------------------------------------- */

static struct files *mine(void)
{
	return current_process->files;
}

struct file *fd_get_path(unsigned fd)
{
	struct file *f = files_peek(mine(), fd);

	return f ? file_get(f) : NULL;
}

struct file *fd_get(unsigned fd)
{
	return fd_get_quick(fd);
}

int fd_take(unsigned from)
{
	struct files *t = mine();
	uint64_t limit = current_process->rlimits[RLIMIT_NOFILE].cur;
	unsigned fd = from > t->lowest ? from : t->lowest;

	while (fd < t->size && t->slots[fd])
		fd++;
	if (fd >= limit || fd > INT32_MAX / 2)
		return -EMFILE;
	if (fd >= t->size && grow(t, fd + 1))
		return -ENOMEM;
	t->slots[fd] = FILES_TAKEN;
	if (from <= t->lowest)
		t->lowest = fd + 1;
	return (int)fd;
}

void fd_install(int fd, struct file *f, bool cloexec)
{
	mine()->slots[fd] = (uintptr_t)f | (cloexec ? FD_CLOEXEC : 0);
}

void fd_untake(int fd)
{
	free_slot(mine(), (unsigned)fd);
}

int fd_add(struct file *f, bool cloexec)
{
	int fd = fd_take(0);

	if (fd < 0)
		file_put(f);
	else
		fd_install(fd, f, cloexec);
	return fd;
}

int fd_close(unsigned fd)
{
	struct files *t = mine();
	struct file *f = files_peek(t, fd);

	if (!f)
		return -EBADF;
	free_slot(t, fd);
	close_file(t, f);
	return 0;
}

int fd_dup_to(struct file *f, unsigned fd, bool cloexec)
{
	struct files *t = mine();
	struct file *old;

	if (fd >= current_process->rlimits[RLIMIT_NOFILE].cur || fd > INT32_MAX / 2)
		return -EBADF;
	if (fd >= t->size && grow(t, fd + 1))
		return -ENOMEM;
	if (t->slots[fd] == FILES_TAKEN)
		return -EBUSY; /* another thread is in the middle of open */
	old = file_in(t->slots[fd]);
	t->slots[fd] = (uintptr_t)file_get(f) | (cloexec ? FD_CLOEXEC : 0);
	if (old)
		close_file(t, old);
	return (int)fd;
}
