/* SPDX-License-Identifier: BSD-2-Clause
 *
 * frames.c - tier 1 alone, in a process: who owns which of some thousand frames.
 *
 * The allocator never looks into the frames it gives out, so no memory is behind these: the five
 * hooks below and room for the books are all that it wants.
 *
 *	make install-lib PREFIX=/opt/quire     (in Quire's own tree)
 *	cc -I/opt/quire/include frames.c -L/opt/quire/lib -lquire -o frames && ./frames
 */
#include <stdio.h>
#include <stdlib.h>
#include <quire/frames.h>

unsigned qr_host_cpu(void)
{
	return 0;
}

uintptr_t qr_host_irq_save(void)
{
	return 0;
}

void qr_host_irq_restore(uintptr_t state)
{
	(void)state;
}

void qr_host_relax(void)
{
}

_Noreturn void qr_host_panic(const char *rule, const char *file, int line)
{
	fprintf(stderr, "%s:%d: broken rule: %s\n", file, line, rule);
	abort();
}

int main(void)
{
	struct qr_frames_config config = { .end = { 1 << 16 }, .low_end = { 1 << 16 }, .ncpus = 1 };
	size_t bytes = qr_frames_metadata_size(&config);
	void *books = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
	struct qr_frames frames;
	qr_frame one, large, odd;

	/* 256 MiB, of which the first one is the firmware's. */
	if (!books || qr_frames_init(&frames, &config, books, bytes) != QR_OK ||
	    qr_frames_add(&frames, qr_frame_of(256), (1 << 16) - 256) != QR_OK)
		return 1;
	printf("%zu frames free, %zu bytes of books\n", qr_frames_free_count(&frames), bytes);

	if (qr_frames_alloc(&frames, 0, QR_FRAME_KERNEL, QR_ANY, &one) != QR_OK ||
	    qr_frames_alloc(&frames, 9, QR_FRAME_KERNEL, QR_ANY, &large) != QR_OK ||
	    qr_frames_alloc_range(&frames, 1000, 1, QR_FRAME_KERNEL, QR_ANY, &odd) != QR_OK)
		return 1;
	printf("one frame, 512 aligned ones and 1000 in a row: %zu left\n",
	       qr_frames_free_count(&frames));

	if (qr_frames_free(&frames, one, 0) != QR_OK ||
	    qr_frames_free(&frames, large, 9) != QR_OK ||
	    qr_frames_free_range(&frames, odd, 1000) != QR_OK)
		return 1;
	printf("a second free is %s\n",
	       qr_frames_free(&frames, one, 0) == QR_CORRUPT ? "refused" : "a disaster");
	printf("%zu frames free; the books say %s\n", qr_frames_free_count(&frames),
	       qr_frames_check(&frames) ? qr_frames_check(&frames) : "that all is well");
	free(books);
	return 0;
}
