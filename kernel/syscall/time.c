/* SPDX-License-Identifier: BSD-2-Clause
 *
 * time.c - reading and setting clocks, interval timers.
 */
#include "kernel/syscall/itimerspec.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"
#include "kernel/syscall/usage.h"
#include "kernel/userfault.h"

/* ---- clocks ----------------------------------------------------------------------------- */

/* A number below 0 names whose CPU time: ~tid << 3, then 4 for one task, then 2 for exact. */
static int cpu_clock_read(int clock, uint64_t *out)
{
	pid_nr tid = ~(clock >> 3);
	const struct task *t = tid ? task_find(tid) : current;
	struct usage u;

	if (!t || (clock & 3) == 3)
		return -EINVAL;
	if (clock & 4) {
		if (t->process != current_process)
			return -EINVAL;
		task_usage(t, &u);
	} else {
		if (tid && t->tid != t->process->nr)
			return -EINVAL;
		process_usage(t->process, &u);
	}
	*out = u.user + u.system;
	return 0;
}

int clock_read(int clock, uint64_t *out)
{
	struct usage u;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		*out = real_ns();
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*out = now_ns();
		return 0;
	case CLOCK_PROCESS:
		process_usage(current_process, &u);
		*out = u.user + u.system;
		return 0;
	case CLOCK_THREAD:
		*out = task_run_ns(current);
		return 0;
	}
	return clock < 0 ? cpu_clock_read(clock, out) : -EINVAL;
}

SYSCALL2(clock_gettime, int, clock, struct user_timespec64 __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err ? err : ns_to_user(to, ns);
}

SYSCALL2(clock_getres, int, clock, struct user_timespec64 __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err || !to ? err : ns_to_user(to, clock_coarse(clock) ? NS_PER_TICK : 1);
}

static int clock_set(int clock, uint64_t ns)
{
	if (clock != CLOCK_REALTIME)
		return -EINVAL;
	if (!cred_super(&current_process->cred))
		return -EPERM;
	real_set(ns);
	return 0;
}

SYSCALL2(clock_settime, int, clock, const struct user_timespec64 __user *, from)
{
	uint64_t ns;
	int err = ns_from_user(from, &ns);

	return err ? err : clock_set(clock, ns);
}

struct user_timezone {
	int32_t minutes_west, dst;
};

static struct user_timezone timezone;

SYSCALL2(gettimeofday, struct user_timeval __user *, to, struct user_timezone __user *, tz)
{
	struct user_timeval tv = timeval_of(real_ns());

	if (to && copy_to_user(to, &tv, sizeof(tv)))
		return -EFAULT;
	return tz ? copy_to_user(tz, &timezone, sizeof(timezone)) : 0;
}

SYSCALL2(settimeofday, const struct user_timeval __user *, from,
	 const struct user_timezone __user *, tz)
{
	struct user_timeval tv;
	uint64_t ns;
	int err;

	if (tz && copy_from_user(&timezone, tz, sizeof(timezone)))
		return -EFAULT;
	if (!from)
		return 0;
	if (copy_from_user(&tv, from, sizeof(tv)))
		return -EFAULT;
	err = tv.usec < 0 || tv.usec >= 1000000 ? -EINVAL
						: ns_of_timespec(tv.sec, tv.usec * 1000, &ns);
	return err ? err : clock_set(CLOCK_REALTIME, ns);
}

SYSCALL1(time, long __user *, to)
{
	long now = (long)(real_ns() / NS_PER_SEC);

	return to && put_user(now, to) ? -EFAULT : now;
}

/* ---- interval timers -------------------------------------------------------------------- */

struct user_itimerval {
	struct user_timeval interval, value;
};

static void itimer_read(enum itimer_id which, uint64_t *left, uint64_t *interval)
{
	struct process *p = current_process;
	uint64_t now = now_ns();

	if (which != ITIMER_REAL) {
		*left = p->itimers[which].left;
		*interval = p->itimers[which].interval;
		return;
	}
	*interval = p->real_interval;
	*left = 0;
	if (timer_pending(&p->real_timer))
		*left = p->real_timer.expires > now ? p->real_timer.expires - now : 1;
}

static void itimer_write(enum itimer_id which, uint64_t left, uint64_t interval)
{
	struct process *p = current_process;

	if (which != ITIMER_REAL) {
		p->itimers[which] = (struct itimer){ left, interval };
		return;
	}
	timer_cancel(&p->real_timer);
	p->real_interval = interval;
	if (left)
		timer_add(&p->real_timer, time_add(now_ns(), left));
}

static int ns_of_timeval(const struct user_timeval *tv, uint64_t *out)
{
	if (tv->usec < 0 || tv->usec >= 1000000)
		return -EINVAL;
	return ns_of_timespec(tv->sec, (int64_t)tv->usec * 1000, out);
}

static int itimer_to_user(struct user_itimerval __user *to, uint64_t left, uint64_t interval)
{
	struct user_itimerval v = { timeval_of(interval), timeval_of(left) };

	/* A timer that has less than a microsecond to go has not rung yet. */
	if (left && !v.value.sec && !v.value.usec)
		v.value.usec = 1;
	return copy_out(to, &v, sizeof(v));
}

SYSCALL2(getitimer, unsigned, which, struct user_itimerval __user *, to)
{
	uint64_t left, interval;

	if (which >= ITIMERS)
		return -EINVAL;
	itimer_read((enum itimer_id)which, &left, &interval);
	return itimer_to_user(to, left, interval);
}

SYSCALL3(setitimer, unsigned, which, const struct user_itimerval __user *, new,
	 struct user_itimerval __user *, old)
{
	uint64_t left, interval, new_left = 0, new_interval = 0;
	struct user_itimerval v;

	if (which >= ITIMERS)
		return -EINVAL;
	if (new) {
		if (copy_from_user(&v, new, sizeof(v)))
			return -EFAULT;
		if (ns_of_timeval(&v.value, &new_left) || ns_of_timeval(&v.interval, &new_interval))
			return -EINVAL;
	}
	if (old)
		itimer_read((enum itimer_id)which, &left, &interval);
	itimer_write((enum itimer_id)which, new_left, new_interval);
	return old ? itimer_to_user(old, left, interval) : 0;
}

SYSCALL1(alarm, unsigned, seconds)
{
	uint64_t left, interval;

	itimer_read(ITIMER_REAL, &left, &interval);
	itimer_write(ITIMER_REAL, seconds * NS_PER_SEC, 0);
	return (long)((left + NS_PER_SEC - 1) / NS_PER_SEC);
}

/* ---- i386: seconds of 32 bits ----------------------------------------------------------- */

#ifndef __x86_64__

SYSCALL2(clock_gettime_time32, int, clock, struct user_timespec32 __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err ? err : ns_to_user32(to, ns);
}

SYSCALL2(clock_getres_time32, int, clock, struct user_timespec32 __user *, to)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	return err || !to ? err : ns_to_user32(to, clock_coarse(clock) ? NS_PER_TICK : 1);
}

SYSCALL2(clock_settime_time32, int, clock, const struct user_timespec32 __user *, from)
{
	uint64_t ns;
	int err = ns_from_user32(from, &ns);

	return err ? err : clock_set(clock, ns);
}

SYSCALL1(stime, const long __user *, from)
{
	long sec;

	if (copy_from_user(&sec, from, sizeof(sec)))
		return -EFAULT;
	return clock_set(CLOCK_REALTIME, (uint64_t)sec * NS_PER_SEC);
}

#endif
