/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run.c - one step: its arguments become numbers, the call is made, its answer becomes words.
 *
 * Most calls need no more than the table at the end says.  The functions here are for those whose
 * answers or arguments mean places, files or other actors.
 */
#include "tests/replay/replay.h"
#include "tests/replay/run.h"
#include <errno.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

/* Below, Linux lets those map who may do anything with the machine; Quire nobody. */
enum { LOWEST = 0x10000, COLLAPSE = 25 };

static long first_size, first_data;
static bool locks_all; /* mlockall was asked for: what is locked depends on the whole program */

void begin_process(void)
{
	first_break = (uintptr_t)(SYS(brk, 0) + PAGE - 1) & (uintptr_t)-PAGE;
	catch_signals();
	first_size = status_pages("VmSize");
	first_data = status_pages("VmData");
}

static run_fn run_mremap, run_mprotect;

/* Does the answer hang on how Linux keeps the areas of a range: as one, or as several that agree?
 * What moves must be one, and before 6.17 always.  Or on which of two mistakes it finds first: since
 * 6.17 a bad new place, before a missing old one. */
static struct {
	uintptr_t from, to;
	unsigned lines;
	bool first, covered;
} source;

static void look_at_source(const struct area *a, void *arg)
{
	(void)arg;
	source.lines += a->lines;
	source.first |= a->start == source.from;
	source.covered |= a->start == source.from && a->end == source.to;
}

static bool mremap_hangs(const long *a)
{
	uintptr_t to = (uintptr_t)a[4], n = (uintptr_t)whole(a[2]);

	source.from = (uintptr_t)(a[0] & -PAGE);
	source.to = source.from + (uintptr_t)whole(a[1]);
	source.lines = 0;
	source.first = source.covered = false;
	if (source.to < source.from)
		return true;
	each_area(source.from, source.to > source.from ? source.to : source.from + PAGE,
		  look_at_source, NULL);
	if (source.lines > 1 || (source.first && !source.covered && (a[3] & MREMAP_FIXED)))
		return true;
	return !source.first && (a[3] & (MREMAP_FIXED | 4)) &&
	       (to % PAGE || to + n < to || (uint64_t)to + n > 0x7ffffffff000 ||
		(source.to > to && to + n > source.from));
}

/* Areas that agree, and a limit that may be reached at any of them. */
static unsigned areas;

static void count_areas(const struct area *a, void *arg)
{
	(void)arg;
	areas++;
	source.lines += a->lines;
}

/* Pages of a file are put anew into one area, or several that agree even in their advice. */
static bool crosses_areas(const long *a)
{
	areas = source.lines = 0;
	each_area((uintptr_t)a[0] & (uintptr_t)-PAGE, (uintptr_t)(a[0] + a[1]), count_areas, NULL);
	return source.lines > 1;
}

/* Are there more areas in the range than one can tell from their rights? */
static bool stops_between_areas(long start, long size)
{
	areas = source.lines = 0;
	if (start + whole(size) <= start)
		return false;
	each_area((uintptr_t)start, (uintptr_t)(start + whole(size)), count_areas, NULL);
	return source.lines > areas;
}

static bool stops_between(const long *a)
{
	uint64_t limit[2];

	SYS(prlimit64, 0, RLIMIT_DATA, 0, P(limit));
	return limit[0] != UINT64_MAX && stops_between_areas(a[0], a[1]);
}

static bool has_threads(void)
{
	int pid = (int)SYS(getpid);
	unsigned n = 0;

	for (unsigned i = 0; i < ACTORS; i++)
		n += board->actor[i].pid == pid;
	return n > 1;
}

static void look_for_shared(const struct area *a, void *found)
{
	*(bool *)found |= a->rights[3] == 's';
}

/* Into pages of a file, or out of them: it may be the same file. */
static bool over_itself(const long *a)
{
	bool found = false;

	each_area((uintptr_t)a[1], (uintptr_t)(a[1] + a[2]), look_for_shared, &found);
	return found;
}

/* Only on Linux: shall this step be left out on both sides? */
static bool hangs(const struct call *c, const long *a)
{
	if (c->run == run_mremap) /* of locked areas DONTUNMAP unlocks the whole, and counts all */
		return uffd_used() || mremap_hangs(a) || (a[3] & 4 && status_pages("VmLck"));
	if (c->nr == SYS_remap_file_pages)
		return crosses_areas(a);
	if (c->run == run_mprotect && (a[2] & PROT_WRITE) && stops_between(a))
		return true;
	if (c->run == run_mprotect && !(a[2] & 7) && status_pages("VmLck")) /* locked zeroes stay */
		return count_zeroes((uintptr_t)a[0], (uintptr_t)(a[0] + whole(a[1])));
	if (c->run == run_uffd || c->run == run_ureg)
		return uffd_hangs(c, a);
	if (c->run == run_ucopy || c->run == run_uzero) /* what they fill must be one area */
		return stops_between_areas(a[0], c->run == run_ucopy ? a[2] : a[1]);
	if (c->run == run_pread || c->run == run_pwrite)
		return over_itself(a);
	if (c->run == run_fallocate) /* what is reserved twice is resident, seen or not */
		return a[1] == FALLOC_FL_KEEP_SIZE && board->kept;
	if (c->run == run_drop) /* of the one thread */
		return has_threads();
	return c->run == run_copy && other_device(a);
}

long whole(long size)
{
	return (long)(((unsigned long)size + PAGE - 1) & (unsigned long)-PAGE);
}

struct slot *slot_of(const struct arg *a)
{
	return a->base >= SLOT && a->base < SLOT + SLOTS ? &slots[a->base - SLOT] : NULL;
}

/* ---- mappings -------------------------------------------------------------------------- */

static long run_mmap(const struct step *s, long *a)
{
	long at;

	if (slot_of(&s->arg[0]) && !(a[3] & MAP_FIXED))
		return OUTSIDE;
	if ((a[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE)) && (unsigned long)a[0] < LOWEST)
		return OUTSIDE;
#ifdef __x86_64__
	at = SYS(mmap, a[0], a[1], a[2], a[3], fd_of(a[4]), a[5]);
#else
	at = SYS(mmap2, a[0], a[1], a[2], a[3], fd_of(a[4]), a[5] / PAGE);
#endif
	if ((unsigned long)at < -4095ul)
		note_slot((uintptr_t)at, (uintptr_t)a[1]);
	return at;
}

static long run_munmap(const struct step *s, long *a)
{
	struct slot *slot = slot_of(&s->arg[0]);
	long err;

	if (slot && ((uintptr_t)a[0] != slot->at || whole(a[1]) / PAGE != slot->pages))
		return OUTSIDE;
	err = SYS(munmap, a[0], a[1]);
	if (slot && !err)
		slot->pages = 0;
	return err;
}

/* A slot moves, grows or shrinks as a whole; whether what grows has to move is the kernel's. */
static long run_mremap(const struct step *s, long *a)
{
	struct slot *slot = slot_of(&s->arg[0]);
	long old = whole(a[1]), new = whole(a[2]), at;
	bool stays = (a[3] & 4) || !old;

	if (slot && ((uintptr_t)a[0] != slot->at || (old && old / PAGE != slot->pages)))
		return OUTSIDE;
	if (slot && new > old && !(a[3] & MREMAP_MAYMOVE))
		return OUTSIDE;
	if ((a[3] & (MREMAP_FIXED | 4)) && (unsigned long)a[4] < LOWEST)
		return OUTSIDE;
	if ((a[3] & MREMAP_FIXED) && !within(&s->arg[4], (uintptr_t)a[4], (uintptr_t) new))
		return OUTSIDE;
	at = SYS(mremap, a[0], a[1], a[2], a[3], a[4]);
	/* Linux has made room before it looks at the limit. */
	if (at == -ENOMEM && (a[3] & (MREMAP_FIXED | 4)) == (MREMAP_FIXED | 4))
		SYS(munmap, a[4], new);
	if ((unsigned long)at >= -4095ul)
		return at;
	if (slot && at == a[0] && new <= old) {
		slot->pages = new / PAGE;
		return at;
	}
	if (slot && !stays)
		slot->pages = 0;
	note_slot((uintptr_t)at, (uintptr_t) new);
	return at;
}

static long run_mprotect(const struct step *s, long *a)
{
	(void)s;
	if (!(a[2] & 7) && (uintptr_t)(a[0] + whole(a[1])) > (uintptr_t)a[0])
		settle_range((uintptr_t)a[0], (uintptr_t)(a[0] + whole(a[1])));
	return SYS(mprotect, a[0], a[1], a[2]);
}

static long run_mincore(const struct step *s, long *a)
{
	static unsigned char core[ARENA_SIZE];
	long err, pages = whole(a[1]) / PAGE;

	(void)s;
	if (board->forked)
		settle();
	err = SYS(mincore, a[0], a[1], P(core));
	for (long i = 0; !err && !board->huge && i < pages && i < ARENA_SIZE; i++)
		say(core[i] & 1 ? "1" : "0");
	return err;
}

/* What was asked to be free is taken at once on both kernels: when it goes is each one's own. */
static long run_madvise(const struct step *s, long *a)
{
	long err = SYS(madvise, a[0], a[1], a[2]);

	(void)s;
	if (a[2] == COLLAPSE) /* whether it can be done hangs on what has been there before */
		return 0;
	for (long n = 0; a[2] == MADV_FREE && n < a[1] && n < ARENA_SIZE * PAGE; n += PAGE)
		if (SYS(madvise, a[0] + n, PAGE, MADV_FREE) == 0)
			SYS(madvise, a[0] + n, PAGE, MADV_DONTNEED);
	return err;
}

/* What is locked cannot be dropped later. */
static long run_mlock(const struct step *s, long *a)
{
	(void)s;
	if (board->forked)
		settle();
	return SYS(mlock, a[0], a[1]);
}

static long run_mlock2(const struct step *s, long *a)
{
	(void)s;
	if (board->forked)
		settle();
	return SYS(mlock2, a[0], a[1], a[2]);
}

static long run_mlockall(const struct step *s, long *a)
{
	long err = SYS(mlockall, a[0]);

	(void)s;
	locks_all |= !err;
	return err;
}

/* ---- touches ---------------------------------------------------------------------------- */

static long say_touch(bool done, const struct fault *f)
{
	if (done)
		say("done");
	else
		say_fault(f);
	return 0;
}

static long run_read(const struct step *s, long *a)
{
	uint64_t value;
	struct fault f;

	(void)s;
	if (!touch_read((uintptr_t)a[0], &value, &f))
		return say_touch(false, &f);
	say_hex(value);
	return 0;
}

static long run_write(const struct step *s, long *a)
{
	struct fault f;

	(void)s;
	return say_touch(touch_write((uintptr_t)a[0], word_of(board->at), &f), &f);
}

/* How far does execution get that begins at `at`?  Where a processor cannot refuse to run pages (two-level
 * tables have no such right), nothing that may not be run may come on the way. */
struct runnable {
	uintptr_t at, end;
	bool begins, goes_on, meets_other;
};

static void find_runnable(const struct area *a, void *arg)
{
	struct runnable *r = arg;
	bool x = a->rights[2] == 'x', first = a->start <= r->at && r->at < a->end;

	if (first)
		r->begins = x;
	else if (!r->goes_on || a->start != r->end)
		return;
	r->goes_on = x;
	r->meets_other |= !x;
	if (x)
		r->end = a->end;
}

/* What lies behind an arena may be anything: it has to end before. */
static bool may_run(const struct arg *where, uintptr_t at)
{
	struct runnable r = { .at = at };
	struct arg end = { where->base, ARENA_SIZE * PAGE };
	uintptr_t border;

	if (where->base == NUMBER)
		return true;
	each_area(0, UINTPTR_MAX, find_runnable, &r);
	if (sizeof(long) == 4 && (!r.begins || r.meets_other))
		return false;
	return !r.begins || (resolve(&end, &border) && r.end < border);
}

static long run_exec(const struct step *s, long *a)
{
	struct fault f;

	if (slot_of(&s->arg[0]) || !may_run(&s->arg[0], (uintptr_t)a[0]))
		return OUTSIDE;
	return say_touch(touch_exec((uintptr_t)a[0], &f), &f);
}

/* ---- actors ----------------------------------------------------------------------------- */

static long run_fork(const struct step *s, long *a)
{
	(void)s;
	return spawn((int)a[0], false);
}

static long run_thread(const struct step *s, long *a)
{
	(void)s;
	return spawn((int)a[0], true);
}

static long run_exit(const struct step *s, long *a)
{
	(void)s, (void)a;
	say("\n");
	leave();
}

/* ---- looks ------------------------------------------------------------------------------ */

static void say_sizes(void)
{
	say("  size ");
	say_number(status_pages("VmSize") - first_size);
	say("p data ");
	say_number(status_pages("VmData") - first_data);
	say("p locked ");
	say_number(locks_all ? -1 : status_pages("VmLck"));
	say("p\n");
}

static long run_maps(const struct step *s, long *a)
{
	(void)s, (void)a;
	say("\n");
	say_sizes();
	say_areas();
	return 0;
}

static long run_core(const struct step *s, long *a)
{
	(void)s, (void)a;
	say("\n");
	say_residency();
	return 0;
}

static long run_data(const struct step *s, long *a)
{
	(void)s, (void)a;
	say("\n");
	say_contents();
	return 0;
}

void say_ending(void)
{
	say("@");
	say_number(board->turn);
	say(" ends\n");
	say_sizes();
	say_areas();
	say_residency();
	say_contents();
	say_files();
}

/* ---- the calls --------------------------------------------------------------------------- */

/* clang-format off */
const struct call calls[] = {
	{ "mmap", { K_ADDR, K_SIZE, K_PROT, K_MAP, K_FILE, K_SIZE }, 0, run_mmap, R_ADDRESS },
	{ "munmap", { K_ADDR, K_SIZE }, 0, run_munmap },
	{ "mprotect", { K_ADDR, K_SIZE, K_PROT }, 0, run_mprotect },
	{ "mremap", { K_ADDR, K_SIZE, K_SIZE, K_REMAP, K_ADDR }, 0, run_mremap, R_ADDRESS },
	{ "madvise", { K_ADDR, K_SIZE, K_ADVICE }, 0, run_madvise },
	{ "msync", { K_ADDR, K_SIZE, K_SYNC }, SYS_msync },
	{ "mincore", { K_ADDR, K_SIZE }, 0, run_mincore },
	{ "mlock", { K_ADDR, K_SIZE }, 0, run_mlock },
	{ "mlock2", { K_ADDR, K_SIZE, K_LOCK }, 0, run_mlock2 },
	{ "munlock", { K_ADDR, K_SIZE }, SYS_munlock },
	{ "mlockall", { K_ALL }, 0, run_mlockall },
	{ "munlockall", { 0 }, SYS_munlockall },
	{ "brk", { K_ADDR }, SYS_brk, NULL, R_ADDRESS },
	{ "remap", { K_ADDR, K_SIZE, K_PROT, K_NUMBER, K_MAP }, SYS_remap_file_pages },

	{ "read", { K_ADDR }, 0, run_read, R_SAID },
	{ "write", { K_ADDR }, 0, run_write, R_SAID },
	{ "exec", { K_ADDR }, 0, run_exec, R_SAID },

	{ "fork", { K_ACTOR }, 0, run_fork },
	{ "thread", { K_ACTOR }, 0, run_thread },
	{ "exit", { 0 }, 0, run_exit },

	{ "open", { K_FILE, K_NUMBER, K_SIZE }, 0, run_open },
	{ "reopen", { K_FILE, K_FILE, K_OPEN }, 0, run_reopen },
	{ "close", { K_FILE }, 0, run_close },
	{ "truncate", { K_FILE, K_SIZE }, 0, run_truncate },
	{ "fallocate", { K_FILE, K_FALLOC, K_SIZE, K_SIZE }, 0, run_fallocate },
	{ "pread", { K_FILE, K_ADDR, K_SIZE, K_SIZE }, 0, run_pread },
	{ "pwrite", { K_FILE, K_ADDR, K_SIZE, K_SIZE }, 0, run_pwrite },
	{ "put", { K_FILE, K_SIZE }, 0, run_put },
	{ "copy", { K_FILE, K_SIZE, K_FILE, K_SIZE, K_SIZE }, 0, run_copy },
	{ "seal", { K_FILE, K_SEAL }, 0, run_seal },

	{ "shmget", { K_NUMBER, K_SIZE }, 0, run_shmget },
	{ "shmat", { K_NUMBER, K_ADDR, K_SHMAT }, 0, run_shmat, R_ADDRESS },
	{ "shmdt", { K_ADDR }, 0, run_shmdt },
	{ "shmrm", { K_NUMBER }, 0, run_shmrm },
	{ "shmstat", { K_NUMBER }, 0, run_shmstat },

	{ "vmread", { K_ACTOR, K_ADDR, K_ADDR, K_SIZE }, 0, run_vmread },
	{ "vmwrite", { K_ACTOR, K_ADDR, K_ADDR, K_SIZE }, 0, run_vmwrite },
	{ "limit", { K_LIMIT, K_SIZE }, 0, run_limit },
	{ "drop", { 0 }, 0, run_drop },

	{ "huge", { 0 }, 0, run_huge },
	{ "uffd", { 0 }, 0, run_uffd },
	{ "ureg", { K_ADDR, K_SIZE, K_WATCH }, 0, run_ureg },
	{ "unreg", { K_ADDR, K_SIZE }, 0, run_unreg },
	{ "ucopy", { K_ADDR, K_ADDR, K_SIZE, K_PUT }, 0, run_ucopy },
	{ "uzero", { K_ADDR, K_SIZE, K_PUT }, 0, run_uzero },
	{ "uprotect", { K_ADDR, K_SIZE, K_GUARD }, 0, run_uprotect },

	{ "maps", { 0 }, 0, run_maps, R_SHOWN },
	{ "core", { 0 }, 0, run_core, R_SHOWN },
	{ "data", { 0 }, 0, run_data, R_SHOWN },
};
/* clang-format on */

const unsigned ncalls = sizeof(calls) / sizeof(calls[0]);

/* An address, and then a size: together they must stay in a slot. */
static bool stays(const struct step *s, const struct call *c, const long *a)
{
	for (unsigned i = 0; i < MAX_ARGS; i++) {
		bool sized = i + 1 < MAX_ARGS && c->kind[i + 1] == K_SIZE;

		if (c->kind[i] == K_ADDR &&
		    !within(&s->arg[i], (uintptr_t)a[i], sized ? (uintptr_t)a[i + 1] : 8))
			return false;
	}
	return true;
}

/* Zero, or an answer that says why the call cannot be tried. */
static long prepare(const struct step *s, const struct call *c, long *a)
{
	uintptr_t value;

	for (unsigned i = 0; i < MAX_ARGS; i++) {
		if (!resolve(&s->arg[i], &value))
			return NOWHERE;
		a[i] = (long)value;
	}
	return stays(s, c, a) ? 0 : OUTSIDE;
}

static void say_answer(const struct call *c, long ret)
{
	const char *name = (unsigned long)ret >= -4095ul ? error_name((int)-ret) : NULL;

	if (ret == OUTSIDE || ret == NOWHERE)
		say(ret == OUTSIDE ? "outside" : "nowhere");
	else if (name)
		say(name);
	else if (c->answer == R_ADDRESS && (unsigned long)ret < -4095ul)
		say_place((uintptr_t)ret);
	else if (c->answer < R_SAID)
		say_number(ret);
}

void run_step(const struct step *s)
{
	const struct call *c = &calls[s->call];
	long a[MAX_ARGS], ret = prepare(s, c, a);

	if (!ret && board->oracle && hangs(c, a)) {
		board->skip |= 1ull << (board->at - 1);
		return;
	}
	say_step(s);
	say(" = ");
	if (!ret)
		ret = c->run ? c->run(s, a) : sys(c->nr, a);
	say_answer(c, ret);
	if (c->answer != R_SHOWN)
		say("\n");
}
