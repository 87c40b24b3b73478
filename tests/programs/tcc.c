/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Compiled by tcc and run: in its own memory (tcc -run), and as a program.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct pair {
	double d;
	char c[5];
	unsigned bits : 3;
};

static jmp_buf back;
static volatile sig_atomic_t caught;

static void on_segv(int sig, siginfo_t *info, void *context)
{
	caught = info->si_addr == (void *)16 ? sig : -1;
	siglongjmp(back, 1);
}

static int total(int n, ...)
{
	va_list args;
	int sum = 0;

	va_start(args, n);
	while (n--)
		sum += va_arg(args, int);
	va_end(args);
	return sum;
}

static struct pair make(int i)
{
	struct pair p = { i / 3.0, "quir", i };

	p.c[3] += i;
	return p;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void data(void)
{
	const char *words[] = { "page", "frame", "table", "space", "heap" };
	long long big = 1LL << 40;
	struct pair p = make(10);
	double sum = 0;

	qsort(words, 5, sizeof(*words), by_text);
	for (int i = 0; i < 5; i++)
		printf("%s%c", words[i], i < 4 ? ' ' : '\n');
	for (int i = 1; i <= 100000; i++)
		sum += 1.0 / i / i;
	printf("%.6f %.6f\n", sqrt(sum * 6), p.d);
	printf("%s %u %d %lld\n", p.c, p.bits, total(4, 1, 2, 3, 4), big / 1000 % 977);
	printf("%08x %5.1Lf %s\n", 0xbeef, (long double)2.25, (char[]){ "literal" });
}

static void memory(void)
{
	int *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct sigaction action = { .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO };
	int *private = malloc(4000000);
	int status, sum = 0;

	private[999999] = 1;
	for (int child = 0; child < 4; child++)
		if (!fork()) {
			private[999999] = 100;
			shared[child] = child + 1;
			_exit(child);
		}
	while (wait(&status) > 0)
		sum += WEXITSTATUS(status);
	printf("children %d, shared %d, private %d\n", sum, shared[0] + shared[3], private[999999]);

	sigaction(SIGSEGV, &action, NULL);
	if (!sigsetjmp(back, 1))
		*(volatile int *)16 = 1;
	printf("caught %d\n", caught);
	printf("mmap %s\n",
	       mmap(NULL, 0, 0, MAP_PRIVATE, -1, 0) == MAP_FAILED ? strerror(errno) : "?");
	free(private);
}

int main(int argc, char **argv)
{
	data();
	memory();
	printf("%d arguments\n", argc - 1);
	return argc;
}
