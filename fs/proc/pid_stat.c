/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_stat.c - /proc/PID/{stat,statm,status,limits,fdinfo}: a process in numbers.
 */
#include <limits.h>
#include "drivers/tty.h"
#include "fs/inotify.h"
#include "fs/dev.h"
#include "fs/proc/proc.h"
#include "kernel/task.h"
#include "kernel/time.h"

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
	for (signal_set left = p->actions ? p->actions->set : 0; left; left &= left - 1) {
		int sig = __builtin_ctzll(left) + 1;
		uintptr_t handler = signal_handler(p->actions, sig);

		if (handler == SIG_IGN)
			s.ignored |= signal_bit(sig);
		else if (handler != SIG_DFL)
			s.caught |= signal_bit(sig);
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
	const uint64_t columns[] = { s.mapped,
				     resident(&s),
				     s.resident_file + s.resident_shared,
				     p->mm ? text_pages(p->mm) : 0,
				     0,
				     s.data + s.stack,
				     0 };
	char *to = text_room(t, 6 * 21 + 32);

	if (!to)
		return -ENOMEM;
	for (unsigned i = 0; i < 7; i++) {
		to = write_number(to, columns[i]);
		*to++ = i < 6 ? ' ' : '\n';
	}
	t->n = (size_t)(to - t->bytes);
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

#define put_count(t, name, v) text_count(t, name "\t", sizeof(name), v)
#define put_kb(t, name, npages) \
	text_kb(t, name "\t", sizeof(name), (uint64_t)(npages) * (QR_PAGE_SIZE / 1024))

static void put_set(struct text *t, const char *name, uint64_t bits)
{
	text_string(t, name);
	text_hex(t, bits, 16);
	text_char(t, '\n');
}

static void put_ids(struct text *t, const char *name, const uint32_t ids[4])
{
	text_string(t, name);
	for (unsigned i = 0; i < 4; i++) {
		text_char(t, '\t');
		text_number(t, ids[i]);
	}
	text_char(t, '\n');
}

static void put_credentials(struct text *t, const struct process *p)
{
	const struct cred *c = &p->cred;

	put_ids(t, "Uid:", (uint32_t[]){ c->uid, c->euid, c->suid, c->fsuid });
	put_ids(t, "Gid:", (uint32_t[]){ c->gid, c->egid, c->sgid, c->fsgid });
	put_count(t, "FDSize:", p->files ? p->files->size : 0);
	TEXT_PUT(t, "Groups:\t");
	for (uint32_t i = 0; c->groups && i < c->groups->n; i++) {
		text_number(t, c->groups->gid[i]);
		text_char(t, ' ');
	}
	text_char(t, '\n');
}

static void put_sizes(struct text *t, const struct process *p)
{
	struct qr_space_stat s = space_of(p);
	size_t text;

	if (!p->mm)
		return;
	text = text_pages(p->mm);
	put_kb(t, "VmPeak:", s.most_mapped);
	put_kb(t, "VmSize:", s.mapped);
	put_kb(t, "VmLck:", s.locked);
	put_kb(t, "VmPin:", 0);
	put_kb(t, "VmHWM:", s.most_resident);
	put_kb(t, "VmRSS:", resident(&s));
	put_kb(t, "RssAnon:", s.resident_anon);
	put_kb(t, "RssFile:", s.resident_file);
	put_kb(t, "RssShmem:", s.resident_shared);
	put_kb(t, "VmData:", s.data);
	put_kb(t, "VmStk:", s.stack);
	put_kb(t, "VmExe:", text);
	put_kb(t, "VmLib:", s.exec > text ? s.exec - text : 0);
	put_kb(t, "VmPTE:", s.tables);
	put_kb(t, "VmSwap:", 0);
	put_kb(t, "HugetlbPages:", 0);
	put_count(t, "CoreDumping:", 0);
	put_count(t, "THP_enabled:", qr_space_huge_allowed(&p->mm->space));
}

static void put_signal_sets(struct text *t, const struct process *p, const struct task *task)
{
	struct signals s = signals_of(p, task);

	TEXT_PUT(t, "SigQ:\t0/");
	text_number(t, p->rlimits[RLIMIT_SIGPENDING].cur & INT32_MAX);
	text_char(t, '\n');
	put_set(t, "SigPnd:\t", s.pending);
	put_set(t, "ShdPnd:\t", s.shared);
	put_set(t, "SigBlk:\t", s.blocked);
	put_set(t, "SigIgn:\t", s.ignored);
	put_set(t, "SigCgt:\t", s.caught);
}

PROC_SHOW(pid_status)
{
	const struct process *p = proc_process(of);
	unsigned long long caps = p->cred.caps & 0x1ffffffffffull;
	struct usage u = usage_of(of);
	uint32_t nr = (uint32_t)nr_of(of);

	TEXT_PUT(t, "Name:\t");
	text_string(t, name_of(of));
	TEXT_PUT(t, "\nUmask:\t0");
	for (int shift = 6; shift >= 0; shift -= 3)
		text_char(t, (char)('0' + ((p->fs ? p->fs->umask : 0) >> shift & 7)));
	TEXT_PUT(t, "\nState:\t");
	text_string(t, state_in_words(state_of(of)));
	text_char(t, '\n');
	put_count(t, "Tgid:", (uint32_t)p->nr);
	put_count(t, "Ngid:", 0);
	put_count(t, "Pid:", nr);
	put_count(t, "PPid:", (uint32_t)process_parent_nr(p));
	put_count(t, "TracerPid:", 0);
	put_credentials(t, p);
	put_count(t, "NStgid:", (uint32_t)p->nr);
	put_count(t, "NSpid:", nr);
	put_count(t, "NSpgid:", (uint32_t)process_group_nr(p));
	put_count(t, "NSsid:", (uint32_t)process_session_nr(p));
	put_sizes(t, p);
	put_count(t, "Threads:", p->ntasks);
	put_signal_sets(t, p, proc_task(of));
	put_set(t, "CapInh:\t", 0);
	put_set(t, "CapPrm:\t", caps);
	put_set(t, "CapEff:\t", caps);
	put_set(t, "CapBnd:\t", 0x1ffffffffffull);
	put_set(t, "CapAmb:\t", 0);
	put_count(t, "NoNewPrivs:", !!(p->flags & PROCESS_NO_NEW_PRIVS));
	TEXT_PUT(t, "Seccomp:\t0\nSeccomp_filters:\t0\n"
		    "Speculation_Store_Bypass:\tvulnerable\n"
		    "SpeculationIndirectBranch:\talways enabled\n"
		    "Cpus_allowed:\t1\nCpus_allowed_list:\t0\n"
		    "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
	put_count(t, "voluntary_ctxt_switches:", u.switches);
	put_count(t, "nonvoluntary_ctxt_switches:", u.forced_switches);
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
	if (is_inotify(f))
		inotify_show(f, t);
	return 0;
}
