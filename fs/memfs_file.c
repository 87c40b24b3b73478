/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/file.h"
#include "fs/memfs.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/task.h"

#define SIZE_MAX_FILE INT64_MAX
#define SIZE_MAX_OLD  INT32_MAX /* without O_LARGEFILE */

enum { SEEK_SET_, SEEK_CUR_, SEEK_END_, SEEK_DATA_, SEEK_HOLE_ };

static uint64_t pages_of(uint64_t size)
{
	return (size >> QR_PAGE_SHIFT) + !!(size & QR_PAGE_MASK);
}

void memfs_charge(struct memfs_file *file)
{
	uint64_t now = file->object.nresident;

	file->inode.fs->npages += now - file->charged;
	file->charged = now;
}

/* Files leave programs the last part of memory: what a shell needs to remove one of them. */
#define LEFT_TO_PROGRAMS(total) ((total) / 32)

/* May `more` further pages be held? */
static bool has_room(const struct memfs_file *file, uint64_t more)
{
	const struct filesystem *fs = file->inode.fs;

	if (fs->max_pages && fs->npages + more > fs->max_pages)
		return false;
	return memory_free() >= LEFT_TO_PROGRAMS(frames.total) + more;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* Nothing sleeps while bytes are copied (a fault is resolved from memory), so pages stay. */
static size_t read_page(struct qr_object *o, uint64_t index, size_t at, size_t n, struct uio *to)
{
	qr_frame frame;
	char *page;

	if (QR_RARELY(!qr_object_peek(o, index, &frame)))
		return uio_zero(to, n);
	page = qr_host_window_get(frame);
	n = uio_put(to, page + at, n);
	qr_host_window_put(page);
	return n;
}

static long memfs_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct inode *i = f->inode;
	uint64_t from = *pos;

	while (to->left && *pos < i->size && !to->fault) {
		size_t at = *pos & QR_PAGE_MASK, n = QR_PAGE_SIZE - at;

		if (n > to->left)
			n = to->left;
		if (n > i->size - *pos)
			n = (size_t)(i->size - *pos);
		*pos += read_page(i->object, *pos >> QR_PAGE_SHIFT, at, n, to);
	}
	file_accessed(f);
	if (QR_LIKELY(*pos != from))
		return (long)(*pos - from);
	return to->fault ? -EFAULT : 0;
}

size_t memfs_peek(const struct file *f, uint64_t pos, size_t n, qr_frame *out)
{
	const struct inode *i = f->inode;
	size_t page = QR_PAGE_SIZE - (pos & QR_PAGE_MASK);

	if (!transfer_quick || f->ops != &memfs_fops || pos >= i->size ||
	    !qr_object_peek(i->object, pos >> QR_PAGE_SHIFT, out))
		return 0;
	if (n > page)
		n = page;
	if (n > i->size - pos)
		n = (size_t)(i->size - pos);
	return n;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Zero the bytes of the last page behind `size`: a mapping may have written there. */
static void clear_tail(struct inode *i, uint64_t size)
{
	size_t at = size & QR_PAGE_MASK;
	qr_frame frame;
	char *page;

	if (!at || qr_object_page(i->object, size >> QR_PAGE_SHIFT, false, &frame) != QR_OK)
		return;
	page = qr_host_window_get(frame);
	memset(page + at, 0, QR_PAGE_SIZE - at);
	qr_host_window_put(page);
	qr_frame_put(&frames, frame);
}

/* How far a write of n bytes at pos may go: 0 with *err set if not at all. */
static uint64_t writable_bytes(const struct file *f, uint64_t pos, uint64_t n, int *err)
{
	uint64_t limit =
	    current->kernel ? RLIM_INFINITY : current_process->rlimits[RLIMIT_FSIZE].cur;
	uint64_t max = SIZE_MAX_FILE;

	if (sizeof(long) == 4 && !(f->flags & O_LARGEFILE))
		max = SIZE_MAX_OLD;
	if (n && pos >= limit) {
		signal_task(current, SIGXFSZ);
		*err = -EFBIG;
		return 0;
	}
	if (limit < max)
		max = limit;
	if (n && pos >= max) {
		*err = -EFBIG;
		return 0;
	}
	return n < max - pos ? n : max - pos;
}

static __attribute__((noinline)) int fill_hole(struct memfs_file *file, uint64_t index,
					       qr_frame *out)
{
	if (!has_room(file, 1) || qr_object_page(&file->object, index, true, out) != QR_OK)
		return -ENOSPC;
	qr_frame_put(&frames, *out); /* the object's own remains */
	memfs_charge(file);
	return 0;
}

static inline int write_page(struct memfs_file *file, uint64_t index, size_t at, size_t n,
			     struct uio *from, size_t *done)
{
	qr_frame frame;
	char *page;

	*done = 0;
	if (!qr_object_peek(&file->object, index, &frame) && fill_hole(file, index, &frame))
		return -ENOSPC;
	page = qr_host_window_get(frame);
	*done = uio_get(from, page + at, n);
	qr_host_window_put(page);
	return from->fault ? -EFAULT : 0;
}

static void drop_rights(struct inode *i)
{
	if (i->mode & (S_ISUID | S_ISGID) && current_process->cred.fsuid != 0)
		i->mode &= ~(S_ISUID | (i->mode & 0010 ? S_ISGID : 0));
}

static long memfs_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct inode *i = f->inode;
	struct memfs_file *file = memfs_file_of(i);
	uint64_t start = f->flags & O_APPEND ? i->size : *pos, at = start, end;
	int err = 0;

	end = start + writable_bytes(f, start, from->left, &err);
	if (start == end)
		return err;
	if (QR_RARELY(file->seals & SEALS_WRITE))
		return -EPERM;
	if (start > i->size)
		clear_tail(i, i->size);
	if (pages_of(end) > i->object->npages)
		qr_object_resize(i->object, pages_of(end));
	while (at < end && !err) {
		size_t offset = at & QR_PAGE_MASK, n = QR_PAGE_SIZE - offset, done;

		if (n > end - at)
			n = (size_t)(end - at);
		if (QR_RARELY(file->seals & SEAL_GROW) && at + n > i->size) {
			err = -EPERM;
			break;
		}
		err = write_page(file, at >> QR_PAGE_SHIFT, offset, n, from, &done);
		at += done;
		if (at > i->size)
			i->size = at;
	}
	if (pages_of(i->size) < i->object->npages) {
		qr_object_resize(i->object, pages_of(i->size));
		memfs_charge(file);
	}
	if (at > start) {
		i->mtime = i->ctime = time_of_files();
		drop_rights(i);
	}
	*pos = at;
	return uio_result((size_t)(at - start), err);
}

/* ---- size and holes -------------------------------------------------------------------------- */

/* Would it be larger than the file is and may become? */
static bool over_limit(const struct inode *i, uint64_t size)
{
	if (size <= i->size || size <= current_process->rlimits[RLIMIT_FSIZE].cur)
		return false;
	signal_task(current, SIGXFSZ);
	return true;
}

int memfs_truncate(struct inode *i, uint64_t size)
{
	if (size > SIZE_MAX_FILE || over_limit(i, size))
		return -EFBIG;
	if (QR_RARELY((size < i->size && memfs_file_of(i)->seals & SEAL_SHRINK) ||
		      (size > i->size && memfs_file_of(i)->seals & SEAL_GROW)))
		return -EPERM;
	clear_tail(i, size < i->size ? size : i->size);
	qr_object_resize(i->object, pages_of(size));
	i->size = size;
	memfs_charge(memfs_file_of(i));
	drop_rights(i);
	return 0;
}

/* Zero [from, to), which lies in one page that is held. */
static void zero_part(struct inode *i, uint64_t from, uint64_t to)
{
	qr_frame frame;
	char *page;

	if (from >= to || qr_object_page(i->object, from >> QR_PAGE_SHIFT, false, &frame) != QR_OK)
		return;
	page = qr_host_window_get(frame);
	memset(page + (from & QR_PAGE_MASK), 0, (size_t)(to - from));
	qr_host_window_put(page);
	qr_frame_put(&frames, frame);
}

static void punch(struct inode *i, uint64_t from, uint64_t to)
{
	uint64_t first = pages_of(from), end = to >> QR_PAGE_SHIFT;

	if (to > i->size) {
		to = i->size;
		end = end < pages_of(to) ? end
					 : pages_of(to); /* a page that begins in the hole stays */
	}
	if (from >= to)
		return;
	if (first > end) { /* inside one page */
		zero_part(i, from, to);
		return;
	}
	zero_part(i, from, first << QR_PAGE_SHIFT);
	if (end < pages_of(to))
		zero_part(i, end << QR_PAGE_SHIFT, to);
	if (first < end)
		qr_object_punch(i->object, first, end - first);
}

/* Give every page of [from, to) a frame.  What was taken for a failing call stays: it reads as
 * zeroes, as before. */
static int reserve(struct inode *i, uint64_t from, uint64_t to)
{
	for (uint64_t index = from >> QR_PAGE_SHIFT; index < pages_of(to); index++) {
		qr_frame frame;

		if (!has_room(memfs_file_of(i), 1) ||
		    qr_object_page(i->object, index, true, &frame) != QR_OK)
			return -ENOSPC;
		qr_frame_put(&frames, frame);
		memfs_charge(memfs_file_of(i));
		if (signal_pending_fatal())
			return -EINTR;
	}
	return 0;
}

enum { FALLOC_KEEP_SIZE = 1, FALLOC_PUNCH_HOLE = 2 };

int memfs_fallocate(struct inode *i, int mode, uint64_t offset, uint64_t n)
{
	uint64_t end = offset + n, old = i->size;
	uint32_t seals = memfs_file_of(i)->seals;
	int err = 0;

	if (mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (end > SIZE_MAX_FILE)
		return -EFBIG;
	if (!(mode & FALLOC_PUNCH_HOLE) && over_limit(i, end))
		return -EFBIG; /* even if it is not to grow */
	if ((mode & FALLOC_PUNCH_HOLE && seals & SEALS_WRITE) ||
	    (!(mode & FALLOC_PUNCH_HOLE) && seals & SEAL_GROW && end > old))
		return -EPERM;
	if (mode & FALLOC_PUNCH_HOLE) {
		punch(i, offset, end);
	} else {
		if (mode & FALLOC_KEEP_SIZE)
			end = end < old ? end : old; /* pages live inside the file only */
		else if (end > old)
			err = memfs_truncate(i, end);
		if (!err && offset < end)
			err = reserve(i, offset, end);
		if (err && i->size > old)
			(void)memfs_truncate(i, old);
	}
	memfs_charge(memfs_file_of(i));
	i->mtime = i->ctime = time_of_files();
	return err;
}

/* The first place at or after `pos` that is data (or a hole). */
static __attribute__((noinline)) int64_t seek_data(struct inode *i, uint64_t pos, bool data)
{
	qr_frame frame;

	if (pos >= i->size)
		return -ENXIO;
	for (; pos < i->size; pos = ((pos >> QR_PAGE_SHIFT) + 1) << QR_PAGE_SHIFT) {
		bool held = qr_object_page(i->object, pos >> QR_PAGE_SHIFT, false, &frame) == QR_OK;

		if (held)
			qr_frame_put(&frames, frame);
		if (held == data)
			return (int64_t)pos;
	}
	return data ? -ENXIO : (int64_t)i->size;
}

static int64_t memfs_seek(struct file *f, int64_t offset, int whence)
{
	struct inode *i = f->inode;

	switch (whence) {
	case SEEK_SET_:
		break;
	case SEEK_CUR_:
		if (__builtin_add_overflow(offset, (int64_t)f->pos, &offset))
			return -EOVERFLOW;
		break;
	case SEEK_END_:
		if (__builtin_add_overflow(offset, (int64_t)i->size, &offset))
			return -EOVERFLOW;
		break;
	case SEEK_DATA_:
	case SEEK_HOLE_:
		if (offset < 0)
			return -ENXIO;
		offset = seek_data(i, (uint64_t)offset, whence == SEEK_DATA_);
		if (offset < 0)
			return offset;
		break;
	default:
		return -EINVAL;
	}
	if (offset < 0)
		return -EINVAL;
	f->pos = (uint64_t)offset;
	return offset;
}

static int memfs_mmap(struct file *f, struct qr_object **out)
{
	*out = f->inode->object;
	return 0;
}

const struct file_ops memfs_fops = {
	.read = memfs_read,
	.write = memfs_write,
	.seek = memfs_seek,
	.mmap = memfs_mmap,
};
