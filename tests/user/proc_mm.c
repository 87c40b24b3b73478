/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_mm.c - what /proc tells of memory: pagemap, clear_refs, smaps, kpagecount, where things lie.
 */
#include <pthread.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include "user.h"

#define PM_SOFT_DIRTY (1ull << 55)
#define PM_EXCLUSIVE  (1ull << 56)
#define PM_FILE       (1ull << 61)
#define PM_PRESENT    (1ull << 63)
#define PM_FRAME      ((1ull << 55) - 1)

static uint64_t pagemap(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t w = 0;

	NEED(fd >= 0);
	NEED(pread(fd, &w, 8, (off_t)((uintptr_t)p / PAGE * 8)) == 8);
	close(fd);
	return w;
}

static int put(const char *file, const char *text)
{
	int fd = open(file, O_WRONLY), err;

	if (fd < 0)
		return -1;
	err = write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -1;
	close(fd);
	return err;
}

/* A number of the region of smaps that begins at p, in KiB; -1: no such line. */
static long smaps(const void *p, const char *key)
{
	char line[512], start[32];
	FILE *f = fopen("/proc/self/smaps", "r");
	size_t n = strlen(key);
	long v = -1;
	int in = 0;

	NEED(f);
	snprintf(start, sizeof(start), "%08lx-", (unsigned long)(uintptr_t)p);
	while (v < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, start, strlen(start)))
			in = 1;
		else if (in && !strncmp(line, key, n) && line[n] == ':')
			v = atol(line + n + 1);
	}
	fclose(f);
	return v;
}

/* Two pages without rights on either side keep other regions away. */
static char *apart(size_t n, int flags)
{
	char *all = mmap(NULL, n + 4 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	NEED(all != MAP_FAILED);
	p = mmap(all + 2 * PAGE, n, PROT_READ | PROT_WRITE, MAP_FIXED | MAP_ANONYMOUS | flags, -1,
		 0);
	NEED(p != MAP_FAILED);
	return p;
}

TEST("pagemap: present, alone, shared, of the zero page, absent")
{
	char *p = apart(8 * PAGE, MAP_PRIVATE), *s = apart(2 * PAGE, MAP_SHARED);
	uint64_t w;
	volatile char c;

	p[0] = 1;
	c = p[PAGE];
	s[0] = 1;
	w = pagemap(p);
	CHECK(w & PM_PRESENT && w & PM_EXCLUSIVE && !(w & PM_FILE));
	w = pagemap(p + PAGE);
	CHECK(w & PM_PRESENT && !(w & PM_EXCLUSIVE));
	CHECK(!(pagemap(p + 2 * PAGE) & PM_PRESENT));
	w = pagemap(s);
	CHECK(w & PM_PRESENT && w & PM_FILE);
	CHECK(!(pagemap(p - PAGE) & PM_PRESENT));
	if (geteuid() == 0)
		CHECK(pagemap(p) & PM_FRAME);
	(void)c;
}

TEST("pagemap: what cannot be meant, and the end")
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t w[2];

	NEED(fd >= 0);
	CHECK_ERR(pread(fd, w, 7, 0), EINVAL);
	CHECK_ERR(pread(fd, w, 8, 4), EINVAL);
	CHECK_EQ(pread(fd, w, 16, 0), 16);
	CHECK(w[0] == 0 || under_64_bits());
	if (!under_64_bits())
		CHECK_EQ(pread(fd, w, 8, (off_t)(((1ull << 47) >> 12) * 8)), 0);
}

static void only_root(void *p)
{
	if (setresuid(1000, 1000, 1000))
		_exit(2);
	prctl(PR_SET_DUMPABLE, 1);
	_exit(pagemap(p) & PM_FRAME ? 1 : 0);
}

TEST("pagemap: frames are for the super-user")
{
	char *p = fresh(PAGE);

	if (geteuid())
		skip("asks to be root");
	p[0] = 1;
	CHECK_EQ(in_child(only_root, p), 0);
}

TEST("clear_refs: writes are seen after 4, and only those")
{
	char *p = apart(8 * PAGE, MAP_PRIVATE);
	int watches;

	memset(p, 1, 4 * PAGE);
	watches = !!(pagemap(p) & PM_SOFT_DIRTY);
	if (on_quire())
		CHECK_EQ(watches, sizeof(void *) == 8);
	CHECK_EQ(!!(pagemap(p + 6 * PAGE) & PM_SOFT_DIRTY), watches);
	CHECK_EQ(put("/proc/self/clear_refs", "4"), 0);
	CHECK(!(pagemap(p) & PM_SOFT_DIRTY) && !(pagemap(p + 6 * PAGE) & PM_SOFT_DIRTY));
	p[PAGE] = 2;
	p[5 * PAGE] = 2;
	CHECK_EQ(!!(pagemap(p + PAGE) & PM_SOFT_DIRTY), watches);
	CHECK_EQ(!!(pagemap(p + 5 * PAGE) & PM_SOFT_DIRTY), watches);
	CHECK(!(pagemap(p) & PM_SOFT_DIRTY) && !(pagemap(p + 2 * PAGE) & PM_SOFT_DIRTY));
	CHECK(p[0] == 1 && p[PAGE] == 2);
	CHECK_EQ(put("/proc/self/clear_refs", "6"), -1);
	CHECK_EQ(put("/proc/self/clear_refs", "x"), -1);
	CHECK_EQ(put("/proc/self/clear_refs", "5\n"), 0);
}

static void write_some(void *p)
{
	memset(p, 5, 2 * PAGE);
	_exit(smaps(p, "Private_Dirty") == 8 ? 0 : 1);
}

TEST("smaps: sizes, and shares of what is shared")
{
	char *p = apart(32 * PAGE, MAP_PRIVATE);
	int pipes[2], status;
	pid_t c;

	madvise(p, 32 * PAGE, MADV_NOHUGEPAGE);
	memset(p, 1, 16 * PAGE);
	CHECK_EQ(smaps(p, "Size"), 128);
	CHECK_EQ(smaps(p, "Rss"), 64);
	CHECK_EQ(smaps(p, "Pss"), 64);
	CHECK_EQ(smaps(p, "Private_Dirty"), 64);
	CHECK_EQ(smaps(p, "Anonymous"), 64);
	CHECK_EQ(smaps(p, "Referenced"), 64);
	CHECK_EQ(smaps(p, "Locked"), 0);
	NEED(pipe(pipes) == 0);
	c = fork();
	if (c == 0) {
		close(pipes[1]);
		_exit((int)read(pipes[0], p, 1));
	}
	CHECK_EQ(smaps(p, "Pss"), 32);
	CHECK_EQ(smaps(p, "Rss"), 64);
	CHECK_EQ(smaps(p, "Shared_Clean") + smaps(p, "Shared_Dirty"), 64);
	close(pipes[1]);
	NEED(waitpid(c, &status, 0) == c);
	CHECK_EQ(smaps(p, "Pss"), 64);
	CHECK_EQ(in_child(write_some, p), 0);
	CHECK_EQ(put("/proc/self/clear_refs", "1"), 0);
	CHECK_EQ(smaps(p, "Referenced"), 0);
	CHECK_EQ(smaps(p, "Rss"), 64);
	NEED(mlock(p, 32 * PAGE) == 0);
	CHECK_EQ(smaps(p, "Locked"), 128);
}

TEST("kpagecount and kpageflags know the frame of a page")
{
	int count = open("/proc/kpagecount", O_RDONLY), flags = open("/proc/kpageflags", O_RDONLY);
	char *p = fresh(PAGE);
	uint64_t w = 0, frame;

	if (count < 0 || flags < 0)
		skip("asks to be root");
	p[0] = 1;
	frame = pagemap(p) & PM_FRAME;
	CHECK_EQ(pread(count, &w, 8, (off_t)(frame * 8)), 8);
	CHECK_EQ(w, 1);
	CHECK_EQ(pread(flags, &w, 8, (off_t)(frame * 8)), 8);
	CHECK(w & 1 << 11 && w & 1 << 12); /* MMAP, ANON */
	CHECK_ERR(pread(count, &w, 4, 0), EINVAL);
}

TEST("zoneinfo: the zones are all memory, without holes")
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned long n, managed = 0, pages_free = 0;
	long total = proc_kib("/proc/meminfo", "MemTotal");
	char line[256];

	NEED(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, " managed %lu", &n) == 1)
			managed += n;
		if (sscanf(line, " pages free %lu", &n) == 1)
			pages_free += n;
	}
	fclose(f);
	CHECK(pages_free && pages_free <= managed);
	if (!on_quire())
		skip("a machine may plug in memory that no zone shows");
	CHECK_EQ((long)(managed * (PAGE / 1024)), total);
	CHECK(proc_kib("/proc/meminfo", "MemFree") - (long)(pages_free * 4) < 4096);
}

TEST("mem: a process reads and writes itself, past its rights")
{
	int fd = open("/proc/self/mem", O_RDWR);
	char *p = fresh(2 * PAGE), c = 0;

	NEED(fd >= 0);
	p[5] = 'm';
	CHECK_EQ(pread(fd, &c, 1, (off_t)(uintptr_t)p + 5), 1);
	CHECK_EQ(c, 'm');
	NEED(mprotect(p, PAGE, PROT_READ) == 0);
	CHECK_EQ(pwrite(fd, "w", 1, (off_t)(uintptr_t)p + 6), 1);
	CHECK_EQ(p[6], 'w');
	NEED(munmap(p, PAGE) == 0);
	CHECK_ERR(pread(fd, &c, 1, (off_t)(uintptr_t)p), EIO);
}

/* Where the heap, the stack and a fresh mapping of a new program are. */
ROLE(where)
{
	void *m = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argc, (void)argv, (void)envp;
	printf("%p %p %p\n", sbrk(0), (void *)&m, m);
	return 0;
}

static void places(unsigned long at[3])
{
	char command[PATH_MAX + 32];
	void *p[3] = { 0 };
	FILE *f;

	snprintf(command, sizeof(command), "%s role-where", self_path);
	f = popen(command, "r");
	NEED(f && fscanf(f, "%p %p %p", &p[0], &p[1], &p[2]) == 3);
	pclose(f);
	for (int i = 0; i < 3; i++)
		at[i] = (unsigned long)p[i];
}

TEST("addresses are others each time, unless nobody wants that")
{
	unsigned long a[3], b[3], differ[3] = { 0 };
	int fd = open("/proc/sys/kernel/randomize_va_space", O_RDONLY);
	long was = personality(0xffffffff);
	char how = 0;

	NEED(fd >= 0 && read(fd, &how, 1) == 1);
	if (how != '2')
		skip("addresses are not random here");
	NEED(personality((unsigned long)was & ~(unsigned long)ADDR_NO_RANDOMIZE) >= 0);
	places(a);
	for (int n = 0; n < 4; n++) {
		places(b);
		for (int i = 0; i < 3; i++)
			differ[i] |= a[i] ^ b[i];
	}
	CHECK(differ[0] && differ[1] && differ[2]);
	NEED(personality((unsigned long)was | ADDR_NO_RANDOMIZE) >= 0);
	places(a);
	places(b);
	CHECK(a[0] == b[0] && a[1] == b[1] && a[2] == b[2]);
	CHECK_EQ(personality(0xffffffff) & ADDR_NO_RANDOMIZE, ADDR_NO_RANDOMIZE);
}

static int own_name(void *arg __attribute__((unused)))
{
	char line[32] = "";
	int fd;

	prctl(PR_SET_NAME, "second");
	fd = open("/proc/thread-self/comm", O_RDONLY);
	if (read(fd, line, sizeof(line) - 1) <= 0 || strcmp(line, "second\n"))
		_exit(1);
	fd = open("/proc/self/comm", O_RDONLY);
	memset(line, 0, sizeof(line));
	if (read(fd, line, sizeof(line) - 1) <= 0 || strcmp(line, "first\n"))
		_exit(2);
	_exit(0);
}

static void *start(void *arg)
{
	return (void *)(intptr_t)own_name(arg);
}

static void two_names(void *arg __attribute__((unused)))
{
	pthread_t t;

	prctl(PR_SET_NAME, "first");
	if (pthread_create(&t, NULL, start, NULL))
		_exit(3);
	pthread_join(t, NULL);
	_exit(4);
}

TEST("each thread has a name of its own")
{
	CHECK_EQ(in_child(two_names, NULL), 0);
}

static long clean_tables(void)
{
	char text[512] = "", *at;
	int fd = open("/proc/quire/frames", O_RDONLY);

	NEED(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	at = strstr(text, "clean ");
	NEED(at);
	return atol(at + 6);
}

TEST("tables that are kept for the next process are free memory, and go when asked for")
{
	const size_t leaf = 4 * MiB, n = 12;
	long before, kept;
	char *p;

	if (!on_quire())
		skip("asks /proc/quire");
	p = mmap(NULL, n * leaf, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(p != MAP_FAILED && madvise(p, n * leaf, MADV_NOHUGEPAGE) == 0);
	CHECK_EQ(put("/proc/sys/vm/drop_caches", "3"), 0);
	CHECK_EQ(clean_tables(), 0);
	before = proc_kib("/proc/meminfo", "PageTables");
	for (size_t i = 0; i < n; i++)
		p[i * leaf] = 1;
	CHECK(proc_kib("/proc/meminfo", "PageTables") - before >= (long)(n - 1) * 4);
	munmap(p, n * leaf);
	kept = clean_tables();
	CHECK(kept >= (long)n - 2);
	CHECK(proc_kib("/proc/meminfo", "PageTables") <= before);
	before = proc_kib("/proc/meminfo", "MemFree");
	CHECK_EQ(put("/proc/sys/vm/drop_caches", "3"), 0);
	CHECK_EQ(clean_tables(), 0);
	CHECK(proc_kib("/proc/meminfo", "MemFree") - before < kept * 2);
}

TEST("settings of /proc/sys are numbers within bounds")
{
	if (!on_quire())
		skip("leaves a Linux alone");
	CHECK_EQ(put("/proc/sys/vm/swappiness", "10\n"), 0);
	CHECK_EQ(put("/proc/sys/vm/swappiness", "60"), 0);
	CHECK_EQ(put("/proc/sys/vm/swappiness", "201"), -1);
	CHECK_EQ(put("/proc/sys/vm/overcommit_memory", "3"), -1);
	CHECK_EQ(put("/proc/sys/vm/drop_caches", "3"), 0);
	CHECK_EQ(put("/proc/sys/kernel/pid_max", "300"), -1);
	CHECK_EQ(put("/proc/sys/kernel/randomize_va_space", "x"), -1);
	CHECK_EQ(put("/proc/sys/kernel/tainted", "1"), -1);
}

/* The line of numa_maps of the region that begins at p. */
static const char *numa_line(const void *p)
{
	static char line[4096];
	FILE *f = fopen("/proc/self/numa_maps", "r");
	char start[32];

	if (!f)
		skip("no numa_maps here");
	snprintf(start, sizeof(start), "%08lx ", (unsigned long)(uintptr_t)p);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, start, strlen(start)))
			break;
		else
			*line = 0;
	fclose(f);
	return *line ? line + strlen(start) : "";
}

TEST("numa_maps: policies, names and counts of pages")
{
	unsigned long here = 1;
	char *p = apart(4 * PAGE, MAP_PRIVATE), *s = apart(2 * PAGE, MAP_SHARED);
	pid_t c;

	CHECK(!strcmp(numa_line(p), "default\n"));
	p[0] = p[PAGE] = p[2 * PAGE] = 1;
	s[0] = 1;
	CHECK(!strncmp(numa_line(p), "default anon=3 dirty=3 ", 23));
	CHECK(strstr(numa_line(p), " N0=3 kernelpagesize_kB=4\n"));
	CHECK(!strstr(numa_line(p), "mapmax"));
	CHECK(!strncmp(numa_line(s), "default file=/dev/zero\\040(deleted) ", 35));
	CHECK(strstr(numa_line(s), " N0=1 kernelpagesize_kB=4\n"));
	if (syscall(SYS_mbind, p, 4 * PAGE, 2 /* MPOL_BIND */, &here, 8 * sizeof(here), 0) == 0)
		CHECK(!strncmp(numa_line(p), "bind:0 anon=3 ", 14));
	c = fork();
	if (c == 0) {
		pause();
		_exit(0);
	}
	CHECK(strstr(numa_line(p), " mapmax=2 "));
	kill(c, SIGKILL);
	waitpid(c, NULL, 0);
}

static void line_of(pid_t nr, char *line, size_t n)
{
	char name[64];
	int fd;

	snprintf(name, sizeof(name), "/proc/%d/syscall", (int)nr);
	fd = open(name, O_RDONLY);
	if (fd < 0)
		skip("no /proc/PID/syscall here");
	memset(line, 0, n);
	NEED(read(fd, line, n - 1) > 0);
	close(fd);
}

TEST("syscall: which call a process is in, with what")
{
	char line[256], want[64];
	int in[2];
	pid_t c;

	line_of(getpid(), line, sizeof(line));
	snprintf(want, sizeof(want), "%d 0x", SYS_read);
	CHECK(!strncmp(line, want, strlen(want)));
	NEED(pipe(in) == 0);
	c = fork();
	if (c == 0)
		_exit(syscall(SYS_read, in[0], line, 77) != 77);
	snprintf(want, sizeof(want), "%d 0x%x 0x%lx 0x4d 0x", SYS_read, in[0],
		 (unsigned long)(uintptr_t)line);
	for (int i = 0; i < 100; i++) {
		usleep(2000);
		line_of(c, line, sizeof(line));
		if (strcmp(line, "running\n"))
			break;
	}
	CHECK(!strncmp(line, want, strlen(want)));
	kill(c, SIGKILL);
	waitpid(c, NULL, 0);
}
