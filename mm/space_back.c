/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_back.c - immediate backing: frames at map time (seeds C5).
 *
 * Everything that can fail comes first: the frames, chained through their words, and a leaf for
 * every page.  Carving leaves out of what is mapped there now changes nothing of it, so that
 * running out of memory leaves all as it was, even when the request replaces something.
 */
#include "mm/space.h"

static void give_back(struct cursor *c)
{
	while (c->frames) {
		qr_frame f = qr_frame_of(c->frames - 1);

		c->frames = qr_frame_word(c->m->frames, f)->link;
		qr_frame_put(c->m->frames, f);
	}
}

/* The chain holds frame numbers + 1. */
static enum qr_err take_frames(struct cursor *c)
{
	for (uintptr_t va = c->lo; va < c->hi; va += QR_PAGE_SIZE) {
		qr_frame f;

		if (qr_frames_alloc(c->m->frames, 0, QR_FRAME_ANON, QR_ANY, &f))
			return QR_NOMEM;
		qr_frame_word(c->m->frames, f)->link = c->frames;
		c->frames = f.v + 1;
	}
	return QR_OK;
}

static enum qr_err make_leaves(struct cursor *c)
{
	struct qr_ptdesc *t;

	for (uintptr_t va = c->lo; va < c->hi;
	     va = entry_start(c->m, va, 1, index_at(c->m, va, 1) + 1))
		if (qr_table_at(c->s, va, 0, &t) || run_room(c->m, t, 2))
			return QR_NOMEM;
	return QR_OK;
}

enum qr_err qr_back_reserve(struct cursor *c)
{
	if (take_frames(c) || make_leaves(c)) {
		give_back(c);
		qr_settle_part(c, c->t, c->lo, c->hi);
		return QR_NOMEM;
	}
	c->deep = c->hold = true;
	return QR_OK;
}

void qr_back_install(struct cursor *c, uint32_t attr)
{
	struct qr_memory *m = c->m;
	struct qr_ptdesc *t = NULL;

	for (uintptr_t va = c->lo; va < c->hi; va += QR_PAGE_SIZE) {
		qr_frame f = qr_frame_of(c->frames - 1);
		struct qr_frame_word *w = qr_frame_word(m->frames, f);
		unsigned prot = (attr & RUN_RIGHTS) | QR_READ | QR_USER;

		c->frames = w->link;
		w->link = 0;
		qr_host_frame_clear(f);
		if (!t || index_at(m, va, 0) == 0)
			QR_ASSERT(!qr_table_at(c->s, va, 0, &t), "the leaves were made");
		page_install(c->s, t, table_window(m, t), index_at(m, va, 0),
			     qr_entry_page(m->format, f, prot, 0));
	}
}
