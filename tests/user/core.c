/* SPDX-License-Identifier: BSD-2-Clause
 *
 * core.c - core files: who leaves one, and what is in it.
 */
#include "user.h"
#include "thread.h"
#include <cpuid.h>
#include <elf.h>
#include <link.h>
#include <sys/procfs.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* <sys/procfs.h> has the times of the C library's choice; the kernel's are longs. */
struct status {
	int signo, code, err;
	short cursig;
	unsigned long pending, blocked;
	pid_t pid, ppid, group, session;
	long times[8];
	unsigned long regs[sizeof(elf_gregset_t) / sizeof(long)];
	int fpu_valid;
};

static struct {
	char *map;
	size_t size;
} core;

/* Core files are written beside their program on this machine, under this name. */
static void need_core(void)
{
	char pattern[16] = "";
	int fd = open("/proc/sys/kernel/core_pattern", O_RDONLY);

	if (fd < 0 || read(fd, pattern, sizeof(pattern)) != 5 || strcmp(pattern, "core\n"))
		skip("core_pattern is not core");
	close(fd);
}

static void allow(rlim_t size)
{
	struct rlimit l = { size, RLIM_INFINITY };

	setrlimit(RLIMIT_CORE, &l);
}

/* The core file as memory; false: there is none. */
static int open_core(void)
{
	int fd = open("core", O_RDONLY);
	struct stat st;

	if (fd < 0)
		return 0;
	NEED(fstat(fd, &st) == 0);
	core.size = (size_t)st.st_size;
	core.map = mmap(NULL, core.size, PROT_READ, MAP_PRIVATE, fd, 0);
	NEED(core.map != MAP_FAILED);
	CHECK(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	close(fd);
	return 1;
}

static const ElfW(Phdr) * segments(unsigned *n)
{
	const ElfW(Ehdr) *e = (const void *)core.map;

	NEED(!memcmp(e->e_ident, ELFMAG, SELFMAG) && e->e_type == ET_CORE);
	*n = e->e_phnum;
	return (const void *)(core.map + e->e_phoff);
}

/* The byte of the program at an address; -1: the file does not have it, -2: no such memory. */
static int byte_at(const void *at)
{
	unsigned n;
	const ElfW(Phdr) *p = segments(&n);

	for (; n--; p++) {
		size_t into = (uintptr_t)at - p->p_vaddr;

		if (p->p_type == PT_LOAD && into < p->p_memsz)
			return into < p->p_filesz ? (unsigned char)core.map[p->p_offset + into]
						  : -1;
	}
	return -2;
}

/* The k-th note of a type. */
static const void *note(unsigned type, unsigned k, size_t *size)
{
	unsigned n;
	const ElfW(Phdr) *p = segments(&n);
	const char *at = core.map + p->p_offset, *end = at + p->p_filesz;

	NEED(p->p_type == PT_NOTE);
	while (at < end) {
		const ElfW(Nhdr) *h = (const void *)at;

		at += sizeof(*h) + (h->n_namesz + 3) / 4 * 4;
		*size = h->n_descsz;
		if (h->n_type == type && k-- == 0)
			return at;
		at += (h->n_descsz + 3) / 4 * 4;
	}
	return NULL;
}

static char *seen, *hidden, *shared, *far;
static char data_word = 3;
static volatile uintptr_t fault_at;

static int wait_here(void *arg)
{
	(void)arg;
	for (;;)
		pause();
	return 0;
}

static void crash(void)
{
	struct thread t;

	allow(RLIM_INFINITY);
	seen[PAGE] = 7;
	shared[0] = 9;
	hidden[0] = 8;
	data_word = 4;
	far[300 * PAGE] = 5;
	madvise(hidden, PAGE, MADV_DONTDUMP);
	thread_start(&t, wait_here, NULL);
	fault_at = 16;
	*(volatile char *)fault_at = 1;
}

TEST("a fault leaves a file with registers, threads and memory; DONTDUMP hides")
{
	const struct status *s;
	const prpsinfo_t *info;
	size_t size;
	pid_t child;
	int status;

	need_core();
	seen = fresh(3 * PAGE);
	far = fresh(400 * PAGE);
	mmap(seen + PAGE * 2, PAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	hidden = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	child = fork();
	if (child == 0) {
		crash();
		_exit(0);
	}
	CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK(WTERMSIG(status) == SIGSEGV && WCOREDUMP(status));
	NEED(open_core());
	s = note(NT_PRSTATUS, 0, &size);
	NEED(s && size == sizeof(*s));
	CHECK(s->pid == child && s->ppid == getpid() && s->cursig == SIGSEGV);
	CHECK(byte_at((void *)s->regs[sizeof(long) == 8 ? 16 : 12]) >= -1); /* where it was */
	CHECK(byte_at((void *)s->regs[sizeof(long) == 8 ? 19 : 15]) >= 0);  /* its stack */
	s = note(NT_PRSTATUS, 1, &size);
	CHECK(s && s->pid != child);
	CHECK(!note(NT_PRSTATUS, 2, &size));
	info = note(NT_PRPSINFO, 0, &size);
	CHECK(info && size == sizeof(*info) && info->pr_pid == child &&
	      !strncmp(info->pr_fname, "utest", 5));
	CHECK(note(0x53494749, 0, &size) && size == 128);
	CHECK(note(NT_AUXV, 0, &size) && note(0x46494c45, 0, &size));
	CHECK_EQ(byte_at(seen + PAGE), 7);
	CHECK_EQ(byte_at(seen), 0);
	CHECK_EQ(byte_at(seen + 2 * PAGE), -1);
	CHECK_EQ(byte_at(hidden), -1);
	CHECK_EQ(byte_at(shared), 9);
	CHECK_EQ(byte_at(&data_word), 4);
	CHECK_EQ(byte_at(far + 300 * PAGE), 5);
	CHECK_EQ(byte_at((void *)16), -2);
}

static int dies_of(int sig, void (*prepare)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		prepare();
		signal(sig, SIG_DFL);
		raise(sig);
		_exit(0);
	}
	NEED(waitpid(child, &status, 0) == child && WIFSIGNALED(status));
	CHECK_EQ(WTERMSIG(status), sig);
	return WCOREDUMP(status) != 0;
}

static void unlimited(void)
{
	allow(RLIM_INFINITY);
}

static void none(void)
{
	allow(0);
}

static void secretive(void)
{
	unlimited();
	prctl(PR_SET_DUMPABLE, 0);
}

static void little(void)
{
	allow(5 * PAGE);
}

TEST("which signals leave one; limits, and who is not dumpable")
{
	static const int yes[] = { SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS,
				   SIGFPE,  SIGSYS, SIGXCPU, SIGXFSZ };
	static const int no[] = { SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGTERM };

	need_core();
	for (unsigned i = 0; i < sizeof(no) / sizeof(*no); i++)
		CHECK_EQ(dies_of(no[i], unlimited), 0);
	CHECK_EQ(dies_of(SIGABRT, none), 0);
	CHECK_EQ(dies_of(SIGABRT, secretive), 0);
	CHECK(!open_core());
	CHECK(mkdir("core", 0700) == 0);
	CHECK_EQ(dies_of(SIGABRT, unlimited), 0);
	CHECK(rmdir("core") == 0 && symlink("elsewhere", "core") == 0);
	CHECK_EQ(dies_of(SIGABRT, unlimited), 1);
	CHECK(access("elsewhere", F_OK) < 0 && open_core()); /* a file in the link's place */
	dies_of(SIGABRT, little);
	CHECK(open_core() && core.size <= 5 * PAGE);
	for (unsigned i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		CHECK_EQ(dies_of(yes[i], unlimited), 1);
}

static void with_filter(const char *bits)
{
	int fd = open("/proc/self/coredump_filter", O_RDWR);
	char text[16] = "";

	NEED(fd >= 0 && write(fd, bits, strlen(bits)) > 0);
	CHECK(pread(fd, text, sizeof(text), 0) == 9 &&
	      strtoul(text, NULL, 16) == strtoul(bits, NULL, 0));
	close(fd);
}

static void only_shared(void)
{
	unlimited();
	with_filter("0x2");
}

TEST("coredump_filter: which memory, and for children too")
{
	char text[16] = "";
	int fd = open("/proc/self/coredump_filter", O_RDONLY);

	need_core();
	NEED(fd >= 0 && read(fd, text, sizeof(text)) == 9);
	CHECK_EQ(strtoul(text, NULL, 16), 0x33);
	seen = fresh(PAGE);
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	seen[0] = 1;
	shared[0] = 2;
	CHECK_EQ(dies_of(SIGABRT, only_shared), 1);
	NEED(open_core());
	CHECK_EQ(byte_at(seen), -1);
	CHECK_EQ(byte_at(shared), 2);
	with_filter("0x21");
	if (fork() == 0)
		_exit(dies_of(SIGABRT, unlimited) != 1);
	CHECK(wait(NULL) > 0 && open_core());
	CHECK_EQ(byte_at(seen), 1);
	CHECK_EQ(byte_at(shared), -1);
}

static void with_wide_registers(void)
{
	static unsigned char bytes[32];

	unlimited();
	memset(bytes, 0xa5, 32);
	__asm__ volatile("vmovdqu %0, %%ymm5\n\tud2" : : "m"(bytes) : "memory");
}

TEST("extended state is in it, as Linux lays it out, with what was not used as it begins")
{
	unsigned a, b, c = 0, d;
	const unsigned char *image;
	uint64_t parts;
	size_t size;

	need_core();
	__get_cpuid(1, &a, &b, &c, &d);
	if (!(c & bit_OSXSAVE) || !(c & bit_AVX))
		skip("no AVX");
	CHECK_EQ(dies_of(SIGILL, with_wide_registers), 1);
	NEED(open_core());
	image = note(0x202, 0, &size); /* NT_X86_XSTATE */
	NEED(image && size >= 832);
	memcpy(&parts, image + 464, sizeof(parts));
	CHECK_EQ(parts & 7, 7);
	CHECK(image[0] == 0x7f && image[1] == 3 && image[24] == 0x80 && image[25] == 0x1f);
	CHECK_EQ(image[512] & 4, 4);
	for (unsigned i = 0; i < 16; i++) {
		CHECK_EQ(image[160 + 16 * 5 + i], 0xa5);
		CHECK_EQ(image[576 + 16 * 5 + i], 0xa5);
	}
}
