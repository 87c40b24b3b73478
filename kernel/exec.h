/* SPDX-License-Identifier: BSD-2-Clause
 *
 * exec.h - the parts of execve.
 *
 *	exec.c	     the call: finds the program, makes an image, replaces the old one
 *	exec_find.c  from a path to a program: opens it, follows `#!` lines
 *	exec_place.c where stack, heap, program and mappings go
 *	exec_args.c  argv and envp: collects the strings, lays out the new stack
 *	elf.c	     makes an image out of an ELF file
 *
 * Everything up to exec_commit works on a new, private address space.  So a bad program, or no
 * memory, costs the caller nothing but an error number.
 */
#ifndef KERNEL_EXEC_H
#define KERNEL_EXEC_H

#include "fs/vfs.h"
#include "kernel/process.h"

struct file;
struct regs;

/* ---- strings ---------------------------------------------------------------------------- */

/* argv, then envp, each string with its end, one behind the other. */
struct exec_args {
	char *buf;
	size_t used, cap, limit;
	size_t argv_bytes; /* of `used`: the rest is envp */
	unsigned argc, envc;
};

/* Where argv and envp come from: user memory, or (init) the kernel's own. */
struct exec_source {
	bool kernel;
	uintptr_t argv, envp; /* addresses of vectors; 0: empty */
};

/* `limit`: bytes of strings and pointers together. */
void exec_args_init(struct exec_args *a, size_t limit);
void exec_args_fini(struct exec_args *a);
/* Append a string to argv (before any of envp).  -E2BIG, -ENOMEM. */
int exec_args_add(struct exec_args *a, const char *s);
/* Append the vectors; the first `skip` of argv are left out.  -E2BIG, -ENOMEM, -EFAULT. */
int exec_args_collect(struct exec_args *a, const struct exec_source *from, unsigned skip);

/* ---- the call --------------------------------------------------------------------------- */

/* Replace the program of the running task.  `start`: where a relative `path` begins;
 * lookup_flags: LOOKUP_*.  0: its registers are the new program's; -errno: nothing changed. */
int exec_run(struct path start, const char *path, unsigned lookup_flags,
	     const struct exec_source *from);

/* ---- the image -------------------------------------------------------------------------- */

/* A program in its new address space, not yet running. */
struct exec_image {
	struct mm *mm;
	uintptr_t entry;         /* first instruction: the interpreter's if there is one */
	uintptr_t program_entry; /* AT_ENTRY */
	uintptr_t base;          /* AT_BASE: where the interpreter lies */
	uintptr_t phdr;          /* AT_PHDR */
	unsigned phnum;
	bool exec_stack;
	uint32_t personality;
	bool random;         /* the places below are chosen by chance */
	uintptr_t stack_top; /* strings end here */
	uintptr_t pie_base;  /* where a program goes that can lie anywhere and wants a loader */
};

/* What execve starts a file from. */
#define EXEC_HEAD 256

#define EXEC_SCRIPT_DEPTH 5 /* so often an interpreter may be a script again */

struct exec_program {
	struct file *file;
	uint8_t head[EXEC_HEAD];             /* its first bytes, zeroes beyond its end */
	char *prefix[2 * EXEC_SCRIPT_DEPTH]; /* what scripts put before argv, last first */
	unsigned nprefix;
};

/* Open the program that `path` leads to; `p` is zeroed.  Ends with exec_program_fini, on errors
 * too.  Errors: those of opening, -ENOEXEC (a `#!` without a name), -ELOOP, -ENOMEM. */
int exec_find(struct exec_program *p, struct path start, const char *path, unsigned lookup_flags);
void exec_program_fini(struct exec_program *p);

/* Map the program (and its interpreter) into image->mm, a fresh one.
 * Errors: -ENOEXEC, -ENOMEM, -EINVAL, those of opening the interpreter. */
int elf_load(const struct exec_program *p, struct exec_image *image);

/* Lay out the stack: strings, auxiliary vector, pointers.  The stack is mapped here.
 * `*sp`: the initial stack pointer.  -ENOMEM, -E2BIG. */
int exec_stack_make(struct exec_image *image, const struct exec_args *a, const char *execfn,
		    const struct cred *cred, bool secure, uintptr_t *sp);

/* ---- where things go (exec_place.c) ------------------------------------------------------- */

#define PERSONALITY_NO_RANDOM 0x0040000u
#define PERSONALITY_COMPAT    0x0200000u
#define PERSONALITY_STICKY    0x4000000u /* select and its like leave their timeout alone */
/* What a program with more rights than its caller does not inherit. */
#define PERSONALITY_UNSAFE (PERSONALITY_NO_RANDOM | PERSONALITY_COMPAT | 0x0400000u | 0x0100000u)

/* Choose the stack's top, the base of programs, and the window of mappings. */
void exec_places(struct exec_image *im, uint64_t stack_limit);
/* How far the vectors lie below the strings / where the heap begins, from the first page behind
 * the program on. */
uintptr_t exec_random_gap(const struct exec_image *im);
uintptr_t exec_random_brk(const struct exec_image *im, uintptr_t brk);
/* `norandmaps` on the command line. */
void exec_places_init(void);

#endif
