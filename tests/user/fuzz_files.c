/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_files.c - the files and descriptors that a random program begins with.
 */
#include "fuzz.h"
#include <linux/userfaultfd.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>

static void copy_head(const char *from, const char *to, size_t n)
{
	char *buffer = malloc(n);
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t got = read(in, buffer, n);

	for (int i = below(4); i > 0 && got > 0; i--)
		buffer[below(512)] = (char)next();
	write(out, buffer, got > 0 ? (size_t)got : 0);
	close(in);
	close(out);
	free(buffer);
}

void make_files(void)
{
	static const char script[] = "#!./elf x\n";
	int fd;

	mkdir("d", 0777);
	mkdir("d/e", 0777);
	copy_head(self_path, "elf", 1 + below(20000));
	fd = open("script", O_WRONLY | O_CREAT | O_TRUNC, 0755);
	write(fd, script, sizeof script - 1);
	close(fd);
	fd = open("a", O_RDWR | O_CREAT, 0666);
	write(fd, arena, 10000);
	close(fd);
	symlink("a", "link");
	symlink("loop", "loop");
	mknod("fifo", S_IFIFO | 0666, 0);
	mknod("null", S_IFCHR | 0666, 1 << 8 | 3);
}

/* ---- descriptors ------------------------------------------------------------------------ */

/* Pages of the arena whose faults somebody is to answer: mostly by SIGBUS, or a program of chance
 * would wait for itself and be killed for that. */
static void open_userfault(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .range = { (uintptr_t)(arena + 48 * PAGE), 8 * PAGE },
				     .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, O_NONBLOCK);

	if (below(12))
		api.features = UFFD_FEATURE_SIGBUS;
	ioctl(fd, UFFDIO_API, &api);
	madvise(arena + 48 * PAGE, 8 * PAGE, MADV_DONTNEED);
	ioctl(fd, UFFDIO_REGISTER, &r);
	if (below(2) == 0)
		syscall(SYS_userfaultfd, O_NONBLOCK);
}

static void open_memory(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);

	ftruncate(fd, 20000);
	mmap(arena + 56 * PAGE, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK);
	open("/proc/self/mem", O_RDWR);
	open("/proc/self/pagemap", O_RDONLY);
	open("/proc/self/smaps", O_RDONLY);
	open("/proc/self/clear_refs", O_WRONLY);
	open("/proc/self/oom_score_adj", O_RDWR);
	open_userfault();
}

static void open_events(void)
{
	struct itimerspec often = { { 0, 1000000 }, { 0, 1000000 } };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT };
	int set = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	sigset_t some;

	sigemptyset(&some);
	sigaddset(&some, SIGUSR1);
	sigaddset(&some, SIGRTMIN);
	timerfd_settime(timer, 0, &often, NULL);
	signalfd(-1, &some, SFD_NONBLOCK);
	eventfd(1, EFD_NONBLOCK);
	for (int fd = 3; fd < 12; fd++)
		epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
	syscall(SYS_pidfd_open, getpid(), 0);
}

/* Pairs of each kind, and one that listens under a name that all know. */
static void open_sockets(void)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "\0fuzz" };
	int p[2], l = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	memcpy(arena + 14336, &name, sizeof name);
	bind(l, (void *)&name, 8);
	listen(l, 3);
	connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&name, 8);
	socketpair(AF_UNIX, SOCK_STREAM | (below(4) ? SOCK_NONBLOCK : 0), 0, p);
	socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, p);
	socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p);
}

void open_files(void)
{
	int p[2];

	for (int fd = 3; fd < 64; fd++)
		close(fd);
	open("a", O_RDWR);
	open("d", O_RDONLY | O_DIRECTORY);
	open("a", O_RDONLY);
	pipe2(p, O_NONBLOCK);
	pipe(p);
	open("fifo", O_RDWR);
	open("/dev/zero", O_RDWR);
	open("/proc/self/maps", O_RDONLY);
	open("/proc/self", O_RDONLY | O_DIRECTORY);
	open("new", O_RDWR | O_CREAT | O_APPEND, 0600);
	memset(arena + 10240, 0, 64);
	open_memory();
	open_events();
	open_sockets();
}

void sweep_segments(void)
{
	struct shmid_ds d;
	int top = shmctl(0, IPC_INFO, &d);

	for (int i = 0; i <= top; i++) {
		int id = shmctl(i, SHM_STAT, &d);

		if (id >= 0 && (on_quire() || d.shm_perm.cuid == 65534))
			shmctl(id, IPC_RMID, NULL);
	}
}
