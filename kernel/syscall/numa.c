/* SPDX-License-Identifier: BSD-2-Clause
 *
 * numa.c - memory policies of a machine that has one node: get_mempolicy, set_mempolicy, mbind,
 * set_mempolicy_home_node, migrate_pages, move_pages; and membarrier, for one CPU.
 *
 * All memory is near, so that a policy changes nothing; what there is to do is to check, and to
 * remember the policy of a task and of a range.  A barrier has no other CPU to reach: entering the
 * kernel was one.
 *
 * Sources: the man-pages 6.x of the calls, and how Linux answers them.
 */
#include "kernel/policies.h"
#include "kernel/syscall/memory.h"

#define MPOL_MODES 6u
#define MPOL_FLAGS (MPOL_BALANCING | MPOL_RELATIVE | MPOL_STATIC)

#define NODES_MAX 1024u /* bits that a mask may have set */
#define LONG_BITS (8u * (unsigned)sizeof(long))

/* ---- masks of nodes ------------------------------------------------------------------------- */

struct nodes {
	bool here;  /* node 0 */
	bool other; /* some that do not exist */
};

static int get_nodes(unsigned long __user *from, unsigned long n, struct nodes *out)
{
	*out = (struct nodes){ 0 };
	if (!n-- || !n || !from)
		return 0;
	if (n > QR_PAGE_SIZE * 8)
		return -EINVAL;
	for (unsigned long at = 0; at < n; at += LONG_BITS) {
		unsigned long word;

		if (get_user(word, from + at / LONG_BITS))
			return -EFAULT;
		if (n - at < LONG_BITS)
			word &= (1ul << (n - at)) - 1;
		if (word && at >= NODES_MAX)
			return -EINVAL;
		out->here |= !at && word & 1;
		out->other |= at ? word != 0 : word > 1;
	}
	return 0;
}

static int put_nodes(unsigned long __user *to, unsigned long n, bool here)
{
	unsigned long bytes = (n - 1 + LONG_BITS - 1) / LONG_BITS * sizeof(long);

	if (!bytes)
		return 0;
	if (bytes > QR_PAGE_SIZE)
		return -EINVAL;
	if (bytes > sizeof(long) && clear_user(to + 1, bytes - sizeof(long)))
		return -EFAULT;
	return put_user((unsigned long)here, to);
}

/* ---- policies ------------------------------------------------------------------------------- */

static int check_mode(unsigned mode)
{
	unsigned flags = mode & MPOL_FLAGS;

	mode &= ~MPOL_FLAGS;
	if (mode >= MPOL_MODES || (flags & MPOL_STATIC && flags & MPOL_RELATIVE))
		return -EINVAL;
	return flags & MPOL_BALANCING && mode != MPOL_BIND ? -EINVAL : 0;
}

/* A policy with these nodes, as get_mempolicy tells of it later. */
static int make_policy(unsigned mode, struct nodes nodes, unsigned *out)
{
	unsigned flags = mode & (MPOL_STATIC | MPOL_RELATIVE);
	bool empty = !nodes.here && !nodes.other;

	*out = mode;
	switch (mode & ~MPOL_FLAGS) {
	case MPOL_DEFAULT:
		*out = MPOL_DEFAULT;
		return empty ? 0 : -EINVAL;
	case MPOL_LOCAL:
		return empty && !flags ? 0 : -EINVAL;
	case MPOL_PREFERRED:
		if (empty) {
			*out = MPOL_LOCAL;
			return flags ? -EINVAL : 0;
		}
		break;
	}
	return nodes.here || (nodes.other && flags & MPOL_RELATIVE) ? 0 : -EINVAL;
}

SYSCALL3(set_mempolicy, unsigned, mode, unsigned long __user *, mask, unsigned long, n)
{
	struct nodes nodes;
	unsigned policy;
	int err = check_mode(mode);

	if (!err)
		err = get_nodes(mask, n, &nodes);
	if (!err)
		err = make_policy(mode, nodes, &policy);
	if (!err)
		current->policy = (uint16_t)policy;
	return err;
}

static unsigned policy_at(uintptr_t at)
{
	const struct policy_range *r = policies_find(mm_here(), at, at + 1);

	return r ? r->policy : MPOL_DEFAULT;
}

/* What get_mempolicy tells of the policy or of the node: flags NODE, ADDR, ALLOWED. */
static int ask_policy(uintptr_t at, unsigned flags, unsigned *mode, bool *here)
{
	enum { NODE = 1, ADDR = 2, ALLOWED = 4 };
	unsigned kind;
	uint8_t byte;
	size_t done;

	*mode = flags & ADDR ? policy_at(at) : current->policy;
	kind = *mode & ~MPOL_FLAGS;
	*here = kind != MPOL_DEFAULT && kind != MPOL_LOCAL;
	if (flags & ~(unsigned)(NODE | ADDR | ALLOWED))
		return -EINVAL;
	if (flags & ALLOWED) {
		*mode = 0;
		*here = true;
		return flags & (NODE | ADDR) ? -EINVAL : 0;
	}
	if (flags & ADDR) {
		at &= ~(uintptr_t)QR_PAGE_MASK;
		if (check_mapped(at, at + QR_PAGE_SIZE))
			return -EFAULT;
		if (flags & NODE) {
			*mode = 0; /* where the page is: once it is */
			return qr_space_read(space_here(), qr_virt_of(at), &byte, 1, false, &done)
				   ? -EFAULT
				   : 0;
		}
		return 0;
	}
	if (at || (flags & NODE && kind != MPOL_INTERLEAVE))
		return -EINVAL;
	if (flags & NODE)
		*mode = 0; /* the node of the next page */
	return 0;
}

SYSCALL5(get_mempolicy, unsigned __user *, mode, unsigned long __user *, mask, unsigned long, n,
	 uintptr_t, at, unsigned long, flags)
{
	unsigned m;
	bool here;
	int err;

	if (mask && !n)
		return -EINVAL;
	err = flags >> 16 ? -EINVAL : ask_policy(at, (unsigned)flags, &m, &here);
	if (err)
		return err;
	if (mode && put_user(m, mode))
		return -EFAULT;
	return mask ? put_nodes(mask, n, here) : 0;
}

/* ---- ranges --------------------------------------------------------------------------------- */

SYSCALL6(mbind, uintptr_t, at, size_t, n, unsigned long, mode, unsigned long __user *, mask,
	 unsigned long, max, unsigned, flags)
{
	enum { STRICT = 1, MOVE = 2, MOVE_ALL = 4 };
	uintptr_t end = at + whole_pages(n);
	struct nodes nodes;
	unsigned policy;
	int err = mode > UINT16_MAX ? -EINVAL : check_mode((unsigned)mode);

	if (!err)
		err = get_nodes(mask, max, &nodes);
	if (err)
		return err;
	if (flags & ~(unsigned)(STRICT | MOVE | MOVE_ALL))
		return -EINVAL;
	if (flags & MOVE_ALL && !cred_can(&current->process->cred, CAP_SYS_NICE))
		return -EPERM;
	if (OFFSET(at) || end < at)
		return -EINVAL;
	if (end == at)
		return 0;
	err = make_policy((unsigned)mode, nodes, &policy);
	if (err)
		return err;
	return check_mapped(at, end) ? -EFAULT : policies_set(mm_here(), at, end, policy);
}

/* It refines the policies of the range: those that bind, or prefer several. */
SYSCALL4(set_mempolicy_home_node, uintptr_t, at, size_t, n, unsigned long, node, unsigned long,
	 flags)
{
	uintptr_t end = at + whole_pages(n);
	const struct policy_range *r;
	long err = end == at ? 0 : -ENOENT;

	if (OFFSET(at) || flags || node || end < at)
		return -EINVAL;
	for (; at < end && (r = policies_find(mm_here(), at, end)) != NULL; at = r->hi) {
		unsigned kind = r->policy & ~MPOL_FLAGS;

		if (kind != MPOL_BIND && kind != MPOL_PREFERRED_MANY)
			return -EOPNOTSUPP;
		err = 0;
	}
	return err;
}

/* ---- where pages are ------------------------------------------------------------------------ */

/* 0 is the caller itself. */
static int find_target(pid_nr nr, struct process **out)
{
	*out = nr ? process_find(nr) : current->process;
	if (!*out)
		return -ESRCH;
	return process_may_access(*out) ? 0 : -EPERM;
}

SYSCALL4(migrate_pages, pid_nr, nr, unsigned long, n, unsigned long __user *, from,
	 unsigned long __user *, to)
{
	struct nodes old, new;
	struct process *p;
	int err = get_nodes(from, n, &old);

	if (!err)
		err = get_nodes(to, n, &new);
	if (!err)
		err = find_target(nr, &p);
	if (err)
		return err;
	if (new.other && !cred_can(&current->process->cred, CAP_SYS_NICE))
		return -EPERM;
	return new.here ? 0 : -EINVAL;
}

static bool look(void *status, const struct qr_page *page)
{
	*(int *)status = page->flags & QR_PAGE_ZERO ? -EFAULT : 0;
	return false;
}

static int page_status(struct process *p, uintptr_t at)
{
	struct qr_region r;
	int status = -ENOENT;

	at &= ~(uintptr_t)QR_PAGE_MASK;
	if (!p->mm || at >= USER_END || qr_space_next(&p->mm->space, qr_virt_of(at), &r) != QR_OK ||
	    r.start.v > at)
		return -EFAULT;
	qr_space_pages(&p->mm->space, qr_virt_of(at), qr_virt_of(at + QR_PAGE_SIZE), look, &status);
	return status;
}

SYSCALL6(move_pages, pid_nr, nr, unsigned long, n, uintptr_t __user *, list, int __user *, nodes,
	 int __user *, status, unsigned, flags)
{
	enum { MOVE = 2, MOVE_ALL = 4 };
	struct process *p;
	int err;

	if (flags & ~(unsigned)(MOVE | MOVE_ALL))
		return -EINVAL;
	if (flags & MOVE_ALL && !cred_can(&current->process->cred, CAP_SYS_NICE))
		return -EPERM;
	err = find_target(nr, &p);
	for (unsigned long i = 0; i < n && !err; i++) {
		uintptr_t at;
		int node = 0;

		if (get_user(at, list + i) || (nodes && get_user(node, nodes + i)))
			return -EFAULT;
		if (node)
			return -ENODEV;
		err = find_target(nr, &p); /* again: reading the lists may have slept */
		if (!err && put_user(page_status(p, at), status + i))
			return -EFAULT;
		if (signal_pending_fatal())
			return -EINTR;
	}
	return err;
}

/* ---- membarrier ----------------------------------------------------------------------------- */

/* Commands are bits; the expedited private ones ask for registering before: each is the bit below
 * that of its registration. */
SYSCALL3(membarrier, int, command, unsigned, flags, int, cpu)
{
	enum {
		QUERY = 0,
		GLOBAL_EXPEDITED = 2,
		PRIVATE = 8 | 32 | 128,
		REGISTER = 4 | 16 | 64 | 256,
		ALL = 511,
		RSEQ = 128,
	};
	struct mm *mm = mm_here();

	if (flags && !(command == RSEQ && flags == 1))
		return -EINVAL;
	if (command == QUERY)
		return ALL;
	if (command & ~ALL || command & (command - 1))
		return -EINVAL;
	if (command & REGISTER)
		mm->barriers |= (uint16_t)(command >> 1);
	return command & PRIVATE && !(mm->barriers & command) ? -EPERM : 0;
}
