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

#define CHUNK 512u /* pages a stretch: one page of words */

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
	size_t done = 0;
	uint64_t *words;
	struct mm *mm;
	int err = mm_of(f, &mm);

	if (err || !mm)
		return err;
	if (*pos % 8 || to->left % 8)
		return -EINVAL;
	words = kmalloc(CHUNK * sizeof(*words));
	if (!words)
		return -ENOMEM;
	while (to->left && !to->fault && *pos / 8 < USER_END / QR_PAGE_SIZE) {
		size_t max = USER_END / QR_PAGE_SIZE - (size_t)(*pos / 8);
		size_t npages = to->left / 8 < CHUNK ? to->left / 8 : CHUNK, n;

		npages = npages < max ? npages : max;
		mm_get(mm); /* copying out may wait for a pager */
		qr_space_words(&mm->space, qr_virt_of((uintptr_t)(*pos / 8) * QR_PAGE_SIZE), npages,
			       f->private, words);
		n = uio_put(to, words, npages * 8);
		mm_put(mm);
		*pos += n;
		done += n;
	}
	kfree(words);
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
		qr_space_forget_most(&p->mm->space);
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
