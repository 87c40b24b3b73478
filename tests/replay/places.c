/* SPDX-License-Identifier: BSD-2-Clause
 *
 * places.c - addresses in symbols, and what they are on this kernel.
 *
 * An arena's middle is a border of page tables, where it is likeliest that something is wrong:
 *
 *	       64 bits                                  32 bits
 *	a0     3 GiB: a directory's border              2 GiB: a leaf's border
 *	a1     the middle of a leaf                     the middle of a leaf
 *	a2     112 TiB: the border of a root's entry    1.25 GiB: a leaf's border
 *
 * A slot is used only within its bounds and goes as a whole: into a hole in it one kernel may put
 * the next mapping, and another not.
 */
#include "tests/replay/replay.h"

struct slot slots[SLOTS];
unsigned nslots;
uintptr_t first_break;

static const uint64_t middles[ARENAS] = {
	sizeof(long) == 8 ? 0xc0000000 : 0x80000000,
	0x60180000,
	sizeof(long) == 8 ? 0x700000000000 : 0x50000000,
};

uintptr_t arena_at(unsigned arena)
{
	return (uintptr_t)(middles[arena] - MIDDLE * PAGE);
}

bool resolve(const struct arg *a, uintptr_t *out)
{
	uintptr_t base = 0;

	if (a->base >= ARENA && a->base < ARENA + ARENAS) {
		base = arena_at(a->base - ARENA);
	} else if (a->base >= SLOT && a->base < SLOT + SLOTS) {
		base = slots[a->base - SLOT].at;
		if (!slots[a->base - SLOT].pages)
			return false;
	} else if (a->base == BREAK) {
		base = first_break;
	} else if (a->base == TOP) {
		base = (uintptr_t)(sizeof(long) == 8 ? 0x7ffffffff000 : 0xfffff000);
	}
	*out = base + (uintptr_t)a->n;
	return true;
}

bool within(const struct arg *a, uintptr_t at, uintptr_t size)
{
	const struct slot *s = &slots[a->base - SLOT];
	uintptr_t end;

	if (a->base < SLOT || a->base >= SLOT + SLOTS)
		return true;
	end = s->at + (uintptr_t)(s->pages * PAGE);
	return at >= s->at && at < end && size <= end - at;
}

/* Where is it?  A kernel may well choose an address in an arena, if it was asked to. */
static bool place_of(uintptr_t at, unsigned *base, uintptr_t *offset)
{
	for (unsigned i = 0; i < ARENAS; i++)
		if (at - arena_at(i) < (uintptr_t)ARENA_SIZE * PAGE) {
			*base = ARENA + i;
			*offset = at - arena_at(i);
			return true;
		}
	for (unsigned i = nslots; i-- > 0;)
		if (at - slots[i].at < (uintptr_t)(slots[i].pages * PAGE)) {
			*base = SLOT + i;
			*offset = at - slots[i].at;
			return true;
		}
	*base = BREAK;
	*offset = at - first_break;
	return *offset < ARENA_SIZE * PAGE;
}

void note_slot(uintptr_t at, uintptr_t size)
{
	uintptr_t offset;
	unsigned base;

	size = (size + PAGE - 1) & (uintptr_t)-PAGE;
	if (place_of(at, &base, &offset))
		return;
	if (nslots == SLOTS)
		return;
	slots[nslots].at = at;
	slots[nslots++].pages = (long)(size / PAGE);
}

void say_place(uintptr_t at)
{
	uintptr_t offset;
	unsigned base;

	if (!place_of(at, &base, &offset)) {
		say_hex(at);
		return;
	}
	say(base == BREAK ? "b" : base >= SLOT ? "s" : "a");
	if (base != BREAK)
		say_number(base - (base >= SLOT ? SLOT : ARENA));
	say("+");
	say_number((int64_t)(offset / PAGE));
	say("p");
	if (offset % PAGE) {
		say("+");
		say_number((int64_t)(offset % PAGE));
	}
}
