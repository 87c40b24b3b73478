/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hostile_memory.c - memory that goes away, or was never a program's, while the kernel relies on it:
 * under waiters, lists, stacks, handlers, and its own page of code.
 *
 * Each is tried by a child, which may live or die; the kernel, and this program, go on.
 */
#include "thread.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/time.h>
#include <sys/uio.h>

#define KERNEL_ADDRESS (sizeof(void *) == 8 ? (uintptr_t)-1 << 47 : (uintptr_t)0xc0100000ul)

/* The child ends within ten seconds, by itself or by a signal. */
static int survive(void (*f)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(10);
		f(arg);
		_exit(0);
	}
	NEED(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(!WIFSIGNALED(status) || WTERMSIG(status) != SIGALRM);
	return status;
}

/* ---- under waiters ------------------------------------------------------------------------ */

static volatile unsigned *doomed;

static int wait_there(void *unused)
{
	(void)unused;
	futex(doomed, FUTEX_WAIT, 0, NULL, NULL, 0);
	return 0;
}

static void unmap_under_waiters(void *flags)
{
	struct thread t[8];
	int how = (int)(intptr_t)flags;

	doomed = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 8; i++)
		thread_start(&t[i], wait_there, NULL);
	pause_ms(10);
	munmap((void *)doomed, PAGE);
	futex(doomed, FUTEX_WAKE, 8, NULL, NULL, 0);
	mmap((void *)doomed, PAGE, PROT_READ | PROT_WRITE, how | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	futex(doomed, FUTEX_WAKE, 4, NULL, NULL, 0);
	futex(doomed, FUTEX_REQUEUE, 1, NUMBER(8), doomed + 1, 0);
	munmap((void *)doomed, PAGE);
	_exit(0); /* some wait still */
}

TEST("memory goes from under those who wait for a word of it")
{
	CHECK_EQ(survive(unmap_under_waiters, (void *)MAP_PRIVATE), 0);
	CHECK_EQ(survive(unmap_under_waiters, (void *)MAP_SHARED), 0);
}

/* ---- lists, areas and segments of threads -------------------------------------------------- */

struct robust {
	uintptr_t next;
	long offset;
	uintptr_t pending;
};

static void leave_list(void *list)
{
	syscall(SYS_set_robust_list, list, sizeof(struct robust));
	raw(SYS_exit, 0, 0, 0, 0);
}

TEST("lists of robust locks: circles, ends in nothing, addresses of the kernel")
{
	struct robust *l = (struct robust *)fresh(2 * PAGE), *edge;
	uintptr_t odd[] = { 0, 1, 3, KERNEL_ADDRESS, -1ul, -8ul, (uintptr_t)l, (uintptr_t)l + 4 };
	size_t n = sizeof odd / sizeof *odd;

	for (size_t i = 0; i < n * n; i++) {
		l[0] = (struct robust){ odd[i % n], (long)odd[i / n], odd[(i + i / n) % n] };
		survive(leave_list, l);
	}
	/* A circle that does not come back to its head, and one whose links are all words of locks. */
	l[0] = (struct robust){ (uintptr_t)&l[1], 8, 0 };
	l[1] = (struct robust){ (uintptr_t)&l[2], 8, 0 };
	l[2] = (struct robust){ (uintptr_t)&l[1], 8, 0 };
	survive(leave_list, l);
	edge = (struct robust *)((char *)l + PAGE - 8);
	mprotect((char *)l + PAGE, PAGE, PROT_NONE);
	survive(leave_list, edge);
	for (size_t i = 0; i < n; i++)
		survive(leave_list, (void *)odd[i]);
}

static void nothing(int sig)
{
	(void)sig;
}

/* A handler ends a sequence. */
static void interrupt_soon(void)
{
	struct itimerval soon = { { 0, 20000 }, { 0, 20000 } };

	signal(SIGVTALRM, nothing);
	setitimer(ITIMER_VIRTUAL, &soon, NULL);
}

static void restartable(void *area)
{
	volatile unsigned turns = 0;

	interrupt_soon();
	/* The library has registered its own: give that back first. */
	syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1, 0x53053053);
	syscall(SYS_rseq, area, 32, 0, 0x53053053);
	if (area)
		munmap((void *)((uintptr_t)area & -PAGE), PAGE);
	while (++turns % 30000000)
		;
}

static void jump(void *to)
{
	struct {
		uint32_t version, flags;
		uint64_t start, length, abort;
	} *cs = (void *)fresh(PAGE);
	struct rseq *r = (struct rseq *)((char *)cs + 256);
	volatile unsigned turns = 0;

	interrupt_soon();
	cs->start = 0;
	cs->length = sizeof(void *) == 8 ? 1ull << 47 : 0xc0000000u;
	cs->abort = (uintptr_t)to;
	syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, 32, 1, 0x53053053);
	syscall(SYS_rseq, r, 32, 0, 0x53053053);
	*(volatile uint64_t *)((char *)r + 8) = (uintptr_t)cs;
	while (++turns % 30000000)
		;
}

TEST("restartable sequences: an area that goes away, and places to go on that are nowhere")
{
	char *p = fresh(2 * PAGE);
	uintptr_t odd[] = { 0,
			    1,
			    KERNEL_ADDRESS,
			    -1ul,
			    (uintptr_t)1 << (sizeof(long) * 8 - 1),
			    (uintptr_t)(sizeof(long) == 8 ? 0x800000000000 : 0xc0000000) };

	survive(restartable, p + PAGE);
	survive(restartable, (void *)KERNEL_ADDRESS);
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
		survive(jump, (void *)odd[i]);
}

static void set_tls(void *to)
{
	uintptr_t at = (uintptr_t)to;
#ifdef __x86_64__
	syscall(SYS_arch_prctl, 0x1002, at); /* ARCH_SET_FS */
	syscall(SYS_arch_prctl, 0x1001, at); /* ARCH_SET_GS */
	sched_yield();
	raw(SYS_exit_group, 0, 0, 0, 0);
#else
	struct {
		unsigned entry, base, limit, bits;
	} d = { 14, at, 0xfffff, 0x51 };

	for (unsigned bits = 0; bits < 256; bits++) {
		d.entry = 12 + bits % 4;
		d.bits = bits;
		if (syscall(SYS_set_thread_area, &d) == 0) {
			__asm__ volatile("mov %0, %%fs" ::"r"(d.entry << 3 | 3));
			sched_yield();
			d.bits = 0x28; /* empty: under the selector that is loaded */
			d.base = d.limit = 0;
			syscall(SYS_set_thread_area, &d);
			sched_yield();
			d.base = at;
			d.limit = 0xfffff;
		}
	}
#endif
}

static void tls_by_clone(void *to)
{
	syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, to, to);
}

TEST("the segments of threads: at the kernel's addresses, and at none")
{
	uintptr_t odd[] = { KERNEL_ADDRESS,
			    -1ul,
			    -PAGE,
			    (uintptr_t)1 << (sizeof(long) * 8 - 1),
			    (uintptr_t)(sizeof(long) == 8 ? 0x800000000000 : 0xbffffff0),
			    1 };

	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		survive(set_tls, (void *)odd[i]);
		survive(tls_by_clone, (void *)odd[i]);
	}
}

/* ---- stacks and code ------------------------------------------------------------------------ */

static void without_page(void *unused)
{
	uintptr_t page = getauxval(AT_SYSINFO_EHDR);
	struct sigaction act = { .sa_handler = nothing };
	struct timespec t;

	(void)unused;
	if (!page) { /* the page that handlers return to: by where it is mapped */
		char line[200];
		FILE *f = fopen("/proc/self/maps", "r");

		while (f && fgets(line, sizeof line, f))
			if (strstr(line, "[vdso]") || strstr(line, "[sigpage]"))
				page = strtoul(line, NULL, 16);
	}
	sigaction(SIGUSR1, &act, NULL);
	munmap((void *)page, 2 * PAGE);
	mremap((void *)page, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, fresh(PAGE));
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
	raise(SIGUSR1);
}

static void without_all(void *unused)
{
	(void)unused;
	raw(SYS_munmap, 0, sizeof(void *) == 8 ? 0x7ffffffff000ul : 0xbffff000ul, 0, 0);
	raw(SYS_munmap, PAGE, sizeof(void *) == 8 ? 0x7fffffffe000ul : 0xbfffe000ul, 0, 0);
	raw(SYS_munmap, 0x10000, (sizeof(void *) == 8 ? 0x7ffffffff000ul : 0xbffff000ul) - 0x10000,
	    0, 0);
}

static void bad_stack(void *at)
{
	stack_t s = { .ss_sp = at, .ss_size = 65536 };
	struct sigaction act = { .sa_handler = nothing, .sa_flags = SA_ONSTACK };

	sigaction(SIGSEGV, &act, NULL);
	sigaction(SIGUSR1, &act, NULL);
	sigaltstack(&s, NULL);
	raise(SIGUSR1);
}

TEST("without the kernel's page, without any memory, with stacks that are nowhere")
{
	survive(without_page, NULL);
	survive(without_all, NULL);
	survive(bad_stack, (void *)KERNEL_ADDRESS);
	survive(bad_stack, (void *)-65536l);
	survive(bad_stack, (void *)(KERNEL_ADDRESS - 65536 - 16));
	survive(bad_stack, (void *)8);
	survive(bad_stack, mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

/* A call as the last instruction that there can be: where it returns to is no address. */
TEST("a call at the very end of the addresses")
{
#ifdef __x86_64__
	char *top = (char *)0x7fffffffe000;
	static const char code[] = { (char)0x0f, 0x05 };
#else
	char *top = (char *)(under_64_bits() ? 0xffffd000u : 0xbfffe000u);
	static const char code[] = { (char)0xcd, (char)0x80 };
#endif
	char *p = mmap(top, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	int status;
	pid_t pid;

	if (p != top)
		skip("the last page is not to be had");
	memcpy(p + PAGE - 2, code, 2);
	pid = fork();
	if (pid == 0) {
		__asm__ volatile("jmp *%1" ::"a"(SYS_getpid), "r"(p + PAGE - 2));
		__builtin_unreachable();
	}
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

/* ---- who answers for a page, and cannot ------------------------------------------------------ */

static int watched(char **p, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);

	*p = fresh(4 * PAGE);
	r.range = (struct uffdio_range){ (uintptr_t)*p, 4 * PAGE };
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &r))
		skip("no userfaultfd");
	return fd;
}

/* Who would have to supply the page asks for it himself: only a signal ends that. */
static void answer_into_itself(void *how)
{
	char *p;
	int fd = watched(&p, 0);
	struct uffdio_copy c = { .dst = (uintptr_t)p, .src = (uintptr_t)p + PAGE, .len = PAGE };
	struct iovec v = { p, 64 }, w = { p + 2 * PAGE, 64 };

	signal(SIGALRM, SIG_DFL);
	ualarm(30000, 0);
	switch ((intptr_t)how) {
	case 0:
		(void)!read(fd, p, 64);
		*(volatile char *)p = 1;
		break;
	case 1:
		ioctl(fd, UFFDIO_COPY, &c);
		break;
	case 2:
		ioctl(fd, UFFDIO_COPY, p);
		break;
	case 3:
		process_vm_readv(getpid(), &v, 1, &w, 1, 0);
		break;
	case 4:
		execve(p, (char **)p, (char **)p);
		break;
	case 5:
		sigaltstack(&(stack_t){ .ss_sp = p, .ss_size = 4 * PAGE }, NULL);
		sigaction(SIGUSR1,
			  &(struct sigaction){ .sa_handler = nothing, .sa_flags = SA_ONSTACK },
			  NULL);
		raise(SIGUSR1);
		break;
	case 6:
		futex((void *)p, FUTEX_WAIT, 0, NULL, NULL, 0);
		break;
	case 7:
		syscall(SYS_set_robust_list, p, sizeof(struct robust));
		raw(SYS_exit, 0, 0, 0, 0);
		break;
	case 8:
		poll((void *)p, 10, -1);
		break;
	}
}

TEST("userfaultfd: who answers waits for himself, wherever that is")
{
	for (intptr_t how = 0; how < 9; how++) {
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			answer_into_itself((void *)how);
			_exit(0);
		}
		pause_ms(100);
		kill(pid, SIGKILL);
		NEED(waitpid(pid, &status, 0) == pid);
	}
}

static void fork_unread(void *unused)
{
	char *p;
	int fd = watched(&p, UFFD_FEATURE_EVENT_FORK);

	(void)unused, (void)fd;
	if (fork() == 0)
		_exit(0);
}

TEST("userfaultfd: nobody reads of a fork, and who forks is killed")
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		fork_unread(NULL);
		_exit(0);
	}
	pause_ms(50);
	kill(pid, SIGKILL);
	NEED(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) || WIFEXITED(status));
}
