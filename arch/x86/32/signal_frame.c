/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_frame.c - the frames that a signal handler runs on, i386.
 *
 *	sp at the signal ->
 *		FPU image	fsave's 112 bytes, then fxsave's 512 where the CPU has it
 *		trampoline	the code that returns; for debuggers, nobody executes it
 *		...		without SA_SIGINFO: sigcontext;  with: siginfo_t, ucontext_t
 *		signal number
 *	sp ->	return address	the program's restorer, or the page of exec's (signal_page)
 *
 * Sources: System V ABI for i386; Linux's <asm/sigcontext.h>, <asm/ucontext.h>.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/signal_page.h"
#include "arch/x86/user.h"
#include "kernel/errno.h"
#include "kernel/lib/string.h"
#include "kernel/signal_user.h"
#include "kernel/task.h"

#define NR_SIGRETURN    119
#define NR_RT_SIGRETURN 173

/* fsave's layout, and what Linux puts behind it. */
struct fpstate {
	uint32_t cw, sw, tag, ip_offset, cs_opcode, data_offset, data_segment;
	uint8_t st[8][10];
	uint16_t status, magic; /* magic: 0 if `fx` is valid, 0xffff if not */
	uint8_t fx[FPU_SIZE];
};
_Static_assert(offsetof(struct fpstate, fx) == 112, "struct _fpstate");

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
	uint8_t unused[sizeof(struct fpstate)]; /* where very old programs looked for it */
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

/* ---- FPU -------------------------------------------------------------------------------- */

/* fxsave's image: offsets of its fields. */
enum {
	FX_CW = 0,
	FX_SW = 2,
	FX_TAG = 4,
	FX_OP = 6,
	FX_IP = 8,
	FX_CS = 12,
	FX_DP = 16,
	FX_DS = 20,
	FX_ST = 32,
	FX_ST_SIZE = 16
};

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}

/* fxsave keeps one bit a register (used), fsave two (valid, zero, special, empty). */
static uint32_t tag_of(const uint8_t *st, bool used)
{
	uint16_t exponent = word(st + 8) & 0x7fff;
	uint64_t mantissa;

	memcpy(&mantissa, st, sizeof(mantissa));
	if (!used)
		return 3;
	if (exponent == 0x7fff)
		return 2;
	if (exponent == 0)
		return mantissa ? 2 : 1;
	return mantissa >> 63 ? 0 : 2;
}

static uint32_t tags_from_fx(const uint8_t *fx)
{
	unsigned top = word(fx + FX_SW) >> 11 & 7;
	uint32_t tags = 0xffff0000u;

	if (!fx[FX_TAG])
		return 0xffffffffu; /* all empty: what is usual */
	for (unsigned i = 0; i < 8; i++) {
		const uint8_t *st = fx + FX_ST + ((i - top) & 7) * FX_ST_SIZE;

		tags |= tag_of(st, fx[FX_TAG] >> i & 1) << (2 * i);
	}
	return tags;
}

static uint8_t tags_to_fx(uint32_t tags)
{
	uint8_t used = 0;

	if ((tags & 0xffff) == 0xffff)
		return 0;
	for (unsigned i = 0; i < 8; i++)
		if ((tags >> (2 * i) & 3) != 3)
			used |= (uint8_t)(1u << i);
	return used;
}

/* The part that fsave knows. */
static void fpstate_make(struct fpstate *f, const uint8_t *fx)
{
	if (!cpu_features.fxsr) {
		memcpy(f, fx, offsetof(struct fpstate, status));
		f->status = word(fx + 4);
		f->magic = 0xffff;
		return;
	}
	f->cw = 0xffff0000u | word(fx + FX_CW);
	f->sw = 0xffff0000u | word(fx + FX_SW);
	f->status = word(fx + FX_SW);
	f->magic = 0;
	f->tag = tags_from_fx(fx);
	memcpy(&f->ip_offset, fx + FX_IP, 4);
	f->cs_opcode = word(fx + FX_CS) | (uint32_t)word(fx + FX_OP) << 16;
	memcpy(&f->data_offset, fx + FX_DP, 4);
	f->data_segment = word(fx + FX_DS);
	for (unsigned i = 0; i < 8; i++)
		memcpy(f->st[i], fx + FX_ST + i * FX_ST_SIZE, 10);
}

/* What the handler has changed in the old part counts, as with Linux. */
static void fpstate_take(uint8_t *fx, const struct fpstate *f)
{
	if (!cpu_features.fxsr) {
		memcpy(fx, f, offsetof(struct fpstate, status));
		return;
	}
	memcpy(fx + FX_CW, &f->cw, 2);
	memcpy(fx + FX_SW, &f->sw, 2);
	fx[FX_TAG] = tags_to_fx(f->tag);
	memcpy(fx + FX_IP, &f->ip_offset, 4);
	memcpy(fx + FX_DP, &f->data_offset, 4);
	for (unsigned i = 0; i < 8; i++)
		memcpy(fx + FX_ST + i * FX_ST_SIZE, f->st[i], 10);
}

/* The image itself goes to and from the task without a stop on the way. */
static int fpu_push(struct task *t, uintptr_t at)
{
	struct fpstate f;
	uint8_t *fx = t->context.fpu.image;

	fpu_save(&t->context);
	fpstate_make(&f, fx);
	if (copy_to_user((void __user *)at, &f, offsetof(struct fpstate, fx)))
		return -EFAULT;
	if (!cpu_features.fxsr)
		return 0;
	return copy_to_user((void __user *)(at + offsetof(struct fpstate, fx)), fx, FPU_SIZE);
}

static int fpu_pop(struct task *t, uintptr_t at)
{
	struct fpstate f;
	uint8_t *fx = t->context.fpu.image;

	if (!at) {
		fpu_reset(&t->context);
		return 0;
	}
	if (copy_from_user(&f, (const void __user *)at, offsetof(struct fpstate, fx)))
		return -EFAULT;
	if (cpu_features.fxsr &&
	    copy_from_user(fx, (const void __user *)(at + offsetof(struct fpstate, fx)), FPU_SIZE))
		return -EFAULT;
	fpstate_take(fx, &f);
	fpu_load(&t->context);
	return 0;
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

/* Room for the FPU image and a frame of this size below the stack in use. */
static uintptr_t place(const struct regs *r, const struct signal_action *a, size_t size,
		       uintptr_t *image)
{
	uintptr_t sp = signal_stack_top(r->sp, a->flags);

	*image = (sp - sizeof(struct fpstate)) & ~(uintptr_t)63;
	return ((*image - size) & ~(uintptr_t)15) - 4;
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
	signal_stack_get(&f.uc.stack, r->sp);
	registers_save(&f.uc.mc, r, t, (uint32_t)mask, image);
	memcpy(f.uc.sigmask, &mask, sizeof(mask));
	memcpy(f.trampoline, return_rt, sizeof(return_rt));
	if (fpu_push(t, image) || copy_to_user((void __user *)sp, &f, sizeof(f)))
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
	if (fpu_push(t, image) ||
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
	if (fpu_pop(current, mc->fpstate))
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
