/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_frame.c - the frames that a signal handler runs on, i386.
 *
 *	sp at the signal ->
 *		FPU image	fsave's 112 bytes, then the image of fpu_frame.c where there is one
 *		trampoline	the code that returns; for debuggers, nobody executes it
 *		...		without SA_SIGINFO: sigcontext;  with: siginfo_t, ucontext_t
 *		signal number
 *	sp ->	return address	the program's restorer, or the page of exec's (signal_page)
 *
 * Sources: System V ABI for i386; Linux's <asm/sigcontext.h>, <asm/ucontext.h>.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/signal_page.h"
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/lib/string.h"
#include "kernel/signal_user.h"
#include "kernel/task.h"

#define NR_SIGRETURN    119
#define NR_RT_SIGRETURN 173

#define UC_FP_XSTATE 0x1

#define FPSTATE_SIZE 624 /* where very old programs looked for it, in the frame itself */

struct sigcontext {
	uint16_t gs, gs_high, fs, fs_high, es, es_high, ds, ds_high;
	uint32_t di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip;
	uint16_t cs, cs_high;
	uint32_t flags, sp_at_signal;
	uint16_t ss, ss_high;
	uint32_t fpstate, oldmask, cr2;
};
_Static_assert(sizeof(struct sigcontext) == 88, "struct sigcontext");

struct ucontext {
	uint32_t flags, link;
	struct user_sigaltstack stack;
	struct sigcontext mc;
	uint32_t sigmask[2];
};

struct sigframe {
	uint32_t return_address;
	int32_t signo;
	struct sigcontext mc;
	uint8_t unused[FPSTATE_SIZE];
	uint32_t extramask;
	uint8_t trampoline[8];
};

struct rt_sigframe {
	uint32_t return_address;
	int32_t signo;
	uint32_t info_address, uc_address;
	struct user_siginfo info;
	struct ucontext uc;
	uint8_t trampoline[8];
};

/* popl %eax; movl $nr, %eax; int $0x80  and  movl $nr, %eax; int $0x80 */
static const uint8_t return_old[8] = { 0x58, 0xb8, NR_SIGRETURN, 0, 0, 0, 0xcd, 0x80 };
static const uint8_t return_rt[8] = { 0xb8, NR_RT_SIGRETURN, 0, 0, 0, 0xcd, 0x80, 0 };

void signal_page_fill(void *page)
{
	memcpy((char *)page + SIGNAL_PAGE_OLD, return_old, sizeof(return_old));
	memcpy((char *)page + SIGNAL_PAGE_RT, return_rt, sizeof(return_rt));
}

/* ---- registers -------------------------------------------------------------------------- */

static void registers_save(struct sigcontext *c, const struct regs *r, const struct task *t,
			   uint32_t mask, uintptr_t fpstate)
{
	*c = (struct sigcontext){
		.gs = segments_gs(),
		.fs = segments_fs(),
		.es = (uint16_t)r->es,
		.ds = (uint16_t)r->ds,
		.di = r->di,
		.si = r->si,
		.bp = r->bp,
		.sp = r->sp,
		.bx = r->bx,
		.dx = r->dx,
		.cx = r->cx,
		.ax = r->ax,
		.trapno = t->trap_vector,
		.err = t->trap_error,
		.ip = r->ip,
		.cs = (uint16_t)r->cs,
		.flags = r->flags,
		.sp_at_signal = r->sp,
		.ss = (uint16_t)r->ss,
		.fpstate = fpstate,
		.oldmask = mask,
		.cr2 = t->trap_address,
	};
}

/* A data selector of the user's; the null ones stay what they are. */
static uint16_t data_selector(uint16_t s)
{
	return s > 3 ? s | 3 : s;
}

static void registers_load(struct regs *r, const struct sigcontext *c)
{
	r->di = c->di, r->si = c->si, r->bp = c->bp, r->sp = c->sp;
	r->bx = c->bx, r->dx = c->dx, r->cx = c->cx, r->ax = c->ax;
	r->ip = c->ip;
	regs_set_user_flags(r, c->flags);
	regs_set_user_segments(r, c->cs, c->ss);
	r->ds = data_selector(c->ds), r->es = data_selector(c->es);
	segments_set(data_selector(c->fs), data_selector(c->gs));
}

static void enter_handler(struct regs *r, const struct signal_action *a, uintptr_t sp)
{
	r->sp = sp;
	r->ip = a->handler;
	r->ds = r->es = r->ss = USER_DS;
	r->cs = USER_CS;
	r->flags &= ~(uintptr_t)(FLAG_DF | FLAG_TF | FLAG_RF);
}

/* ---- frames ----------------------------------------------------------------------------- */

/* Room for the FPU image and a frame of this size below the stack in use; 0: there is none. */
static uintptr_t place(const struct regs *r, const struct signal_action *a, size_t size,
		       uintptr_t *image)
{
	uintptr_t sp = signal_stack_top(r->sp, a->flags);

	*image = fpu_frame_place(sp);
	sp = ((*image - size + 4) & ~(uintptr_t)15) - 4;
	return signal_stack_short(r->sp, a->flags, sp) ? 0 : sp;
}

static int push_rt(struct regs *r, const struct signal_action *a, const struct signal_info *info,
		   signal_set mask)
{
	struct task *t = current;
	struct rt_sigframe f;
	uintptr_t image, sp = place(r, a, sizeof(f), &image);

	memset(&f, 0, sizeof(f));
	f.return_address =
	    (a->flags & SA_RESTORER) ? a->restorer : t->process->mm->vdso + SIGNAL_PAGE_RT;
	f.signo = info->signo;
	f.info_address = sp + offsetof(struct rt_sigframe, info);
	f.uc_address = sp + offsetof(struct rt_sigframe, uc);
	signal_info_to_user(&f.info, info);
	f.uc.flags = fpu.features ? UC_FP_XSTATE : 0;
	signal_stack_get(&f.uc.stack, r->sp);
	registers_save(&f.uc.mc, r, t, (uint32_t)mask, image);
	memcpy(f.uc.sigmask, &mask, sizeof(mask));
	memcpy(f.trampoline, return_rt, sizeof(return_rt));
	if (!sp || fpu_frame_save(image) || copy_to_user((void __user *)sp, &f, sizeof(f)))
		return -EFAULT;
	enter_handler(r, a, sp);
	r->ax = (uintptr_t)info->signo;
	r->dx = f.info_address;
	r->cx = f.uc_address;
	return 0;
}

static int push_old(struct regs *r, const struct signal_action *a, int sig, signal_set mask)
{
	struct task *t = current;
	struct sigframe f;
	uintptr_t image, sp = place(r, a, sizeof(f), &image);

	f.return_address =
	    (a->flags & SA_RESTORER) ? a->restorer : t->process->mm->vdso + SIGNAL_PAGE_OLD;
	f.signo = sig;
	registers_save(&f.mc, r, t, (uint32_t)mask, image);
	f.extramask = (uint32_t)(mask >> 32);
	memcpy(f.trampoline, return_old, sizeof(return_old));
	if (!sp || fpu_frame_save(image) ||
	    copy_to_user((void __user *)sp, &f, offsetof(struct sigframe, unused)) ||
	    copy_to_user((void __user *)(sp + offsetof(struct sigframe, extramask)), &f.extramask,
			 sizeof(f) - offsetof(struct sigframe, extramask)))
		return -EFAULT;
	enter_handler(r, a, sp);
	r->ax = (uintptr_t)sig;
	r->dx = r->cx = 0;
	return 0;
}

int signal_frame_push(struct regs *r, const struct signal_action *a, const struct signal_info *info,
		      signal_set mask)
{
	if (a->flags & SA_SIGINFO)
		return push_rt(r, a, info, mask);
	return push_old(r, a, info->signo, mask);
}

static int restore(struct regs *r, const struct sigcontext *mc, signal_set mask)
{
	if (fpu_frame_load(mc->fpstate))
		return -EFAULT;
	signal_set_blocked(mask);
	registers_load(r, mc);
	regs_forget_syscall(r);
	return 0;
}

/* The restorer has popped the return address, and for the old form the signal number too. */
int signal_frame_pop(struct regs *r, bool rt)
{
	struct ucontext uc;
	struct sigcontext mc;
	uint32_t high;
	signal_set mask;
	uintptr_t f;

	if (rt) {
		f = r->sp - 4;
		if (copy_from_user(&uc, (void __user *)(f + offsetof(struct rt_sigframe, uc)),
				   sizeof(uc)))
			return -EFAULT;
		memcpy(&mask, uc.sigmask, sizeof(mask));
		if (restore(r, &uc.mc, mask))
			return -EFAULT;
		(void)signal_stack_set(&uc.stack, r->sp);
		return 0;
	}
	f = r->sp - 8;
	if (copy_from_user(&mc, (void __user *)(f + offsetof(struct sigframe, mc)), sizeof(mc)) ||
	    get_user(high, (uint32_t __user *)(f + offsetof(struct sigframe, extramask))))
		return -EFAULT;
	return restore(r, &mc, (signal_set)high << 32 | mc.oldmask);
}
