/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_pager.c - pages that a pager of the user's own supplies, and writes that it wants to see.
 *
 *	register   runs get UMISS: a first touch is answered with QR_PAGER; and UWP
 *	supply     puts a page where none is: bytes, or the zero page
 *	watch      present pages lose W and get WP: with UWP, the first write is QR_PAGER too
 *
 * A page that an object has already is not missing; behind its end there is none to supply.  Into
 * a private mapping of one goes a page of its own, as if it had been written there.  Who asks the pager and waits for it is the kernel's business.
 */
#include "mm/space.h"

bool qr_memory_can_watch(const struct qr_memory *m)
{
	return soft_wp(m->format);
}

/* Splits what is huge and owns what is shared on its way.  Where nothing is resident under a whole
 * entry of an upper table there is nothing to do. */
static enum qr_err next_leaf(struct qr_space *s, uintptr_t *va, struct qr_ptdesc **out)
{
	const struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = lowest_table(s, *va);

	if (t->level && qr_entry_none(entry_of(m, t, index_at(m, *va, t->level)))) {
		*va = (*va | (((uintptr_t)1 << level_shift(m, t->level)) - 1)) + 1;
		*out = NULL;
		return QR_OK;
	}
	return qr_table_at(s, *va, 0, out);
}

static void watch_entry(const struct qr_memory *m, void *entries, unsigned i, bool on)
{
	const struct qr_format *f = m->format;
	qr_entry e = qr_entry_read(f, entries, i);

	if (qr_entry_none(e) || (qr_entry_present(f, e) && e.v & SOFT_FILE))
		return;
	if (on)
		(void)qr_entry_change(f, entries, i,
				      qr_entry_present(f, e) ? QR_FIXED(f)->write : 0, soft_wp(f));
	else if (e.v & soft_wp(f))
		(void)qr_entry_change(f, entries, i, soft_wp(f), 0);
}

static enum qr_err watch_pages(struct qr_space *s, uintptr_t va, uintptr_t end, bool on)
{
	const struct qr_memory *m = s->memory;
	enum qr_err err = QR_OK;
	struct qr_gather g;

	qr_gather_init(&g, &s->tlb, m->frames);
	while (!err && va && va < end) {
		struct qr_ptdesc *t;

		err = next_leaf(s, &va, &t);
		if (err || !t)
			continue;
		do {
			if (run_at(t, index_at(m, va, 0)))
				watch_entry(m, table_window(m, t), index_at(m, va, 0), on);
			va += QR_PAGE_SIZE;
		} while (va < end && index_at(m, va, 0));
	}
	qr_gather_all(&g);
	qr_gather_flush(&g);
	return err;
}

enum qr_err qr_space_watch(struct qr_space *s, qr_virt at, size_t npages, bool on)
{
	enum qr_err err;

	if (!range_valid(s->memory, at, npages))
		return QR_INVAL;
	(void)space_lock(s);
	err = watch_pages(s, at.v, at.v + (npages << QR_PAGE_SHIFT), on);
	qr_space_unlock(s);
	return err;
}

/* `set` where not all of it is there already: what has more keeps it, as with Linux.  Nothing to set:
 * everything goes, the marks of pages whose writes were noticed too; else they stay, and count again
 * when UWP comes back. */
static enum qr_err set_pager(struct qr_space *s, uintptr_t lo, uintptr_t hi, uint32_t set)
{
	enum qr_err err = QR_OK;
	struct found f;

	for (uintptr_t va = lo; !err && va < hi && qr_run_next(s, va, hi, &f); va = f.hi) {
		uintptr_t from = f.lo > va ? f.lo : va, to = f.hi < hi ? f.hi : hi;

		if (!set ? !(f.attr & (RUN_UMISS | RUN_UWP)) : !(set & ~f.attr))
			continue;
		err = qr_flag_range(s, from, to, ~(RUN_UMISS | RUN_UWP), set);
		if (!err && !set && f.attr & RUN_UWP)
			err = watch_pages(s, from, to, false);
	}
	return err;
}

enum qr_err qr_space_pager(struct qr_space *s, qr_virt at, size_t npages, unsigned flags)
{
	uintptr_t lo = at.v, hi = lo + (npages << QR_PAGE_SHIFT);
	uint32_t set = (flags & QR_MAP_UMISS ? RUN_UMISS : 0) | (flags & QR_MAP_UWP ? RUN_UWP : 0);
	enum qr_err err;

	if (!range_valid(s->memory, at, npages))
		return QR_INVAL;
	(void)space_lock(s);
	err = set_pager(s, lo, hi, set);
	qr_space_unlock(s);
	return err;
}

/* ---- supplying ------------------------------------------------------------------------------- */

static enum qr_err supply_object(struct qr_object *o, uint64_t index, const void *bytes)
{
	char *window;
	enum qr_err err;
	qr_frame f;

	if (index >= o->npages)
		return QR_BEYOND;
	if (qr_object_resident(o, index))
		return QR_EXISTS;
	err = qr_object_page(o, index, true, &f);
	if (err)
		return err;
	if (bytes) {
		window = qr_host_window_get(f);
		__builtin_memcpy(window, bytes, QR_PAGE_SIZE);
		qr_host_window_put(window);
	}
	qr_frame_put(o->memory->frames, f);
	return QR_OK;
}

static enum qr_err make_page(struct qr_memory *m, uint32_t attr, const void *bytes, bool watched,
			     qr_entry *out)
{
	unsigned rights = attr & (bytes && !watched ? RUN_RIGHTS : RUN_R | RUN_X);
	bool hidden = !(attr & RUN_RIGHTS); /* kept all the same, as by mprotect */
	qr_frame f = m->zero;
	char *window;

	if (bytes || hidden) {
		if (qr_frames_alloc(m->frames, 0, QR_FRAME_ANON, QR_ANY, &f))
			return QR_NOMEM;
		window = qr_host_window_get(f);
		if (bytes)
			__builtin_memcpy(window, bytes, QR_PAGE_SIZE);
		else
			__builtin_memset(window, 0, QR_PAGE_SIZE);
		qr_host_window_put(window);
	}
	if (hidden) {
		*out = qr_entry_token(m->format, QR_TOKEN_RESIDENT, f.v);
		return QR_OK;
	}
	*out =
	    qr_entry_touched(m->format,
			     qr_entry_of((uint64_t)f.v << QR_PAGE_SHIFT |
					 m->prot_bits[rights | QR_READ] | (bytes ? 0 : SOFT_ZERO) |
					 (watched ? soft_wp(m->format) : 0)),
			     bytes);
	return QR_OK;
}

/* A token's bits are no SOFT_ bits: it counts as what it stands for. */
static void install(struct qr_space *s, struct qr_ptdesc *t, unsigned i, qr_entry e)
{
	const struct qr_memory *m = s->memory;

	if (qr_entry_present(m->format, e)) {
		page_install(s, t, table_window(m, t), i, e);
		return;
	}
	qr_entry_set(m->format, table_window(m, t), i, e);
	t->npages++;
	mark_used(m, t, i);
	tally(&pages_here(s)->anon, 1);
}

static enum qr_err supply_page(struct qr_space *s, uint32_t attr, uintptr_t va, const void *bytes,
			       bool watched)
{
	struct qr_memory *m = s->memory;
	unsigned i = index_at(m, va, 0);
	struct qr_ptdesc *t;
	enum qr_err err;
	struct cursor c;
	qr_entry e;

	err = qr_table_at(s, va, 0, &t);
	if (!err && !qr_entry_none(entry_of(m, t, i)))
		return QR_EXISTS;
	if (!err)
		err = make_page(m, attr, bytes, watched, &e);
	if (!err) {
		install(s, t, i, e);
		return QR_OK;
	}
	cursor_begin(&c, s, va, va + QR_PAGE_SIZE); /* fold what was carved in vain */
	qr_cursor_end(&c);
	return err;
}

static enum qr_err supply(struct qr_space *s, uint32_t attr, uintptr_t va, const void *bytes,
			  bool watched)
{
	struct qr_mapping *mp = run_id(attr) ? mapping_of(s, attr) : NULL;
	uint64_t index;

	if (!mp || !mp->object)
		return supply_page(s, attr, va, bytes, watched);
	index = (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) + mp->delta);
	if (mp->shared)
		return supply_object(mp->object, index, bytes);
	return index < mp->object->npages ? supply_page(s, attr, va, bytes, watched) : QR_BEYOND;
}

enum qr_err qr_space_supply(struct qr_space *s, qr_virt at, const void *bytes, bool watched)
{
	enum qr_err err = QR_NOENT;
	struct found f;

	if (!range_valid(s->memory, at, 1))
		return QR_NOENT;
	(void)space_lock(s);
	if (qr_run_next(s, at.v, at.v + QR_PAGE_SIZE, &f) && f.attr & (RUN_UMISS | RUN_UWP))
		err = supply(s, f.attr, at.v, bytes, watched);
	qr_space_unlock(s);
	return err;
}
