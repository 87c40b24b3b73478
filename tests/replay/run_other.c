/* SPDX-License-Identifier: BSD-2-Clause
 *
 * run_other.c - the calls about shared segments, other processes' memory, limits and rights.
 */
#include "tests/replay/run.h"
#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* ---- segments ---------------------------------------------------------------------------- */

long run_shmget(const struct step *s, long *a)
{
	long id = SYS(shmget, IPC_PRIVATE, a[1], 0600);

	(void)s;
	if (id < 0)
		return id;
	if (board->shm[a[0]])
		shmctl(board->shm[a[0]] - 1, IPC_RMID, NULL);
	board->shm[a[0]] = (int)id + 1;
	return 0;
}

static long size_of(int id)
{
	struct shmid_ds ds;

	return shmctl(id, IPC_STAT, &ds) ? 0 : (long)ds.shm_segsz;
}

long run_shmat(const struct step *s, long *a)
{
	int id = board->shm[a[0]] - 1;
	long at, size = size_of(id);

	if (a[1] && a[1] < 0x10000) /* as for mmap */
		return OUTSIDE;
	if (slot_of(&s->arg[1]) && !within(&s->arg[1], (uintptr_t)a[1], (uintptr_t)size))
		return OUTSIDE;
	at = SYS(shmat, id, a[1], a[2]);
	if ((unsigned long)at < -4095ul)
		note_slot((uintptr_t)at, (uintptr_t)size);
	return at;
}

long run_shmdt(const struct step *s, long *a)
{
	struct slot *slot = slot_of(&s->arg[0]);
	long err = SYS(shmdt, a[0]);

	if (slot && !err)
		slot->pages = 0;
	return err;
}

long run_shmrm(const struct step *s, long *a)
{
	(void)s;
	return SYS(shmctl, board->shm[a[0]] - 1, IPC_RMID);
}

long run_shmstat(const struct step *s, long *a)
{
	struct shmid_ds ds;

	(void)s;
	if (shmctl(board->shm[a[0]] - 1, IPC_STAT, &ds))
		return -errno;
	say_number((int64_t)ds.shm_segsz);
	say(ds.shm_nattch ? " attached " : " "); /* Linux counts the areas that it is cut into */
	return 0;
}

void remove_segments(void)
{
	for (int i = 0; i < SHMS; i++) {
		if (board->shm[i])
			shmctl(board->shm[i] - 1, IPC_RMID, NULL);
		board->shm[i] = 0;
	}
}

/* ---- memory of another process ------------------------------------------------------------ */

static long between(long nr, const long *a)
{
	struct iovec remote = { (void *)a[1], (size_t)a[3] },
		     local = { (void *)a[2], (size_t)a[3] };
	int pid = board->actor[a[0]].pid;

	if (!pid)
		return NOWHERE;
	if (!accessible((uintptr_t)a[2], (uintptr_t)a[3], nr == SYS_process_vm_readv ? 'w' : 'r'))
		return OUTSIDE;
	if (pid == board->actor[board->turn].pid && labs(a[1] - a[2]) < a[3])
		return OUTSIDE; /* what an overlap becomes nobody says */
	return sys(nr, (const long[6]){ pid, P(&local), 1, P(&remote), 1, 0 });
}

long run_vmread(const struct step *s, long *a)
{
	(void)s;
	return between(SYS_process_vm_readv, a);
}

long run_vmwrite(const struct step *s, long *a)
{
	(void)s;
	return between(SYS_process_vm_writev, a);
}

/* ---- limits ------------------------------------------------------------------------------- */

/* So much more than is used now; what a program itself needs differs. */
long run_limit(const struct step *s, long *a)
{
	static const struct {
		int limit;
		const char *key;
	} used[] = { { RLIMIT_AS, "VmSize" },
		     { RLIMIT_DATA, "VmData" },
		     { RLIMIT_MEMLOCK, "VmLck" } };
	struct {
		uint64_t cur, max;
	} limit;

	(void)s;
	SYS(prlimit64, 0, a[0], 0, P(&limit));
	limit.cur = (uint64_t)a[1];
	for (unsigned i = 0; i < sizeof(used) / sizeof(used[0]); i++)
		if (used[i].limit == a[0])
			limit.cur += (uint64_t)(status_pages(used[i].key) * PAGE);
	return SYS(prlimit64, 0, a[0], P(&limit), 0);
}

/* ---- huge pages ---------------------------------------------------------------------------- */

/* Whether there is one for who asks depends on what else the machine has done: so residency, which
 * shows it, goes unsaid from now on. */
long run_huge(const struct step *s, long *a)
{
	(void)s, (void)a;
	board->huge = true;
	return SYS(prctl, PR_SET_THP_DISABLE, 0, 0, 0, 0);
}

/* ---- rights ------------------------------------------------------------------------------- */

/* From now on this process has no more rights than any. */
long run_drop(const struct step *s, long *a)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	(void)s, (void)a;
	return SYS(capset, P(&head), P(none));
}
