/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipe_ring.h - what a pipe is made of: for pipe.c, which reads and writes it, and pipe_lend.c, which
 * moves its pages.
 *
 *	ring of page buffers      [ page, from, to ][ page, from, to ][ free ][ free ]
 *	                             ▲ tail: read here   ▲ head - 1: append here
 *
 * Invariants
 *	I1  head - tail <= nslots, a power of two; slots [tail, head) hold a page and from < to
 *	I2  a write of at most PIPE_BUF bytes is made in one piece: whoever starts it has room
 *	I3  readers and writers count the open files that may read and write
 */
#ifndef FS_PIPE_RING_H
#define FS_PIPE_RING_H

#include "fs/pipe.h"
#include "kernel/memory.h"
#include "kernel/waitq.h"

struct buffer {
	qr_frame page;
	uint16_t from, to; /* bytes held: [from, to) */
	bool lent;         /* the page is a file's or in another pipe, too: not written any more */
};

struct pipe {
	unsigned head, tail, nslots;
	unsigned readers, writers;
	unsigned opened_read, opened_write; /* counts of opens, for FIFOs that wait for a partner */
	bool has_spare;
	bool polled; /* by whom each write is an event: epoll's edges */
	qr_frame spare;
	struct waitq readable, writable; /* also: the other side came or went */
	struct buffer *slots;
};

/* Mostly nobody waits. */
static inline void wake_one(struct waitq *q)
{
	if (QR_RARELY(waitq_busy(q)))
		waitq_wake_one(q);
}

static inline void wake_all(struct waitq *q)
{
	if (QR_RARELY(waitq_busy(q)))
		waitq_wake_all(q);
}

static inline unsigned used(const struct pipe *p)
{
	return p->head - p->tail;
}

static inline struct buffer *slot(const struct pipe *p, unsigned n)
{
	return &p->slots[n & (p->nslots - 1)];
}

static inline struct pipe *pipe_of(const struct file *f)
{
	return f->inode->private;
}

static inline void give_page(struct pipe *p, qr_frame page)
{
	if (p->has_spare) {
		qr_frame_put(&frames, page);
	} else {
		p->has_spare = true;
		p->spare = page;
	}
}

static inline void let_go(struct pipe *p, const struct buffer *b)
{
	if (QR_RARELY(b->lent))
		qr_frame_put(&frames, b->page);
	else
		give_page(p, b->page);
}

/* What a write without readers answers: `done`, or -EPIPE, told by a signal. */
long pipe_broken(size_t done);

#endif
