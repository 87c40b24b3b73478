/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pipe_lend.c - pages that come into pipes and go out of them whole: for splice, tee and vmsplice.
 *
 * A buffer whose page somebody else holds, too (a file, a program, another pipe) is `lent`: it is not
 * appended to, and its page is given back, not kept for the next write.
 *
 * Context: tasks only.  Nothing sleeps.
 */
#include "fs/pipe_ring.h"

int pipe_has_bytes(const struct file *f)
{
	const struct pipe *p = pipe_of(f);

	return used(p) ? 1 : p->writers ? -EAGAIN : 0;
}

int pipe_has_slot(const struct file *f)
{
	const struct pipe *p = pipe_of(f);

	if (!p->readers)
		return (int)pipe_broken(0);
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
static void append_lent(struct pipe *p, qr_frame page, size_t from, size_t n)
{
	*slot(p, p->head++) =
	    (struct buffer){ page, (uint16_t)from, (uint16_t)(from + n), .lent = true };
}

void pipe_give(struct file *to, qr_frame page, size_t from, size_t n)
{
	struct pipe *p = pipe_of(to);

	append_lent(p, page, from, n);
	wake_one(&p->readable);
}

int pipe_lend(struct file *to, qr_frame page, size_t from, size_t n)
{
	if (qr_frame_get(&frames, page))
		return -ENOMEM;
	pipe_give(to, page, from, n);
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
		if (qr_frame_get(&frames, b->page))
			break;
		append_lent(q, b->page, b->from + skip, part);
		b->lent = true;
		done += part;
		skip = 0;
	}
	if (done)
		wake_one(&q->readable);
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
	wake_all(&p->writable);
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
		wake_all(&p->writable);
		wake_one(&q->readable);
	}
	return done;
}
