/* SPDX-License-Identifier: BSD-2-Clause
 *
 * table_i386.c - the system calls of Linux on i386: number and function.
 *
 * What is not in it is NULL: the dispatcher answers ENOSYS and counts.
 */
#include "arch/x86/asm.h"
#include "kernel/syscall/syscall.h"

#ifndef __x86_64__

/* clang-format off */
#define CALLS(X) \
	X(0, restart_syscall) X(1, exit) X(2, fork) X(3, read) X(4, write) X(5, open) \
	X(6, close) X(7, waitpid) X(8, creat) X(9, link) X(10, unlink) X(11, execve) \
	X(12, chdir) X(13, time) X(14, mknod) X(15, chmod) X(16, lchown16) X(19, lseek) \
	X(20, getpid) X(21, mount) X(22, umount) X(23, setuid16) X(24, getuid16) X(25, stime) \
	X(27, alarm) X(29, pause) X(30, utime) X(33, access) X(34, nice) X(36, sync) X(37, kill) \
	X(38, rename) X(39, mkdir) X(40, rmdir) X(41, dup) X(42, pipe) X(43, times) X(45, brk) \
	X(46, setgid16) X(47, getgid16) X(48, signal) X(49, geteuid16) X(50, getegid16) \
	X(52, umount2) X(54, ioctl) X(55, fcntl) X(57, setpgid) X(60, umask) X(61, chroot) \
	X(63, dup2) X(64, getppid) X(65, getpgrp) X(66, setsid) X(67, sigaction) \
	X(70, setreuid16) X(71, setregid16) X(72, sigsuspend) X(73, sigpending) \
	X(74, sethostname) X(75, setrlimit) X(76, old_getrlimit) X(77, getrusage) \
	X(78, gettimeofday) X(79, settimeofday) X(80, getgroups16) X(81, setgroups16) \
	X(82, old_select) X(83, symlink) X(85, readlink) X(88, reboot) \
	X(90, old_mmap) X(91, munmap) X(92, truncate) X(93, ftruncate) X(94, fchmod) \
	X(95, fchown16) X(96, getpriority) X(97, setpriority) X(99, statfs) X(100, fstatfs) \
	X(102, socketcall) X(103, syslog) X(104, setitimer) X(105, getitimer) X(106, stat) \
	X(107, lstat) X(108, fstat) X(114, wait4) X(116, sysinfo) X(117, ipc) \
	X(118, fsync) X(119, sigreturn) X(120, clone) X(121, setdomainname) X(122, uname) \
	X(123, modify_ldt) X(125, mprotect) X(126, sigprocmask) X(132, getpgid) X(133, fchdir) \
	X(136, personality) X(138, setfsuid16) X(139, setfsgid16) X(140, llseek) \
	X(141, getdents) X(142, select) X(143, flock) X(144, msync) X(145, readv) X(146, writev) \
	X(147, getsid) X(148, fdatasync) X(150, mlock) X(151, munlock) X(152, mlockall) \
	X(153, munlockall) X(154, sched_setparam) X(155, sched_getparam) \
	X(156, sched_setscheduler) X(157, sched_getscheduler) X(158, sched_yield) \
	X(159, sched_get_priority_max) X(160, sched_get_priority_min) \
	X(161, sched_rr_get_interval_time32) X(162, nanosleep_time32) X(163, mremap) \
	X(164, setresuid16) X(165, getresuid16) X(168, poll) X(170, setresgid16) \
	X(171, getresgid16) X(172, prctl) X(173, rt_sigreturn) X(174, rt_sigaction) \
	X(175, rt_sigprocmask) X(176, rt_sigpending) X(177, rt_sigtimedwait_time32) \
	X(178, rt_sigqueueinfo) X(179, rt_sigsuspend) X(180, pread64) X(181, pwrite64) \
	X(182, chown16) X(183, getcwd) X(184, capget) X(185, capset) X(186, sigaltstack) \
	X(187, sendfile) X(190, vfork) X(191, getrlimit) X(192, mmap2) X(193, truncate64) \
	X(194, ftruncate64) X(195, stat64) X(196, lstat64) X(197, fstat64) X(198, lchown) \
	X(199, getuid) X(200, getgid) X(201, geteuid) X(202, getegid) X(203, setreuid) \
	X(204, setregid) X(205, getgroups) X(206, setgroups) X(207, fchown) X(208, setresuid) \
	X(209, getresuid) X(210, setresgid) X(211, getresgid) X(212, chown) X(213, setuid) \
	X(214, setgid) X(215, setfsuid) X(216, setfsgid) X(218, mincore) X(219, madvise) \
	X(220, getdents64) X(221, fcntl64) X(224, gettid) X(225, readahead) \
	X(226, setxattr) X(227, lsetxattr) X(228, fsetxattr) X(229, getxattr) \
	X(230, lgetxattr) X(231, fgetxattr) X(232, listxattr) X(233, llistxattr) \
	X(234, flistxattr) X(235, removexattr) X(236, lremovexattr) X(237, fremovexattr) \
	X(238, tkill) \
	X(239, sendfile64) X(240, futex_time32) X(241, sched_setaffinity) \
	X(242, sched_getaffinity) X(243, set_thread_area) X(244, get_thread_area) \
	X(250, fadvise64) X(252, exit_group) X(254, epoll_create) X(255, epoll_ctl) \
	X(256, epoll_wait) X(257, remap_file_pages) X(258, set_tid_address) X(259, timer_create) \
	X(260, timer_settime_time32) X(261, timer_gettime_time32) X(262, timer_getoverrun) \
	X(263, timer_delete) X(264, clock_settime_time32) X(265, clock_gettime_time32) \
	X(266, clock_getres_time32) X(267, clock_nanosleep_time32) X(268, statfs64) \
	X(269, fstatfs64) X(270, tgkill) X(271, utimes) X(272, fadvise64_64) \
	X(274, mbind) X(275, get_mempolicy) X(276, set_mempolicy) X(284, waitid) \
	X(291, inotify_init) X(292, inotify_add_watch) X(293, inotify_rm_watch) \
	X(332, inotify_init1) X(294, migrate_pages) X(295, openat) \
	X(296, mkdirat) X(297, mknodat) X(298, fchownat) X(299, futimesat) X(300, fstatat64) \
	X(301, unlinkat) X(302, renameat) X(303, linkat) X(304, symlinkat) X(305, readlinkat) \
	X(306, fchmodat) X(307, faccessat) X(308, pselect6_time32) X(309, ppoll_time32) \
	X(310, unshare) \
	X(311, set_robust_list) X(312, get_robust_list) X(313, splice) X(314, sync_file_range) X(315, tee) X(316, vmsplice) \
	 X(317, move_pages) X(318, getcpu) X(319, epoll_pwait) \
	X(320, utimensat_time32) \
	X(321, signalfd) X(322, timerfd_create) X(323, eventfd) X(324, fallocate) \
	X(325, timerfd_settime_time32) X(326, timerfd_gettime_time32) X(327, signalfd4) \
	X(328, eventfd2) X(329, epoll_create1) X(330, dup3) X(331, pipe2) X(333, preadv) \
	X(334, pwritev) X(335, rt_tgsigqueueinfo) X(337, recvmmsg_time32) X(340, prlimit64) X(341, name_to_handle_at) \
	X(342, open_by_handle_at) X(344, syncfs) X(345, sendmmsg) \
	X(347, process_vm_readv) X(348, process_vm_writev) \
	X(351, sched_setattr) X(352, sched_getattr) X(353, renameat2) X(355, getrandom) \
	X(356, memfd_create) X(358, execveat) X(359, socket) X(360, socketpair) X(361, bind) \
	X(362, connect) X(363, listen) X(364, accept4) X(365, getsockopt) X(366, setsockopt) \
	X(367, getsockname) X(368, getpeername) X(369, sendto) X(370, sendmsg) X(371, recvfrom) \
	X(372, recvmsg) X(373, shutdown) X(374, userfaultfd) X(375, membarrier) X(376, mlock2) \
	X(377, copy_file_range) X(378, preadv2) X(379, pwritev2) X(383, statx) X(384, arch_prctl) X(386, rseq) \
	X(395, shmget) X(396, shmctl) X(397, shmat) X(398, shmdt) X(403, clock_gettime) \
	X(404, clock_settime) X(406, clock_getres) X(407, clock_nanosleep) X(408, timer_gettime) \
	X(409, timer_settime) X(410, timerfd_gettime) X(411, timerfd_settime) X(412, utimensat) \
	X(413, pselect6) X(414, ppoll) X(417, recvmmsg) X(421, rt_sigtimedwait) X(422, futex) \
	X(423, sched_rr_get_interval) X(424, pidfd_send_signal) X(434, pidfd_open) \
	X(435, clone3) X(436, close_range) X(437, openat2) X(438, pidfd_getfd) \
	X(439, faccessat2) X(440, process_madvise) X(441, epoll_pwait2) X(449, futex_waitv) \
	X(450, set_mempolicy_home_node)
/* clang-format on */

#define DECLARE(nr, name) syscall_fn sys_##name;
CALLS(DECLARE)

#define ENTRY(nr, name) [nr] = sys_##name,
syscall_fn *const syscall_table[] = { CALLS(ENTRY) };

/* clang-format off */
const char syscall_names[] =
	"26 ptrace\051 acct\062 ustat\086 uselib\087 swapon\0101 ioperm\0110 iopl\0"
	"111 vhangup\0112 idle\0113 vm86old\0115 swapoff\0124 adjtimex\0128 init_module\0"
	"129 delete_module\0131 quotactl\0135 sysfs\0149 sysctl\0166 vm86\0217 pivot_root\0"
	"245 io_setup\0246 io_destroy\0247 io_getevents\0248 io_submit\0249 io_cancel\0"
	"277 mq_open\0278 mq_unlink\0279 mq_timedsend_time32\0280 mq_timedreceive_time32\0"
	"281 mq_notify\0282 mq_getsetattr\0283 kexec_load\0286 add_key\0287 request_key\0"
	"288 keyctl\0289 ioprio_set\0290 ioprio_get\0"
	"336 perf_event_open\0338 fanotify_init\0339 fanotify_mark\0343 clock_adjtime_time32\0"
	"346 setns\0349 kcmp\0350 finit_module\0354 seccomp\0357 bpf\0"
	"385 io_pgetevents_time32\0393 semget\0394 semctl\0399 msgget\0400 msgsnd\0401 msgrcv\0"
	"402 msgctl\0405 clock_adjtime\0416 io_pgetevents\0418 mq_timedsend\0"
	"419 mq_timedreceive\0420 semtimedop\0425 io_uring_setup\0426 io_uring_enter\0"
	"427 io_uring_register\0428 open_tree\0429 move_mount\0430 fsopen\0431 fsconfig\0"
	"432 fsmount\0433 fspick\0442 mount_setattr\0444 landlock_create_ruleset\0"
	"445 landlock_add_rule\0446 landlock_restrict_self\0447 memfd_secret\0"
	"448 process_mrelease\0";
/* clang-format on */

_Static_assert(sizeof(syscall_table) / sizeof(syscall_table[0]) == SYSCALL_COUNT,
	       "set_mempolicy_home_node is the last");

#endif
