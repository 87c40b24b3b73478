/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The boot loaders' structures: each protocol's as a loader writes it, and then with random
 * damage.  Memory is an array; a read outside of it is refused, as the real one does.
 */
// sources: arch/x86/boot/gather.c arch/x86/boot/multiboot1.c arch/x86/boot/multiboot2.c arch/x86/boot/pvh.c kernel/boot_options.c
#include "tap.h"

#include "arch/x86/boot/boot.h"

#include <stdio.h>
#include <string.h>

#define MEMORY 65536
static uint8_t memory[MEMORY];

/* What the sources under test need of the kernel. */
bool boot_read(uint64_t pa, void *to, size_t n)
{
	if (n > MEMORY || pa > MEMORY - n)
		return false;
	memcpy(to, memory + pa, n);
	return true;
}

size_t strlcpy(char *to, const char *from, size_t size);
__attribute__((weak)) size_t strlcpy(char *to, const char *from, size_t size)
{
	snprintf(to, size, "%s", from);
	return strlen(from);
}

static uint32_t at;

static void u32(uint32_t v)
{
	memcpy(memory + at, &v, 4);
	at += 4;
}

static void u64(uint64_t v)
{
	memcpy(memory + at, &v, 8);
	at += 8;
}

static uint32_t text(const char *s)
{
	uint32_t where = at;

	memcpy(memory + at, s, strlen(s) + 1);
	at += (uint32_t)((strlen(s) + 8) & ~7ul);
	return where;
}

static void begin(void)
{
	memset(memory, 0, sizeof(memory));
	memset(&boot_info, 0, sizeof(boot_info));
	at = 0x1000;
}

static uint32_t make_multiboot1(void)
{
	begin();
	uint32_t cmdline = text("quire quiet root=x mem=0x10M"), name = text("a loader");
	uint32_t map = at;

	for (uint32_t i = 0; i < 3; i++) {
		u32(20);
		u64(i * 0x100000);
		u64(0x80000);
		u32(i == 2 ? 3 : 1);
	}
	uint32_t modules = at, words = modules + 32;

	u32(0x4000);
	u32(0x5000);
	u32(words);
	u32(0);
	u32(0x6000);
	u32(0x5000); /* ends before it begins */
	u32(0);
	u32(0);
	text("initrd");
	uint32_t info = at;

	u32(0x24d);
	u32(640);
	u32(4096);
	u32(0);
	u32(cmdline);
	u32(2);
	u32(modules);
	for (int i = 0; i < 4; i++)
		u32(0);
	u32(modules - map);
	u32(map);
	for (int i = 0; i < 3; i++)
		u32(0);
	u32(name);
	return info;
}

static uint32_t make_multiboot2(void)
{
	begin();
	uint32_t info = at;

	u32(0);
	u32(0);
	u32(1);
	u32(8 + 29);
	text("quire quiet root=x mem=0x10M");
	at = (at + 7) & ~7u;
	u32(3);
	u32(16 + 7);
	u32(0x4000);
	u32(0x5000);
	text("initrd");
	u32(6);
	u32(16 + 3 * 24);
	u32(24);
	u32(0);
	for (uint32_t i = 0; i < 3; i++) {
		u64(i * 0x100000);
		u64(0x80000);
		u32(i == 2 ? 3 : 1);
		u32(0);
	}
	u32(0);
	u32(8);
	memcpy(memory + info, &(uint32_t){ at - info }, 4);
	return info;
}

static uint32_t make_pvh(void)
{
	begin();
	uint32_t cmdline = text("quire quiet root=x mem=0x10M"), words = text("initrd"),
		 modules = at;

	u64(0x4000);
	u64(0x1000);
	u64(words);
	u64(0);
	uint32_t map = at;

	for (uint32_t i = 0; i < 3; i++) {
		u64(i * 0x100000);
		u64(0x80000);
		u32(i == 2 ? 3 : 1);
		u32(0);
	}
	uint32_t info = at;

	u32(0x336ec578);
	u32(1);
	u32(0);
	u32(1);
	u64(modules);
	u64(cmdline);
	u64(0x7000);
	u64(map);
	u32(3);
	u32(0);
	return info;
}

static const struct {
	const char *name;
	uint32_t (*make)(void);
	void (*parse)(uint64_t pa);
} protocols[] = {
	{ "Multiboot 1", make_multiboot1, boot_parse_multiboot1 },
	{ "Multiboot 2", make_multiboot2, boot_parse_multiboot2 },
	{ "PVH", make_pvh, boot_parse_pvh },
};

static void good(unsigned p)
{
	const char *name = protocols[p].name;
	size_t len;

	protocols[p].parse(protocols[p].make());
	is(boot_info.nranges, 3, "%s: ranges", name);
	ok(boot_info.map[1].base == 0x100000 && boot_info.map[1].length == 0x80000 &&
	       boot_info.map[1].type == QR_BOOT_USABLE && boot_info.map[2].type == QR_BOOT_ACPI,
	   "%s: their contents", name);
	is(boot_info.nmodules, 1, "%s: one module that can be", name);
	ok(boot_info.modules[0].start == 0x4000 && boot_info.modules[0].end == 0x5000 &&
	       !strcmp(boot_info.modules[0].args, "initrd"),
	   "%s: where it is", name);
	ok(boot_has_option("quiet") && !boot_has_option("qui") && !boot_has_option("quiet2"),
	   "%s: words of the command line", name);
	const char *root = boot_option("root", &len);

	ok(root && len == 1 && *root == 'x', "%s: a value", name);
	is(boot_option_number("mem", 1), 16 << 20, "%s: a number with a suffix", name);
	is(boot_option_number("root", 7), 7, "%s: no number", name);
	is(boot_option_number("quiet", 7), 7, "%s: no value", name);
}

static bool is_ended(const char *s, size_t size)
{
	return memchr(s, 0, size);
}

/* Invariant I1 of boot_info.h, whatever the loader said. */
static bool is_sound(void)
{
	for (unsigned i = 0; i < boot_info.nmodules; i++)
		if (!is_ended(boot_info.modules[i].args, sizeof(boot_info.modules[i].args)) ||
		    boot_info.modules[i].end < boot_info.modules[i].start)
			return false;
	return boot_info.nranges <= BOOT_MAX_RANGES && boot_info.nmodules <= BOOT_MAX_MODULES &&
	       is_ended(boot_info.cmdline, sizeof(boot_info.cmdline)) &&
	       is_ended(boot_info.loader_name, sizeof(boot_info.loader_name));
}

static void damaged(unsigned p, uint64_t *state)
{
	for (int i = 0; i < 5000; i++) {
		uint32_t info = protocols[p].make(), end = at;

		for (uint64_t n = 1 + random_below(state, 8); n; n--) {
			uint32_t where = 0x1000 + (uint32_t)random_below(state, end - 0x1000);
			uint64_t v = random_below(state, 2) ? random64(state) : UINT64_MAX;

			memcpy(memory + where, &v, 1u << random_below(state, 4));
		}
		protocols[p].parse(random_below(state, 50) ? info
							   : random_below(state, MEMORY + 9));
		must(is_sound(), "%s, damaged", protocols[p].name);
	}
	ok(true, "%s: 5000 damaged ones", protocols[p].name);
}

static void too_many(void)
{
	begin();
	for (unsigned i = 0; i < 10000; i++)
		boot_add_range(i * 0x1000, 0x1000, i < 9900 ? 1 : 2);
	unsigned reserved = 0;

	for (unsigned i = 0; i < boot_info.nranges; i++)
		reserved += boot_info.map[i].type == QR_BOOT_RESERVED;
	is(boot_info.nranges, BOOT_MAX_RANGES, "10 000 ranges: as many as fit");
	is(reserved, 100, "and no reserved one is lost");
	is(boot_info.cut, 10000 - BOOT_MAX_RANGES, "the rest is counted");

	begin();
	for (unsigned i = 0; i < 10000; i++)
		boot_add_range(i * 0x2000, 0x1000, 2);
	bool covered = true;

	for (unsigned i = 0; i < 10000; i++) {
		bool found = false;

		for (unsigned j = 0; j < boot_info.nranges; j++)
			found |=
			    boot_info.map[j].base <= i * 0x2000 &&
			    boot_info.map[j].base + boot_info.map[j].length >= i * 0x2000 + 0x1000;
		covered &= found;
	}
	ok(covered, "10 000 reserved ranges: each is covered");
}

int main(void)
{
	uint64_t state = seed();

	for (unsigned p = 0; p < sizeof(protocols) / sizeof(protocols[0]); p++) {
		good(p);
		damaged(p, &state);
	}
	too_many();
	return done();
}
