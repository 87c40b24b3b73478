/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_stat.c - /proc/PID/{stat,statm,status,limits,fdinfo}: a process in numbers.
 */
#include "drivers/tty.h"
#include "fs/dev.h"
#include "fs/proc/proc.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define KB(pages) ((unsigned long long)(pages) * (QR_PAGE_SIZE / 1024))

static unsigned long long ticks(uint64_t ns)
{
	return ns / (NS_PER_SEC / 100);
}

static struct qr_space_stat space_of(const struct process *p)
{
	struct qr_space_stat s = { 0 };

	if (p->mm)
		qr_space_stat(&p->mm->space, &s);
	return s;
}

static size_t resident(const struct qr_space_stat *s)
{
	return s->resident_anon + s->resident_file + s->resident_shared;
}

struct signals {
	signal_set pending, shared, blocked, ignored, caught;
};

static struct signals signals_of(const struct process *p)
{
	struct signals s = { .shared = p->pending.set };

	if (p->leader) {
		s.pending = p->leader->pending.set;
		s.blocked = p->leader->blocked;
	}
	for (unsigned i = 0; p->actions && i < SIGNALS; i++) {
		if (p->actions->of[i].handler == SIG_IGN)
			s.ignored |= (signal_set)1 << i;
		else if (p->actions->of[i].handler != SIG_DFL)
			s.caught |= (signal_set)1 << i;
	}
	return s;
}

/* ---- stat --------------------------------------------------------------------------------------- */

static uint32_t user_dev(uint32_t dev)
{
	return (DEV_MINOR(dev) & 0xff) | DEV_MAJOR(dev) << 8;
}

static void put_identity(struct text *t, const struct process *p, pid_nr nr)
{
	const struct tty *tty = process_tty(p);

	text_printf(t, "%d (%s) %c %d %d %d %u %d ", nr, p->comm, process_state(p),
		    process_parent_nr(p), process_group_nr(p), process_session_nr(p),
		    tty ? user_dev(tty->dev) : 0u,
		    tty && tty->foreground ? tty->foreground->nr : -1);
}

static void put_times(struct text *t, const struct process *p)
{
	const struct usage *c = &p->children_usage;
	struct usage u;

	process_usage(p, &u);
	text_printf(t, "0 %llu %llu %llu %llu ", (unsigned long long)u.minor_faults,
		    (unsigned long long)c->minor_faults, (unsigned long long)u.major_faults,
		    (unsigned long long)c->major_faults);
	text_printf(t, "%llu %llu %llu %llu %d %d %u 0 %llu ", ticks(u.user), ticks(u.system),
		    ticks(c->user), ticks(c->system), 20 + p->nice, p->nice, p->ntasks,
		    ticks(p->start_ns));
}

static void put_memory(struct text *t, const struct process *p)
{
	struct qr_space_stat s = space_of(p);
	const struct mm *mm = p->mm;

	text_printf(t, "%llu %zu %llu ", (unsigned long long)s.mapped * QR_PAGE_SIZE, resident(&s),
		    (unsigned long long)UINTPTR_MAX);
	if (mm)
		text_printf(t, "%zu %zu %zu 0 0 ", mm->start_code, mm->end_code, mm->start_stack);
	else
		text_string(t, "0 0 0 0 0 ");
}

static void put_signals(struct text *t, const struct process *p)
{
	struct signals s = signals_of(p);

	text_printf(t, "%u %u %u %u 0 0 0 ", (uint32_t)(s.pending | s.shared) & INT32_MAX,
		    (uint32_t)s.blocked & INT32_MAX, (uint32_t)s.ignored & INT32_MAX,
		    (uint32_t)s.caught & INT32_MAX);
}

PROC_SHOW(pid_stat)
{
	const struct process *p = proc_process(of);
	const struct mm *mm = p->mm;

	put_identity(t, p, of->task ? of->task->nr : p->nr);
	put_times(t, p);
	put_memory(t, p);
	put_signals(t, p);
	text_printf(t, "%d 0 0 0 0 0 0 ", p->exit_signal);
	if (mm)
		text_printf(t, "%zu %zu %zu %zu %zu %zu %zu ", mm->start_data, mm->end_data,
			    mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		text_string(t, "0 0 0 0 0 0 0 ");
	text_printf(t, "%d\n", p->exit_status);
	return 0;
}

PROC_SHOW(pid_statm)
{
	const struct process *p = proc_process(of);
	struct qr_space_stat s = space_of(p);

	text_printf(t, "%zu %zu %zu %zu 0 %zu 0\n", s.mapped, resident(&s),
		    s.resident_file + s.resident_shared, s.exec, s.data + s.stack);
	return 0;
}

/* ---- status ------------------------------------------------------------------------------------- */

static const char *state_in_words(char state)
{
	switch (state) {
	case 'R':
		return "R (running)";
	case 'D':
		return "D (disk sleep)";
	case 'T':
		return "T (stopped)";
	case 'Z':
		return "Z (zombie)";
	default:
		return "S (sleeping)";
	}
}

static void put_credentials(struct text *t, const struct process *p)
{
	const struct cred *c = &p->cred;

	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\nGid:\t%u\t%u\t%u\t%u\nFDSize:\t%u\nGroups:\t", c->uid,
		    c->euid, c->suid, c->fsuid, c->gid, c->egid, c->sgid, c->fsgid,
		    p->files ? p->files->size : 0);
	for (uint32_t i = 0; c->groups && i < c->groups->n; i++)
		text_printf(t, "%u ", c->groups->gid[i]);
	text_string(t, "\n");
}

static void put_sizes(struct text *t, const struct process *p)
{
	struct qr_space_stat s = space_of(p);
	struct usage u;
	size_t peak;

	if (!p->mm)
		return;
	process_usage(p, &u);
	peak = u.max_rss > resident(&s) ? (size_t)u.max_rss : resident(&s);
	text_printf(t,
		    "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t%8llu kB\nVmPin:\t       0 kB\n",
		    KB(s.mapped), KB(s.mapped), KB(s.locked));
	text_printf(t, "VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\n", KB(peak),
		    KB(resident(&s)), KB(s.resident_anon));
	text_printf(t, "RssFile:\t%8llu kB\nRssShmem:\t%8llu kB\nVmData:\t%8llu kB\n",
		    KB(s.resident_file), KB(s.resident_shared), KB(s.data));
	text_printf(t, "VmStk:\t%8llu kB\nVmExe:\t%8llu kB\nVmLib:\t       0 kB\n", KB(s.stack),
		    KB(s.exec));
	text_printf(t, "VmPTE:\t%8llu kB\nVmSwap:\t       0 kB\n", KB(s.tables));
}

static void put_signal_sets(struct text *t, const struct process *p)
{
	struct signals s = signals_of(p);

	text_printf(t, "SigQ:\t0/%llu\nSigPnd:\t%016llx\nShdPnd:\t%016llx\n",
		    (unsigned long long)(p->rlimits[RLIMIT_SIGPENDING].cur & INT32_MAX),
		    (unsigned long long)s.pending, (unsigned long long)s.shared);
	text_printf(t, "SigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n",
		    (unsigned long long)s.blocked, (unsigned long long)s.ignored,
		    (unsigned long long)s.caught);
}

PROC_SHOW(pid_status)
{
	const struct process *p = proc_process(of);
	unsigned long long caps = p->cred.caps & 0x1ffffffffffull;
	struct usage u;

	process_usage(p, &u);
	text_printf(t, "Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n",
		    p->comm, p->fs ? p->fs->umask : 0, state_in_words(process_state(p)), p->nr,
		    of->task ? of->task->nr : p->nr);
	text_printf(t, "PPid:\t%d\nTracerPid:\t0\n", process_parent_nr(p));
	put_credentials(t, p);
	put_sizes(t, p);
	text_printf(t, "Threads:\t%u\n", p->ntasks);
	put_signal_sets(t, p);
	text_printf(t, "CapInh:\t%016x\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\n", 0,
		    caps, caps, 0x1ffffffffffull);
	text_printf(t, "CapAmb:\t%016x\nNoNewPrivs:\t%d\nSeccomp:\t0\n", 0,
		    !!(p->flags & PROCESS_NO_NEW_PRIVS));
	text_string(t, "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n");
	text_printf(t, "voluntary_ctxt_switches:\t%llu\nnonvoluntary_ctxt_switches:\t%llu\n",
		    (unsigned long long)u.switches, (unsigned long long)u.forced_switches);
	return 0;
}

/* ---- limits, descriptors ------------------------------------------------------------------------ */

static void put_limit(struct text *t, uint64_t v)
{
	size_t line = t->n;

	if (v == RLIM_INFINITY)
		text_string(t, "unlimited");
	else
		text_printf(t, "%llu", (unsigned long long)v);
	text_pad(t, line, 21);
}

PROC_SHOW(pid_limits)
{
	static const struct {
		const char *name, *unit;
	} names[RLIMITS] = {
		[RLIMIT_CPU] = { "Max cpu time", "seconds" },
		[RLIMIT_FSIZE] = { "Max file size", "bytes" },
		[RLIMIT_DATA] = { "Max data size", "bytes" },
		[RLIMIT_STACK] = { "Max stack size", "bytes" },
		[RLIMIT_CORE] = { "Max core file size", "bytes" },
		[RLIMIT_RSS] = { "Max resident set", "bytes" },
		[RLIMIT_NPROC] = { "Max processes", "processes" },
		[RLIMIT_NOFILE] = { "Max open files", "files" },
		[RLIMIT_MEMLOCK] = { "Max locked memory", "bytes" },
		[RLIMIT_AS] = { "Max address space", "bytes" },
		[RLIMIT_LOCKS] = { "Max file locks", "locks" },
		[RLIMIT_SIGPENDING] = { "Max pending signals", "signals" },
		[RLIMIT_MSGQUEUE] = { "Max msgqueue size", "bytes" },
		[RLIMIT_NICE] = { "Max nice priority", "" },
		[RLIMIT_RTPRIO] = { "Max realtime priority", "" },
		[RLIMIT_RTTIME] = { "Max realtime timeout", "us" },
	};
	const struct process *p = proc_process(of);

	text_string(
	    t, "Limit                     Soft Limit           Hard Limit           Units     \n");
	for (unsigned i = 0; i < RLIMITS; i++) {
		size_t line = t->n;

		text_string(t, names[i].name);
		text_pad(t, line, 26);
		put_limit(t, p->rlimits[i].cur);
		put_limit(t, p->rlimits[i].max);
		text_printf(t, "%-10s\n", names[i].unit);
	}
	return 0;
}

PROC_SHOW(pid_fdinfo)
{
	const struct process *p = proc_process(of);
	const struct file *f = p->files ? files_peek(p->files, of->fd) : NULL;

	if (!f)
		return -ENOENT;
	text_printf(t, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t1\n",
		    (unsigned long long)(f->ops->seek ? f->pos : 0), f->flags);
	return 0;
}
