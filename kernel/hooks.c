/* SPDX-License-Identifier: BSD-2-Clause
 *
 * hooks.c - weak stand-ins for parts that are being written; a part's own definition replaces its.
 */
#include <quire/space.h>
#include "fs/dev.h"
#include "fs/epoll.h"
#include "fs/file.h"
#include "fs/memfs.h"
#include "fs/vfs.h"
#include "kernel/process.h"

#define WEAK __attribute__((weak))

WEAK void eventpoll_forget(struct file *f)
{
}

WEAK void tty_session_ends(struct tty *tty)
{
}

WEAK enum qr_err qr_space_advise(struct qr_space *s, qr_virt at, size_t npages,
				 enum qr_advice advice)
{
	return QR_INVAL;
}

WEAK enum qr_err qr_space_lock(struct qr_space *s, qr_virt at, size_t npages, bool lock)
{
	return QR_OK;
}

WEAK enum qr_err qr_space_remap(struct qr_space *s, const struct qr_remap *r, qr_virt *out)
{
	return QR_NOMEM;
}

WEAK size_t qr_space_explain(struct qr_space *s, qr_virt at, enum qr_access access, char *buf,
			     size_t n)
{
	buf[0] = 0;
	return 0;
}

WEAK int vfs_init(void)
{
	memfs_init();
	dev_init();
	int err = vfs_mount((struct path){ NULL, NULL }, "rootfs", "rootfs", NULL, 0);

	if (!err)
		kernel_process.fs = fs_context_new();
	return err;
}
