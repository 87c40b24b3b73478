/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pages.h - pages for a heap in a Linux process.
 *
 * One range of address space is reserved at start, as much as the process may have (1 TiB, or less
 * under ulimit -v), and made usable piece by piece from its low end.  Runs of free pages lie in
 * lists by length, and neighbours are merged.
 *
 *	base          used            end of what is usable                 end of the range
 *	| in use | free | in use |  never used  |       reserved only       |
 *
 * A free run is dirty if it may still have memory behind it.  That memory goes back to the system
 * by pages_purge, or when there is more of it than an eighth of what is in use and it does not help.
 */
#ifndef MALLOC_PAGES_H
#define MALLOC_PAGES_H

#include <quire/heap.h>

/* Reserve the range; *src gets all of it.  False: there is no address space. */
bool pages_init(struct qr_heap_source *src);
/* Memory of free pages back to the system.  Answers how many bytes. */
size_t pages_purge(void);
/* Ask for no huge pages from now. */
void pages_set_small(void);
/* Bytes of free pages that still have memory. */
size_t pages_dirty(void);
/* Bytes of pages given out; the most ever. */
size_t pages_used(void);
size_t pages_peak(void);
/* Nobody else is inside, between these: for fork. */
void pages_lock(void);
void pages_unlock(void);
/* In the child: nobody has the lock, nobody waits for it. */
void pages_reset_lock(void);

#endif
