/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_ldt.c - the segments of a program's table (modify_ldt); that they survive switches and
 * signals, and that bad ones hurt nobody.
 */
#include "segment.h"
#include <sched.h>
#include <ucontext.h>

/* modify_ldt answers an int: the upper half of the register is zero. */
static int modify_ldt(int what, void *p, unsigned long n)
{
	return (int)raw(SYS_modify_ldt, what, p, n, 0);
}

enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11 };

#define SELECTOR(entry) ((entry) << 3 | 7)

/* ---- a program's table ---------------------------------------------------------------------- */

TEST("modify_ldt: nothing at first; as long as the highest entry")
{
	struct user_desc d = data_segment(3, (void *)0x12345678);
	uint64_t table[8];

	memset(table, 0xaa, sizeof table);
	CHECK_EQ(modify_ldt(READ, table, sizeof table), 0);
	CHECK_EQ(table[0], 0xaaaaaaaaaaaaaaaa);
	d.limit = 0xabcde;
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), 0);
	CHECK_EQ(modify_ldt(READ, table, sizeof table), sizeof table);
	CHECK_EQ(table[0], 0);
	CHECK_EQ(table[2], 0);
	CHECK_EQ(table[3], 0x12daf3345678bcde);
	CHECK_EQ(table[4], 0);
	CHECK_EQ(modify_ldt(READ, table, 7), 7);
	CHECK_EQ(modify_ldt(READ, fresh(20 * PAGE), 20 * PAGE), LDT_ENTRIES * 8);
	CHECK_EQ(modify_ldt(READ, (void *)8, 8), -EFAULT);
	CHECK_EQ(modify_ldt(READ_DEFAULT, table, 4), 4);
	CHECK_EQ(raw(SYS_modify_ldt, 99, table, 4, 0) & 0xffffffff, -ENOSYS & 0xffffffff);
	CHECK_EQ(modify_ldt(-1, table, 4), -ENOSYS);

	/* Cleared by either form. */
	d = (struct user_desc){ .entry_number = 3, .read_exec_only = 1, .seg_not_present = 1 };
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), 0);
	CHECK_EQ(modify_ldt(READ, table, sizeof table), sizeof table);
	CHECK_EQ(table[3], 0);
	d = data_segment(3, (void *)0x1000);
	CHECK_EQ(modify_ldt(WRITE_OLD, &d, sizeof d), 0);
	CHECK_EQ(modify_ldt(READ, table, sizeof table), sizeof table);
	CHECK_EQ(table[3] >> 52 & 1, 0); /* `useable` is of the new form */
	d.base_addr = d.limit = 0;
	CHECK_EQ(modify_ldt(WRITE_OLD, &d, sizeof d), 0);
	CHECK_EQ(modify_ldt(READ, table, sizeof table), sizeof table);
	CHECK_EQ(table[3], 0);
}

TEST("modify_ldt: what is refused")
{
	struct user_desc d = data_segment(0, NULL);

	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d - 1), -EINVAL);
	CHECK_EQ(modify_ldt(WRITE, (void *)8, sizeof d), -EFAULT);
	CHECK_EQ(modify_ldt(WRITE, (void *)8, 1), -EINVAL);
	d.entry_number = LDT_ENTRIES;
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), -EINVAL);
	d.entry_number = 0;
	d.contents = 3; /* conforming code, unless it is absent */
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), -EINVAL);
	d.seg_not_present = 1;
	CHECK_EQ(modify_ldt(WRITE_OLD, &d, sizeof d), -EINVAL);
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), 0);
	d = data_segment(LDT_ENTRIES - 1, NULL);
	CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), 0);
	d.seg_32bit = 0;
	if (on_quire())
		CHECK_EQ(modify_ldt(WRITE, &d, sizeof d), -EINVAL);
}

static volatile sig_atomic_t seen_in_handler;

static void on_usr1(int sig)
{
	seen_in_handler = (sig_atomic_t)sig;
}

TEST("modify_ldt: a segment survives switches and signals")
{
	unsigned *words = low_memory();
	struct user_desc d = data_segment(5, words + 2);

	words[2] = 4711;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	load_ours(SELECTOR(5));
	CHECK_EQ(word_of_ours(), 4711);
	pause_ms(5);
	CHECK_EQ(selector_of_ours(), SELECTOR(5));
	CHECK_EQ(word_of_ours(), 4711);
	signal(SIGUSR1, on_usr1);
	raise(SIGUSR1);
	CHECK_EQ(seen_in_handler, SIGUSR1);
	CHECK_EQ(selector_of_ours(), SELECTOR(5));
	CHECK_EQ(word_of_ours(), 4711);
	load_ours(0);
}

struct neighbour {
	struct thread thread;
	volatile unsigned value;
};

static int read_neighbour(void *p)
{
	struct neighbour *n = p;

	load_ours(SELECTOR(2));
	raw(SYS_sched_yield, 0, 0, 0, 0);
	n->value = word_of_ours();
	load_ours(0);
	return 0;
}

static void check_copy(void *p)
{
	unsigned *words = p;
	struct user_desc d = data_segment(2, words + 1);

	load_ours(SELECTOR(2));
	CHECK_EQ(word_of_ours(), 1);
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0); /* of the child alone */
	load_ours(SELECTOR(2));
	CHECK_EQ(word_of_ours(), 2);
}

TEST("modify_ldt: threads share the table, a forked child has a copy")
{
	unsigned *words = low_memory();
	struct user_desc d = data_segment(2, words);
	static struct neighbour n;

	words[0] = 1;
	words[1] = 2;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	thread_start(&n.thread, read_neighbour, &n);
	thread_join(&n.thread);
	CHECK_EQ(n.value, 1);
	CHECK_EQ(in_child(check_copy, words), 0);
	load_ours(SELECTOR(2));
	CHECK_EQ(word_of_ours(), 1);
	load_ours(0);
}

static int ldt_length(void)
{
	uint64_t word;

	return modify_ldt(READ, &word, sizeof word);
}

ROLE(ldt)
{
	(void)argc, (void)argv, (void)envp;
	return ldt_length() == 0 && selector_of_ours() == 0 ? 42 : 1;
}

static void exec_ldt(void *p)
{
	struct user_desc d = data_segment(2, low_memory());

	(void)p;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	load_ours(SELECTOR(2));
	execl(self_path, "utest", "role-ldt", NULL);
}

TEST("modify_ldt: a new program has none")
{
	CHECK_EQ(in_child(exec_ldt, NULL), 42 << 8);
}

/* ---- segments that do harm ------------------------------------------------------------------- */

static void load_bad(void *p)
{
	load_ours((unsigned)(uintptr_t)p);
}

TEST("segments: a bad selector is the program's own fault")
{
	struct user_desc d = data_segment(1, NULL);

	d.seg_not_present = 1;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	CHECK_EQ(in_child(load_bad, (void *)SELECTOR(1)) & 127, SIGBUS);
	CHECK_EQ(in_child(load_bad, (void *)SELECTOR(9)) & 127, SIGSEGV);
	CHECK_EQ(in_child(load_bad, (void *)0xfffful) & 127, SIGSEGV);
	CHECK_EQ(in_child(load_bad, (void *)0x13ul) & 127, SIGSEGV);
}

static unsigned bad_cs, bad_ss;

static void on_usr2(int sig, siginfo_t *info, void *p)
{
	ucontext_t *uc = p;

	(void)sig, (void)info;
#ifdef __x86_64__
	if (bad_cs)
		uc->uc_mcontext.gregs[REG_CSGSFS] =
		    (long)(((uint64_t)uc->uc_mcontext.gregs[REG_CSGSFS] & ~0xffffull) | bad_cs);
	if (bad_ss)
		uc->uc_mcontext.gregs[REG_CSGSFS] =
		    (long)(((uint64_t)uc->uc_mcontext.gregs[REG_CSGSFS] & ~(0xffffull << 48)) |
			   (uint64_t)bad_ss << 48);
#else
	if (bad_cs)
		uc->uc_mcontext.gregs[REG_CS] = (int)bad_cs;
	if (bad_ss)
		uc->uc_mcontext.gregs[REG_SS] = (int)bad_ss;
#endif
}

static void return_badly(void *p)
{
	struct sigaction a = { .sa_sigaction = on_usr2, .sa_flags = SA_SIGINFO };
	stack_t alternate = { .ss_sp = fresh(64 * KiB), .ss_size = 64 * KiB };

	(void)p;
	sigaltstack(&alternate, NULL);
	sigaction(SIGUSR2, &a, NULL);
	raise(SIGUSR2);
}

static int end_of(unsigned cs, unsigned ss)
{
	bad_cs = cs;
	bad_ss = ss;
	return in_child(return_badly, NULL) & 127;
}

TEST("segments: sigreturn to one that cannot be loaded ends in a signal")
{
	struct user_desc d = data_segment(1, NULL);

	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	d.entry_number = 2;
	d.seg_not_present = 1;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	d = data_segment(3, NULL);
	d.read_exec_only = 1;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);

	CHECK(end_of(SELECTOR(1), 0) != 0); /* data */
	CHECK(end_of(SELECTOR(2), 0) != 0);
	CHECK(end_of(SELECTOR(100), 0) != 0);
	CHECK(end_of(8, 0) != 0); /* the kernel's, with whatever is there */
	CHECK(end_of(0x10, 0) != 0);
	CHECK(end_of(0xfff8, 0) != 0);
	CHECK(end_of(0, SELECTOR(2)) != 0);
	CHECK(end_of(0, SELECTOR(3)) != 0); /* not writable */
	CHECK(end_of(0, SELECTOR(100)) != 0);
	CHECK(end_of(0, 0x10) != 0);
	CHECK_EQ(end_of(0, SELECTOR(1)), 0);
}

/* Far calls to 32-bit code of one's own. */
struct far {
	unsigned offset;
	unsigned short selector;
} __attribute__((packed));

static void call_far(struct far *far)
{
#ifdef __x86_64__
	/* The stack has to be one that 32 bits reach. */
	uintptr_t stack = (uintptr_t)low_memory_at + 4 * PAGE;

	__asm__ volatile("mov %%rsp, %%rbx\n\tmov %%ds, %%r12d\n\tmov %1, %%rsp\n\t"
			 "mov %w2, %%ds\n\tlcall *(%0)\n\tmov %%r12d, %%ds\n\tmov %%rbx, %%rsp"
			 : "+a"(far)
			 : "c"(stack), "d"(SELECTOR(5))
			 : "rbx", "r12", "memory");
#else
	__asm__ volatile("mov %%ds, %%ebx\n\tmov %w1, %%ds\n\tlcall *(%0)\n\tmov %%ebx, %%ds"
			 : "+a"(far)
			 : "d"(SELECTOR(5))
			 : "ebx", "memory");
#endif
}

static void call_far_alone(void *far)
{
	call_far(far);
}

TEST("segments: code of a table entry runs, and comes back")
{
	unsigned *words = low_memory();
	unsigned char *code = (unsigned char *)words + PAGE;
	struct user_desc d = data_segment(4, NULL);
	/* movl $77, %ds:(0x20000000); lret */
	static const unsigned char text[] = { 0xc7, 0x05, 0, 0, 0, 0x20, 77, 0, 0, 0, 0xcb };
	/* mov $20, %eax; syscall; lret: a way in that 64-bit kernels have to shut or to serve */
	static const unsigned char enters[] = { 0xb8, 20, 0, 0, 0, 0x0f, 0x05, 0xcb };
	struct far *far = (struct far *)((char *)words + 2 * PAGE);

	memcpy(code, text, sizeof text);
	memcpy(code + 64, enters, sizeof enters);
	NEED(mprotect(code, PAGE, PROT_READ | PROT_EXEC) == 0);
	d.contents = MODIFY_LDT_CONTENTS_CODE;
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	d = data_segment(5, NULL);
	NEED(modify_ldt(WRITE, &d, sizeof d) == 0);
	*far = (struct far){ (unsigned)(uintptr_t)code, SELECTOR(4) };
	call_far(far);
	CHECK_EQ(words[0], 77);
	far->offset += 64;
	(void)in_child(call_far_alone, far); /* however it ends */
}
