/* SPDX-License-Identifier: BSD-2-Clause
 *
 * object.c - memory objects: see object.h.
 *
 * I1. nresident = values of the tree. I2. Each frame in the tree has type QR_FRAME_CACHE and a
 * reference for it; a frame that left the tree has none of the object's. I3. No page lies at or
 * beyond npages. I4. Each mapping of the list has this object and a space.
 *
 * Order of locks: space (or its tables), then object.  Shrinking and punching go the other way:
 * they take pages out of the tree first, so that no fault can find them again, and then visit the
 * mappings.  The list is held still by the object's lock while a space's locks are only tried; a
 * space that is busy makes us let go and begin the list again, which does no harm to what was done.
 */
#include "mm/space.h"

#define FRAME_OF(value) qr_frame_of((uint32_t)((value)-1))
#define VALUE_OF(frame) ((uintptr_t)(frame).v + 1)

void qr_object_init(struct qr_object *o, struct qr_memory *memory, uint64_t npages, void *owner,
		    void (*release)(struct qr_object *))
{
	*o = (struct qr_object){
		.ref = 1,
		.memory = memory,
		.npages = npages,
		.owner = owner,
		.release = release,
	};
	qr_lock_init(&o->lock, QR_RANK_OBJECT);
}

void qr_object_get(struct qr_object *o)
{
	(void)qr_add32(&o->ref, 1);
}

/* Take the pages [first, end) out of the tree; their frames go when nobody maps them. */
static void drop_pages(struct qr_object *o, uint64_t first, uint64_t end)
{
	struct qr_memory *m = o->memory;
	uint64_t at = first;
	uintptr_t v;

	while ((v = qr_radix_next(&o->pages, &at)) && at < end) {
		(void)qr_radix_clear(&o->pages, &m->nodes, at);
		o->nresident--;
		qr_frame_put(m->frames, FRAME_OF(v));
	}
}

void qr_object_put(struct qr_object *o)
{
	if (qr_add32(&o->ref, -1u) != 1)
		return;
	QR_ASSERT(!o->mappings, "a mapping holds its object");
	drop_pages(o, 0, UINT64_MAX);
	if (o->release)
		o->release(o);
}

/* A zeroed frame in a hole. */
static enum qr_err fill_hole(struct qr_object *o, uint64_t index, qr_frame *out)
{
	struct qr_memory *m = o->memory;
	qr_frame f;

	if (QR_RARELY(o->may_fill) && !o->may_fill(o))
		return QR_BEYOND;
	if (qr_frames_alloc(m->frames, 0, QR_FRAME_CACHE, QR_ANY, &f))
		return QR_NOMEM;
	if (qr_radix_set(&o->pages, &m->nodes, index, VALUE_OF(f))) {
		qr_frame_put(m->frames, f);
		return QR_NOMEM;
	}
	qr_host_frame_clear(f);
	o->nresident++;
	*out = f;
	return QR_OK;
}

static enum qr_err page_locked(struct qr_object *o, uint64_t index, bool fill, qr_frame *out)
{
	uintptr_t v;

	if (QR_RARELY(index >= o->npages))
		return QR_BEYOND;
	v = qr_radix_get(&o->pages, index);
	if (QR_LIKELY(v)) {
		*out = FRAME_OF(v);
		return QR_OK;
	}
	return fill ? fill_hole(o, index, out) : QR_NOENT;
}

enum qr_err qr_object_page(struct qr_object *o, uint64_t index, bool fill, qr_frame *out)
{
	enum qr_err err;
	qr_frame f;

	qr_lock_acquire(&o->lock);
	err = page_locked(o, index, fill, &f);
	if (!err && qr_frame_get(o->memory->frames, f))
		err = QR_NOMEM;
	qr_lock_release(&o->lock);
	if (!err)
		*out = f;
	return err;
}

uint32_t qr_object_pages(struct qr_object *o, uint64_t index, uint32_t want, qr_frame *frames)
{
	const uintptr_t *slots;
	uint32_t found = 0;

	qr_lock_acquire(&o->lock);
	slots = qr_radix_slots(&o->pages, index);
	for (unsigned k = 0; slots && want >> k; k++) {
		uintptr_t v = want >> k & 1 ? slots[k] : 0;

		if (!v || index + k >= o->npages || qr_frame_get(o->memory->frames, FRAME_OF(v)))
			continue;
		frames[k] = FRAME_OF(v);
		found |= 1u << k;
	}
	qr_lock_release(&o->lock);
	return found;
}

bool qr_object_resident(const struct qr_object *o, uint64_t index)
{
	struct qr_object *locked = (struct qr_object *)(uintptr_t)o;
	bool there;

	qr_lock_acquire(&locked->lock);
	there = index < o->npages && qr_radix_get(&o->pages, index);
	qr_lock_release(&locked->lock);
	return there;
}

/* ---- contents ----------------------------------------------------------------------------- */

enum qr_err qr_object_read(struct qr_object *o, uint64_t offset, void *to, size_t n)
{
	char *at = to;

	while (n) {
		size_t in = offset & QR_PAGE_MASK, part = QR_PAGE_SIZE - in;
		enum qr_err err;
		qr_frame f;

		if (part > n)
			part = n;
		err = qr_object_page(o, offset >> QR_PAGE_SHIFT, false, &f);
		if (!err) {
			char *window = qr_host_window_get(f);

			__builtin_memcpy(at, window + in, part);
			qr_host_window_put(window);
			qr_frame_put(o->memory->frames, f);
		} else if (err == QR_NOENT) {
			__builtin_memset(at, 0, part);
		} else {
			return err;
		}
		at += part;
		offset += part;
		n -= part;
	}
	return QR_OK;
}

enum qr_err qr_object_write(struct qr_object *o, uint64_t offset, const void *from, size_t n,
			    size_t *out)
{
	const char *at = from;
	size_t done = 0;

	while (done < n) {
		size_t in = offset & QR_PAGE_MASK, part = QR_PAGE_SIZE - in;
		enum qr_err err;
		char *window;
		qr_frame f;

		if (part > n - done)
			part = n - done;
		err = qr_object_page(o, offset >> QR_PAGE_SHIFT, true, &f);
		if (err && !done)
			return err;
		if (err)
			break;
		window = qr_host_window_get(f);
		__builtin_memcpy(window + in, at + done, part);
		qr_host_window_put(window);
		qr_frame_put(o->memory->frames, f);
		done += part;
		offset += part;
	}
	*out = done;
	return QR_OK;
}

/* ---- size --------------------------------------------------------------------------------- */

/* Zap what a mapping shows of the pages [first, end).  Private copies beyond a new end go too:
 * `copies`; punching a hole leaves them.  False: a table was locked, and some may still show. */
static bool zap_mapping(struct qr_mapping *mp, uint64_t first, uint64_t end, bool copies)
{
	struct qr_space *s = mp->space;
	/* A run that has pages of before is in the hull already, whoever changes that now. */
	uintptr_t lo = qr_load_word(&mp->lo), hi = qr_load_word(&mp->hi);
	/* Pages of the space, as offsets of the hull: no overflow, whatever the delta. */
	uint64_t base = (uint64_t)((int64_t)(lo >> QR_PAGE_SHIFT) + mp->delta);
	uint64_t n = hi > lo ? (hi - lo) >> QR_PAGE_SHIFT : 0;
	uint64_t a = first > base ? first - base : 0, b = end > base ? end - base : 0;

	if (b > n)
		b = n;
	return a >= b || qr_zap_object(s, mp, lo + (uintptr_t)(a << QR_PAGE_SHIFT),
				       lo + (uintptr_t)(b << QR_PAGE_SHIFT), copies);
}

/* A fault takes space, leaf and object in this order; here the object comes first.  So the others
 * are only tried, and if one is taken, all is let go and begun again: zapping twice does no harm. */
static void zap_mappings(struct qr_object *o, uint64_t first, uint64_t end, bool copies)
{
	struct qr_mapping *mp;
	bool done;

	do {
		done = true;
		qr_lock_acquire(&o->lock);
		for (mp = o->mappings; done && mp; mp = mp->next) {
			/* In S1 zap_mapping tries the tables itself. */
			done = QR_SPACE_STAGE || qr_lock_try(&mp->space->lock);
			if (!done)
				break;
			done = zap_mapping(mp, first, end, copies);
			if (!QR_SPACE_STAGE)
				qr_lock_release(&mp->space->lock);
		}
		qr_lock_release(&o->lock);
		if (!done)
			qr_host_relax();
	} while (!done);
}

void qr_object_resize(struct qr_object *o, uint64_t npages)
{
	uint64_t old;

	qr_lock_acquire(&o->lock);
	old = o->npages;
	o->npages = npages;
	if (npages < old)
		drop_pages(o, npages, UINT64_MAX);
	qr_lock_release(&o->lock);
	if (npages < old)
		zap_mappings(o, npages, UINT64_MAX, true);
}

size_t qr_object_mappings(struct qr_object *o, bool writable)
{
	size_t n = 0;

	qr_lock_acquire(&o->lock);
	for (const struct qr_mapping *mp = o->mappings; mp; mp = mp->next)
		n += !writable || (mp->shared && mp->maxprot & QR_WRITE);
	qr_lock_release(&o->lock);
	return n;
}

void qr_object_punch(struct qr_object *o, uint64_t first, uint64_t n)
{
	uint64_t end = first + n < first ? UINT64_MAX : first + n;

	qr_lock_acquire(&o->lock);
	drop_pages(o, first, end);
	qr_lock_release(&o->lock);
	zap_mappings(o, first, end, false);
}
