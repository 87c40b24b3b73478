/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/syscall/itimerspec.h"
#include "kernel/userfault.h"

int ns_of_timespec(int64_t sec, int64_t nsec, uint64_t *out)
{
	if (sec < 0 || nsec < 0 || nsec >= (int64_t)NS_PER_SEC)
		return -EINVAL;
	if ((uint64_t)sec >= TIME_NEVER / NS_PER_SEC)
		*out = TIME_NEVER;
	else
		*out = (uint64_t)sec * NS_PER_SEC + (uint64_t)nsec;
	return 0;
}

int ns_from_user(const struct user_timespec64 __user *user, uint64_t *out)
{
	struct user_timespec64 __user *from = (struct user_timespec64 __user *)(uintptr_t)user;
	struct user_timespec64 t;

	if (get_user(t.sec, &from->sec) || get_user(t.nsec, &from->nsec))
		return -EFAULT;
	/* A 32-bit program may leave rubbish above its 32-bit nanoseconds. */
	return ns_of_timespec(t.sec, (long)t.nsec, out);
}

int ns_to_user(struct user_timespec64 __user *to, uint64_t ns)
{
	struct user_timespec64 t = { (int64_t)(ns / NS_PER_SEC), (int64_t)(ns % NS_PER_SEC) };

	return put_user(t.sec, &to->sec) || put_user(t.nsec, &to->nsec)
		   ? copy_out(to, &t, sizeof(t))
		   : 0;
}

int ns_from_user32(const struct user_timespec32 __user *user, uint64_t *out)
{
	struct user_timespec32 __user *from = (struct user_timespec32 __user *)(uintptr_t)user;
	struct user_timespec32 t;

	if (get_user(t.sec, &from->sec) || get_user(t.nsec, &from->nsec))
		return -EFAULT;
	return ns_of_timespec(t.sec, t.nsec, out);
}

int ns_to_user32(struct user_timespec32 __user *to, uint64_t ns)
{
	struct user_timespec32 t = { (int32_t)(ns / NS_PER_SEC), (int32_t)(ns % NS_PER_SEC) };

	return put_user(t.sec, &to->sec) || put_user(t.nsec, &to->nsec)
		   ? copy_out(to, &t, sizeof(t))
		   : 0;
}

int deadline_from_user(const struct user_timespec64 __user *timeout, uint64_t *out)
{
	uint64_t ns = TIME_NEVER;
	int err = timeout ? ns_from_user(timeout, &ns) : 0;

	*out = ns ? time_add(now_ns(), ns) : 0;
	return err;
}

int deadline_from_user32(const struct user_timespec32 __user *timeout, uint64_t *out)
{
	uint64_t ns = TIME_NEVER;
	int err = timeout ? ns_from_user32(timeout, &ns) : 0;

	*out = ns ? time_add(now_ns(), ns) : 0;
	return err;
}

int itimerspec_from_user(struct itimerspec *to, const void __user *from, bool narrow)
{
	const struct user_timespec64 __user *wide = from;
	const struct user_timespec32 __user *small = from;
	int err = narrow ? ns_from_user32(small, &to->interval) : ns_from_user(wide, &to->interval);

	if (!err)
		err = narrow ? ns_from_user32(small + 1, &to->value)
			     : ns_from_user(wide + 1, &to->value);
	return err;
}

int itimerspec_to_user(void __user *to, const struct itimerspec *from, bool narrow)
{
	struct user_timespec64 __user *wide = to;
	struct user_timespec32 __user *small = to;
	int err = narrow ? ns_to_user32(small, from->interval) : ns_to_user(wide, from->interval);

	if (!err)
		err = narrow ? ns_to_user32(small + 1, from->value)
			     : ns_to_user(wide + 1, from->value);
	return err;
}
