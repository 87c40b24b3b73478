/* SPDX-License-Identifier: BSD-2-Clause
 *
 * huge.c - steps that make huge pages likely: whole leaves of plain memory, policies, collapsing.
 * Nothing of it may be seen: contents, listing and counts are what they would be without.
 */
#include "tests/host/space_model/model.h"

/* The cells of the one whole leaf in the islands. */
static void whole_leaf(unsigned *a, unsigned *b)
{
	unsigned n = 1u << format->bits;

	*a = geo.island[1][0];
	while (geo.vpn[*a] & (n - 1))
		(*a)++;
	*b = *a + n;
}

void do_huge_policy(void)
{
	unsigned policy = below(QR_HUGE_ALWAYS + 1), s = any_space(), allow = !one_in(6);

	note("huge pages: policy %u, space %u %u", policy, s, allow);
	qr_memory_set_huge(&memory, (enum qr_huge_policy)policy);
	qr_space_huge(&vm[s].space, allow);
}

/* Plain memory over the whole leaf, written in a few places. */
void do_huge_map(void)
{
	struct qr_map req = { .flags = QR_MAP_FIXED, .prot = QR_READ | QR_WRITE, .maxprot = 7 };
	unsigned s = any_space(), a, b;
	enum qr_err err;
	qr_virt out;

	whole_leaf(&a, &b);
	req.at = flat_address(&geo, a);
	req.npages = b - a;
	note("map %u [%u,%u) for a huge page", s, a, b);
	arm();
	err = qr_space_map(&vm[s].space, &req, &out);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK, "map: error %d", err);
	model_map(s, a, b, &req);
	load(s);
	for (unsigned n = below(4), i; n; n--) {
		uint64_t value = 1 + below(0xfffffff);

		i = a + below(b - a);
		note("write %u page %u value %x", s, i, (unsigned)value);
		arm();
		if (!sim_write(flat_address(&geo, i), &value, 8)) {
			expect(out_of_memory(fault_err), "write: error %d", fault_err);
			continue;
		}
		out_of_memory(QR_OK);
		expect(sim_write(qr_virt_of(flat_address(&geo, i).v + QR_PAGE_SIZE - 8), &value, 8),
		       "the page is there");
		model_write(s, i, (uint32_t)value);
	}
}

void do_huge_collapse(void)
{
	unsigned s = any_space(), a, b;
	enum qr_err err;

	whole_leaf(&a, &b);
	if (mapped_part(s, a, b) < b)
		return;
	note("collapse %u [%u,%u)", s, a, b);
	arm();
	err = qr_space_advise(&vm[s].space, flat_address(&geo, a), b - a, QR_ADVISE_COLLAPSE);
	if (out_of_memory(err))
		return;
	expect(err == QR_OK || err == QR_INVAL || err == QR_NOMEM, "collapse: error %d", err);
}
