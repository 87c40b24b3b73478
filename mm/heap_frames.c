/* SPDX-License-Identifier: BSD-2-Clause
 *
 * heap_frames.c - a kernel's pages for its heap: contiguous frames of low memory.
 *
 * The window of a low frame is its physical address plus a constant, so contiguous frames are
 * contiguous addresses, and the frame of a page is a subtraction away.  An alignment of frames is
 * one of addresses as far as that constant is aligned, which in a kernel is 4 MiB or more.
 */
#include <quire/frames.h>
#include <quire/heap.h>

static void *frames_pages(void *ctx, size_t npages, size_t align, bool *zeroed)
{
	struct qr_frames *f = ctx;
	unsigned order = npages > 1 ? 8 * sizeof(long) - (unsigned)__builtin_clzl(npages - 1) : 0;
	enum qr_err err;
	qr_frame frame;

	if (order <= QR_MAX_ORDER && (size_t)1 << order == npages && align <= npages)
		err = qr_frames_alloc(f, order, QR_FRAME_HEAP, QR_LOW, &frame);
	else
		err = qr_frames_alloc_range(f, npages, align, QR_FRAME_HEAP, QR_LOW, &frame);
	return err == QR_OK ? qr_host_window_get(frame) : NULL;
}

static void frames_free(void *ctx, void *p, size_t npages)
{
	struct qr_frames *f = ctx;
	uintptr_t base = (uintptr_t)qr_host_window_get(qr_frame_of(f->base));
	qr_frame frame = qr_frame_of(f->base + (uint32_t)(((uintptr_t)p - base) >> QR_PAGE_SHIFT));
	enum qr_err err =
	    npages == 1 ? qr_frames_free(f, frame, 0) : qr_frames_free_range(f, frame, npages);

	QR_ASSERT(err == QR_OK, "the heap gives back frames that it had");
}

void qr_heap_source_frames(struct qr_heap_source *src, struct qr_frames *f)
{
	*src = (struct qr_heap_source){
		.pages = frames_pages,
		.free = frames_free,
		.ctx = f,
		.base = (uintptr_t)qr_host_window_get(qr_frame_of(f->base)),
		.nbytes = (size_t)f->low_end << QR_PAGE_SHIFT,
	};
}
