/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_access.c - read and write the memory of a space that need not be loaded; residency.
 *
 * For debuggers, for /proc/PID/mem, for arguments that exec copies into a space it builds.
 * Pages are faulted in as the user would, and reached through their frames.
 */
#include "mm/space.h"

qr_entry qr_entry_look(const struct qr_space *s, uintptr_t va, unsigned *level)
{
	const struct qr_memory *m = s->memory;
	const struct qr_ptdesc *t = s->root;

	for (;;) {
		qr_entry e = entry_of(m, t, index_at(m, va, t->level));

		*level = t->level;
		if (!qr_entry_is_table(m->format, e, t->level))
			return e;
		t = ptdesc_of(m, qr_entry_frame(m->format, e));
	}
}

/* The frame of entry e of this level, which shows va. */
static qr_frame frame_at(const struct qr_memory *m, uintptr_t va, qr_entry e, unsigned level,
			 bool write)
{
	qr_frame f = resident_frame(m, e);
	struct qr_frame_word *w;

	if (QR_RARELY(level))
		f.v += index_at(m, va, 0);
	w = qr_frame_word(m->frames, f);
	if (write && qr_load32(&w->state) & QR_FRAME_LAZYFREE)
		qr_frame_clear(w, QR_FRAME_LAZYFREE); /* no CPU sets the dirty bit */
	return f;
}

enum qr_err qr_frame_reach(struct qr_space *s, uintptr_t va, enum qr_access access, bool force,
			   qr_frame *out)
{
	struct qr_ptdesc *top = NULL;
	enum qr_err err;
	unsigned level;
	qr_entry e;

	if (QR_SPACE_STAGE)
		top = qr_table_covering(s, va, (va | QR_PAGE_MASK) + 1);
	err = qr_fault_held(s, va, access, force, top);
	if (err)
		return err;
	e = qr_entry_look(s, va, &level);
	*out = frame_at(s->memory, va, e, level, access == QR_ACCESS_WRITE);
	return QR_OK;
}

static void copy_part(qr_frame f, size_t in, void *buf, size_t n, bool write)
{
	char *window = qr_host_window_get(f);

	if (write)
		__builtin_memcpy(window + in, buf, n);
	else
		__builtin_memcpy(buf, window + in, n);
	qr_host_window_put(window);
}

/* The leaf over va, if it is borrowed: then other spaces can take an object's page out of it, but
 * not under its lock. */
static struct qr_ptdesc *borrowed_leaf(struct qr_space *s, const struct qr_ptdesc *top,
				       uintptr_t va)
{
	struct qr_ptdesc *t;

	if (QR_MAX_CPUS == 1 || !tally_read(&s->borrowed))
		return NULL;
	t = qr_table_walk(s, va);
	return t->level || (QR_SPACE_STAGE ? held_together(top, t) : t == s->near) ? NULL : t;
}

/* Copy to or from the page that is there; false: it is gone again. */
static bool copy_resident(struct qr_space *s, const struct qr_ptdesc *top, uintptr_t va, void *buf,
			  size_t n, bool write)
{
	struct qr_ptdesc *borrowed = borrowed_leaf(s, top, va);
	unsigned level;
	qr_entry e;

	if (borrowed)
		table_lock(borrowed);
	e = qr_entry_look(s, va, &level);
	if (QR_MAX_CPUS == 1 || !qr_entry_none(e)) {
		copy_part(frame_at(s->memory, va, e, level, write), va & QR_PAGE_MASK, buf, n,
			  write);
	}
	if (borrowed)
		table_unlock(borrowed);
	return QR_MAX_CPUS == 1 || !qr_entry_none(e);
}

/* Fault va in and copy: what is held keeps the page there. */
static enum qr_err copy_at(struct qr_space *s, uintptr_t va, enum qr_access access, bool force,
			   void *buf, size_t n)
{
	enum qr_err err;
	bool again;

	do {
		struct qr_ptdesc *top = page_lock(s, va);

		err = qr_fault_held(s, va, access, force, top);
		again = !err && !copy_resident(s, top, va, buf, n, access == QR_ACCESS_WRITE);
		page_unlock(s, top);
	} while (again || stack_grew(s, va, &err));
	return err;
}

/* ---- pages without rights, as a debugger reaches them ---------------------------------------- */

/* With one reference more.  QR_NOENT: zeroes. */
static enum qr_err hidden_page(struct qr_space *s, const struct found *run, uintptr_t va,
			       qr_frame *out)
{
	struct qr_memory *m = s->memory;
	const struct qr_mapping *mp = run_id(run->attr) ? mapping_of(s, run->attr) : NULL;
	unsigned level;
	qr_entry e = qr_entry_look(s, va, &level);

	if (!qr_entry_none(e)) {
		*out = resident_frame(m, e);
		if (level)
			out->v += index_at(m, va, 0);
		return qr_frame_get(m->frames, *out);
	}
	if (!mp || !mp->object)
		return QR_NOENT;
	return qr_object_page(mp->object, (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) + mp->delta),
			      false, out);
}

/* Frame f takes the place of what is at va, out of the user's reach as that was. */
static enum qr_err replace_hidden(struct qr_space *s, uintptr_t va, qr_frame f)
{
	struct qr_memory *m = s->memory;
	unsigned i = index_at(m, va, 0);
	struct qr_ptdesc *t;
	struct cursor c;
	qr_entry old;

	if (qr_table_at(s, va, 0, &t)) {
		cursor_begin(&c, s, va, va + QR_PAGE_SIZE);
		qr_cursor_end(&c);
		return QR_NOMEM;
	}
	old = qr_entry_swap(m->format, table_window(m, t), i,
			    qr_entry_token(m->format, QR_TOKEN_RESIDENT, f.v));
	if (!qr_entry_none(old)) {
		qr_frame_put(m->frames, resident_frame(m, old));
		return QR_OK;
	}
	t->npages++;
	mark_used(m, t, i);
	tally(&pages_here(s)->anon, 1);
	return QR_OK;
}

static enum qr_err write_hidden(struct qr_space *s, const struct found *run, uintptr_t va,
				void *buf, size_t n)
{
	struct qr_memory *m = s->memory;
	qr_frame from, to;
	enum qr_err err;

	if (run_id(run->attr) && mapping_of(s, run->attr)->shared)
		return QR_ACCESS;
	if (qr_frames_alloc(m->frames, 0, QR_FRAME_ANON, QR_ANY, &to))
		return QR_NOMEM;
	err = hidden_page(s, run, va, &from);
	if (!err) {
		qr_host_frame_copy(to, from);
		qr_frame_put(m->frames, from);
	} else if (err == QR_NOENT) {
		qr_host_frame_clear(to);
		err = QR_OK;
	}
	if (!err) {
		copy_part(to, va & QR_PAGE_MASK, buf, n, true);
		err = replace_hidden(s, va & ~(uintptr_t)QR_PAGE_MASK, to);
	}
	if (err)
		qr_frame_put(m->frames, to);
	return err;
}

static enum qr_err copy_hidden(struct qr_space *s, uintptr_t va, void *buf, size_t n, bool write)
{
	struct found run;
	enum qr_err err;
	qr_frame f;

	if (!qr_run_next(s, va, va + 1, &run) || run.attr & RUN_RIGHTS)
		return QR_ACCESS;
	if (write)
		return write_hidden(s, &run, va, buf, n);
	err = hidden_page(s, &run, va, &f);
	if (!err) {
		copy_part(f, va & QR_PAGE_MASK, buf, n, false);
		qr_frame_put(s->memory->frames, f);
	} else if (err == QR_NOENT) {
		__builtin_memset(buf, 0, n);
		err = QR_OK;
	}
	return err;
}

/* ---- transfers -------------------------------------------------------------------------------- */

/* Up to the end of a page; answers how many bytes, or an error through *err. */
static size_t copy_page_part(struct qr_space *s, uintptr_t va, void *buf, size_t n, bool write,
			     bool force, enum qr_err *err)
{
	size_t part = QR_PAGE_SIZE - (va & QR_PAGE_MASK);

	if (part > n)
		part = n;
	if (va < s->memory->user_start.v || va >= s->memory->user_end.v) {
		*err = QR_NOENT;
		return 0;
	}
	*err = copy_at(s, va, write ? QR_ACCESS_WRITE : QR_ACCESS_READ, force, buf, part);
	if (*err == QR_ACCESS && force) {
		(void)space_lock(s);
		*err = copy_hidden(s, va, buf, part, write);
		qr_space_unlock(s);
	}
	return *err ? 0 : part;
}

static enum qr_err transfer(struct qr_space *s, uintptr_t va, char *buf, size_t n, bool write,
			    bool force, size_t *out)
{
	enum qr_err err = QR_OK;
	size_t done = 0;

	while (done < n && !err)
		done += copy_page_part(s, va + done, buf + done, n - done, write, force, &err);
	*out = done;
	return err;
}

enum qr_err qr_space_read(struct qr_space *s, qr_virt at, void *to, size_t n, bool force,
			  size_t *out)
{
	return transfer(s, at.v, to, n, false, force, out);
}

enum qr_err qr_space_write(struct qr_space *s, qr_virt at, const void *from, size_t n, bool force,
			   size_t *out)
{
	return transfer(s, at.v, (char *)(uintptr_t)from, n, true, force, out);
}

/* A byte for each entry of a leaf from i on: is there one? */
static void leaf_along(const struct qr_format *f, const void *entries, unsigned i, size_t n,
		       uint8_t *out)
{
	for (; n >= 4; n -= 4, i += 4, out += 4) {
		out[0] = !qr_entry_none(qr_entry_read(f, entries, i));
		out[1] = !qr_entry_none(qr_entry_read(f, entries, i + 1));
		out[2] = !qr_entry_none(qr_entry_read(f, entries, i + 2));
		out[3] = !qr_entry_none(qr_entry_read(f, entries, i + 3));
	}
	for (; n; n--)
		*out++ = !qr_entry_none(qr_entry_read(f, entries, i++));
}

/* A byte a page from va on, up to `stop` or as far as one table goes: is there an entry?  Answers
 * where it ended. */
static uintptr_t entries_along(struct qr_space *s, uintptr_t va, uintptr_t stop, uint8_t *out)
{
	const struct qr_memory *m = s->memory;
	const struct qr_ptdesc *t = lowest_table(s, va);
	unsigned i = index_at(m, va, t->level);
	unsigned last = t->level ? i + 1 : table_entries(m, 0);
	uintptr_t end = entry_start(m, va, t->level, last);
	size_t n = ((end < stop ? end : stop) - va) >> QR_PAGE_SHIFT;
	const void *entries = table_window(m, t);

	if (QR_RARELY(t->level))
		__builtin_memset(out, !qr_entry_none(qr_entry_read(m->format, entries, i)), n);
	else
		leaf_along(m->format, entries, i, n, out);
	return va + (n << QR_PAGE_SHIFT);
}

/* What is not mapped here may be in the object all the same. */
static void object_along(const struct qr_mapping *mp, uintptr_t va, uintptr_t end, uint8_t *out)
{
	for (; va < end; va += QR_PAGE_SIZE, out++)
		if (!*out)
			*out = qr_object_resident(mp->object,
						  (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) +
							     mp->delta));
}

enum qr_err qr_space_residency(struct qr_space *s, qr_virt at, size_t npages, uint8_t *out)
{
	const struct qr_memory *m = s->memory;
	uintptr_t va = at.v, end, next;
	struct found f;

	if (!range_valid(m, at, npages))
		return va & QR_PAGE_MASK ? QR_INVAL : QR_NOENT;
	end = va + (npages << QR_PAGE_SHIFT);
	(void)space_lock(s);
	while (va < end && qr_run_next(s, va, end, &f) && f.lo <= va) {
		const struct qr_mapping *mp = run_id(f.attr) ? mapping_of(s, f.attr) : NULL;
		uintptr_t stop = f.hi < end ? f.hi : end;

		for (; va < stop; va = next) {
			next = entries_along(s, va, stop, out);
			if (mp && mp->object)
				object_along(mp, va, next, out);
			out += (next - va) >> QR_PAGE_SHIFT;
		}
	}
	qr_space_unlock(s);
	return va < end ? QR_NOENT : QR_OK;
}

/* Does one run of one table hold it all?  Usually it does. */
static bool one_run(struct qr_space *s, uintptr_t lo, uintptr_t end)
{
	const struct qr_memory *m = s->memory;
	const struct qr_ptdesc *t = lowest_table(s, lo);
	const struct qr_run *r = run_at(t, index_at(m, lo, t->level));

	return r && end - 1 <= entry_start(m, lo, t->level, r->end) - 1;
}

size_t qr_pages_promised(struct qr_space *s, uintptr_t lo, uintptr_t hi, uint32_t flags, bool look)
{
	struct found f;
	size_t n = 0;

	for (; lo < hi && (look ? run_look(s, lo, hi, &f, NULL) : qr_run_next(s, lo, hi, &f));
	     lo = f.hi)
		if ((f.attr & flags) == flags)
			n += ((f.hi < hi ? f.hi : hi) - (f.lo > lo ? f.lo : lo)) >> QR_PAGE_SHIFT;
	return n;
}

size_t qr_space_mapped(struct qr_space *s, qr_virt at, size_t npages)
{
	uintptr_t end = at.v + (npages << QR_PAGE_SHIFT);
	size_t n = npages;

	if (!range_valid(s->memory, at, npages))
		return 0;
	space_begin(s);
	if (QR_SPACE_STAGE || QR_RARELY(!one_run(s, at.v, end)))
		n = qr_pages_promised(s, at.v, end, 0, true);
	space_looked(s);
	return n;
}

bool qr_space_unused(struct qr_space *s, qr_virt at, size_t npages)
{
	struct found f;
	bool none;

	if (!range_valid(s->memory, at, npages))
		return false;
	space_begin(s);
	none = !run_look(s, at.v, at.v + (npages << QR_PAGE_SHIFT), &f, NULL);
	space_looked(s);
	return none;
}
