/* SPDX-License-Identifier: BSD-2-Clause
 *
 * init.h - the first program.
 *
 * Its path is `rdinit=` on the command line, or /init; if that does not exist, `init=`, or the
 * first of /sbin/init, /etc/init, /bin/init, /bin/sh that does.  As with Linux, words of the
 * command line that the kernel does not know go to it: `key=value` into its environment, others
 * and all that follows `--` as arguments.
 */
#ifndef KERNEL_INIT_H
#define KERNEL_INIT_H

/* Make process 1; it runs as soon as the caller lets go.  Panics without memory. */
void init_start(void);

#endif
