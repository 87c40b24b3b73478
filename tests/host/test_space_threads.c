/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces with four CPUs, as threads; built with the thread sanitizer too.
 *
 *	one space	each thread has pages of its own in each leaf, and a model of them
 *	one family	each thread has a space of its own; all are forks of one, and share leaves
 *	one object	shows in all of the family, and loses pages meanwhile
 *	one mess	all threads on the same pages; nothing is known but the invariants
 *
 * Behind them each thread has addresses of its own for whole huge pages, and for regions that move.
 *
 * Stage S1 runs here as it would; S0, the same with one lock, is another build of this.
 *
 * Contents go through qr_space_read and qr_space_write: nobody has loaded a space, so that the
 * machine has no say here (test_tlb and test_space_model have the simulated one).
 */
// test: threads
#include "plain_host.h"
#include "plain_memory.h"
#include "tap.h"

#include <quire/space.h>

#include <pthread.h>
#include <string.h>

enum { FRAMES = 24 * 1024, CPUS = 4, LEAVES = 3, OWN = 40, PAGES = LEAVES * OWN, STEPS = 2500 };
enum { RW = QR_READ | QR_WRITE, OBJECT_PAGES = 64, BEHIND = 300 };

static struct qr_frames frames;
static struct qr_tlbs tlbs;
static struct qr_memory memory;
static struct qr_space space; /* the first */
static struct qr_object object;
static uintptr_t base, leaf;
static qr_frame root;

/* ---- a thread's pages, and what they should be ------------------------------------------------ */

struct model {
	bool mapped[PAGES], readonly[PAGES];
	uint8_t value[PAGES];
};

struct worker {
	struct qr_space *space;
	unsigned cpu, first; /* the first of its pages in each leaf */
	struct model m;
	uint64_t rnd;
	bool certain; /* the pages are its own: the model holds */
};

static uintptr_t address(const struct worker *w, unsigned page)
{
	return base + page / OWN * leaf + (w->first + page % OWN) * QR_PAGE_SIZE;
}

/* Pages [a,b) within one leaf. */
static void any_range(struct worker *w, unsigned *a, unsigned *b)
{
	*a = (unsigned)random_below(&w->rnd, PAGES);
	*b = *a + 1 + (unsigned)random_below(&w->rnd, OWN - *a % OWN);
}

static void do_map(struct worker *w)
{
	struct qr_map req = { .flags = QR_MAP_FIXED, .prot = RW, .maxprot = 7 };
	unsigned a, b;
	qr_virt at;

	any_range(w, &a, &b);
	req.at = qr_virt_of(address(w, a));
	req.npages = b - a;
	must(!qr_space_map(w->space, &req, &at), "map");
	for (; a < b; a++) {
		w->m.mapped[a] = true;
		w->m.readonly[a] = false;
		w->m.value[a] = 0;
	}
}

static void do_unmap(struct worker *w)
{
	unsigned a, b;

	any_range(w, &a, &b);
	must(!qr_space_unmap(w->space, qr_virt_of(address(w, a)), b - a), "unmap");
	memset(&w->m.mapped[a], 0, b - a);
}

static void do_protect(struct worker *w)
{
	bool readonly = random_below(&w->rnd, 2);
	enum qr_err err;
	unsigned a, b;

	any_range(w, &a, &b);
	err = qr_space_protect(w->space, qr_virt_of(address(w, a)), b - a, readonly ? QR_READ : RW);
	for (; a < b && w->m.mapped[a]; a++)
		w->m.readonly[a] = readonly;
	must(!w->certain || err == (a < b ? QR_NOENT : QR_OK), "protect: error %d", err);
}

static void do_drop(struct worker *w)
{
	unsigned a, b;

	any_range(w, &a, &b);
	(void)!qr_space_advise(w->space, qr_virt_of(address(w, a)), b - a, QR_ADVISE_DONTNEED);
	memset(&w->m.value[a], 0, b - a);
}

static void do_write(struct worker *w)
{
	unsigned page = (unsigned)random_below(&w->rnd, PAGES);
	uint8_t value = (uint8_t)random64(&w->rnd);
	enum qr_err err;
	size_t done;

	err = qr_space_write(w->space, qr_virt_of(address(w, page)), &value, 1, false, &done);
	if (w->certain)
		must(err == (!w->m.mapped[page]    ? QR_NOENT
			     : w->m.readonly[page] ? QR_ACCESS
						   : QR_OK),
		     "write to page %u: error %d", page, err);
	if (!err)
		w->m.value[page] = value;
}

static void check_page(struct worker *w, unsigned page)
{
	uint8_t value = 0;
	enum qr_err err;
	size_t done;

	err = qr_space_read(w->space, qr_virt_of(address(w, page)), &value, 1, false, &done);
	if (w->certain)
		must(err == (w->m.mapped[page] ? QR_OK : QR_NOENT) &&
			 (err || value == w->m.value[page]),
		     "page %u: error %d, value %u, not %u", page, err, value, w->m.value[page]);
}

/* A page of the object, if it is shown: what it has at this moment is not known. */
static void look_at_object(struct worker *w)
{
	uintptr_t at = base + random_below(&w->rnd, LEAVES) * leaf + BEHIND * QR_PAGE_SIZE;
	uint8_t value;
	size_t done;

	at += random_below(&w->rnd, OBJECT_PAGES) * QR_PAGE_SIZE;
	(void)!qr_space_read(w->space, qr_virt_of(at), &value, 1, false, &done);
}

/* A region somewhere: nobody else is given the same. */
static void do_anywhere(struct worker *w)
{
	struct qr_map req = { .npages = 1 + random_below(&w->rnd, 20), .prot = RW, .maxprot = 7 };
	uint8_t mark = (uint8_t)(host_cpu + 1), seen;
	size_t done;
	qr_virt at;

	must(!qr_space_map(w->space, &req, &at), "map anywhere");
	must(!qr_space_write(w->space, at, &mark, 1, false, &done), "write there");
	must(!qr_space_read(w->space, at, &seen, 1, false, &done) && seen == mark, "read there");
	must(!qr_space_unmap(w->space, at, req.npages), "unmap there");
}

/* ---- whole entries, and regions that move ------------------------------------------------------ */

enum { HUGE_AT = 16, AREA = 8 }; /* in leaves: where they begin, and each thread's share */

static uintptr_t area(unsigned n)
{
	return base + (HUGE_AT + host_cpu * AREA + n) * leaf;
}

static uint8_t read_byte(struct worker *w, uintptr_t at, enum qr_err *err)
{
	uint8_t value = 0;
	size_t done;

	*err = qr_space_read(w->space, qr_virt_of(at), &value, 1, false, &done);
	return value;
}

static bool write_byte(struct worker *w, uintptr_t at, uint8_t value)
{
	size_t done;

	return !qr_space_write(w->space, qr_virt_of(at), &value, 1, false, &done);
}

/* A huge page: written, taken apart in the middle, perhaps collapsed again. */
static void do_huge(struct worker *w)
{
	size_t npages = leaf / QR_PAGE_SIZE, hole = 1 + random_below(&w->rnd, npages - 2);
	struct qr_map req = { .at = qr_virt_of(area(0)),
			      .npages = npages,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7 };
	uintptr_t last = req.at.v + leaf - 1;
	enum qr_err err;
	qr_virt at;

	must(!qr_space_map(w->space, &req, &at), "map a whole entry");
	if (random_below(&w->rnd, 2))
		must(!qr_space_advise(w->space, at, npages, QR_ADVISE_HUGEPAGE), "advise");
	must(write_byte(w, at.v, 7) && write_byte(w, last, 9), "write to it");
	switch (random_below(&w->rnd, 4)) {
	case 0:
		must(!qr_space_unmap(w->space, qr_virt_of(at.v + hole * QR_PAGE_SIZE), 1), "hole");
		break;
	case 1:
		must(!qr_space_protect(w->space, at, hole, QR_READ), "protect a part");
		break;
	case 2:
		must(!qr_space_advise(w->space, qr_virt_of(at.v + QR_PAGE_SIZE), hole,
				      QR_ADVISE_FREE),
		     "free a part");
		break;
	default:
		(void)!qr_space_advise(w->space, at, npages, QR_ADVISE_COLLAPSE);
		break;
	}
	must(read_byte(w, at.v, &err) == 7 && !err, "its first byte");
	must(read_byte(w, last, &err) == 9 && !err, "its last byte");
	if (random_below(&w->rnd, 2))
		must(!qr_space_unmap(w->space, at, npages), "unmap a whole entry");
}

/* Some pages grow, and go to another place of the thread's. */
static void do_move(struct worker *w)
{
	size_t n = 1 + random_below(&w->rnd, 30);
	struct qr_map req = { .at = qr_virt_of(area(2) + random_below(&w->rnd, 100) * QR_PAGE_SIZE),
			      .npages = n,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7 };
	struct qr_remap move = {
		.from = req.at, .old_npages = n, .new_npages = n + 5, .may_move = true
	};
	enum qr_err err;
	qr_virt at;

	must(!qr_space_map(w->space, &req, &at), "map what moves");
	must(write_byte(w, at.v + (n - 1) * QR_PAGE_SIZE, 5), "write to it");
	if (random_below(&w->rnd, 4) == 0)
		must(!qr_space_lock(w->space, at, n, QR_LOCK), "lock it");
	if (random_below(&w->rnd, 2)) {
		move.fixed = true;
		move.to = qr_virt_of(area(5) + random_below(&w->rnd, 100) * QR_PAGE_SIZE);
	}
	err = qr_space_remap(w->space, &move, &at);
	must(!err, "move: error %d", err);
	must(read_byte(w, at.v + (n - 1) * QR_PAGE_SIZE, &err) == 5 && !err, "it has moved along");
	must(!qr_space_unmap(w->space, at, n + 5), "unmap what moved");
}

/* The object, beside itself perhaps, so that mappings are lent, shrink and go. */
static void do_object(struct worker *w)
{
	struct qr_map req = { .npages = 1 + random_below(&w->rnd, 20),
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7,
			      .object = &object };
	uint64_t first = random_below(&w->rnd, 40);
	enum qr_err err;
	qr_virt at;

	if (!object.memory)
		return;
	req.at = qr_virt_of(area(7) + first * QR_PAGE_SIZE);
	req.pgoff = first;
	req.flags |= random_below(&w->rnd, 2) ? QR_MAP_SHARED : 0;
	must(!qr_space_map(w->space, &req, &at), "map the object");
	(void)read_byte(w, at.v, &err);
	must(!err, "read it");
	if (!(req.flags & QR_MAP_SHARED)) /* bytes that others read are nobody's to write */
		(void)write_byte(w, at.v + (req.npages - 1) * QR_PAGE_SIZE, 3);
	if (random_below(&w->rnd, 2))
		must(!qr_space_unmap(w->space, at, 1 + req.npages / 2), "unmap a part of it");
}

/* What locks all of a space, and changes nothing that the model knows. */
static void do_whole(struct worker *w)
{
	uintptr_t at = base + random_below(&w->rnd, LEAVES) * leaf;
	struct qr_region region;
	struct qr_space_stat stat;

	switch (random_below(&w->rnd, 5)) {
	case 0:
		(void)!qr_space_forget(w->space, QR_FORGET_ALL);
		break;
	case 1:
		qr_space_stat(w->space, &stat);
		break;
	case 2:
		(void)!qr_space_advise(w->space, qr_virt_of(at), 100, QR_ADVISE_NOHUGEPAGE);
		break;
	case 3:
		(void)!qr_space_advise(w->space, qr_virt_of(at), 100, QR_ADVISE_POPULATE_READ);
		break;
	default:
		for (qr_virt v = { 0 }; !qr_space_next(w->space, v, &region); v = region.end)
			must(region.start.v < region.end.v && region.end.v > v.v,
			     "regions are in order");
	}
}

/* A child looks at what it was born with, writes to it, and goes. */
static void do_fork(struct worker *w)
{
	struct qr_space child;
	struct worker k = *w;

	must(!qr_space_init(&child, &memory) && !qr_space_fork(w->space, &child), "fork");
	k.space = &child;
	for (unsigned n = 0; n < 6; n++) {
		check_page(&k, (unsigned)random_below(&k.rnd, PAGES));
		do_write(&k);
	}
	w->rnd = k.rnd;
	qr_space_fini(&child);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	host_cpu = w->cpu;
	for (unsigned n = 0; n < STEPS; n++) {
		unsigned what = (unsigned)random_below(&w->rnd, 100);

		if (what < 30)
			check_page(w, (unsigned)random_below(&w->rnd, PAGES));
		else if (what < 40)
			look_at_object(w);
		else if (what < 65)
			do_write(w);
		else if (what < 75)
			do_map(w);
		else if (what < 80)
			do_unmap(w);
		else if (what < 87)
			do_protect(w);
		else if (what < 90)
			do_drop(w);
		else if (what < 93)
			do_anywhere(w);
		else if (what < 94)
			do_huge(w);
		else if (what < 96)
			do_move(w);
		else if (what < 97)
			do_object(w);
		else if (what < 98)
			do_whole(w);
		else
			do_fork(w);
	}
	for (unsigned page = 0; page < PAGES; page++)
		check_page(w, page);
	return NULL;
}

/* ---- the machine -------------------------------------------------------------------------------- */

static size_t machine_on(const struct qr_format *f)
{
	struct qr_memory_config c = {
		.frames = &frames, .format = f, .tlbs = &tlbs, .huge = QR_HUGE_MADVISE
	};
	size_t before;

	qr_tlbs_init(&tlbs);
	qr_tlbs_part(&tlbs);
	must(!qr_table_alloc(&frames, &root), "a kernel root");
	before = qr_frames_free_count(&frames);
	c.kernel_root = qr_frame_phys(root);
	c.user_start = qr_virt_of(0x10000);
	c.user_end =
	    qr_virt_of(f->address_bits == 32 ? 0xc0000000u : (uintptr_t)1 << (f->address_bits - 1));
	must(!qr_memory_init(&memory, &c), "memory");
	leaf = (uintptr_t)qr_format_span(f, 1);
	base = 8 * leaf;
	must(!qr_space_init(&space, &memory), "a space");
	return before;
}

static void machine_off(const struct qr_format *f, size_t before, const char *what)
{
	const char *broken;

	qr_space_check(&space);
	qr_space_fini(&space);
	qr_memory_fini(&memory);
	broken = qr_frames_check(&frames);
	ok(!broken && qr_frames_free_count(&frames) == before, "%s: %s: %s, %zu of %zu frames",
	   f->name, what, broken ? broken : "all holds", qr_frames_free_count(&frames), before);
	qr_table_free(&frames, root);
}

static void run(struct worker *w)
{
	pthread_t threads[CPUS];

	for (unsigned i = 0; i < CPUS; i++) {
		w[i].rnd = seed() + i;
		w[i].cpu = i;
		must(!pthread_create(&threads[i], NULL, work, &w[i]), "thread");
	}
	for (unsigned i = 0; i < CPUS; i++)
		pthread_join(threads[i], NULL);
}

static void one_mess(const struct qr_format *f)
{
	size_t before = machine_on(f);
	struct worker w[CPUS];

	for (unsigned i = 0; i < CPUS; i++)
		w[i] = (struct worker){ .space = &space };
	run(w);
	machine_off(f, before, "one mess");
}

/* Reading fills the holes again. */
static void *punch(void *arg)
{
	uint64_t rnd = seed() + 77;

	(void)arg;
	host_cpu = CPUS;
	for (unsigned n = 0; n < STEPS / 4; n++) {
		qr_object_punch(&object, random_below(&rnd, OBJECT_PAGES), 1);
		sched_yield();
	}
	return NULL;
}

/* Behind the pages of all threads: an object, privately. */
static void show_object(void)
{
	struct qr_map req = { .at = qr_virt_of(base + BEHIND * QR_PAGE_SIZE),
			      .npages = OBJECT_PAGES,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7,
			      .object = &object };
	qr_virt at;

	qr_object_init(&object, &memory, OBJECT_PAGES, NULL, NULL);
	for (unsigned k = 0; k < LEAVES; k++, req.at.v += leaf)
		must(!qr_space_map(&space, &req, &at), "map the object");
}

static void hide_object(void)
{
	must(!qr_space_unmap(&space, memory.user_start,
			     (memory.user_end.v - memory.user_start.v) / QR_PAGE_SIZE),
	     "unmap all");
	qr_object_put(&object);
	object.memory = NULL;
}

static void run_and_punch(struct worker *w)
{
	pthread_t puncher;

	must(!pthread_create(&puncher, NULL, punch, NULL), "thread");
	run(w);
	pthread_join(puncher, NULL);
}

static void one_space(const struct qr_format *f)
{
	size_t before = machine_on(f);
	struct worker w[CPUS];

	show_object();
	for (unsigned i = 0; i < CPUS; i++)
		w[i] = (struct worker){ .space = &space, .first = i * OWN, .certain = true };
	run_and_punch(w);
	qr_space_check(&space);
	hide_object();
	machine_off(f, before, "one space");
}

/* The parent's pages. */
static void make_parent(struct model *m)
{
	struct qr_map req = { .at = qr_virt_of(base),
			      .npages = OWN,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7 };
	struct worker w = { .space = &space, .certain = true };
	size_t done;
	qr_virt at;

	for (unsigned k = 0; k < LEAVES; k++, req.at.v += leaf)
		must(!qr_space_map(&space, &req, &at), "map");
	show_object();
	for (unsigned i = 0; i < PAGES; i++) {
		m->mapped[i] = true;
		m->value[i] = (uint8_t)(i + 1);
		must(!qr_space_write(&space, qr_virt_of(address(&w, i)), &m->value[i], 1, false,
				     &done),
		     "write");
	}
}

static void one_family(const struct qr_format *f)
{
	size_t before = machine_on(f);
	static struct qr_space child[CPUS];
	struct worker w[CPUS];
	struct model m = { 0 };

	make_parent(&m);
	for (unsigned i = 0; i < CPUS; i++) {
		must(!qr_space_init(&child[i], &memory) &&
			 !qr_space_fork(i ? &child[i - 1] : &space, &child[i]),
		     "fork");
		w[i] = (struct worker){ .space = &child[i], .m = m, .certain = true };
	}
	run_and_punch(w);
	for (unsigned i = 0; i < CPUS; i++) {
		qr_space_check(&child[i]);
		qr_space_fini(&child[i]);
	}
	w[0] = (struct worker){ .space = &space, .m = m, .certain = true };
	for (unsigned i = 0; i < PAGES; i++)
		check_page(&w[0], i);
	hide_object();
	machine_off(f, before, "one family");
}

int main(void)
{
	static const struct qr_format *const formats[] = { &qr_format_two_level, &qr_format_pae,
							   &qr_format_4_level };
	struct qr_frames_config c = { { 0 }, { FRAMES }, { FRAMES }, CPUS + 1, false };
	size_t bytes = qr_frames_metadata_size(&c);
	void *meta = aligned_alloc(64, bytes);

	(void)seed();
	ram = aligned_alloc(QR_PAGE_SIZE, (size_t)FRAMES * QR_PAGE_SIZE);
	must(ram && qr_frames_init(&frames, &c, meta, bytes) == QR_OK, "init");
	must(qr_frames_add(&frames, qr_frame_of(1), FRAMES - 1) == QR_OK, "add");
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i]->address_bits > 8 * sizeof(uintptr_t))
			continue;
		one_space(formats[i]);
		one_family(formats[i]);
		one_mess(formats[i]);
	}
	free(ram);
	free(meta);
	return done();
}
