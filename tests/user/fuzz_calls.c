/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fuzz_calls.c - the calls that random programs make: those that are known by what their arguments
 * are, as often as they are named here; and any number.
 *
 * Left out are those that would reach others: signals to everybody, power, the clock.
 */
#include "fuzz.h"

/* clang-format off */
#define C(name, kinds) { SYS_##name, kinds }

static const struct call known[] = {
	C(openat, "fpii"), C(openat, "fpii"), C(close, "f"), C(read, "fbn"), C(write, "fbn"),
	C(readv, "fvi"), C(writev, "fvi"), C(lseek, "foi"), C(dup, "f"), C(dup3, "ffi"),
	C(dup2, "ff"), C(pipe2, "bi"), C(pipe2, "bi"), C(fcntl, "fii"), C(ioctl, "fcr"), C(ioctl, "fcr"), C(ioctl, "fcr"),
	C(getdents64, "fbn"), C(unlinkat, "fpi"), C(mkdirat, "fpi"), C(symlinkat, "pfp"),
	C(linkat, "fpfpi"), C(renameat, "fpfp"), C(renameat2, "fpfpi"), C(mknodat, "fpii"),
	C(fchmodat, "fpi"), C(fchownat, "fpiii"), C(utimensat, "fpti"), C(readlinkat, "fpbn"),
	C(faccessat, "fpi"), C(truncate, "po"), C(ftruncate, "fo"), C(fallocate, "fioo"),
	C(chdir, "p"), C(fchdir, "f"), C(getcwd, "bn"), C(flock, "fi"), C(statfs, "pb"),
	C(fstatfs, "fb"), C(statx, "fpiib"), C(sendfile, "ffbn"), C(splice, "fbfbni"),
	C(tee, "ffni"), C(copy_file_range, "fbfbni"), C(poll, "bit"), C(ppoll, "bitbn"),
	C(pselect6, "ibbbtb"), C(select, "ibbbt"), C(epoll_create1, "i"), C(epoll_ctl, "fifb"),
	C(epoll_wait, "fbii"), C(socketpair, "iiib"), C(socket, "iii"), C(eventfd2, "ii"),
	C(timerfd_create, "ii"), C(timerfd_settime, "fibb"), C(signalfd4, "fbni"),
	C(memfd_create, "pi"), C(munmap, "an"), C(mprotect, "ani"), C(mprotect, "ani"),
	C(madvise, "ani"), C(msync, "ani"), C(mincore, "anb"), C(mremap, "annia"),
	C(mremap, "annia"), C(mlock, "an"), C(munlock, "an"), C(brk, "a"), C(mlockall, "i"),
	C(munlockall, ""), C(rt_sigaction, "sbbn"), C(rt_sigprocmask, "ibbn"),
	C(rt_sigpending, "bn"), C(rt_sigtimedwait, "bbtn"), C(rt_sigsuspend, "bn"),
	C(sigaltstack, "bb"), C(alarm, "i"), C(setitimer, "ibb"), C(getitimer, "ib"),
	C(timer_create, "ibb"), C(timer_settime, "iibb"), C(timer_delete, "i"),
	C(nanosleep, "tb"), C(clock_nanosleep, "iitb"), C(clock_gettime, "ib"),
	C(futex, "wuitwi"), C(futex, "wuitwi"), C(get_robust_list, "dbb"), C(set_robust_list, "wn"), C(set_tid_address, "b"), C(wait4, "dbib"),
	C(waitid, "idbib"), C(execve, "pbb"), C(execveat, "fpbbi"), C(getrlimit, "ib"),
	C(setrlimit, "ib"), C(prlimit64, "dibb"), C(getrusage, "ib"), C(prctl, "iiiii"),
	C(getpriority, "id"), C(sched_getaffinity, "dnb"), C(umask, "i"), C(getgroups, "ib"),
	C(capget, "bb"), C(personality, "i"), C(uname, "b"), C(sysinfo, "b"), C(getrandom, "bni"),
	C(mount, "pppib"), C(umount2, "pi"), C(chroot, "p"), C(sync, ""), C(pread64, "fbno"),
	C(pwrite64, "fbno"), C(preadv, "fbio"), C(process_vm_readv, "dvivii"),
	C(process_vm_writev, "dvivii"), C(rseq, "wiii"), C(membarrier, "iii"), C(futex_waitv, "wiiti"),
	C(sendmsg, "fmi"), C(sendmsg, "fmi"), C(sendmsg, "fmi"), C(recvmsg, "fmi"), C(recvmsg, "fmi"),
	C(sendto, "fbnibn"), C(recvfrom, "fbnibb"), C(shutdown, "fi"), C(bind, "fbn"), C(connect, "fbn"),
	C(listen, "fi"), C(accept4, "fbbi"), C(getsockname, "fbb"), C(getsockopt, "fiibb"),
	C(setsockopt, "fiibn"), C(pidfd_open, "di"), C(pidfd_getfd, "ffi"), C(close_range, "iii"),
	C(timerfd_gettime, "fb"), C(timer_gettime, "ib"), C(timer_getoverrun, "i"),
	C(userfaultfd, "i"), C(mbind, "anibii"), C(get_mempolicy, "bbiai"), C(set_mempolicy, "ibi"),
	C(move_pages, "dnbbbi"), C(migrate_pages, "dibb"), C(mlock2, "ani"), C(remap_file_pages, "aniii"),
	C(process_madvise, "fvnii"), C(sched_setaffinity, "dnb"), C(sched_getparam, "db"),
	C(sched_getscheduler, "d"), C(sched_getattr, "dbii"), C(sched_rr_get_interval, "db"),
	C(preadv2, "fvioii"), C(pwritev2, "fvioii"), C(openat2, "fpbn"), C(epoll_pwait2, "fbitbn"),
	C(getcpu, "bbb"), C(kcmp, "ddiii"), C(setxattr, "ppbni"), C(restart_syscall, ""),
#ifdef SYS_mmap2
	C(mmap2, "aniifo"), C(mmap2, "aniifo"), C(mmap2, "aniifo"), C(set_thread_area, "b"),
	C(sigaction, "sbb"), C(socketcall, "ib"), C(ipc, "iiiibi"), C(shmget, "ini"), C(shmat, "iai"),
	C(shmctl, "iib"), C(shmdt, "a"), C(sigreturn, ""), C(futex_time64, "wuitwi"),
#else
	C(shmget, "ini"), C(shmat, "iai"), C(shmctl, "iib"), C(shmdt, "a"),
	C(mmap, "aniifo"), C(mmap, "aniifo"), C(mmap, "aniifo"), C(arch_prctl, "ib"),
#endif
#ifdef SYS_modify_ldt
	C(modify_ldt, "ibn"),
#endif
};
#undef C
enum { N_KNOWN = sizeof known / sizeof *known };

static const long left_out[] = {
	SYS_kill, SYS_tkill, SYS_tgkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
	SYS_pidfd_send_signal, SYS_reboot, SYS_ptrace, SYS_vfork, SYS_clone, SYS_clone3, SYS_fork,
	SYS_exit, SYS_exit_group, SYS_setsid, SYS_setpgid, SYS_settimeofday, SYS_clock_settime,
	SYS_setpriority, SYS_sched_setparam, SYS_sched_setscheduler, SYS_sched_setattr,
	SYS_pivot_root, SYS_vhangup, SYS_sethostname, SYS_setdomainname, SYS_swapon, SYS_swapoff,
	SYS_rt_sigreturn, SYS_syslog, SYS_acct, SYS_umount2, SYS_mount, SYS_chroot, SYS_pause,
	SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_adjtimex, SYS_clock_adjtime,
	SYS_bpf, SYS_kexec_load, SYS_iopl, SYS_ioperm, SYS_quotactl,
#ifdef SYS_clock_settime64
	SYS_clock_settime64, SYS_stime, SYS_clock_adjtime64, SYS_sigreturn,
#endif
};
/* clang-format on */

static int is_left_out(long nr)
{
	for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
		if (left_out[i] == nr)
			return 1;
	return 0;
}

int choose_call(struct call *out)
{
	if (below(4)) {
		*out = known[below(N_KNOWN)];
		return 1;
	}
	*out = (struct call){ below(NR_END), "xxxxxx" };
	return !is_left_out(out->nr);
}
