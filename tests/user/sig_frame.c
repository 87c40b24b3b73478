/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sig_frame.c - the frame of a handler: every register comes back, floating point too; the
 * alternate stack; faults that a handler repairs; frames that are forged.
 */
#include "user.h"
#include <sys/ucontext.h>
#include <ucontext.h>

static volatile sig_atomic_t hits;
static char *page;

#ifdef __SSE__
#define XMM7 "xmm7",
#else
#define XMM7 /* the compiler does not know it, and so does not use it */
#endif

/* A handler that leaves no register as it was. */
static void spoil(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	hits++;
#ifdef __x86_64__
	__asm__ volatile(
	    "mov $-1, %%rax\n\tmov %%rax, %%rcx\n\tmov %%rax, %%rdx\n\t"
	    "mov %%rax, %%rsi\n\tmov %%rax, %%rdi\n\tmov %%rax, %%r8\n\t"
	    "mov %%rax, %%r9\n\tmov %%rax, %%r10\n\tmov %%rax, %%r11\n\t"
	    "pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm7\n\tmovdqa %%xmm0, %%xmm15\n\t" ::
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm7",
		  "xmm15", "cc");
#endif
	__asm__ volatile("fninit\n\tfld1\n\tfstp %%st(0)\n\tstd\n\tcld" ::: "cc");
}

static void on(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction act = { .sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags };

	NEED(sigaction(sig, &act, NULL) == 0);
}

/* An illegal instruction in the middle of known registers: the handler steps over it. */
static void over_ud2(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	spoil(sig, info, context);
#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RIP] += 2;
#else
	uc->uc_mcontext.gregs[REG_EIP] += 2;
#endif
}

TEST("all general registers and flags come back from a handler")
{
	on(SIGILL, over_ud2, 0);
#ifdef __x86_64__
	register long r12 __asm__("r12") = 12, r15 __asm__("r15") = 15, r8 __asm__("r8") = 8;
	register long r9 __asm__("r9") = 9, r10 __asm__("r10") = 10, r11 __asm__("r11") = 11;
	long a = 1, b = 2, c = 3, d = 4, s = 5, t = 6, flags;

	__asm__ volatile("stc\n\tud2\n\tpushf\n\tpop %6"
			 : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(s), "+D"(t), "=r"(flags),
			   "+r"(r12), "+r"(r15), "+r"(r8), "+r"(r9), "+r"(r10), "+r"(r11));
	CHECK(r8 == 8 && r9 == 9 && r10 == 10 && r11 == 11 && r12 == 12 && r15 == 15);
	CHECK(s == 5 && t == 6);
#else
	long a = 1, b = 2, c = 3, d = 4, flags;

	__asm__ volatile("stc\n\tud2\n\tpushf\n\tpop %4"
			 : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "=r"(flags));
#endif
	CHECK(a == 1 && b == 2 && c == 3 && d == 4);
	CHECK(flags & 1);
	CHECK_EQ(hits, 1);
}

TEST("floating point comes back: x87 stack, control word, SSE registers, MXCSR")
{
	unsigned short cw = 0x0e7f, cw_after = 0; /* round towards zero */
	unsigned mxcsr = 0x7f80, mxcsr_after = 0;
	double three = 3.25, after = 0;
	unsigned xmm[4] = { 1, 2, 3, 4 }, xmm_after[4] = { 0 };

	on(SIGILL, over_ud2, 0);
	__asm__ volatile("fldcw %5\n\tfldl %6\n\tldmxcsr %7\n\tmovdqu %8, %%xmm7\n\t"
			 "ud2\n\t"
			 "fstpl %0\n\tfnstcw %1\n\tstmxcsr %2\n\tmovdqu %%xmm7, %3\n\tfninit"
			 : "=m"(after), "=m"(cw_after), "=m"(mxcsr_after), "=m"(xmm_after)
			 : "m"(hits), "m"(cw), "m"(three), "m"(mxcsr), "m"(xmm)
			 : XMM7 "eax", "ecx", "edx", "esi", "edi", "memory");
	CHECK(after == three);
	CHECK_EQ(cw_after, cw);
	CHECK_EQ(mxcsr_after, mxcsr);
	CHECK(!memcmp(xmm, xmm_after, sizeof xmm));
}

static struct {
	unsigned short cw;
	unsigned mxcsr, env[7];
} begin;

static void see(int sig, siginfo_t *info, void *context)
{
	__asm__ volatile("fnstcw %0\n\tstmxcsr %1\n\tfnstenv %2"
			 : "=m"(begin.cw), "=m"(begin.mxcsr), "=m"(begin.env));
	over_ud2(sig, info, context);
}

TEST("a handler begins with floating point of its own")
{
	unsigned short cw = 0x0e7f;
	unsigned mxcsr = 0x7f80;

	on(SIGILL, see, 0);
	__asm__ volatile("fldcw %0\n\tldmxcsr %1\n\tfldpi\n\tud2\n\tfninit"
			 :
			 : "m"(cw), "m"(mxcsr));
	mxcsr = 0x1f80;
	__asm__ volatile("ldmxcsr %0" : : "m"(mxcsr));
	CHECK_EQ(begin.cw, 0x37f);
	CHECK_EQ(begin.mxcsr, 0x1f80);
	CHECK_EQ(begin.env[2] & 0xffff, 0xffff); /* all empty */
}

TEST("each process has floating point of its own, across switches")
{
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			volatile double x = k + 0.5;
			double sum = 0;

			for (int i = 0; i < 200000; i++) {
				sum += x;
				if (i % 10000 == 0)
					usleep(0);
			}
			_exit(sum != (k + 0.5) * 200000);
		}
	for (int k = 0, status; k < 4; k++) {
		wait(&status);
		CHECK_EQ(status, 0);
	}
}

static void unprotect(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	hits++;
	if (info->si_addr == page + 40)
		mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

TEST("a handler repairs what faulted, and the store is done again")
{
	page = fresh(PAGE);
	on(SIGSEGV, unprotect, 0);
	for (int i = 1; i < 20; i++) {
		mprotect(page, PAGE, PROT_READ);
		((volatile char *)page)[40] = (char)i;
		CHECK_EQ(page[40], i);
		CHECK_EQ(hits, i);
	}
}

static void look(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	hits++;
#ifdef __x86_64__
	CHECK_EQ(uc->uc_mcontext.gregs[REG_TRAPNO], 14);
	CHECK_EQ(uc->uc_mcontext.gregs[REG_ERR] & 6, 6); /* a write, from user mode */
	CHECK_EQ(uc->uc_mcontext.gregs[REG_CR2], (uintptr_t)info->si_addr);
#else
	CHECK_EQ(uc->uc_mcontext.gregs[REG_TRAPNO], 14);
	CHECK_EQ(uc->uc_mcontext.gregs[REG_ERR] & 6, 6);
	CHECK_EQ(uc->uc_mcontext.cr2, (uintptr_t)info->si_addr);
#endif
	mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

TEST("the context names trap, error code and address")
{
	page = fresh(PAGE);
	mprotect(page, PAGE, PROT_READ);
	on(SIGSEGV, look, 0);
	((volatile char *)page)[99] = 1;
	CHECK_EQ(hits, 1);
}

static char *seen_stack;

static void where(int sig, siginfo_t *info, void *context)
{
	char here;
	stack_t now;

	(void)sig, (void)info, (void)context;
	seen_stack = &here;
	sigaltstack(NULL, &now);
	CHECK(now.ss_flags & SS_ONSTACK);
	CHECK_ERR(sigaltstack(&(stack_t){ .ss_flags = SS_DISABLE }, NULL), EPERM);
}

TEST("the alternate stack is used, and its errors are Linux's")
{
	char *stack = fresh(16 * PAGE);
	stack_t alt = { .ss_sp = stack, .ss_size = 16 * PAGE }, old;

	CHECK(sigaltstack(&alt, NULL) == 0);
	on(SIGUSR1, where, SA_ONSTACK);
	kill(getpid(), SIGUSR1);
	CHECK(seen_stack > stack && seen_stack < stack + 16 * PAGE);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == stack && !(old.ss_flags & SS_ONSTACK));
	alt.ss_size = 100;
	CHECK_ERR(sigaltstack(&alt, NULL), ENOMEM);
	alt.ss_flags = 0x1234;
	CHECK_ERR(sigaltstack(&alt, NULL), EINVAL);
}

static unsigned disarmed;

static void use_up(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *c = context;
	stack_t now;

	(void)sig, (void)info;
	NEED(sigaltstack(NULL, &now) == 0);
	CHECK(now.ss_flags == SS_DISABLE && now.ss_size == 0);
	CHECK((unsigned)c->uc_stack.ss_flags == 1u << 31);
	now = (stack_t){ .ss_sp = c->uc_stack.ss_sp, .ss_size = 8 * PAGE };
	CHECK(sigaltstack(&now, NULL) == 0); /* in use, and nobody minds */
	disarmed++;
}

TEST("an alternate stack that disarms itself is gone in its handler, and back afterwards")
{
	char *stack = fresh(16 * PAGE);
	stack_t alt = { .ss_sp = stack, .ss_size = 16 * PAGE, .ss_flags = (int)(1u << 31) }, old;

	CHECK(sigaltstack(&alt, NULL) == 0);
	on(SIGUSR1, use_up, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK_EQ(disarmed, 1);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == stack && old.ss_size == 16 * PAGE);
	CHECK((unsigned)old.ss_flags == 1u << 31);
}

static void die_without_stack(void *unused)
{
	(void)unused;
	on(SIGUSR1, spoil, 0);
#ifdef __x86_64__
	__asm__ volatile("mov $0x1000, %%rsp\n\tmov $39, %%eax\n\tsyscall\n\tmov %%eax, %%edi\n\t"
			 "mov $10, %%esi\n\tmov $62, %%eax\n\tsyscall\n\tud2" ::
			     : "memory");
#else
	__asm__ volatile("mov $0x1000, %%esp\n\tmov $20, %%eax\n\tint $0x80\n\tmov %%eax, %%ebx\n\t"
			 "mov $10, %%ecx\n\tmov $37, %%eax\n\tint $0x80\n\tud2" ::
			     : "memory");
#endif
}

TEST("no stack for the frame: SIGSEGV ends the program")
{
	int status = in_child(die_without_stack, NULL);

	CHECK(WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

static long forged_place;

/* Give sigreturn a frame with these segments and flags: it must not give rights away. */
static void forge(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	switch (forged_place) {
	case 0: /* kernel code segment, interrupts off, IOPL 3 */
#ifdef __x86_64__
		uc->uc_mcontext.gregs[REG_CSGSFS] = 0x10;
#else
		uc->uc_mcontext.gregs[REG_CS] = 0x60;
#endif
		uc->uc_mcontext.gregs[REG_EFL] = 0x3000;
		break;
	case 1: /* on into the kernel */
#ifdef __x86_64__
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0xffffffff80100000ull;
#else
		uc->uc_mcontext.gregs[REG_EIP] = (greg_t)0xc0100000u;
#endif
		break;
	case 2: /* nowhere at all */
#ifdef __x86_64__
		uc->uc_mcontext.gregs[REG_RIP] = (greg_t)0x8000000000001234ull;
		uc->uc_mcontext.gregs[REG_RSP] = (greg_t)0x8000000000001234ull;
#else
		uc->uc_mcontext.gregs[REG_EIP] = uc->uc_mcontext.gregs[REG_ESP] = -1;
		uc->uc_mcontext.gregs[REG_DS] = 0x50;
#endif
		break;
	case 3: /* a pointer to floating-point state that is not there, or in the kernel */
		uc->uc_mcontext.fpregs = (void *)((uintptr_t) - (16 * PAGE));
		break;
	case 4: /* reserved bits of MXCSR, and what else the state may hold */
		memset(uc->uc_mcontext.fpregs, 0xff, 512);
		break;
	}
}

static void run_forged(void *unused)
{
	(void)unused;
	on(SIGUSR1, forge, 0);
	kill(getpid(), SIGUSR1);
	__asm__ volatile("cli"); /* must not be allowed */
	_exit(99);
}

TEST("forged frames give nobody the kernel")
{
	for (forged_place = 0; forged_place < 5; forged_place++) {
		int status = in_child(run_forged, NULL);

		CHECK(WIFSIGNALED(status));
	}
}

static void return_nowhere(void *unused)
{
	(void)unused;
#ifdef __x86_64__
	__asm__ volatile("mov $8, %%rsp\n\tmov $15, %%eax\n\tsyscall" ::: "memory");
#else
	__asm__ volatile("mov $8, %%esp\n\tmov $173, %%eax\n\tint $0x80" ::: "memory");
#endif
}

TEST("sigreturn without a frame ends the program")
{
	int status = in_child(return_nowhere, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void privileged(void *which)
{
	switch (*(int *)which) {
	case 0:
		__asm__ volatile("hlt");
		break;
	case 1:
		__asm__ volatile("mov %%cr3, %0" : "=r"(*(long *)(void *)page));
		break;
	case 2:
		__asm__ volatile("in $0x60, %%al" ::: "eax");
		break;
	case 3:
		__asm__ volatile("int $0x20");
		break;
	case 4:
		__asm__ volatile("wrmsr" ::"a"(0), "d"(0), "c"(0xc0000082));
		break;
	case 5:
		__asm__ volatile("mov %0, %%ss" ::"r"(0x10));
		break;
	case 6:
		__asm__ volatile("int $8");
		break;
	case 7:
		__asm__ volatile("int $14");
		break;
	}
	_exit(0);
}

TEST("privileged instructions and the kernel's gates are SIGSEGV")
{
	page = fresh(PAGE);
	for (int which = 0; which < 8; which++) {
		int status = in_child(privileged, &which);

		CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	}
}

static void trap(void *which)
{
	switch (*(int *)which) {
	case SIGFPE:
		__asm__ volatile("xor %%ecx, %%ecx\n\tdiv %%ecx" ::"a"(1), "d"(0) : "ecx");
		break;
	case SIGILL:
		__asm__ volatile("ud2");
		break;
	case SIGTRAP:
		__asm__ volatile("int3");
		break;
	}
	_exit(0);
}

TEST("division by zero, illegal instruction and breakpoint have their signals")
{
	static const int sigs[] = { SIGFPE, SIGILL, SIGTRAP };

	for (int i = 0; i < 3; i++) {
		int sig = sigs[i], status = in_child(trap, &sig);

		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), sig);
	}
}
