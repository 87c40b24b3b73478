/* SPDX-License-Identifier: BSD-2-Clause
 *
 * userfault.h - userfaultfd: page faults of a program, answered by a program.
 *
 *	mm ── userfaults: ctx ── ctx           a context is an open file
 *	                   ├─ ranges            what is registered with it; runs carry the flags
 *	                   ├─ faults            tasks that wait, each with the message it caused
 *	                   └─ events            fork, mremap, madvise, munmap: they wait too
 *
 * A task that faults in a registered range puts a message before the monitor and sleeps; the
 * monitor reads it, supplies the page through the file (userfault_ioctl.c) and wakes the task,
 * which tries its access again.  Ranges may outlive what was mapped there: only where a run has
 * the flags do they count, and registering anew takes them out of all others first.
 *
 * The kernel never sleeps in the middle of a copy to or from user memory: what it copies from might
 * go meanwhile.  Such a fault ends the copy, and notes which page it was.  Who only reads, or has done
 * nothing yet, fails with EFAULT; on its way out the call waits for the page and is done once more
 * (userfault_retry).  What must not be done twice hands out its answer by copy_out, put_out and
 * uio_send, from memory of its own, and transfers go on where they stopped: between two tries they
 * wait (userfault_settle).
 *
 * The file holds the context; the context does not hold the mm, which tells when it goes.
 * Locking: none (tasks only).  Sources: Documentation/admin-guide/mm/userfaultfd.rst,
 * userfaultfd(2), ioctl_userfaultfd(2).
 */
#ifndef KERNEL_USERFAULT_H
#define KERNEL_USERFAULT_H

#include <quire/space.h>
#include "arch/x86/user.h"
#include "kernel/list.h"
#include "kernel/process.h"

struct file;
struct regs;

enum {
	UFFD_PAGEFAULT_FLAG_WP = 1 << 0, /* features */
	UFFD_EVENT_FORK = 1 << 1,
	UFFD_EVENT_REMAP = 1 << 2,
	UFFD_EVENT_REMOVE = 1 << 3,
	UFFD_MISSING_HUGETLBFS = 1 << 4, /* of pools, which are empty: nothing to do */
	UFFD_MISSING_SHMEM = 1 << 5,
	UFFD_EVENT_UNMAP = 1 << 6,
	UFFD_SIGBUS = 1 << 7,
	UFFD_THREAD_ID = 1 << 8,
	UFFD_EXACT_ADDRESS = 1 << 11,
};

/* What read gives; the words by event:
 *	pagefault (0x12)  flags, address, thread		fork (0x13)    descriptor
 *	remap (0x14)	  from, to, bytes	remove (0x15), unmap (0x16)    start, end */
struct uffd_msg {
	uint8_t event, reserved[7];
	uint64_t word[3];
};
enum { MSG_FAULT = 0x12, MSG_FORK, MSG_REMAP, MSG_REMOVE, MSG_UNMAP };

struct user_range {
	uintptr_t lo, hi;
	struct user_range *next;
};

/* One task that waits: for its page, or until its event was read. */
struct user_waiter {
	struct list_link link;
	struct uffd_msg msg;
	struct userfault *child; /* of MSG_FORK */
	bool read, done;
};

struct userfault {
	uint32_t ref;
	struct mm *mm;          /* NULL: gone */
	struct userfault *next; /* of the mm */
	uint32_t features;
	bool ready;     /* UFFDIO_API was done */
	bool user_only; /* faults of the kernel are not for it */
	bool closed;
	uint32_t changing; /* events that were not read yet: the map is not what it was */
	struct user_range *ranges;
	struct list_link faults, events;
	struct waitq readers, sleepers;
};

/* ---- userfault.c ------------------------------------------------------------------------- */

struct userfault *userfault_new(struct mm *mm); /* NULL: no memory */
void userfault_put(struct userfault *u);
/* Registered with this context or, with another one: exists, and is flagged in the space? */
struct userfault *userfault_at(const struct mm *mm, uintptr_t at);
/* Take [lo,hi) out of the ranges of all contexts, and put it into u's (NULL: nobody's).  -ENOMEM:
 * nothing was changed. */
int userfault_claim(struct mm *mm, struct userfault *u, uintptr_t lo, uintptr_t hi);
/* Those that wait for a page of [lo,hi) try again. */
void userfault_wake(struct userfault *u, uintptr_t lo, uintptr_t hi);
/* The file goes: nothing is registered any more, all wake. */
void userfault_close(struct userfault *u);

/* The space answered QR_PAGER to an access of the running task.  QR_OK: try again (or a signal
 * came, and user mode is where to go); QR_BEYOND: SIGBUS.  `user`: the program itself touched it. */
enum qr_err userfault_wait(struct mm *mm, uintptr_t address, bool write, bool user);
/* On the way back from a call during which a copy met such a page. */
void userfault_retry(struct regs *r);
/* After a copy that failed: waited for its page; try again.  False: it failed for good.  May sleep. */
bool userfault_settle(void);

/* ---- answers that are given once ---------------------------------------------------------- */

/* copy_to_user, put_user and uio_put that wait for such pages.  `from` must not go meanwhile. */
QR_MUST_CHECK int copy_out(void __user *to, const void *from, size_t n);
/* The same with what is common in front, for calls that are made often. */
QR_INLINE QR_MUST_CHECK int copy_out_quick(void __user *to, const void *from, size_t n)
{
	return QR_LIKELY(!copy_to_user(to, from, n)) ? 0 : copy_out(to, from, n);
}
#define put_out(x, p)                               \
	({                                          \
		__typeof__(*(p)) out_ = (x);        \
		copy_out((p), &out_, sizeof(out_)); \
	})
struct uio;
size_t uio_send(struct uio *u, const void *from, size_t n);

/* ---- what happens to a mm with contexts ---------------------------------------------------- */

void userfault_mm_gone(struct mm *mm);
/* Contexts that asked for it watch the child too: tells them once it exists.  -ENOMEM. */
int userfault_forked(struct mm *parent, struct mm *child);
void userfault_removed(struct mm *mm, uintptr_t lo, uintptr_t hi);  /* before it happens */
void userfault_unmapped(struct mm *mm, uintptr_t lo, uintptr_t hi); /* after */
/* flags: those of the region at `from`, before it moved. */
void userfault_moved(struct mm *mm, uintptr_t from, size_t old, uintptr_t to, size_t new,
		     unsigned flags);

/* ---- userfault_ioctl.c --------------------------------------------------------------------- */

/* A file for a context (its reference is handed over, on errors too). */
int userfault_file(struct userfault *u, unsigned flags, struct file **out);

#endif
