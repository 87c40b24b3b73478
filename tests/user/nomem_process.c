/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem_process.c - the n-th allocation fails: fork, vfork, many at once, exec.
 */
#include "nomem.h"
#include <sys/resource.h>

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return wait_for(pid);
}

static int try_vfork(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(0);
	return wait_for(pid);
}

/* More at once than there are kernel stacks in stock. */
static int try_many(void)
{
	pid_t pid[12];
	int n, error = 0, p[2];
	char c;

	if (pipe(p))
		return errno;
	for (n = 0; n < 12 && (pid[n] = fork()) >= 0; n++)
		if (pid[n] == 0) {
			close(p[1]);
			read(p[0], &c, 1);
			_exit(0);
		}
	error = n < 12 ? errno : 0;
	close(p[0]);
	close(p[1]);
	while (n > 0)
		wait_for(pid[--n]);
	return error;
}

/* However it comes out, the file goes again. */
static int try_core(void)
{
	const struct rlimit l = { RLIM_INFINITY, RLIM_INFINITY };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &l);
		raise(SIGQUIT);
		_exit(0);
	}
	if (pid < 0)
		return errno;
	waitpid(pid, &status, 0);
	unlink("core");
	return WIFSIGNALED(status) && WCOREDUMP(status) ? 0 : ENOMEM;
}

static int try_exec(void)
{
	char fd[16];
	char *const argv[] = { "utest", "role-disarm", fd, NULL }, *const envp[] = { "A=b", NULL };

	sprintf(fd, "%d", control);
	execve(self_path, argv, envp);
	return errno;
}

/* What exec has started tells that it has come so far. */
ROLE(disarm)
{
	(void)envp;
	control = argc > 1 ? atoi(argv[1]) : -1;
	arm("", 0);
	_exit(DISARMED);
}

static const struct named process_ops[] = {
	{ "fork", try_fork },
	{ "vfork", try_vfork },
	{ "many forks", try_many },
	{ "a core file", try_core },
};

TEST("fork and vfork without memory")
{
	EXHAUST(process_ops);
}

static const struct named exec_ops[] = {
	{ "execve", try_exec },
};

TEST("execve without memory")
{
	exhaust_cold(exec_ops, 1);
}
