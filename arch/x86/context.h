/* SPDX-License-Identifier: BSD-2-Clause
 *
 * context.h - what the machine keeps for a task that is not running, and the switch.
 *
 * A `struct context` is embedded in the task.  The kernel stack holds the registers that C
 * preserves; the context holds where to go on, the stack pointer, where the FPU image is and the
 * user's thread-local segments, which the kernel itself does not use.
 *
 *	kernel stack of a task		(grows down; a guard page lies below)
 *	  top    ->  struct regs	of user mode, if the task has a user side
 *	             frames of C	the last one is of who switched, with the registers
 *	  sp     ->  struct start_frame	of a task that has not run yet
 *
 * I1  context.sp and .ip are valid exactly while the task does not run.
 * I2  The FPU image and the segments are stale exactly while the task runs.
 *
 * FPU: saved and loaded eagerly at each switch between tasks that use it (one instruction each, see
 * fpu.h; lazy switching leaks registers on some CPUs).  A kernel thread has none.
 *
 * A switch is made of three: the scheduler loads the root, context_exchange the user's registers
 * that the kernel does not use, and context_switch changes the stack.  Context: interrupts off.
 */
#ifndef ARCH_X86_CONTEXT_H
#define ARCH_X86_CONTEXT_H

#include <quire/types.h>
#include "arch/x86/cpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/segment.h"
#include "arch/x86/tables.h"
#include "arch/x86/user.h"

struct task;

#define TLS_FIRST   6 /* i386: entries 6 .. 8 of the table */
#define TLS_ENTRIES 3

struct context {
	uintptr_t sp, ip;
	uintptr_t kstack_top;
	struct task *task;
	bool user; /* has a user side: FPU image and segments count */
	bool odd;  /* has none, or more than FPU and fs base (i686: and segments) to exchange */
#ifdef __x86_64__
	bool selectors; /* of an LDT, or found loaded: the four and what they set count */
	uint16_t ds, es, fs, gs;
	uintptr_t fs_base, gs_base;
#else
	uint16_t fs, gs;
	uint64_t tls[TLS_ENTRIES];
#endif
	void *fpu; /* its image (fpu.h), behind the task; last: a child's is its own */
};

/* Save FPU and segments of the user side of `from`, which runs, and load those of `to`. */
void context_exchange(struct context *from, struct context *to);

/* `to` is whom interrupts and calls find, on its stack. */
QR_INLINE void context_enter(const struct context *to)
{
	uintptr_t top = to->kstack_top;

	cpu_run(to->task, top);
	tss_set_stack(top);
}

#define CONTEXT_PLACES \
	[sp] "i"(offsetof(struct context, sp)), [ip] "i"(offsetof(struct context, ip))

/* Leave `from`, go on in `to`.  Returns when somebody switches back: to the end of these
 * instructions, for all who have been here; a new task begins in context_start.  The compiler
 * keeps what it needs on the stack, since every register changes. */
QR_INLINE void context_switch(struct context *from, struct context *to)
{
	context_enter(to);
#ifdef __x86_64__
	__asm__ volatile("movq $1f, %c[ip](%0)\n\t"
			 "mov %%rsp, %c[sp](%0)\n\t"
			 "mov %c[sp](%1), %%rsp\n\t"
			 "jmp *%c[ip](%1)\n"
			 "1:"
			 : "+D"(from), "+S"(to)
			 : CONTEXT_PLACES
			 : "rax", "rbx", "rcx", "rdx", "rbp", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
#else
	__asm__ volatile("movl $1f, %c[ip](%0)\n\t"
			 "mov %%esp, %c[sp](%0)\n\t"
			 "mov %c[sp](%1), %%esp\n\t"
			 "jmp *%c[ip](%1)\n"
			 "1:"
			 : "+a"(from), "+d"(to)
			 : CONTEXT_PLACES
			 : "ebx", "ecx", "ebp", "esi", "edi", "memory", "cc");
#endif
}

/* Have `c`, which does not run, call fn(arg) before it goes on: with interrupts off. */
void context_call_first(struct context *c, void (*fn)(void *), void *arg);

/* The code that runs now (boot stack) becomes a context of `task`, without a user side. */
void context_adopt(struct context *c, struct task *task, uintptr_t kstack_top);

/* A kernel thread: starts in fn(arg).  When fn returns, the task goes to user mode with the
 * frame context_regs(c), which fn must have filled (exec does); before that it has to call
 * context_make_user(c). */
void context_init_kernel(struct context *c, struct task *task, uintptr_t kstack_top,
			 void (*fn)(void *), void *arg);

/* A child of fork or clone: continues in user mode with a copy of *regs (result 0, and
 * regs_set_sp(context_regs(c), sp) for clone), FPU and segments of `parent`, which must be the
 * running task. */
void context_init_fork(struct context *c, struct task *task, uintptr_t kstack_top,
		       const struct context *parent, const struct regs *regs);

/* exec and the first program: reset FPU and segments to those of a fresh program.  `c` is the
 * running task's. */
void context_make_user(struct context *c);

/* The user's registers of a task, at the top of its kernel stack. */
QR_INLINE struct regs *context_regs(const struct context *c)
{
	return (struct regs *)(c->kstack_top - sizeof(struct regs));
}

/* A task's registers in the order of core files (core_regs.c); it is the running one, or sleeps. */
#ifdef __x86_64__
#define CORE_REGS 27
#else
#define CORE_REGS 17
#endif
void context_core_regs(const struct context *c, uintptr_t out[CORE_REGS]);

/* ---- thread-local segments ------------------------------------------------------------ */

#ifdef __x86_64__
/* For the running task (arch_prctl, CLONE_SETTLS through the child's context before it runs).
 * Non-canonical or kernel addresses: -EPERM. */
int context_set_fs_base(struct context *c, uintptr_t base);
int context_set_gs_base(struct context *c, uintptr_t base);
uintptr_t context_fs_base(const struct context *c);
uintptr_t context_gs_base(const struct context *c);
/* The task may load selectors from now on that mean something: they are kept at each switch. */
QR_INLINE void context_keep_selectors(struct context *c)
{
	c->selectors = c->odd = true;
}
#else
/* As Linux: with `may_pick` an entry_number of -1 picks a free one, and is written back.
 * -EINVAL, -ESRCH (none free). */
int context_set_thread_area(struct context *c, struct user_desc *desc, bool may_pick);
int context_get_thread_area(const struct context *c, struct user_desc *desc);
/* The running task's fs and gs selectors, for signal frames.  Setting a selector that cannot be
 * loaded gives 0 instead. */
uint16_t segments_fs(void);
uint16_t segments_gs(void);
void segments_set(uint16_t fs, uint16_t gs);
QR_INLINE void context_keep_selectors(struct context *c)
{
	(void)c; /* they always are */
}
#endif
/* Segments have changed: what the running task has loaded of them is loaded again. */
void segments_refresh(void);

#endif
