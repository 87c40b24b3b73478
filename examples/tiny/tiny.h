/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tiny.h - what the three files of this kernel know of each other.
 *
 *	physical   0 .. 64 MiB      RAM, as far as this kernel looks
 *	virtual    0x10000000       what the program writes to
 *	           0x20000000       the program
 *	           0xC0000000       the direct map of these 64 MiB; the image is in it
 */
#ifndef TINY_H
#define TINY_H

#define BASE   0xc0000000
#define DIRECT 0x04000000
#define DATA   0x10000000
#define TEXT   0x20000000

#define KERNEL_CS 0x08
#define KERNEL_DS 0x10
#define USER_CS   0x1b
#define USER_DS   0x23
#define TSS       0x28

#ifndef __ASSEMBLY__
#include <quire/types.h>

/* boot.S */
extern char image_start[], image_end[]; /* physical */
extern uint8_t program[], program_end[];
extern uint32_t directory[1024], tss[26], gdt_tss[2];
void page_fault(void), system_call(void);
uint32_t user_run(uint32_t at);             /* ring 3, until it makes a system call */
_Noreturn void user_leave(uint32_t answer); /* what user_run answers then */

/* host.c */
void out8(uint16_t port, uint8_t v);
void say(const char *words);
void say_number(const char *before, size_t n, const char *behind);

/* kernel.c */
void on_page_fault(uintptr_t at, uint32_t error);
void kernel_main(uint32_t multiboot);
#endif

#endif
