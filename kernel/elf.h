/* SPDX-License-Identifier: BSD-2-Clause
 *
 * elf.h - the ELF file format, as far as programs are concerned; this machine's class only.
 *
 * Sources: Tool Interface Standard, "Executable and Linking Format", version 1.2; the System V
 * ABI for x86-64.
 */
#ifndef KERNEL_ELF_H
#define KERNEL_ELF_H

#include <quire/types.h>

#ifdef __x86_64__
#define ELF_CLASS   2
#define ELF_MACHINE 62
#else
#define ELF_CLASS   1
#define ELF_MACHINE 3
#endif

#define ELF_DATA_LSB 1
#define ET_EXEC      2
#define ET_DYN       3
#define ET_CORE      4
#define PT_LOAD      1
#define PT_INTERP    3
#define PT_NOTE      4
#define PT_PHDR      6
#define PT_GNU_STACK 0x6474e551u
#define PF_X         1
#define PF_W         2
#define PF_R         4

struct elf_header {
	uint8_t magic[4], class, data, ident_version, abi, abi_version, pad[7];
	uint16_t type, machine;
	uint32_t version;
	uintptr_t entry, phoff, shoff;
	uint32_t flags;
	uint16_t ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_segment {
	uint32_t type;
#ifdef __x86_64__
	uint32_t flags;
	uint64_t offset, vaddr, paddr, filesz, memsz, align;
#else
	uint32_t offset, vaddr, paddr, filesz, memsz;
	uint32_t flags;
	uint32_t align;
#endif
};

_Static_assert(sizeof(struct elf_header) == (sizeof(uintptr_t) == 8 ? 64 : 52), "ELF header");
_Static_assert(sizeof(struct elf_segment) == (sizeof(uintptr_t) == 8 ? 56 : 32), "ELF segment");

#endif
