/* SPDX-License-Identifier: BSD-2-Clause
 *
 * What a space tells of its pages: who is there, what was touched, what was written since.
 */
#include "space_machine.h"
#include "tap.h"

#include <string.h>

#define AT(i) (base + (i)*4096ul)

static const uintptr_t base = 0x8000000;

static bool take(void *ctx, const struct qr_page *page)
{
	size_t i = (page->at.v - base) / 4096;

	if (i < 64)
		((struct qr_page *)ctx)[i] = *page;
	return true;
}

static struct qr_page pages[64];
static unsigned groups;

/* All of a group are what each was told to be. */
static bool take_group(void *ctx, const struct qr_page *page)
{
	size_t i = (page->at.v - base) / 4096;
	const struct qr_page *each = (struct qr_page *)ctx + i;

	groups++;
	for (size_t k = 0; k < page->alike && i + k < 64; k++)
		must(each[k].npages == 1 && each[k].flags == page->flags &&
			 each[k].mappers == page->mappers,
		     "a page of a group");
	return true;
}

/* What the word of page i has to be, by what is known of the page. */
static uint64_t word_of(struct qr_space *s, unsigned i)
{
	const struct qr_page *p = &pages[i];
	qr_virt end;
	bool all = qr_space_written(s, qr_virt_of(AT(i)), &end);

	if (!p->npages)
		return all ? QR_WORD_WRITTEN : 0;
	return QR_WORD_PRESENT | p->frame.v |
	       (all || p->flags & QR_PAGE_WRITTEN ? QR_WORD_WRITTEN : 0) |
	       (p->mappers == 1 ? QR_WORD_EXCLUSIVE : 0) |
	       (p->flags & QR_PAGE_OBJECT ? QR_WORD_OBJECT : 0) |
	       (p->flags & QR_PAGE_UWP ? QR_WORD_UWP : 0);
}

static const struct qr_page *look(struct qr_space *s, unsigned i)
{
	uint64_t words[80];

	memset(pages, 0, sizeof(pages));
	memset(words, 0xaa, sizeof(words));
	qr_space_pages(s, qr_virt_of(AT(0)), qr_virt_of(AT(64)), take, pages);
	qr_space_words(s, qr_virt_of(AT(0)), 64, true, words);
	for (unsigned k = 0; k < 64; k++)
		must(words[k] == word_of(s, k), "the word of a page says the same");
	must(words[64] == 0xaaaaaaaaaaaaaaaaull, "no word too many");
	groups = 0;
	qr_space_page_groups(s, qr_virt_of(AT(0)), qr_virt_of(AT(64)), take_group, pages);
	must(groups <= 64, "no more groups than pages");
	qr_space_words(s, qr_virt_of(AT(i)), 1, false, words);
	must(words[0] == (word_of(s, i) & ~(QR_WORD_WRITTEN - 1)), "without its frame");
	return &pages[i];
}

static unsigned flags(unsigned i)
{
	return look(&space, i)->flags;
}

static void residents(const struct qr_format *f)
{
	struct qr_object o;
	struct qr_space child;

	machine_on(f);
	qr_object_init(&o, &memory, 8, NULL, NULL);
	map_anon(&space, AT(0), 8, RW);
	map_object(&space, AT(16), 4, RW, QR_MAP_SHARED, &o, 0);
	map_object(&space, AT(24), 4, RW, 0, &o, 0);
	poke(AT(0), 1);
	peek(AT(1));
	poke(AT(2), 1);
	poke(AT(16), 1);
	peek(AT(24));
	must(!qr_space_protect(&space, qr_virt_of(AT(2)), 1, 0), "hide");
	is(flags(0) & (QR_PAGE_PRESENT | QR_PAGE_WRITABLE | QR_PAGE_OBJECT | QR_PAGE_ZERO),
	   QR_PAGE_PRESENT | QR_PAGE_WRITABLE, "%s: anonymous", f->name);
	ok(flags(1) & QR_PAGE_ZERO && look(&space, 1)->mappers == 0, "%s: zero page", f->name);
	ok(pages[2].npages == 1 && !(pages[2].flags & QR_PAGE_PRESENT), "%s: hidden", f->name);
	is(pages[3].npages, 0, "%s: not touched, not there", f->name);
	ok(pages[16].flags & QR_PAGE_OBJECT, "%s: a page of an object", f->name);
	is(pages[16].mappers, 2, "%s: mapped twice", f->name);
	is(pages[16].frame.v, pages[24].frame.v, "%s: the same frame", f->name);
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	is(look(&space, 0)->mappers, 2, "%s: shared by a fork", f->name);
	is(look(&child, 0)->mappers, 2, "%s: seen from the child too", f->name);
	qr_space_fini(&child);
	is(look(&space, 0)->mappers, 1, "%s: alone again", f->name);
	must(!qr_space_unmap(&space, qr_virt_of(AT(0)), 64), "unmap");
	qr_object_put(&o);
	machine_off();
}

static bool written(uintptr_t at)
{
	qr_virt end;

	return qr_space_written(&space, qr_virt_of(at), &end);
}

static void watch(const struct qr_format *f)
{
	bool watches = f->soft >> 52;

	machine_on(f);
	map_anon(&space, AT(0), 8, RW);
	poke(AT(0), 1);
	poke(AT(1), 1);
	peek(AT(2));
	ok(written(AT(5)) == watches, "%s: what is new counts as written", f->name);
	must(!qr_space_forget(&space, QR_FORGET_WRITES), "forget");
	check();
	if (watches) {
		ok(!written(AT(0)) && !(flags(0) & QR_PAGE_WRITTEN), "%s: forgotten", f->name);
		poke(AT(0), 2);
		poke(AT(2), 2);
		peek(AT(3));
		poke(AT(4), 2);
		check();
		ok(flags(0) & QR_PAGE_WRITTEN && flags(2) & QR_PAGE_WRITTEN, "%s: seen", f->name);
		ok(!(flags(1) & QR_PAGE_WRITTEN), "%s: left alone", f->name);
		ok(!(flags(3) & QR_PAGE_WRITTEN), "%s: only read", f->name);
		ok(flags(4) & QR_PAGE_WRITTEN, "%s: a new page", f->name);
		must(!qr_space_protect(&space, qr_virt_of(AT(0)), 8, QR_READ), "protect");
		must(!qr_space_protect(&space, qr_virt_of(AT(0)), 8, RW), "protect");
		ok(!(flags(1) & QR_PAGE_WRITTEN), "%s: rights are not writes", f->name);
		poke(AT(1), 3);
		ok(flags(1) & QR_PAGE_WRITTEN, "%s: still noticed", f->name);
		is(count_regions(&space), 1, "%s: one region", f->name);
		map_anon(&space, AT(8), 4, RW);
		is(count_regions(&space), 1, "%s: a new one joins it", f->name);
		ok(written(AT(9)) && !written(AT(7)), "%s: and counts as written", f->name);
	} else {
		ok(!(flags(0) & QR_PAGE_WRITTEN), "%s: no bit to watch with", f->name);
	}
	must(!qr_space_forget(&space, QR_FORGET_ALL), "forget");
	ok(!(flags(0) & QR_PAGE_ACCESSED), "%s: not accessed", f->name);
	peek(AT(0));
	ok(flags(0) & QR_PAGE_ACCESSED, "%s: accessed again", f->name);
	check();
	machine_off();
}

/* FREE: the bytes stay until memory is short, and what is written afterwards stays anyhow. */
static void given_up(const struct qr_format *f)
{
	struct qr_space child;
	uint8_t byte = 9;
	size_t n;

	machine_on(f);
	map_anon(&space, AT(0), 48, RW);
	for (unsigned i = 0; i < 40; i++)
		poke(AT(i), (uint8_t)(i + 1));
	is(qr_space_reclaim(&space), 0, "%s: nothing was given up", f->name);
	must(!qr_space_advise(&space, qr_virt_of(AT(0)), 48, QR_ADVISE_FREE), "free");
	ok(flags(0) & QR_PAGE_LAZY && peek(AT(39)) == 40, "%s: given up, still there", f->name);
	poke(AT(1), 7);
	ok(!(flags(1) & QR_PAGE_LAZY), "%s: taken back by a write", f->name);
	must(!qr_space_write(&space, qr_virt_of(AT(2)), &byte, 1, false, &n), "write");
	must(!qr_space_protect(&space, qr_virt_of(AT(3)), 1, 0), "protect");
	must(!qr_space_lock(&space, qr_virt_of(AT(4)), 1, QR_LOCK), "lock");
	is(qr_space_reclaim(&space), 36, "%s: all others go", f->name);
	check();
	ok(peek(AT(1)) == 7 && peek(AT(2)) == 9, "%s: what was written is there", f->name);
	must(!qr_space_protect(&space, qr_virt_of(AT(3)), 1, RW), "protect");
	is(peek(AT(3)), 4, "%s: without rights it was out of reach", f->name);
	is(peek(AT(4)), 5, "%s: locked is locked", f->name);
	ok(peek(AT(0)) == 0 && peek(AT(39)) == 0, "%s: zeroes in the place of others", f->name);
	is(qr_space_reclaim(&space), 0, "%s: once", f->name);
	poke(AT(8), 8);
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	must(!qr_space_advise(&space, qr_virt_of(AT(8)), 1, QR_ADVISE_FREE), "free");
	is(qr_space_reclaim(&space) + qr_space_reclaim(&child), 0, "%s: shared stays", f->name);
	is(peek(AT(8)), 8, "%s: for both", f->name);
	qr_space_fini(&child);
	must(!qr_space_unmap(&space, qr_virt_of(AT(0)), 48), "unmap");
	machine_off();
}

static void copied(const struct qr_format *f)
{
	struct qr_space child;
	uint8_t buf[4 * 4096];
	size_t n;

	machine_on(f);
	map_anon(&space, AT(0), 16, RW);
	map_anon(&space, AT(16), 1, QR_READ);
	for (unsigned i = 0; i < 4; i++)
		poke(AT(i) + 100, (uint8_t)(i + 1));
	must(!qr_space_init(&child, &memory) && !qr_space_fork(&space, &child), "fork");
	is(qr_space_copy(&child, qr_virt_of(AT(8)), &space, qr_virt_of(AT(0)), 4 * 4096), 4 * 4096,
	   "%s: whole pages", f->name);
	is(qr_space_copy(&space, qr_virt_of(AT(1) + 7), &child, qr_virt_of(AT(8) + 90), 2 * 4096),
	   2 * 4096, "%s: across pages, into what is shared", f->name);
	ok(peek(AT(1) + 17) == 1 && peek(AT(2) + 17) == 2 && peek(AT(3) + 100) == 4,
	   "%s: the bytes", f->name);
	must(!qr_space_read(&child, qr_virt_of(AT(0)), buf, sizeof(buf), false, &n), "read");
	ok(buf[100] == 1 && buf[4096 + 100] == 2 && buf[4096 + 17] == 0,
	   "%s: the other's copies are as they were", f->name);
	is(qr_space_copy(&space, qr_virt_of(AT(4)), &space, qr_virt_of(AT(1)), 4096), 4096,
	   "%s: within one", f->name);
	is(peek(AT(4) + 17), 1, "%s: there too", f->name);
	is(qr_space_copy(&space, qr_virt_of(AT(15)), &child, qr_virt_of(AT(0)), 2 * 4096), 4096,
	   "%s: ends where it may not be written", f->name);
	is(qr_space_copy(&space, qr_virt_of(AT(0)), &child, qr_virt_of(AT(16) + 96), 2 * 4096),
	   4000, "%s: ends where nothing is", f->name);
	must(!qr_space_advise(&space, qr_virt_of(AT(5)), 1, QR_ADVISE_FREE), "free");
	is(qr_space_copy(&space, qr_virt_of(AT(5)), &child, qr_virt_of(AT(3)), 4096), 4096,
	   "%s: into what was given up", f->name);
	(void)qr_space_reclaim(&space);
	is(peek(AT(5) + 100), 4, "%s: is a write", f->name);
	check();
	qr_space_fini(&child);
	must(!qr_space_unmap(&space, qr_virt_of(AT(0)), 17), "unmap");
	machine_off();
}

int main(void)
{
	FOR_FORMATS(f)
	{
		residents(f);
		watch(f);
		given_up(f);
		copied(f);
	}
	return done();
}
