/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_frame.c - the frame that a signal handler runs on, x86-64.
 *
 *	sp at the signal ->
 *		128 bytes	the red zone, untouched
 *		FPU image	see fpu_frame.c; 64-byte aligned
 *		info		siginfo_t, third argument's neighbour
 *		uc		ucontext_t: registers, mask, alternate stack
 *	sp ->	return address	the program's restorer, which calls rt_sigreturn
 *
 * sp + 8 is a multiple of 16, as at the entry of any function.
 * Sources: System V ABI for x86-64, section 3.4.1; Linux's <asm/ucontext.h>, <asm/sigcontext.h>.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/signal_user.h"
#include "kernel/task.h"

#define RED_ZONE 128

#define UC_FP_XSTATE         0x1
#define UC_SIGCONTEXT_SS     0x2
#define UC_STRICT_RESTORE_SS 0x4

struct sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, di, si, bp, bx, dx, ax, cx, sp, ip, flags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate; /* user address of the FPU image; 0: none */
	uint64_t reserved[8];
};
_Static_assert(sizeof(struct sigcontext) == 256, "struct sigcontext");

struct ucontext {
	uint64_t flags, link;
	struct user_sigaltstack stack;
	struct sigcontext mc;
	uint64_t sigmask;
};
_Static_assert(sizeof(struct ucontext) == 304, "struct ucontext");

struct rt_sigframe {
	uint64_t return_address;
	struct ucontext uc;
	struct user_siginfo info;
};
_Static_assert(sizeof(struct rt_sigframe) == 440, "no padding that would leak");

static void registers_save(struct sigcontext *c, const struct regs *r, const struct task *t,
			   uint64_t mask)
{
	c->r8 = r->r8, c->r9 = r->r9, c->r10 = r->r10, c->r11 = r->r11;
	c->r12 = r->r12, c->r13 = r->r13, c->r14 = r->r14, c->r15 = r->r15;
	c->di = r->di, c->si = r->si, c->bp = r->bp, c->bx = r->bx;
	c->dx = r->dx, c->ax = r->ax, c->cx = r->cx;
	c->sp = r->sp, c->ip = r->ip, c->flags = r->flags;
	c->cs = (uint16_t)r->cs, c->ss = (uint16_t)r->ss;
	c->err = t->trap_error, c->trapno = t->trap_vector, c->cr2 = t->trap_address;
	c->oldmask = mask;
	c->gs = c->fs = 0;
	for (unsigned i = 0; i < sizeof(c->reserved) / sizeof(c->reserved[0]); i++)
		c->reserved[i] = 0;
}

/* A code segment of the program's own (modify_ldt) is what it goes back to; who does not say that
 * its frame has a stack segment gets the usual one. */
static void segments_restore(struct regs *r, const struct sigcontext *c, uint64_t flags)
{
	regs_set_user_segments(r, c->cs, c->ss);
	if (r->cs == USER_CS && !(flags & UC_STRICT_RESTORE_SS))
		r->ss = USER_DS;
	if (r->cs != USER_CS || r->ss != USER_DS)
		task_work_set(current, WORK_SIGNAL); /* not by sysret, which knows but one pair */
}

static void registers_load(struct regs *r, const struct sigcontext *c)
{
	r->r8 = c->r8, r->r9 = c->r9, r->r10 = c->r10, r->r11 = c->r11;
	r->r12 = c->r12, r->r13 = c->r13, r->r14 = c->r14, r->r15 = c->r15;
	r->di = c->di, r->si = c->si, r->bp = c->bp, r->bx = c->bx;
	r->dx = c->dx, r->ax = c->ax, r->cx = c->cx;
	r->sp = c->sp, r->ip = c->ip;
	regs_set_user_flags(r, c->flags);
}

int signal_frame_push(struct regs *r, const struct signal_action *a, const struct signal_info *info,
		      signal_set mask)
{
	struct task *t = current;
	struct rt_sigframe f;
	uintptr_t sp, image;

	if (!(a->flags & SA_RESTORER))
		return -EFAULT;
	sp = signal_stack_top(r->sp, a->flags);
	if (sp == r->sp)
		sp -= RED_ZONE;
	image = fpu_frame_place(sp);
	sp = ((image - sizeof(f)) & ~(uintptr_t)15) - 8;
	if (QR_RARELY(t->sigstack.size) && signal_stack_short(r->sp, a->flags, sp))
		return -EFAULT;

	/* Every byte of the frame is written: it leaves the kernel. */
	f.return_address = a->restorer;
	f.uc.flags = (fpu.features ? UC_FP_XSTATE : 0) | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
	f.uc.link = 0;
	signal_stack_get(&f.uc.stack, r->sp);
	registers_save(&f.uc.mc, r, t, mask);
	f.uc.mc.fpstate = image;
	f.uc.sigmask = mask;
	signal_info_to_user(&f.info, info);
	if (fpu_frame_save(image) || copy_to_user((void __user *)sp, &f, sizeof(f)))
		return -EFAULT;

	r->di = (uintptr_t)info->signo;
	r->si = sp + offsetof(struct rt_sigframe, info);
	r->dx = sp + offsetof(struct rt_sigframe, uc);
	r->ax = 0;
	r->sp = sp;
	r->ip = a->handler;
	r->cs = USER_CS;
	r->ss = USER_DS;
	r->flags &= ~(uintptr_t)(FLAG_DF | FLAG_TF | FLAG_RF);
	return 0;
}

int signal_frame_pop(struct regs *r, bool rt)
{
	uintptr_t sp = r->sp - sizeof(uint64_t); /* the restorer was returned to */
	struct ucontext uc;

	if (copy_from_user(&uc, (const void __user *)(sp + offsetof(struct rt_sigframe, uc)),
			   sizeof(uc)) ||
	    fpu_frame_load(uc.mc.fpstate))
		return -EFAULT;
	signal_set_blocked(uc.sigmask);
	registers_load(r, &uc.mc);
	segments_restore(r, &uc.mc, uc.flags);
	(void)signal_stack_set(&uc.stack, r->sp);
	regs_forget_syscall(r);
	return 0;
}
