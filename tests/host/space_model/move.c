/* SPDX-License-Identifier: BSD-2-Clause
 *
 * move.c - steps that make spaces and move regions: fork, exit, remap.
 */
#include "tests/host/space_model/model.h"

#include <string.h>

/* ---- fork, exit ------------------------------------------------------------------------------ */

void do_fork(void)
{
	unsigned s = any_space(), child = below(SPACES);
	enum qr_err err;

	if (vm[child].live) {
		unsigned live = 0;

		for (unsigned i = 0; i < SPACES; i++)
			live += vm[i].live;
		if (live > 1 && !one_in(3)) {
			note("kill %u", child);
			kill_space(child);
		}
		return;
	}
	note("fork %u -> %u", s, child);
	load(s);
	arm();
	err = qr_space_init(&vm[child].space, &memory);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "init: error %d", err);
	make_space(child);
	arm();
	err = qr_space_fork(&vm[s].space, &vm[child].space);
	if (out_of_memory(err)) {
		struct qr_region r;

		expect(qr_space_next(&vm[child].space, qr_virt_of(0), &r) == QR_NOENT,
		       "a child that failed is empty");
		kill_space(child);
		return;
	}
	expect(err == QR_OK, "fork: error %d", err);
	flat_fork(&geo, &vm[s].flat, &vm[child].flat);
}

/* ---- remap ----------------------------------------------------------------------------------- */

/* Pages that one region holds, as Linux demands. */
static unsigned region_part(unsigned s, unsigned a, unsigned most)
{
	unsigned n = 1;

	while (n < most && flat_is_page(&geo, a + n) && flat_agree(&geo, &vm[s].flat, a + n - 1))
		n++;
	return n;
}

/* The pages [from, from+nold) go to [to, to+nnew); old 0: a second view of a shared region. */
static void model_move(unsigned s, unsigned from, unsigned nold, unsigned to, unsigned nnew,
		       bool keep_old)
{
	static struct flat_page old[FLAT_CELLS];
	struct flat_page *page = vm[s].flat.page;
	unsigned n = nold < nnew ? nold : nnew;

	memcpy(old, &page[from], (nold ? nold : 1) * sizeof(old[0]));
	for (unsigned i = from; keep_old && i < from + nold; i++)
		page[i].own = page[i].freed = false;
	if (!keep_old)
		flat_unmap(&vm[s].flat, from, from + nold);
	for (unsigned i = 0; i < nnew; i++) {
		page[to + i] = old[i < n ? i : 0];
		if (old[0].object >= 0)
			page[to + i].pgoff = old[0].pgoff + i;
		if (i >= n)
			page[to + i].own = page[to + i].freed = false;
	}
}

static void model_grow(unsigned s, unsigned a, unsigned nold, unsigned nnew)
{
	for (unsigned i = a + nold; i < a + nnew; i++) {
		struct flat_page *p = &vm[s].flat.page[i];

		*p = vm[s].flat.page[a];
		if (p->object >= 0)
			p->pgoff += i - a;
		p->own = p->freed = false;
	}
}

static bool lists_any(unsigned s, unsigned a, unsigned b)
{
	struct qr_region r;

	return qr_space_next(&vm[s].space, flat_address(&geo, a), &r) == QR_OK &&
	       r.start.v >> 12 < geo.vpn[b];
}

/* As with Linux, the tail may be gone when memory runs out; what was at a fixed place stays. */
static void model_lost(unsigned s, unsigned a, const struct qr_remap *req)
{
	unsigned nold = (unsigned)req->old_npages, nnew = (unsigned)req->new_npages;

	if (req->fixed && nnew < nold && !lists_any(s, a + nnew, a + nold))
		flat_unmap(&vm[s].flat, a + nnew, a + nold);
}

/* A request for the region at cell a; false: not one that the model can follow. */
static bool choose_remap(unsigned s, unsigned a, struct qr_remap *req, unsigned *to)
{
	const struct flat_page *p = &vm[s].flat.page[a];
	unsigned nold, nnew;

	nold = region_part(s, a, 1 + below(20));
	nnew = one_in(3) ? nold : 1 + below(30);
	req->may_move = one_in(2);
	if (one_in(6) && p->shared) {
		nold = 0;
		req->may_move = true;
	} else if (one_in(6) && !p->locked) {
		nnew = nold;
		req->may_move = req->keep_old = true;
	}
	req->old_npages = nold;
	req->new_npages = nnew;
	*to = any_page();
	if (!one_in(3))
		return true;
	req->may_move = req->fixed = true;
	req->to = flat_address(&geo, *to);
	return *to + nnew <= geo.ncells && !has_gap(*to, *to + nnew) &&
	       (*to >= a + (nold ? nold : 1) || a >= *to + nnew);
}

/* Does it stay where it is?  -1: growing would meet what is no island. */
static int stays(unsigned s, unsigned a, const struct qr_remap *req)
{
	unsigned nold = (unsigned)req->old_npages, nnew = (unsigned)req->new_npages;

	if (req->fixed || req->keep_old || nold == 0)
		return 0;
	if (nnew <= nold)
		return 1;
	if (a + nnew > geo.ncells || has_gap(a, a + nnew))
		return -1;
	return !any_mapped(s, a + nold, a + nnew, true);
}

static void follow_remap(unsigned s, unsigned a, unsigned to, const struct qr_remap *req)
{
	unsigned nold = (unsigned)req->old_npages, nnew = (unsigned)req->new_npages;

	if (to != a || req->keep_old || nold == 0)
		model_move(s, a, nold, to, nnew, req->keep_old);
	else if (nnew > nold)
		model_grow(s, a, nold, nnew);
	else
		flat_unmap(&vm[s].flat, a + nnew, a + nold);
}

void do_remap(void)
{
	unsigned s = any_space(), a = any_page(), to;
	struct qr_remap req = { .from = flat_address(&geo, a) };
	qr_virt out = { 1 };
	enum qr_err err;
	int stay;

	if (!vm[s].flat.page[a].mapped || !choose_remap(s, a, &req, &to))
		return;
	stay = stays(s, a, &req);
	if (stay < 0)
		return;
	note("remap %u [%u,+%zu) -> %zu pages%s%s%s at %u", s, a, req.old_npages, req.new_npages,
	     req.may_move ? ", may move" : "", req.keep_old ? ", kept" : "",
	     req.fixed ? ", fixed" : "", to);
	arm();
	err = qr_space_remap(&vm[s].space, &req, &out);
	if (err == QR_NOMEM && !req.fixed && !stay &&
	    !(req.may_move && room_for(s, (unsigned)req.new_npages))) {
		out_of_memory(QR_OK);
		return;
	}
	if (out_of_memory(err)) {
		model_lost(s, a, &req);
		return;
	}
	expect(err == QR_OK, "remap: error %d", err);
	if (stay)
		to = a;
	else if (!req.fixed)
		to = flat_cell(&geo, out.v >> 12);
	expect(out.v == flat_address(&geo, to).v, "it is at %#" PRIxPTR, out.v);
	expect(stay || req.fixed || !any_mapped(s, to, to + (unsigned)req.new_npages, true),
	       "a free place");
	if (req.fixed)
		flat_unmap(&vm[s].flat, to, to + (unsigned)req.new_npages);
	follow_remap(s, a, to, &req);
}
