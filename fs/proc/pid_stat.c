/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_stat.c - /proc/PID/{stat,statm,status,limits,fdinfo}: a process in numbers.
 */
#include <limits.h>
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

/* A limit that a long cannot hold is none. */
static uint64_t limit_out(uint64_t v)
{
	return v > ULONG_MAX ? ULONG_MAX : v;
}

struct signals {
	signal_set pending, shared, blocked, ignored, caught;
};

static struct signals signals_of(const struct process *p, const struct task *t)
{
	struct signals s = { .shared = p->pending.set };

	if (t) {
		s.pending = t->pending.set;
		s.blocked = t->blocked;
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

/* Of one task, or of all together. */
static struct usage usage_of(const struct proc_target *of)
{
	struct usage u;

	if (of->task && of->task->task)
		task_usage(of->task->task, &u);
	else
		process_usage(proc_process(of), &u);
	return u;
}

static char state_of(const struct proc_target *of)
{
	return of->task && of->task->task ? task_state_letter(of->task->task)
					  : process_state(proc_process(of));
}

static const char *name_of(const struct proc_target *of)
{
	const struct process *p = proc_process(of);
	struct task *t = proc_task(of);

	return t ? task_name(t) : p->comm;
}

static pid_nr nr_of(const struct proc_target *of)
{
	return of->task ? of->task->nr : of->pid->nr;
}

static void put_identity(struct text *t, const struct process *p, const struct proc_target *of)
{
	const struct tty *tty = process_tty(p);

	text_printf(t, "%d (%s) %c %d %d %d %u %d ", nr_of(of), name_of(of), state_of(of),
		    process_parent_nr(p), process_group_nr(p), process_session_nr(p),
		    tty ? user_dev(tty->dev) : 0u,
		    tty && tty->foreground ? tty->foreground->nr : -1);
}

static void put_times(struct text *t, const struct process *p, const struct proc_target *of)
{
	const struct usage *c = &p->children_usage;
	struct usage u = usage_of(of);
	const struct task *task = proc_task(of);
	int nice = task ? task->nice : 0;

	text_printf(t, "%u %llu %llu %llu %llu ", p->flags & PROCESS_EXECED ? 0x400000u : 0x400040u,
		    (unsigned long long)u.minor_faults, (unsigned long long)c->minor_faults,
		    (unsigned long long)u.major_faults, (unsigned long long)c->major_faults);
	text_printf(t, "%llu %llu %llu %llu %d %d %u 0 %llu ", ticks(u.user), ticks(u.system),
		    ticks(c->user), ticks(c->system), 20 + nice, nice, p->ntasks,
		    ticks(p->start_ns));
}

/* Addresses are for those who may look into the process. */
static void put_memory(struct text *t, const struct process *p, bool see)
{
	struct qr_space_stat s = space_of(p);
	const struct mm *mm = p->mm;

	text_printf(t, "%llu %zu %llu ", (unsigned long long)s.mapped * QR_PAGE_SIZE, resident(&s),
		    (unsigned long long)limit_out(p->rlimits[RLIMIT_RSS].cur));
	if (mm && see)
		text_printf(t, "%zu %zu %zu 0 0 ", mm->start_code, mm->end_code, mm->start_stack);
	else
		text_printf(t, "%d %d 0 0 0 ", !!mm, !!mm);
}

static void put_signals(struct text *t, const struct process *p, const struct task *task)
{
	struct signals s = signals_of(p, task);

	text_printf(t, "%u %u %u %u %d 0 0 ", (uint32_t)(s.pending | s.shared) & INT32_MAX,
		    (uint32_t)s.blocked & INT32_MAX, (uint32_t)s.ignored & INT32_MAX,
		    (uint32_t)s.caught & INT32_MAX, task && task->wait_channel);
}

PROC_SHOW(pid_stat)
{
	const struct process *p = proc_process(of);
	const struct mm *mm = p->mm;
	bool see = !proc_may_look(p);

	put_identity(t, p, of);
	put_times(t, p, of);
	put_memory(t, p, see);
	put_signals(t, p, proc_task(of));
	text_printf(t, "%d 0 0 0 0 0 0 ", p->exit_signal);
	if (mm && see)
		text_printf(t, "%zu %zu %zu %zu %zu %zu %zu ", mm->start_data, mm->end_data,
			    mm->start_brk, mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		text_string(t, "0 0 0 0 0 0 0 ");
	text_printf(t, "%d\n", see ? p->exit_status : 0);
	return 0;
}

/* Pages of the program's own code. */
static size_t text_pages(const struct mm *mm)
{
	uintptr_t start = mm->start_code & ~(uintptr_t)QR_PAGE_MASK;

	return mm->end_code > start ? (mm->end_code - start + QR_PAGE_MASK) / QR_PAGE_SIZE : 0;
}

PROC_SHOW(pid_statm)
{
	const struct process *p = proc_process(of);
	struct qr_space_stat s = space_of(p);

	text_printf(t, "%zu %zu %zu %zu 0 %zu 0\n", s.mapped, resident(&s),
		    s.resident_file + s.resident_shared, p->mm ? text_pages(p->mm) : 0,
		    s.data + s.stack);
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
	size_t text, lib, peak;

	if (!p->mm)
		return;
	text = text_pages(p->mm);
	lib = s.exec > text ? s.exec - text : 0;
	peak = (size_t)process_max_rss(p);
	text_printf(t,
		    "VmPeak:\t%8llu kB\nVmSize:\t%8llu kB\nVmLck:\t%8llu kB\nVmPin:\t       0 kB\n",
		    KB(s.mapped), KB(s.mapped), KB(s.locked));
	text_printf(t, "VmHWM:\t%8llu kB\nVmRSS:\t%8llu kB\nRssAnon:\t%8llu kB\n", KB(peak),
		    KB(resident(&s)), KB(s.resident_anon));
	text_printf(t, "RssFile:\t%8llu kB\nRssShmem:\t%8llu kB\nVmData:\t%8llu kB\n",
		    KB(s.resident_file), KB(s.resident_shared), KB(s.data));
	text_printf(t, "VmStk:\t%8llu kB\nVmExe:\t%8llu kB\nVmLib:\t%8llu kB\n", KB(s.stack),
		    KB(text), KB(lib));
	text_printf(t,
		    "VmPTE:\t%8llu kB\nVmSwap:\t       0 kB\nHugetlbPages:\t       0 kB\n"
		    "CoreDumping:\t0\nTHP_enabled:\t%d\n",
		    KB(s.tables), qr_space_huge_allowed(&p->mm->space));
}

static void put_signal_sets(struct text *t, const struct process *p, const struct task *task)
{
	struct signals s = signals_of(p, task);

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
	struct usage u = usage_of(of);
	pid_nr nr = nr_of(of);

	text_printf(t, "Name:\t%s\nUmask:\t%04o\nState:\t%s\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n",
		    name_of(of), p->fs ? p->fs->umask : 0, state_in_words(state_of(of)), p->nr, nr);
	text_printf(t, "PPid:\t%d\nTracerPid:\t0\n", process_parent_nr(p));
	put_credentials(t, p);
	text_printf(t, "NStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p->nr, nr,
		    process_group_nr(p), process_session_nr(p));
	put_sizes(t, p);
	text_printf(t, "Threads:\t%u\n", p->ntasks);
	put_signal_sets(t, p, proc_task(of));
	text_printf(t, "CapInh:\t%016x\nCapPrm:\t%016llx\nCapEff:\t%016llx\nCapBnd:\t%016llx\n", 0,
		    caps, caps, 0x1ffffffffffull);
	text_printf(t, "CapAmb:\t%016x\nNoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n", 0,
		    !!(p->flags & PROCESS_NO_NEW_PRIVS));
	text_string(t, "Speculation_Store_Bypass:\tvulnerable\n"
		       "SpeculationIndirectBranch:\talways enabled\n");
	text_string(t, "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n"
		       "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
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
		[RLIMIT_NICE] = { "Max nice priority", NULL },
		[RLIMIT_RTPRIO] = { "Max realtime priority", NULL },
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
		text_printf(t, names[i].unit ? "%-10s\n" : "\n", names[i].unit);
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
