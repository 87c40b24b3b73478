/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz.c - random system calls by random programs; only the kernel must not be hurt.
 *
 * bad_args.c tries nonsense on each call alone.  Here a child keeps what it got: descriptors,
 * mappings, handlers, timers, children, so that calls meet states that nobody thought of.  Each
 * child is one seed, printed when something is wrong with it; `utest role-fuzz SEED` repeats it
 * and says each call before making it.  `utest role-fuzz FIRST COUNT` runs many.
 *
 * Calls that would reach others are left out (signals, power, the clock), and on a kernel that
 * is not made for it the children are nobody's.
 */
#include "user.h"
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>
#include <time.h>

enum { CALLS = 300, SEEDS = 150, PATIENCE_MS = 300, REAP_MS = 10000, NR_END = 462 };

/* ---- chance ------------------------------------------------------------------------------ */

static uint64_t chance;
static int spoken; /* say each call */

static uint32_t next(void)
{
	chance ^= chance << 13;
	chance ^= chance >> 7;
	chance ^= chance << 17;
	return (uint32_t)(chance >> 16);
}

static uint32_t below(uint32_t n)
{
	return next() % n;
}

/* ---- what arguments are made of ---------------------------------------------------------- */

enum { ARENA = 64 };
static char *arena, *readonly, *edge, *hole;
static char *paths[24];
static unsigned npaths;

static void add_path(const char *s)
{
	paths[npaths] = strcpy(arena + 4096 + npaths * 256, s);
	npaths++;
}

static void make_values(void)
{
	arena = fresh(ARENA * PAGE);
	readonly = fresh(PAGE);
	mprotect(readonly, PAGE, PROT_READ);
	edge = fresh(2 * PAGE);
	hole = edge + PAGE;
	munmap(hole, PAGE);
	npaths = 0;
	static const char *const names[] = { "a",
					     "b",
					     "d",
					     "d/e",
					     "d/..",
					     "link",
					     "loop",
					     "fifo",
					     "elf",
					     "script",
					     "new",
					     "d/new",
					     "null",
					     "missing/x",
					     "a/x",
					     "",
					     "/proc/self/maps",
					     "/proc/self/fd/5",
					     "/proc/self/fd",
					     "/proc/self/mem",
					     "/proc/quire/frames",
					     "tmpfs" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		add_path(names[i]);
}

static long some_pointer(void)
{
	switch (below(16)) {
	case 0:
		return 0;
	case 1:
		return (long)readonly;
	case 2:
		return (long)(hole - 1 - below(64));
	case 3:
		return (long)hole;
	case 4:
		return -(long)below(5000);
	case 5:
		return (long)(((uintptr_t)1 << (sizeof(long) * 8 - 1)) + below(0x10000) * 4096ul);
	case 6:
		return (long)(arena + below(ARENA * PAGE));
	default:
		return (long)(arena + 16384 + below(1024) * 16);
	}
}

static long some_size(void)
{
	switch (below(8)) {
	case 0:
		return 0;
	case 1:
		return -(long)below(3);
	case 2:
		return (long)((uintptr_t)1 << below(sizeof(long) * 8));
	case 3:
		return LONG_MAX - (long)below(4096);
	case 4:
		return (long)below(20) * 4096;
	default:
		return below(5000);
	}
}

static long some_number(void)
{
	switch (below(8)) {
	case 0:
		return (long)((uintptr_t)1 << below(sizeof(long) * 8));
	case 1:
		return (long)(1ul << below(32) | 1ul << below(32) | 1ul << below(16));
	case 2:
		return -(long)below(200);
	case 3:
		return (long)((uint64_t)next() << 32 | next());
	default:
		return below(32);
	}
}

/* f descriptor, p path, b buffer, n size, i number, a address and o offset in pages, d process,
 * s signal, t a short time, x anything. */
static long argument(char kind)
{
	struct timespec *t;

	switch (below(8) ? kind : "fpbnixxx"[below(8)]) {
	case 'f':
		return below(12) ? (long)below(24) : below(2) ? -1 : AT_FDCWD;
	case 'p':
		return below(16) ? (long)paths[below(npaths)] : some_pointer();
	case 'b':
		return some_pointer();
	case 'n':
		return some_size();
	case 'i':
		return some_number();
	case 'a':
		return below(8) ? (long)(arena + (16 + below(ARENA)) * PAGE) : some_pointer();
	case 'o':
		return below(8) ? (long)below(64) * 4096 : some_size();
	case 'd':
		return below(3) ? 0 : below(2) ? getpid() : 31000;
	case 's':
		return below(66);
	case 't':
		t = (struct timespec *)(arena + 12288 + 16 * below(16));
		t->tv_sec = below(10) ? 0 : some_number();
		t->tv_nsec = below(10) ? (long)below(1000000) : some_number();
		return below(8) ? (long)t : some_pointer();
	}
	return "fpbni"[below(5)] ? argument("fpbni"[below(5)]) : 0;
}

/* ---- which calls ------------------------------------------------------------------------- */

/* A call, what its arguments are, and how often it is chosen beside the others. */
struct call {
	long nr;
	const char *kinds;
};
/* clang-format off */
#define C(name, kinds) { SYS_##name, kinds }

static const struct call known[] = {
	C(openat, "fpii"), C(openat, "fpii"), C(close, "f"), C(read, "fbn"), C(write, "fbn"),
	C(readv, "fbi"), C(writev, "fbi"), C(lseek, "foi"), C(dup, "f"), C(dup3, "ffi"),
	C(dup2, "ff"), C(pipe2, "bi"), C(pipe2, "bi"), C(fcntl, "fii"), C(ioctl, "fib"),
	C(getdents64, "fbn"), C(unlinkat, "fpi"), C(mkdirat, "fpi"), C(symlinkat, "pfp"),
	C(linkat, "fpfpi"), C(renameat, "fpfp"), C(renameat2, "fpfpi"), C(mknodat, "fpii"),
	C(fchmodat, "fpi"), C(fchownat, "fpiii"), C(utimensat, "fpti"), C(readlinkat, "fpbn"),
	C(faccessat, "fpi"), C(truncate, "po"), C(ftruncate, "fo"), C(fallocate, "fioo"),
	C(chdir, "p"), C(fchdir, "f"), C(getcwd, "bn"), C(flock, "fi"), C(statfs, "pb"),
	C(fstatfs, "fb"), C(statx, "fpiib"), C(sendfile, "ffbn"), C(splice, "fbfbni"),
	C(tee, "ffni"), C(copy_file_range, "fbfbni"), C(poll, "bit"), C(ppoll, "bitbn"),
	C(pselect6, "ibbbtb"), C(select, "ibbbt"), C(epoll_create1, "i"), C(epoll_ctl, "fifb"),
	C(epoll_wait, "fbii"), C(socketpair, "iiib"), C(socket, "iii"), C(eventfd2, "ii"),
	C(timerfd_create, "ii"), C(timerfd_settime, "fibb"), C(signalfd4, "fbni"),
	C(memfd_create, "pi"), C(munmap, "an"), C(mprotect, "ani"), C(mprotect, "ani"),
	C(madvise, "ani"), C(msync, "ani"), C(mincore, "anb"), C(mremap, "annia"),
	C(mremap, "annia"), C(mlock, "an"), C(munlock, "an"), C(brk, "a"), C(mlockall, "i"),
	C(munlockall, ""), C(rt_sigaction, "sbbn"), C(rt_sigprocmask, "ibbn"),
	C(rt_sigpending, "bn"), C(rt_sigtimedwait, "bbtn"), C(rt_sigsuspend, "bn"),
	C(sigaltstack, "bb"), C(alarm, "i"), C(setitimer, "ibb"), C(getitimer, "ib"),
	C(timer_create, "ibb"), C(timer_settime, "iibb"), C(timer_delete, "i"),
	C(nanosleep, "tb"), C(clock_nanosleep, "iitb"), C(clock_gettime, "ib"),
	C(futex, "biitbi"), C(set_robust_list, "bn"), C(set_tid_address, "b"), C(wait4, "dbib"),
	C(waitid, "idbib"), C(execve, "pbb"), C(execveat, "fpbbi"), C(getrlimit, "ib"),
	C(setrlimit, "ib"), C(prlimit64, "dibb"), C(getrusage, "ib"), C(prctl, "iiiii"),
	C(getpriority, "id"), C(sched_getaffinity, "dnb"), C(umask, "i"), C(getgroups, "ib"),
	C(capget, "bb"), C(personality, "i"), C(uname, "b"), C(sysinfo, "b"), C(getrandom, "bni"),
	C(mount, "pppib"), C(umount2, "pi"), C(chroot, "p"), C(sync, ""), C(pread64, "fbno"),
	C(pwrite64, "fbno"), C(preadv, "fbio"), C(process_vm_readv, "dbibii"),
#ifdef SYS_mmap2
	C(mmap2, "aniifo"), C(mmap2, "aniifo"), C(mmap2, "aniifo"), C(set_thread_area, "b"),
	C(sigaction, "sbb"), C(socketcall, "ib"), C(ipc, "iiiibi"),
#else
	C(mmap, "aniifo"), C(mmap, "aniifo"), C(mmap, "aniifo"), C(arch_prctl, "ib"),
#endif
#ifdef SYS_modify_ldt
	C(modify_ldt, "ibn"),
#endif
};
#undef C
enum { N_KNOWN = sizeof known / sizeof *known };

static const long left_out[] = {
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_pidfd_send_signal, SYS_reboot, SYS_ptrace, SYS_vfork, SYS_clone, SYS_clone3, SYS_fork,
	SYS_exit, SYS_exit_group, SYS_setsid, SYS_setpgid, SYS_settimeofday, SYS_clock_settime,
	SYS_setpriority, SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr,
	SYS_pivot_root, SYS_vhangup, SYS_sethostname, SYS_setdomainname, SYS_swapon, SYS_swapoff,
	SYS_rt_sigreturn, SYS_syslog, SYS_acct, SYS_umount2, SYS_mount, SYS_chroot, SYS_pause,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_adjtimex, SYS_clock_adjtime,
	SYS_bpf, SYS_kexec_load, SYS_iopl, SYS_ioperm, SYS_quotactl,
#ifdef SYS_clock_settime64
	SYS_clock_settime64, SYS_stime, SYS_clock_adjtime64, SYS_sigreturn,
#endif
};
/* clang-format on */

static int is_left_out(long nr)
{
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (left_out[i] == nr)
			return 1;
	return 0;
}

/* ---- a child ----------------------------------------------------------------------------- */

static void nothing(int sig)
{
	(void)sig;
}

static void copy_head(const char *from, const char *to, size_t n)
{
	char *buffer = malloc(n);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t got = read(in, buffer, n);

	for (int i = below(4); i > 0 && got > 0; i--)
		buffer[below(512)] = (char)next();
	write(out, buffer, got > 0 ? (size_t)got : 0);
	close(in);
	close(out);
	free(buffer);
}

static void make_files(void)
{
	static const char script[] = "#!./elf x\n";
	int fd;

	mkdir("d", 0777);
	mkdir("d/e", 0777);
	copy_head(self_path, "elf", 1 + below(20000));
	fd = open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	write(fd, script, sizeof script - 1);
	close(fd);
	fd = open("a", O_RDWR | O_CREAT, 0666);
	write(fd, arena, 10000);
	close(fd);
	symlink("a", "link");
	symlink("loop", "loop");
	mknod("fifo", S_IFIFO | 0666, 0);
	mknod("null", S_IFCHR | 0666, 1 << 8 | 3);
}

/* Descriptors 3 and up: some of everything. */
static void open_files(void)
{
	int p[2];

	for (int fd = 3; fd < 64; fd++)
		close(fd);
	open("a", O_RDWR);
	open("d", O_RDONLY | O_DIRECTORY);
	open("a", O_RDONLY);
	pipe2(p, O_NONBLOCK);
	pipe(p);
	open("fifo", O_RDWR);
	open("/dev/zero", O_RDWR);
	open("/proc/self/maps", O_RDONLY);
	open("/proc/self", O_RDONLY | O_DIRECTORY);
	open("new", O_RDWR | O_CREAT | O_APPEND, 0600);
	memset(arena + 10240, 0, 64);
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
	const char *kinds = "xxxxxx";
	long nr, arg[6];

	if (below(4)) {
		const struct call *c = &known[below(N_KNOWN)];

		nr = c->nr;
		kinds = c->kinds;
	} else {
		nr = below(NR_END);
		if (is_left_out(nr))
			return;
	}
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
