/* SPDX-License-Identifier: BSD-2-Clause
 *
 * main.h - where the kernel begins.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

/* Called once by the boot path, on the boot stack, interrupts off, boot_info filled, exceptions
 * reported. */
_Noreturn void kernel_main(void);

#endif
