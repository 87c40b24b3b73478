/* SPDX-License-Identifier: BSD-2-Clause
 *
 * sysvipc.c - /proc/sysvipc/shm: System V segments, as ipcs reads them.
 */
#include "fs/proc/proc.h"
#include "kernel/shm.h"

#define SIZE_WIDTH (sizeof(long) == 8 ? 21 : 10)
#define KEPT       (0777u | SHM_DEST | SHM_LOCKED)

PROC_SHOW(sysvipc_shm)
{
	const struct shm_segment *s;

	text_printf(t, "       key      shmid perms %*s  cpid  lpid nattch   uid   gid  cuid  cgid",
		    SIZE_WIDTH, "size");
	text_printf(t, "      atime      dtime      ctime %*s %*s\n", SIZE_WIDTH, "rss", SIZE_WIDTH,
		    "swap");
	for (unsigned slot = 0; (s = shm_next(&slot)); slot++) {
		text_printf(t, "%10d %10d  %4o %*zu %5d %5d  %5zu %5u %5u %5u %5u ", s->key, s->id,
			    s->mode & KEPT, SIZE_WIDTH, s->size, s->creator, s->last,
			    shm_attaches(s), s->uid, s->gid, s->cuid, s->cgid);
		text_printf(t, "%10lld %10lld %10lld %*llu %*u\n", (long long)s->attached,
			    (long long)s->detached, (long long)s->changed, SIZE_WIDTH,
			    (unsigned long long)s->inode->object->nresident * QR_PAGE_SIZE,
			    SIZE_WIDTH, 0u);
	}
	return 0;
}
