/* SPDX-License-Identifier: BSD-2-Clause
 *
 * process.h - a process: tasks that share memory, files, signals' actions and a parent.
 *
 *	process --- leader, tasks		the threads (kernel/task.h)
 *	   |------- mm (shared by vfork, CLONE_VM)	address space and where things lie in it
 *	   |------- files, fs			descriptors; current directory, root, umask (fs/file.h)
 *	   |------- actions			what to do on a signal (shared by CLONE_SIGHAND)
 *	   |------- parent, children		who waits for whom
 *	   `------- group, session		job control (kernel/pid.h)
 *
 * Life: process_new (fork) -> runs -> the last task leaves: ZOMBIE, memory and files are gone
 * -> the parent waits: freed.  Children of a dead process go to init.
 *
 * I1  `tasks` is empty exactly in a zombie.   I2  mm, files, fs are NULL in a zombie.
 * I3  A process is on its parent's `children` until it is reaped.
 * I4  Kernel threads belong to process 0, which is on no list but its own.
 *
 * Locking: none (tasks only, no preemption); `times` and timers also from the tick.
 */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <quire/space.h>
#include "kernel/pid.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "kernel/waitq.h"

struct file;
struct files;
struct fs_context;
struct ldt;
struct policy_range;
struct process;
struct task;
struct userfault;

#define COMM_SIZE 16

/* ---- memory ----------------------------------------------------------------------------- */

#define AUXV_WORDS 48

/* An address space and what the kernel remembers about its layout, for brk and /proc. */
struct mm {
	uint32_t ref; /* processes that run in it */
	struct qr_space space;
	uintptr_t start_code, end_code, start_data, end_data;
	uintptr_t start_brk, brk; /* exact; pages up to the one that holds brk - 1 are mapped */
	uintptr_t start_stack, arg_start, arg_end, env_start, env_end;
	uintptr_t
	    vdso; /* x86-64: its vdso; i386: page of the code that signal handlers return to */
	unsigned map_flags; /* QR_MAP_LOCKED, ONFAULT: what mlockall(MCL_FUTURE) wants of others */
	uint16_t barriers;  /* commands of membarrier that it has registered for */
	size_t runs_counted, runs_joined; /* the last count of regions: memory_limits.c */
	struct userfault *userfaults;     /* kernel/userfault.h; NULL: none */
	struct policy_range *policies;    /* kernel/policies.h; NULL: none */
	struct ldt *ldt;                  /* arch/x86/segment.h; NULL: none */
	struct file *exe;
	uintptr_t auxv[AUXV_WORDS]; /* as the program got it: pairs, AT_NULL at the end */
};

/* An empty one, one reference.  NULL: no memory. */
struct mm *mm_new(void);
QR_INLINE struct mm *mm_get(struct mm *mm)
{
	mm->ref++;
	return mm;
}
/* The last one unmaps and frees everything.  NULL does nothing. */
void mm_put(struct mm *mm);

/* The limits of a process that the space itself enforces: AS and STACK. */
void mm_set_limits(struct mm *mm, const struct process *p);

/* ---- rights ----------------------------------------------------------------------------- */

struct groups {
	uint32_t ref;
	uint32_t n;
	uint32_t gid[];
};

struct cred {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	struct groups *groups; /* supplementary; NULL: none */
	uint64_t caps;         /* effective = permitted: all for the super-user, else none */
};

void groups_put(struct groups *g); /* NULL does nothing */
void cred_copy(struct cred *to, const struct cred *from);
void cred_fini(struct cred *c);
/* Is it the file system group, or a supplementary one? */
bool cred_in_group(const struct cred *c, uint32_t gid);
/* The capabilities that something asks for, as Linux numbers them. */
enum capability {
	CAP_IPC_LOCK = 14,
	CAP_IPC_OWNER = 15,
	CAP_SYS_RAWIO = 17,
	CAP_SYS_PTRACE = 19,
	CAP_SYS_ADMIN = 21,
	CAP_SYS_NICE = 23,
	CAP_SYS_RESOURCE = 24,
};
QR_INLINE bool cred_can(const struct cred *c, enum capability cap)
{
	return c->caps >> cap & 1;
}
/* May it do what only the super-user may? */
QR_INLINE bool cred_super(const struct cred *c)
{
	return c->euid == 0;
}

/* ---- limits ----------------------------------------------------------------------------- */

enum rlimit_id {
	RLIMIT_CPU,
	RLIMIT_FSIZE,
	RLIMIT_DATA,
	RLIMIT_STACK,
	RLIMIT_CORE,
	RLIMIT_RSS,
	RLIMIT_NPROC,
	RLIMIT_NOFILE,
	RLIMIT_MEMLOCK,
	RLIMIT_AS,
	RLIMIT_LOCKS,
	RLIMIT_SIGPENDING,
	RLIMIT_MSGQUEUE,
	RLIMIT_NICE,
	RLIMIT_RTPRIO,
	RLIMIT_RTTIME,
	RLIMITS
};

#define RLIM_INFINITY UINT64_MAX

struct rlimit_pair {
	uint64_t cur, max;
};

/* ---- times ------------------------------------------------------------------------------ */

/* What running has cost, in nanoseconds; and the counts of getrusage. */
struct usage {
	uint64_t user, system;
	uint64_t minor_faults, major_faults, switches, forced_switches;
	uint64_t max_rss; /* pages */
};

enum itimer_id { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF, ITIMERS };

struct itimer {
	uint64_t left, interval; /* VIRTUAL, PROF: nanoseconds of running to go; 0: off */
};

/* ---- the process ------------------------------------------------------------------------ */

enum process_flags {
	PROCESS_ZOMBIE = 1 << 0,
	PROCESS_EXITING = 1 << 1,   /* exit_group: all tasks are to leave with exit_status */
	PROCESS_STOPPED = 1 << 2,   /* by a signal; every task stops on its way to user mode */
	PROCESS_STOP_NEWS = 1 << 3, /* the parent has not been told of the stop by wait */
	PROCESS_CONT_NEWS = 1 << 4, /* ... of the continuation */
	PROCESS_EXECED = 1 << 5,    /* since fork: setpgid by the parent is refused */
	PROCESS_SUBREAPER = 1 << 6, /* orphans below go to it instead of init */
	PROCESS_DUMPABLE = 1 << 7,
	PROCESS_NO_NEW_PRIVS = 1 << 8,
	PROCESS_KEEP_CAPS = 1 << 9,
	PROCESS_MAY_KILL_INIT = 1 << 10, /* init caused a fault itself: it dies of it */
};

struct process {
	pid_nr nr; /* pid->nr: the process id */
	unsigned flags;
	struct pid *pid;
	struct task *leader; /* NULL in a zombie */
	struct list_link tasks;
	unsigned ntasks;
	unsigned queued; /* signals with information, and timers: RLIMIT_SIGPENDING */

	struct mm *mm;
	struct files *files;
	struct fs_context *fs;
	struct cred cred;
	struct rlimit_pair rlimits[RLIMITS];

	struct process *parent; /* NULL: init and process 0 */
	struct list_link children, sibling;
	struct list_link all; /* every process, zombies too */
	struct pid *group, *session;
	struct list_link in_group, in_session;
	struct waitq child_wait; /* for news of children */
	struct waitq exec_wait;  /* a task that wants to be the only one */

	struct signal_actions *actions;
	struct signal_pending pending; /* for whichever task takes them */
	int exit_signal;               /* to the parent at the end; SIGCHLD, 0: none */
	int exit_status;               /* as wait4 reports it */
	int stop_signal;

	struct posix_timer *timers; /* timer_create's; newest first */
	struct timer real_timer;
	uint64_t real_interval;
	struct itimer itimers[ITIMERS]; /* VIRTUAL and PROF */
	struct usage usage;             /* of tasks that have left */
	struct usage children_usage;    /* of children that were waited for */
	uint64_t start_ns;

	char comm[COMM_SIZE]; /* of the first task, kept when that has left */
	int parent_death_signal;
	int oom_score_adj;
	uint32_t personality;
	uint32_t core_differs; /* coredump_filter's bits that are not as they are by default */
};

/* Process 0 (the idle task and kernel threads), and the first program. */
extern struct process kernel_process;
extern struct process *init_process;

/* Over all processes, zombies included, process 0 not; the body must not sleep. */
extern struct list_link all_processes;
extern unsigned process_count;
#define for_each_process(p) list_for_each (p, &all_processes, all)

/* By process id; no reference: valid until the caller sleeps.  NULL: none. */
struct process *process_find(pid_nr nr);

QR_INLINE pid_nr process_group_nr(const struct process *p)
{
	return p->group ? p->group->nr : 0;
}
QR_INLINE pid_nr process_session_nr(const struct process *p)
{
	return p->session ? p->session->nr : 0;
}
QR_INLINE pid_nr process_parent_nr(const struct process *p)
{
	return p->parent ? p->parent->nr : 0;
}
/* The controlling terminal, or NULL. */
QR_INLINE struct tty *process_tty(const struct process *p)
{
	return p->session ? p->session->tty : NULL;
}
QR_INLINE bool process_leads_session(const struct process *p)
{
	return p->session == p->pid;
}

/* No member has a parent in the same session but another group: nobody could continue it, so
 * it must not stop. */
bool group_orphaned(struct pid *group);

/* 'R', 'S', 'D', 'T', 'Z': as /proc shows it.  Of a process, that of its first task. */
char process_state(const struct process *p);
char task_state_letter(const struct task *t);

/* Time and counts of all tasks that live and have lived / of one / one leaves. */
void process_usage(const struct process *p, struct usage *out);
void task_usage(const struct task *t, struct usage *out);
void process_charge(struct process *p, const struct task *t);
void process_usage_with_children(const struct process *p, struct usage *out);
/* The most pages that were resident at once, of this program or one before. */
uint64_t process_max_rss(const struct process *p);

/* ---- making and ending (fork.c, exit.c) -------------------------------------------------- */

/* A process with nothing in it but its number, times and links to itself; on no list.  NULL: no
 * memory. */
struct process *process_new(struct pid *pid);
/* Put it among the others: all, parent's children, group and session (references on both are
 * p's already). */
void process_link(struct process *p, struct process *parent, struct pid *group,
		  struct pid *session);
/* Take it out and free it: a zombie that was waited for, or one that has never been linked. */
void process_free(struct process *p);

/* Change group and session; takes references. */
void process_set_group(struct process *p, struct pid *group);
void process_set_session(struct process *p, struct pid *session);

/* Take `mm` in place of the one it has, which is put; loads it. */
void process_set_mm(struct process *p, struct mm *mm);

/* Make all tasks of p but the running one leave. */
void process_end_others(struct process *p);

/* comm: the last component of the path, cut. */
void process_set_name(struct process *p, const char *path);

/* A zombie is gone; if somebody waited for it, its costs become the parent's. */
void process_reap(struct process *zombie, bool waited_for);

/* ---- what fs and tty supply ------------------------------------------------------------- */

/* drivers/tty: the leader of a session ends: hang up, the terminal is nobody's any more. */
void tty_session_ends(struct tty *tty);

#endif
