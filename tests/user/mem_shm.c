/* SPDX-License-Identifier: BSD-2-Clause
 *
 * mem_shm.c - System V shared memory.
 */
#include "user.h"
#include <sys/ipc.h>
#include <sys/shm.h>

static int make(size_t size)
{
	int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);

	if (id < 0 && errno == ENOSYS)
		skip("no System V shared memory");
	NEED(id >= 0);
	return id;
}

static struct shmid_ds stat_of(int id)
{
	struct shmid_ds d;

	memset(&d, 0xff, sizeof d);
	NEED(shmctl(id, IPC_STAT, &d) == 0);
	return d;
}

TEST("a segment is zeroes at first, and the same wherever it is attached")
{
	int id = make(10000);
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, 0);
	struct shmid_ds d = stat_of(id);

	NEED(a != (void *)-1 && b != (void *)-1 && a != b);
	CHECK(a[0] == 0 && a[9999] == 0 && a[12287] == 0);
	a[5000] = 7;
	CHECK(b[5000] == 7);
	CHECK(d.shm_segsz == 10000 && d.shm_nattch == 2 && d.shm_cpid == getpid() &&
	      d.shm_lpid == getpid());
	CHECK(d.shm_perm.uid == getuid() && d.shm_perm.cuid == getuid() &&
	      (d.shm_perm.mode & 07777) == 0600 && d.shm_perm.__key == IPC_PRIVATE);
	CHECK(d.shm_ctime && d.shm_atime && !d.shm_dtime);
	CHECK(shmdt(a) == 0);
	CHECK_EQ(fault_read(a), SIGSEGV);
	d = stat_of(id);
	CHECK(d.shm_nattch == 1 && d.shm_dtime);
	CHECK(b[5000] == 7);
	CHECK_ERR(shmdt(a), EINVAL);
	CHECK_ERR(shmdt(b + 1), EINVAL);
	CHECK_ERR(shmdt(b + PAGE), EINVAL);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST("keys: made once, found again, gone after removal")
{
	key_t key = (key_t)(0x51000000 + getpid());
	int id = shmget(key, 100, IPC_CREAT | IPC_EXCL | 0640);

	NEED(id >= 0);
	CHECK_ERR(shmget(key, 100, IPC_CREAT | IPC_EXCL), EEXIST);
	CHECK_EQ(shmget(key, 0, 0), id);
	CHECK_EQ(shmget(key, 100, IPC_CREAT), id);
	CHECK_ERR(shmget(key, 101, 0), EINVAL);
	CHECK(stat_of(id).shm_perm.__key == key);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK_ERR(shmget(key, 100, 0), ENOENT);
	CHECK_ERR(shmctl(id, IPC_STAT, NULL), EINVAL);
	CHECK_ERR(shmctl(id, IPC_RMID, NULL), EINVAL);
	CHECK_ERR(shmat(id, NULL, 0), EINVAL);
}

static void use_and_leave(void *p)
{
	CHECK(((char *)p)[1] == 3);
	((char *)p)[2] = 4;
}

TEST("children share it; removed while attached, it goes with the last one")
{
	int id = make(PAGE);
	char *p = shmat(id, NULL, 0), *again;

	NEED(p != (void *)-1);
	p[1] = 3;
	CHECK_EQ(in_child(use_and_leave, p), 0);
	CHECK(p[2] == 4 && stat_of(id).shm_nattch == 1 && stat_of(id).shm_dtime);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	CHECK(p[2] == 4 && stat_of(id).shm_perm.mode & SHM_DEST);
	again = shmat(id, NULL, 0);
	NEED(again != (void *)-1);
	CHECK(again[2] == 4 && munmap(p, PAGE) == 0 && shmdt(again) == 0);
	CHECK_ERR(shmctl(id, IPC_STAT, NULL), EINVAL);
}

TEST("where it is attached: RND, REMAP, read-only, executable")
{
	int id = make(2 * PAGE);
	char *hole = fresh(4 * PAGE), *p;

	CHECK_ERR(shmat(id, hole, 0), EINVAL); /* something is there */
	CHECK_ERR(shmat(id, hole + 1, 0), EINVAL);
	CHECK_ERR(shmat(id, NULL, SHM_REMAP), EINVAL);
	CHECK_ERR(shmat(id, (void *)10, SHM_REMAP | SHM_RND), EINVAL);
	CHECK(shmat(id, hole + 5, SHM_REMAP | SHM_RND) == hole);
	hole[0] = 1;
	hole[2 * PAGE] = 1; /* still ours */
	CHECK(shmdt(hole) == 0);
	CHECK_EQ(fault_read(hole), SIGSEGV);
	CHECK(shmat(id, hole + PAGE - 1, SHM_RND) == hole);
	p = shmat(id, NULL, SHM_RDONLY);
	NEED(p != (void *)-1);
	CHECK(p[0] == 1);
	CHECK_EQ(fault_write(p, 1), SIGSEGV);
	CHECK_ERR(mprotect(p, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK(mprotect(p, PAGE, PROT_NONE) == 0 && mprotect(p, PAGE, PROT_READ) == 0);
	CHECK(munmap(p, PAGE) == 0 && shmdt(p) == 0); /* what is left of it */
	CHECK_EQ(fault_read(p + PAGE), SIGSEGV);
	p = shmat(id, NULL, SHM_EXEC);
	NEED(p != (void *)-1);
	*(unsigned char *)p = 0xc3;
	((void (*)(void))(uintptr_t)p)();
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST("bad numbers, sizes and commands")
{
	int id = make(PAGE);
	struct shmid_ds d;

	CHECK_ERR(shmget(IPC_PRIVATE, 0, 0600), EINVAL);
	if (!under_64_bits())
		CHECK_ERR(shmget(IPC_PRIVATE, (size_t)-1, 0600), EINVAL);
	CHECK_ERR(shmat(-1, NULL, 0), EINVAL);
	CHECK_ERR(shmat(0x7fffffff, NULL, 0), EINVAL);
	CHECK_ERR(shmctl(id, 99, &d), EINVAL);
	CHECK_ERR(shmctl(-1, IPC_STAT, &d), EINVAL);
	CHECK_ERR(syscall(SYS_shmctl, id, IPC_STAT, 8), EFAULT);
	CHECK_ERR(syscall(SYS_shmctl, id, IPC_SET, 8), EFAULT);
	CHECK_ERR(shmctl(-1, IPC_RMID, NULL), EINVAL);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST("IPC_SET, SHM_LOCK, IPC_INFO, SHM_INFO, SHM_STAT")
{
	int id = make(3 * PAGE), top, found = -1;
	struct shmid_ds d = stat_of(id);
	struct shminfo most;
	struct shm_info now;

	d.shm_perm.mode = 0777;
	CHECK(shmctl(id, IPC_SET, &d) == 0 && (stat_of(id).shm_perm.mode & 07777) == 0777);
	CHECK(shmctl(id, SHM_LOCK, NULL) == 0 && stat_of(id).shm_perm.mode & SHM_LOCKED);
	CHECK(shmctl(id, SHM_UNLOCK, NULL) == 0 && !(stat_of(id).shm_perm.mode & SHM_LOCKED));
	CHECK(shmctl(0, IPC_INFO, (void *)&most) >= 0);
	CHECK(most.shmmin == 1 && most.shmmni == 4096 && most.shmmax > 1ul << 30);
	top = shmctl(0, SHM_INFO, (void *)&now);
	CHECK(top >= 0 && now.used_ids >= 1 && now.shm_tot >= 3);
	for (int i = 0; i <= top; i++)
		if (shmctl(i, SHM_STAT, &d) == id)
			found = i;
	CHECK(found >= 0);
	CHECK_ERR(shmctl(top + 1, SHM_STAT, &d), EINVAL);
	/* An id names its place as well. */
	CHECK(shmctl(id, SHM_STAT, &d) == id && shmctl(found + (1 << 15), SHM_STAT, &d) == id);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
}

TEST("a removed segment ends with its last mapping, though that be replaced by its own pages")
{
	int id = make(2 * PAGE);
	char *a = shmat(id, NULL, 0), *b = shmat(id, NULL, 0);

	NEED(a != (void *)-1 && b != (void *)-1);
	a[PAGE] = 1;
	CHECK(shmctl(id, IPC_RMID, NULL) == 0);
	if (syscall(SYS_remap_file_pages, a, PAGE, 0, 1, 0) < 0 && errno == ENOSYS)
		skip("no remap_file_pages");
	CHECK(a[0] == 1 && shmdt(b) == 0);
	CHECK(syscall(SYS_remap_file_pages, a, PAGE, 0, 0, 0) == 0 && a[0] == 0);
	/* Whether its number is free, or taken again. */
	CHECK(syscall(SYS_remap_file_pages, a, 2 * PAGE, 0, 0, 0) < 0 &&
	      (errno == EINVAL || errno == EIDRM));
	CHECK_EQ(fault_read(a), SIGSEGV);
	CHECK_ERR(shmdt(a), EINVAL);
}

TEST("others may do what the mode says")
{
	int id = shmget(IPC_PRIVATE, PAGE, 0640), open_to_all = shmget(IPC_PRIVATE, PAGE, 0604);
	struct shmid_ds d;
	pid_t pid;
	int status;

	NEED(id >= 0 && open_to_all >= 0);
	if (getuid() != 0)
		skip("not root");
	pid = fork();
	if (pid == 0) {
		NEED(setgid(65534) == 0 && setuid(65534) == 0);
		CHECK_ERR(shmat(id, NULL, SHM_RDONLY), EACCES);
		CHECK_ERR(shmctl(id, IPC_STAT, &d), EACCES);
		CHECK_ERR(shmctl(id, IPC_RMID, NULL), EPERM);
		CHECK(shmat(open_to_all, NULL, SHM_RDONLY) != (void *)-1);
		CHECK_ERR(shmat(open_to_all, NULL, 0), EACCES);
		CHECK_ERR(shmctl(open_to_all, SHM_LOCK, NULL), EPERM);
		CHECK(shmctl(open_to_all, IPC_STAT, &d) == 0);
		exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	CHECK(shmctl(id, IPC_RMID, NULL) == 0 && shmctl(open_to_all, IPC_RMID, NULL) == 0);
}

static void many(void)
{
	int ids[64];

	for (int i = 0; i < 64; i++) {
		char *p;

		ids[i] = shmget(IPC_PRIVATE, 8 * PAGE, 0600);
		p = shmat(ids[i], NULL, 0);
		if (p != (void *)-1)
			memset(p, i, 8 * PAGE);
		if (i & 1)
			shmctl(ids[i], IPC_RMID, NULL);
	}
	for (int i = 0; i < 64; i += 2)
		shmctl(ids[i], IPC_RMID, NULL);
}

static void many_in_child(void *unused)
{
	(void)unused;
	many();
}

static void leave_many(void)
{
	in_child(many_in_child, NULL);
}

TEST("what a process leaves attached is not lost")
{
	CHECK(!loses_memory(leave_many));
}
