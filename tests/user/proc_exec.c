/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_exec.c - execve: the stack a program starts on, scripts, what survives, what fails.
 */
#include "user.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

/* ---- what the started program sees --------------------------------------------------- */

static const ElfW(auxv_t) * find_aux(char **envp, unsigned long type)
{
	const ElfW(auxv_t) * aux;

	while (*envp)
		envp++;
	for (aux = (const void *)(envp + 1); aux->a_type != AT_NULL; aux++)
		if (aux->a_type == type)
			return aux;
	return NULL;
}

static unsigned long aux_value(char **envp, unsigned long type)
{
	const ElfW(auxv_t) *aux = find_aux(envp, type);

	return aux ? aux->a_un.a_val : (unsigned long)-1;
}

/* Started as: utest role-layout one two "" with environment A=1 B=2. */
ROLE(layout)
{
	const ElfW(Phdr) *ph = (const void *)aux_value(envp, AT_PHDR);
	const unsigned char *random = (const void *)aux_value(envp, AT_RANDOM);
	int loads = 0;

	CHECK_EQ(argc, 4);
	CHECK(!strcmp(argv[1], "one") && !strcmp(argv[2], "two") && !*argv[3] && !argv[4]);
	CHECK(envp == argv + argc + 1);
	CHECK(!strcmp(envp[0], "A=1") && !strcmp(envp[1], "B=2") && !envp[2]);
	CHECK(argv[2] == argv[1] + 4 && envp[0] == argv[3] + 1); /* strings lie in a row */
	CHECK(((uintptr_t)argv & (sizeof(void *) - 1)) == 0);
	CHECK_EQ(aux_value(envp, AT_PAGESZ), PAGE);
	CHECK_EQ(aux_value(envp, AT_PHENT), sizeof *ph);
	CHECK_EQ(aux_value(envp, AT_UID), getuid());
	CHECK_EQ(aux_value(envp, AT_EGID), getegid());
	CHECK_EQ(aux_value(envp, AT_SECURE), 0);
	CHECK_EQ(aux_value(envp, AT_CLKTCK), 100);
	CHECK(aux_value(envp, AT_ENTRY) != (unsigned long)-1);
	CHECK(!strcmp((const char *)aux_value(envp, AT_EXECFN), self_path));
	CHECK(!strcmp((const char *)aux_value(envp, AT_PLATFORM),
		      sizeof(void *) == 8 ? "x86_64" : "i686"));
	for (unsigned long i = 0; i < aux_value(envp, AT_PHNUM); i++)
		loads += ph[i].p_type == PT_LOAD;
	CHECK(loads >= 2);
	CHECK((const void *)random > (const void *)envp);
	return 0;
}

/* The stack pointer of the first instruction, as the kernel gave it, is below argv by argc. */
ROLE(aligned)
{
	(void)argc, (void)envp;
	/* argv was shifted by one for the role; argc lies below the kernel's argv */
	CHECK_EQ(((uintptr_t)(argv - 1) - sizeof(long)) & 15, 0);
	CHECK_EQ(((long *)(argv - 1))[-1], argc + 1);
	return 0;
}

static void start(void *args)
{
	char *envp[] = { "A=1", "B=2", NULL };

	execve(self_path, args, envp);
	CHECK(!"execve");
}

TEST("arguments, environment and auxiliary vector lie as Linux lays them")
{
	char *argv[] = { "utest", "role-layout", "one", "two", "", NULL };

	CHECK_EQ(in_child(start, argv), 0);
}

TEST("the first stack pointer is aligned, whatever the number of strings")
{
	for (int n = 0; n < 5; n++) {
		char *argv[] = { "u",
				 "role-aligned",
				 n > 0 ? "x" : NULL,
				 n > 1 ? "yyy" : NULL,
				 n > 2 ? "zz" : NULL,
				 n > 3 ? "" : NULL,
				 NULL };

		CHECK_EQ(in_child(start, argv), 0);
	}
}

/* ---- what survives ------------------------------------------------------------------- */

static void on_signal(int sig)
{
	(void)sig;
}

ROLE(survivors)
{
	struct sigaction act;
	sigset_t mask;

	(void)envp;
	CHECK_EQ(argc, 3);
	CHECK_EQ(fcntl(atoi(argv[1]), F_GETFD), 0);
	CHECK_ERR(fcntl(atoi(argv[2]), F_GETFD), EBADF);
	sigaction(SIGUSR1, NULL, &act);
	CHECK(act.sa_handler == SIG_DFL); /* was caught */
	sigaction(SIGUSR2, NULL, &act);
	CHECK(act.sa_handler == SIG_IGN);
	sigprocmask(SIG_BLOCK, NULL, &mask);
	CHECK(sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGINT));
	CHECK(alarm(0) > 0);
	CHECK_EQ(umask(0), 0123);
	return 0;
}

static void start_survivors(void *unused)
{
	int kept = open("/", O_RDONLY), closed = open("/", O_RDONLY | O_CLOEXEC);
	char a[16], b[16], *argv[] = { "utest", "role-survivors", a, b, NULL };
	sigset_t mask;

	(void)unused;
	snprintf(a, sizeof a, "%d", kept);
	snprintf(b, sizeof b, "%d", closed);
	signal(SIGUSR1, on_signal);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&mask);
	sigaddset(&mask, SIGTERM);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	umask(0123);
	alarm(100);
	start(argv);
}

TEST("across exec: descriptors but those close-on-exec, ignored signals, mask, alarm, umask")
{
	CHECK_EQ(in_child(start_survivors, NULL), 0);
}

/* ---- scripts ------------------------------------------------------------------------- */

static void write_file(const char *path, const void *data, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

/* Started by a script: argv is interpreter, its one argument, the script, the rest. */
ROLE(script)
{
	(void)envp;
	CHECK_EQ(argc, 4);
	CHECK(!strcmp(argv[1], "./script") && !strcmp(argv[2], "a b") && !strcmp(argv[3], "c"));
	return 21;
}

static void run_script(void *path)
{
	char *argv[] = { "ignored", "a b", "c", NULL }, *envp[] = { NULL };

	execve(path, argv, envp);
	exit(100 + errno);
}

TEST("a script starts its interpreter with one argument and its own path")
{
	char text[PATH_MAX + 64];
	int n = snprintf(text, sizeof text, "#! %s  role-script \nrest\n", self_path);

	write_file("script", text, (size_t)n);
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./script")), 21);
}

TEST("a script of a script works; one that is its own interpreter does not")
{
	char text[PATH_MAX + 64];
	int n = snprintf(text, sizeof text, "#!%s role-script", self_path);

	write_file("script", text, (size_t)n); /* no newline at the end */
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./script")), 21);
	write_file("self", "#!./self\n", 9);
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./self")), 100 + ELOOP);
	write_file("gone", "#!/no/such/thing\n", 17);
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./gone")), 100 + ENOENT);
	write_file("empty", "#!\n", 3);
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./empty")), 100 + ENOEXEC);
	write_file("blank", "#!   \n", 6);
	CHECK_EQ(WEXITSTATUS(in_child(run_script, "./blank")), 100 + ENOEXEC);
}

/* ---- what fails, and leaves the caller as it was -------------------------------------- */

TEST("exec refuses: absent, not executable, a directory, no program, bad pointers")
{
	char *argv[] = { "x", NULL }, *envp[] = { NULL };

	CHECK_ERR(execve("/no/such", argv, envp), ENOENT);
	CHECK_ERR(execve("", argv, envp), ENOENT);
	CHECK_ERR(execve("/", argv, envp), EACCES);
	write_file("plain", "hello", 5);
	CHECK_ERR(execve("./plain", argv, envp), ENOEXEC);
	write_file("nothing", "", 0);
	CHECK_ERR(execve("./nothing", argv, envp), ENOEXEC);
	CHECK_ERR(execve("./plain/x", argv, envp), ENOTDIR);
	chmod("plain", 0644);
	CHECK_ERR(execve("./plain", argv, envp), EACCES);
	CHECK_ERR(execve((char *)1, argv, envp), EFAULT);
	CHECK_ERR(execve(self_path, (char **)1, envp), EFAULT);
	CHECK_ERR(execve(self_path, (char *[]){ (char *)8, NULL }, envp), EFAULT);
	CHECK_ERR(execve(self_path, argv, (char *[]){ (char *)-1, NULL }), EFAULT);
}

TEST("too many or too long arguments are E2BIG, much is fine")
{
	static char *many[200 * 1000];
	char *envp[] = { NULL }, *huge = fresh(256 * KiB);
	size_t n = sizeof many / sizeof *many;

	memset(huge, 'x', 256 * KiB - 1);
	CHECK_ERR(execve(self_path, (char *[]){ "u", huge, NULL }, envp), E2BIG);
	for (size_t i = 0; i < n - 1; i++)
		many[i] = huge + 256 * KiB - 33; /* 32 bytes */
	CHECK_ERR(execve(self_path, many, envp), E2BIG);
}

ROLE(count)
{
	(void)envp;
	return argc == 20001 && strlen(argv[20000]) == 9 ? 33 : 34;
}

static void start_count(void *unused)
{
	static char *argv[20003], *envp[] = { NULL };

	(void)unused;
	argv[0] = "u";
	argv[1] = "role-count";
	for (int i = 2; i < 20002; i++)
		argv[i] = "argument ";
	execve(self_path, argv, envp);
}

TEST("twenty thousand arguments arrive")
{
	CHECK_EQ(WEXITSTATUS(in_child(start_count, NULL)), 33);
}

TEST("no argv at all gives one empty string")
{
	char *envp[] = { NULL };
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execve("/bin/true", NULL, envp);
		execve("/bin/busybox", NULL, envp);
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
}

TEST("exec of a program that is open for writing is ETXTBSY, or is not: never half")
{
	char *argv[] = { "x", NULL }, *envp[] = { NULL };
	int fd = open("busy", O_WRONLY | O_CREAT, 0755);

	NEED(fd >= 0);
	write(fd, "\177ELF", 4);
	errno = 0;
	CHECK(execve("./busy", argv, envp) == -1 && (errno == ETXTBSY || errno == ENOEXEC));
}
