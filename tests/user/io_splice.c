/* SPDX-License-Identifier: BSD-2-Clause
 *
 * io_splice.c - splice, tee, vmsplice: bytes between pipes and files that no program touches.
 */
#include "user.h"
#include <sys/socket.h>
#include <sys/uio.h>

static int a[2], b[2];

static void make_pipes(void)
{
	NEED(pipe(a) == 0 && pipe(b) == 0);
}

static int file_of(const char *text)
{
	int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);

	NEED(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static void expect(int fd, const char *text)
{
	char buf[256] = "";
	ssize_t n = read(fd, buf, sizeof buf - 1);

	CHECK_EQ(n, strlen(text));
	CHECK(!strcmp(buf, text));
}

TEST("splice: from a file into a pipe and back, at positions given and its own")
{
	int fd = file_of("hello, world"), out = open("out", O_RDWR | O_CREAT | O_TRUNC, 0600);
	off64_t at = 7;
	struct stat st;

	make_pipes();
	CHECK_EQ(splice(fd, NULL, a[1], NULL, 5, 0), 5);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
	CHECK_EQ(splice(fd, &at, a[1], NULL, 100, 0), 5);
	CHECK_EQ(at, 12);
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
	CHECK_EQ(splice(fd, &at, a[1], NULL, 100, 0), 0); /* the end */
	at = 3;
	CHECK_EQ(splice(a[0], NULL, out, &at, 7, 0), 7);
	CHECK_EQ(at, 10);
	CHECK(fstat(out, &st) == 0 && st.st_size == 10);
	CHECK_EQ(splice(a[0], NULL, out, NULL, 100, 0), 3);
	expect(out, "hellowo");
	lseek(out, 0, SEEK_SET);
	expect(out, "rldhellowo");
}

TEST("splice, tee: a page that others have, too, is not written through a pipe")
{
	int fd = file_of("hello");
	char c = 0;

	make_pipes();
	CHECK_EQ(splice(fd, NULL, a[1], NULL, 5, 0), 5);
	CHECK_EQ(tee(a[0], b[1], 3, 0), 3);
	CHECK_EQ(write(a[1], ", you", 5), 5);
	CHECK_EQ(write(b[1], "met", 3), 3);
	expect(b[0], "helmet");
	CHECK(pread(fd, &c, 1, 5) == 0); /* the file did not grow, */
	CHECK_EQ(ftruncate(fd, 0), 0);   /* and goes first */
	CHECK_EQ(close(fd), 0);
	expect(a[0], "hello, you");
}

TEST("tee: both pipes go on by themselves")
{
	make_pipes();
	CHECK_EQ(write(a[1], "one", 3), 3);
	CHECK_EQ(tee(a[0], b[1], 100, 0), 3);
	CHECK_EQ(write(a[1], " two", 4), 4);
	CHECK_EQ(tee(a[0], b[1], 5, 0), 5);
	expect(a[0], "one two");
	CHECK_EQ(write(b[1], "!", 1), 1);
	expect(b[0], "oneone t!");
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 1, SPLICE_F_NONBLOCK), -1);
}

TEST("splice: as much as a pipe holds; between pipes, whole and in part")
{
	static char many[100000], back[100000];
	int fd = open("many", O_RDWR | O_CREAT, 0600);
	ssize_t n, got = 0, k;

	make_pipes();
	for (size_t i = 0; i < sizeof many; i++)
		many[i] = (char)(i * 5 + i / 256);
	NEED(write(fd, many, sizeof many) == sizeof many && lseek(fd, 0, SEEK_SET) == 0);
	n = splice(fd, NULL, a[1], NULL, sizeof many, 0);
	CHECK_EQ(n, 65536);
	CHECK_ERR(splice(fd, NULL, a[1], NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 10000, 0), 10000);
	CHECK_EQ(read(b[0], back, 4000), 4000);
	CHECK_EQ(splice(a[0], NULL, b[1], NULL, 100, 0), 100);
	for (got = 4000; got < 10100; got += k)
		NEED((k = read(b[0], back + got, (size_t)(10100 - got))) > 0);
	for (; got < n; got += k)
		NEED((k = read(a[0], back + got, (size_t)(n - got))) > 0);
	CHECK(!memcmp(many, back, (size_t)n));
}

TEST("splice: what is refused")
{
	int fd = file_of("x"), out = open("out", O_WRONLY | O_CREAT | O_APPEND, 0600);
	int wr = open("file", O_WRONLY);
	off64_t at = 0;

	make_pipes();
	CHECK_EQ(splice(-1, NULL, -1, NULL, 0, 0), 0);
	CHECK_ERR(splice(fd, NULL, a[1], NULL, 1, 99), EINVAL);
	CHECK_ERR(splice(-1, NULL, a[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(fd, NULL, 999, NULL, 1, 0), EBADF);
	CHECK_ERR(splice(fd, NULL, a[0], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(wr, NULL, a[1], NULL, 1, 0), EBADF);
	CHECK_ERR(splice(fd, NULL, wr, NULL, 1, 0), EINVAL); /* no pipe */
	CHECK_ERR(splice(fd, NULL, a[1], &at, 1, 0), ESPIPE);
	CHECK_ERR(splice(a[0], &at, wr, NULL, 1, 0), ESPIPE);
	CHECK_ERR(splice(fd, (void *)8, a[1], NULL, 1, 0), EFAULT);
	CHECK_ERR(splice(a[0], NULL, a[1], NULL, 1, 0), EINVAL); /* itself */
	NEED(write(a[1], "y", 1) == 1);
	CHECK_ERR(splice(a[0], NULL, out, NULL, 1, 0), EINVAL);
	at = -1;
	CHECK_ERR(splice(fd, &at, a[1], NULL, 1, 0), EINVAL);
	CHECK_ERR(splice(b[0], NULL, wr, NULL, 1, SPLICE_F_NONBLOCK), EAGAIN);
	close(b[1]);
	CHECK_EQ(splice(b[0], NULL, wr, NULL, 1, 0), 0); /* nobody writes */
	signal(SIGPIPE, SIG_IGN);
	close(a[0]);
	CHECK_ERR(splice(fd, NULL, a[1], NULL, 1, 0), EPIPE);
}

TEST("splice: a pipe that is empty or full is waited for")
{
	int s[2], status;
	pid_t pid;

	make_pipes();
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
	pid = fork();
	if (pid == 0) {
		usleep(20000);
		(void)!write(a[1], "late", 4);
		usleep(20000);
		(void)!write(s[1], "later", 5);
		_exit(0);
	}
	CHECK_EQ(splice(a[0], NULL, s[0], NULL, 100, 0), 4);
	expect(s[1], "late");
	CHECK_EQ(splice(s[0], NULL, b[1], NULL, 100, 0), 5);
	expect(b[0], "later");
	CHECK_EQ(waitpid(pid, &status, 0), pid);
}

TEST("tee: both pipes have it")
{
	make_pipes();
	NEED(write(a[1], "twice", 5) == 5);
	CHECK_EQ(tee(a[0], b[1], 3, 0), 3);
	CHECK_EQ(tee(a[0], b[1], 100, 0), 5);
	expect(b[0], "twitwice");
	expect(a[0], "twice");
	CHECK_ERR(tee(a[0], b[1], 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(tee(a[0], b[1], 0, 0), 0);
	CHECK_ERR(tee(a[0], a[1], 1, 0), EINVAL);
	CHECK_ERR(tee(a[0], file_of("x"), 1, 0), EINVAL);
	CHECK_ERR(tee(a[1], b[1], 1, 0), EBADF);
	CHECK_ERR(tee(a[0], b[1], 1, 64), EINVAL);
	close(a[1]);
	CHECK_EQ(tee(a[0], b[1], 1, 0), 0);
}

TEST("vmsplice: memory into a pipe, and out of it")
{
	char one[] = "from ", two[] = "memory", buf[32] = "";
	struct iovec v[2] = { { one, 5 }, { two, 6 } }, in = { buf, sizeof buf };

	make_pipes();
	CHECK_EQ(vmsplice(a[1], v, 2, 0), 11);
	CHECK_EQ(vmsplice(a[0], &in, 1, 0), 11);
	CHECK(!strcmp(buf, "from memory"));
	CHECK_ERR(vmsplice(a[0], &in, 1, SPLICE_F_NONBLOCK), EAGAIN);
	CHECK_EQ(vmsplice(a[1], v, 0, 0), 0);
	CHECK_ERR(vmsplice(a[1], v, 2000, 0), EINVAL);
	CHECK_ERR(vmsplice(a[1], v, 2, 64), EINVAL);
	CHECK_ERR(vmsplice(a[1], (void *)8, 1, 0), EFAULT);
	CHECK_ERR(vmsplice(file_of("x"), v, 2, 0), EBADF);
	CHECK_ERR(vmsplice(-1, v, 2, 0), EBADF);
}

/* The first byte of a page that the pipe holds; the others are the same. */
static int taken(char others)
{
	static char buf[PAGE];

	NEED(read(a[0], buf, PAGE) == PAGE);
	for (size_t i = 1; i < PAGE; i++)
		NEED(buf[i] == others);
	return buf[0];
}

static char *memory(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(p != MAP_FAILED);
	return p;
}

TEST("vmsplice: pages are lent: what is written later is seen, until copy-on-write parts them")
{
	char *p = memory(2 * PAGE);
	struct iovec v = { p, PAGE }, fresh = { p + PAGE, PAGE };
	pid_t child;

	make_pipes();
	memset(p, 'a', PAGE);
	CHECK_EQ(vmsplice(a[1], &v, 1, 0), PAGE);
	p[0] = 'b';
	CHECK_EQ(taken('a'), 'b');

	CHECK_EQ(vmsplice(a[1], &v, 1, 0), PAGE);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	p[0] = 'c';
	CHECK_EQ(taken('a'), 'b');
	CHECK_EQ(vmsplice(a[1], &v, 1, 0), PAGE);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	CHECK_EQ(taken('a'), 'c');

	CHECK_EQ(vmsplice(a[1], &fresh, 1, 0), PAGE); /* zeroes, which are everybody's */
	p[PAGE] = 'd';
	CHECK_EQ(taken(0), 0);
	CHECK_EQ(p[PAGE], 'd');

	CHECK_EQ(vmsplice(a[1], &v, 1, 0), PAGE);
	NEED(munmap(p, 2 * PAGE) == 0);
	CHECK_EQ(taken('a'), 'c');
}

TEST("vmsplice: a slot for each piece of a page, as many as there are")
{
	struct iovec v[20];
	char *p = memory(32 * PAGE), buf[2 * PAGE];

	make_pipes();
	for (int i = 0; i < 20; i++)
		v[i] = (struct iovec){ "0123456789abcdefghij" + i, 1 };
	CHECK_EQ(vmsplice(a[1], v, 20, SPLICE_F_NONBLOCK), 16);
	CHECK_ERR(vmsplice(a[1], v, 20, SPLICE_F_NONBLOCK), EAGAIN);
	expect(a[0], "0123456789abcdef");
	v[0] = (struct iovec){ p + PAGE - 1, PAGE + 2 };
	memset(p, 'x', 32 * PAGE);
	CHECK_EQ(vmsplice(a[1], v, 1, 0), PAGE + 2);
	CHECK_EQ(read(a[0], buf, sizeof buf), PAGE + 2);
	v[0] = (struct iovec){ p, 32 * PAGE };
	CHECK_EQ(vmsplice(a[1], v, 1, 0), 16 * PAGE);
	munmap(p + 4 * PAGE, PAGE);
	for (int i = 0; i < 16; i++)
		CHECK_EQ(taken('x'), 'x');
	CHECK_EQ(vmsplice(a[1], v, 1, 0), 4 * PAGE); /* up to the hole */
}

/* Pages of a huge page, of a file, and such as go while they are lent. */
static void lend_and_go(void)
{
	const size_t huge = 4 << 20;
	char *p = memory(2 * huge), *q = (char *)(((uintptr_t)p + huge - 1) & -huge), byte;
	struct iovec v[3] = { { q + 5 * PAGE, PAGE }, { q + huge - PAGE, 1 }, { q, PAGE } };

	make_pipes();
	madvise(q, huge, MADV_HUGEPAGE);
	q[6 * PAGE] = 1;
	NEED(vmsplice(a[1], v, 3, 0) == 2 * PAGE + 1);
	NEED(tee(a[0], b[1], PAGE, 0) == PAGE);
	q[5 * PAGE] = 2;
	NEED(read(b[0], &byte, 1) == 1 && byte == 2);
	munmap(p, 2 * huge);
	NEED(read(a[0], &byte, 1) == 1 && byte == 2);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

TEST("vmsplice: nothing is lost of pages that go while they are lent")
{
	CHECK(!loses_memory(lend_and_go));
}
