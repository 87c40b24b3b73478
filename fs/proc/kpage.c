/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kpage.c - /proc/kpagecount and kpageflags: a 64-bit word for each frame of RAM.
 *
 * The frame's word (quire/frames.h) says all: its type, and how many refer to it.
 * Sources: Documentation/admin-guide/mm/pagemap.rst; the bits are include/uapi's.
 */
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/memory.h"

#define BIT(n) (1ull << (n))
enum {
	KPF_REFERENCED = 2,
	KPF_UPTODATE = 3,
	KPF_DIRTY = 4,
	KPF_LRU = 5,
	KPF_SLAB = 7,
	KPF_BUDDY = 10,
	KPF_MMAP = 11,
	KPF_ANON = 12,
	KPF_SWAPBACKED = 14,
	KPF_NOPAGE = 20,
	KPF_ZERO_PAGE = 24,
	KPF_PGTABLE = 26,
	KPF_RESERVED = 32
};

/* Page tables that show it. */
static uint32_t mappers(const struct qr_frame_word *w)
{
	enum qr_frame_type type = qr_frame_type(w);

	return type == QR_FRAME_ANON    ? qr_frame_refs(w)
	       : type == QR_FRAME_CACHE ? qr_frame_refs(w) - 1
					: 0;
}

static uint64_t count_word(qr_frame f)
{
	const struct qr_frame_word *w = qr_frame_lookup(&frames, f);

	return w ? mappers(w) : 0;
}

static uint64_t flags_word(qr_frame f)
{
	static const uint64_t by_type[QR_FRAME_TYPES] = {
		[QR_FRAME_FREE] = BIT(KPF_BUDDY),
		[QR_FRAME_TABLE] = BIT(KPF_PGTABLE),
		[QR_FRAME_ANON] =
		    BIT(KPF_ANON) | BIT(KPF_SWAPBACKED) | BIT(KPF_LRU) | BIT(KPF_UPTODATE),
		[QR_FRAME_CACHE] = BIT(KPF_SWAPBACKED) | BIT(KPF_LRU) | BIT(KPF_UPTODATE),
		[QR_FRAME_POOL] = BIT(KPF_SLAB),
		[QR_FRAME_HEAP] = BIT(KPF_SLAB),
		[QR_FRAME_ZERO] = BIT(KPF_ZERO_PAGE),
	};
	const struct qr_frame_word *w = qr_frame_lookup(&frames, f);

	if (!w)
		return BIT(KPF_NOPAGE);
	if (!qr_frames_manages(&frames, f))
		return BIT(KPF_RESERVED);
	return by_type[qr_frame_type(w)] | (mappers(w) ? BIT(KPF_MMAP) : 0);
}

static long read_words(struct uio *to, uint64_t *pos, uint64_t (*word)(qr_frame))
{
	uint64_t end = (uint64_t)frames.base + frames.nframes;
	size_t done = 0, n = 1;
	uint64_t *words;

	if (*pos % 8 || to->left % 8)
		return -EINVAL;
	words = kmalloc(QR_PAGE_SIZE);
	if (!words)
		return -ENOMEM;
	while (to->left && n && *pos / 8 < end) {
		size_t i;

		for (i = 0; i < QR_PAGE_SIZE / 8 && i < to->left / 8 && *pos / 8 + i < end; i++)
			words[i] = word(qr_frame_of((uint32_t)(*pos / 8 + i)));
		n = uio_put(to, words, i * 8);
		*pos += n;
		done += n;
	}
	kfree(words);
	return uio_result(done, to->fault ? -EFAULT : 0);
}

static long read_count(struct file *f, struct uio *to, uint64_t *pos)
{
	return read_words(to, pos, count_word);
}

static long read_flags(struct file *f, struct uio *to, uint64_t *pos)
{
	return read_words(to, pos, flags_word);
}

const struct file_ops proc_kpagecount = { .read = read_count, .seek = proc_seek };
const struct file_ops proc_kpageflags = { .read = read_flags, .seek = proc_seek };
