/* SPDX-License-Identifier: BSD-2-Clause
 *
 * clone.h - what clone, clone3 and unshare may be asked for.
 *
 * Without effect, as nothing here could differ: PTRACE, DETACHED, UNTRACED, SYSVSEM, IO.
 */
#ifndef KERNEL_CLONE_H
#define KERNEL_CLONE_H

#define CSIGNAL              0x000000ffu
#define CLONE_VM             0x00000100u
#define CLONE_FS             0x00000200u
#define CLONE_FILES          0x00000400u
#define CLONE_SIGHAND        0x00000800u
#define CLONE_PIDFD          0x00001000u
#define CLONE_VFORK          0x00004000u
#define CLONE_PARENT         0x00008000u
#define CLONE_THREAD         0x00010000u
#define CLONE_NEWNS          0x00020000u
#define CLONE_SYSVSEM        0x00040000u
#define CLONE_SETTLS         0x00080000u
#define CLONE_PARENT_SETTID  0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_DETACHED       0x00400000u
#define CLONE_CHILD_SETTID   0x01000000u
#define CLONE_NEWUSER        0x10000000u
#define CLONE_CLEAR_SIGHAND  0x100000000ull
#define CLONE_INTO_CGROUP    0x200000000ull
#define CLONE_NEWTIME        0x00000080u /* unshare and clone3 only */

/* There is one namespace of each kind: NEWNS, CGROUP, UTS, IPC, USER, PID, NET. */
#define CLONE_NEW_KINDS 0x7e020000u

#endif
