/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.h - between run.c and the files beside it: the calls that are more than one number.
 */
#ifndef TESTS_REPLAY_RUN_H
#define TESTS_REPLAY_RUN_H

#include "tests/replay/replay.h"

/* Answers that are no kernel's. */
enum {
	OUTSIDE = -4000, /* not tried: it would leave the place that it names */
	NOWHERE = -4001, /* not tried: its place is gone, or never came to be */
};

long whole(long size);
struct slot *slot_of(const struct arg *a); /* NULL: it is no slot */

typedef long run_fn(const struct step *s, long *a);

/* run_files.c */
int fd_of(long file);
/* Does a copy go from one of Linux's file systems to another?  Quire has one for all. */
bool other_device(const long *a);
run_fn run_open, run_reopen, run_close, run_truncate, run_fallocate, run_pread, run_pwrite, run_put,
    run_copy, run_seal;
void say_files(void);

/* run_other.c */
run_fn run_shmget, run_shmat, run_shmdt, run_shmrm, run_shmstat, run_vmread, run_vmwrite, run_limit,
    run_drop, run_huge;
void remove_segments(void); /* those of the script that ran last */

/* run_uffd.c */
bool uffd_used(void); /* by this process, or those it came from */
bool uffd_hangs(const struct call *c, const long *a);
run_fn run_uffd, run_ureg, run_unreg, run_ucopy, run_uzero, run_uprotect;

#endif
