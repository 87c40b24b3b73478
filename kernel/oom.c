/* SPDX-License-Identifier: BSD-2-Clause
 *
 * oom.c - when there is no memory left at all.
 *
 * First comes what programs said that they do not need (memory_reclaim).  If there is none of that:
 *
 * A program that touches a page for which there is no frame cannot go on, and cannot be told in
 * any other way: somebody has to go.  The victim is the process whose end frees most, roughly:
 * resident pages and page tables, shifted by its oom_score_adj (-1000: never).  Init is never
 * chosen, nor who lives in its memory (vfork).
 *
 * The victim's memory is unmapped right here, not when the victim gets round to dying: it may be
 * asleep for long, and who asked needs frames now.  Nothing else runs meanwhile (one CPU, no
 * preemption), so nobody sees a half-dead process; what the victim itself still does in the
 * kernel finds its memory gone, gets EFAULT, and dies on its way out.
 */
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/oom.h"
#include "kernel/process.h"
#include "kernel/signal.h"

#define ADJUST_NEVER (-1000)

uint64_t oom_kills;

/* What comes back when it ends: pages of files stay, they live in the file system. */
static size_t footprint(struct process *p)
{
	struct qr_space_stat s;

	qr_space_stat(&p->mm->space, &s);
	return s.resident_anon + s.resident_shared + s.tables;
}

static bool can_die(const struct process *p)
{
	return p->mm && p->mm != init_process->mm && p->oom_score_adj > ADJUST_NEVER;
}

long oom_score(struct process *p)
{
	long total = (long)frames.total;
	long score;

	if (!can_die(p) || !total)
		return 0;
	score = (long)footprint(p) * 1000 / total + p->oom_score_adj;
	return score > 0 ? score : 0;
}

static bool is_killed(const struct process *p)
{
	return p->flags & (PROCESS_EXITING | PROCESS_ZOMBIE) ||
	       p->pending.set & signal_bit(SIGKILL);
}

/* In steps of 1/256 of RAM.  0: its end would free nothing, or nothing more. */
static long long weight_of(struct process *p)
{
	long long pages, total = (long long)frames.total;

	if (!can_die(p) || is_killed(p))
		return 0;
	pages = (long long)footprint(p) + (long long)p->oom_score_adj * total / 1000;
	return pages > 0 ? 1 + pages / (total / 256 + 1) : 0;
}

/* Of those that are about as large, the youngest: of a fork bomb its last children, and not the
 * shell that is to end it. */
static struct process *choose(void)
{
	struct process *victim = NULL, *p;
	long long best = 1, weight;

	for_each_process (p) {
		weight = weight_of(p);
		if (weight > best || (weight == best && (!victim || p->nr > victim->nr))) {
			best = weight;
			victim = p;
		}
	}
	return victim;
}

static void take_memory(struct mm *mm)
{
	const struct qr_memory *m = &space_memory;
	size_t npages = (m->user_end.v - m->user_start.v) >> QR_PAGE_SHIFT;

	/* Unmapping everything splits no run, so it needs no memory. */
	if (qr_space_unmap(&mm->space, m->user_start, npages) != QR_OK)
		log_error("oom: the memory of the victim could not be taken\n");
}

size_t memory_reclaim(void)
{
	struct process *p;
	size_t n = 0;

	for_each_process (p)
		if (p->mm)
			n += qr_space_reclaim(&p->mm->space);
	return n;
}

bool oom_kill(void)
{
	struct process *victim = choose(), *p;
	struct mm *mm;

	if (!victim)
		return false;
	oom_kills++;
	mm = victim->mm;
	log_error("out of memory: process %d (%s) is killed, %lu KiB\n", (int)victim->nr,
		  victim->comm, (unsigned long)footprint(victim) * (QR_PAGE_SIZE / 1024));
	for_each_process (p) /* vfork's parent and child live in the same memory */
		if (p->mm == mm)
			signal_process(p, SIGKILL);
	take_memory(mm);
	return true;
}
