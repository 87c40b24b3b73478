/* SPDX-License-Identifier: BSD-2-Clause
 *
 * dev.c - the register of devices, and those that are nothing but functions on memory:
 *
 *	1:3 null   1:5 zero   1:7 full   1:8 random   1:9 urandom   1:11 kmsg
 */
#include "fs/dev.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/log.h"
#include "kernel/random.h"

static struct device *devices;

void device_register(struct device *d)
{
	d->next = devices;
	devices = d;
}

struct device *device_list(void)
{
	return devices;
}

const struct file_ops *device_ops(uint32_t dev)
{
	for (struct device *d = devices; d; d = d->next)
		if (d->dev == dev)
			return d->fops;
	return NULL;
}

/* ---- null, zero, full ------------------------------------------------------------------------- */

static long null_read(struct file *f, struct uio *to, uint64_t *pos)
{
	return 0;
}

static long null_write(struct file *f, struct uio *from, uint64_t *pos)
{
	return (long)from->left;
}

static long zero_read(struct file *f, struct uio *to, uint64_t *pos)
{
	size_t n = to->left;

	return uio_result(uio_zero(to, n), n ? -EFAULT : 0);
}

static long full_write(struct file *f, struct uio *from, uint64_t *pos)
{
	return -ENOSPC;
}

/* Wherever one seeks, one is at the beginning. */
static int64_t null_seek(struct file *f, int64_t offset, int whence)
{
	f->pos = 0;
	return 0;
}

static int zero_mmap(struct file *f, struct qr_object **out)
{
	*out = NULL;
	return 0;
}

static const struct file_ops null_fops = {
	.read = null_read,
	.write = null_write,
	.seek = null_seek,
};
static const struct file_ops zero_fops = {
	.read = zero_read,
	.write = null_write,
	.seek = null_seek,
	.mmap = zero_mmap,
};
static const struct file_ops full_fops = {
	.read = zero_read,
	.write = full_write,
	.seek = null_seek,
};

/* ---- random ------------------------------------------------------------------------------------ */

static long random_read(struct file *f, struct uio *to, uint64_t *pos)
{
	uint8_t bytes[256];
	size_t done = 0;

	while (to->left && !to->fault) {
		size_t n = to->left < sizeof(bytes) ? to->left : sizeof(bytes);

		random_bytes(bytes, n);
		done += uio_put(to, bytes, n);
	}
	return uio_result(done, to->fault ? -EFAULT : 0);
}

static long random_write(struct file *f, struct uio *from, uint64_t *pos)
{
	uint8_t bytes[256];
	size_t done = 0;

	while (from->left && !from->fault) {
		size_t n = from->left < sizeof(bytes) ? from->left : sizeof(bytes);

		n = uio_get(from, bytes, n);
		random_stir(bytes, n);
		done += n;
	}
	return uio_result(done, from->fault ? -EFAULT : 0);
}

/* Once seeded it never runs dry: as many bits as Linux says then. */
static long random_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	enum { RNDGETENTCNT = 0x80045200u, FULL = 256 };

	return cmd == RNDGETENTCNT ? put_user(FULL, (int32_t __user *)arg) : -EINVAL;
}

static const struct file_ops random_fops = {
	.read = random_read,
	.write = random_write,
	.seek = null_seek,
	.ioctl = random_ioctl,
};

/* ---- the kernel's log ----------------------------------------------------------------------------- */

static long kmsg_read(struct file *f, struct uio *to, uint64_t *pos)
{
	char text[256];
	size_t done = 0, n;

	while (to->left && !to->fault) {
		n = log_read(&f->pos, text, to->left < sizeof(text) ? to->left : sizeof(text));
		if (!n)
			break;
		done += uio_put(to, text, n);
	}
	if (!done && !to->fault)
		return f->flags & O_NONBLOCK ? -EAGAIN : 0;
	return uio_result(done, -EFAULT);
}

/* One message a write; "<6>" in front is its level. */
static long kmsg_write(struct file *f, struct uio *from, uint64_t *pos)
{
	char text[256];
	size_t all = from->left, n = uio_get(from, text, sizeof(text) - 1);
	const char *start = text;

	if (from->fault)
		return -EFAULT;
	text[n] = '\0';
	if (n > 3 && text[0] == '<' && text[2] == '>')
		start += 3;
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	log_info("%s\n", start);
	return (long)all;
}

static const struct file_ops kmsg_fops = {
	.read = kmsg_read,
	.write = kmsg_write,
	.seek = null_seek,
};

void dev_init(void)
{
	static struct device memory_devices[] = {
		{ DEV(1, 3), 0666, "null", &null_fops, NULL },
		{ DEV(1, 5), 0666, "zero", &zero_fops, NULL },
		{ DEV(1, 7), 0666, "full", &full_fops, NULL },
		{ DEV(1, 8), 0666, "random", &random_fops, NULL },
		{ DEV(1, 9), 0666, "urandom", &random_fops, NULL },
		{ DEV(1, 11), 0644, "kmsg", &kmsg_fops, NULL },
	};

	for (unsigned i = 0; i < sizeof(memory_devices) / sizeof(memory_devices[0]); i++)
		device_register(&memory_devices[i]);
}
