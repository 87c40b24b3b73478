/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_wrong.c - what a pointer is that a caller calls his object.
 *
 * Off the quick path: exactness before speed.  Magazines of other owners are read while these
 * may change them; that can only make a double free by two CPUs at once go unseen here, and it is
 * seen later in the span.
 */
#include "mm/heap_quick.h"

const char *qr_heap_wrong_words(enum qr_heap_wrong wrong)
{
	switch (wrong) {
	case QR_HEAP_FOREIGN:
		return "is no address of the heap";
	case QR_HEAP_INTERIOR:
		return "is not the begin of an object";
	case QR_HEAP_DOUBLE:
		return "is free already";
	case QR_HEAP_SIZE:
		return "is of another size";
	case QR_HEAP_NO_OBJECT:
		return "is no object in use";
	case QR_HEAP_AFTER:
		return "was written to after it was freed";
	case QR_HEAP_BEFORE:
		return "was written to in front of its first byte";
	case QR_HEAP_BEHIND:
		return "was written to behind its last byte";
	}
	return "is wrong";
}

void qr_heap_wrong(struct qr_heap *h, enum qr_heap_wrong wrong, const void *p,
		   const struct qr_span *s)
{
	struct qr_heap_fault fault = { .wrong = wrong, .p = (void *)(uintptr_t)p };
	uintptr_t off;

	if (s && s->class == CLASS_LARGE) {
		fault.object = (void *)s->start;
		fault.size = s->limit;
	} else if (s) {
		fault.size = h->class[s->class].size;
		off = (uintptr_t)p - s->start;
		if (off < s->limit)
			fault.object = (char *)s->start + off / fault.size * fault.size;
	}
	if (h->report)
		h->report(h->report_ctx, &fault);
}

/* Looked up under the lock, since a span's bits change under it. */
static bool is_free(struct qr_heap *h, struct qr_span *s, uintptr_t p)
{
	uint32_t i = index_of(s, p);
	uintptr_t irq = qr_lock_acquire_irq(&h->class[s->class].lock);
	bool in_span = s->bits[i / QR_WORD_BITS] >> (i % QR_WORD_BITS) & 1;

	qr_lock_release_irq(&h->class[s->class].lock, irq);
	return in_span || qr_heap_in_magazine(h, s->class, p);
}

struct qr_span *qr_heap_resolve(struct qr_heap *h, const void *ptr)
{
	uintptr_t p = (uintptr_t)ptr;
	struct qr_span *s = span_of(h, p);

	if (!s) {
		qr_heap_wrong(h, QR_HEAP_FOREIGN, ptr, NULL);
		return NULL;
	}
	if (s->class == CLASS_LARGE ? p != s->start : !is_object(s, p)) {
		qr_heap_wrong(h, QR_HEAP_INTERIOR, ptr, s);
		return NULL;
	}
	if (s->class == CLASS_LARGE ? s->nfree : is_marked(h, p) && is_free(h, s, p)) {
		qr_heap_wrong(h, QR_HEAP_DOUBLE, ptr, s);
		return NULL;
	}
	return s;
}
