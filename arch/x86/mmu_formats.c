/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mmu_formats.c - the four table formats of x86 as objects: see format_x86.h.
 */
#include <quire/format.h>

const struct qr_format qr_format_two_level = QR_FORMAT_TWO_LEVEL;
const struct qr_format qr_format_pae = QR_FORMAT_PAE;
const struct qr_format qr_format_4_level = QR_FORMAT_X86_64_LEVELS(4);
const struct qr_format qr_format_5_level = QR_FORMAT_X86_64_LEVELS(5);
