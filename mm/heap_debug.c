/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_debug.c - a heap that watches its callers: see quire/heap_debug.h.
 *
 * The lock is held over the table and the queue, never over the engine, the source or a report.
 * An object's bytes are written while nobody else looks at them: before its note is in the table,
 * or while the note says that it is going from one state to another.
 */
#include "mm/heap_note.h"

#include "mm/heap_impl.h"

#define ZONE        16u
#define BYTE_ZONE   0xc3
#define BYTE_FRESH  0xa7
#define BYTE_FREED  0x5f
#define FIRST_NOTES 512u

enum qr_err qr_heap_debug_init(struct qr_heap_debug *d, struct qr_heap *h, size_t hold_max)
{
	bool zeroed = false;

	*d = (struct qr_heap_debug){ .heap = h, .nbuckets = FIRST_NOTES, .hold_max = hold_max };
	qr_lock_init(&d->lock, QR_RANK_HEAP);
	d->bucket = h->src.pages(h->src.ctx, qr_heap_note_pages(FIRST_NOTES), 1, &zeroed);
	if (!d->bucket)
		return QR_NOMEM;
	__builtin_memset(d->bucket, 0, FIRST_NOTES * sizeof(*d->bucket));
	qr_heap_records_init(&d->notes, sizeof(struct qr_heap_note), 16);
	return QR_OK;
}

void qr_heap_debug_fini(struct qr_heap_debug *d)
{
	struct qr_heap_source *src = &d->heap->src;

	src->free(src->ctx, d->bucket, qr_heap_note_pages(d->nbuckets));
	qr_heap_records_fini(d->heap, &d->notes);
}

/* ---- errors ----------------------------------------------------------------------------------- */

static enum qr_err report(struct qr_heap_debug *d, enum qr_heap_wrong wrong, const void *p,
			  const struct qr_heap_note *note, uintptr_t at)
{
	struct qr_heap_fault fault = { .wrong = wrong,
				       .p = (void *)(uintptr_t)p,
				       .at = (void *)at };

	fault.object = note_object(note);
	fault.size = note->size;
	fault.asked = note->asked;
	fault.alloc_site = note->alloc_site;
	fault.free_site = note->state == NOTE_USED ? 0 : note->free_site;
	if (d->heap->report)
		d->heap->report(d->heap->report_ctx, &fault);
	return QR_CORRUPT;
}

/* The first byte from `from` up to `end` that is another; 0: none. */
static uintptr_t other_than(uint8_t byte, uintptr_t from, uintptr_t end)
{
	for (; from < end; from++)
		if (*(const uint8_t *)from != byte)
			return from;
	return 0;
}

/* What is wrong with the bytes of an object, or 0; *at: the first such byte. */
static enum qr_heap_wrong look(const struct qr_heap_note *note, uintptr_t *at)
{
	uintptr_t p = note->base + note->front, end = p + note->asked;

	if ((*at = other_than(BYTE_ZONE, end, note->base + note->size)))
		return QR_HEAP_BEHIND;
	if ((*at = other_than(BYTE_ZONE, note->base, p)))
		return QR_HEAP_BEFORE;
	if (note->state == NOTE_HELD && (*at = other_than(BYTE_FREED, p, end)))
		return QR_HEAP_AFTER;
	return 0;
}

/* ---- alloc ------------------------------------------------------------------------------------ */

static void leave(struct qr_heap_debug *d, size_t most);

static void *from_engine(struct qr_heap_debug *d, size_t align, size_t n, bool zero)
{
	if (align > QR_HEAP_ALIGN)
		return qr_heap_aligned(d->heap, align, n);
	return zero ? qr_heap_zalloc(d->heap, n) : qr_heap_alloc(d->heap, n);
}

static void fill(const struct qr_heap_note *note)
{
	char *p = note_object(note), *end = (char *)(note->base + note->size);

	__builtin_memset((char *)note->base, BYTE_ZONE, note->front);
	__builtin_memset(p + note->asked, BYTE_ZONE, (size_t)(end - p) - note->asked);
}

static void now_and_then(struct qr_heap_debug *d)
{
	if (d->every && __atomic_add_fetch(&d->calls, 1, __ATOMIC_RELAXED) % d->every == 0)
		(void)qr_heap_debug_check(d);
}

static void *alloc(struct qr_heap_debug *d, size_t align, size_t n, bool zero, uintptr_t site)
{
	size_t front = align > ZONE ? align : ZONE, all;
	struct qr_heap_note *note;
	uintptr_t irq;
	bool crowded;
	void *base;

	if (__builtin_add_overflow(n, front + ZONE, &all) || all > PTRDIFF_MAX)
		return NULL;
	now_and_then(d);
	note = qr_heap_note_new(d);
	if (!note)
		return NULL;
	base = from_engine(d, align, all, zero);
	if (!base && d->held) {
		leave(d, 0);
		base = from_engine(d, align, all, zero);
	}
	if (!base) {
		qr_heap_note_discard(d, note);
		return NULL;
	}
	*note = (struct qr_heap_note){ .base = (uintptr_t)base, .front = front, .asked = n };
	note->size = qr_heap_usable(d->heap, base);
	note->alloc_site = site;
	fill(note);
	if (!zero)
		__builtin_memset(note_object(note), BYTE_FRESH, n);
	irq = qr_lock_acquire_irq(&d->lock);
	qr_heap_note_insert(d, note);
	crowded = d->nnotes > d->nbuckets;
	qr_lock_release_irq(&d->lock, irq);
	if (QR_RARELY(crowded))
		qr_heap_note_grow(d);
	return note_object(note);
}

void *qr_heap_debug_alloc(struct qr_heap_debug *d, size_t n, uintptr_t site)
{
	return alloc(d, QR_HEAP_ALIGN, n, false, site);
}

void *qr_heap_debug_zalloc(struct qr_heap_debug *d, size_t n, uintptr_t site)
{
	return alloc(d, QR_HEAP_ALIGN, n, true, site);
}

void *qr_heap_debug_aligned(struct qr_heap_debug *d, size_t align, size_t n, uintptr_t site)
{
	if (align == 0 || align & (align - 1) || align > PTRDIFF_MAX / 2)
		return NULL;
	return alloc(d, align, n, false, site);
}

/* ---- whose a pointer is ----------------------------------------------------------------------- */

/* Where the engine's object begins that p lies in; 0: in none. */
static uintptr_t base_of(const struct qr_heap *h, const struct qr_span *s, uintptr_t p)
{
	uintptr_t off = p - s->start;

	if (s->class == CLASS_LARGE)
		return s->start;
	return off < s->limit ? p - off % h->class[s->class].size : 0;
}

/* The note of the object in use that p is, now in `state`; or null, reported. */
static struct qr_heap_note *claim(struct qr_heap_debug *d, const void *p, enum note_state state,
				  uintptr_t site)
{
	struct qr_span *s = span_of(d->heap, (uintptr_t)p);
	uintptr_t base = s ? base_of(d->heap, s, (uintptr_t)p) : 0, irq;
	struct qr_heap_note *note, seen;
	enum qr_heap_wrong wrong = 0;

	if (!base) {
		qr_heap_wrong(d->heap, s ? QR_HEAP_INTERIOR : QR_HEAP_FOREIGN, p, s);
		return NULL;
	}
	irq = qr_lock_acquire_irq(&d->lock);
	note = qr_heap_note_find(d, base);
	if (note && p != note_object(note))
		wrong = QR_HEAP_INTERIOR;
	else if (note && note->state != NOTE_USED)
		wrong = QR_HEAP_DOUBLE;
	else if (note && state != NOTE_USED) {
		note->state = (uint8_t)state;
		note->free_site = site;
	}
	if (wrong)
		seen = *note;
	qr_lock_release_irq(&d->lock, irq);
	if (!note)
		qr_heap_wrong(d->heap, QR_HEAP_DOUBLE, p, s);
	else if (wrong)
		report(d, wrong, p, &seen, 0);
	return wrong ? NULL : note;
}

size_t qr_heap_debug_usable(struct qr_heap_debug *d, const void *p)
{
	const struct qr_heap_note *note = p ? claim(d, p, NOTE_USED, 0) : NULL;

	return note ? note->asked : 0;
}

/* ---- free ------------------------------------------------------------------------------------- */

/* The oldest of the queue, if that holds more than `most` bytes. */
static struct qr_heap_note *next_out(struct qr_heap_debug *d, size_t most)
{
	uintptr_t irq = qr_lock_acquire_irq(&d->lock);
	struct qr_heap_note *note = d->held > most ? d->oldest : NULL;

	if (note) {
		d->oldest = note->link;
		if (!d->oldest)
			d->newest = NULL;
		d->held -= note->size;
		qr_heap_note_remove(d, note);
	}
	qr_lock_release_irq(&d->lock, irq);
	return note;
}

static void leave(struct qr_heap_debug *d, size_t most)
{
	struct qr_heap_note *note;
	enum qr_heap_wrong wrong;
	uintptr_t at;

	while ((note = next_out(d, most))) {
		wrong = note->told ? 0 : look(note, &at);
		if (wrong)
			report(d, wrong, note_object(note), note, at);
		(void)qr_heap_free(d->heap, (void *)note->base);
		qr_heap_note_discard(d, note);
	}
}

static void enqueue(struct qr_heap_debug *d, struct qr_heap_note *note)
{
	uintptr_t irq = qr_lock_acquire_irq(&d->lock);

	note->state = NOTE_HELD;
	note->told = false;
	note->link = NULL;
	if (d->newest)
		d->newest->link = note;
	else
		d->oldest = note;
	d->newest = note;
	d->held += note->size;
	qr_lock_release_irq(&d->lock, irq);
}

enum qr_err qr_heap_debug_free(struct qr_heap_debug *d, void *p, uintptr_t site)
{
	struct qr_heap_note *note;
	enum qr_heap_wrong wrong;
	uintptr_t at;

	if (!p)
		return QR_OK;
	now_and_then(d);
	note = claim(d, p, NOTE_GOING, site);
	if (!note)
		return QR_CORRUPT;
	wrong = look(note, &at);
	if (wrong && !note->told)
		report(d, wrong, p, note, at);
	if (wrong)
		fill(note); /* what comes now is another error */
	__builtin_memset(p, BYTE_FREED, note->asked);
	enqueue(d, note);
	leave(d, d->hold_max);
	return wrong ? QR_CORRUPT : QR_OK;
}

void *qr_heap_debug_realloc(struct qr_heap_debug *d, void *p, size_t n, uintptr_t site)
{
	struct qr_heap_note *note;
	size_t have;
	void *to;

	if (!p)
		return qr_heap_debug_alloc(d, n, site);
	note = claim(d, p, NOTE_USED, 0);
	if (!note)
		return NULL;
	have = note->asked;
	to = qr_heap_debug_alloc(d, n, site);
	if (to) {
		__builtin_memcpy(to, p, n < have ? n : have);
		(void)qr_heap_debug_free(d, p, site);
	}
	return to;
}

size_t qr_heap_debug_trim(struct qr_heap_debug *d)
{
	leave(d, 0);
	return qr_heap_trim(d->heap);
}

/* ---- looking at everything -------------------------------------------------------------------- */

/* The first note behind *bucket that is wrong, as it was under the lock. */
static enum qr_heap_wrong next_wrong(struct qr_heap_debug *d, size_t *bucket,
				     struct qr_heap_note *copy, uintptr_t *at)
{
	uintptr_t irq = qr_lock_acquire_irq(&d->lock);
	enum qr_heap_wrong wrong = 0;

	for (; !wrong && *bucket < d->nbuckets; ++*bucket)
		for (struct qr_heap_note *note = d->bucket[*bucket]; note; note = note->next) {
			if (note->told || note->state == NOTE_GOING)
				continue;
			wrong = look(note, at);
			if (wrong) {
				note->told = true;
				*copy = *note;
				--*bucket; /* it may have more */
				break;
			}
		}
	qr_lock_release_irq(&d->lock, irq);
	return wrong;
}

size_t qr_heap_debug_check(struct qr_heap_debug *d)
{
	enum qr_heap_wrong wrong;
	struct qr_heap_note copy;
	size_t bucket = 0, n = 0;
	uintptr_t at;

	for (; (wrong = next_wrong(d, &bucket, &copy, &at)); n++)
		report(d, wrong, note_object(&copy), &copy, at);
	return n;
}
