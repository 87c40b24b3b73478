/* SPDX-License-Identifier: BSD-2-Clause
 *
 * proc_elf.c - hostile executables.  Each file is a small good program with one thing wrong;
 * exec must refuse it or the program must die, and the caller must live.
 */
#include "user.h"
#include <elf.h>
#include <link.h>

enum { BASE = 0x10000000, N_PH = 3 };

/* The image: ELF header, three program headers, code that exits with 17. */
struct image {
	ElfW(Ehdr) eh;
	ElfW(Phdr) ph[N_PH];
	unsigned char code[64];
};

static const unsigned char exit_17[] = {
#ifdef __x86_64__
	0xbf, 17,   0, 0, 0, /* mov $17, %edi */
	0xb8, 60,   0, 0, 0, /* mov $60, %eax */
	0x0f, 0x05,          /* syscall */
#else
	0xbb, 17,   0, 0, 0, /* mov $17, %ebx */
	0xb8, 1,    0, 0, 0, /* mov $1, %eax */
	0xcd, 0x80,          /* int $0x80 */
#endif
};

static struct image good(void)
{
	struct image im = {
		.eh = {
			.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3,
				     sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32, ELFDATA2LSB,
				     EV_CURRENT },
			.e_type = ET_EXEC,
			.e_machine = sizeof(void *) == 8 ? EM_X86_64 : EM_386,
			.e_version = EV_CURRENT,
			.e_entry = BASE + offsetof(struct image, code),
			.e_phoff = offsetof(struct image, ph),
			.e_ehsize = sizeof(ElfW(Ehdr)),
			.e_phentsize = sizeof(ElfW(Phdr)),
			.e_phnum = N_PH,
		},
	};

	im.ph[0] = (ElfW(Phdr)){ .p_type = PT_LOAD,
				 .p_flags = PF_R | PF_X,
				 .p_vaddr = BASE,
				 .p_filesz = sizeof im,
				 .p_memsz = sizeof im,
				 .p_align = PAGE };
	im.ph[1] = (ElfW(Phdr)){ .p_type = PT_LOAD,
				 .p_flags = PF_R | PF_W,
				 .p_vaddr = BASE + 0x10000,
				 .p_memsz = 2 * PAGE,
				 .p_align = PAGE };
	im.ph[2] = (ElfW(Phdr)){ .p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W };
	memcpy(im.code, exit_17, sizeof exit_17);
	return im;
}

static void run_file(void *path)
{
	char *argv[] = { path, NULL }, *envp[] = { NULL };

	execve(path, argv, envp);
	_exit(100 + (errno & 127));
}

/* Write the first `size` bytes of an image and run them; answers the wait status. */
static int run_image(const struct image *im, size_t size)
{
	int fd = open("elf", O_WRONLY | O_CREAT | O_TRUNC, 0755);

	NEED(fd >= 0 && write(fd, im, size) == (ssize_t)size && close(fd) == 0);
	return in_child(run_file, "elf");
}

/* It did not run: refused with an error, or killed. */
static int refused(const struct image *im)
{
	int status = run_image(im, sizeof *im);

	return WIFSIGNALED(status) || WEXITSTATUS(status) > 100;
}

static int refused_with(const struct image *im, int err)
{
	int status = run_image(im, sizeof *im);

	if (WIFEXITED(status) && WEXITSTATUS(status) == 100 + err)
		return 1;
	printf("# status 0x%x\n", status);
	return 0;
}

/* Anything but a hurt caller will do. */
static void survive(const struct image *im)
{
	run_image(im, sizeof *im);
	CHECK_EQ(WEXITSTATUS(run_image(&(struct image){ 0 }, 0)), 100 + ENOEXEC);
}

TEST("the good image runs")
{
	struct image im = good();
	int status = run_image(&im, sizeof im);

	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 17);
}

TEST("truncated at every length of its headers")
{
	struct image im = good();

	for (size_t size = 0; size < offsetof(struct image, code); size++) {
		int status = run_image(&im, size);

		if (!WIFSIGNALED(status) && WEXITSTATUS(status) <= 100)
			CHECK_EQ(size, -1);
	}
}

TEST("wrong magic, class, byte order, machine, type")
{
	struct image im;

	im = good(), im.eh.e_ident[0] = 0x7e;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_machine = EM_SPARC;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_type = ET_REL;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_type = ET_CORE;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_type = 0xffff;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_machine = 0;
	CHECK(refused_with(&im, ENOEXEC));
}

TEST("program headers: none, too many, of a wrong size, out of the file, wrapping")
{
	struct image im;

	im = good(), im.eh.e_phnum = 0;
	CHECK(refused(&im));
	im = good(), im.eh.e_phnum = 0xffff;
	CHECK(refused(&im));
	im = good(), im.eh.e_phnum = 2000;
	CHECK(refused(&im));
	im = good(), im.eh.e_phentsize = 1;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_phentsize = 0;
	CHECK(refused_with(&im, ENOEXEC));
	im = good(), im.eh.e_phoff = 0x7ffff000;
	CHECK(refused(&im));
	im = good(), im.eh.e_phoff = (ElfW(Off)) - 8;
	CHECK(refused(&im));
	im = good(), im.eh.e_phoff = (ElfW(Off))1 << (sizeof(void *) * 8 - 1);
	CHECK(refused(&im));
}

TEST("no segment that is loaded")
{
	struct image im = good();

	im.ph[0].p_type = im.ph[1].p_type = PT_NULL;
	CHECK(refused(&im));
}

TEST("a segment with more bytes in the file than in memory")
{
	struct image im = good();

	im.ph[0].p_memsz = 16;
	CHECK(refused(&im));
}

TEST("segments in the kernel, at zero, wrapping, beyond the end")
{
	static const ElfW(Addr)
	    places[] = { 0,
			 (ElfW(Addr)) - PAGE,
			 (ElfW(Addr)) - (16 * PAGE),
			 (ElfW(Addr))1 << (sizeof(void *) * 8 - 1),
			 (ElfW(Addr))0xffffffff80000000ull,
			 (ElfW(Addr))0xc0100000ul << (sizeof(void *) == 8 ? 16 : 0) };
	struct image im;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		im = good(), im.ph[1].p_vaddr = places[i];
		survive(&im);
		im = good(), im.ph[0].p_vaddr = places[i];
		CHECK(refused(&im));
	}
	im = good(), im.ph[1].p_memsz = (ElfW(Addr)) - BASE;
	CHECK(refused(&im));
	im = good(), im.ph[1].p_memsz = (ElfW(Addr)) - 1;
	CHECK(refused(&im));
	im = good(), im.ph[1].p_memsz = ((ElfW(Addr)) - 1 >> 1) - 5;
	survive(&im); /* a zeroed half of the address space: on 32 bits that can be had */
}

TEST("an address and an offset that do not agree within the page")
{
	struct image im = good();

	im.ph[0].p_vaddr += 0x123;
	CHECK(refused(&im));
	im = good(), im.ph[0].p_offset = 1;
	CHECK(refused(&im));
	im = good(), im.ph[0].p_align = 3;
	survive(&im);
	im = good(), im.ph[0].p_align = (ElfW(Addr)) - 1;
	survive(&im);
}

TEST("offsets beyond the file, and near the wrap")
{
	struct image im = good();

	im.ph[0].p_offset = 0x40000000;
	CHECK(refused(&im)); /* its code is not there: SIGBUS */
	im = good(), im.ph[0].p_offset = (ElfW(Off)) - PAGE;
	CHECK(refused(&im));
	im = good(), im.ph[1].p_offset = (ElfW(Off)) - PAGE, im.ph[1].p_filesz = PAGE;
	survive(&im);
	im = good(), im.ph[1].p_filesz = 0x7fffffff, im.ph[1].p_memsz = 0x7fffffff;
	survive(&im);
}

TEST("segments that overlap, or come in the wrong order")
{
	struct image im = good();

	im.ph[1].p_vaddr = BASE + PAGE - 64;
	survive(&im);
	im = good(), im.ph[1] = im.ph[0];
	survive(&im);
	im = good(), im.ph[1].p_vaddr = BASE - 16 * PAGE;
	survive(&im);
	im = good(), im.ph[1].p_vaddr = BASE;
	survive(&im);
}

TEST("an entry outside of everything")
{
	static const ElfW(Addr) places[] = { 0,
					     1,
					     (ElfW(Addr)) - 1,
					     (ElfW(Addr)) - PAGE,
					     (ElfW(Addr))0xffffffff80100000ull,
					     BASE + 0x10000 };
	struct image im;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		im = good(), im.eh.e_entry = places[i];
		CHECK(refused(&im));
	}
	if (sizeof(void *) == 8) {
		im = good(), im.eh.e_entry = (ElfW(Addr))0x0000800000000000ull;
		CHECK(refused(&im));
		im = good(), im.eh.e_entry = (ElfW(Addr))0x1234567812345678ull;
		CHECK(refused(&im));
	}
}

TEST("2 GiB of zeroes: refused, or granted")
{
	struct image im = good();
	int status;

	im.ph[1].p_memsz = 0x80000000ul;
	status = run_image(&im, sizeof im);
	CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) == 17 || WEXITSTATUS(status) > 100);
}

TEST("a loader that is absent, unterminated, empty, huge")
{
	static const char *const names[] = { "/no/such/loader", "", "/" };
	struct image im;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		im = good();
		strcpy((char *)im.code + 32, names[i]);
		im.ph[2] = (ElfW(Phdr)){ .p_type = PT_INTERP,
					 .p_offset = offsetof(struct image, code) + 32,
					 .p_filesz = strlen(names[i]) + 1 };
		CHECK(refused(&im));
	}
	im.ph[2].p_filesz = 1; /* no final zero */
	CHECK(refused(&im));
	im.ph[2].p_filesz = 0x7fffffff;
	CHECK(refused(&im));
	im.ph[2].p_filesz = 0;
	CHECK(refused(&im));
	im.ph[2].p_offset = (ElfW(Off)) - 2, im.ph[2].p_filesz = 4;
	CHECK(refused(&im));
}

static void damage_each_byte(void)
{
	for (size_t i = 0; i < offsetof(struct image, code); i++) {
		struct image im = good();

		((unsigned char *)&im)[i] = 0xff;
		run_image(&im, sizeof im);
	}
}

TEST("every byte of the headers set to 0xff, one at a time; nothing is lost")
{
	CHECK(!loses_memory(damage_each_byte));
}

TEST("random damage, two thousand images")
{
	unsigned seed = 12345;

	for (int round = 0; round < 2000; round++) {
		struct image im = good();

		for (int k = 0; k < 1 + round % 5; k++) {
			seed = seed * 1103515245 + 12345;
			((unsigned char *)&im)[(seed >> 8) % offsetof(struct image, code)] ^=
			    (unsigned char)(1 << (seed >> 28 & 7));
		}
		run_image(&im, sizeof im);
	}
	CHECK_EQ(WEXITSTATUS(run_image(&(struct image){ 0 }, 0)), 100 + ENOEXEC);
}

/* ---- images whose tables are made up ------------------------------------------------------ */

enum { MANY_PH = 8 };

struct odd_image {
	ElfW(Ehdr) eh;
	ElfW(Phdr) ph[MANY_PH];
	char loader[16];
	unsigned char code[64];
	char rest[3 * PAGE];
};

static uint64_t dice;

static unsigned roll(unsigned n)
{
	dice = dice * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(dice >> 33) % n;
}

/* Places and sizes near where something begins, ends, or wraps. */
static uintptr_t near_edge(void)
{
	static const uintptr_t edges[] = { 0,
					   0,
					   0,
					   PAGE,
					   BASE,
					   BASE,
					   BASE + PAGE,
					   BASE + 0x10000,
					   4 * MiB,
					   sizeof(struct odd_image),
					   (uintptr_t)-1 / 2 + 1,
					   (uintptr_t)0xbfff0000u,
					   (uintptr_t)0x7ffffffff000ull,
					   0,
					   2 * PAGE,
					   64 * MiB };
	uintptr_t at = edges[roll(sizeof edges / sizeof *edges)];

	switch (roll(8)) {
	case 0:
		return at - 1;
	case 1:
		return at + roll(PAGE);
	case 2:
		return at - PAGE * roll(4);
	case 3:
		return at + PAGE * roll(600);
	default:
		return at;
	}
}

static void make_up_segment(ElfW(Phdr) * p)
{
	static const unsigned types[] = { PT_LOAD, PT_LOAD, PT_LOAD,      PT_LOAD,    PT_LOAD,
					  PT_TLS,  PT_NULL, PT_GNU_STACK, PT_DYNAMIC, PT_PHDR };

	*p = (ElfW(Phdr)){ .p_type = types[roll(sizeof types / sizeof *types)],
			   .p_flags = roll(8),
			   .p_vaddr = near_edge(),
			   .p_offset = near_edge(),
			   .p_filesz = near_edge(),
			   .p_memsz = near_edge(),
			   .p_align = roll(4) ? PAGE : near_edge() };
	/* Many of them plausible, or none would be loaded. */
	if (roll(4))
		p->p_memsz = p->p_filesz + (roll(2) ? 0 : roll(4 * PAGE));
	if (roll(4))
		p->p_offset = roll(4) * PAGE;
	if (roll(4))
		p->p_vaddr = (p->p_vaddr & -PAGE) | (p->p_offset & (PAGE - 1));
	if (roll(3))
		p->p_filesz = roll(3 * PAGE);
}

static void make_up(const char *path)
{
	static struct odd_image im;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	struct image model = good();

	im = (struct odd_image){ .eh = model.eh };
	im.eh.e_type = roll(2) ? ET_EXEC : ET_DYN;
	im.eh.e_entry = roll(4) ? BASE + offsetof(struct odd_image, code) : near_edge();
	im.eh.e_phoff = offsetof(struct odd_image, ph);
	im.eh.e_phnum = (ElfW(Half))(1 + roll(MANY_PH));
	memcpy(im.code, exit_17, sizeof exit_17);
	for (unsigned i = 0; i < MANY_PH; i++)
		make_up_segment(&im.ph[i]);
	if (roll(4))
		im.ph[0] = (ElfW(Phdr)){ .p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X | (roll(2) ? PF_W : 0),
					 .p_vaddr = im.eh.e_type == ET_DYN && roll(2) ? 0 : BASE,
					 .p_filesz = sizeof im,
					 .p_memsz = sizeof im + roll(3) * PAGE,
					 .p_align = PAGE };
	if (roll(3) == 0) {
		im.ph[1 + roll(3)] = (ElfW(Phdr)){ .p_type = PT_INTERP,
						   .p_offset = offsetof(struct odd_image, loader) +
							       (roll(8) ? 0 : roll(99)),
						   .p_filesz = roll(8) ? 8 : near_edge() };
		strcpy(im.loader, roll(4) ? "./elf_2" : "./elf_1"); /* or itself */
	}
	NEED(fd >= 0 && write(fd, &im, sizeof im - roll(2) * roll(3 * PAGE)) > 0 && close(fd) == 0);
}

static void run_briefly(void *path)
{
	alarm(2);
	run_file(path);
}

static unsigned ran;

static void run_made_up(void)
{
	const char *rounds = getenv("QUIRE_ROUNDS");

	for (int n = rounds ? atoi(rounds) : 300; n > 0; n--) {
		int status;

		make_up("elf_1");
		make_up("elf_2");
		status = in_child(run_briefly, "./elf_1");
		ran += WIFEXITED(status) && WEXITSTATUS(status) == 17;
	}
}

TEST("made-up tables of segments, and loaders of the same kind; nothing is lost")
{
	const char *seed = getenv("QUIRE_SEED");

	dice = seed ? strtoull(seed, NULL, 0) : 4711;
	CHECK(!loses_memory(run_made_up));
	CHECK(ran > 0);
	CHECK_EQ(WEXITSTATUS(run_image(&(struct image){ 0 }, 0)), 100 + ENOEXEC);
}
