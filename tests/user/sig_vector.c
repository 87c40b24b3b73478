/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sig_vector.c - the wide registers, where the CPU has them: they are a task's own over switches,
 * fork, exec and signals; the frame of a handler says what it holds, and a changed or hostile one
 * does what Linux does.
 */
#include "user.h"
#include "thread.h"
#include <cpuid.h>
#include <sched.h>
#include <sys/auxv.h>
#include <ucontext.h>

#define SOFTWARE 464
#define HEADER   512
#define YMM      576
#define MAGIC1   0x46505853u
#define MAGIC2   0x46505845u

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

static uint64_t parts(void)
{
	unsigned a, b, c, d;

	if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
		return 0;
	__asm__("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
	return (uint64_t)d << 32 | a;
}

static void need_avx(void)
{
	if (!(parts() & 4))
		skip("no AVX");
}

/* Registers 0 to 7, which both word sizes have, of 32 bytes. */
typedef unsigned char file[8][32];

#define EACH(what) what(0) what(1) what(2) what(3) what(4) what(5) what(6) what(7)
#define LOAD(n)    "vmovdqu 32*" #n "(%0), %%ymm" #n "\n\t"
#define STORE(n)   "vmovdqu %%ymm" #n ", 32*" #n "(%1)\n\t"
#ifdef __SSE__
#define WIDE "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
#else
#define WIDE
#endif
/* Load the registers, do something, store them. */
#define AROUND(from, to, what, ...)                               \
	__asm__ volatile(EACH(LOAD) what EACH(STORE) "vzeroupper" \
			 :                                        \
			 : "r"(from), "r"(to)                     \
			 : WIDE "eax", "memory", ##__VA_ARGS__)

static void fill(file f, unsigned char seed)
{
	for (unsigned i = 0; i < sizeof(file); i++)
		f[0][i] = (unsigned char)(seed + 7 * i + i / 32);
}

static volatile sig_atomic_t hits;
static unsigned char *state; /* of the frame that the handler saw */
static void (*change)(void);
static unsigned sw(unsigned at)
{
	unsigned v;

	memcpy(&v, state + SOFTWARE + at, sizeof(v));
	return v;
}

static void set(unsigned at, const void *bytes, size_t n)
{
	memcpy(state + at, bytes, n);
}

static void spoil(void)
{
	static const file ones = { { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff } };

	__asm__ volatile(EACH(LOAD) "fninit\n\tfldz" : : "r"(ones) : WIDE "memory");
}

static void over_ud2(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	hits++;
	state = (void *)uc->uc_mcontext.fpregs;
#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RIP] += 2;
#else
	uc->uc_mcontext.gregs[REG_EIP] += 2;
	state += 112;
#endif
	CHECK(uc->uc_flags & 1); /* UC_FP_XSTATE */
	if (change)
		change();
	spoil();
}

static void on_ud2(void (*what)(void))
{
	struct sigaction act = { .sa_sigaction = over_ud2, .sa_flags = SA_SIGINFO };

	change = what;
	NEED(sigaction(SIGILL, &act, NULL) == 0);
}

TEST("the wide registers are each process's own, over switches and fork")
{
	need_avx();
	for (int k = 0; k < 3; k++)
		if (fork() == 0) {
			file set, got;

			fill(set, (unsigned char)(17 * k));
			for (int i = 0; i < 2000; i++) {
				AROUND(set, got, "mov $5000, %%eax\n1: dec %%eax\n\tjnz 1b\n\t",
				       "cc");
				if (memcmp(set, got, sizeof(set)))
					_exit(1);
				if (i % 16 == 0)
					sched_yield();
			}
			_exit(0);
		}
	for (int k = 0, status; k < 3; k++) {
		wait(&status);
		CHECK_EQ(status, 0);
	}
}

#ifdef __x86_64__
#define FORK  "mov $57, %%eax\n\tsyscall\n\t"
#define YIELD "mov $24, %%eax\n\tsyscall\n\t"
#define GONE  "rcx", "r11", "cc"
#else
#define FORK  "mov $2, %%eax\n\tint $0x80\n\t"
#define YIELD "mov $158, %%eax\n\tint $0x80\n\t"
#define GONE  "cc"
#endif

TEST("a child has its parent's wide registers, and both keep them over calls")
{
	file a, got;
	int who = -1, status = -1;

	need_avx();
	fill(a, 3);
	__asm__ volatile(EACH(LOAD) FORK "mov %%eax, %2\n\t" YIELD EACH(STORE) "vzeroupper"
			 :
			 : "r"(a), "r"(got), "m"(who)
			 : WIDE "eax", "memory", GONE);
	if (who == 0)
		_exit(memcmp(a, got, sizeof(a)) != 0);
	NEED(who > 0);
	CHECK(!memcmp(a, got, sizeof(a)));
	CHECK(waitpid(who, &status, 0) == who);
	CHECK_EQ(status, 0);
}

ROLE(fresh_registers)
{
	static file got;
	unsigned char any = 0;

	(void)argc, (void)argv, (void)envp;
	/* The C library has run before, and leaves the upper halves as they began. */
	__asm__ volatile(EACH(STORE) : : "r"(got), "r"(got) : "memory");
	for (unsigned i = 0; i < 8; i++)
		for (unsigned k = 16; k < 32; k++)
			any |= got[i][k];
	return any != 0;
}

static void exec_full(void *unused)
{
	char *argv[] = { "utest", "role-fresh_registers", NULL };
	file a;

	(void)unused;
	fill(a, 9);
	__asm__ volatile(EACH(LOAD) : : "r"(a) : WIDE "memory");
	execv(self_path, argv);
	_exit(9);
}

TEST("exec begins with clear registers")
{
	need_avx();
	CHECK_EQ(in_child(exec_full, NULL), 0);
}

static void look(void)
{
	static const unsigned char zero[16];
	static file now;
	uint64_t bits;
	unsigned magic2;

	__asm__ volatile(EACH(STORE) : : "r"(now), "r"(now) : "memory");
	for (unsigned k = 0; k < 8; k++)
		CHECK(!memcmp(now[k] + 16, zero, 16)); /* a handler begins afresh */

	CHECK_EQ((uintptr_t)state % 64, 0);
	CHECK_EQ(sw(0), MAGIC1);
	CHECK_EQ(sw(4), sw(16) + 4 + (sizeof(long) == 4 ? 112 : 0));
	CHECK((sw(8) & 7) == 7 && !(sw(8) & ~(unsigned)parts()));
	CHECK(sw(16) >= YMM + 256);
	for (unsigned i = 20; i < 48; i += 4)
		CHECK_EQ(sw(i), 0);
	memcpy(&bits, state + HEADER, sizeof(bits));
	CHECK((bits & 7) == 7 && !(bits & ~parts()));
	for (unsigned i = 8; i < 64; i++)
		CHECK_EQ(state[HEADER + i], 0);
	memcpy(&magic2, state + sw(16), sizeof(magic2));
	CHECK_EQ(magic2, MAGIC2);
	for (unsigned k = 0; k < 8; k++)
		for (unsigned i = 0; i < 16; i++)
			CHECK_EQ(state[YMM + 16 * k + i],
				 (unsigned char)(5 + 7 * (32 * k + 16 + i) + k));
}

TEST("the frame of a handler holds them as Linux lays them out, and they come back")
{
	file a, got;

	need_avx();
	on_ud2(look);
	fill(a, 5);
	AROUND(a, got, "ud2\n\t");
	CHECK_EQ(hits, 1);
	CHECK(!memcmp(a, got, sizeof(a)));
}

static file wanted;

static void put_other(void)
{
	for (unsigned k = 0; k < 8; k++) {
		set(160 + 16 * k, wanted[k], 16);
		set(YMM + 16 * k, wanted[k] + 16, 16);
	}
}

static void no_upper(void)
{
	state[HEADER] &= (unsigned char)~4u;
}

static void not_asked_for(void)
{
	set(SOFTWARE + 8, &(uint64_t){ 3 }, 8);
}

static void no_magic(void)
{
	set(SOFTWARE, &(unsigned){ 0 }, 4);
}

static void no_second_magic(void)
{
	unsigned at = sw(16);

	set(at, &(unsigned){ 0x12345678 }, 4);
}

static void size_too_small(void)
{
	set(SOFTWARE + 16, &(unsigned){ YMM - 8 }, 4);
}

static void size_too_large(void)
{
	set(SOFTWARE + 16, &(unsigned){ sw(16) + 4096 }, 4);
}

static void size_beyond_the_whole(void)
{
	set(SOFTWARE + 4, &(unsigned){ sw(16) - 1 }, 4);
}

static void unknown_parts_asked_for(void)
{
	set(SOFTWARE + 8, &(uint64_t){ UINT64_MAX }, 8);
}

TEST("what a handler writes into the frame is what comes back")
{
	file a, got;

	need_avx();
	on_ud2(put_other);
	fill(a, 5);
	fill(wanted, 99);
	AROUND(a, got, "ud2\n\t");
	CHECK(!memcmp(wanted, got, sizeof(got)));
}

TEST("parts that a frame does not have or claim are as they begin; what it claims too much is not "
     "there")
{
	static void (*const without[])(void) = {
		no_upper,       not_asked_for,        no_magic, no_second_magic, size_too_small,
		size_too_large, size_beyond_the_whole
	};
	file a, got;

	need_avx();
	for (unsigned i = 0; i < sizeof(without) / sizeof(*without); i++) {
		static const unsigned char zero[16];

		on_ud2(without[i]);
		fill(a, (unsigned char)i);
		AROUND(a, got, "ud2\n\t");
		for (unsigned k = 0; k < 8; k++) {
			CHECK(!memcmp(a[k], got[k], 16));
			CHECK(!memcmp(zero, got[k] + 16, 16));
		}
	}
	on_ud2(unknown_parts_asked_for);
	AROUND(a, got, "ud2\n\t");
	CHECK(!memcmp(a, got, sizeof(a)));
}

static void unknown_part(void)
{
	state[HEADER + 7] |= 0x40;
}

static void part_not_turned_on(void)
{
	state[HEADER + 1] |= 1; /* supervisor state */
}

static void compacted(void)
{
	state[HEADER + 15] = 0x80;
	state[HEADER + 8] = 0xff; /* and parts that nobody has */
	state[HEADER + 9] = 0xff;
}

static void reserved_bytes(void)
{
	state[HEADER + 17] = 1;
}

static void reserved_mxcsr(void)
{
	state[26] |= 0x10;
}

static ucontext_t *uc_of_frame;

static void move_state(void *to)
{
	uc_of_frame->uc_mcontext.fpregs = to;
}

static void lift(int sig, siginfo_t *info, void *context)
{
	uc_of_frame = context;
	over_ud2(sig, info, context);
}

#define FRONT (sizeof(long) == 4 ? 112 : 0)

/* The whole state at `at`, which need not be a good place. */
static void copy_state(unsigned char *at)
{
	memcpy(at, state - FRONT, FRONT + sw(16) + 4);
	move_state(at);
}

static void misaligned(void)
{
	copy_state((unsigned char *)fresh(4 * PAGE) + 192 - FRONT + 8);
}

static void in_the_kernel(void)
{
	move_state((void *)(uintptr_t) - (8 * PAGE));
}

static void unmapped(void)
{
	char *p = fresh(PAGE);

	munmap(p, PAGE);
	move_state(p);
}

/* fxsave's part is there, the page with the rest is not. */
static void half_unmapped(void)
{
	char *p = fresh(2 * PAGE);

	munmap(p + PAGE, PAGE);
	memcpy(p + PAGE - HEADER - FRONT, state - FRONT, FRONT + HEADER);
	move_state(p + PAGE - HEADER - FRONT);
}

static void return_with(void *how)
{
	struct sigaction act = { .sa_sigaction = lift, .sa_flags = SA_SIGINFO };
	static file a, got;

	change = *(void (**)(void))how;
	sigaction(SIGILL, &act, NULL);
	AROUND(a, got, "ud2\n\t");
	_exit(0);
}

TEST("a frame that the CPU would not take ends the program, not the kernel")
{
	static void (*const hostile[])(void) = { unknown_part,   part_not_turned_on, compacted,
						 reserved_bytes, reserved_mxcsr,     in_the_kernel,
						 unmapped,       half_unmapped };

	need_avx();
	for (unsigned i = 0; i < sizeof(hostile) / sizeof(*hostile); i++) {
		void (*f)(void) = hostile[i];
		int status = in_child(return_with, &f);

		CHECK(WIFSIGNALED(status));
		CHECK_EQ(WTERMSIG(status), SIGSEGV);
	}
}

TEST("a state that is not aligned is refused where the CPU reads it itself")
{
	void (*f)(void) = misaligned;

	need_avx();
	if (sizeof(long) == 8)
		CHECK_EQ(WTERMSIG(in_child(return_with, &f)), SIGSEGV);
	else
		CHECK_EQ(in_child(return_with, &f), 0);
}

static void copied(void)
{
	copy_state((unsigned char *)fresh(4 * PAGE) + 64 * 3 - FRONT);
}

static void across_pages(void)
{
	copy_state((unsigned char *)fresh(4 * PAGE) + PAGE - 576 - FRONT);
}

static void legacy_at_the_end(void)
{
	char *p = fresh(2 * PAGE);

	munmap(p + PAGE, PAGE);
	no_magic();
	memcpy(p + PAGE - HEADER - FRONT, state - FRONT, FRONT + HEADER);
	move_state(p + PAGE - HEADER - FRONT);
}

static void none(void)
{
	move_state(NULL);
}

TEST("the state may lie anywhere, be fxsave's alone, or not be there")
{
	static void (*const good[])(void) = { copied, across_pages, legacy_at_the_end, none };

	need_avx();
	for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
		void (*f)(void) = good[i];

		CHECK_EQ(in_child(return_with, &f), 0);
	}
}

TEST("AT_MINSIGSTKSZ has room for the frame; a smaller alternate stack is refused when it is used")
{
	unsigned long least = getauxval(AT_MINSIGSTKSZ);
	unsigned a, b = 512, c, d;

	if (!least)
		skip("not in the auxiliary vector");
	if (parts())
		__cpuid_count(0xd, 0, a, b, c, d);
	CHECK(least > b + 440 && least < b + 12 * KiB && least % 16 == 0);
	CHECK(sigaltstack(&(stack_t){ .ss_sp = fresh(PAGE), .ss_size = 2048 }, NULL) == 0);
	CHECK_ERR(sigaltstack(&(stack_t){ .ss_sp = fresh(PAGE), .ss_size = 2047 }, NULL), ENOMEM);
}

static char *full;

/* Each frame takes some more of the stack, and none may lie below it. */
static void nested(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info;
	if ((char *)context < full)
		_exit(8);
	raise(SIGUSR1);
}

static void overflow(void *unused)
{
	struct sigaction act = { .sa_sigaction = nested,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER };

	(void)unused;
	full = fresh(16 * PAGE) + 12 * PAGE;
	sigaltstack(&(stack_t){ .ss_sp = full, .ss_size = 4 * PAGE }, NULL);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
}

TEST("an alternate stack that is full is not overrun")
{
	int status = in_child(overflow, NULL);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

TEST("arch_prctl tells the parts that there are, and gives no others")
{
	uint64_t all = 0, mine = 0;

	if (!parts())
		skip("no XSAVE");
	CHECK(syscall(SYS_arch_prctl, 0x1021, &all) == 0 && (all & parts()) == (parts() & all));
	CHECK(syscall(SYS_arch_prctl, 0x1022, &mine) == 0 && (mine & 3) == 3);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1023, 2), EOPNOTSUPP);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1023, 77), EINVAL);
	CHECK_ERR(syscall(SYS_arch_prctl, 0x1021, (void *)-4096l), EFAULT);
}

/* ---- what the kernel copies by wide registers ---------------------------------------------- */

static char *source, *target;
static int file_of_tests, sides[2];

static void open_all(void)
{
	file_of_tests = open("f", O_RDWR | O_CREAT, 0600);
	source = fresh(4 * PAGE);
	target = fresh(5 * PAGE);
	munmap(target + 4 * PAGE, PAGE);
	NEED(file_of_tests >= 0 && pipe(sides) == 0);
	for (unsigned i = 0; i < 4 * PAGE; i++)
		source[i] = (char)(i * 7 + i / 256);
	NEED(pwrite(file_of_tests, source, 4 * PAGE, 0) == 4 * PAGE);
}

/* All that moves much at once; each gets memory that was never touched as well. */
static void move_much(void)
{
	char *untouched = fresh(64 * PAGE);

	raw(SYS_lseek, file_of_tests, 0, 0, 0);
	raw(SYS_read, file_of_tests, (long)target, 4 * PAGE - 5, 0);
	raw(SYS_read, file_of_tests, (long)untouched, 3 * PAGE, 0);
	raw(SYS_write, sides[1], (long)source + 3, 4 * PAGE - 10, 0);
	raw(SYS_read, sides[0], (long)untouched + 20 * PAGE + 1, 4 * PAGE - 10, 0);
	for (unsigned i = 30; i < 64; i++)
		((volatile char *)untouched)[i * PAGE] = 1;
	munmap(untouched, 64 * PAGE);
}

TEST("large copies and new pages leave the wide registers alone")
{
	file a, got;
	int child, status;

	need_avx();
	open_all();
	move_much();
	fill(a, 77);
	for (unsigned i = 0; i < 20; i++) {
		child = fork(); /* copy-on-write too */
		__asm__ volatile(EACH(LOAD) : : "r"(a) : "memory");
		move_much();
		((volatile char *)source)[2 * PAGE] = 3;
		__asm__ volatile(EACH(STORE) "vzeroupper" : : "r"(a), "r"(got) : "memory");
		/* The compiler may have used the lower halves of some. */
		for (unsigned k = 0; k < 8; k++)
			CHECK(!memcmp(a[k] + 16, got[k] + 16, 16));
		if (child == 0)
			_exit(0);
		waitpid(child, &status, 0);
	}
}

TEST("what a large copy has done when memory ends is told to the byte")
{
	open_all();
	for (unsigned k = 1; k < 4 * PAGE; k += k < 300 || k % PAGE > PAGE - 40 ? 1 : 97) {
		long n;

		memset(target + 4 * PAGE - k, 0, k);
		n = pread(file_of_tests, target + 4 * PAGE - k, 4 * PAGE, 0);
		CHECK(n == (long)k || (!on_quire() && n >= (long)(k / PAGE * PAGE)));
		CHECK(n < 0 || !memcmp(target + 4 * PAGE - k, source, (size_t)n));
	}
}
