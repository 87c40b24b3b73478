/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_note.h - what a debug heap remembers of an object; a table of them, by address.
 *
 * The table doubles when it has as many notes as buckets; if there are no pages for that, chains
 * grow longer and nothing fails.  Locking: the debug heap's lock, but where it says otherwise.
 */
#ifndef MM_HEAP_NOTE_H
#define MM_HEAP_NOTE_H

#include <quire/heap_debug.h>

enum note_state {
	NOTE_USED,
	NOTE_GOING, /* between two states: nobody looks at its bytes */
	NOTE_HELD,  /* freed, in the queue */
};

struct qr_heap_note {
	struct qr_heap_note *next; /* of the bucket */
	struct qr_heap_note *link; /* of the queue: the next younger; of a list while one sorts */
	uintptr_t base;            /* the engine's object */
	size_t size;               /* of it */
	size_t front;              /* bytes of the zone in front */
	size_t asked;
	uintptr_t alloc_site;
	union {
		uintptr_t free_site;
		size_t bytes; /* of its group, while one counts */
	};
	uint32_t objects; /* of its group */
	uint8_t state;
	bool told; /* its error was reported */
};

QR_INLINE char *note_object(const struct qr_heap_note *note)
{
	return (char *)(note->base + note->front);
}

/* Without the lock.  Null: no memory. */
struct qr_heap_note *qr_heap_note_new(struct qr_heap_debug *d);
void qr_heap_note_discard(struct qr_heap_debug *d, struct qr_heap_note *note);

struct qr_heap_note *qr_heap_note_find(const struct qr_heap_debug *d, uintptr_t base);
void qr_heap_note_insert(struct qr_heap_debug *d, struct qr_heap_note *note);
void qr_heap_note_remove(struct qr_heap_debug *d, const struct qr_heap_note *note);

/* Takes the lock itself: twice as many buckets, if there is memory for them. */
void qr_heap_note_grow(struct qr_heap_debug *d);
/* Pages of the table. */
size_t qr_heap_note_pages(size_t nbuckets);

#endif
