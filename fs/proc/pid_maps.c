/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_maps.c - /proc/PID/{maps,smaps,smaps_rollup}: what is mapped where, and what of it is there.
 *
 * A line of maps is a region; smaps counts the pages that are resident in it.  A page that n page
 * tables show costs each of them 1/n: that is Pss, kept in 1/4096ths of a byte so that what falls
 * under the table does not add up.
 */
#include "fs/dev.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define NAME_COLUMN (25 + sizeof(void *) * 6 - 1)
#define PSS_SHIFT   12

static const char *special_name(const struct mm *mm, const struct qr_region *r)
{
	if (mm->vdso && r->start.v <= mm->vdso && r->end.v > mm->vdso)
		return "[vdso]";
	if (r->object)
		return NULL;
	if (r->start.v <= mm->brk && r->end.v >= mm->start_brk)
		return "[heap]";
	if (r->start.v <= mm->start_stack && r->end.v >= mm->start_stack)
		return "[stack]";
	return NULL;
}

static void put_name(struct text *t, const struct mm *mm, const struct qr_region *r, size_t line)
{
	struct inode *i = r->object ? object_inode(r->object) : NULL;
	const char *name = special_name(mm, r);
	char *buf = NULL;

	if (i) {
		buf = kmalloc(PATH_MAX);
		name = buf ? inode_name(i, buf, PATH_MAX) : "?";
	} else if (r->object && !name) {
		name = "/dev/zero (deleted)"; /* shared memory without a name */
	}
	if (name) {
		text_pad(t, line, NAME_COLUMN);
		text_printf(t, " %s", name);
	}
	kfree(buf);
}

static void put_region(struct text *t, const struct mm *mm, const struct qr_region *r)
{
	const struct inode *i = r->object ? object_inode(r->object) : NULL;
	uint32_t dev = i ? i->fs->dev : 0;
	size_t line = t->n;

	text_printf(t, "%08lx-%08lx %c%c%c%c %08llx %02x:%02x %llu ", (unsigned long)r->start.v,
		    (unsigned long)r->end.v, r->prot & QR_READ ? 'r' : '-',
		    r->prot & QR_WRITE ? 'w' : '-', r->prot & QR_EXEC ? 'x' : '-',
		    r->flags & QR_MAP_SHARED ? 's' : 'p',
		    (unsigned long long)(r->object ? r->pgoff << QR_PAGE_SHIFT : 0), DEV_MAJOR(dev),
		    DEV_MINOR(dev), (unsigned long long)(i ? i->ino : 0));
	put_name(t, mm, r, line);
	text_string(t, "\n");
}

typedef void region_fn(struct text *t, struct mm *mm, const struct qr_region *r, void *arg);

/* Over all regions from t->cursor on, until a piece is full. */
static int each_region(struct text *t, const struct proc_target *of, region_fn *fn, void *arg)
{
	struct mm *mm = proc_process(of)->mm;
	qr_virt at = qr_virt_of((uintptr_t)t->cursor);
	struct qr_region r;

	if (!mm)
		return 0;
	while (!t->err && qr_space_next(&mm->space, at, &r) == QR_OK) {
		if (t->n >= TEXT_PIECE) {
			t->more = true;
			break;
		}
		fn(t, mm, &r, arg);
		at = r.end;
	}
	t->cursor = at.v;
	return 0;
}

static void maps_region(struct text *t, struct mm *mm, const struct qr_region *r, void *arg)
{
	put_region(t, mm, r);
}

PROC_SHOW(pid_maps)
{
	return each_region(t, of, maps_region, NULL);
}

/* ---- smaps -------------------------------------------------------------------------------------- */

/* In Linux's order; all in bytes, those of Pss times 4096. */
enum {
	RSS,
	PSS,
	PSS_DIRTY,
	PSS_ANON,
	PSS_FILE,
	PSS_SHMEM,
	SHARED_CLEAN,
	SHARED_DIRTY,
	PRIVATE_CLEAN,
	PRIVATE_DIRTY,
	REFERENCED,
	ANONYMOUS,
	LAZY_FREE,
	ANON_HUGE,
	SHMEM_HUGE,
	FILE_HUGE,
	SHARED_HUGETLB,
	PRIVATE_HUGETLB,
	SWAP,
	SWAP_PSS,
	LOCKED,
	SIZES
};

static const char *const size_names[SIZES] = {
	"Rss",
	"Pss",
	"Pss_Dirty",
	"Pss_Anon",
	"Pss_File",
	"Pss_Shmem",
	"Shared_Clean",
	"Shared_Dirty",
	"Private_Clean",
	"Private_Dirty",
	"Referenced",
	"Anonymous",
	"LazyFree",
	"AnonHugePages",
	"ShmemPmdMapped",
	"FilePmdMapped",
	"Shared_Hugetlb",
	"Private_Hugetlb",
	"Swap",
	"SwapPss",
	"Locked",
};

struct sizes {
	const struct qr_region *region;
	bool file; /* of an object that has a name */
	uint64_t of[SIZES];
};

#define IS_PSS(i) ((i) == LOCKED || ((i) >= PSS && (i) <= PSS_SHMEM))

static bool count_page(void *ctx, const struct qr_page *p)
{
	struct sizes *s = ctx;
	/* Of a huge page, what lies in the region. */
	uintptr_t start = p->at.v, end = start + (uintptr_t)p->npages * QR_PAGE_SIZE - 1;
	uint64_t bytes, part;
	/* A page without rights was written once, or it would not be there. */
	bool dirty = !(p->flags & QR_PAGE_PRESENT) || p->flags & QR_PAGE_DIRTY;
	bool anon = !(p->flags & QR_PAGE_OBJECT);

	if (p->flags & QR_PAGE_ZERO)
		return true;
	start = start < s->region->start.v ? s->region->start.v : start;
	end = end > s->region->end.v - 1 ? s->region->end.v - 1 : end;
	bytes = end - start + 1;
	part = (bytes << PSS_SHIFT) / (p->mappers ? p->mappers : 1);
	s->of[RSS] += bytes;
	s->of[PSS] += part;
	s->of[anon ? PSS_ANON : s->file ? PSS_FILE : PSS_SHMEM] += part;
	s->of[PSS_DIRTY] += dirty ? part : 0;
	s->of[(p->mappers > 1 ? SHARED_CLEAN : PRIVATE_CLEAN) + dirty] += bytes;
	s->of[REFERENCED] += p->flags & QR_PAGE_ACCESSED ? bytes : 0;
	s->of[ANONYMOUS] += anon ? bytes : 0;
	s->of[LAZY_FREE] += p->flags & QR_PAGE_LAZY ? bytes : 0;
	s->of[anon ? ANON_HUGE : SHMEM_HUGE] += p->npages > 1 ? bytes : 0;
	s->of[LOCKED] += s->region->flags & QR_MAP_LOCKED ? part : 0;
	return true;
}

static void count_region(struct sizes *s, struct mm *mm, const struct qr_region *r)
{
	s->region = r;
	s->file = r->object && object_inode(r->object);
	qr_space_pages(&mm->space, r->start, r->end, count_page, s);
}

static void put_size(struct text *t, const char *name, uint64_t bytes)
{
	size_t line = t->n;

	text_printf(t, "%s:", name);
	text_pad(t, line, 16);
	text_printf(t, "%*llu kB\n", (int)(24 - (t->n - line)), (unsigned long long)bytes / 1024);
}

static void put_sizes(struct text *t, const struct sizes *s, bool rollup)
{
	for (unsigned i = 0; i < SIZES; i++)
		if (rollup || i < PSS_ANON || i > PSS_SHMEM)
			put_size(t, size_names[i], IS_PSS(i) ? s->of[i] >> PSS_SHIFT : s->of[i]);
}

/* What Linux keeps in vm_flags: two letters each, in the order of its bits. */
static void put_flags(struct text *t, struct mm *mm, const struct qr_region *r)
{
	bool shared = r->flags & QR_MAP_SHARED, may_write = r->maxprot & QR_WRITE;
	bool grows = r->flags & QR_MAP_GROWSDOWN;
	qr_virt end;
	const struct {
		char name[3];
		bool on;
	} flags[] = {
		{ "rd", r->prot & QR_READ },
		{ "wr", r->prot & QR_WRITE },
		{ "ex", r->prot & QR_EXEC },
		{ "sh", shared && may_write },
		{ "mr", r->maxprot & QR_READ },
		{ "mw", may_write },
		{ "me", r->maxprot & QR_EXEC },
		{ "ms", shared },
		{ "gd", grows },
		{ "um", r->flags & QR_MAP_UMISS },
		{ "uw", r->flags & QR_MAP_UWP },
		{ "lo", r->flags & QR_MAP_LOCKED },
		{ "dc", r->advice >> QR_ADVISE_DONTFORK & 1 },
		{ "lf", r->flags & QR_MAP_ONFAULT },
		{ "ac", !shared && r->prot & QR_WRITE },
		{ "wf", r->advice >> QR_ADVISE_WIPEONFORK & 1 },
		{ "dd", r->advice >> QR_ADVISE_DONTDUMP & 1 },
		{ "sd", qr_space_written(&mm->space, r->start, &end) },
		{ "hg", r->advice >> QR_ADVISE_HUGEPAGE & 1 },
		{ "nh", r->advice >> QR_ADVISE_NOHUGEPAGE & 1 },
	};

	text_string(t, "VmFlags: ");
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].on)
			text_printf(t, "%s ", flags[i].name);
	text_string(t, "\n");
}

static void smaps_region(struct text *t, struct mm *mm, const struct qr_region *r, void *arg)
{
	struct sizes *s = arg;

	memset(s, 0, sizeof(*s));
	count_region(s, mm, r);
	put_region(t, mm, r);
	put_size(t, "Size", r->end.v - r->start.v);
	put_size(t, "KernelPageSize", QR_PAGE_SIZE);
	put_size(t, "MMUPageSize", QR_PAGE_SIZE);
	put_sizes(t, s, false);
	text_printf(t, "THPeligible:    %d\n", 0);
	put_flags(t, mm, r);
}

PROC_SHOW(pid_smaps)
{
	struct sizes s;

	return each_region(t, of, smaps_region, &s);
}

struct rollup {
	struct sizes sizes;
	uintptr_t start, end;
};

static void add_region(struct text *t, struct mm *mm, const struct qr_region *r, void *arg)
{
	struct rollup *sum = arg;

	if (!sum->end)
		sum->start = r->start.v;
	sum->end = r->end.v;
	count_region(&sum->sizes, mm, r);
}

PROC_SHOW(pid_smaps_rollup)
{
	struct rollup sum = { 0 };
	size_t line = t->n;

	if (!proc_process(of)->mm)
		return -ESRCH;
	each_region(t, of, add_region, &sum);
	text_printf(t, "%08lx-%08lx ---p 00000000 00:00 0 ", (unsigned long)sum.start,
		    (unsigned long)sum.end);
	text_pad(t, line, NAME_COLUMN);
	text_string(t, " [rollup]\n");
	put_sizes(t, &sum.sizes, true);
	return 0;
}
