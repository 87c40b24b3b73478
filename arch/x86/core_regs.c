/* SPDX-License-Identifier: BSD-2-Clause
 *
 * core_regs.c - the registers of a task in the order in which core files have them.
 *
 * Source: the layout of user_regs_struct in the C library's <sys/user.h>.
 */
#include "arch/x86/context.h"
#include "kernel/task.h"

/* What an exception has there is its error code, no call to be done again. */
static uintptr_t call_of(const struct regs *r)
{
	return r->vector == VECTOR_SYSCALL ? r->orig_ax : (uintptr_t)-1;
}

void context_core_regs(const struct context *c, uintptr_t out[CORE_REGS])
{
	const struct regs *r = context_regs(c);
#ifdef __x86_64__
	const uintptr_t regs[CORE_REGS] = {
		r->r15,
		r->r14,
		r->r13,
		r->r12,
		r->bp,
		r->bx,
		r->r11,
		r->r10,
		r->r9,
		r->r8,
		r->ax,
		r->cx,
		r->dx,
		r->si,
		r->di,
		call_of(r),
		r->ip,
		r->cs,
		r->flags,
		r->sp,
		r->ss,
		context_fs_base(c),
		context_gs_base(c),
		c->ds,
		c->es,
		c->fs,
		c->gs,
	};
#else
	bool here = c == &current->context;
	const uintptr_t regs[CORE_REGS] = {
		r->bx,
		r->cx,
		r->dx,
		r->si,
		r->di,
		r->bp,
		r->ax,
		r->ds & 0xffff,
		r->es & 0xffff,
		here ? segments_fs() : c->fs,
		here ? segments_gs() : c->gs,
		call_of(r),
		r->ip,
		r->cs & 0xffff,
		r->flags,
		r->sp,
		r->ss & 0xffff,
	};
#endif

	for (unsigned i = 0; i < CORE_REGS; i++)
		out[i] = regs[i];
}
