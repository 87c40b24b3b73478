/* SPDX-License-Identifier: BSD-2-Clause
 *
 * nomem.h - operations that are tried with the n-th allocation failing, for every n (nomem.c).
 */
#ifndef TESTS_USER_NOMEM_H
#define TESTS_USER_NOMEM_H

#include "user.h"

/* Answers 0 or errno.  What it makes, it takes down again. */
typedef int operation(void);

struct named {
	const char *name;
	operation *run;
};

enum { DISARMED = 42 }; /* the status of an attempt that came to its end */

/* The descriptor to arm with; it is inherited.  n 0: no allocation fails any more. */
extern int control;
void arm(const char *kind, int n);

/* Try each of them; the case fails if one loses memory, or fails with another error than one that
 * means that there is none.  Skips where allocations cannot be made to fail. */
void exhaust_all(const struct named *o, size_t n);

/* Operations that do not return, as exec: each only once in a child, never after a first run. */
void exhaust_cold(const struct named *o, size_t n);

#define EXHAUST(list) exhaust_all(list, sizeof(list) / sizeof *(list))

static inline int error_of(long ret)
{
	return ret == -1 ? errno : 0;
}

static inline char *map(size_t size, int flags, int fd)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
}

static inline int wait_for(pid_t pid)
{
	int status;

	if (pid < 0)
		return errno;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return 0;
}

#endif
