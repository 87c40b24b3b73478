/* SPDX-License-Identifier: BSD-2-Clause
 *
 * header.S - three ways to be loaded, in one image.
 *
 *	Multiboot 1	QEMU -kernel, GRUB legacy, v86.  The a.out fields (bit 16) give the
 *			addresses, so that loaders which know only 32-bit ELF take the
 *			64-bit image too.
 *	Multiboot 2	GRUB 2, BIOS and UEFI.
 *	PVH		QEMU -kernel where there is no Multiboot, Firecracker, Cloud
 *			Hypervisor: an ELF note with the entry address.
 *
 * All three enter in 32-bit protected mode, flat segments, no paging, interrupts off.
 * Sources: Multiboot Specification 0.6.96 and 2.0; Xen public/elfnote.h, arch-x86/hvm/start_info.h.
 */
	.section .boot.header, "a"

#define MB1_MAGIC 0x1badb002
#define MB1_FLAGS 0x00010003 /* page-aligned modules, memory map, a.out fields */
	.balign 4
mb1_header:
	.long	MB1_MAGIC, MB1_FLAGS, -(MB1_MAGIC + MB1_FLAGS)
	.long	mb1_header
	.long	image_boot_start
	.long	image_load_end_phys
	.long	image_end_phys
	.long	boot_multiboot

#define MB2_MAGIC 0xe85250d6
	.balign 8
mb2_header:
	.long	MB2_MAGIC, 0, mb2_end - mb2_header
	.long	-(MB2_MAGIC + 0 + (mb2_end - mb2_header))
	/* entry address; the ELF headers say where to load */
	.balign 8
	.short	3, 0
	.long	12, boot_multiboot
	/* modules begin on page boundaries */
	.balign 8
	.short	6, 0
	.long	8
	.balign 8
	.short	0, 0
	.long	8
mb2_end:

#define XEN_ELFNOTE_PHYS32_ENTRY 18
	.section .note.Xen, "a", @note
	.balign 4
	.long	4, 4, XEN_ELFNOTE_PHYS32_ENTRY
	.asciz	"Xen"
	.long	boot_pvh

	.section .note.GNU-stack, "", @progbits
