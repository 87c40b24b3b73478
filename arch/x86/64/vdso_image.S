/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vdso_image.S - the linked vdso as data of the kernel; exec.c maps a copy of it.
 */
	.section .rodata.vdso, "a", @progbits
	.globl vdso_image, vdso_image_end
	.balign 16
vdso_image:
	.incbin VDSO
vdso_image_end:
	.if vdso_image_end - vdso_image > 4096
	.error "the vdso does not fit into a page"
	.endif

	.section .note.GNU-stack, "", @progbits
