/* SPDX-License-Identifier: BSD-2-Clause
 *
 * kstack.c - kernel stacks between guard pages.
 *
 *	slot 0           slot 1           slot 2
 *	[guard|stack   ] [guard|stack   ] [guard|   ...
 *
 * A slot is a guard page, never mapped, and KSTACK_SIZE bytes above it.  Which slots are taken
 * is a bitmap that grows with them.  A few stacks that were freed stay mapped for the next fork:
 * mapping and unmapping two pages costs more than the rest of a small process.
 *
 * I1  A slot's bit is set if its stack is in use or in the stock.
 * I2  The bitmap has room for every slot ever used, so that freeing needs no memory.
 *
 * Locking: none; tasks only.
 */
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/memory.h"
#include "kernel/panic.h"

#define STACK_PAGES (KSTACK_SIZE / QR_PAGE_SIZE)
#define SLOT_SIZE   (KSTACK_SIZE + QR_PAGE_SIZE)
#define STOCK_MAX   8
#define WORD_BITS   (8 * sizeof(uintptr_t))

static struct {
	uintptr_t start;
	size_t nslots; /* that the addresses have room for */
	uintptr_t *used;
	size_t nwords;
	size_t hint; /* no word below has a clear bit */
	uintptr_t stock[STOCK_MAX];
	unsigned nstock;
} stacks;

void kstack_init(qr_virt start, qr_virt end)
{
	stacks.start = start.v;
	stacks.nslots = (end.v - start.v) / SLOT_SIZE;
}

static uintptr_t slot_top(size_t slot)
{
	return stacks.start + (slot + 1) * SLOT_SIZE;
}

static bool grow(void)
{
	size_t n = stacks.nwords ? 2 * stacks.nwords : 4;
	uintptr_t *used = krealloc(stacks.used, n * sizeof(*used));

	if (!used)
		return false;
	memset(used + stacks.nwords, 0, (n - stacks.nwords) * sizeof(*used));
	stacks.used = used;
	stacks.nwords = n;
	return true;
}

/* The lowest slot that is not taken; taken with that.  False: no room. */
static bool take_slot(size_t *out)
{
	size_t w = stacks.hint, slot;

	while (w < stacks.nwords && stacks.used[w] == UINTPTR_MAX)
		w++;
	stacks.hint = w;
	if (w == stacks.nwords && !grow())
		return false;
	slot = w * WORD_BITS + (size_t)__builtin_ctzl(~stacks.used[w]);
	if (slot >= stacks.nslots)
		return false;
	stacks.used[w] |= (uintptr_t)1 << slot % WORD_BITS;
	*out = slot;
	return true;
}

static void give_slot(size_t slot)
{
	stacks.used[slot / WORD_BITS] &= ~((uintptr_t)1 << slot % WORD_BITS);
	if (slot / WORD_BITS < stacks.hint)
		stacks.hint = slot / WORD_BITS;
}

static bool map_stack(size_t slot)
{
	qr_frame f[STACK_PAGES];
	size_t n = qr_frames_alloc_many(&frames, QR_FRAME_KERNEL, QR_ANY, STACK_PAGES, f);
	struct qr_paging_map req = {
		.at = qr_virt_of(slot_top(slot) - KSTACK_SIZE),
		.npages = STACK_PAGES,
		.frames = f,
		.prot = QR_READ | QR_WRITE,
	};

	if (n == STACK_PAGES && qr_paging_map(&kernel_tables, &req) == QR_OK)
		return true;
	qr_frames_put_many(&frames, f, n);
	return false;
}

uintptr_t kstack_alloc(void)
{
	size_t slot;

	if (stacks.nstock)
		return stacks.stock[--stacks.nstock];
	if (!take_slot(&slot))
		return 0;
	if (map_stack(slot))
		return slot_top(slot);
	give_slot(slot);
	return 0;
}

void kstack_free(uintptr_t top)
{
	size_t slot = (top - stacks.start) / SLOT_SIZE - 1;

	if (slot >= stacks.nslots || slot_top(slot) != top)
		panic("%#lx is not the top of a kernel stack", (unsigned long)top);
	if (stacks.nstock < STOCK_MAX) {
		stacks.stock[stacks.nstock++] = top;
		return;
	}
	if (qr_paging_unmap_put(&kernel_tables, qr_virt_of(top - KSTACK_SIZE), STACK_PAGES) !=
	    QR_OK)
		panic("a kernel stack cannot be unmapped");
	give_slot(slot);
}
