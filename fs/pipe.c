/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipe.c - pipes and FIFOs.
 *
 * A buffer's page comes with its first byte and goes with its last, so an empty pipe holds none
 * (but one spare, so that a program that writes and reads in turn takes no frame each time).
 * Bytes are copied between the page and the program directly.
 *
 * Context: tasks only.  Nothing here sleeps but the waiting itself: page faults inside a copy are
 * resolved without input and output.
 */
#include "fs/pipe_ring.h"
#include "arch/x86/user.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/task.h"

#define PIPE_BUF      4096
#define DEFAULT_SLOTS 16
#define MAX_SLOTS     256 /* 1 MiB, Linux's limit for those without privilege */

#define FIONREAD     0x541b
#define PIPEFS_MAGIC 0x50495045

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

/* The buffer is empty: its page and its slot go. */
static inline void drop_first(struct pipe *p, const struct buffer *b)
{
	bool was_full = used(p) == p->nslots;

	p->tail++;
	let_go(p, b);
	if (QR_RARELY(was_full))
		waitq_wake_all(&p->writable);
}

static inline size_t take_bytes(struct pipe *p, struct uio *to)
{
	struct buffer *b = slot(p, p->tail);
	size_t held = b->to - b->from, n = held < to->left ? held : to->left;
	char *page = qr_host_window_get(b->page);

	n = uio_put(to, page + b->from, n);
	qr_host_window_put(page);
	if (QR_LIKELY(n == held))
		drop_first(p, b);
	else
		b->from += n;
	return n;
}

static bool goes_on(const struct pipe *p, const struct uio *to)
{
	return to->left && used(p) && !to->fault;
}

static __attribute__((noinline)) size_t take_more(struct pipe *p, struct uio *to)
{
	size_t done = 0;

	while (goes_on(p, to))
		done += take_bytes(p, to);
	return done;
}

/* There is something. */
static inline long take(struct pipe *p, struct uio *to)
{
	size_t done = take_bytes(p, to);

	if (QR_RARELY(goes_on(p, to)))
		done += take_more(p, to);
	if (QR_LIKELY(done))
		return (long)done;
	return to->fault ? -EFAULT : 0;
}

static __attribute__((noinline)) long wait_and_take(struct file *f, struct pipe *p, struct uio *to)
{
	long n;
	int err;

	while (!used(p)) {
		if (!p->writers || !to->left)
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_exclusive(&p->readable, used(p) || !p->writers, WAIT_FOREVER);
		if (err)
			return err;
	}
	n = take(p, to);
	if (used(p))
		waitq_wake_one(&p->readable); /* there is more: the next one may have it */
	return n;
}

static long pipe_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);

	return QR_LIKELY(used(p)) ? take(p, to) : wait_and_take(f, p, to);
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

/* Bytes to the end of the buffer; none: user memory refused. */
static inline size_t fill(struct uio *from, qr_frame frame, size_t at, size_t n)
{
	char *page = qr_host_window_get(frame);

	n = uio_get(from, page + at, n);
	qr_host_window_put(page);
	return n;
}

static long append_new(struct pipe *p, struct uio *from)
{
	size_t n = from->left < QR_PAGE_SIZE ? from->left : QR_PAGE_SIZE;
	qr_frame page;
	int err = take_page(p, &page);

	if (err)
		return err;
	n = fill(from, page, 0, n);
	if (QR_RARELY(!n)) {
		give_page(p, page);
		return -EFAULT;
	}
	*slot(p, p->head++) = (struct buffer){ .page = page, .to = (uint16_t)n };
	return (long)n;
}

/* As much as finds room in one buffer. */
static inline long append(struct pipe *p, struct uio *from)
{
	size_t room = tail_room(p), n = room < from->left ? room : from->left;
	struct buffer *b;

	if (n < from->left && (!room || used(p) < p->nslots))
		return append_new(p, from);
	b = slot(p, p->head - 1);
	n = fill(from, b->page, b->to, n);
	b->to += n;
	return n ? (long)n : -EFAULT;
}

long pipe_broken(size_t done)
{
	if (done)
		return (long)done;
	signal_task(current, SIGPIPE);
	return -EPIPE;
}

static inline void tell_readers(struct pipe *p, bool was_empty)
{
	if (was_empty || p->polled)
		wake_one(&p->readable);
}

static __attribute__((noinline)) long write_slowly(struct file *f, struct pipe *p, struct uio *from)
{
	size_t done = 0, piece = from->left <= PIPE_BUF ? from->left : 1;
	long n = 0;

	while (from->left && n >= 0 && !from->fault) {
		bool was_empty = !used(p);

		if (!p->readers)
			return pipe_broken(done);
		if (has_room(p, piece)) {
			n = append(p, from);
			if (n > 0) {
				done += (size_t)n;
				tell_readers(p, was_empty);
			}
		} else if (f->flags & O_NONBLOCK) {
			n = -EAGAIN;
		} else {
			n = wait_event(&p->writable, has_room(p, piece) || !p->readers,
				       WAIT_FOREVER);
		}
	}
	return uio_result(done, n);
}

static long pipe_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct pipe *p = pipe_of(f);
	unsigned held = used(p);
	long n;

	if (QR_RARELY(from->left - 1 >= PIPE_BUF || held >= p->nslots || !p->readers))
		return write_slowly(f, p, from);
	n = append(p, from);
	if (QR_LIKELY(n > 0))
		tell_readers(p, !held);
	return n;
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
	if (nbytes > (size_t)MAX_SLOTS * QR_PAGE_SIZE &&
	    !cred_can(&current_process->cred, CAP_SYS_RESOURCE))
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
