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

/* Try each of them; the case fails if one loses memory, or fails with another error than one that
 * means that there is none.  Skips where allocations cannot be made to fail. */
void exhaust_all(const struct named *o, size_t n);

#define EXHAUST(list) exhaust_all(list, sizeof(list) / sizeof *(list))

#endif
