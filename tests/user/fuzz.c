/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz.c - random system calls by random programs; only the kernel must not be hurt.
 *
 * bad_args.c tries nonsense on each call alone.  Here a child keeps what it got: descriptors,
 * mappings, handlers, timers, children, so that calls meet states that nobody thought of.  Each
 * child is one seed, printed when something is wrong with it; `utest role-fuzz SEED` repeats it
 * and says each call before making it.  `utest role-fuzz FIRST COUNT` runs many.
 *
 * On a kernel that is not made for it the children are nobody's.
 */
#include "fuzz.h"
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

enum { CALLS = 300, SEEDS = 150, PATIENCE_MS = 300, REAP_MS = 10000 };

static int spoken; /* say each call */

/* ---- a child ----------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void limit_self(void)
{
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	struct sigaction act = { .sa_handler = nothing };
	struct rlimit memory = { 64 * MiB, 64 * MiB }, file = { 4 * MiB, 4 * MiB }, core = { 0, 0 };

	setrlimit(RLIMIT_AS, &memory);
	setrlimit(RLIMIT_FSIZE, &file);
	setrlimit(RLIMIT_CORE, &core);
	signal(SIGXFSZ, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	if (!on_quire()) {
		setgroups(0, NULL);
		setgid(65534);
		setuid(65534);
	}
}

/* Fill a place that calls will read with what looks like structures. */
static void scribble(void)
{
	long *at = (long *)(arena + 16384 + below(1024) * 16);

	for (int i = below(16); i >= 0; i--)
		at[i] = argument("fbnixt"[below(6)]);
}

static void say(long nr, const long arg[6])
{
	dprintf(1, "# %ld(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx)\n", nr, arg[0], arg[1], arg[2],
		arg[3], arg[4], arg[5]);
}

/* Ends at once, in another process or as another task of this one. */
static void some_child(void)
{
	static const unsigned flags[] = { CLONE_VM,
					  CLONE_FS,
					  CLONE_FILES,
					  CLONE_SIGHAND,
					  CLONE_PARENT,
					  CLONE_THREAD,
					  CLONE_SYSVSEM,
					  CLONE_SETTLS,
					  CLONE_PARENT_SETTID,
					  CLONE_CHILD_CLEARTID,
					  CLONE_CHILD_SETTID };
	unsigned long chosen = below(4) ? SIGCHLD : below(70);
	long stack = below(4) ? (long)(arena + 60 * PAGE) : some_pointer(), ret;

	for (int i = below(5); i > 0; i--)
		chosen |= flags[below(sizeof flags / sizeof *flags)];
	if (!(chosen & CLONE_VM) && below(4))
		stack = 0;
	if ((chosen & CLONE_VM) && !stack)
		return;
	if (spoken)
		dprintf(1, "# clone(%#lx, %#lx)\n", chosen, stack);
#ifdef __x86_64__
	register long r10 __asm__("r10") = some_pointer();
	register long r8 __asm__("r8") = some_pointer();
	__asm__ volatile("syscall\n\ttest %%rax, %%rax\n\tjnz 1f\n\t"
			 "mov $60, %%eax\n\tsyscall\n1:"
			 : "=a"(ret)
			 : "a"(SYS_clone), "D"(chosen), "S"(stack), "d"(some_pointer()), "r"(r10),
			   "r"(r8)
			 : "rcx", "r11", "memory");
#else
	__asm__ volatile("int $0x80\n\ttest %%eax, %%eax\n\tjnz 1f\n\t"
			 "mov $1, %%eax\n\tint $0x80\n1:"
			 : "=a"(ret)
			 : "a"(SYS_clone), "b"(chosen), "c"(stack), "d"(some_pointer()),
			   "S"(some_pointer()), "D"(some_pointer())
			 : "memory");
#endif
}

static void one_call(void)
{
	struct call c;
	const char *kinds;
	long nr, arg[6];

	if (!choose_call(&c))
		return;
	nr = c.nr;
	kinds = c.kinds;
	for (int i = 0; i < 6; i++)
		arg[i] = *kinds ? argument(*kinds++) : 0;
	if (nr == SYS_prlimit64 && arg[0] == 1)
		return;
	if (spoken)
		say(nr, arg);
	syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}

static void use_memory(void)
{
	volatile char *p = arena + (16 + below(ARENA)) * PAGE;

	if (below(2))
		(void)*p;
	else
		*p = 1;
}

_Noreturn static void be_random(uint64_t seed)
{
	chance = seed * 0x9e3779b97f4a7c15ull + 88172645463325252ull;
	make_values();
	make_files();
	open_files();
	limit_self();
	for (int i = 0; i < CALLS; i++) {
		if (below(3) == 0)
			scribble();
		switch (below(40)) {
		case 0:
			some_child();
			break;
		case 1:
			use_memory();
			break;
		default:
			one_call();
		}
	}
	_exit(0);
}

/* ---- the harness ------------------------------------------------------------------------- */

static void milliseconds(int n)
{
	struct timespec t = { n / 1000, n % 1000 * 1000000l };

	nanosleep(&t, NULL);
}

static int ended_within(pid_t pid, int ms)
{
	for (int waited = 0; waited <= ms; waited += 5) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return 1;
		milliseconds(5);
	}
	return 0;
}

/* What a seed has mounted in its directory. */
static void unmount_all(void)
{
	static const char *const names[] = { "d/e", "d/new", "d", "a", "new", "elf", "tmpfs", "." };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		while (umount2(names[i], MNT_DETACH) == 0)
			;
}

static void run_seed(uint64_t seed)
{
	pid_t pid = fork();

	if (pid == 0) {
		setpgid(0, 0);
		if (!spoken) {
			int null = open("/dev/null", O_RDWR);

			dup2(null, 0);
			dup2(null, 1);
			dup2(null, 2);
		}
		be_random(seed);
	}
	NEED(pid > 0);
	setpgid(pid, pid);
	if (!ended_within(pid, PATIENCE_MS)) {
		kill(-pid, SIGKILL);
		kill(pid, SIGKILL);
		if (!ended_within(pid, REAP_MS)) {
			printf("# seed %llu cannot be killed\n", (unsigned long long)seed);
			NEED(!"a process that was killed ends");
		}
	}
	kill(-pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		; /* children by CLONE_PARENT */
	if (on_quire())
		unmount_all();
	sweep_segments();
}

TEST("random calls in random states hurt nobody else")
{
	const char *wish = getenv("QUIRE_SEED");
	uint64_t first = wish ? strtoull(wish, NULL, 0) : (uint64_t)time(NULL) * 1000;

	printf("# seeds %llu to %llu\n", (unsigned long long)first,
	       (unsigned long long)first + SEEDS - 1);
	fflush(stdout);
	for (unsigned i = 0; i < SEEDS; i++)
		run_seed(first + i);
	CHECK_EQ(in_child((void (*)(void *))(void *)getpid, NULL), 0);
}

ROLE(fuzz)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	unsigned long n = argc > 2 ? strtoul(argv[2], NULL, 0) : 1;

	(void)envp;
	spoken = argc == 2;
	mkdir("/tmp/fuzz", 0777);
	chdir("/tmp/fuzz");
	for (unsigned long i = 0; i < n; i++) {
		if (i % 50 == 0)
			printf("# seed %llu\n", (unsigned long long)(seed + i)), fflush(stdout);
		run_seed(seed + i);
	}
	printf("fuzz: done\n");
	return 0;
}
