/* SPDX-License-Identifier: BSD-2-Clause
 *
 * wait.h - asking for news of children: what wait4 and waitid have in common.
 *
 * News are: a child has ended (it is a zombie, and reaped by asking, unless WAIT_KEEP), was
 * stopped, was continued.  Each is told once.
 */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/process.h"

#define WNOHANG    0x00000001u
#define WUNTRACED  0x00000002u /* WSTOPPED of waitid */
#define WEXITED    0x00000004u
#define WCONTINUED 0x00000008u
#define WNOWAIT    0x01000000u
#define WNOTHREAD  0x20000000u
#define WALL       0x40000000u
#define WCLONE     0x80000000u

/* Which children: any, the one with this id, those of this group. */
enum wait_who { WAIT_ANY, WAIT_PID, WAIT_GROUP };

struct wait_request {
	enum wait_who who;
	pid_nr nr;
	unsigned options; /* W* */
};

struct wait_result {
	int status;              /* as wait4 reports it */
	struct signal_info info; /* as waitid reports it */
	struct usage usage;      /* of the child and those it has waited for */
};

/* Answers the process id of the child that `out` tells about; 0: no news yet, and WNOHANG;
 * -ECHILD: there is no such child; -ERESTARTSYS. */
pid_nr wait_for_child(const struct wait_request *req, struct wait_result *out);

/* The SIGCHLD that tells of the state p is in: pid, uid, code, status, times. */
void wait_info_fill(const struct process *p, struct signal_info *info);

/* Tell p's parent that p was stopped or continued. */
void wait_notify_job(struct process *p);

#endif
