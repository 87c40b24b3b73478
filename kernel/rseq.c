/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/rseq.h"
#include "arch/x86/user.h"
#include "kernel/syscall/syscall.h"
#include "kernel/userfault.h"

#define NO_CPU          0xffffffffu
#define RSEQ_UNREGISTER 1
#define RSEQ_ALIGN      32

/* As programs lay it out; there is one CPU, number 0. */
struct user_rseq {
	uint32_t cpu_id_start, cpu_id;
	uint64_t cs;
	uint32_t flags, pad[3];
};
_Static_assert(sizeof(struct user_rseq) == 32, "struct rseq");

struct user_rseq_cs {
	uint32_t version, flags;
	uint64_t start, length, abort;
};

static int sequence_check(const struct user_rseq_cs *cs, uint32_t signature)
{
	uint32_t found;

	if (cs->version || cs->start >= USER_END || cs->length >= USER_END - cs->start ||
	    cs->abort >= USER_END || cs->abort - cs->start < cs->length)
		return -EINVAL;
	if (get_user(found, (uint32_t __user *)(uintptr_t)(cs->abort - sizeof(found))))
		return -EFAULT;
	return found == signature ? 0 : -EINVAL;
}

static int leave(struct regs *r)
{
	struct user_rseq __user *rseq = (void __user *)current->rseq;
	struct user_rseq_cs cs;
	uint64_t at;
	int err;

	if (get_user(at, &rseq->cs))
		return -EFAULT;
	if (QR_LIKELY(!at))
		return 0;
	if (at >= USER_END || copy_from_user(&cs, (void __user *)(uintptr_t)at, sizeof(cs)))
		return -EFAULT;
	err = sequence_check(&cs, current->rseq_signature);
	if (err)
		return err;
	if (regs_ip(r) - cs.start < cs.length)
		regs_set_ip(r, (uintptr_t)cs.abort);
	return put_user((uint64_t)0, &rseq->cs);
}

void rseq_leave(struct regs *r)
{
	while (current->rseq && leave(r)) {
		if (userfault_settle())
			continue;
		current->rseq = 0;
		force_fault(SIGSEGV, SI_KERNEL, 0);
	}
}

static int set_cpu(struct user_rseq __user *rseq, uint32_t start, uint32_t cpu)
{
	return put_user(start, &rseq->cpu_id_start) || put_user(cpu, &rseq->cpu_id) ? -EFAULT : 0;
}

static int unregister(struct task *t, uintptr_t rseq, unsigned flags, uint32_t signature)
{
	if ((flags & ~RSEQ_UNREGISTER) || !t->rseq || t->rseq != rseq)
		return -EINVAL;
	if (t->rseq_signature != signature)
		return -EPERM;
	if (set_cpu((void __user *)rseq, 0, NO_CPU))
		return -EFAULT;
	t->rseq = 0;
	return 0;
}

SYSCALL4(rseq, uintptr_t, rseq, uint32_t, size, unsigned, flags, uint32_t, signature)
{
	struct task *t = current;

	if (flags & RSEQ_UNREGISTER)
		return size == sizeof(struct user_rseq) ? unregister(t, rseq, flags, signature)
							: -EINVAL;
	if (flags || size != sizeof(struct user_rseq) || (t->rseq && t->rseq != rseq))
		return -EINVAL;
	if (t->rseq)
		return t->rseq_signature == signature ? -EBUSY : -EPERM;
	if (rseq % RSEQ_ALIGN)
		return -EINVAL;
	if (!user_range_ok((void __user *)rseq, size) || set_cpu((void __user *)rseq, 0, 0))
		return -EFAULT;
	t->rseq = rseq;
	t->rseq_signature = signature;
	return 0;
}
