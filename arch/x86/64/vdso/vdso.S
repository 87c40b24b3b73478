/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vdso.S - the shared object that the kernel maps into each x86-64 program.
 *
 * C libraries look up these names in it (AT_SYSINFO_EHDR) and call them in place of the system
 * call; dietlibc has no other way to tell the time.  Here they are the system calls.  It is
 * linked by tools/kernel.mk, apart from the kernel, and must fit into one page.
 *
 * Sources: vdso(7).
 */
	.set NR_gettimeofday, 96
	.set NR_time, 201
	.set NR_clock_gettime, 228
	.set NR_clock_getres, 229
	.set NR_getcpu, 309

	.text

.macro call name
	.globl __vdso_\name
	.type __vdso_\name, @function
	.balign 16
__vdso_\name:
	.cfi_startproc
	mov $NR_\name, %eax
	syscall
	ret
	.cfi_endproc
	.size __vdso_\name, . - __vdso_\name
	.weak \name
	.set \name, __vdso_\name
.endm

	call gettimeofday
	call time
	call clock_gettime
	call clock_getres
	call getcpu

	.section .note.GNU-stack, "", @progbits
