/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A stream of operations on the heap over frames.  Each takes a byte that says what and on which of
 * 64 objects, and two bytes of size.  Contents, what wrong frees answer, and at the end the heap's
 * invariants and the number of frames must be right.
 */
#define ARENA_FRAMES 1024
#include "heap_arena.h"
#include "plain_host.h"

#include <string.h>

enum { OBJECTS = 64 };

static struct qr_heap heap;
static struct object {
	unsigned char *p;
	size_t size;
} live[OBJECTS];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

/* The number of the object at both ends. */
static void hold(unsigned i, void *p, size_t size)
{
	live[i] = (struct object){ p, size };
	if (p && size)
		live[i].p[0] = live[i].p[size - 1] = (unsigned char)i;
}

static void look(unsigned i)
{
	const struct object *o = &live[i];

	must(!o->size || (o->p[0] == i && o->p[o->size - 1] == i), "object %u is as it was", i);
}

static void drop(unsigned i)
{
	look(i);
	must(qr_heap_free(&heap, live[i].p) == QR_OK, "free");
	live[i].p = NULL;
}

static void wrong(unsigned i, size_t size)
{
	unsigned before = faults;
	char *p = (char *)live[i].p;

	if (size % 2) /* anywhere in the arena, but for where the object begins */
		p = arena_ram + (size_t)size * 131 % ((size_t)ARENA_FRAMES * QR_PAGE_SIZE);
	else
		p += 1 + size % qr_heap_usable(&heap, p);
	for (unsigned k = 0; k < OBJECTS; k++)
		if ((char *)live[k].p == p)
			return;
	must(qr_heap_free(&heap, p) == QR_CORRUPT && faults > before, "a wrong free is refused");
}

static void step(unsigned what, unsigned i, size_t size)
{
	struct object *o = &live[i];

	if (!o->p && what == 0)
		hold(i, qr_heap_zalloc(&heap, size), size);
	else if (!o->p && what == 1)
		hold(i, qr_heap_aligned(&heap, (size_t)16 << size % 10, size), size);
	else if (!o->p && what == 2)
		qr_frames_fail_after(&frames, size % 64);
	else if (!o->p && what == 3)
		qr_heap_trim(&heap);
	else if (!o->p)
		hold(i, qr_heap_alloc(&heap, size), size);
	else if (what == 0) {
		void *p = qr_heap_realloc(&heap, o->p, size);

		if (!p)
			look(i);
		must(!p || !size || !o->size || ((unsigned char *)p)[0] == i, "realloc keeps %u",
		     i);
		if (p)
			hold(i, p, size);
	} else if (what == 1)
		wrong(i, size);
	else
		drop(i);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	if (!arena_ram)
		arena_boot();
	arena_heap(&heap, 1);
	qr_heap_set_report(&heap, note, NULL);
	for (; n >= 3; n -= 3, bytes += 3) {
		size_t size = bytes[1] | (size_t)bytes[2] << 8;

		step(bytes[0] / OBJECTS, bytes[0] % OBJECTS, size >> bytes[0] % 8);
	}
	qr_frames_fail_after(&frames, 0);
	must(!qr_heap_check(&heap), "%s", qr_heap_check(&heap));
	for (unsigned i = 0; i < OBJECTS; i++)
		if (live[i].p)
			drop(i);
	qr_heap_fini(&heap);
	arena_whole();
	return 0;
}
