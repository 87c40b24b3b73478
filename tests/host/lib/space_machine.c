/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_machine.c - see space_machine.h.
 */
#include "space_machine.h"
#include "tap.h"

#include <string.h>

struct qr_tlbs tlbs;
struct qr_memory memory;
struct qr_space space;
enum qr_err refused;

static struct qr_space *loaded;
static qr_frame kernel_root;
static size_t free_before;
static bool made;

const struct qr_format *const space_formats[] = {
	&qr_format_two_level,
	&qr_format_pae,
#if UINTPTR_MAX > UINT32_MAX
	&qr_format_4_level,
	&qr_format_5_level,
#endif
	NULL,
};

static bool on_fault(void *ctx, qr_virt va, unsigned error)
{
	enum qr_access access = error & SIM_FAULT_WRITE  ? QR_ACCESS_WRITE
				: error & SIM_FAULT_EXEC ? QR_ACCESS_EXEC
							 : QR_ACCESS_READ;

	(void)ctx;
	refused = qr_space_fault(loaded, va, access);
	return refused == QR_OK;
}

static uintptr_t user_end(const struct qr_format *f)
{
	return f->address_bits == 32 ? 0xc0000000u : (uintptr_t)1 << (f->address_bits - 1);
}

void machine_bare(const struct qr_format *f)
{
	struct qr_memory_config c = { .format = f, .frames = &sim.frames, .tlbs = &tlbs };

	sim_init(&(struct sim_config){ .format = f,
				       .first = 0x300,
				       .low = 8192,
				       .high = sizeof(uintptr_t) == 4 ? 4096 : 0,
				       .seed = 1,
				       .speculate = true });
	qr_tlbs_init(&tlbs);
	sim.tlbs = &tlbs;
	must(!qr_table_alloc(&sim.frames, &kernel_root), "a kernel root");
	c.kernel_root = qr_frame_phys(kernel_root);
	c.user_start = qr_virt_of(0x10000);
	c.user_end = qr_virt_of(user_end(f));
	free_before = qr_frames_free_count(&sim.frames);
	must(!qr_memory_init(&memory, &c), "memory");
	sim_on_fault(on_fault, NULL);
	made = false;
	loaded = NULL;
}

void machine_on(const struct qr_format *f)
{
	machine_bare(f);
	must(!qr_space_init(&space, &memory), "a space");
	made = true;
	use(&space);
}

void use(struct qr_space *s)
{
	if (loaded && !s)
		qr_space_leave(loaded);
	loaded = s;
	if (s)
		qr_space_enter(s);
}

void machine_off(void)
{
	use(NULL);
	if (made)
		qr_space_fini(&space);
	qr_memory_fini(&memory);
	is(qr_frames_free_count(&sim.frames), free_before, "every frame came back");
	sim_fini();
}

enum qr_err map_at(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot, unsigned flags,
		   qr_virt *out)
{
	struct qr_map req = { .at = qr_virt_of(at),
			      .npages = npages,
			      .flags = flags,
			      .prot = (uint8_t)prot,
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC };

	return qr_space_map(s, &req, out);
}

qr_virt map_anon(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot)
{
	return map_anon_backed(s, at, npages, prot, QR_BACK_DEFAULT);
}

qr_virt map_anon_backed(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot,
			enum qr_backing backing)
{
	struct qr_map req = { .at = qr_virt_of(at),
			      .npages = npages,
			      .flags = at ? QR_MAP_FIXED : 0,
			      .prot = (uint8_t)prot,
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC,
			      .backing = (uint8_t)backing };
	qr_virt out;

	must(!qr_space_map(s, &req, &out), "map %zu pages at %#zx", npages, (size_t)at);
	return out;
}

qr_virt map_object(struct qr_space *s, uintptr_t at, size_t npages, unsigned prot, unsigned flags,
		   struct qr_object *o, uint64_t pgoff)
{
	struct qr_map req = { .at = qr_virt_of(at),
			      .npages = npages,
			      .flags = flags | (at ? QR_MAP_FIXED : 0),
			      .prot = (uint8_t)prot,
			      .maxprot = QR_READ | QR_WRITE | QR_EXEC,
			      .object = o,
			      .pgoff = pgoff };
	qr_virt out;

	must(!qr_space_map(s, &req, &out), "map %zu pages of an object", npages);
	return out;
}

bool touch(uintptr_t at, enum qr_access access)
{
	uint8_t byte = 0;

	if (access == QR_ACCESS_READ)
		return sim_read(qr_virt_of(at), &byte, 1);
	if (access == QR_ACCESS_WRITE)
		return sim_write(qr_virt_of(at), &byte, 1);
	return sim_exec(qr_virt_of(at));
}

uint8_t peek(uintptr_t at)
{
	uint8_t byte;

	must(sim_read(qr_virt_of(at), &byte, 1), "read at %#zx: error %d", (size_t)at, refused);
	return byte;
}

void poke(uintptr_t at, uint8_t value)
{
	must(sim_write(qr_virt_of(at), &value, 1), "write at %#zx: error %d", (size_t)at, refused);
}

void check(void)
{
	const char *broken = qr_frames_check(&sim.frames);

	must(!broken, "frames: %s", broken);
	qr_space_check(loaded);
	sim_check();
}

unsigned count_regions(struct qr_space *s)
{
	struct qr_region r;
	unsigned n = 0;

	for (qr_virt at = qr_virt_of(0); !qr_space_next(s, at, &r); at = r.end)
		n++;
	return n;
}

size_t free_frames(void)
{
	(void)qr_memory_trim(&memory);
	return qr_frames_free_count(&sim.frames);
}
