/* SPDX-License-Identifier: BSD-2-Clause
 *
 * errno_of.h - what libquire answers, in Linux's numbers.
 *
 * The numbers are those of mmap and its kin, which is where nearly all of them go; a call for
 * which Linux answers otherwise (mprotect of a hole: ENOMEM; SIGBUS for QR_BEYOND) decides by
 * the enum itself.
 */
#ifndef KERNEL_ERRNO_OF_H
#define KERNEL_ERRNO_OF_H

#include <quire/types.h>
#include "kernel/errno.h"

QR_INLINE int errno_of(enum qr_err err)
{
	switch (err) {
	case QR_OK:
		return 0;
	case QR_NOMEM:
	case QR_LIMIT:
	case QR_NOENT:
		return -ENOMEM;
	case QR_EXISTS:
		return -EEXIST;
	case QR_INVAL:
		return -EINVAL;
	case QR_ACCESS:
		return -EACCES;
	case QR_BEYOND:
	case QR_PAGER:
	case QR_CORRUPT:
		break;
	}
	return -EFAULT;
}

#endif
