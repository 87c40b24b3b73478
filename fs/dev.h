/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev.h - character devices: which functions stand behind a device number.
 */
#ifndef FS_DEV_H
#define FS_DEV_H

#include "fs/file.h"

#define DEV(major, minor) ((uint32_t)(major) << 20 | (minor))
#define DEV_MAJOR(dev)    ((dev) >> 20)
#define DEV_MINOR(dev)    ((dev)&0xfffffu)

struct device {
	uint32_t dev;
	uint32_t mode;    /* rights of its node in /dev */
	const char *name; /* in /dev; may lie in a directory of it */
	const struct file_ops *fops;
	struct device *next;
};

/* The caller keeps *d for ever. */
void device_register(struct device *d);
const struct file_ops *device_ops(uint32_t dev);
struct device *device_list(void);

/* null, zero, full, random, urandom, kmsg (dev_memory.c). */
void dev_init(void);

#endif
