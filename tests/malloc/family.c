/* SPDX-License-Identifier: BSD-2-Clause
 *
 * family.c - what programs expect of malloc and its relatives; run with libquire-malloc.so in
 * front, and without it for comparison.  Prints TAP.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int count, failed, debug;

static void ok(int good, const char *what)
{
	printf("%sok %d - %s\n", good ? "" : "not ", ++count, what);
	failed += !good;
}

/* The compiler knows what malloc does, and would leave calls out. */
static void *volatile sink;

static void *hold(void *p)
{
	return sink = p;
}

static void sizes(void)
{
	int good = 1;

	for (size_t n = 0; n < 300000; n = n * 5 / 4 + 1) {
		char *p = hold(malloc(n));

		good &= p && (uintptr_t)p % 16 == 0 && malloc_usable_size(p) >= n;
		memset(p, 0xab, malloc_usable_size(p));
		free(p);
	}
	ok(good, "malloc: every size, aligned, usable");
	void *a = hold(malloc(0)), *b = hold(malloc(0));
	ok(a && b && a != b, "malloc(0): an object of its own");
	free(a);
	free(b);
	free(NULL);
	errno = 0;
	ok(!hold(malloc((size_t)PTRDIFF_MAX + 1)) && errno == ENOMEM, "malloc: too much, ENOMEM");
	errno = 0;
	ok(!hold(calloc(SIZE_MAX / 2, 4)) && errno == ENOMEM, "calloc: a product that wraps");
	errno = 0;
	ok(!hold(reallocarray(NULL, SIZE_MAX / 2, 4)) && errno == ENOMEM, "reallocarray: the same");
}

static void zeroes(void)
{
	int good = 1;

	for (int round = 0; round < 3; round++)
		for (size_t n = 1; n < 3000000; n = n * 3 + 7) {
			char *p = hold(calloc(1, n));

			for (size_t i = 0; i < n; i++)
				good &= p[i] == 0;
			memset(p, 0x77, n);
			free(p);
		}
	ok(good, "calloc: zeroes, also where something was before");
}

static void alignments(void)
{
	int good = 1;
	void *p;

	for (size_t align = sizeof(void *); align <= 1 << 22; align *= 2)
		for (size_t n = 1; n < 100000; n = n * 7 + 1) {
			good &= !posix_memalign(&p, align, n) && (uintptr_t)p % align == 0;
			memset(p, 1, n);
			free(p);
			p = hold(aligned_alloc(align, n));
			good &= p && (uintptr_t)p % align == 0;
			free(p);
		}
	ok(good, "posix_memalign, aligned_alloc: up to 4 MiB");
	p = &p;
	ok(posix_memalign(&p, 24, 8) == EINVAL && p == (void *)&p,
	   "posix_memalign: EINVAL, nothing written");
	ok(posix_memalign(&p, 64, SIZE_MAX - 100) == ENOMEM, "posix_memalign: ENOMEM");
	p = hold(valloc(10));
	ok((uintptr_t)p % 4096 == 0, "valloc: a page");
	free(p);
	p = hold(pvalloc(10));
	ok((uintptr_t)p % 4096 == 0 && malloc_usable_size(p) >= 4096, "pvalloc: a whole one");
	free(p);
}

static void reallocs(void)
{
	unsigned char *p = NULL;
	size_t had = 0;
	int good = 1;

	for (size_t n = 1; n < 50000000; n = n * 3 / 2 + 1) {
		p = realloc(p, n);
		for (size_t i = 0; i < had; i += had / 64 + 1)
			good &= p[i] == (unsigned char)(i * 7);
		for (size_t i = 0; i < n; i++)
			p[i] = (unsigned char)(i * 7);
		had = n;
	}
	for (size_t n = had; n > 1; n = n * 2 / 3) {
		p = realloc(p, n);
		for (size_t i = 0; i < n; i += n / 64 + 1)
			good &= p[i] == (unsigned char)(i * 7);
	}
	ok(good, "realloc: the contents, up to 50 MB and back");
	errno = 0;
	ok(!hold(realloc(p, PTRDIFF_MAX)) && errno == ENOMEM && p[0] == 0,
	   "realloc: ENOMEM, and the object stays");
	ok(!hold(realloc(p, 0)), "realloc to 0 frees");
}

/* ---- threads, forks --------------------------------------------------------------------------- */

static void *churn(void *seed)
{
	unsigned state = (unsigned)(uintptr_t)seed;
	char *live[200] = { 0 };

	for (int i = 0; i < (debug ? 2000 : 20000); i++) {
		unsigned k = (state = state * 1103515245u + 12345) >> 8;
		char **p = &live[k % 200];

		if (*p && **p != (char)(k % 200))
			return "somebody else's byte";
		free(*p);
		*p = malloc(1 + k % 5000);
		**p = (char)(k % 200);
	}
	for (int i = 0; i < 200; i++)
		free(live[i]);
	return NULL;
}

static void threads(void)
{
	int good = 1;

	for (int round = 0; round < (debug ? 2 : 20); round++) {
		pthread_t t[4];
		void *wrong;

		for (uintptr_t i = 0; i < 4; i++)
			pthread_create(&t[i], NULL, churn, (void *)(i + round * 4 + 1));
		for (int i = 0; i < 4; i++) {
			pthread_join(t[i], &wrong);
			good &= !wrong;
		}
	}
	ok(good, "many threads, four at a time");
}

static volatile int stop;

static void *busy(void *unused)
{
	(void)unused;
	while (!stop)
		free(hold(malloc(100 + (size_t)rand() % 3000)));
	return NULL;
}

static void forks(void)
{
	pthread_t t[2];
	int good = 1, status;

	pthread_create(&t[0], NULL, busy, NULL);
	pthread_create(&t[1], NULL, busy, NULL);
	for (int i = 0; i < (debug ? 10 : 100); i++) {
		pid_t pid = fork();

		if (pid == 0) {
			alarm(20);
			_exit(churn((void *)(uintptr_t)(i + 1)) != NULL);
		}
		waitpid(pid, &status, 0);
		if (status)
			printf("# child %d: status %#x\n", i, status);
		good &= status == 0;
	}
	stop = 1;
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	ok(good, "forks beside two threads in malloc: each child allocates");
}

static pthread_barrier_t full, done;

/* Free a quarter of a megabyte of a class of its own, which stays in this thread's magazines. */
static void *fill_magazines(void *size)
{
	void *p[30];

	for (int i = 0; i < 30; i++)
		p[i] = malloc((size_t)(uintptr_t)size);
	for (int i = 0; i < 30; i++)
		free(p[i]);
	pthread_barrier_wait(&full);
	pthread_barrier_wait(&done);
	return NULL;
}

static void inherits(void)
{
	pthread_t t[4];
	size_t used;
	int status;
	pid_t pid;

	pthread_barrier_init(&full, NULL, 5);
	pthread_barrier_init(&done, NULL, 5);
	for (uintptr_t i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fill_magazines, (void *)(6000 + i * 1000));
	pthread_barrier_wait(&full);
	used = mallinfo2().uordblks;
	pid = fork();
	if (pid == 0)
		_exit(mallinfo2().uordblks > used + (64 << 10));
	waitpid(pid, &status, 0);
	pthread_barrier_wait(&done);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	ok(status == 0, "a child has what lay in the magazines of its parent's other threads");
}

/* ---- wrong frees ------------------------------------------------------------------------------ */

static char said[1000];

/* What a child says that does this; it must end by SIGABRT. */
static int aborts(void (*wrong)(void), const char *words)
{
	int fd[2], status;
	ssize_t n;
	pid_t pid;

	if (pipe(fd))
		return 0;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		dup2(fd[1], 2);
		wrong();
		_exit(0);
	}
	close(fd[1]);
	n = read(fd[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = 0;
	close(fd[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT && strstr(said, words);
}

static void twice(void)
{
	void *p = hold(malloc(100));

	free(p);
	free(sink);
}

static void inside(void)
{
	char *p = hold(malloc(100));

	free((char *)hold(p + 16));
}

static void foreign(void)
{
	int here;

	free(hold(&here));
}

static void large_twice(void)
{
	void *p = hold(malloc(1000000));

	free(p);
	free(sink);
}

static void go_on(void)
{
	void *p = hold(malloc(100));

	free(p);
	free(sink);
	p = hold(malloc(100));
	if (p == malloc(100))
		abort();
	_exit(3);
}

/* QUIRE_MALLOC_ABORT=0: the same, and the heap is as good as before. */
static int goes_on(const char *self)
{
	char command[300];

	setenv("QUIRE_MALLOC_ABORT", "0", 1);
	snprintf(command, sizeof(command), "%s go-on 2>/dev/null", self);
	return WEXITSTATUS(system(command)) == 3;
}

static void wrong_frees(const char *self)
{
	ok(aborts(twice, "free already"), "a double free is said and aborts");
	ok(aborts(inside, "is not the begin of an object"), "so is a pointer inside an object");
	ok(aborts(foreign, "is no address of the heap"), "and one of the stack");
	ok(aborts(large_twice, "quire-malloc: 0x"), "and a large object freed twice");
	ok(goes_on(self), "unless told to go on");
}

/* ---- giving back ------------------------------------------------------------------------------ */

static long resident(void)
{
	long size, pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (f && fscanf(f, "%ld %ld", &size, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 4;
}

static void fill_and_free(void)
{
	enum { N = 200000 };
	void **p = malloc(N * sizeof(*p));

	for (int i = 0; i < N; i++)
		memset(p[i] = malloc(100 + (size_t)i % 400), 1, 100);
	for (int i = 0; i < N; i++)
		free(p[i]);
	free(p);
}

static void gives_back(int ours)
{
	long before = resident(), after;
	struct mallinfo2 m;

	fill_and_free();
	if (ours) {
		usleep(1500000);
		after = resident();
		printf("# %ld KiB before, %ld KiB after 60 MB came and went, and 1.5 s\n", before,
		       after);
		ok(after < before + 8192, "memory goes back while nothing is called");
	}
	fill_and_free();
	malloc_trim(0);
	after = resident();
	ok(after < before + 8192, "malloc_trim gives back");
	m = mallinfo2();
	ok(m.uordblks < 4 << 20, "mallinfo2 counts what is in use");
}

int main(int argc, char **argv)
{
	const char *preload = getenv("LD_PRELOAD");
	int ours = preload && strstr(preload, "quire-malloc");

	debug = preload && strstr(preload, "malloc-debug");

	if (argc > 1)
		go_on();
	sizes();
	zeroes();
	alignments();
	reallocs();
	threads();
	forks();
	if (ours && !debug)
		inherits();
	if (ours)
		wrong_frees(argv[0]);
	if (!debug) /* which holds what was freed */
		gives_back(ours);
	printf("1..%d\n", count);
	return failed != 0;
}
