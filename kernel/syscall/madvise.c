/* SPDX-License-Identifier: BSD-2-Clause
 *
 * madvise.c - what a program expects of its memory: madvise, process_madvise.
 *
 * Advice is a number of Linux's; most of it asks something of the space, some of it nothing where
 * there is neither disk nor swap, but the range has to be there.  Sources: madvise(2),
 * process_madvise(2) of the man-pages 6.x.
 */
#include "fs/file.h"
#include "fs/memfs.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/kill.h"
#include "kernel/syscall/memory.h"
#include "kernel/userfault.h"

enum { UNKNOWN, NOTHING, ASK }; /* ASK + enum qr_advice */

/* Linux's advice by its number.  Not there: MERGEABLE (12, 13) without merging, poison (100, 101),
 * COLLAPSE (25), guards (102, 103). */
static unsigned meaning(int advice)
{
	static const uint8_t table[] = {
		[0] = NOTHING, /* NORMAL */
		[1] = NOTHING, /* RANDOM */
		[2] = NOTHING, /* SEQUENTIAL */
		[3] = ASK + QR_ADVISE_WILLNEED,
		[4] = ASK + QR_ADVISE_DONTNEED,
		[8] = ASK + QR_ADVISE_FREE,
		[9] = ASK + QR_ADVISE_REMOVE,
		[10] = ASK + QR_ADVISE_DONTFORK,
		[11] = ASK + QR_ADVISE_DOFORK,
		[14] = ASK + QR_ADVISE_HUGEPAGE,
		[15] = ASK + QR_ADVISE_NOHUGEPAGE,
		[16] = ASK + QR_ADVISE_DONTDUMP,
		[17] = ASK + QR_ADVISE_DODUMP,
		[18] = ASK + QR_ADVISE_WIPEONFORK,
		[19] = ASK + QR_ADVISE_KEEPONFORK,
		[20] = ASK + QR_ADVISE_COLD,
		[21] = ASK + QR_ADVISE_COLD, /* PAGEOUT */
		[22] = ASK + QR_ADVISE_POPULATE_READ,
		[23] = ASK + QR_ADVISE_POPULATE_WRITE,
		[24] = ASK + QR_ADVISE_DONTNEED_LOCKED,
		[25] = ASK + QR_ADVISE_COLLAPSE,
	};

	return advice < 0 || advice >= (int)sizeof(table) ? UNKNOWN : table[advice];
}

static bool is_flag(enum qr_advice advice)
{
	return (advice >= QR_ADVISE_DONTFORK && advice <= QR_ADVISE_NOHUGEPAGE) ||
	       advice == QR_ADVISE_DONTDUMP || advice == QR_ADVISE_DODUMP;
}

/* Holes are a kind of writing: how far a range goes before a file that is sealed against it. */
static uintptr_t unsealed_until(uintptr_t at, uintptr_t end)
{
	struct qr_region r;

	for (; at < end && qr_space_next(space_here(), qr_virt_of(at), &r) == QR_OK; at = r.end.v) {
		struct inode *i = r.object ? object_inode(r.object) : NULL;
		int seals = i ? memfs_get_seals(i) : 0;

		if (seals > 0 && seals & SEALS_WRITE && r.flags & QR_MAP_SHARED && r.start.v < end)
			return r.start.v > at ? r.start.v : at;
	}
	return end;
}

static long remove_pages(uintptr_t at, uintptr_t end)
{
	uintptr_t stop = unsealed_until(at, end);
	enum qr_err err = QR_OK;

	if (stop > at)
		err = qr_space_advise(space_here(), qr_virt_of(at), pages(stop - at),
				      QR_ADVISE_REMOVE);
	return stop < end && (!err || err == QR_NOENT) ? -EPERM : error_of(err);
}

static long advise(struct mm *mm, uintptr_t at, size_t n, unsigned what)
{
	uintptr_t bytes = whole_pages(n);
	enum qr_advice advice;
	enum qr_err err;

	if (what == UNKNOWN || OFFSET(at) || (n && !bytes) || at + bytes < at)
		return -EINVAL;
	if (!bytes)
		return 0;
	if (at > USER_END || bytes > USER_END - at)
		return -ENOMEM;
	if (what == NOTHING)
		return check_mapped(at, at + bytes);
	advice = (enum qr_advice)(what - ASK);
	if (QR_RARELY(is_flag(advice) && may_split(at, at + bytes)))
		return -ENOMEM;
	if (QR_RARELY(mm_here()->userfaults) &&
	    (advice == QR_ADVISE_DONTNEED || advice == QR_ADVISE_FREE ||
	     advice == QR_ADVISE_REMOVE))
		userfault_removed(mm_here(), at, at + bytes);
	if (advice == QR_ADVISE_REMOVE)
		return remove_pages(at, at + bytes);
	err = qr_space_advise(&mm->space, qr_virt_of(at), pages(bytes), advice);
	if (err == QR_BEYOND || (err == QR_ACCESS && advice >= QR_ADVISE_POPULATE_READ))
		return -EFAULT; /* populate: what a touch would answer with a signal */
	return error_of(err);
}

SYSCALL3(madvise, uintptr_t, at, size_t, n, int, advice)
{
	return advise(mm_here(), at, n, meaning(advice));
}

/* ---- for another process ------------------------------------------------------------------------ */

/* Only what takes nothing away. */
static bool may_be_said_of_others(int advice)
{
	enum { WILLNEED = 3, COLD = 20, PAGEOUT, COLLAPSE = 25 };

	return advice == WILLNEED || advice == COLD || advice == PAGEOUT || advice == COLLAPSE;
}

static long advise_all(struct mm *mm, const struct uio_segment *s, size_t n, int advice)
{
	long done = 0, err = 0;

	for (; n-- && !err; s++) {
		err = advise(mm, (uintptr_t)s->base, s->n, meaning(advice));
		if (!err)
			done += (long)s->n;
	}
	return done ? done : err;
}

static long advise_process(struct process *p, const struct uio_segment *s, size_t n, int advice)
{
	struct mm *mm;
	long ret;

	if (!p)
		return -ESRCH;
	if (!may_be_said_of_others(advice))
		return -EINVAL;
	if (!p->mm)
		return -ESRCH;
	if (!process_may_access(p) || !cred_can(&current->process->cred, CAP_SYS_NICE))
		return -EPERM;
	mm = mm_get(p->mm);
	ret = advise_all(mm, s, n, advice);
	mm_put(mm);
	return ret;
}

SYSCALL5(process_madvise, unsigned, pidfd, const void __user *, vec, size_t, n, int, advice,
	 unsigned, flags)
{
	struct user_vector v;
	struct pid *pid;
	struct uio u;
	unsigned unused;
	long ret;

	if (flags)
		return -EINVAL;
	ret = user_vector_get(&v, vec, n > UINT32_MAX ? UINT32_MAX : (unsigned)n, &u);
	if (ret)
		return ret;
	ret = pidfd_lookup(pidfd, &pid, &unused);
	if (!ret) {
		ret = advise_process(pid->process, v.segments, n, advice);
		pid_put(pid);
	}
	user_vector_put(&v);
	return ret;
}
