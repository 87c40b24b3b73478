/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipe.c - pipes and FIFOs.
 *
 *	ring of page buffers      [ page, from, to ][ page, from, to ][ free ][ free ]
 *	                             ▲ tail: read here   ▲ head - 1: append here
 *
 * A buffer's page comes with its first byte and goes with its last, so an empty pipe holds none
 * (but one spare, so that a program that writes and reads in turn takes no frame each time).
 * Bytes are copied between the page and the program directly.
 *
 * Invariants
 *	I1  head - tail <= nslots, a power of two; slots [tail, head) hold a page and from < to
 *	I2  a write of at most PIPE_BUF bytes is made in one piece: whoever starts it has room
 *	I3  readers and writers count the open files that may read and write
 *
 * Context: tasks only.  Nothing here sleeps but the waiting itself: page faults inside a copy are
 * resolved without input and output.
 */
#include "fs/pipe.h"
#include "arch/x86/user.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/task.h"
#include "kernel/waitq.h"

#define PIPE_BUF      4096
#define DEFAULT_SLOTS 16
#define MAX_SLOTS     256 /* 1 MiB, Linux's limit for those without privilege */

#define FIONREAD     0x541b
#define PIPEFS_MAGIC 0x50495045

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

static unsigned used(const struct pipe *p)
{
	return p->head - p->tail;
}

static struct buffer *slot(const struct pipe *p, unsigned n)
{
	return &p->slots[n & (p->nslots - 1)];
}

static struct pipe *pipe_of(const struct file *f)
{
	return f->inode->private;
}

static struct pipe *pipe_new(void)
{
	struct pipe *p = kzalloc(sizeof(*p));

	if (!p)
		return NULL;
	p->nslots = DEFAULT_SLOTS;
	p->slots = kcalloc(p->nslots, sizeof(*p->slots));
	if (!p->slots) {
		kfree(p);
		return NULL;
	}
	return p;
}

/* ---- pages ---------------------------------------------------------------------------------- */

static int take_page(struct pipe *p, qr_frame *out)
{
	if (p->has_spare) {
		p->has_spare = false;
		*out = p->spare;
		return 0;
	}
	return qr_frames_alloc(&frames, 0, QR_FRAME_KERNEL, QR_ANY, out) == QR_OK ? 0 : -ENOMEM;
}

static void give_page(struct pipe *p, qr_frame page)
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

static void empty(struct pipe *p)
{
	while (used(p))
		qr_frame_put(&frames, slot(p, p->tail++)->page);
	if (p->has_spare)
		qr_frame_put(&frames, p->spare);
	p->has_spare = false;
}

static void pipe_free(struct pipe *p)
{
	empty(p);
	kfree(p->slots);
	kfree(p);
}

/* ---- reading --------------------------------------------------------------------------------- */

static size_t take_bytes(struct pipe *p, struct uio *to)
{
	struct buffer *b = slot(p, p->tail);
	size_t n = b->to - b->from;
	char *page;

	page = qr_host_window_get(b->page);
	n = uio_put(to, page + b->from, n);
	qr_host_window_put(page);
	b->from += n;
	if (b->from == b->to) {
		p->tail++;
		let_go(p, b);
	}
	return n;
}

static long pipe_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);
	size_t done = 0;
	bool was_full, slept = false;
	int err;

	if (!to->left)
		return 0;
	while (!used(p)) {
		if (!p->writers)
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_exclusive(&p->readable, used(p) || !p->writers, WAIT_FOREVER);
		if (err)
			return err;
		slept = true;
	}
	was_full = used(p) == p->nslots;
	while (used(p) && to->left && !to->fault)
		done += take_bytes(p, to);
	if (was_full && used(p) < p->nslots)
		waitq_wake_all(&p->writable);
	if (slept && used(p))
		waitq_wake_one(&p->readable); /* there is more: the next one may have it */
	return uio_result(done, -EFAULT);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Room behind the last byte of the last buffer. */
static size_t tail_room(const struct pipe *p)
{
	const struct buffer *b = slot(p, p->head - 1);

	return used(p) && !b->lent ? QR_PAGE_SIZE - b->to : 0;
}

/* Can n bytes (at most PIPE_BUF) be written in one piece?  A piece is not split over the end of
 * a page that is in use, so that it needs one free slot or fits behind. */
static bool has_room(const struct pipe *p, size_t n)
{
	return used(p) < p->nslots || (n <= PIPE_BUF && tail_room(p) >= n);
}

static int append(struct pipe *p, struct uio *from, size_t *done)
{
	struct buffer *b;
	bool fresh = tail_room(p) < from->left && (used(p) < p->nslots || !tail_room(p));
	size_t n;
	char *page;
	int err;

	if (fresh) {
		b = slot(p, p->head);
		b->from = b->to = 0;
		b->lent = false;
		err = take_page(p, &b->page);
		if (err)
			return err;
	} else {
		b = slot(p, p->head - 1);
	}
	n = QR_PAGE_SIZE - b->to;
	page = qr_host_window_get(b->page);
	n = uio_get(from, page + b->to, n < from->left ? n : from->left);
	qr_host_window_put(page);
	b->to += n;
	*done += n;
	if (fresh && n)
		p->head++;
	else if (fresh)
		give_page(p, b->page);
	return from->fault ? -EFAULT : 0;
}

static long broken_pipe(size_t done)
{
	if (done)
		return (long)done;
	signal_task(current, SIGPIPE);
	return -EPIPE;
}

static long pipe_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);
	size_t done = 0, piece = from->left <= PIPE_BUF ? from->left : 1;
	int err = 0;

	if (!from->left)
		return 0;
	while (from->left && !err) {
		bool was_empty = !used(p);

		if (!p->readers)
			return broken_pipe(done);
		if (has_room(p, piece)) {
			err = append(p, from, &done);
			if ((was_empty || p->polled) && used(p))
				waitq_wake_one(&p->readable);
			continue;
		}
		if (f->flags & O_NONBLOCK)
			err = -EAGAIN;
		else
			err = wait_event(&p->writable, has_room(p, piece) || !p->readers,
					 WAIT_FOREVER);
	}
	return uio_result(done, err);
}

static __attribute__((noinline)) void enter_queues(struct pipe *p, const struct file *f,
						   struct poll_table *table)
{
	if (f->readable)
		poll_enter(table, &p->readable, POLLIN);
	if (f->writable)
		poll_enter(table, &p->writable, POLLOUT);
}

static unsigned pipe_poll(struct file *f, struct poll_table *table)
{
	struct pipe *p = pipe_of(f);
	unsigned events = 0;

	p->polled = true;
	if (QR_RARELY(table != NULL))
		enter_queues(p, f, table);
	if (f->readable) {
		if (used(p))
			events |= POLL_READABLE;
		if (!p->writers && p->opened_write != f->pos)
			events |= POLLHUP;
	}
	if (f->writable) {
		if (used(p) < p->nslots)
			events |= POLL_WRITABLE;
		if (!p->readers)
			events |= POLLERR;
	}
	return events;
}

static long pipe_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct pipe *p = pipe_of(f);
	int n = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	for (unsigned i = p->tail; i != p->head; i++)
		n += slot(p, i)->to - slot(p, i)->from;
	return put_user(n, (int __user *)arg);
}

/* ---- opening and closing ------------------------------------------------------------------------ */

static void count_open(struct pipe *p, const struct file *f)
{
	if (f->readable) {
		p->readers++;
		p->opened_read++;
		waitq_wake_all(&p->writable);
	}
	if (f->writable) {
		p->writers++;
		p->opened_write++;
		waitq_wake_all(&p->readable);
	}
}

static void count_close(struct pipe *p, const struct file *f)
{
	if (f->readable && --p->readers == 0)
		waitq_wake_all(&p->writable);
	if (f->writable && --p->writers == 0)
		waitq_wake_all(&p->readable);
}

/* A FIFO's pipe exists while somebody has it open. */
static void pipe_release(struct file *f)
{
	struct pipe *p = pipe_of(f);

	count_close(p, f);
	if (!p->readers && !p->writers) {
		f->inode->private = NULL;
		pipe_free(p);
	}
}

/* Opened through /proc/PID/fd, a pipe without a name is one, too: both its ends have been there. */
static bool has_name(const struct file *f)
{
	return f->inode->fs->type->magic != PIPEFS_MAGIC;
}

/* Who opens one end of a FIFO waits for the other: an open that comes and goes meanwhile counts. */
static int wait_for_partner(struct pipe *p, const struct file *f)
{
	unsigned seen;

	if ((f->readable && f->writable) || !has_name(f))
		return 0;
	if (f->readable) {
		if (p->writers || f->flags & O_NONBLOCK)
			return 0;
		seen = p->opened_write;
		return wait_event(&p->readable, p->opened_write != seen, WAIT_FOREVER);
	}
	if (p->readers)
		return 0;
	if (f->flags & O_NONBLOCK)
		return -ENXIO;
	seen = p->opened_read;
	return wait_event(&p->writable, p->opened_read != seen, WAIT_FOREVER);
}

static int fifo_open(struct file *f)
{
	struct pipe *p = pipe_of(f);
	int err;

	if (!p) {
		p = pipe_new();
		if (!p)
			return -ENOMEM;
		f->inode->private = p;
	}
	/* poll tells a hang-up if writers have come since, or were here, and have gone. */
	f->pos = p->opened_write - (p->writers != 0 || !has_name(f));
	count_open(p, f);
	err = wait_for_partner(p, f);
	if (err)
		pipe_release(f);
	return err;
}

const struct file_ops fifo_fops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.open = fifo_open,
	.release = pipe_release,
};

static const struct file_ops pipe_fops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
};

/* Pipes without a name have inodes all the same: fstat tells of them. */
static struct filesystem *pipefs(void)
{
	static const struct filesystem_type type = { .name = "pipefs", .magic = PIPEFS_MAGIC };
	static struct filesystem *fs;

	if (!fs)
		fs = filesystem_new(&type);
	return fs;
}

int pipe_open(unsigned flags, struct file *out[2])
{
	struct filesystem *fs = pipefs();
	struct inode *i = fs ? inode_new(fs, S_IFIFO | 0600) : NULL;
	struct pipe *p = i ? pipe_new() : NULL;
	int err;

	if (!p) {
		if (i)
			inode_put(i);
		return -ENOMEM;
	}
	i->private = p;
	i->nlink = 1;
	err = file_open_inode(i, &pipe_fops, O_RDONLY | flags, &out[0]);
	if (!err) {
		count_open(p, out[0]);
		err = file_open_inode(i, &pipe_fops, O_WRONLY | flags, &out[1]);
		if (!err)
			count_open(p, out[1]);
		else
			file_put(out[0]);
	} else {
		pipe_free(p);
	}
	inode_put(i);
	return err;
}

/* ---- capacity ------------------------------------------------------------------------------------ */

long pipe_capacity(struct file *f)
{
	if (!S_ISFIFO(f->inode->mode))
		return -EBADF;
	return (long)pipe_of(f)->nslots * QR_PAGE_SIZE;
}

long pipe_set_capacity(struct file *f, size_t nbytes)
{
	struct pipe *p;
	struct buffer *slots;
	unsigned n = 1, held;

	if (!S_ISFIFO(f->inode->mode))
		return -EBADF;
	p = pipe_of(f);
	if (nbytes > 1u << 31)
		return -EINVAL;
	if (nbytes > (size_t)MAX_SLOTS * QR_PAGE_SIZE)
		return -EPERM;
	while ((size_t)n * QR_PAGE_SIZE < nbytes)
		n *= 2;
	held = used(p);
	if (n < held)
		return -EBUSY;
	slots = kcalloc(n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (unsigned i = 0; i < held; i++)
		slots[i] = *slot(p, p->tail + i);
	kfree(p->slots);
	p->slots = slots;
	p->nslots = n;
	p->tail = 0;
	p->head = held;
	waitq_wake_all(&p->writable);
	return (long)n * QR_PAGE_SIZE;
}

/* ---- splice -------------------------------------------------------------------------------------- */

int pipe_has_bytes(const struct file *f)
{
	const struct pipe *p = pipe_of(f);

	return used(p) ? 1 : p->writers ? -EAGAIN : 0;
}

int pipe_has_slot(const struct file *f)
{
	const struct pipe *p = pipe_of(f);

	if (!p->readers)
		return (int)broken_pipe(0);
	return used(p) < p->nslots ? 1 : -EAGAIN;
}

size_t pipe_peek(const struct file *f, qr_frame *page, size_t *from)
{
	const struct pipe *p = pipe_of(f);
	const struct buffer *b = slot(p, p->tail);

	if (!used(p))
		return 0;
	*page = b->page;
	*from = b->from;
	return b->to - b->from;
}

/* Part of a page that others hold, too, behind all others.  There is a free slot. */
static bool lend(struct pipe *p, qr_frame page, size_t from, size_t n)
{
	if (qr_frame_get(&frames, page))
		return false;
	*slot(p, p->head++) =
	    (struct buffer){ page, (uint16_t)from, (uint16_t)(from + n), .lent = true };
	return true;
}

int pipe_lend(struct file *to, qr_frame page, size_t from, size_t n)
{
	struct pipe *p = pipe_of(to);

	if (!lend(p, page, from, n))
		return -ENOMEM;
	waitq_wake_one(&p->readable);
	return 0;
}

size_t pipe_share(struct file *from, struct file *to, size_t n, size_t skip)
{
	struct pipe *p = pipe_of(from), *q = pipe_of(to);
	size_t done = 0;

	for (unsigned i = p->tail; i != p->head && done < n && used(q) < q->nslots; i++) {
		struct buffer *b = slot(p, i);
		size_t size = b->to - b->from, part;

		if (skip >= size) {
			skip -= size;
			continue;
		}
		part = size - skip < n - done ? size - skip : n - done;
		if (!lend(q, b->page, b->from + skip, part))
			break;
		b->lent = true;
		done += part;
		skip = 0;
	}
	if (done)
		waitq_wake_one(&q->readable);
	return done;
}

void pipe_consume(struct file *f, size_t n)
{
	struct pipe *p = pipe_of(f);

	while (n) {
		struct buffer *b = slot(p, p->tail);
		size_t size = b->to - b->from, part = size < n ? size : n;

		b->from += (uint16_t)part;
		n -= part;
		if (part == size) {
			p->tail++;
			let_go(p, b);
		}
	}
	waitq_wake_all(&p->writable);
}

size_t pipe_move(struct file *from, struct file *to, size_t n)
{
	struct pipe *p = pipe_of(from), *q = pipe_of(to);
	size_t done = 0;

	while (used(p) && used(q) < q->nslots) {
		const struct buffer *b = slot(p, p->tail);

		if ((size_t)(b->to - b->from) > n - done)
			break;
		done += b->to - b->from;
		*slot(q, q->head++) = *b;
		p->tail++;
	}
	if (done) {
		waitq_wake_all(&p->writable);
		waitq_wake_one(&q->readable);
	}
	return done;
}
