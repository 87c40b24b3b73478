/* SPDX-License-Identifier: BSD-2-Clause
 *
 * quire.c - /proc/quire: what only this kernel tells.
 *
 *	enosys	calls that were asked for and do not exist: name or number, how often
 *	frames	every frame of RAM by what it is used for; tests for leaks compare two of these;
 *		clean: tables full of zeroes, kept for the next process
 *	heap	what the kernel's heap holds: sums, and how many objects of each size; with heap= on
 *		the command line that heap's sums, and whether its invariants hold
 *	fail_after
 *		written "frame 3" or "object 3": the third allocation of a frame, or of an object
 *		of the heap, fails once; "0": none does any more.  Read: how many failed between
 *		the last two times it was written
 */
#include <quire/heap_seeds.h>
#include "arch/x86/asm.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/syscall/syscall.h"

/* NULL when number nr has none. */
static const char *name_of(unsigned nr)
{
	for (const char *p = syscall_names; *p; p += strlen(p) + 1) {
		unsigned n = 0;

		for (; *p != ' '; p++)
			n = n * 10 + (unsigned)(*p - '0');
		if (n == nr)
			return p + 1;
	}
	return NULL;
}

static int show_enosys(struct text *t, const struct proc_target *of)
{
	for (unsigned nr = 0; nr <= SYSCALL_COUNT; nr++) {
		uint32_t n = syscall_missing(nr);
		const char *name;

		if (!n)
			continue;
		name = name_of(nr);
		if (name)
			text_printf(t, "%s %u\n", name, n);
		else
			text_printf(t, "%s%u %u\n", nr == SYSCALL_COUNT ? ">=" : "", nr, n);
	}
	return 0;
}

static int show_frames(struct text *t, const struct proc_target *of)
{
	static const char *const names[] = {
		[QR_FRAME_FREE] = "free",     [QR_FRAME_RESERVED] = "reserved",
		[QR_FRAME_KERNEL] = "kernel", [QR_FRAME_TABLE] = "table",
		[QR_FRAME_ANON] = "anon",     [QR_FRAME_CACHE] = "cache",
		[QR_FRAME_POOL] = "pool",     [QR_FRAME_HEAP] = "heap",
		[QR_FRAME_ZERO] = "zero",
	};
	size_t count[QR_FRAME_TYPES] = { 0 };

	qr_frames_census(&frames, count);
	count[QR_FRAME_TABLE] -= qr_memory_clean(&space_memory);
	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		text_printf(t, "%s %zu\n", names[i], count[i]);
	text_printf(t, "clean %zu\n", qr_memory_clean(&space_memory));
	return 0;
}

struct sizes {
	size_t size[QR_HEAP_CLASSES + 1], count[QR_HEAP_CLASSES + 1];
};

/* The last place is for all sizes that found no other. */
static bool count_size(void *ctx, void *object, size_t size)
{
	struct sizes *s = ctx;
	unsigned i = 0;

	while (i < QR_HEAP_CLASSES && s->size[i] != size && s->size[i])
		i++;
	s->size[i] = size;
	s->count[i]++;
	return true;
}

static int show_other_heap(struct text *t, const struct qr_allocator *heap)
{
	const char *broken = heap->ops->check(heap->self);
	struct qr_arena_stats s;

	heap->ops->stats(heap->self, &s);
	text_printf(t, "heap %s\nused %zu\nobjects %zu\nfree %zu\nlargest %zu\n", heap->ops->name,
		    s.used, s.objects, s.free, s.largest);
	text_printf(t, "total %zu\noverhead %zu\ncheck %s\n", s.total, s.overhead,
		    broken ? broken : "ok");
	return 0;
}

static int show_heap(struct text *t, const struct proc_target *of)
{
	struct sizes *sizes;
	struct qr_heap_stats s;

	if (kernel_heap.other)
		return show_other_heap(t, kernel_heap.other);
	kmalloc_settle();
	sizes = kzalloc(sizeof(*sizes));
	text_string(t, "heap quire\n");
	qr_heap_stats(&kernel_heap, &s);
	text_printf(t, "used %zu\nobjects %zu\ncached %zu\npages %zu\nmetadata %zu\nlarge %zu\n",
		    s.used, s.objects, s.cached, s.pages, s.metadata, s.large);
	if (!sizes)
		return -ENOMEM;
	qr_heap_walk(&kernel_heap, count_size, sizes);
	for (unsigned i = 0; i <= QR_HEAP_CLASSES && sizes->size[i]; i++)
		text_printf(t, "size %zu %zu\n", sizes->size[i], sizes->count[i]);
	kfree(sizes);
	return 0;
}

/* ---- failures on demand ------------------------------------------------------------------ */

static uint32_t failed;

static int show_failed(struct text *t, const struct proc_target *of)
{
	text_printf(t, "%u\n", failed);
	return 0;
}

static bool skip_word(const char **text, const char *word)
{
	size_t n = strlen(word);
	bool is = !strncmp(*text, word, n);

	if (is)
		*text += n;
	return is;
}

static int store_fail_after(const struct proc_target *of, const char *text, size_t n)
{
	bool frame = skip_word(&text, "frame "), object = skip_word(&text, "object ");
	uint32_t after = 0;

	for (; *text >= '0' && *text <= '9' && after < 1000000; text++)
		after = after * 10 + (uint32_t)(*text - '0');
	if (*text || (after != 0) != (frame != object))
		return -EINVAL;
	failed = qr_frames_failed(&frames) + qr_heap_failed(&kernel_heap);
	qr_frames_fail_after(&frames, frame ? after : 0);
	qr_heap_fail_after(&kernel_heap, object ? after : 0);
	return 0;
}

const struct proc_node proc_quire_nodes[] = {
	{ .name = "enosys", .mode = S_IFREG | 0444, .show = show_enosys },
	{ .name = "frames", .mode = S_IFREG | 0444, .show = show_frames },
	{ .name = "heap", .mode = S_IFREG | 0444, .show = show_heap },
	{ .name = "fail_after",
	  .mode = S_IFREG | 0644,
	  .show = show_failed,
	  .store = store_fail_after },
	{ 0 },
};
