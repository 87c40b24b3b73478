/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pty.h - terminals whose other side is a program: /dev/ptmx and /dev/pts.
 *
 *	terminal emulator			  shell
 *	     │ write ──► line discipline (tty) ──► read │
 *	   master					slave: a tty like the console
 *	     └ read ◄──── ring of output ◄──── write ───┘
 *
 * Opening /dev/ptmx makes a pair and the slave's node, N, in the devpts that is mounted at "pts"
 * beside it.  The slave is locked until TIOCSPTLCK.  When the master is closed the node goes, and
 * the slave is hung up; when the last slave is closed the master reads what is left, then EIO.
 *
 * I1  The pair lives while its master or a slave is open; the node holds it only until the
 *     master is closed.
 * I2  tail <= head <= tail + PTY_RING.
 *
 * Context: tasks.  Sources: pty(7), ioctl_tty(2), Linux's devpts.
 */
#ifndef DRIVERS_PTY_H
#define DRIVERS_PTY_H

#include "drivers/tty.h"
#include "fs/vfs.h"

#define PTY_RING 8192u
#define PTY_MAX  4096u /* in one devpts */

struct pty {
	struct tty tty; /* the slave's */
	unsigned number, nslaves;
	bool has_master, locked, slave_gone; /* gone: since it was open last */
	bool packet;
	uint8_t status;    /* TIOCPKT_*: to be told in packet mode */
	struct path place; /* of the slave's node */
	unsigned head, tail;
	struct waitq readable, writable; /* the master's */
	char ring[PTY_RING];
};

enum {
	PACKET_FLUSH_READ = 1,
	PACKET_FLUSH_WRITE = 2,
	PACKET_STOP = 4,
	PACKET_START = 8,
	PACKET_NO_STOP = 16,
	PACKET_DO_STOP = 32,
};

static inline struct pty *pty_of(struct tty *t)
{
	return (struct pty *)t;
}

/* Registers ptmx and the file system; the slave's side of a tty that has `pty` set: */
void pty_init(void);
int pty_slave_opened(struct pty *p); /* -EIO: locked, or without a master */
void pty_slave_closed(struct pty *p);
/* Can a piece of a write be put whole, whatever OPOST makes of it? */
bool pty_has_room(const struct tty *t);
void pty_slave_read(struct pty *p);           /* there is room for input again */
void pty_tell(struct tty *t, uint8_t status); /* in packet mode */

/* Is this file the other side of its tty? */
bool pty_is_master(const struct file *f);

#endif
