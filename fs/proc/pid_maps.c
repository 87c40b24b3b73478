/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_maps.c - /proc/PID/{maps,smaps,smaps_rollup,cmdline,environ,auxv}: its memory.
 */
#include "fs/dev.h"
#include "fs/proc/proc.h"
#include "kernel/kmalloc.h"
#include "kernel/task.h"

#define NAME_COLUMN (25 + sizeof(void *) * 6 - 1)
#define KB(pages)   ((unsigned long long)(pages) * (QR_PAGE_SIZE / 1024))

static bool overlaps(const struct qr_region *r, uintptr_t start, uintptr_t end)
{
	return r->start.v < end && r->end.v > start;
}

static const char *special_name(const struct mm *mm, const struct qr_region *r)
{
	if (mm->vdso && overlaps(r, mm->vdso, mm->vdso + 1))
		return "[vdso]";
	if (r->object)
		return NULL;
	if (overlaps(r, mm->start_brk, mm->brk))
		return "[heap]";
	if (overlaps(r, mm->start_stack, mm->start_stack + 1))
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

/* Over all regions; the space does not change meanwhile, as nothing here sleeps. */
static int each_region(struct text *t, const struct proc_target *of, region_fn *fn, void *arg)
{
	struct mm *mm = proc_process(of)->mm;
	qr_virt at = { 0 };
	struct qr_region r;

	if (!mm)
		return 0;
	while (!t->err && qr_space_next(&mm->space, at, &r) == QR_OK) {
		fn(t, mm, &r, arg);
		at = r.end;
	}
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

struct sizes {
	size_t size, resident, file;
};

static size_t count_resident(struct mm *mm, const struct qr_region *r)
{
	uint8_t there[256];
	size_t n = 0;

	for (uintptr_t at = r->start.v; at < r->end.v;) {
		size_t npages = (r->end.v - at) >> QR_PAGE_SHIFT;

		if (npages > sizeof(there))
			npages = sizeof(there);
		if (qr_space_residency(&mm->space, qr_virt_of(at), npages, there) != QR_OK)
			break;
		for (size_t i = 0; i < npages; i++)
			n += there[i] & 1;
		at += npages << QR_PAGE_SHIFT;
	}
	return n;
}

static struct sizes sizes_of(struct mm *mm, const struct qr_region *r)
{
	struct sizes s = { .size = (r->end.v - r->start.v) >> QR_PAGE_SHIFT };

	s.resident = count_resident(mm, r);
	if (r->object)
		s.file = s.resident;
	return s;
}

static void put_sizes(struct text *t, const struct sizes *s)
{
	text_printf(t, "Rss:            %8llu kB\nPss:            %8llu kB\n", KB(s->resident),
		    KB(s->resident));
	text_printf(t, "Shared_Clean:   %8llu kB\nShared_Dirty:   %8llu kB\n", KB(s->file), KB(0));
	text_printf(t, "Private_Clean:  %8llu kB\nPrivate_Dirty:  %8llu kB\n", KB(0),
		    KB(s->resident - s->file));
	text_printf(t, "Referenced:     %8llu kB\nAnonymous:      %8llu kB\n", KB(s->resident),
		    KB(s->resident - s->file));
	text_printf(t, "Swap:           %8llu kB\nSwapPss:        %8llu kB\n", KB(0), KB(0));
}

static void smaps_region(struct text *t, struct mm *mm, const struct qr_region *r, void *arg)
{
	struct sizes s = sizes_of(mm, r);

	put_region(t, mm, r);
	text_printf(t, "Size:           %8llu kB\n", KB(s.size));
	text_string(t, "KernelPageSize:        4 kB\nMMUPageSize:           4 kB\n");
	put_sizes(t, &s);
}

PROC_SHOW(pid_smaps)
{
	return each_region(t, of, smaps_region, NULL);
}

static void add_region(struct text *t, struct mm *mm, const struct qr_region *r, void *arg)
{
	struct sizes *sum = arg, s = sizes_of(mm, r);

	sum->size += s.size;
	sum->resident += s.resident;
	sum->file += s.file;
}

PROC_SHOW(pid_smaps_rollup)
{
	struct sizes sum = { 0 };

	each_region(t, of, add_region, &sum);
	text_printf(t, "%08lx-%08lx ---p 00000000 00:00 0 [rollup]\n", 0ul, 0ul);
	put_sizes(t, &sum);
	return 0;
}

/* ---- strings that the program itself keeps ------------------------------------------------------ */

static int put_memory(struct text *t, struct mm *mm, uintptr_t start, uintptr_t end)
{
	size_t n = end > start ? end - start : 0, done = 0;
	char *to = n && n < 1 << 22 ? text_room(t, n) : NULL;

	if (to && qr_space_read(&mm->space, qr_virt_of(start), to, n, true, &done) == QR_OK)
		t->n += done;
	return 0;
}

PROC_SHOW(pid_cmdline)
{
	struct mm *mm = proc_process(of)->mm;

	return mm ? put_memory(t, mm, mm->arg_start, mm->arg_end) : 0;
}

PROC_SHOW(pid_environ)
{
	struct mm *mm = proc_process(of)->mm;

	return mm ? put_memory(t, mm, mm->env_start, mm->env_end) : 0;
}

PROC_SHOW(pid_auxv)
{
	const struct mm *mm = proc_process(of)->mm;
	size_t n = 0;

	if (!mm)
		return 0;
	while (n + 2 <= AUXV_WORDS && mm->auxv[n])
		n += 2;
	text_put(t, mm->auxv, (n + 2 <= AUXV_WORDS ? n + 2 : n) * sizeof(mm->auxv[0]));
	return 0;
}
