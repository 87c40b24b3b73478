/* SPDX-License-Identifier: BSD-2-Clause
 *
 * coredump.c - the core file of a process that a signal ends.
 *
 *	ELF header | NOTE | LOAD LOAD ...  one per region    | notes    | contents, page by page
 *	                  (memsz: its size; filesz: what of  |          |
 *	                   it is in the file, from its start)
 *
 *	notes	PRSTATUS, FPREGSET of each thread, that which got the signal first; PRPSINFO, SIGINFO,
 *		AUXV, FILE (which regions are of which files)
 *
 * Nobody else runs meanwhile: writing a memory file does not sleep, so the other threads are as the
 * signal found them.  Pages that are not resident stay holes of the file; nothing is faulted in
 * that was not there but the file pages of private mappings.  A limit (RLIMIT_CORE) cuts the file.
 * Regions beyond 65534 are left out.
 *
 * Sources: core(5), elf(5) of the man-pages 6.x; the structures as <sys/procfs.h> has them.
 */
#include "kernel/coredump.h"
#include "arch/x86/fpu.h"
#include "fs/file.h"
#include "fs/proc/text.h"
#include "kernel/elf.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/signal_user.h"
#include "kernel/syscall/usage.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define PARTS_MAX 65534u

enum note {
	NT_PRSTATUS = 1,
	NT_FPREGSET = 2,
	NT_PRPSINFO = 3,
	NT_AUXV = 6,
	NT_FILE = 0x46494c45,
	NT_SIGINFO = 0x53494749,
	NT_PRXFPREG = 0x46e62b7f,
	NT_X86_XSTATE = 0x202,
};

struct core_status {
	int32_t signo, code, err;
	int16_t cursig;
	unsigned long pending, blocked;
	pid_nr nr, parent, group, session;
	struct user_timeval times[4]; /* user, system; of children */
	uintptr_t regs[CORE_REGS];
	int32_t fpu_valid;
};

struct core_info {
	char state, letter, zombie, nice;
	unsigned long flags;
#ifdef __x86_64__
	uint32_t uid, gid;
#else
	uint16_t uid, gid;
#endif
	pid_nr nr, parent, group, session;
	char name[16], arguments[80];
};

_Static_assert(sizeof(struct core_status) == (sizeof(long) == 8 ? 336 : 144), "elf_prstatus");
_Static_assert(sizeof(struct core_info) == (sizeof(long) == 8 ? 136 : 124), "elf_prpsinfo");

char core_pattern[CORE_PATTERN] = "core";

struct part {
	struct qr_region r;
	size_t n; /* bytes of it that are written */
};

struct dump {
	struct file *f;
	uint64_t pos, limit;
	struct mm *mm;
	struct text parts, notes; /* growing arrays: of struct part, of bytes */
};

static struct part *part(const struct dump *d, size_t i)
{
	return (struct part *)d->parts.bytes + i;
}

static size_t nparts(const struct dump *d)
{
	return d->parts.n / sizeof(struct part);
}

/* ---- which memory --------------------------------------------------------------------------- */

static bool is_private_page(void *ctx, const struct qr_page *page)
{
	return !(*(bool *)ctx = !(page->flags & QR_PAGE_OBJECT));
}

/* Has anybody written to it? */
static bool has_pages_of_its_own(const struct qr_region *r)
{
	bool found = false;

	qr_space_page_groups(&current_process->mm->space, r->start, r->end, is_private_page,
			     &found);
	return found;
}

static size_t bytes_wanted(const struct mm *mm, const struct qr_region *r)
{
	unsigned filter = CORE_DEFAULT ^ current_process->core_differs;
	const struct inode *i = r->object ? object_inode(r->object) : NULL;
	size_t all = r->end.v - r->start.v;

	if (mm->vdso && r->start.v <= mm->vdso && r->end.v > mm->vdso)
		return all;
	if (r->advice & 1u << QR_ADVISE_DONTDUMP)
		return 0;
	if (r->flags & QR_MAP_SHARED)
		return filter & (i && i->nlink ? CORE_FILE_SHARED : CORE_SHARED) ? all : 0;
	if (filter & CORE_PRIVATE && has_pages_of_its_own(r))
		return all;
	if (!r->object)
		return 0;
	if (filter & CORE_FILE_PRIVATE)
		return all;
	return filter & CORE_HEADERS && !r->pgoff && r->prot & QR_READ ? QR_PAGE_SIZE : 0;
}

static void choose_parts(struct dump *d)
{
	struct part p = { 0 };

	while (nparts(d) < PARTS_MAX && qr_space_next(&d->mm->space, p.r.end, &p.r) == QR_OK) {
		p.n = bytes_wanted(d->mm, &p.r);
		text_put(&d->parts, &p, sizeof(p));
	}
}

/* ---- notes ---------------------------------------------------------------------------------- */

static void pad(struct text *t)
{
	text_put(t, "\0\0\0", -t->n & 3);
}

static void put_note(struct text *t, enum note type, const void *bytes, size_t n)
{
	struct {
		uint32_t name_size, size, type;
		char name[8];
	} head = { 5, (uint32_t)n, type, "CORE" };

	if (type == NT_PRXFPREG || type == NT_X86_XSTATE) {
		head.name_size = 6;
		memcpy(head.name, "LINUX", 6);
	}
	text_put(t, &head, sizeof(head));
	text_put(t, bytes, n);
	pad(t);
}

static void put_task(struct text *t, struct task *of, const struct signal_info *why)
{
	const struct process *p = of->process;
	struct core_status s = {
		.signo = why->signo,
		.code = why->code,
		.cursig = (int16_t)why->signo,
		.pending = (unsigned long)(of->pending.set | p->pending.set),
		.blocked = (unsigned long)of->blocked,
		.nr = of->tid,
		.parent = process_parent_nr(p),
		.group = process_group_nr(p),
		.session = process_session_nr(p),
		.times[2] = timeval_of(p->children_usage.user),
		.times[3] = timeval_of(p->children_usage.system),
		.fpu_valid = 1,
	};
	struct usage u;

	task_usage(of, &u);
	s.times[0] = timeval_of(u.user);
	s.times[1] = timeval_of(u.system);
	context_core_regs(&of->context, s.regs);
	put_note(t, NT_PRSTATUS, &s, sizeof(s));
}

static void put_fpu(struct text *t, struct task *of)
{
	void *image = kmalloc(fpu.size);

	if (!image)
		return;
	fpu_core(&of->context, image);
	put_note(t, sizeof(long) == 8 ? NT_FPREGSET : NT_PRXFPREG, image, FPU_LEGACY);
	if (fpu.features)
		put_note(t, NT_X86_XSTATE, image, fpu.size);
	kfree(image);
}

static void put_process(struct text *t, const struct process *p)
{
	struct core_info i = {
		.letter = 'R',
		.nice = current->nice,
		.uid = (typeof(i.uid))p->cred.uid,
		.gid = (typeof(i.gid))p->cred.gid,
		.nr = p->nr,
		.parent = process_parent_nr(p),
		.group = process_group_nr(p),
		.session = process_session_nr(p),
	};
	size_t n = p->mm->arg_end - p->mm->arg_start;

	strlcpy(i.name, p->comm, sizeof(i.name));
	if (n > sizeof(i.arguments) - 1)
		n = sizeof(i.arguments) - 1;
	if (copy_from_user(i.arguments, (void __user *)p->mm->arg_start, n))
		i.arguments[0] = 0;
	for (size_t k = 0; k + 1 < n; k++)
		if (!i.arguments[k])
			i.arguments[k] = ' ';
	put_note(t, NT_PRPSINFO, &i, sizeof(i));
}

/* How many regions have files, the unit of offsets; begin, end, offset of each; their names. */
static void put_files(struct dump *d)
{
	uintptr_t words[3] = { 0, QR_PAGE_SIZE };
	struct text t = { 0 };
	char *name = kmalloc(PATH_MAX);

	text_put(&t, words, 2 * sizeof(*words));
	for (size_t k = 0; name && k < nparts(d); k++) {
		const struct qr_region *r = &part(d, k)->r;

		if (!r->object || !object_inode(r->object))
			continue;
		words[0]++;
		text_put(&t, (uintptr_t[]){ r->start.v, r->end.v, (uintptr_t)r->pgoff },
			 sizeof(words));
	}
	for (size_t k = 0; name && k < nparts(d); k++) {
		struct qr_object *o = part(d, k)->r.object;

		if (o && object_inode(o))
			text_string(&t, inode_name(object_inode(o), name, PATH_MAX)),
			    text_char(&t, 0);
	}
	kfree(name);
	if (!t.err && words[0]) {
		memcpy(t.bytes, words, sizeof(*words));
		put_note(&d->notes, NT_FILE, t.bytes, t.n);
	}
	text_free(&t);
}

static void put_notes(struct dump *d, const struct signal_info *why)
{
	const uintptr_t *auxv = d->mm->auxv;
	struct process *p = current_process;
	struct user_siginfo info = { 0 };
	unsigned n = 0;
	struct task *t;

	while (n + 2 < AUXV_WORDS && auxv[n])
		n += 2;
	signal_info_to_user(&info, why);
	put_task(&d->notes, current, why);
	put_process(&d->notes, p);
	put_note(&d->notes, NT_SIGINFO, &info, sizeof(info));
	put_note(&d->notes, NT_AUXV, auxv, (n + 2) * sizeof(*auxv));
	put_files(d);
	put_fpu(&d->notes, current);
	for_each_task (t, p)
		if (t != current) {
			put_task(&d->notes, t, why);
			put_fpu(&d->notes, t);
		}
}

/* ---- the file ------------------------------------------------------------------------------- */

static bool put(struct dump *d, const void *bytes, size_t n)
{
	struct uio u = uio_kernel(bytes, n);

	if (d->pos > d->limit || n > d->limit - d->pos)
		return false;
	return d->f->ops->write(d->f, &u, &d->pos) == (long)n;
}

static bool put_heads(struct dump *d, uint64_t contents)
{
	struct elf_header h = {
		.magic = { 0x7f, 'E', 'L', 'F' },
		.class = ELF_CLASS,
		.data = ELF_DATA_LSB,
		.ident_version = 1,
		.type = ET_CORE,
		.machine = ELF_MACHINE,
		.version = 1,
		.phoff = sizeof(h),
		.ehsize = sizeof(h),
		.phentsize = sizeof(struct elf_segment),
		.phnum = (uint16_t)(nparts(d) + 1),
	};
	struct elf_segment s = { .type = PT_NOTE, .filesz = d->notes.n, .align = 4 };
	bool ok;

	s.offset = sizeof(h) + h.phnum * sizeof(s);
	ok = put(d, &h, sizeof(h)) && put(d, &s, sizeof(s));
	for (size_t k = 0; ok && k < nparts(d); k++) {
		const struct part *p = part(d, k);

		s = (struct elf_segment){
			.type = PT_LOAD,
			.offset = (typeof(s.offset))contents,
			.vaddr = p->r.start.v,
			.filesz = p->n,
			.memsz = p->r.end.v - p->r.start.v,
			.flags = (p->r.prot & QR_READ ? PF_R : 0) |
				 (p->r.prot & QR_WRITE ? PF_W : 0) |
				 (p->r.prot & QR_EXEC ? PF_X : 0),
			.align = QR_PAGE_SIZE,
		};
		contents += p->n;
		ok = put(d, &s, sizeof(s));
	}
	return ok && put(d, d->notes.bytes, d->notes.n);
}

/* Page by page what is there; the last byte of a part is always written, so that the file has its
 * length. */
static bool put_part(struct dump *d, const struct part *p, uint8_t *page)
{
	uint64_t begin = d->pos;

	for (size_t at = 0; at < p->n; at += QR_PAGE_SIZE) {
		qr_virt va = qr_virt_of(p->r.start.v + at);
		uint8_t there;
		size_t got = 0;

		d->pos = begin + at;
		if (qr_space_residency(&d->mm->space, va, 1, &there) || !(there & 1))
			continue;
		if (qr_space_read(&d->mm->space, va, page, QR_PAGE_SIZE, true, &got) || !got)
			continue;
		if (!put(d, page, QR_PAGE_SIZE))
			return false;
	}
	if (p->n && d->pos < begin + p->n) {
		d->pos = begin + p->n - 1;
		return put(d, "", 1);
	}
	return true;
}

static void write_file(struct dump *d)
{
	uint64_t contents =
	    sizeof(struct elf_header) + (nparts(d) + 1) * sizeof(struct elf_segment) + d->notes.n;
	uint8_t *page = kmalloc(QR_PAGE_SIZE);
	bool ok;

	contents = (contents + QR_PAGE_MASK) & ~(uint64_t)QR_PAGE_MASK;
	ok = page && put_heads(d, contents);
	d->pos = contents;
	for (size_t k = 0; ok && k < nparts(d); k++)
		ok = put_part(d, part(d, k), page);
	kfree(page);
}

/* core_pattern: %p %P process, %i thread, %e name, %s signal, %u %g user and group, %t time. */
static void name_file(struct text *t, int sig)
{
	const struct process *p = current_process;

	for (const char *s = core_pattern; *s; s++) {
		if (*s != '%') {
			text_char(t, *s);
			continue;
		}
		switch (*++s) {
		case 0:
			s--;
			break;
		case '%':
			text_char(t, '%');
			break;
		case 'e':
			text_string(t, task_name(current));
			break;
		case 'p':
		case 'P':
			text_number(t, (uint64_t)p->nr);
			break;
		case 'i':
			text_number(t, (uint64_t)current->tid);
			break;
		case 's':
			text_number(t, (uint64_t)sig);
			break;
		case 'u':
			text_number(t, p->cred.uid);
			break;
		case 'g':
			text_number(t, p->cred.gid);
			break;
		case 't':
			text_number(t, real_ns() / NS_PER_SEC);
		}
	}
	text_char(t, 0);
}

/* A new file in the place of what has the name. */
static int open_file(int sig, struct file **out)
{
	const struct open_how how = { O_CREAT | O_EXCL | O_RDWR, 0600, 0 };
	struct path start = current_process->fs->cwd;
	struct path_parent at;
	struct text name = { 0 };
	int err;

	name_file(&name, sig);
	err = name.err;
	if (!err && !path_lookup_parent(start, name.bytes, 0, &at)) {
		(void)vfs_unlink(&at); /* if it cannot be, the new one says so */
		path_parent_put(&at);
	}
	if (!err)
		err = vfs_open(start, name.bytes, &how, out);
	text_free(&name);
	return err;
}

bool core_dump(const struct signal_info *why)
{
	struct process *p = current_process;
	struct dump d = { .limit = p->rlimits[RLIMIT_CORE].cur, .mm = p->mm };
	bool ok = false;

	if (d.limit < QR_PAGE_SIZE || !(p->flags & PROCESS_DUMPABLE) ||
	    p->flags & PROCESS_EXITING || core_pattern[0] == '|' || !core_pattern[0] ||
	    open_file(why->signo, &d.f))
		return false;
	choose_parts(&d);
	put_notes(&d, why);
	if (!d.parts.err && !d.notes.err) {
		write_file(&d);
		ok = true;
	}
	text_free(&d.parts);
	text_free(&d.notes);
	file_put(d.f);
	return ok;
}
