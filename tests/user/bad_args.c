/* SPDX-License-Identifier: BSD-2-Clause
 *
 * bad_args.c - every system call number with every kind of nonsense in every argument.
 *
 * A child makes the calls, one after another, and notes in shared memory where it is.  When it
 * dies, stops or hangs, the parent starts another behind that place: only the kernel must not
 * be hurt.  The children are nobody's (uid 65534), so that on Linux, too, no harm is done.
 * Left out are calls that would reach others: signals to everybody, power.
 */
#include "user.h"
#include <grp.h>
#include <sched.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

enum { N_RANDOM = 40, MAX_DEATHS = 6, PATIENCE_MS = 100 };

static const long left_out[] = {
	SYS_kill,
	SYS_tkill,
	SYS_tgkill,
	SYS_rt_sigqueueinfo,
	SYS_reboot,
	SYS_vfork,
	SYS_pidfd_send_signal,
	SYS_rt_tgsigqueueinfo,
	SYS_exit,
	SYS_exit_group,
	SYS_ptrace,
};

static volatile struct place {
	long nr, pattern; /* what the child is about to try */
	long made, missing;
} * place;

static long values[12];
enum { N_VALUES = sizeof values / sizeof *values };
enum { N_PATTERNS = N_VALUES + 6 * N_VALUES + N_RANDOM };

static void prepare(void)
{
	char *good = fresh(16 * PAGE), *readonly = fresh(PAGE), *edge = fresh(2 * PAGE);
	uintptr_t half = (uintptr_t)1 << (sizeof(long) * 8 - 1);
	size_t n = 0;

	place = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	NEED(place != MAP_FAILED);
	mprotect(readonly, PAGE, PROT_READ);
	munmap(edge + PAGE, PAGE);
	values[n++] = 0;
	values[n++] = 1;
	values[n++] = -1;
	values[n++] = 0x7fffffff;
	values[n++] = (long)half;
	values[n++] = (long)(half | half >> 1) + 0x100000;
	values[n++] = -8;
	values[n++] = -(long)PAGE;
	values[n++] = (long)readonly;
	values[n++] = (long)(edge + PAGE - 2);
	values[n++] = (long)(good + 8 * PAGE);
	values[n++] = 0x10000;
}

/* The arguments of a pattern: all the same; one odd among zeroes; a random mixture. */
static void arguments(long nr, long pattern, long arg[6])
{
	unsigned seed = (unsigned)(nr * 1009 + pattern);

	for (int i = 0; i < 6; i++) {
		if (pattern < N_VALUES) {
			arg[i] = values[pattern];
		} else if (pattern < 7 * N_VALUES) {
			long odd = pattern - N_VALUES;

			arg[i] = odd / N_VALUES == i ? values[odd % N_VALUES] : 0;
		} else {
			seed = seed * 1103515245 + 12345;
			arg[i] = values[(seed >> 8) % N_VALUES];
		}
	}
}

static void become_nobody(void)
{
	int null = open("/dev/null", O_RDWR);

	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	setgroups(0, NULL);
	if (setgid(65534) || setuid(65534))
		_exit(1);
}

/* From where `place` says to the end of this call's patterns. */
_Noreturn static void walk(void)
{
	long me, arg[6], ret, nr = place->nr;

	become_nobody();
	me = syscall(SYS_getpid);
	for (; place->pattern < N_PATTERNS; place->pattern++) {
		arguments(nr, place->pattern, arg);
		errno = 0;
		ret = syscall(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
		if (syscall(SYS_getpid) != me)
			syscall(SYS_exit, 0); /* a copy that the call made */
		place->made++;
		if (ret == -1 && errno == ENOSYS) {
			place->missing++;
			break;
		}
	}
	place->pattern = N_PATTERNS;
	_exit(0);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* Wait for the child as long as it makes progress; end it otherwise. */
static void watch(pid_t pid)
{
	long seen = -1, since = now_ms();
	int status;

	while (waitpid(pid, &status, WNOHANG | WUNTRACED) == 0) {
		if (place->made != seen) {
			seen = place->made;
			since = now_ms();
		}
		if (now_ms() - since > PATIENCE_MS)
			break;
		usleep(1000);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

/* Segments that shmget has made out of nonsense. */
static void sweep(void)
{
	struct shmid_ds d;
	int top = shmctl(0, IPC_INFO, &d);

	for (int i = 0; i <= top; i++) {
		int id = shmctl(i, SHM_STAT, &d);

		if (id >= 0 && d.shm_perm.cuid == 65534)
			shmctl(id, IPC_RMID, NULL);
	}
}

static void walk_calls(long from, long to)
{
	int deaths = 0;

	prepare();
	for (place->nr = from; place->nr < to; place->nr++) {
		int skip_it = 0;

		for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
			skip_it |= left_out[i] == place->nr;
		place->pattern = 0;
		for (int died = 0; !skip_it && place->pattern < N_PATTERNS; died++) {
			pid_t pid = fork();

			if (pid == 0)
				walk();
			NEED(pid > 0);
			watch(pid);
			if (place->pattern >= N_PATTERNS || died == MAX_DEATHS)
				break;
			place->pattern++;
			deaths++;
		}
	}
	sweep();
	printf("# calls %ld to %ld: %ld tries, %ld calls are not there, %d children ended\n", from,
	       to - 1, place->made, place->missing, deaths);
	CHECK(place->made >= to - from - (long)(sizeof left_out / sizeof *left_out));
}

#define WALK(from, to)                      \
	TEST("calls " #from " to " #to)     \
	{                                   \
		walk_calls(from, (to) + 1); \
	}

WALK(0, 59)
WALK(60, 119)
WALK(120, 179)
WALK(180, 239)
WALK(240, 299)
WALK(300, 379)
WALK(380, 460)

TEST("numbers beyond the table, and far beyond")
{
	static const long numbers[] = { 550, 1000, 0x3fffffff, 0x7fffffff, -1, -4096 };

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		CHECK_ERR(syscall(numbers[i], 0, 0, 0, 0, 0, 0), ENOSYS);
}
