/* SPDX-License-Identifier: BSD-2-Clause
 *
 * vdso.h - x86-64: the shared object that lies in each program (64/vdso/vdso.S), as it was linked.
 */
#ifndef ARCH_X86_VDSO_H
#define ARCH_X86_VDSO_H

extern const char vdso_image[], vdso_image_end[];

#endif
