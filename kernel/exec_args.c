/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec_args.c - what a new program finds on its stack.
 *
 *	stack top ->	8 zero bytes
 *			path of the program		AT_EXECFN
 *			strings of envp, of argv	env_start..env_end, arg_start..arg_end
 *			"x86_64", 16 random bytes	AT_PLATFORM, AT_RANDOM
 *			(alignment)
 *			auxiliary vector: pairs, AT_NULL
 *			envp[], NULL
 *			argv[], NULL
 *	sp ->		argc				16-byte aligned
 *
 * The whole block is made in kernel memory and written into the new space at once.
 * Sources: System V ABI, "Process Initialization".
 */
#include "arch/x86/cpu.h"
#include "arch/x86/fpu.h"
#include "arch/x86/user.h"
#include "kernel/errno_of.h"
#include "kernel/exec.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/random.h"

#ifdef __x86_64__
#define PLATFORM "x86_64"
#else
#define PLATFORM "i686"
#endif

#define MAX_STRING (32 * QR_PAGE_SIZE) /* Linux's limit of a single one */

enum {
	AT_NULL,
	AT_PHDR = 3,
	AT_PHENT,
	AT_PHNUM,
	AT_PAGESZ,
	AT_BASE,
	AT_FLAGS,
	AT_ENTRY,
	AT_UID = 11,
	AT_EUID,
	AT_GID,
	AT_EGID,
	AT_PLATFORM,
	AT_HWCAP,
	AT_CLKTCK,
	AT_SECURE = 23,
	AT_RANDOM = 25,
	AT_HWCAP2,
	AT_EXECFN = 31,
	AT_SYSINFO_EHDR = 33,
	AT_MINSIGSTKSZ = 51
};

/* ---- collecting ------------------------------------------------------------------------- */

void exec_args_init(struct exec_args *a, size_t limit)
{
	*a = (struct exec_args){ .limit = limit };
}

void exec_args_fini(struct exec_args *a)
{
	kfree(a->buf);
	a->buf = NULL;
}

/* Pointers count against the limit like strings do. */
static bool within_limit(const struct exec_args *a, size_t used)
{
	size_t pointers = ((size_t)a->argc + a->envc + 1) * sizeof(uintptr_t);

	return used + pointers <= a->limit;
}

static int make_room(struct exec_args *a, size_t n)
{
	size_t cap = a->cap ? a->cap : 1024;
	char *buf;

	if (!within_limit(a, a->used + n))
		return -E2BIG;
	while (cap < a->used + n)
		cap *= 2;
	if (cap == a->cap)
		return 0;
	buf = krealloc(a->buf, cap);
	if (!buf)
		return -ENOMEM;
	a->buf = buf;
	a->cap = cap;
	return 0;
}

static int add_kernel(struct exec_args *a, const char *s)
{
	size_t n = strlen(s) + 1;
	int err = make_room(a, n);

	if (err)
		return err;
	memcpy(a->buf + a->used, s, n);
	a->used += n;
	return 0;
}

int exec_args_add(struct exec_args *a, const char *s)
{
	int err = add_kernel(a, s);

	if (err)
		return err;
	a->argc++;
	a->argv_bytes = a->used;
	return 0;
}

/* Straight into the buffer, enlarging it when the string does not fit. */
static int add_user(struct exec_args *a, const char __user *s)
{
	size_t want = 128;

	for (;;) {
		int err = make_room(a, want);
		size_t room;
		long n;

		if (err)
			return err;
		room = a->cap - a->used;
		n = strncpy_from_user(a->buf + a->used, s, room < MAX_STRING ? room : MAX_STRING);
		if (n < 0)
			return (int)n;
		if ((size_t)n >= MAX_STRING)
			return -E2BIG;
		if ((size_t)n < room) {
			a->used += (size_t)n + 1;
			return 0;
		}
		want = room + 1;
	}
}

static int vector_at(const struct exec_source *from, uintptr_t vector, size_t i, uintptr_t *out)
{
	if (!from->kernel)
		return get_user(*out, (uintptr_t __user *)vector + i);
	*out = ((const uintptr_t *)vector)[i];
	return 0;
}

static int collect(struct exec_args *a, const struct exec_source *from, uintptr_t vector,
		   size_t skip, unsigned *count)
{
	uintptr_t s;

	for (size_t i = 0; vector; i++) {
		int err = vector_at(from, vector, i, &s);

		if (err || !s)
			return err;
		if (i < skip)
			continue;
		err = from->kernel ? add_kernel(a, (const char *)s)
				   : add_user(a, (const char __user *)s);
		if (err)
			return err;
		++*count;
	}
	return 0;
}

int exec_args_collect(struct exec_args *a, const struct exec_source *from, unsigned skip)
{
	int err = collect(a, from, from->argv, skip, &a->argc);

	/* Programs read argv[0] without looking at argc: an empty vector gets an empty name. */
	if (!err && !a->argc)
		err = exec_args_add(a, "");
	a->argv_bytes = a->used;
	return err ? err : collect(a, from, from->envp, 0, &a->envc);
}

/* ---- laying out ------------------------------------------------------------------------- */

struct layout {
	uintptr_t strings, execfn, platform, random, vectors; /* user addresses */
	uintptr_t gap; /* bytes below the strings, by chance */
	unsigned naux;
};

static void aux(struct mm *mm, struct layout *l, uintptr_t type, uintptr_t value)
{
	mm->auxv[l->naux++] = type;
	mm->auxv[l->naux++] = value;
}

static void make_auxv(const struct exec_image *im, struct layout *l, const struct cred *c,
		      bool secure)
{
	struct mm *mm = im->mm;

	if (sizeof(uintptr_t) == 8)
		aux(mm, l, AT_SYSINFO_EHDR, mm->vdso);
	aux(mm, l, AT_HWCAP, cpu_features.leaf1.d);
	aux(mm, l, AT_PAGESZ, QR_PAGE_SIZE);
	aux(mm, l, AT_CLKTCK, 100);
	aux(mm, l, AT_PHDR, im->phdr);
	aux(mm, l, AT_PHENT, sizeof(uintptr_t) == 8 ? 56 : 32);
	aux(mm, l, AT_PHNUM, im->phnum);
	aux(mm, l, AT_BASE, im->base);
	aux(mm, l, AT_FLAGS, 0);
	aux(mm, l, AT_ENTRY, im->program_entry);
	aux(mm, l, AT_UID, c->uid);
	aux(mm, l, AT_EUID, c->euid);
	aux(mm, l, AT_GID, c->gid);
	aux(mm, l, AT_EGID, c->egid);
	aux(mm, l, AT_SECURE, secure);
	aux(mm, l, AT_RANDOM, l->random);
	aux(mm, l, AT_HWCAP2, 0);
	aux(mm, l, AT_EXECFN, l->execfn);
	aux(mm, l, AT_PLATFORM, l->platform);
	aux(mm, l, AT_MINSIGSTKSZ, fpu_frame_most());
	aux(mm, l, AT_NULL, 0);
}

#define AUX_ENTRIES (20 + (sizeof(uintptr_t) == 8))
_Static_assert(2 * AUX_ENTRIES <= AUXV_WORDS, "the auxiliary vector fits into struct mm");

static void place(const struct exec_image *im, struct layout *l, const struct exec_args *a,
		  const char *execfn)
{
	size_t words = 1 + a->argc + 1 + a->envc + 1 + 2 * AUX_ENTRIES;

	l->naux = 0;
	l->execfn = im->stack_top - 8 - (strlen(execfn) + 1);
	l->strings = l->execfn - a->used;
	l->gap = exec_random_gap(im);
	l->platform = l->strings - l->gap - sizeof(PLATFORM);
	l->random = (l->platform - 16) & ~(uintptr_t)15;
	l->vectors = (l->random - words * sizeof(uintptr_t)) & ~(uintptr_t)15;
}

/* Pointers to n strings that lie one behind the other at user address `at`. */
static uintptr_t *point(uintptr_t *out, unsigned n, uintptr_t at, const char *strings)
{
	for (unsigned i = 0; i < n; i++) {
		size_t len = strlen(strings) + 1;

		*out++ = at;
		at += len;
		strings += len;
	}
	*out++ = 0;
	return out;
}

/* The block [l->vectors, top) without the gap, as the program will see it. */
static void fill(char *block, size_t n, const struct layout *l, const struct exec_args *a,
		 const char *execfn, const struct mm *mm)
{
	char *above = block - l->gap - l->vectors; /* for addresses above the gap */
	uintptr_t *w = (uintptr_t *)block;

	memset(block, 0, n);
	*w++ = a->argc;
	w = point(w, a->argc, l->strings, a->buf);
	w = point(w, a->envc, l->strings + a->argv_bytes, a->buf + a->argv_bytes);
	memcpy(w, mm->auxv, l->naux * sizeof(uintptr_t));
	random_bytes(block + (l->random - l->vectors), 16);
	memcpy(block + (l->platform - l->vectors), PLATFORM, sizeof(PLATFORM));
	memcpy(above + l->strings, a->buf, a->used);
	memcpy(above + l->execfn, execfn, strlen(execfn) + 1);
}

static int map_stack(struct exec_image *im, uintptr_t top, size_t nbytes)
{
	size_t npages = (nbytes + QR_PAGE_MASK) / QR_PAGE_SIZE + 32;
	struct qr_map req = {
		.at = qr_virt_of(top - npages * QR_PAGE_SIZE),
		.npages = npages,
		.flags = QR_MAP_FIXED | QR_MAP_NOREPLACE | QR_MAP_GROWSDOWN,
		.prot = QR_READ | QR_WRITE | (im->exec_stack ? QR_EXEC : 0),
		.maxprot = QR_READ | QR_WRITE | QR_EXEC,
	};
	qr_virt at;

	return errno_of(qr_space_map(&im->mm->space, &req, &at));
}

static int write_block(struct mm *mm, const struct layout *l, const char *block, size_t n)
{
	size_t below = l->gap ? l->strings - l->gap - l->vectors : n, done = 0;
	int err = errno_of(
	    qr_space_write(&mm->space, qr_virt_of(l->vectors), block, below, false, &done));

	if (!err && n > below)
		err = errno_of(qr_space_write(&mm->space, qr_virt_of(l->strings), block + below,
					      n - below, false, &done));
	return err ? -ENOMEM : 0;
}

int exec_stack_make(struct exec_image *im, const struct exec_args *a, const char *execfn,
		    const struct cred *cred, bool secure, uintptr_t *sp)
{
	struct mm *mm = im->mm;
	struct layout l;
	char *block;
	size_t n;
	int err;

	place(im, &l, a, execfn);
	n = im->stack_top - l.vectors;
	err = map_stack(im, im->stack_top, n);
	if (err)
		return err == -EEXIST ? -ENOMEM : err;
	n -= l.gap;
	block = kmalloc(n);
	if (!block)
		return -ENOMEM;
	make_auxv(im, &l, cred, secure);
	fill(block, n, &l, a, execfn, mm);
	err = write_block(mm, &l, block, n);
	kfree(block);
	mm->start_stack = *sp = l.vectors;
	mm->arg_start = l.strings;
	mm->arg_end = mm->env_start = l.strings + a->argv_bytes;
	mm->env_end = l.strings + a->used;
	return err;
}
