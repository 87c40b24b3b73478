/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.c - from an ELF file to an address space.
 *
 *	file	[header][segments table] ... [text ....][data ..]
 *	space	          bias + vaddr ->    [text ....][data ..|bss bss bss]
 *						r-x        rw-   zeroes, anonymous
 *
 * The pages of the file are mapped as they are, privately; nothing is read in advance.  Where
 * the bss begins in the middle of a page of data, the rest of that page is cleared.
 *
 * A file is judged whole before anything is mapped.  Refused with ENOEXEC:
 *	E1  wrong class, byte order, machine, type; a segment table of other entry size, or empty,
 *	    or outside the file
 *	E2  no segment to load; one whose place in the file lies outside it, whose file part is
 *	    larger than its memory, or whose offset and address disagree within a page
 *	E3  addresses that wrap, that are not the user's, that are not rising, or a page that
 *	    belongs to two segments
 *	E4  an interpreter's name that is empty, without an end, or longer than PATH_MAX
 */
#include "arch/x86/user.h"
#include "fs/file.h"
#include "kernel/elf.h"
#include "kernel/errno_of.h"
#include "kernel/exec.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define LOWEST 0x1000u

/* An ELF file that has been judged. */
struct elf_file {
	struct file *file;
	struct elf_header h;
	struct elf_segment *segments; /* owned */
	uintptr_t low, high;          /* pages that its segments cover, before the bias */
	uintptr_t bias;
};

static uintptr_t page_down(uintptr_t v)
{
	return v & ~(uintptr_t)QR_PAGE_MASK;
}

static uintptr_t page_up(uintptr_t v)
{
	return page_down(v + QR_PAGE_MASK);
}

/* ---- judging ---------------------------------------------------------------------------- */

static bool header_ok(const struct elf_header *h, uint64_t size)
{
	uint64_t table = (uint64_t)h->phnum * sizeof(struct elf_segment);

	return memcmp(h->magic, "\177ELF", 4) == 0 && h->class == ELF_CLASS &&
	       h->data == ELF_DATA_LSB && h->machine == ELF_MACHINE &&
	       (h->type == ET_EXEC || h->type == ET_DYN) &&
	       h->phentsize == sizeof(struct elf_segment) && h->phnum != 0 && h->phoff <= size &&
	       table <= size - h->phoff;
}

/* E2 and E3 for one segment; `end` is where the pages of the one before it ended. */
static bool segment_ok(const struct elf_segment *s, uint64_t size, uintptr_t end)
{
	if (s->offset > size || s->filesz > size - s->offset || s->filesz > s->memsz)
		return false;
	if ((s->offset ^ s->vaddr) & QR_PAGE_MASK)
		return false;
	return s->memsz <= USER_END && s->vaddr <= USER_END - s->memsz &&
	       page_down(s->vaddr) >= end;
}

static bool segments_ok(struct elf_file *e, uint64_t size)
{
	uintptr_t end = 0;
	bool any = false;

	for (unsigned i = 0; i < e->h.phnum; i++) {
		const struct elf_segment *s = &e->segments[i];

		if (s->type != PT_LOAD || s->memsz == 0)
			continue;
		if (!segment_ok(s, size, end))
			return false;
		if (!any)
			e->low = page_down(s->vaddr);
		any = true;
		end = page_up(s->vaddr + s->memsz);
	}
	e->high = end;
	return any && (e->h.type == ET_DYN || e->low >= LOWEST);
}

static int read_segments(struct elf_file *e, uint64_t size)
{
	size_t n = (size_t)e->h.phnum * sizeof(struct elf_segment);
	long got;

	e->segments = kmalloc(n);
	if (!e->segments)
		return -ENOMEM;
	got = file_read_kernel(e->file, e->h.phoff, e->segments, n);
	if (got >= 0 && (size_t)got == n && segments_ok(e, size))
		return 0;
	kfree(e->segments);
	e->segments = NULL;
	return got == -ENOMEM ? -ENOMEM : -ENOEXEC;
}

static int elf_open(struct elf_file *e, struct file *f, const void *head)
{
	uint64_t size = f->inode->size;

	e->file = f;
	memcpy(&e->h, head, sizeof(e->h));
	return header_ok(&e->h, size) ? read_segments(e, size) : -ENOEXEC;
}

static const struct elf_segment *find_segment(const struct elf_file *e, uint32_t type)
{
	for (unsigned i = 0; i < e->h.phnum; i++)
		if (e->segments[i].type == type)
			return &e->segments[i];
	return NULL;
}

/* ---- mapping ---------------------------------------------------------------------------- */

static uint8_t prot_of(const struct elf_segment *s)
{
	return (uint8_t)((s->flags & PF_R ? QR_READ : 0) | (s->flags & PF_W ? QR_WRITE : 0) |
			 (s->flags & PF_X ? QR_EXEC : 0));
}

static int map_pages(struct mm *mm, uintptr_t from, uintptr_t to, uint8_t prot,
		     struct qr_object *object, uint64_t pgoff)
{
	struct qr_map req = {
		.at = qr_virt_of(from),
		.npages = (to - from) / QR_PAGE_SIZE,
		.flags = QR_MAP_FIXED | QR_MAP_NOREPLACE,
		.prot = prot,
		.maxprot = QR_READ | QR_WRITE | QR_EXEC,
		.object = object,
		.pgoff = pgoff,
	};
	qr_virt at;
	int err;

	if (from == to)
		return 0;
	err = errno_of(qr_space_map(&mm->space, &req, &at));
	return err == -EEXIST ? -ENOMEM : err;
}

/* The rest of the page in which the file's part ends. */
static int clear_tail(struct mm *mm, uintptr_t from, uintptr_t to)
{
	size_t done = 0, n = to - from;
	void *zeroes;
	int err;

	if (!n)
		return 0;
	zeroes = kzalloc(n);
	if (!zeroes)
		return -ENOMEM;
	err = errno_of(qr_space_write(&mm->space, qr_virt_of(from), zeroes, n, true, &done));
	kfree(zeroes);
	return err || done < n ? -ENOMEM : 0;
}

static int map_segment(struct mm *mm, const struct elf_file *e, const struct elf_segment *s,
		       struct qr_object *object)
{
	uintptr_t start = e->bias + page_down(s->vaddr);
	uintptr_t file_end = e->bias + s->vaddr + s->filesz;
	uintptr_t file_pages = s->filesz ? page_up(file_end) : start;
	uintptr_t end = e->bias + page_up(s->vaddr + s->memsz);
	int err;

	err = map_pages(mm, start, file_pages, prot_of(s), object, s->offset / QR_PAGE_SIZE);
	if (!err)
		err = map_pages(mm, file_pages, end, prot_of(s), NULL, 0);
	if (!err && s->filesz && s->memsz > s->filesz)
		err = clear_tail(mm, file_end, file_pages);
	return err;
}

static int map_file(struct mm *mm, const struct elf_file *e)
{
	struct qr_object *object;
	int err = file_mmap(e->file, &object);

	for (unsigned i = 0; !err && i < e->h.phnum; i++)
		if (e->segments[i].type == PT_LOAD && e->segments[i].memsz)
			err = map_segment(mm, e, &e->segments[i], object);
	return err;
}

/* Find a place for a file that can lie anywhere. */
static int choose_bias(struct mm *mm, struct elf_file *e, uintptr_t wish)
{
	struct qr_map req = {
		.at = qr_virt_of(wish),
		.npages = (e->high - e->low) / QR_PAGE_SIZE,
		.maxprot = QR_READ,
	};
	qr_virt at;
	int err;

	if (e->h.type == ET_EXEC)
		return 0;
	err = errno_of(qr_space_map(&mm->space, &req, &at));
	if (err)
		return err;
	e->bias = at.v - e->low;
	/* It was only asked for its address; what is mapped now does not exist yet. */
	return errno_of(qr_space_unmap(&mm->space, at, req.npages));
}

/* ---- the interpreter -------------------------------------------------------------------- */

static int interpreter_name(const struct elf_file *e, const struct elf_segment *s, char **out)
{
	char *name;
	long n;

	if (s->filesz < 2 || s->filesz > PATH_MAX)
		return -ENOEXEC;
	name = kmalloc(s->filesz);
	if (!name)
		return -ENOMEM;
	n = file_read_kernel(e->file, s->offset, name, s->filesz);
	if (n != (long)s->filesz || name[n - 1]) {
		kfree(name);
		return n == -ENOMEM ? -ENOMEM : -ENOEXEC;
	}
	*out = name;
	return 0;
}

static int map_interpreter(struct exec_image *im, struct file *f)
{
	struct elf_file e = { 0 };
	uint8_t head[sizeof(struct elf_header)] = { 0 };
	long n = file_read_kernel(f, 0, head, sizeof(head));
	int err = n < 0 ? (int)n : elf_open(&e, f, head);

	if (err)
		return err == -ENOEXEC ? -ELIBBAD : err;
	err = choose_bias(im->mm, &e, 0);
	if (!err)
		err = map_file(im->mm, &e);
	im->base = e.bias + e.low;
	im->entry = e.bias + e.h.entry;
	kfree(e.segments);
	return err;
}

static int load_interpreter(struct exec_image *im, const struct elf_file *e)
{
	const struct elf_segment *s = find_segment(e, PT_INTERP);
	struct file *f;
	char *name;
	int err;

	if (!s)
		return 0;
	err = interpreter_name(e, s, &name);
	if (err)
		return err;
	err = file_open_exec(current_process->fs->cwd, name, 0, &f);
	kfree(name);
	if (err)
		return err;
	err = map_interpreter(im, f);
	file_exec_put(f);
	return err;
}

/* ---- the program ------------------------------------------------------------------------ */

static uintptr_t phdr_address(const struct elf_file *e)
{
	const struct elf_segment *s = find_segment(e, PT_PHDR);

	if (s)
		return e->bias + s->vaddr;
	for (unsigned i = 0; i < e->h.phnum; i++) {
		s = &e->segments[i];
		if (s->type == PT_LOAD && s->offset <= e->h.phoff &&
		    e->h.phoff - s->offset < s->filesz)
			return e->bias + s->vaddr + (e->h.phoff - s->offset);
	}
	return 0;
}

/* Code and data for /proc; the heap begins behind the last segment. */
static void note_layout(struct exec_image *im, const struct elf_file *e)
{
	struct mm *mm = im->mm;
	uintptr_t end = e->bias + e->high;

	mm->start_code = UINTPTR_MAX;
	for (unsigned i = 0; i < e->h.phnum; i++) {
		const struct elf_segment *s = &e->segments[i];
		uintptr_t start = e->bias + s->vaddr, file_end = start + s->filesz;

		if (s->type != PT_LOAD || !s->memsz)
			continue;
		if (start < mm->start_code)
			mm->start_code = start;
		if ((s->flags & PF_X) && file_end > mm->end_code)
			mm->end_code = file_end;
		if (start > mm->start_data)
			mm->start_data = start;
		if (file_end > mm->end_data)
			mm->end_data = file_end;
	}
	/* The heap of a loader run by hand goes where the program would be. */
	if (im->random && e->h.type == ET_DYN && !find_segment(e, PT_INTERP))
		end = im->pie_base;
	mm->start_brk = mm->brk = exec_random_brk(im, end);
}

int elf_load(const struct exec_program *p, struct exec_image *im)
{
	struct elf_file e = { 0 };
	const struct elf_segment *stack;
	int err = elf_open(&e, p->file, p->head);

	if (err)
		return err;
	/* A program with an interpreter lies apart from it; one without may be the interpreter,
	 * run by hand, and leaves that place to its own program. */
	err = choose_bias(im->mm, &e, find_segment(&e, PT_INTERP) ? im->pie_base : 0);
	if (!err)
		err = map_file(im->mm, &e);
	if (!err) {
		stack = find_segment(&e, PT_GNU_STACK);
		im->exec_stack = !stack || (stack->flags & PF_X);
		im->entry = im->program_entry = e.bias + e.h.entry;
		im->phdr = phdr_address(&e);
		im->phnum = e.h.phnum;
		note_layout(im, &e);
		err = load_interpreter(im, &e);
	}
	kfree(e.segments);
	return err;
}
