/* SPDX-License-Identifier: BSD-2-Clause
 *
 * userfault.c - who waits for which page, and what the monitor is told; see userfault.h.
 */
#include "arch/x86/user.h"
#include "fs/file.h"
#include "fs/uio.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"
#include "kernel/userfault.h"

/* ---- contexts --------------------------------------------------------------------------- */

struct userfault *userfault_new(struct mm *mm)
{
	struct userfault *u = kzalloc(sizeof(*u));

	if (!u)
		return NULL;
	u->ref = 1;
	u->mm = mm;
	list_init(&u->faults);
	list_init(&u->events);
	u->next = mm->userfaults;
	mm->userfaults = u;
	return u;
}

static void leave_mm(struct userfault *u)
{
	struct userfault **at = &u->mm->userfaults;

	while (*at != u)
		at = &(*at)->next;
	*at = u->next;
	u->mm = NULL;
}

static void free_ranges(struct userfault *u)
{
	while (u->ranges) {
		struct user_range *r = u->ranges;

		u->ranges = r->next;
		kfree(r);
	}
}

void userfault_put(struct userfault *u)
{
	if (--u->ref)
		return;
	if (u->mm)
		leave_mm(u);
	free_ranges(u);
	kfree(u);
}

/* Nobody sleeps in a mm that goes; who holds the file will be told ESRCH. */
void userfault_mm_gone(struct mm *mm)
{
	while (mm->userfaults)
		leave_mm(mm->userfaults);
}

void userfault_close(struct userfault *u)
{
	struct mm *mm = u->mm;

	u->closed = true;
	for (struct user_range *r = u->ranges; mm && r; r = r->next) {
		/* Where something else has been mapped since, there are no flags to clear. */
		enum qr_err ignored = qr_space_pager(&mm->space, qr_virt_of(r->lo),
						     (r->hi - r->lo) >> QR_PAGE_SHIFT, 0);

		(void)ignored;
	}
	free_ranges(u);
	if (mm)
		leave_mm(u);
	waitq_wake_all(&u->sleepers);
	waitq_wake_all(&u->readers);
	userfault_put(u);
}

/* ---- ranges ----------------------------------------------------------------------------- */

struct userfault *userfault_at(const struct mm *mm, uintptr_t at)
{
	for (struct userfault *u = mm->userfaults; u; u = u->next)
		for (struct user_range *r = u->ranges; r; r = r->next)
			if (r->lo <= at && at < r->hi)
				return u;
	return NULL;
}

/* Cutting makes one range more at most, as ranges are disjoint: `spare` is for it. */
static void cut(struct userfault *u, uintptr_t lo, uintptr_t hi, struct user_range **spare)
{
	struct user_range **at = &u->ranges, *r;

	while ((r = *at)) {
		if (r->hi <= lo || r->lo >= hi) {
			at = &r->next;
		} else if (r->lo < lo && r->hi > hi) {
			struct user_range *rest = *spare;

			*spare = NULL;
			*rest = (struct user_range){ hi, r->hi, r->next };
			r->hi = lo;
			r->next = rest;
			return;
		} else if (r->lo < lo) {
			r->hi = lo;
			at = &r->next;
		} else if (r->hi > hi) {
			r->lo = hi;
			at = &r->next;
		} else {
			*at = r->next;
			kfree(r);
		}
	}
}

/* A neighbour of [lo,hi) that it may be added to; else many small calls would make many ranges. */
static struct user_range *neighbour(struct userfault *u, uintptr_t lo, uintptr_t hi)
{
	struct user_range *r = u->ranges;

	while (r && r->hi != lo && r->lo != hi)
		r = r->next;
	return r;
}

/* Does a range reach beyond [lo,hi) on both sides? */
static bool lies_within(const struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	for (const struct userfault *u = mm->userfaults; u; u = u->next)
		for (const struct user_range *r = u->ranges; r; r = r->next)
			if (r->lo < lo && r->hi > hi)
				return true;
	return false;
}

int userfault_claim(struct mm *mm, struct userfault *u, uintptr_t lo, uintptr_t hi)
{
	bool within = lies_within(mm, lo, hi);
	struct user_range *spare = within ? kmalloc(sizeof(*spare)) : NULL;
	struct user_range *own = u ? kmalloc(sizeof(*own)) : NULL, *near;
	int err = (within && !spare) || (u && !own) ? -ENOMEM : 0;

	for (struct userfault *v = mm->userfaults; !err && v; v = v->next)
		cut(v, lo, hi, &spare);
	near = !err && u ? neighbour(u, lo, hi) : NULL;
	if (near) {
		near->lo = near->lo < lo ? near->lo : lo;
		near->hi = near->hi > hi ? near->hi : hi;
	} else if (!err && u) {
		*own = (struct user_range){ lo, hi, u->ranges };
		u->ranges = own;
		own = NULL;
	}
	if (within)
		kfree(spare);
	if (QR_RARELY(own))
		kfree(own);
	return err;
}

/* ---- waiting for a page ------------------------------------------------------------------- */

void userfault_wake(struct userfault *u, uintptr_t lo, uintptr_t hi)
{
	struct user_waiter *w;

	list_for_each (w, &u->faults, link)
		if (w->msg.word[1] >= (lo & ~(uintptr_t)QR_PAGE_MASK) && w->msg.word[1] < hi)
			w->done = true;
	waitq_wake_all(&u->sleepers);
}

static bool page_is_there(void *ctx, const struct qr_page *page)
{
	*(bool *)ctx = true;
	return false;
}

static struct uffd_msg fault_message(const struct userfault *u, uintptr_t address, bool write)
{
	uintptr_t page = address & ~(uintptr_t)QR_PAGE_MASK;
	bool there = false;

	qr_space_pages(&u->mm->space, qr_virt_of(page), qr_virt_of(page + QR_PAGE_SIZE),
		       page_is_there, &there);
	return (struct uffd_msg){
		.event = MSG_FAULT,
		.word = { (write ? 1 : 0) | (there ? 2 : 0),
			  u->features & UFFD_EXACT_ADDRESS ? address : page,
			  u->features & UFFD_THREAD_ID ? (uint32_t)current->tid : 0 },
	};
}

/* A stack that is watched has grown down to this page: who watches what is above it, watches it too. */
static struct userfault *claim_growth(struct mm *mm, uintptr_t page)
{
	struct userfault *nearest = NULL;
	uintptr_t lo = UINTPTR_MAX;
	struct qr_region r;

	for (struct userfault *u = mm->userfaults; u; u = u->next)
		for (struct user_range *range = u->ranges; range; range = range->next)
			if (range->lo > page && range->lo < lo) {
				lo = range->lo;
				nearest = u;
			}
	return nearest && qr_space_next(&mm->space, qr_virt_of(page), &r) == QR_OK &&
		       r.end.v > lo && !userfault_claim(mm, nearest, page, lo)
		   ? nearest
		   : NULL;
}

/* Put the question to the monitor, and wait for what it does. */
static enum qr_err ask(struct mm *mm, struct userfault *u, uintptr_t address, bool write,
		       enum wait_mode mode)
{
	struct user_waiter w = { .msg = fault_message(u, address, write) };

	list_add_tail(&w.link, &u->faults);
	u->ref++;
	waitq_wake_all(&u->readers);
	(void)wait_event_(&u->sleepers, w.done || u->closed || !u->mm, false, mode, WAIT_FOREVER);
	list_del(&w.link);
	userfault_put(u);
	/* A signal: it is looked at on the way out, then the access is tried again. */
	return QR_OK;
}

static enum qr_err wait_for_page(struct mm *mm, uintptr_t address, bool write, bool user,
				 enum wait_mode mode)
{
	const uintptr_t page = address & ~(uintptr_t)QR_PAGE_MASK;
	struct userfault *u = userfault_at(mm, address);

	if (!u)
		u = claim_growth(mm, page);
	if (!u) /* without memory to say so; it would go on for ever */
		return qr_space_pager(&mm->space, qr_virt_of(page), 1, 0);
	if (u->features & UFFD_SIGBUS || (!user && u->user_only))
		return QR_BEYOND;
	if (user)
		return ask(mm, u, address, write, mode);
	current->pager_address = address;
	current->pager_write = write;
	task_work_set(current, WORK_PAGER);
	return QR_PAGER;
}

enum qr_err userfault_wait(struct mm *mm, uintptr_t address, bool write, bool user)
{
	return wait_for_page(mm, address, write, user, WAIT_SIGNALS);
}

/* The access is what the copy tried to do. */
static bool wait_noted(enum wait_mode mode)
{
	struct task *t = current;
	struct mm *mm = t->process->mm;

	task_work_clear(t, WORK_PAGER);
	return mm &&
	       (qr_space_fault(&mm->space, qr_virt_of(t->pager_address),
			       t->pager_write ? QR_ACCESS_WRITE : QR_ACCESS_READ) != QR_PAGER ||
		wait_for_page(mm, t->pager_address, t->pager_write, true, mode) == QR_OK);
}

/* Whatever comes of it, the call begins again; if it finds the page missing still, or nothing there,
 * it will say so. */
void userfault_retry(struct regs *r)
{
	if (regs_result(r) != -EFAULT)
		task_work_clear(current, WORK_PAGER);
	else if (!wait_noted(WAIT_SIGNALS))
		return;
	else if (current->work & (WORK_SIGNAL | WORK_FATAL | WORK_EXIT | WORK_STOP))
		regs_set_result(r, -ERESTARTNOINTR);
	else
		regs_restart(r, regs_syscall(r));
}

bool userfault_settle(void)
{
	return current->work & WORK_PAGER && wait_noted(WAIT_KILL) && !signal_pending_fatal();
}

int copy_out(void __user *to, const void *from, size_t n)
{
	while (copy_to_user(to, from, n))
		if (!userfault_settle())
			return -EFAULT;
	return 0;
}

size_t uio_send(struct uio *u, const void *from, size_t n)
{
	size_t done = uio_put(u, from, n);

	while (u->fault && userfault_settle()) {
		u->fault = false;
		done += uio_put(u, (const char *)from + done, n - done);
	}
	return done;
}

/* ---- events -------------------------------------------------------------------------------- */

/* The running task waits until the monitor has read what happened. */
static void tell(struct userfault *u, struct user_waiter *w)
{
	u->ref++;
	u->changing++;
	list_add_tail(&w->link, &u->events);
	waitq_wake_all(&u->readers);
	(void)wait_event_killable(&u->sleepers, w->done || u->closed);
	list_del(&w->link);
	u->changing--;
	userfault_put(u);
}

static bool overlaps(const struct userfault *u, uintptr_t lo, uintptr_t hi)
{
	for (struct user_range *r = u->ranges; r; r = r->next)
		if (r->lo < hi && r->hi > lo)
			return true;
	return false;
}

/* A region has one context; two in one call are told by two calls. */
static struct userfault *who_wants(const struct mm *mm, uint32_t feature, uintptr_t lo,
				   uintptr_t hi)
{
	struct userfault *u = mm->userfaults;

	while (u && !(u->features & feature && overlaps(u, lo, hi)))
		u = u->next;
	return u;
}

void userfault_removed(struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	struct user_waiter w = { .msg = { .event = MSG_REMOVE, .word = { lo, hi } } };
	struct userfault *u = who_wants(mm, UFFD_EVENT_REMOVE, lo, hi);

	if (u)
		tell(u, &w);
}

/* The range may be used anew while its end is told of. */
void userfault_unmapped(struct mm *mm, uintptr_t lo, uintptr_t hi)
{
	struct user_waiter w = { .msg = { .event = MSG_UNMAP, .word = { lo, hi } } };
	struct userfault *told = who_wants(mm, UFFD_EVENT_UNMAP, lo, hi);

	for (struct userfault *u = mm->userfaults; u; u = u->next)
		userfault_wake(u, lo, hi);
	(void)userfault_claim(mm, NULL, lo, hi);
	if (told)
		tell(told, &w);
}

/* Nobody is told of writes there any more, so nothing may say that somebody wants to be. */
static void unwatch(struct mm *mm, uintptr_t lo, size_t n)
{
	(void)!qr_space_watch(&mm->space, qr_virt_of(lo), n >> QR_PAGE_SHIFT, false);
}

/* The flags did not move with the pages: they come to the new place if the context wants that. */
void userfault_moved(struct mm *mm, uintptr_t from, size_t old, uintptr_t to, size_t new,
		     unsigned flags)
{
	struct userfault *u = userfault_at(mm, from);
	struct user_waiter w = { .msg = { .event = MSG_REMAP, .word = { from, to, old } } };

	if (!u || from == to)
		return;
	userfault_wake(u, from, from + old);
	if (!(u->features & UFFD_EVENT_REMAP) || userfault_claim(mm, u, to, to + new) ||
	    qr_space_pager(&mm->space, qr_virt_of(to), new >> QR_PAGE_SHIFT,
			   flags & (QR_MAP_UMISS | QR_MAP_UWP)))
		unwatch(mm, to, new);
	else
		tell(u, &w);
}

/* What u watches in its mm, in the child's mm too. */
static int copy_ranges(const struct userfault *u, struct userfault *child)
{
	for (struct user_range *range = u->ranges; range; range = range->next) {
		struct qr_region r;
		qr_virt at = qr_virt_of(range->lo);

		while (qr_space_next(&u->mm->space, at, &r) == QR_OK && r.start.v < range->hi) {
			uintptr_t lo = r.start.v > range->lo ? r.start.v : range->lo;
			uintptr_t hi = r.end.v < range->hi ? r.end.v : range->hi;
			unsigned flags = r.flags & (QR_MAP_UMISS | QR_MAP_UWP);

			at = r.end;
			if (!flags)
				continue;
			if (userfault_claim(child->mm, child, lo, hi) ||
			    qr_space_pager(&child->mm->space, qr_virt_of(lo),
					   (hi - lo) >> QR_PAGE_SHIFT, flags))
				return -ENOMEM;
		}
	}
	return 0;
}

/* One context that is told of the fork. */
struct fork_note {
	struct user_waiter w;
	struct userfault *told;
	uintptr_t lo; /* the lowest that it watches: in this order, as on Linux */
	struct fork_note *next;
};

static int note_fork(struct fork_note **all, struct userfault *u, struct mm *child)
{
	struct fork_note *n = kzalloc(sizeof(*n));
	struct userfault *own = n ? userfault_new(child) : NULL;

	if (!own) {
		kfree(n);
		return -ENOMEM;
	}
	own->features = u->features;
	own->ready = true;
	own->user_only = u->user_only;
	u->ref++;
	*n = (struct fork_note){
		.w = { .msg = { .event = MSG_FORK }, .child = own },
		.told = u,
		.lo = UINTPTR_MAX,
	};
	for (struct user_range *r = u->ranges; r; r = r->next)
		n->lo = r->lo < n->lo ? r->lo : n->lo;
	while (*all && (*all)->lo < n->lo)
		all = &(*all)->next;
	n->next = *all;
	*all = n;
	return copy_ranges(u, own);
}

int userfault_forked(struct mm *parent, struct mm *child)
{
	struct fork_note *all = NULL, *n;
	int err = 0;

	for (struct userfault *u = parent->userfaults; !err && u; u = u->next)
		if (u->features & UFFD_EVENT_FORK && u->ranges)
			err = note_fork(&all, u, child);
		else
			for (struct user_range *r = u->ranges; r; r = r->next)
				unwatch(child, r->lo, r->hi - r->lo);
	while ((n = all)) {
		all = n->next;
		if (!err)
			tell(n->told, &n->w);
		if (n->w.child) /* nobody took it: nobody will answer */
			userfault_close(n->w.child);
		userfault_put(n->told);
		kfree(n);
	}
	return err;
}
