/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heaps.c - the four heaps, each over the same arena.
 *
 *	bump, block, list	in the arena; block's table beside it
 *	quire			over frames that are the arena's pages, as in the kernel
 */
#include "heaplab/lab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_ALIGN (4u << 20)
#define BUMP_ALIGN  16u

const char *const heap_names[NHEAPS] = { "bump", "block", "list", "quire" };
char *heaplab_window;

void qr_host_panic(const char *rule, const char *file, int line)
{
	die(NULL, "a rule was broken: %s (%s:%d)", rule, file, line);
}

/* ---- the arena ------------------------------------------------------------------------------ */

void arena_make(struct arena *a, size_t bytes)
{
	struct qr_frames_config c = { .end = { (uint32_t)(bytes / QR_PAGE_SIZE) },
				      .low_end = { (uint32_t)(bytes / QR_PAGE_SIZE) },
				      .ncpus = 1 };
	char *at = mmap(NULL, bytes + ARENA_ALIGN, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (at == MAP_FAILED)
		die(NULL, "no memory for an arena of %zu KiB", bytes / 1024);
	a->map = at;
	a->at = (char *)(((uintptr_t)at + ARENA_ALIGN - 1) & ~(uintptr_t)(ARENA_ALIGN - 1));
	a->bytes = bytes;
	a->meta_bytes = qr_frames_metadata_size(&c);
	if (a->meta_bytes < bytes / QR_BLOCK_SIZE)
		a->meta_bytes = bytes / QR_BLOCK_SIZE;
	a->meta_bytes = (a->meta_bytes + 63) & ~(size_t)63;
	a->meta = aligned_alloc(64, a->meta_bytes);
	if (!a->meta)
		die(NULL, "no memory for an arena of %zu KiB", bytes / 1024);
	heaplab_window = a->at;
}

void arena_end(struct arena *a)
{
	munmap(a->map, a->bytes + ARENA_ALIGN);
	free(a->meta);
}

/* ---- quire's pages, seen on their way --------------------------------------------------------- */

static void *watched_pages(void *ctx, size_t npages, size_t align, bool *zeroed)
{
	struct heap *h = ctx;
	char *p = h->inner.pages(h->inner.ctx, npages, align, zeroed);

	if (p)
		h->pages(h->pages_ctx, (size_t)(p - h->arena->at), npages * QR_PAGE_SIZE, true);
	return p;
}

static void watched_free(void *ctx, void *p, size_t npages)
{
	struct heap *h = ctx;

	h->pages(h->pages_ctx, (size_t)((char *)p - h->arena->at), npages * QR_PAGE_SIZE, false);
	h->inner.free(h->inner.ctx, p, npages);
}

static bool open_engine(struct heap *h, struct arena *a)
{
	uint32_t npages = (uint32_t)(a->bytes / QR_PAGE_SIZE);
	struct qr_frames_config c = { .end = { npages }, .low_end = { npages }, .ncpus = 1 };
	struct qr_heap_source source;

	if (qr_frames_init(&h->frames, &c, a->meta, a->meta_bytes) ||
	    qr_frames_add(&h->frames, qr_frame_of(0), npages))
		return false;
	qr_heap_source_frames(&h->inner, &h->frames);
	source = h->inner;
	if (h->pages) {
		source.pages = watched_pages;
		source.free = watched_free;
		source.ctx = h;
	}
	return !qr_heap_init(&h->engine, &source, 1);
}

/* ---- a heap --------------------------------------------------------------------------------- */

void heap_open(struct heap *h, unsigned kind, struct arena *a, pages_fn *pages, void *ctx)
{
	static const struct qr_allocator_ops *const ops[NHEAPS] = { &qr_bump_ops, &qr_block_ops,
								    &qr_list_ops, &qr_heap_ops };
	bool good = false;

	*h = (struct heap){ .kind = kind, .arena = a, .pages = pages, .pages_ctx = ctx };
	h->a.ops = ops[kind];
	switch (kind) {
	case BUMP:
		h->a.self = &h->bump;
		good = !qr_bump_init(&h->bump, a->at, a->bytes, BUMP_ALIGN, NULL, 0);
		break;
	case BLOCK:
		h->a.self = &h->block;
		good = !qr_block_init(&h->block, a->at, a->bytes, a->meta, a->meta_bytes);
		break;
	case LIST:
		h->a.self = &h->list;
		good = !qr_list_init(&h->list, a->at, a->bytes, 1);
		break;
	case QUIRE:
		h->a.self = &h->engine;
		good = open_engine(h, a);
		break;
	}
	if (!good)
		die(heap_names[kind], "an arena of %zu KiB is too small", a->bytes / 1024);
}

size_t heap_given(struct heap *h, void *p, size_t n)
{
	size_t given = h->kind == BUMP ? ((n ? n : 1) + BUMP_ALIGN - 1) & ~(size_t)(BUMP_ALIGN - 1)
				       : h->a.ops->usable(h->a.self, p);
	uintptr_t end = (uintptr_t)p - (uintptr_t)h->arena->at + given;

	if (h->kind != QUIRE && end > h->high)
		h->high = end;
	return given;
}

size_t heap_footprint(const struct heap *h)
{
	if (h->kind == QUIRE)
		return (h->engine.npages + h->engine.nmeta) * QR_PAGE_SIZE;
	return h->high + (h->kind == BLOCK ? h->high / QR_BLOCK_SIZE : 0);
}

size_t heap_header(const struct heap *h)
{
	return h->kind == LIST ? 4 * sizeof(uintptr_t) : 0; /* as its statistics show */
}

size_t heap_tables(const struct heap *h, size_t objects)
{
	if (h->kind == BLOCK)
		return h->high / QR_BLOCK_SIZE;
	return h->kind == QUIRE ? h->engine.nmeta * QR_PAGE_SIZE : objects * heap_header(h);
}
