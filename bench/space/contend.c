/* SPDX-License-Identifier: BSD-2-Clause
 *
 * contend.c - several threads at once in address spaces of the library: how often they wait for
 * each other, and how fast they are together.
 *
 *	contend PATTERN THREADS SECONDS     ->  operations, of them with a wait, seconds
 *
 *	leaf     write faults, each thread on pages of its own, all in one leaf table
 *	leaves   the same, each thread in a leaf of its own
 *	map      map and unmap a page, each thread in a leaf of its own
 *	large    faults in leaves of their own, beside a thread that fills and unmaps 512 pages
 *	spaces   write faults, each thread in a space of its own: nothing of a space is in the way
 *
 * Threads are the CPUs, and pages are real ones that are cleared.  A wait is a turn of a lock's
 * loop that finds it taken (qr_host_relax).  Built once for each stage of spaces (bench/space/run).
 */
#include "tests/host/lib/plain_host.h"
#include "tests/host/lib/plain_memory.h"

#include <quire/space.h>

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { FRAMES = 16 * 1024, THREADS = 16, OWN = 32, LARGE = 512, RW = QR_READ | QR_WRITE };

static struct qr_frames frames;
static struct qr_tlbs tlbs;
static struct qr_memory memory;
static struct qr_space spaces[THREADS];
static uintptr_t base, leaf;
static volatile bool over;

static void must(int err)
{
	if (!err)
		return;
	fprintf(stderr, "contend: error %d\n", err);
	exit(1);
}

/* ---- what a thread does -------------------------------------------------------------------- */

struct worker {
	unsigned cpu;
	struct qr_space *space;
	uintptr_t at; /* its pages */
	void (*turn)(struct worker *);
	uint64_t done, waits;
};

/* One operation is over. */
static void count(struct worker *w)
{
	w->done++;
	w->waits += waited;
	waited = false;
}

static void map(struct qr_space *s, uintptr_t at, size_t npages)
{
	struct qr_map req = { .at = qr_virt_of(at),
			      .npages = npages,
			      .flags = QR_MAP_FIXED,
			      .prot = RW,
			      .maxprot = 7 };
	qr_virt out;

	must(qr_space_map(s, &req, &out));
}

/* A fault, and a part of what makes the next one possible. */
static void faults(struct worker *w)
{
	for (unsigned i = 0; i < OWN; i++) {
		must(qr_space_fault(w->space, qr_virt_of(w->at + i * QR_PAGE_SIZE),
				    QR_ACCESS_WRITE));
		count(w);
	}
	must(qr_space_advise(w->space, qr_virt_of(w->at), OWN, QR_ADVISE_DONTNEED));
}

static void maps(struct worker *w)
{
	map(w->space, w->at, 1);
	must(qr_space_unmap(w->space, qr_virt_of(w->at), 1));
	count(w);
}

/* Not counted: what the others meet. */
static void fills(struct worker *w)
{
	map(w->space, w->at, LARGE);
	must(qr_space_advise(w->space, qr_virt_of(w->at), LARGE, QR_ADVISE_POPULATE_WRITE));
	must(qr_space_unmap(w->space, qr_virt_of(w->at), LARGE));
}

static void *work(void *arg)
{
	struct worker *w = arg;

	host_cpu = w->cpu;
	while (!over)
		w->turn(w);
	return NULL;
}

/* ---- patterns ------------------------------------------------------------------------------ */

static const char *const patterns[] = { "leaf", "leaves", "map", "large", "spaces" };
enum pattern { LEAF, LEAVES, MAP, LARGE_ONE, SPACES, NPATTERNS };

static void set_up(struct worker *w, unsigned i, enum pattern p)
{
	*w = (struct worker){ .cpu = i, .turn = p == MAP ? maps : faults, .space = &spaces[0] };
	if (p == SPACES)
		w->space = &spaces[i];
	w->at = p == LEAF ? base + i * OWN * QR_PAGE_SIZE : base + (2 * i + 1) * leaf;
	if (p == LARGE_ONE && i == 0)
		w->turn = fills;
	else if (p == MAP)
		map(w->space, w->at + QR_PAGE_SIZE, 1); /* so that the leaf stays */
	else
		map(w->space, w->at, OWN);
	if (p == MAP)
		must(qr_space_fault(w->space, qr_virt_of(w->at + QR_PAGE_SIZE), QR_ACCESS_WRITE));
}

static void machine_on(unsigned nspaces)
{
	struct qr_frames_config fc = { { 0 }, { FRAMES }, { FRAMES }, THREADS, false };
	struct qr_memory_config c = { .frames = &frames,
				      .format = &qr_format_4_level,
				      .tlbs = &tlbs };
	size_t bytes = qr_frames_metadata_size(&fc);
	qr_frame root;

	ram = aligned_alloc(QR_PAGE_SIZE, (size_t)FRAMES * QR_PAGE_SIZE);
	must(!ram || qr_frames_init(&frames, &fc, aligned_alloc(64, bytes), bytes));
	memset(ram, 0, (size_t)FRAMES * QR_PAGE_SIZE);
	must(qr_frames_add(&frames, qr_frame_of(1), FRAMES - 1));
	qr_tlbs_init(&tlbs);
	qr_tlbs_part(&tlbs);
	must(qr_table_alloc(&frames, &root));
	c.kernel_root = qr_frame_phys(root);
	c.user_start = qr_virt_of(0x10000);
	c.user_end = qr_virt_of((uintptr_t)1 << 47);
	must(qr_memory_init(&memory, &c));
	leaf = (uintptr_t)qr_format_span(&qr_format_4_level, 1);
	base = 8 * leaf;
	for (unsigned i = 0; i < nspaces; i++)
		must(qr_space_init(&spaces[i], &memory));
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	static struct worker w[THREADS];
	pthread_t threads[THREADS];
	uint64_t done = 0, waits = 0;
	unsigned p = 0, n, more;
	double begin;

	while (argc == 4 && p < NPATTERNS && strcmp(argv[1], patterns[p]))
		p++;
	n = argc == 4 ? (unsigned)atoi(argv[2]) : 0;
	more = p == LARGE_ONE;
	if (p == NPATTERNS || !n || n + more > THREADS) {
		fprintf(stderr, "usage: contend PATTERN THREADS SECONDS\n");
		return 2;
	}
	machine_on(p == SPACES ? n : 1);
	for (unsigned i = 0; i < n + more; i++)
		set_up(&w[i], i, (enum pattern)p);
	begin = now();
	for (unsigned i = 0; i < n + more; i++)
		must(pthread_create(&threads[i], NULL, work, &w[i]));
	while (now() - begin < atof(argv[3]))
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	over = true;
	for (unsigned i = 0; i < n + more; i++) {
		pthread_join(threads[i], NULL);
		done += w[i].done;
		waits += w[i].waits;
	}
	printf("%llu %llu %.6f\n", (unsigned long long)done, (unsigned long long)waits,
	       now() - begin);
	return 0;
}
