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
