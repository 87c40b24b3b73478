/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_maps.c - /proc/PID/{maps,smaps,smaps_rollup}: what is mapped where, and what of it is there.
 *
 * A line of maps is a region; smaps counts the pages that are resident in it.  A page that n page
 * tables show costs each of them 1/n: that is Pss, kept in 1/4096ths of a byte so that what falls
 * under the table does not add up.
 */
#include "fs/dev.h"
#include "fs/proc/regions.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define NAME_COLUMN (25 + sizeof(void *) * 6 - 1)
#define SHORT_NAME  32
#define LINE_ROOM   (NAME_COLUMN + 64 + SHORT_NAME) /* of addresses, a device, such a name */
#define PSS_SHIFT   12

const char *proc_special_name(const struct mm *mm, const struct qr_region *r)
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

/* Blanks from `to` up to the names' column, one at least; what they need is room for 7 more. */
static char *write_gap(char *to, const char *line)
{
	const char *end = line + NAME_COLUMN;
	char *name = to < end ? (char *)end + 1 : to + 1;

	for (; to < name; to += 8)
		memcpy(to, "        ", 8);
	return name;
}

static char *write_byte(char *to, unsigned v)
{
	static const char digits[] = "0123456789abcdef";

	if (v > 0xff)
		return write_hex(to, v, 2);
	to[0] = digits[v >> 4];
	to[1] = digits[v & 15];
	return to + 2;
}

static char *write_place(char *to, const struct inode *i)
{
	if (!i) {
		memcpy(to, "00:00 0 ", 8);
		return to + 8;
	}
	to = write_byte(to, DEV_MAJOR(i->fs->dev));
	*to++ = ':';
	to = write_byte(to, DEV_MINOR(i->fs->dev));
	*to++ = ' ';
	to = write_number(to, i->ino);
	*to++ = ' ';
	return to;
}

static char *write_region(char *to, const struct qr_region *r)
{
	to = write_hex(to, r->start.v, 8);
	*to++ = '-';
	to = write_hex(to, r->end.v, 8);
	*to++ = ' ';
	*to++ = r->prot & QR_READ ? 'r' : '-';
	*to++ = r->prot & QR_WRITE ? 'w' : '-';
	*to++ = r->prot & QR_EXEC ? 'x' : '-';
	*to++ = r->flags & QR_MAP_SHARED ? 's' : 'p';
	*to++ = ' ';
	if (!r->pgoff) {
		memcpy(to, "00000000 ", 9);
		return to + 9;
	}
	to = write_hex(to, r->pgoff << QR_PAGE_SHIFT, 8);
	*to++ = ' ';
	return to;
}

/* What comes behind the offset; `to` is where the line has got to. */
static void put_tail(struct text *t, char *to, const char *name, struct inode *i)
{
	char *buf = i ? kmalloc(PATH_MAX) : NULL, *line = t->bytes + t->n;
	size_t n;

	to = write_place(to, i);
	if (i)
		name = buf ? inode_name(i, buf, PATH_MAX) : "?";
	if (name) {
		to = write_gap(to, line);
		n = strlen(name);
		if (QR_RARELY(n > SHORT_NAME)) {
			t->n = (size_t)(to - t->bytes);
			to = text_room(t, n + 1);
		}
		if (to)
			to = (char *)memcpy(to, name, n) + n;
	}
	if (to) {
		*to++ = '\n';
		t->n = (size_t)(to - t->bytes);
	}
	kfree(buf);
}

static void put_region(struct text *t, const struct mm *mm, const struct qr_region *r,
		       struct tail *last)
{
	struct inode *i = r->object ? object_inode(r->object) : NULL;
	char *to = text_room(t, LINE_ROOM + last->n);
	const char *name;
	size_t column, line = t->n;

	if (!to)
		return;
	to = write_region(to, r);
	column = (size_t)(to - t->bytes) - line;
	if (i && r->object == last->of && column == last->column) {
		t->n += column;
		text_put(t, t->bytes + last->at, last->n);
		return;
	}
	name = i ? NULL : proc_special_name(mm, r);
	if (r->object && !name)
		name = "/dev/zero (deleted)"; /* or what the file is called */
	put_tail(t, to, name, i);
	*last = (struct tail){ r->object, line + column, t->n - line - column, column };
}

#define BATCH 16 /* regions asked for at once */

int proc_each_region(struct text *t, const struct proc_target *of, region_fn *fn, void *arg)
{
	struct listing l = { .t = t, .mm = proc_process(of)->mm, .arg = arg };
	qr_virt at = qr_virt_of((uintptr_t)t->cursor);
	struct qr_region batch[BATCH];
	size_t n = l.mm ? BATCH : 0;

	while (n == BATCH && !t->err && !t->more) {
		n = qr_space_regions(&l.mm->space, at, batch, BATCH);
		for (size_t i = 0; i < n && !t->more; i++) {
			fn(&l, &batch[i]);
			at = batch[i].end;
			t->more = t->n >= TEXT_PIECE;
		}
	}
	t->cursor = at.v;
	return 0;
}

static void maps_region(struct listing *l, const struct qr_region *r)
{
	put_region(l->t, l->mm, r, &l->last);
}

PROC_SHOW(pid_maps)
{
	return proc_each_region(t, of, maps_region, NULL);
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

/* As wide as their column, without an end. */
static const char size_names[SIZES][16] = {
	"Rss:            ", "Pss:            ", "Pss_Dirty:      ", "Pss_Anon:       ",
	"Pss_File:       ", "Pss_Shmem:      ", "Shared_Clean:   ", "Shared_Dirty:   ",
	"Private_Clean:  ", "Private_Dirty:  ", "Referenced:     ", "Anonymous:      ",
	"LazyFree:       ", "AnonHugePages:  ", "ShmemPmdMapped: ", "FilePmdMapped:  ",
	"Shared_Hugetlb: ", "Private_Hugetlb:", "Swap:           ", "SwapPss:        ",
	"Locked:         ",
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
	uintptr_t start = p->at.v, end = start + (uintptr_t)p->npages * p->alike * QR_PAGE_SIZE - 1;
	uint64_t bytes, part;
	/* A page without rights was written once, or it would not be there. */
	bool dirty = !(p->flags & QR_PAGE_PRESENT) || p->flags & QR_PAGE_DIRTY;
	bool anon = !(p->flags & QR_PAGE_OBJECT);

	if (p->flags & QR_PAGE_ZERO)
		return true;
	start = start < s->region->start.v ? s->region->start.v : start;
	end = end > s->region->end.v - 1 ? s->region->end.v - 1 : end;
	bytes = end - start + 1;
	part = bytes << PSS_SHIFT;
	if (p->mappers > 1)
		part /= p->mappers;
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
	qr_space_page_groups(&mm->space, r->start, r->end, count_page, s);
}

static void put_size(struct text *t, const char name[16], uint64_t bytes)
{
	text_kb(t, name, 16, bytes / 1024);
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

	TEXT_PUT(t, "VmFlags: ");
	for (unsigned i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (flags[i].on) {
			text_put(t, flags[i].name, 2);
			text_char(t, ' ');
		}
	}
	text_char(t, '\n');
}

static void smaps_region(struct listing *l, const struct qr_region *r)
{
	struct sizes *s = l->arg;
	struct text *t = l->t;

	memset(s, 0, sizeof(*s));
	count_region(s, l->mm, r);
	put_region(t, l->mm, r, &l->last);
	put_size(t, "Size:           ", r->end.v - r->start.v);
	put_size(t, "KernelPageSize: ", QR_PAGE_SIZE);
	put_size(t, "MMUPageSize:    ", QR_PAGE_SIZE);
	put_sizes(t, s, false);
	TEXT_PUT(t, "THPeligible:    0\n");
	put_flags(t, l->mm, r);
}

PROC_SHOW(pid_smaps)
{
	struct sizes s;

	return proc_each_region(t, of, smaps_region, &s);
}

struct rollup {
	struct sizes sizes;
	uintptr_t start, end;
};

static void add_region(struct listing *l, const struct qr_region *r)
{
	struct rollup *sum = l->arg;

	if (!sum->end)
		sum->start = r->start.v;
	sum->end = r->end.v;
	count_region(&sum->sizes, l->mm, r);
}

PROC_SHOW(pid_smaps_rollup)
{
	struct rollup sum = { 0 };
	char *line, *to;

	if (!proc_process(of)->mm)
		return -ESRCH;
	proc_each_region(t, of, add_region, &sum);
	line = to = text_room(t, LINE_ROOM);
	if (!to)
		return 0;
	to = write_hex(to, sum.start, 8);
	*to++ = '-';
	to = write_hex(to, sum.end, 8);
	to = write_gap((char *)memcpy(to, " ---p 00000000 00:00 0 ", 23) + 23, line);
	t->n = (size_t)((char *)memcpy(to, "[rollup]\n", 9) + 9 - t->bytes);
	put_sizes(t, &sum.sizes, true);
	return 0;
}
