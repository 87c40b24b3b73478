/* SPDX-License-Identifier: BSD-2-Clause
 *
 * context.c - the switch between tasks, FPU and thread-local segments included.
 */
#include "arch/x86/context.h"
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/tables.h"
#include "arch/x86/user.h"
#include "kernel/lib/string.h"

void context_start(void);
void context_call(void);

/* What context_start pops, and context_call, which returns to `ip`. */
struct start_frame {
	uintptr_t fn, arg;
};
struct call_frame {
	struct start_frame start;
	uintptr_t ip;
};

/* ---- segments ----------------------------------------------------------------------------- */

static void set_odd(struct context *c)
{
#ifdef __x86_64__
	c->odd = !c->user || c->selectors || c->gs_base;
#else
	c->odd = !c->user;
#endif
}

#ifdef __x86_64__

#define SELECTOR(name)                                                    \
	({                                                                \
		uint16_t selector_;                                       \
		__asm__ volatile("mov %%" name ", %0" : "=r"(selector_)); \
		selector_;                                                \
	})

/* Would a data segment register take it without a fault?  Else null. */
static uint16_t loadable(uint16_t selector)
{
	uint32_t rights = 0;
	bool readable;

	__asm__("lar %w2, %0\n\tverr %w2" : "+r"(rights), "=@ccz"(readable) : "r"(selector));
	return readable && rights & 0x8000 ? selector : 0;
}

/* In the kernel, the user's gs base waits in the other register: gs is the user's for three
 * instructions. */
static void gs_load(uint16_t selector)
{
	uintptr_t irq = irq_save();

	__asm__ volatile("swapgs\n\tmov %0, %%gs\n\tswapgs" : : "r"(selector) : "memory");
	irq_restore(irq);
}

static void selectors_load(uint16_t ds, uint16_t es, uint16_t fs, uint16_t gs)
{
	__asm__ volatile("mov %0, %%ds\n\tmov %1, %%es\n\tmov %2, %%fs"
			 :
			 : "r"(loadable(ds)), "r"(loadable(es)), "r"(loadable(fs)));
	gs_load(loadable(gs));
}

static void selectors_save(struct context *c)
{
	c->ds = SELECTOR("ds");
	c->es = SELECTOR("es");
	c->fs = SELECTOR("fs");
	c->gs = SELECTOR("gs");
	c->fs_base = msr_get(MSR_FS_BASE);
	c->gs_base = msr_get(MSR_KERNEL_GS_BASE);
}

/* Has the program that ran last loaded a selector?  Null ones are not told from none. */
QR_INLINE bool selectors_loaded(void)
{
	return SELECTOR("ds") | SELECTOR("es") | SELECTOR("fs") | SELECTOR("gs");
}

/* Programs change the bases through the calls below.  Who has an LDT or was found with a selector
 * may have changed them himself. */
static void segments_save(struct context *c)
{
	if (QR_RARELY(selectors_loaded()))
		context_keep_selectors(c);
	if (QR_RARELY(c->selectors))
		selectors_save(c);
}

/* Nobody else finds what only this one is known to load. */
static void segments_leave(const struct context *c)
{
	if (QR_RARELY(c->selectors))
		selectors_load(0, 0, 0, 0);
}

static void segments_load(const struct context *c, const struct context *from)
{
	if (QR_RARELY(c->selectors))
		selectors_load(c->ds, c->es, c->fs, c->gs); /* the bases are set behind it */
	if ((c->fs_base | from->fs_base) || !from->user || c->selectors)
		msr_set(MSR_FS_BASE, c->fs_base);
	if ((c->gs_base | from->gs_base) || !from->user || c->selectors)
		msr_set(MSR_KERNEL_GS_BASE, c->gs_base);
}

int context_set_fs_base(struct context *c, uintptr_t base)
{
	if (base >= USER_END)
		return -EPERM;
	c->fs_base = base;
	if (c->task != current)
		return 0;
	__asm__ volatile("mov %0, %%fs" : : "r"(0));
	msr_set(MSR_FS_BASE, base);
	return 0;
}

int context_set_gs_base(struct context *c, uintptr_t base)
{
	if (base >= USER_END)
		return -EPERM;
	c->gs_base = base;
	set_odd(c);
	if (c->task != current)
		return 0;
	gs_load(0);
	msr_set(MSR_KERNEL_GS_BASE, base);
	return 0;
}

uintptr_t context_fs_base(const struct context *c)
{
	return c->task == current ? msr_get(MSR_FS_BASE) : c->fs_base;
}

uintptr_t context_gs_base(const struct context *c)
{
	return c->task == current ? msr_get(MSR_KERNEL_GS_BASE) : c->gs_base;
}

void segments_refresh(void)
{
	__asm__ volatile("mov %0, %%ds\n\tmov %1, %%es"
			 :
			 : "r"(loadable(SELECTOR("ds"))), "r"(loadable(SELECTOR("es"))));
}

#else

uint16_t segments_fs(void)
{
	uint16_t fs;

	__asm__ volatile("mov %%fs, %0" : "=r"(fs));
	return fs;
}

uint16_t segments_gs(void)
{
	uint16_t gs;

	__asm__ volatile("mov %%gs, %0" : "=r"(gs));
	return gs;
}

/* A selector that cannot be loaded faults here, and null is loaded in its place. */
#define LOAD_SEGMENT(segment, selector)                              \
	__asm__ volatile("1: mov %0, %%" segment "\n"                \
			 "2:\n\t"                                    \
			 ".pushsection .text.unlikely,\"ax\"\n"      \
			 "3: xor %k0, %k0\n\t"                       \
			 "mov %0, %%" segment "\n\t"                 \
			 "jmp 2b\n\t"                                \
			 ".popsection\n\t" EXTABLE_ENTRY("1b", "3b") \
			 : "+r"(selector)                            \
			 :                                           \
			 : "cc")

void segments_set(uint16_t fs, uint16_t gs)
{
	LOAD_SEGMENT("fs", fs);
	LOAD_SEGMENT("gs", gs);
}

QR_INLINE bool selectors_loaded(void)
{
	return false; /* they always are, and always exchanged */
}

static void segments_save(struct context *c)
{
	c->fs = segments_fs();
	c->gs = segments_gs();
}

static void segments_load(const struct context *c, const struct context *from)
{
	(void)from;
	for (unsigned i = 0; i < TLS_ENTRIES; i++)
		gdt[TLS_FIRST + i] = c->tls[i];
	segments_set(c->fs, c->gs);
}

static void segments_leave(const struct context *c)
{
	(void)c;
}

void segments_refresh(void)
{
	segments_set(segments_fs(), segments_gs());
}

/* All zeroes are "no segment", too.  Only present 32-bit data segments: the others are the LDT's
 * business. */
static bool describes_nothing(const struct user_desc *d)
{
	return !(d->base_addr | d->limit) && (!d->flags || segment_is_empty(d));
}

int context_set_thread_area(struct context *c, struct user_desc *d, bool may_pick)
{
	uint32_t n = d->entry_number;
	uint64_t descriptor = 0;

	if (!describes_nothing(d)) {
		if ((d->flags & (DESC_32BIT | DESC_CODE | DESC_ABSENT)) != DESC_32BIT)
			return -EINVAL;
		descriptor = segment_encode(d);
	}
	if (n == (uint32_t)-1 && may_pick) {
		for (n = 0; n < TLS_ENTRIES && c->tls[n]; n++)
			;
		if (n == TLS_ENTRIES)
			return -ESRCH;
		n += TLS_FIRST;
	}
	if (n - TLS_FIRST >= TLS_ENTRIES)
		return -EINVAL;
	d->entry_number = n;
	c->tls[n - TLS_FIRST] = descriptor;
	if (c->task == current) {
		gdt[n] = descriptor;
		segments_refresh();
	}
	return 0;
}

int context_get_thread_area(const struct context *c, struct user_desc *d)
{
	uint32_t n = d->entry_number;

	if (n - TLS_FIRST >= TLS_ENTRIES)
		return -EINVAL;
	segment_decode(c->tls[n - TLS_FIRST], d);
	return 0;
}

#endif

/* ---- the switch --------------------------------------------------------------------------- */

/* One of the two has no user side, or one whose segments are its own. */
static __attribute__((noinline)) void exchange_odd(struct context *from, struct context *to)
{
	if (from->user) {
		fpu_image_save(from->fpu);
		segments_save(from);
		segments_leave(from);
	}
	if (to->user) {
		fpu_image_load(to->fpu);
		segments_load(to, from);
	}
}

void context_exchange(struct context *from, struct context *to)
{
	if (QR_RARELY(from->odd | to->odd | selectors_loaded())) {
		exchange_odd(from, to);
		return;
	}
	fpu_image_save(from->fpu);
	fpu_image_load(to->fpu);
#ifdef __x86_64__
	if (to->fs_base | from->fs_base)
		msr_set(MSR_FS_BASE, to->fs_base);
#else
	segments_save(from);
	segments_load(to, from);
#endif
}

void context_adopt(struct context *c, struct task *task, uintptr_t kstack_top)
{
	memset(c, 0, sizeof(*c));
	c->task = task;
	c->kstack_top = kstack_top;
	set_odd(c);
	context_enter(c);
}

static void init(struct context *c, struct task *task, uintptr_t kstack_top, uintptr_t fn,
		 uintptr_t arg)
{
	struct start_frame *f;

	c->task = task;
	c->kstack_top = kstack_top;
	set_odd(c);
	f = (struct start_frame *)context_regs(c) - 1;
	*f = (struct start_frame){ fn, arg };
	c->sp = (uintptr_t)f;
	c->ip = (uintptr_t)context_start;
}

void context_call_first(struct context *c, void (*fn)(void *), void *arg)
{
	struct call_frame *f = (struct call_frame *)c->sp - 1;

	*f = (struct call_frame){ { (uintptr_t)fn, (uintptr_t)arg }, c->ip };
	c->sp = (uintptr_t)f;
	c->ip = (uintptr_t)context_call;
}

void context_init_kernel(struct context *c, struct task *task, uintptr_t kstack_top,
			 void (*fn)(void *), void *arg)
{
	memset(c, 0, offsetof(struct context, fpu));
	init(c, task, kstack_top, (uintptr_t)fn, (uintptr_t)arg);
	memset(context_regs(c), 0, sizeof(struct regs));
}

void context_init_fork(struct context *c, struct task *task, uintptr_t kstack_top,
		       const struct context *parent, const struct regs *regs)
{
	memcpy(c, parent, offsetof(struct context, fpu));
	fpu_image_save(c->fpu);
	segments_save(c);
	init(c, task, kstack_top, 0, 0);
	*context_regs(c) = *regs;
	regs_set_result(context_regs(c), 0);
}

void context_make_user(struct context *c)
{
	c->user = true;
	fpu_reset();
#ifdef __x86_64__
	c->selectors = false;
	c->fs_base = c->gs_base = 0;
	set_odd(c);
	selectors_load(0, 0, 0, 0);
	msr_set(MSR_FS_BASE, 0);
	msr_set(MSR_KERNEL_GS_BASE, 0);
#else
	set_odd(c);
	memset(c->tls, 0, sizeof(c->tls));
	for (unsigned i = 0; i < TLS_ENTRIES; i++)
		gdt[TLS_FIRST + i] = 0;
	segments_set(0, 0);
#endif
}

void regs_init_user(struct regs *r, uintptr_t ip, uintptr_t sp)
{
	memset(r, 0, sizeof(*r));
	r->ip = ip;
	r->sp = sp;
	r->cs = USER_CS;
	r->ss = USER_DS;
	r->flags = FLAG_IF | 2;
#ifndef __x86_64__
	r->ds = r->es = USER_DS;
#endif
	r->orig_ax = (uintptr_t)-1;
}
