/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sleep.c - nanosleep, clock_nanosleep, and the call that goes on with what a signal broke off.
 *
 * A clock of CPU time goes no faster than time does, with one CPU: who sleeps by it sleeps for as
 * long as is missing, and looks again.
 */
#include "kernel/syscall/itimerspec.h"
#include "kernel/syscall/syscall.h"
#include "kernel/syscall/timespec.h"

/* Where the rest is written if a handler ends the sleep. */
enum rest_kind { REST_NONE, REST_64, REST_32 };

static bool is_cpu_clock(int clock)
{
	return clock < 0 || clock == CLOCK_PROCESS;
}

static int put_rest(enum rest_kind kind, uintptr_t to, uint64_t left)
{
	if (kind == REST_64)
		return ns_to_user((struct user_timespec64 __user *)to, left);
	if (kind == REST_32)
		return ns_to_user32((struct user_timespec32 __user *)to, left);
	return 0;
}

/* Until the clock shows `until`: -ETIMEDOUT, or why not. */
static int sleep_by(int clock, uint64_t until)
{
	uint64_t now;
	int err;

	while (!(err = clock_read(clock, &now)) && now < until) {
		uint64_t ns = until - now;

		if (is_cpu_clock(clock) && ns < NS_PER_TICK)
			ns = NS_PER_TICK;
		err = sleep_until(time_add(now_ns(), ns));
		if (err != -ETIMEDOUT)
			return err;
	}
	return err ? err : -ETIMEDOUT;
}

static long sleep_on(struct restart *r)
{
	int clock = (int)r->arg[2], err = sleep_by(clock, r->deadline);
	uint64_t now;

	if (err != -ERESTARTSYS)
		return err == -ETIMEDOUT ? 0 : err;
	err = clock_read(clock, &now);
	if (err || put_rest((enum rest_kind)r->arg[0], r->arg[1],
			    r->deadline > now ? r->deadline - now : 0))
		return -EFAULT;
	r->fn = sleep_on;
	return -ERESTART_RESTARTBLOCK;
}

/* Setting a clock does not change how long. */
static long sleep_for(int clock, uint64_t ns, enum rest_kind kind, void __user *rest)
{
	struct restart *r = &current->restart;
	uint64_t now;
	int err;

	if (!is_cpu_clock(clock))
		clock = CLOCK_MONOTONIC;
	err = clock_read(clock, &now);
	if (err)
		return err;
	r->deadline = time_add(now, ns);
	r->arg[0] = rest ? kind : REST_NONE;
	r->arg[1] = (uintptr_t)rest;
	r->arg[2] = (uintptr_t)clock;
	return sleep_on(r);
}

SYSCALL0(restart_syscall)
{
	struct restart *r = &current->restart;
	long (*fn)(struct restart *) = r->fn;

	r->fn = NULL;
	return fn ? fn(r) : -EINTR;
}

/* Until a clock shows `ns`: not restarted with the rest, but with the same time. */
static long sleep_to(int clock, uint64_t ns)
{
	int err = sleep_by(clock, ns);

	return err == -ETIMEDOUT ? 0 : err == -ERESTARTSYS ? -ERESTARTNOHAND : err;
}

static int check_sleep(int clock)
{
	uint64_t ns;
	int err = clock_read(clock, &ns);

	/* Nor can one sleep by the time one runs. */
	return !err && (clock == CLOCK_THREAD || clock == CLOCK_MONOTONIC_RAW ||
			clock_coarse(clock))
		   ? -EOPNOTSUPP
		   : err;
}

SYSCALL2(nanosleep, const struct user_timespec64 __user *, req, struct user_timespec64 __user *,
	 rest)
{
	uint64_t ns;
	int err = ns_from_user(req, &ns);

	return err ? err : sleep_for(CLOCK_MONOTONIC, ns, REST_64, rest);
}

SYSCALL4(clock_nanosleep, int, clock, int, flags, const struct user_timespec64 __user *, req,
	 struct user_timespec64 __user *, rest)
{
	uint64_t ns;
	int err = check_sleep(clock);

	if (!err)
		err = ns_from_user(req, &ns);
	if (err)
		return err;
	return (flags & TIMER_ABSTIME) ? sleep_to(clock, ns) : sleep_for(clock, ns, REST_64, rest);
}

#ifndef __x86_64__

SYSCALL2(nanosleep_time32, const struct user_timespec32 __user *, req,
	 struct user_timespec32 __user *, rest)
{
	uint64_t ns;
	int err = ns_from_user32(req, &ns);

	return err ? err : sleep_for(CLOCK_MONOTONIC, ns, REST_32, rest);
}

SYSCALL4(clock_nanosleep_time32, int, clock, int, flags, const struct user_timespec32 __user *, req,
	 struct user_timespec32 __user *, rest)
{
	uint64_t ns;
	int err = check_sleep(clock);

	if (!err)
		err = ns_from_user32(req, &ns);
	if (err)
		return err;
	return (flags & TIMER_ABSTIME) ? sleep_to(clock, ns) : sleep_for(clock, ns, REST_32, rest);
}

#endif
