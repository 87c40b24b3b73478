/* SPDX-License-Identifier: BSD-2-Clause
 *
 * machine.c - instructions and register contents that a program may use to hurt the kernel.
 *
 * Each is tried by a child, which may live or die of any signal; what counts is that the kernel
 * goes on, and that this program's own state is not disturbed by it.
 */
#include "user.h"
#include <sched.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#define TRY(name, code)                                                      \
	static void try_##name(void *unused)                                 \
	{                                                                    \
		(void)unused;                                                \
		__asm__ volatile(code ::: "memory", "cc", "ax", "cx", "dx"); \
	}

#ifdef __x86_64__
#define SP    "%%rsp"
#define AX    "%%rax"
#define PUSHF "pushfq\n\t"
#define POPF  "popfq\n\t"
#define IRET  "iretq"
#define CALL  "mov $39, %%eax\n\tsyscall\n\t" /* getpid */
#define BELOW "sub $128, %%rsp\n\t"           /* the red zone */
#define ABOVE "add $128, %%rsp\n\t"
#else
#define SP    "%%esp"
#define AX    "%%eax"
#define PUSHF "pushfl\n\t"
#define POPF  "popfl\n\t"
#define IRET  "iretl"
#define CALL  "mov $20, %%eax\n\tint $0x80\n\t"
#define BELOW ""
#define ABOVE ""
#endif
#define SET_FLAG(mask)   BELOW PUSHF "or" SUFFIX " $" mask ", (" SP ")\n\t" POPF
#define CLEAR_FLAG(mask) PUSHF "and" SUFFIX " $~" mask ", (" SP ")\n\t" POPF ABOVE
#ifdef __x86_64__
#define SUFFIX "q"
#else
#define SUFFIX "l"
#endif

TRY(cli, "cli")
TRY(hlt, "hlt")
TRY(in, "in $0x60, %%al")
TRY(out, "mov $0xf4, %%dx\n\tout %%al, %%dx")
TRY(read_cr0, "mov %%cr0, " AX)
TRY(write_cr3, "mov " AX ", %%cr3")
TRY(write_dr7, "mov " AX ", %%dr7")
TRY(rdmsr, "mov $0xc0000080, %%ecx\n\trdmsr")
TRY(wrmsr, "mov $0xc0000082, %%ecx\n\twrmsr")
TRY(lgdt, "lgdt (" SP ")")
TRY(sgdt, BELOW "sgdt -64(" SP ")\n\t" ABOVE)
TRY(ltr, "mov $0x28, %%ax\n\tltr %%ax")
TRY(lldt, "mov $0x30, %%ax\n\tlldt %%ax")
TRY(invd, "invd")
TRY(invlpg, "invlpg (" SP ")")
TRY(clts, "clts")
TRY(int3, "int3")
TRY(icebp, ".byte 0xf1")
TRY(int_divide, "int $0")
TRY(int_nmi, "int $2")
TRY(int_overflow, "int $4")
TRY(int_double, "int $8")
TRY(int_fault, "int $14")
TRY(int_timer, "int $0x20")
TRY(int_80, "mov $20, %%eax\n\tint $0x80")
TRY(int_ff, "int $0xff")
TRY(ud2, "ud2")
TRY(divide, "xor %%ecx, %%ecx\n\tdiv %%ecx")
TRY(sysenter, "mov $20, %%eax\n\tsysenter")
TRY(syscall_, "mov $39, %%eax\n\tsyscall")
TRY(sysexit, ".byte 0x0f, 0x35")
TRY(swapgs, ".byte 0x0f, 0x01, 0xf8")
TRY(rdpmc, "rdpmc")
TRY(xsetbv, "xor %%ecx, %%ecx\n\txsetbv")
TRY(null_ss, "xor %%eax, %%eax\n\tmov %%ax, %%ss")
TRY(kernel_ds, "mov $0x10, %%ax\n\tmov %%ax, %%ds")
TRY(tss_gs, "mov $0x2b, %%ax\n\tmov %%ax, %%gs")
TRY(ldt_fs, "mov $0x07, %%ax\n\tmov %%ax, %%fs")
TRY(null_segments, "xor %%eax, %%eax\n\tmov %%ax, %%ds\n\tmov %%ax, %%es\n\t" CALL)
TRY(null_fs_gs, "xor %%eax, %%eax\n\tmov %%ax, %%fs\n\tmov %%ax, %%gs\n\t" CALL)
TRY(stack_segment_step, SET_FLAG("0x100") "mov %%ss, %%ax\n\tmov %%ax, %%ss\n\t" CALL)
TRY(stack_segment_int3, "mov %%ss, %%ax\n\tmov %%ax, %%ss\n\tint3")
TRY(step, SET_FLAG("0x100") CALL "nop\n\t" CALL CLEAR_FLAG("0x100"))
TRY(nested_task, SET_FLAG("0x4000") CALL CALL CLEAR_FLAG("0x4000"))
TRY(nested_iret, SET_FLAG("0x4000") IRET)
TRY(alignment, SET_FLAG("0x40000") "mov 1(" SP "), %%eax\n\t" CALL CLEAR_FLAG("0x40000"))
TRY(direction, "std\n\t" CALL "cld")
TRY(io_level, SET_FLAG("0x3000") "in $0x60, %%al\n\t" CLEAR_FLAG("0x3000"))
TRY(no_stack, "mov $8, " SP "\n\t" CALL "push " AX)
TRY(kernel_stack, "mov $-4096, " SP "\n\t" CALL "push " AX)
TRY(kernel_jump, "mov $-4096, " AX "\n\tjmp *" AX)
TRY(zero_jump, "xor %%eax, %%eax\n\tjmp *" AX)
#ifdef __x86_64__
TRY(wild_jump, "movabs $0x0000800000000000, %%rax\n\tjmp *%%rax")
TRY(wild_return, "movabs $0x8000000000000000, %%rax\n\tpush %%rax\n\tret")
TRY(wild_stack, "movabs $0x8000000000000000, %%rsp\n\t" CALL "push %%rax")
TRY(kernel_iret, "push $0x10\n\tpush %%rsp\n\tpushfq\n\tpush $0x08\n\tpush $-4096\n\tiretq")
TRY(wild_iret, "mov %%rsp, %%rax\n\tpush $0x1b\n\tpush %%rax\n\tpushfq\n\tpush $0x23\n\t"
	       "movabs $0x8000000000000000, %%rax\n\tpush %%rax\n\tiretq")
TRY(far_return, "push $0x08\n\tpush $-4096\n\tlretq")
TRY(wrfsbase, "mov $-4096, %%rax\n\twrfsbase %%rax")
#else
TRY(into, "mov $0x7fffffff, %%eax\n\tadd $1, %%eax\n\tinto")
TRY(bound, ".byte 0x62, 0x04, 0x24")
TRY(kernel_iret, "push $0x10\n\tpush %%esp\n\tpushfl\n\tpush $0x08\n\tpush $-4096\n\tiretl")
TRY(v86_iret, "push $0\n\tpush $0\n\tpush $0\n\tpush $0\n\tpush $0\n\tpush $0\n\t"
	      "push $0x20202\n\tpush $0\n\tpush $0\n\tiretl")
TRY(v86_iret_cs_3, "push $0\n\tpush $0\n\tpush $0\n\tpush $0\n\tpush $0\n\tpush $0\n\t"
		   "push $0x20202\n\tpush $3\n\tpush $0\n\tiretl")
TRY(far_return, "push $0x08\n\tpush $-4096\n\tlretl")
TRY(far_call, "lcall $0x28, $0")
TRY(double_task, "ljmp $0x30, $0")
#endif

static void (*const tries[])(void *) = {
	try_cli,
	try_hlt,
	try_in,
	try_out,
	try_read_cr0,
	try_write_cr3,
	try_write_dr7,
	try_rdmsr,
	try_wrmsr,
	try_lgdt,
	try_sgdt,
	try_ltr,
	try_lldt,
	try_invd,
	try_invlpg,
	try_clts,
	try_int3,
	try_icebp,
	try_int_divide,
	try_int_nmi,
	try_int_overflow,
	try_int_double,
	try_int_fault,
	try_int_timer,
	try_int_80,
	try_int_ff,
	try_ud2,
	try_divide,
	try_sysenter,
	try_syscall_,
	try_sysexit,
	try_swapgs,
	try_rdpmc,
	try_xsetbv,
	try_null_ss,
	try_kernel_ds,
	try_tss_gs,
	try_ldt_fs,
	try_null_segments,
	try_null_fs_gs,
	try_stack_segment_step,
	try_stack_segment_int3,
	try_step,
	try_nested_task,
	try_nested_iret,
	try_alignment,
	try_direction,
	try_io_level,
	try_no_stack,
	try_kernel_stack,
	try_kernel_jump,
	try_zero_jump,
	try_kernel_iret,
	try_far_return,
#ifdef __x86_64__
	try_wild_jump,
	try_wild_return,
	try_wild_stack,
	try_wild_iret,
	try_wrfsbase,
#else
	try_into,
	try_bound,
	try_v86_iret,
	try_v86_iret_cs_3,
	try_far_call,
	try_double_task,
#endif
};
enum { N_TRIES = sizeof tries / sizeof *tries };

/* The child ends, by itself or by a signal; the parent's registers are as they were. */
static void survive(void (*f)(void *), int handled)
{
	volatile double before = 1.0 / 3;
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		alarm(5);
		if (handled)
			signal(SIGTRAP, SIG_IGN);
		f(NULL);
		_exit(0);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(before == 1.0 / 3);
	CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM);
}

TEST("no instruction hurts the kernel")
{
	for (int i = 0; i < N_TRIES; i++)
		survive(tries[i], 0);
}

static volatile sig_atomic_t steps;

static void on_step(int sig)
{
	(void)sig;
	steps++;
}

/* Every instruction traps, system calls among them. */
TEST("stepping through system calls")
{
	signal(SIGTRAP, on_step);
	try_step(NULL);
	signal(SIGTRAP, SIG_DFL);
	CHECK(steps >= 4 && steps < 40);
}

/* ---- frames that sigreturn is asked to take ------------------------------------------------ */

static unsigned seed;

static unsigned chance(void)
{
	seed = seed * 1103515245 + 12345;
	return seed >> 8;
}

static unsigned long odd_word(void)
{
	switch (chance() % 6) {
	case 0:
		return 0;
	case 1:
		return ~0ul << chance() % (8 * sizeof(long));
	case 2:
		return 1ul << chance() % (8 * sizeof(long));
	case 3:
		return chance() % 128; /* a selector */
	case 4:
		return (unsigned long)&seed;
	}
	return chance() * 0x10001ul;
}

static void spoil(int sig, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	unsigned long *regs = (unsigned long *)&u->uc_mcontext.gregs;
	size_t n = sizeof u->uc_mcontext.gregs / sizeof *regs;

	(void)sig, (void)info;
	for (int i = chance() % 4; i > 0; i--)
		regs[chance() % n] = odd_word();
	if (chance() % 3 == 0)
		u->uc_mcontext.fpregs = (void *)odd_word();
	else if (chance() % 2)
		for (int i = 0; i < 8; i++)
			((unsigned *)u->uc_mcontext.fpregs)[chance() % 128] = (unsigned)odd_word();
	if (chance() % 4 == 0)
		((unsigned long *)u)[chance() % (sizeof *u / sizeof(long))] = odd_word();
}

static void take_odd_frames(void *unused)
{
	struct sigaction act = { .sa_sigaction = spoil, .sa_flags = SA_SIGINFO };
	struct itimerval often = { { 0, 1000 }, { 0, 1000 } };

	(void)unused;
	sigaction(SIGUSR1, &act, NULL);
	signal(SIGALRM, SIG_DFL);
	setitimer(ITIMER_VIRTUAL, &often, NULL);
	for (int i = 0; i < 20; i++)
		raise(SIGUSR1);
}

/* An x87 exception waits for the next instruction of its own program, through any switch. */
static void leave_exception_pending(void *unused)
{
	static const uint16_t divide_unmasked = 0x37b;
	uint16_t status;

	(void)unused;
	__asm__ volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp" : : "m"(divide_unmasked));
	for (int i = 0; i < 20; i++)
		sched_yield();
	__asm__ volatile("fnstsw %0" : "=m"(status));
	CHECK_EQ(status & 4, 4);
	__asm__ volatile("fnclex\n\tfninit");
}

TEST("an x87 exception that is pending stays with its program")
{
	pid_t other = fork();

	if (other == 0)
		for (;;) {
			__asm__ volatile("fninit\n\tfld1\n\tfstp %%st(0)" ::: "memory");
			sched_yield();
		}
	NEED(other > 0);
	CHECK_EQ(in_child(leave_exception_pending, NULL), 0);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

TEST("frames that a handler has spoilt hurt only itself")
{
	unsigned first = (unsigned)time(NULL);

	printf("# seed %u\n", first);
	for (unsigned i = 0; i < 300; i++) {
		int status;
		pid_t pid;

		seed = first + i * 7919;
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			alarm(1);
			take_odd_frames(NULL);
			_exit(0);
		}
		NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	}
}

/* ---- segments and the FPU are each process's own --------------------------------------------- */

static void zero_segments(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
#ifdef __x86_64__
		/* Without a library call: it would look for its thread through fs. */
		long ret;

		__asm__ volatile("mov %1, %%fs\n\tmov %1, %%gs\n\tsyscall"
				 : "=a"(ret)
				 : "r"(0), "a"(SYS_sched_yield)
				 : "rcx", "r11", "memory");
#else
		sched_yield();
#endif
	}
#ifdef __x86_64__
	__asm__ volatile("syscall" : : "a"(SYS_exit), "D"(0) : "memory");
#endif
}

TEST("a program that clears its segments clears nobody else's")
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		zero_segments(NULL);
		_exit(0);
	}
	for (int i = 0; i < 200; i++) {
		errno = i; /* through the thread's segment */
		sched_yield();
		CHECK(errno == i);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}
