/* SPDX-License-Identifier: BSD-2-Clause
 *
 * measure.c - what a command costs: processor time, page faults, and the most memory it had.
 *
 *	measure FILE time COMMAND...
 *	measure FILE peak COMMAND...
 *
 * runs the command without standard output and appends a line to FILE:
 *
 *	STATUS SECONDS FAULTS     user and system, of the command and all that it waited for
 *	STATUS KIB PROCESSES      VmHWM of each process at its end, added up
 *
 * The peak is read by ptrace as each process ends, so that nothing is sampled and nothing is
 * missed; since that costs time, there are two ways to run.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *out;

static _Noreturn void die(const char *what)
{
	perror(what);
	exit(2);
}

static pid_t start(char **command, int traced)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return pid;
	int null = open("/dev/null", O_RDWR);

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (getenv("MEASURE_PRELOAD"))
		setenv("LD_PRELOAD", getenv("MEASURE_PRELOAD"), 1);
	if (traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		die("ptrace");
	execvp(command[0], command);
	die(command[0]);
}

/* In a virtual machine, memory that was free for a while is the host's again, and the first touch
 * costs many times what it costs otherwise.  So as much as a command may need is touched first. */
#define WARM ((size_t)256 << 20)

static void warm_up(void)
{
	char *p = mmap(NULL, WARM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return;
	madvise(p, WARM, MADV_HUGEPAGE);
	memset(p, 1, WARM);
	munmap(p, WARM);
}

static int by_time(char **command)
{
	struct rusage use;
	int status;

	warm_up();
	waitpid(start(command, 0), &status, 0);
	getrusage(RUSAGE_CHILDREN, &use);
	fprintf(out, "%d %.6f %ld\n", status,
		(double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
		    (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6,
		use.ru_minflt);
	return status;
}

/* ---- peak -------------------------------------------------------------------------------------- */

struct process {
	pid_t pid;
	long kib;
	struct process *next;
};

static struct process *processes;

/* A line of /proc/PID/status; -1: there is none. */
static long field(pid_t pid, const char *name)
{
	char path[64], line[256];
	long value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "r");
	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			value = atol(line + strlen(name));
	fclose(f);
	return value;
}

/* A thread ends; what counts is the largest figure of its process. */
static void note(pid_t tid)
{
	pid_t pid = (pid_t)field(tid, "Tgid:");
	long kib = field(tid, "VmHWM:");
	struct process *p;

	for (p = processes; p && p->pid != pid; p = p->next)
		;
	if (!p) {
		p = calloc(1, sizeof(*p));
		if (!p)
			die("calloc");
		p->pid = pid;
		p->next = processes;
		processes = p;
	}
	if (kib > p->kib)
		p->kib = kib;
}

static void go_on(pid_t tid, int status)
{
	int event = status >> 16, signal = WSTOPSIG(status);

	if (event == PTRACE_EVENT_EXIT)
		note(tid);
	if (event || signal == SIGTRAP || signal == SIGSTOP)
		signal = 0;
	ptrace(PTRACE_CONT, tid, NULL, (long)signal);
}

static int by_peak(char **command)
{
	pid_t first = start(command, 1), tid;
	int status, result = 0, n = 0;
	long kib = 0;

	waitpid(first, &status, 0);
	ptrace(PTRACE_SETOPTIONS, first, NULL,
	       PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
		   PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL);
	ptrace(PTRACE_CONT, first, NULL, NULL);
	while ((tid = waitpid(-1, &status, __WALL)) > 0)
		if (WIFSTOPPED(status))
			go_on(tid, status);
		else if (tid == first)
			result = status;
	for (const struct process *p = processes; p; p = p->next, n++)
		kib += p->kib;
	fprintf(out, "%d %ld %d\n", result, kib, n);
	return result;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	out = fopen(argv[1], "a");
	if (!out)
		die(argv[1]);
	return (strcmp(argv[2], "peak") ? by_time : by_peak)(argv + 3) ? 1 : 0;
}
