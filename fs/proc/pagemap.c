/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pagemap.c - /proc/PID/{pagemap,clear_refs,mem}: the memory of a process, by address.
 *
 * pagemap is a 64-bit word a page, at position page number * 8:
 *
 *	bits 0-54   frame, for who may know (Linux: CAP_SYS_ADMIN); else 0
 *	bit 55      written since clear_refs 4     bit 56  mapped nowhere else
 *	bit 57      userfaultfd watches writes     bit 61  of a file, or shared memory
 *	bit 62      swapped (never)                bit 63  present
 *
 * Words are made for a stretch of pages at a time, then copied out: the copy may fault.
 * Sources: Documentation/admin-guide/mm/pagemap.rst, proc(5).
 */
#include "arch/x86/user.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"

#define PM_SOFT_DIRTY (1ull << 55)
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_UWP        (1ull << 57)
#define PM_FILE       (1ull << 61)
#define PM_PRESENT    (1ull << 63)

#define CHUNK 512u /* pages a stretch: one page of words */

struct stretch {
	uintptr_t start;
	size_t npages;
	bool show_frames;
	uint64_t *words;
};

static bool put_word(void *ctx, const struct qr_page *p)
{
	struct stretch *s = ctx;
	bool normal = !(p->flags & QR_PAGE_ZERO);
	uint64_t w = PM_PRESENT | (p->flags & QR_PAGE_WRITTEN ? PM_SOFT_DIRTY : 0) |
		     (p->flags & QR_PAGE_UWP ? PM_UWP : 0) |
		     (p->flags & QR_PAGE_OBJECT ? PM_FILE : 0) |
		     (normal && p->mappers == 1 ? PM_EXCLUSIVE : 0);

	for (uint32_t i = 0; i < p->npages; i++) {
		size_t at = (p->at.v - s->start) / QR_PAGE_SIZE + i; /* before it: wraps, large */

		if (at < s->npages)
			s->words[at] |= w | (s->show_frames ? p->frame.v + i : 0);
	}
	return true;
}

/* Regions that nobody has asked to watch yet were written, resident or not. */
static void mark_written(struct qr_space *space, struct stretch *s)
{
	uintptr_t at = s->start, end = at + s->npages * QR_PAGE_SIZE;

	while (at < end) {
		qr_virt next;
		bool written = qr_space_written(space, qr_virt_of(at), &next);
		uintptr_t stop = next.v < end ? next.v : end;

		for (; at < stop; at += QR_PAGE_SIZE)
			if (written)
				s->words[(at - s->start) / QR_PAGE_SIZE] = PM_SOFT_DIRTY;
	}
}

static void make_words(struct qr_space *space, struct stretch *s)
{
	for (size_t i = 0; i < s->npages; i++)
		s->words[i] = 0;
	mark_written(space, s);
	qr_space_pages(space, qr_virt_of(s->start), qr_virt_of(s->start + s->npages * QR_PAGE_SIZE),
		       put_word, s);
}

/* The memory of the file's process, if the running one may see it (still). */
static int mm_of(struct file *f, struct mm **out)
{
	struct process *p = proc_process(proc_target_of(f));

	*out = p ? p->mm : NULL;
	return p ? proc_may_look(p) : 0;
}

static int open_memory(struct file *f)
{
	struct process *p = proc_process(proc_target_of(f));

	return p ? proc_may_look(p) : -ESRCH;
}

static int open_pagemap(struct file *f)
{
	f->private = current_process->cred.caps ? f : NULL; /* may know frames */
	return open_memory(f);
}

static long read_pagemap(struct file *f, struct uio *to, uint64_t *pos)
{
	struct stretch s = { .show_frames = f->private };
	size_t done = 0;
	struct mm *mm;
	int err = mm_of(f, &mm);

	if (err || !mm)
		return err;
	if (*pos % 8 || to->left % 8)
		return -EINVAL;
	s.words = kmalloc(CHUNK * sizeof(uint64_t));
	if (!s.words)
		return -ENOMEM;
	while (to->left && !to->fault && *pos / 8 < USER_END / QR_PAGE_SIZE) {
		size_t max = USER_END / QR_PAGE_SIZE - (size_t)(*pos / 8), n;

		s.start = (uintptr_t)(*pos / 8) * QR_PAGE_SIZE;
		s.npages = to->left / 8 < CHUNK ? to->left / 8 : CHUNK;
		s.npages = s.npages < max ? s.npages : max;
		mm_get(mm); /* copying out may wait for a pager */
		make_words(&mm->space, &s);
		n = uio_put(to, s.words, s.npages * 8);
		mm_put(mm);
		*pos += n;
		done += n;
	}
	kfree(s.words);
	return uio_result(done, to->fault ? -EFAULT : 0);
}

const struct file_ops proc_pagemap = { .open = open_pagemap,
				       .read = read_pagemap,
				       .seek = proc_seek };

/* ---- clear_refs --------------------------------------------------------------------------------- */

#define CLEAR_SOFT_DIRTY 4
#define CLEAR_PEAK       5

int proc_clear_refs(const struct proc_target *of, const char *text, size_t n)
{
	struct process *p = proc_process(of);
	long long what;

	if (proc_parse(text, &what) || what < 1 || what > CLEAR_PEAK)
		return -EINVAL;
	if (!p)
		return -ESRCH;
	if (!p->mm)
		return 0;
	if (what == CLEAR_PEAK)
		process_reset_max_rss(p);
	else if (qr_space_forget(&p->mm->space, (enum qr_forget)what))
		return -ENOMEM;
	return 0;
}
_Static_assert(QR_FORGET_ALL == 1 && QR_FORGET_ANON == 2 && QR_FORGET_OBJECTS == 3 &&
		   QR_FORGET_WRITES == CLEAR_SOFT_DIRTY,
	       "as /proc/PID/clear_refs counts them");

/* ---- mem ----------------------------------------------------------------------------------------- */

static long memory_io(struct file *f, struct uio *u, uint64_t *pos, bool write)
{
	char *page = kmalloc(QR_PAGE_SIZE);
	size_t done = 0, n = 1;
	struct mm *mm;
	long err = mm_of(f, &mm);

	if (!page)
		return -ENOMEM;
	while (!err && mm && u->left && n && !u->fault) {
		size_t part = QR_PAGE_SIZE - (size_t)(*pos % QR_PAGE_SIZE);
		qr_virt at = qr_virt_of((uintptr_t)*pos);

		if (*pos >= USER_END)
			break;
		part = part < u->left ? part : u->left;
		n = part;
		mm_get(mm);
		if (write)
			part = uio_get(u, page, part);
		if (part && (write ? qr_space_write(&mm->space, at, page, part, true, &n)
				   : qr_space_read(&mm->space, at, page, part, true, &n))) {
			n = 0;
			err = -EIO;
		}
		if (!write && n)
			n = uio_put(u, page, n);
		mm_put(mm);
		*pos += n;
		done += n;
	}
	kfree(page);
	if (!err && mm && u->left)
		err = u->fault ? -EFAULT : -EIO;
	return uio_result(done, err);
}

static long read_memory(struct file *f, struct uio *to, uint64_t *pos)
{
	return memory_io(f, to, pos, false);
}

static long write_memory(struct file *f, struct uio *from, uint64_t *pos)
{
	return memory_io(f, from, pos, true);
}

const struct file_ops proc_memory = {
	.open = open_memory, .read = read_memory, .write = write_memory, .seek = proc_seek
};
