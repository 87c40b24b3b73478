/* SPDX-License-Identifier: BSD-2-Clause
 *
 * lib.c - runs the cases and prints TAP; the helpers of user.h.
 *
 * usage: utest [-l] [PROGRAM...]	(no program: all; -l: only their names)
 * Called by the name of a program, it runs that one.
 */
#include "user.h"
#include <ftw.h>
#include <sys/utsname.h>

extern const struct test __start_tests[], __stop_tests[];
extern const struct role __start_roles[] __attribute__((weak)),
    __stop_roles[] __attribute__((weak));

const char *self_path;
void *fault_addr;
int fault_code;

enum { SECONDS = 120, EXIT_SKIP = 77 };

/* ---- verdicts, inside the child ------------------------------------------------------ */

static int failures;

void check_failed(const char *file, int line, const char *what, int fatal)
{
	int err = errno;
	const char *base = strrchr(file, '/');

	printf("# %s:%d: %s (errno %d, %s)\n", base ? base + 1 : file, line, what, err,
	       strerror(err));
	failures++;
	if (fatal)
		exit(1);
}

void check_equal(const char *file, int line, const char *what, long long a, long long b)
{
	char text[512];

	if (a == b)
		return;
	snprintf(text, sizeof text, "%s: %lld, %lld (0x%llx, 0x%llx)", what, a, b, a, b);
	check_failed(file, line, text, 0);
}

void check_error(const char *file, int line, const char *what, long ret, int got, int want)
{
	char text[512];

	if (ret == -1 && got == want)
		return;
	errno = got;
	snprintf(text, sizeof text, "%s: answered %ld, should fail with errno %d", what, ret, want);
	check_failed(file, line, text, 0);
}

void skip(const char *why)
{
	printf("# skip: %s\n", why);
	exit(EXIT_SKIP);
}

/* ---- faults ------------------------------------------------------------------------- */

static sigjmp_buf fault_escape;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	fault_addr = info->si_addr;
	fault_code = info->si_code;
	siglongjmp(fault_escape, sig);
}

static int guarded(volatile char *p, int write, char value)
{
	struct sigaction act = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO }, old[2];
	int sig;

	sigaction(SIGSEGV, &act, &old[0]);
	sigaction(SIGBUS, &act, &old[1]);
	fault_addr = NULL;
	fault_code = 0;
	sig = sigsetjmp(fault_escape, 1);
	if (sig == 0) {
		if (write)
			*p = value;
		else
			(void)*p;
	}
	sigaction(SIGSEGV, &old[0], NULL);
	sigaction(SIGBUS, &old[1], NULL);
	return sig;
}

int fault_read(const volatile void *p)
{
	return guarded((volatile char *)p, 0, 0);
}

int fault_write(volatile void *p, char value)
{
	return guarded(p, 1, value);
}

/* ---- small things ------------------------------------------------------------------- */

int in_child(void (*f)(void *), void *arg)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		f(arg);
		exit(failures ? 1 : 0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		check_failed(__FILE__, __LINE__, "fork and wait for a child", 1);
	return status;
}

char *fresh(size_t size)
{
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

long proc_kib(const char *file, const char *key)
{
	char line[256];
	long kib = -1;
	FILE *f = fopen(file, "r");

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			kib = atol(line + strlen(key) + 1);
	if (f)
		fclose(f);
	return kib;
}

int on_quire(void)
{
	struct utsname u;

	return uname(&u) == 0 && strstr(u.version, "Quire") != NULL;
}

int loses_memory(void (*f)(void))
{
	long before;

	f(); /* what is kept from then on is not lost */
	if (!on_quire())
		return 0; /* a machine that others use too: its free memory says nothing */
	for (int round = 0; round < 6; round++) {
		before = proc_kib("/proc/meminfo", "MemFree");
		f();
		if (before - proc_kib("/proc/meminfo", "MemFree") < 256)
			return 0;
	}
	return 1;
}

int under_64_bits(void)
{
	struct utsname u;

	return sizeof(void *) == 4 && uname(&u) == 0 && !strcmp(u.machine, "x86_64");
}

/* ---- running ------------------------------------------------------------------------ */

static const char *program_of(const struct test *t, char *buffer, size_t size)
{
	const char *base = strrchr(t->file, '/');
	char *dot;

	snprintf(buffer, size, "%s", base ? base + 1 : t->file);
	dot = strrchr(buffer, '.');
	if (dot)
		*dot = 0;
	return buffer;
}

static int in_source_order(const void *a, const void *b)
{
	const struct test *x = *(const struct test *const *)a, *y = *(const struct test *const *)b;
	int order = strcmp(x->file, y->file);

	return order ? order : x->line - y->line;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* In the child: a time limit, a session and a directory of its own. */
_Noreturn static void run_inside(const struct test *t, const char *dir)
{
	setpgid(0, 0);
	alarm(SECONDS);
	if (mkdir(dir, 0700) || chdir(dir))
		check_failed(__FILE__, __LINE__, "make and enter a directory for the case", 1);
	t->run();
	exit(failures ? 1 : 0);
}

static int run_test(const struct test *t, int number)
{
	char name[64], dir[64];
	int status = -1, passed;
	pid_t pid;

	snprintf(dir, sizeof dir, "/tmp/utest.%d.%d", (int)getpid(), number);
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		run_inside(t, dir);
	if (pid < 0)
		printf("# fork: %s\n", strerror(errno));
	while (pid > 0 && waitpid(pid, &status, WUNTRACED) < 0 && errno == EINTR)
		;
	if (pid > 0)
		kill(-pid, SIGKILL); /* what it left behind */
	if (WIFSTOPPED(status))
		waitpid(pid, NULL, 0);
	nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	passed =
	    WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_SKIP);
	if (WIFSTOPPED(status))
		printf("# stopped by signal %d\n", WSTOPSIG(status));
	if (WIFSIGNALED(status))
		printf("# ended by signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? " (too slow)" : "");
	printf("%sok %d - %s: %s%s\n", passed ? "" : "not ", number,
	       program_of(t, name, sizeof name), t->title,
	       passed && WEXITSTATUS(status) == EXIT_SKIP ? " # SKIP" : "");
	fflush(stdout);
	return passed;
}

/* The cases of one program, or of all; in the order of the sources. */
static int run_program(const char *wanted, int list_only)
{
	size_t all = (size_t)(__stop_tests - __start_tests), n = 0;
	const struct test **chosen = calloc(all, sizeof *chosen);
	char name[64], last[64] = "";
	int bad = 0;

	for (const struct test *t = __start_tests; t < __stop_tests; t++)
		if (!wanted || !strcmp(program_of(t, name, sizeof name), wanted))
			chosen[n++] = t;
	qsort(chosen, n, sizeof *chosen, in_source_order);
	for (size_t i = 0; list_only && i < n; i++)
		if (strcmp(program_of(chosen[i], name, sizeof name), last)) {
			puts(name);
			strcpy(last, name);
		}
	if (list_only)
		return 0;
	printf("1..%zu\n", n);
	for (size_t i = 0; i < n; i++)
		bad += !run_test(chosen[i], (int)i + 1);
	if (n == 0)
		printf("Bail out! no program %s\n", wanted);
	else if (bad)
		printf("# %d of %zu failed\n", bad, n);
	free(chosen);
	return bad || n == 0;
}

static const char *find_self(const char *argv0)
{
	static char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);

	return n > 0 ? path : argv0;
}

int main(int argc, char **argv, char **envp)
{
	const char *name = strrchr(argv[0], '/');
	int bad = 0, code;

	self_path = find_self(argv[0]);
	name = name ? name + 1 : argv[0];
	for (const struct role *r = __start_roles; r < __stop_roles; r++)
		if (argc > 1 && !strcmp(argv[1], r->name)) {
			code = r->run(argc - 1, argv + 1, envp);
			return failures ? 1 : code;
		}
	mkdir("/tmp", 01777);
	if (argc > 1 && !strcmp(argv[1], "-l"))
		return run_program(NULL, 1);
	if (argc == 1)
		return run_program(!strcmp(name, "utest") ? NULL : name, 0);
	for (int i = 1; i < argc; i++)
		bad |= run_program(argv[i], 0);
	return bad;
}
