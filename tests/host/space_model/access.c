/* SPDX-License-Identifier: BSD-2-Clause
 *
 * access.c - steps that touch contents: as a program, from outside, through the objects.
 */
#include "tests/host/space_model/model.h"

#include <string.h>

/* ---- access ---------------------------------------------------------------------------------- */

/* What was given up may go later, even if it was seen to be still there. */
void settle_freed(struct flat_page *p, uint64_t got)
{
	if (p->freed && got == 0)
		p->own = p->freed = false;
}

/* Both ends of the page hold its number. */
void check_read(unsigned s, unsigned i)
{
	struct flat_page *p = &vm[s].flat.page[i];
	qr_virt at = flat_address(&geo, i);
	enum qr_err want = flat_access(p, flat_objects, QR_ACCESS_READ);
	uint64_t low = 0, high = 0;
	bool done =
	    sim_read(at, &low, 8) && sim_read(qr_virt_of(at.v + QR_PAGE_SIZE - 8), &high, 8);

	if (!done && out_of_memory(fault_err))
		return;
	expect(done == (want == QR_OK), "read %u of space %u: error %d, want %d", i, s, fault_err,
	       want);
	expect(done || fault_err == want, "read %u of space %u: error %d, want %d", i, s, fault_err,
	       want);
	if (!done)
		return;
	settle_freed(p, low);
	expect(low == flat_value(p, flat_objects) && high == low,
	       "page %u of space %u reads %" PRIx64 " and %" PRIx64 ", want %x", i, s, low, high,
	       flat_value(p, flat_objects));
}

void do_read(void)
{
	unsigned s = any_space(), i = any_page();

	load(s);
	note("read %u page %u", s, i);
	arm();
	check_read(s, i);
	out_of_memory(QR_OK);
}

void model_write(unsigned s, unsigned i, uint32_t value)
{
	struct flat_page *p = &vm[s].flat.page[i];

	if (p->shared) {
		flat_objects[p->object].value[p->pgoff] = value;
	} else {
		p->own = true;
		p->freed = false;
		p->value = value;
	}
}

void do_write(void)
{
	unsigned s = any_space(), i = any_page();
	struct flat_page *p = &vm[s].flat.page[i];
	enum qr_err want = flat_access(p, flat_objects, QR_ACCESS_WRITE);
	qr_virt at = flat_address(&geo, i);
	uint64_t value = 1 + below(0xfffffff), low = 0;
	bool done;

	load(s);
	note("write %u page %u value %x", s, i, (unsigned)value);
	if (p->freed && want == QR_OK) { /* know what a half-done write would leave */
		if (sim_read(at, &low, 8))
			settle_freed(p, low);
	}
	arm();
	done = sim_write(at, &value, 8);
	if (!done && out_of_memory(fault_err))
		return;
	out_of_memory(QR_OK);
	expect(done == (want == QR_OK) && (done || fault_err == want),
	       "write %u of space %u: error %d, want %d", i, s, done ? 0 : fault_err, want);
	if (!done)
		return;
	expect(sim_write(qr_virt_of(at.v + QR_PAGE_SIZE - 8), &value, 8), "the page is there");
	model_write(s, i, (uint32_t)value);
}

void do_exec(void)
{
	unsigned s = any_space(), i = any_page();
	enum qr_err want = flat_access(&vm[s].flat.page[i], flat_objects,
				       format->nx ? QR_ACCESS_EXEC : QR_ACCESS_READ);
	bool done;

	load(s);
	note("exec %u page %u", s, i);
	arm();
	done = sim_exec(flat_address(&geo, i));
	if (!done && out_of_memory(fault_err))
		return;
	out_of_memory(QR_OK);
	expect(done == (want == QR_OK) && (done || fault_err == want),
	       "exec %u of space %u: error %d, want %d", i, s, done ? 0 : fault_err, want);
}

/* The kernel's way in, to spaces that are not loaded. */
void do_copy(void)
{
	unsigned s = any_space(), i = any_page();
	struct flat_page *p = &vm[s].flat.page[i];
	bool write = one_in(2);
	enum qr_err err,
	    want = flat_access(p, flat_objects, write ? QR_ACCESS_WRITE : QR_ACCESS_READ);
	uint8_t page[QR_PAGE_SIZE] = { 0 };
	uint64_t value = 1 + below(0xfffffff), low, high;
	size_t n = 12345;

	note("%s %u page %u from outside, value %x", write ? "write" : "read", s, i,
	     (unsigned)value);
	memcpy(page, &value, 8);
	memcpy(page + QR_PAGE_SIZE - 8, &value, 8);
	arm();
	if (write)
		err = qr_space_write(&vm[s].space, flat_address(&geo, i), page, sizeof(page), false,
				     &n);
	else
		err = qr_space_read(&vm[s].space, flat_address(&geo, i), page, sizeof(page), false,
				    &n);
	if (out_of_memory(err))
		return;
	expect(err == want, "copy: error %d, want %d", err, want);
	if (err)
		return;
	expect(n == sizeof(page), "all of it: %zu", n);
	memcpy(&low, page, 8);
	memcpy(&high, page + QR_PAGE_SIZE - 8, 8);
	if (write) {
		model_write(s, i, (uint32_t)value);
		return;
	}
	settle_freed(p, low);
	expect(low == flat_value(p, flat_objects) && high == low, "reads %" PRIx64 ", want %x", low,
	       flat_value(p, flat_objects));
}

/* As a debugger: private pages are written though they are read-only. */
void do_force(void)
{
	unsigned s = any_space(), i = any_page();
	struct flat_page *p = &vm[s].flat.page[i];
	enum qr_err err, want = flat_access(p, flat_objects, QR_ACCESS_WRITE);
	uint8_t page[QR_PAGE_SIZE] = { 0 };
	uint64_t value = 1 + below(0xfffffff);
	size_t n = 0;

	if (want == QR_ACCESS && !p->shared)
		want = p->object >= 0 && p->pgoff >= flat_objects[p->object].npages ? QR_BEYOND
										    : QR_OK;
	note("force %u page %u value %x", s, i, (unsigned)value);
	memcpy(page, &value, 8);
	memcpy(page + QR_PAGE_SIZE - 8, &value, 8);
	arm();
	err = qr_space_write(&vm[s].space, flat_address(&geo, i), page, sizeof(page), true, &n);
	if (out_of_memory(err))
		return;
	expect(err == want, "force: error %d, want %d", err, want);
	if (err == QR_OK)
		model_write(s, i, (uint32_t)value);
}

/* What has contents of its own is resident; a hole is an error. */
void do_residency(void)
{
	unsigned s = any_space(), a = any_page(), b = some_end(a, 20), end;
	uint8_t there[32];
	enum qr_err err;

	if (has_gap(a, b))
		return;
	note("residency %u [%u,%u)", s, a, b);
	err = qr_space_residency(&vm[s].space, flat_address(&geo, a), b - a, there);
	end = mapped_part(s, a, b);
	expect(err == (end < b ? QR_NOENT : QR_OK), "residency: error %d", err);
	for (unsigned i = a; err == QR_OK && i < b; i++)
		expect(there[i - a] & 1 || !vm[s].flat.page[i].own || vm[s].flat.page[i].freed,
		       "page %u has contents and is resident", i);
}

/* ---- objects --------------------------------------------------------------------------------- */

void do_object_bytes(void)
{
	unsigned o = below(FLAT_OBJECTS);
	uint64_t page = below(flat_objects[o].npages ? flat_objects[o].npages : 1);
	uint8_t bytes[QR_PAGE_SIZE] = { 0 };
	uint64_t value = 1 + below(0xfffffff), low;
	size_t n = 0;
	enum qr_err err;

	if (page >= flat_objects[o].npages)
		return;
	if (one_in(2)) {
		note("object %u page %u reads", o, (unsigned)page);
		expect(qr_object_read(&objects[o], page << 12, bytes, sizeof(bytes)) == QR_OK,
		       "read");
		memcpy(&low, bytes, 8);
		expect(low == flat_objects[o].value[page], "the object's page is %" PRIx64, low);
		return;
	}
	note("object %u page %u = %x", o, (unsigned)page, (unsigned)value);
	memcpy(bytes, &value, 8);
	memcpy(bytes + QR_PAGE_SIZE - 8, &value, 8);
	arm();
	err = qr_object_write(&objects[o], page << 12, bytes, sizeof(bytes), &n);
	if (out_of_memory(err) || (err == QR_OK && n == 0))
		return;
	expect(err == QR_OK && n == sizeof(bytes), "write: error %d, %zu bytes", err, n);
	flat_objects[o].value[page] = (uint32_t)value;
}

/* Private copies go with what lies beyond the new end; a hole leaves them. */
void model_cut(unsigned o, uint64_t first, uint64_t end, bool copies)
{
	for (uint64_t i = first; i < end && i < FLAT_OBJECT_PAGES; i++)
		flat_objects[o].value[i] = 0;
	for (unsigned s = 0; s < SPACES; s++)
		for (unsigned i = 0; copies && vm[s].live && i < geo.ncells; i++) {
			struct flat_page *p = &vm[s].flat.page[i];

			if (p->mapped && p->object == (int)o && p->pgoff >= first)
				p->own = p->freed = false;
		}
}

void do_object_size(void)
{
	unsigned o = below(FLAT_OBJECTS);
	uint64_t n = below(FLAT_OBJECT_PAGES + 1), first = below(FLAT_OBJECT_PAGES);

	if (one_in(2)) {
		note("object %u: resize %u -> %u", o, (unsigned)flat_objects[o].npages,
		     (unsigned)n);
		qr_object_resize(&objects[o], n);
		if (n < flat_objects[o].npages)
			model_cut(o, n, FLAT_OBJECT_PAGES, true);
		flat_objects[o].npages = n;
	} else {
		n = 1 + below(8);
		note("object %u: punch [%u,%u)", o, (unsigned)first, (unsigned)(first + n));
		qr_object_punch(&objects[o], first, n);
		model_cut(o, first, first + n, false);
	}
}
