/* SPDX-License-Identifier: BSD-2-Clause
 *
 * ldt.c - modify_ldt: the segments that a program makes for itself.
 *
 * The table belongs to the address space: all tasks in it have it, a copy of the space has a copy.
 * It grows to the highest entry that was ever written.  A change makes a new table and loads that,
 * so that nothing is half done when there is no memory.
 *
 * Segments of 16 bits are refused, as by a Linux that was built without them: the return to a
 * 16-bit stack shows programs half of a kernel address, and the cure costs more than it is worth.
 *
 * Source: modify_ldt(2) of the man-pages 6.x, and what Linux answers.
 */
#include "arch/x86/segment.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/memory.h"
#include "kernel/syscall/syscall.h"

static long read_table(char __user *to, unsigned long n)
{
	const struct ldt *ldt = mm_here()->ldt;
	size_t have;

	if (!ldt)
		return 0;
	if (n > LDT_ENTRIES * sizeof(uint64_t))
		n = LDT_ENTRIES * sizeof(uint64_t);
	have = ldt->n * sizeof(uint64_t) < n ? ldt->n * sizeof(uint64_t) : n;
	if (copy_to_user(to, ldt->entries, have) || clear_user(to + have, n - have))
		return -EFAULT;
	return (long)n;
}

/* What i386 had before a program asked for a table. */
static long read_default(char __user *to, unsigned long n)
{
	unsigned long size = sizeof(long) == 8 ? 128 : 5 * sizeof(uint64_t);

	n = n < size ? n : size;
	return clear_user(to, n) ? -EFAULT : (long)n;
}

/* All tasks in the space may have selectors of it from now on. */
static void keep_selectors(const struct mm *mm)
{
	struct process *p;
	struct task *t;

	for_each_process (p)
		if (p->mm == mm)
			for_each_task (t, p)
				context_keep_selectors(&t->context);
}

static long set_entry(uint32_t number, uint64_t descriptor)
{
	struct mm *mm = mm_here();
	struct ldt *old = mm->ldt;
	uint32_t n = old && old->n > number ? old->n : number + 1;
	struct ldt *new = kzalloc(ldt_bytes(n));

	if (!new)
		return -ENOMEM;
	if (old)
		memcpy(new, old, ldt_bytes(old->n));
	new->n = n;
	new->entries[number] = descriptor;
	mm->ldt = new;
	ldt_load(new);
	keep_selectors(mm);
	segments_refresh();
	kfree(old);
	return 0;
}

/* The old form does not know absent segments, nor the bit that is the program's. */
static long write_entry(const void __user *from, unsigned long n, bool old_form)
{
	struct user_desc d;
	uint64_t descriptor;
	bool conforming;

	if (n != sizeof(d))
		return -EINVAL;
	if (copy_from_user(&d, from, sizeof(d)))
		return -EFAULT;
	conforming = !(~d.flags & (DESC_CODE | DESC_DOWN));
	if (d.entry_number >= LDT_ENTRIES || (conforming && (old_form || !(d.flags & DESC_ABSENT))))
		return -EINVAL;
	if ((old_form && !d.base_addr && !d.limit) || segment_is_empty(&d))
		return set_entry(d.entry_number, 0);
	if (!(d.flags & DESC_32BIT))
		return -EINVAL;
	if (old_form)
		d.flags &= ~DESC_USEABLE;
	descriptor = segment_encode(&d);
	return set_entry(d.entry_number, descriptor);
}

static long modify(int what, void __user *p, unsigned long n)
{
	enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11 };

	switch (what) {
	case READ:
		return read_table(p, n);
	case WRITE_OLD:
		return write_entry(p, n, true);
	case READ_DEFAULT:
		return read_default(p, n);
	case WRITE:
		return write_entry(p, n, false);
	}
	return -ENOSYS;
}

/* The answer is an int, errors too: the upper half of the register is zero. */
SYSCALL3(modify_ldt, int, what, void __user *, p, unsigned long, n)
{
	return (long)(unsigned)modify(what, p, n);
}
