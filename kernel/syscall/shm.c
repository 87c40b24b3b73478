/* SPDX-License-Identifier: BSD-2-Clause
 *
 * shm.c - System V shared memory: shmget, shmat, shmdt, shmctl; and i386's ipc, one door for all.
 *
 * Linux's checks in Linux's order.  Sources: shmget(2), shmop(2), shmctl(2), ipc(2) of the
 * man-pages 6.x.
 */
#include "fs/memfs.h"
#include "kernel/shm.h"
#include "kernel/time.h"
#include "kernel/vm_settings.h"
#include "kernel/policies.h"
#include "kernel/syscall/memory.h"

#define IPC_CREAT     01000u
#define IPC_EXCL      02000u
#define SHM_HUGETLB   04000u
#define SHM_NORESERVE 010000u
#define SHM_RDONLY    010000u
#define SHM_RND       020000u
#define SHM_REMAP     040000u
#define SHM_EXEC      0100000u
#define IPC_64        0x100u

enum { IPC_RMID, IPC_SET, IPC_STAT, IPC_INFO };
enum { SHM_LOCK = 11, SHM_UNLOCK, SHM_STAT, SHM_INFO, SHM_STAT_ANY };

static const struct cred *me(void)
{
	return &current->process->cred;
}

/* `may`: rights wanted, anywhere in a mode. */
static bool permitted(const struct shm_segment *s, unsigned may)
{
	unsigned granted = s->mode;

	may = (may >> 6 | may >> 3 | may) & 7;
	if (me()->euid == s->cuid || me()->euid == s->uid)
		granted >>= 6;
	else if (cred_in_group(me(), s->cgid) || cred_in_group(me(), s->gid))
		granted >>= 3;
	return !(may & ~granted & 7) || cred_can(me(), CAP_IPC_OWNER);
}

static bool owned(const struct shm_segment *s)
{
	return me()->euid == s->cuid || me()->euid == s->uid || cred_can(me(), CAP_SYS_ADMIN);
}

/* ---- shmget --------------------------------------------------------------------------------- */

static long make_segment(int32_t key, size_t size, unsigned flags)
{
	size_t n = (size >> QR_PAGE_SHIFT) + !!(size & QR_PAGE_MASK);
	struct shm_segment *s;
	int err;

	if (!size || size > shm_limits.max)
		return -EINVAL;
	if (shm_pages + n < shm_pages || shm_pages + n > shm_limits.all)
		return -ENOSPC;
	if (flags & SHM_HUGETLB) /* from a pool that is empty */
		return flags >> 26 && flags >> 26 != 21 && flags >> 26 != 30 ? -EINVAL : -ENOMEM;
	if (!(flags & SHM_NORESERVE && vm_settings.overcommit_memory != OVERCOMMIT_NEVER) &&
	    !may_commit(n))
		return -ENOMEM;
	err = shm_new(key, size, flags, &s);
	return err ? err : s->id;
}

SYSCALL3(shmget, int32_t, key, size_t, size, unsigned, flags)
{
	struct shm_segment *s = key ? shm_find_key(key) : NULL;

	if (!s)
		return key && !(flags & IPC_CREAT) ? -ENOENT : make_segment(key, size, flags);
	if (flags & IPC_CREAT && flags & IPC_EXCL)
		return -EEXIST;
	if (s->size < size)
		return -EINVAL;
	return permitted(s, flags) ? s->id : -EACCES;
}

/* ---- shmat, shmdt --------------------------------------------------------------------------- */

static int place(struct qr_map *req, uintptr_t at, unsigned flags)
{
	if (!at)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (OFFSET(at) && !(flags & SHM_RND))
		return -EINVAL;
	at &= ~(uintptr_t)QR_PAGE_MASK;
	if (!at && flags & SHM_REMAP)
		return -EINVAL;
	req->at = qr_virt_of(at);
	req->flags |= QR_MAP_FIXED | (flags & SHM_REMAP ? 0 : QR_MAP_NOREPLACE);
	return 0;
}

/* What mmap would say of a place that was asked for. */
static int check_place(const struct qr_map *req)
{
	uintptr_t at = req->at.v, n = (uintptr_t)req->npages << QR_PAGE_SHIFT;
	struct qr_region r;

	if (!(req->flags & QR_MAP_FIXED))
		return 0;
	if (at + n < at ||
	    (req->flags & QR_MAP_NOREPLACE && qr_space_next(space_here(), req->at, &r) == QR_OK &&
	     r.start.v < at + n))
		return -EINVAL;
	if (n > USER_END || at > USER_END - n)
		return -ENOMEM;
	return at < vm_settings.mmap_min_addr &&
		       (at < space_memory.user_start.v || !cred_can(me(), CAP_SYS_RAWIO))
		   ? -EPERM
		   : 0;
}

static long attach(int32_t id, uintptr_t at, unsigned flags)
{
	unsigned prot = flags & SHM_RDONLY ? QR_READ : QR_READ | QR_WRITE;
	struct qr_map req = { .flags = QR_MAP_SHARED | mm_here()->map_flags };
	struct shm_segment *s;
	qr_virt out;
	long err;

	if (id < 0 || (err = place(&req, at, flags)) != 0)
		return -EINVAL;
	if (flags & SHM_EXEC)
		prot |= QR_EXEC;
	s = shm_find(id);
	if (!s)
		return -EINVAL;
	if (!permitted(s, prot & QR_WRITE ? 0666 | (prot & QR_EXEC ? 0100 : 0)
					  : 0444 | (prot & QR_EXEC ? 0100 : 0)))
		return -EACCES;
	req.npages = (s->size + QR_PAGE_MASK) >> QR_PAGE_SHIFT;
	req.prot = (uint8_t)prot;
	req.maxprot = flags & SHM_RDONLY ? QR_READ | QR_EXEC : QR_READ | QR_WRITE | QR_EXEC;
	req.object = s->inode->object;
	if ((err = check_place(&req)) != 0)
		return err;
	if (req.flags & QR_MAP_LOCKED && !may_lock_more(req.npages))
		return -EAGAIN;
	if (regions_full(0))
		return -ENOMEM;
	err = error_of(qr_space_map(space_here(), &req, &out));
	if (QR_RARELY(mm_here()->policies) && !err)
		policies_unmapped(mm_here(), out.v, out.v + (req.npages << QR_PAGE_SHIFT));
	if (err)
		return err;
	shm_attached(s);
	return (long)out.v;
}

SYSCALL3(shmat, int32_t, id, uintptr_t, at, unsigned, flags)
{
	return attach(id, at, flags);
}

/* Of the segment that begins at `at` all that is still mapped in its place. */
SYSCALL1(shmdt, uintptr_t, at)
{
	const struct shm_segment *of = NULL, *s;
	struct qr_region r = { .end = { at } };
	uintptr_t end = UINTPTR_MAX;

	if (OFFSET(at))
		return -EINVAL;
	while (qr_space_next(space_here(), r.end, &r) == QR_OK && r.start.v < end) {
		long err;

		s = r.start.v < at ? NULL : shm_of(r.object);
		if (!s || (of && s != of) || pages(r.start.v - at) != r.pgoff)
			continue;
		of = s;
		end = at + whole_pages(s->size);
		err = error_of(qr_space_unmap(space_here(), r.start, pages(r.end.v - r.start.v)));
		policies_unmapped(mm_here(), r.start.v, r.end.v);
		if (err)
			return err;
	}
	return of ? 0 : -EINVAL;
}

/* ---- shmctl --------------------------------------------------------------------------------- */

struct user_ipc_perm {
	int32_t key;
	uint32_t uid, gid, cuid, cgid, mode;
	uint16_t seq, unused;
	unsigned long unused_longs[2];
};

struct user_shmid {
	struct user_ipc_perm perm;
	size_t size;
	unsigned long times[sizeof(long) == 8 ? 3 : 6]; /* attached, detached, changed: low, high */
	int32_t creator, last;
	unsigned long attaches, unused[2];
};

struct user_shminfo {
	unsigned long max, min, mni, segments, all, unused[4];
};

struct user_shm_info {
	int used;
	unsigned long pages, resident, swapped, tries, successes;
};

static void put_time(unsigned long *to, int64_t t)
{
	to[0] = (unsigned long)t;
	if (sizeof(long) == 4)
		to[1] = (unsigned long)((uint64_t)t >> 32);
}

static int tell(const struct shm_segment *s, struct user_shmid __user *to)
{
	const unsigned words = sizeof(long) == 8 ? 1 : 2;
	struct user_shmid u = {
		.perm = { s->key, s->uid, s->gid, s->cuid, s->cgid, s->mode,
			  .seq = (uint16_t)(s->id >> 15) },
		.size = s->size,
		.creator = s->creator,
		.last = s->last,
		.attaches = shm_attaches(s),
	};

	put_time(u.times, s->attached);
	put_time(u.times + words, s->detached);
	put_time(u.times + 2 * words, s->changed);
	return copy_to_user(to, &u, sizeof(u));
}

/* By id; SHM_STAT by place in the table, which an id has in it too, and answers the id. */
static long stat(int32_t id, unsigned command, struct user_shmid __user *to)
{
	unsigned place = (unsigned)id % SHM_SLOTS_MAX, slot = place;
	struct shm_segment *s = command == IPC_STAT ? shm_find(id) : shm_next(&slot);
	int32_t nr;

	if (!s || slot != place)
		return -EINVAL;
	if (command != SHM_STAT_ANY && !permitted(s, 0444))
		return -EACCES;
	nr = s->id;
	return tell(s, to) ? -EFAULT : command == IPC_STAT ? 0 : nr;
}

static long set(int32_t id, const struct user_shmid __user *from)
{
	struct user_shmid u;
	struct shm_segment *s;

	if (copy_from_user(&u, from, sizeof(u)))
		return -EFAULT;
	s = shm_find(id);
	if (!s)
		return -EINVAL;
	if (!owned(s))
		return -EPERM;
	if (u.perm.uid == UINT32_MAX || u.perm.gid == UINT32_MAX)
		return -EINVAL;
	s->uid = u.perm.uid;
	s->gid = u.perm.gid;
	s->mode = (s->mode & ~0777u) | (u.perm.mode & 0777);
	s->changed = (int64_t)(real_ns() / NS_PER_SEC);
	return 0;
}

static long remove(int32_t id)
{
	struct shm_segment *s = shm_find(id);

	if (!s)
		return -EINVAL;
	if (!owned(s))
		return -EPERM;
	shm_remove(s);
	return 0;
}

/* Nothing is ever swapped: a mark is all there is to locking a segment. */
static long lock(int32_t id, bool on)
{
	struct shm_segment *s = shm_find(id);

	if (!s)
		return -EINVAL;
	if (!cred_can(me(), CAP_IPC_LOCK)) {
		if (me()->euid != s->uid && me()->euid != s->cuid)
			return -EPERM;
		if (on && !may_lock())
			return -EPERM;
		if (on && limit_reached(RLIMIT_MEMLOCK, 0, pages(whole_pages(s->size))))
			return -ENOMEM;
	}
	s->mode = on ? s->mode | SHM_LOCKED : s->mode & ~SHM_LOCKED;
	return 0;
}

static long highest_slot(void)
{
	long highest = 0;

	for (unsigned slot = 0; shm_next(&slot); slot++)
		highest = slot;
	return highest;
}

static long info(void __user *to)
{
	struct user_shminfo u = { shm_limits.max,           1,
				  (unsigned)shm_limits.mni, (unsigned)shm_limits.mni,
				  shm_limits.all,           { 0 } };

	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : highest_slot();
}

static long usage(void __user *to)
{
	struct user_shm_info u = { .used = (int)shm_count, .pages = shm_pages };
	struct shm_segment *s;

	for (unsigned slot = 0; (s = shm_next(&slot)); slot++)
		u.resident += s->inode->object->nresident;
	return copy_to_user(to, &u, sizeof(u)) ? -EFAULT : highest_slot();
}

static long control(int32_t id, unsigned command, void __user *buf)
{
	if ((int)command < 0 || id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return info(buf);
	case SHM_INFO:
		return usage(buf);
	case IPC_STAT:
	case SHM_STAT:
	case SHM_STAT_ANY:
		return stat(id, command, buf);
	case IPC_SET:
		return set(id, buf);
	case IPC_RMID:
		return remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return lock(id, command == SHM_LOCK);
	}
	return -EINVAL;
}

SYSCALL3(shmctl, int32_t, id, unsigned, command, void __user *, buf)
{
	return control(id, command, buf);
}

/* ---- ipc ------------------------------------------------------------------------------------ */

#ifndef __x86_64__
SYSCALL5(ipc, unsigned, call, int32_t, first, uint32_t, second, uint32_t, third, uintptr_t, ptr)
{
	enum { SHMAT = 21, SHMDT, SHMGET, SHMCTL };
	long ret;

	switch (call & 0xffff) {
	case SHMAT:
		if (call >> 16 == 1)
			return -EINVAL;
		ret = attach(first, ptr, second);
		if (ret < 0 && ret > -4096)
			return ret;
		return put_user((unsigned long)ret, (unsigned long __user *)(uintptr_t)third);
	case SHMDT:
		return sys_shmdt(ptr, 0, 0, 0, 0, 0);
	case SHMGET:
		return sys_shmget((uintptr_t)first, second, third, 0, 0, 0);
	case SHMCTL: /* the structures of before IPC_64 had 16 bits for ids of users */
		if (!(second & IPC_64) && (second == IPC_STAT || second == IPC_SET))
			return -EINVAL;
		return control(first, second & ~IPC_64, (void __user *)ptr);
	}
	return -ENOSYS; /* semaphores and messages */
}
#endif
