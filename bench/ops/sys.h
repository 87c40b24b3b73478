/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sys.h - Linux calls without a C library, for both word sizes.
 *
 * The program that measures must be the same on every kernel and must not bring a C library's
 * habits with it.  Numbers and structures are those of the Linux ABI (man-pages, section 2;
 * syscalls(2)).
 */
#ifndef OPS_SYS_H
#define OPS_SYS_H

#include "tests/lib/linux_call.h"
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#ifdef __x86_64__
enum {
	NR_read = 0,
	NR_write = 1,
	NR_open = 2,
	NR_close = 3,
	NR_stat = 4,
	NR_fstat = 5,
	NR_poll = 7,
	NR_lseek = 8,
	NR_mmap = 9,
	NR_mprotect = 10,
	NR_munmap = 11,
	NR_brk = 12,
	NR_rt_sigaction = 13,
	NR_rt_sigprocmask = 14,
	NR_rt_sigreturn = 15,
	NR_ioctl = 16,
	NR_pread = 17,
	NR_access = 21,
	NR_pipe = 22,
	NR_select = 23,
	NR_sched_yield = 24,
	NR_mremap = 25,
	NR_msync = 26,
	NR_mincore = 27,
	NR_madvise = 28,
	NR_shmget = 29,
	NR_shmat = 30,
	NR_shmctl = 31,
	NR_dup = 32,
	NR_dup2 = 33,
	NR_nanosleep = 35,
	NR_setitimer = 38,
	NR_getpid = 39,
	NR_sendfile = 40,
	NR_sendmsg = 46,
	NR_recvmsg = 47,
	NR_socketpair = 53,
	NR_clone = 56,
	NR_fork = 57,
	NR_vfork = 58,
	NR_execve = 59,
	NR_exit = 60,
	NR_wait4 = 61,
	NR_kill = 62,
	NR_uname = 63,
	NR_shmdt = 67,
	NR_fcntl = 72,
	NR_flock = 73,
	NR_ftruncate = 77,
	NR_getcwd = 79,
	NR_chdir = 80,
	NR_rename = 82,
	NR_mkdir = 83,
	NR_rmdir = 84,
	NR_link = 86,
	NR_unlink = 87,
	NR_symlink = 88,
	NR_readlink = 89,
	NR_umask = 95,
	NR_getrusage = 98,
	NR_sysinfo = 99,
	NR_times = 100,
	NR_getppid = 110,
	NR_rt_sigpending = 127,
	NR_sigaltstack = 131,
	NR_mknod = 133,
	NR_getpriority = 140,
	NR_mlock = 149,
	NR_munlock = 150,
	NR_mlockall = 151,
	NR_munlockall = 152,
	NR_modify_ldt = 154,
	NR_prctl = 157,
	NR_arch_prctl = 158,
	NR_mount = 165,
	NR_reboot = 169,
	NR_gettid = 186,
	NR_futex = 202,
	NR_sched_getaffinity = 204,
	NR_remap_file_pages = 216,
	NR_getdents64 = 217,
	NR_set_tid_address = 218,
	NR_timer_create = 222,
	NR_timer_settime = 223,
	NR_timer_delete = 226,
	NR_clock_gettime = 228,
	NR_epoll_wait = 232,
	NR_epoll_ctl = 233,
	NR_tgkill = 234,
	NR_mbind = 237,
	NR_set_mempolicy = 238,
	NR_get_mempolicy = 239,
	NR_inotify_add_watch = 254,
	NR_inotify_rm_watch = 255,
	NR_ppoll = 271,
	NR_set_robust_list = 273,
	NR_splice = 275,
	NR_tee = 276,
	NR_vmsplice = 278,
	NR_timerfd_create = 283,
	NR_fallocate = 285,
	NR_timerfd_settime = 286,
	NR_signalfd4 = 289,
	NR_eventfd2 = 290,
	NR_epoll_create1 = 291,
	NR_inotify_init1 = 294,
	NR_prlimit64 = 302,
	NR_getcpu = 309,
	NR_process_vm_readv = 310,
	NR_process_vm_writev = 311,
	NR_getrandom = 318,
	NR_memfd_create = 319,
	NR_userfaultfd = 323,
	NR_membarrier = 324,
	NR_mlock2 = 325,
	NR_copy_file_range = 326,
	NR_statx = 332,
	NR_rseq = 334,
	NR_pidfd_send_signal = 424,
	NR_pidfd_open = 434,
	NR_clone3 = 435,
	NR_futex_waitv = 449,
};
#else
enum {
	NR_exit = 1,
	NR_fork = 2,
	NR_read = 3,
	NR_write = 4,
	NR_open = 5,
	NR_close = 6,
	NR_link = 9,
	NR_unlink = 10,
	NR_execve = 11,
	NR_chdir = 12,
	NR_mknod = 14,
	NR_lseek = 19,
	NR_getpid = 20,
	NR_mount = 21,
	NR_access = 33,
	NR_kill = 37,
	NR_rename = 38,
	NR_mkdir = 39,
	NR_rmdir = 40,
	NR_dup = 41,
	NR_pipe = 42,
	NR_times = 43,
	NR_brk = 45,
	NR_ioctl = 54,
	NR_umask = 60,
	NR_dup2 = 63,
	NR_getppid = 64,
	NR_getrusage = 77,
	NR_symlink = 83,
	NR_readlink = 85,
	NR_reboot = 88,
	NR_munmap = 91,
	NR_ftruncate = 93,
	NR_getpriority = 96,
	NR_setitimer = 104,
	NR_wait4 = 114,
	NR_sysinfo = 116,
	NR_clone = 120,
	NR_uname = 122,
	NR_modify_ldt = 123,
	NR_mprotect = 125,
	NR_select = 142,
	NR_flock = 143,
	NR_msync = 144,
	NR_mlock = 150,
	NR_munlock = 151,
	NR_mlockall = 152,
	NR_munlockall = 153,
	NR_sched_yield = 158,
	NR_nanosleep = 162,
	NR_mremap = 163,
	NR_poll = 168,
	NR_prctl = 172,
	NR_rt_sigreturn = 173,
	NR_rt_sigaction = 174,
	NR_rt_sigprocmask = 175,
	NR_rt_sigpending = 176,
	NR_pread = 180,
	NR_getcwd = 183,
	NR_sigaltstack = 186,
	NR_sendfile = 187,
	NR_vfork = 190,
	NR_mmap = 192, /* mmap2: its offset counts pages */
	NR_stat = 195,
	NR_fstat = 197,
	NR_mincore = 218,
	NR_madvise = 219,
	NR_getdents64 = 220,
	NR_fcntl = 221,
	NR_gettid = 224,
	NR_futex = 240,
	NR_sched_getaffinity = 242,
	NR_set_thread_area = 243,
	NR_get_thread_area = 244,
	NR_epoll_ctl = 255,
	NR_epoll_wait = 256,
	NR_remap_file_pages = 257,
	NR_set_tid_address = 258,
	NR_timer_create = 259,
	NR_timer_settime = 260,
	NR_timer_delete = 263,
	NR_clock_gettime = 265,
	NR_tgkill = 270,
	NR_mbind = 274,
	NR_get_mempolicy = 275,
	NR_set_mempolicy = 276,
	NR_inotify_add_watch = 292,
	NR_inotify_rm_watch = 293,
	NR_ppoll = 309,
	NR_set_robust_list = 311,
	NR_splice = 313,
	NR_tee = 315,
	NR_vmsplice = 316,
	NR_getcpu = 318,
	NR_timerfd_create = 322,
	NR_fallocate = 324,
	NR_timerfd_settime = 325,
	NR_signalfd4 = 327,
	NR_eventfd2 = 328,
	NR_epoll_create1 = 329,
	NR_inotify_init1 = 332,
	NR_prlimit64 = 340,
	NR_process_vm_readv = 347,
	NR_process_vm_writev = 348,
	NR_getrandom = 355,
	NR_memfd_create = 356,
	NR_socketpair = 360,
	NR_sendmsg = 370,
	NR_recvmsg = 372,
	NR_userfaultfd = 374,
	NR_membarrier = 375,
	NR_mlock2 = 376,
	NR_copy_file_range = 377,
	NR_statx = 383,
	NR_rseq = 386,
	NR_shmget = 395,
	NR_shmctl = 396,
	NR_shmat = 397,
	NR_shmdt = 398,
	NR_pidfd_send_signal = 424,
	NR_pidfd_open = 434,
	NR_clone3 = 435,
	NR_futex_waitv = 449,
};
#endif

#define sys0(nr)                sys3(nr, 0, 0, 0)
#define sys1(nr, a)             sys3(nr, (long)(a), 0, 0)
#define sys2(nr, a, b)          sys3(nr, (long)(a), (long)(b), 0)
#define sys5(nr, a, b, c, d, e) sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define sys4(nr, a, b, c, d)    sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

enum { PROT_NONE = 0, PROT_READ = 1, PROT_WRITE = 2 };
enum { MAP_LOCKED = 0x2000, MREMAP_DONTUNMAP = 4 };
enum { MAP_SHARED = 1, MAP_PRIVATE = 2, MAP_FIXED = 16, MAP_ANON = 32, MAP_POPULATE = 0x8000 };
enum { MREMAP_MAYMOVE = 1, MREMAP_FIXED = 2, MADV_DONTNEED = 4 };
enum { O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_NOCTTY = 0400, O_TRUNC = 01000 };
enum { O_TMPFILE = 020200000 };
enum { SIGBUS = 7, SIGUSR1 = 10, SIGSEGV = 11, SIGKILL = 9, SIGCHLD = 17 };
#define SA_SIGINFO  4ul
#define SA_RESTORER 0x04000000ul
#define PAGE        4096ul
#define KiB         1024ul
#define MiB         (1024ul * KiB)
#define GiB         (1024ul * MiB)

struct timespec_k {
	long sec, nsec;
};
struct sigaction_k {
	void (*handler)(int, void *, void *);
	unsigned long flags;
	void (*restorer)(void);
	u64 mask;
};
struct iovec_k {
	void *base;
	size_t size;
};
struct pollfd_k {
	int fd;
	short events, revents;
};

static inline int failed(const void *p)
{
	return (unsigned long)p > -4096ul;
}

static inline void *map_at(void *at, size_t size, int prot, int flags, int fd)
{
	return (void *)sys6(NR_mmap, (long)at, (long)size, prot, flags, fd, 0);
}

/* Fresh private anonymous memory, nothing in it yet. */
static inline char *map(size_t size)
{
	return map_at(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANON, -1);
}

static inline long unmap(const void *p, size_t size)
{
	return sys2(NR_munmap, p, size);
}

static inline long wait_for(long pid)
{
	return sys4(NR_wait4, pid, 0, 0, 0);
}

_Noreturn static inline void quit(int code)
{
	for (;;)
		sys1(NR_exit, code);
}

/* With -icount shift=0 the counter advances by one per guest instruction. */
static inline u64 ticks(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	return (u64)hi << 32 | lo;
}

#endif
