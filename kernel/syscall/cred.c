/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cred.c - whose rights a process has.
 *
 * The super-user may take any id; others may exchange the ones they have.  Capabilities are all
 * or none, as the effective user id says.
 */
#include "kernel/kmalloc.h"
#include "kernel/syscall/syscall.h"

#define KEEP       0xffffffffu /* -1: leave this one */
#define GROUPS_MAX 65536

static struct cred *mine(void)
{
	return &current_process->cred;
}

static void note_change(struct cred *c)
{
	c->caps = c->euid ? 0 : ~(uint64_t)0;
	current_process->flags &= ~(unsigned)PROCESS_DUMPABLE;
}

/* ---- asking ----------------------------------------------------------------------------- */

SYSCALL0(getuid)
{
	return mine()->uid;
}

SYSCALL0(geteuid)
{
	return mine()->euid;
}

SYSCALL0(getgid)
{
	return mine()->gid;
}

SYSCALL0(getegid)
{
	return mine()->egid;
}

SYSCALL3(getresuid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
	const struct cred *c = mine();

	return put_user(c->uid, r) || put_user(c->euid, e) || put_user(c->suid, s) ? -EFAULT : 0;
}

SYSCALL3(getresgid, uint32_t __user *, r, uint32_t __user *, e, uint32_t __user *, s)
{
	const struct cred *c = mine();

	return put_user(c->gid, r) || put_user(c->egid, e) || put_user(c->sgid, s) ? -EFAULT : 0;
}

/* ---- changing: users and groups alike --------------------------------------------------- */

/* Pointers to the four ids of a kind. */
struct ids {
	uint32_t *real, *effective, *saved, *fs;
};

static struct ids user_ids(void)
{
	struct cred *c = mine();

	return (struct ids){ &c->uid, &c->euid, &c->suid, &c->fsuid };
}

static struct ids group_ids(void)
{
	struct cred *c = mine();

	return (struct ids){ &c->gid, &c->egid, &c->sgid, &c->fsgid };
}

static bool has(const struct ids *i, uint32_t id)
{
	return id == KEEP || id == *i->real || id == *i->effective || id == *i->saved;
}

static long set_res(struct ids i, uint32_t r, uint32_t e, uint32_t s)
{
	if (!cred_super(mine()) && !(has(&i, r) && has(&i, e) && has(&i, s)))
		return -EPERM;
	if (r != KEEP)
		*i.real = r;
	if (e != KEEP)
		*i.effective = e;
	if (s != KEEP)
		*i.saved = s;
	*i.fs = *i.effective;
	note_change(mine());
	return 0;
}

static long set_re(struct ids i, uint32_t r, uint32_t e)
{
	bool super = cred_super(mine());
	uint32_t saved = KEEP;

	if (!super && r != KEEP && r != *i.real && r != *i.effective)
		return -EPERM;
	if (!super && !has(&i, e))
		return -EPERM;
	if (r != KEEP || (e != KEEP && e != *i.real))
		saved = e != KEEP ? e : *i.effective;
	if (r != KEEP)
		*i.real = r;
	if (e != KEEP)
		*i.effective = e;
	if (saved != KEEP)
		*i.saved = saved;
	*i.fs = *i.effective;
	note_change(mine());
	return 0;
}

static long set_one(struct ids i, uint32_t id)
{
	if (id == KEEP)
		return -EINVAL;
	if (cred_super(mine()))
		return set_res(i, id, id, id);
	return id == *i.real || id == *i.saved ? set_res(i, KEEP, id, KEEP) : -EPERM;
}

static long set_fs(struct ids i, uint32_t id)
{
	uint32_t was = *i.fs;

	if (id != KEEP && (cred_super(mine()) || has(&i, id) || id == was))
		*i.fs = id;
	return was;
}

SYSCALL1(setuid, uint32_t, id)
{
	return set_one(user_ids(), id);
}

SYSCALL1(setgid, uint32_t, id)
{
	return set_one(group_ids(), id);
}

SYSCALL2(setreuid, uint32_t, r, uint32_t, e)
{
	return set_re(user_ids(), r, e);
}

SYSCALL2(setregid, uint32_t, r, uint32_t, e)
{
	return set_re(group_ids(), r, e);
}

SYSCALL3(setresuid, uint32_t, r, uint32_t, e, uint32_t, s)
{
	return set_res(user_ids(), r, e, s);
}

SYSCALL3(setresgid, uint32_t, r, uint32_t, e, uint32_t, s)
{
	return set_res(group_ids(), r, e, s);
}

/* CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, LINUX_IMMUTABLE, MKNOD, MAC_OVERRIDE. */
#define CAPS_OF_FILES 0x10800021full

/* The rights over files come and go with the super-user's id for files. */
static long set_fs_user(uint32_t id)
{
	struct cred *c = mine();
	uint32_t was = (uint32_t)set_fs(user_ids(), id);

	if (!was && c->fsuid)
		c->caps &= ~CAPS_OF_FILES;
	else if (was && !c->fsuid && cred_super(c))
		c->caps |= CAPS_OF_FILES;
	return was;
}

SYSCALL1(setfsuid, uint32_t, id)
{
	return set_fs_user(id);
}

SYSCALL1(setfsgid, uint32_t, id)
{
	return set_fs(group_ids(), id);
}

/* ---- supplementary groups --------------------------------------------------------------- */

SYSCALL2(getgroups, int, room, uint32_t __user *, to)
{
	const struct groups *g = mine()->groups;
	int n = g ? (int)g->n : 0;

	if (room < 0 || (room && room < n))
		return -EINVAL;
	if (room && n && copy_to_user(to, g->gid, (size_t)n * sizeof(*to)))
		return -EFAULT;
	return n;
}

static struct groups *groups_new(size_t n)
{
	struct groups *g = kmalloc(sizeof(*g) + n * sizeof(uint32_t));

	if (g) {
		g->ref = 1;
		g->n = (uint32_t)n;
	}
	return g;
}

static void groups_replace(struct groups *g)
{
	groups_put(mine()->groups);
	mine()->groups = g;
}

/* Room for as many as the caller may set; *out: his to put. */
static int groups_asked(int n, struct groups **out)
{
	if (!cred_super(mine()))
		return -EPERM;
	if (n < 0 || n > GROUPS_MAX)
		return -EINVAL;
	*out = groups_new((size_t)n);
	return *out ? 0 : -ENOMEM;
}

SYSCALL2(setgroups, int, n, const uint32_t __user *, from)
{
	struct groups *g;
	int err = groups_asked(n, &g);

	if (err)
		return err;
	if (copy_from_user(g->gid, from, (size_t)n * sizeof(*from))) {
		groups_put(g);
		return -EFAULT;
	}
	groups_replace(g);
	return 0;
}

/* ---- capabilities ----------------------------------------------------------------------- */

#define CAP_VERSION_1 0x19980330u
#define CAP_VERSION_2 0x20071026u
#define CAP_VERSION_3 0x20080522u
#define CAP_ALL       0x1ffffffffffull /* 0 .. 40, as Linux 6.1 */

struct user_cap_header {
	uint32_t version;
	int32_t pid;
};

struct user_cap_data {
	uint32_t effective, permitted, inheritable;
};

/* How many words of data the version has; 0: unknown, and ours has been told. */
static int cap_words(struct user_cap_header __user *header, struct user_cap_header *h)
{
	if (copy_from_user(h, header, sizeof(*h)))
		return -EFAULT;
	if (h->version == CAP_VERSION_1)
		return 1;
	if (h->version == CAP_VERSION_2 || h->version == CAP_VERSION_3)
		return 2;
	return put_user(CAP_VERSION_3, &header->version);
}

SYSCALL2(capget, struct user_cap_header __user *, header, struct user_cap_data __user *, data)
{
	struct user_cap_data d[2] = { 0 };
	struct user_cap_header h;
	const struct process *p;
	int n = cap_words(header, &h);

	if (n <= 0)
		return n < 0 ? n : data ? -EINVAL : 0;
	if (h.pid < 0)
		return -EINVAL;
	p = h.pid ? process_find(h.pid) : current_process;
	if (!p)
		return -ESRCH;
	if (!data)
		return 0;
	for (int i = 0; i < n; i++)
		d[i].effective = d[i].permitted = (uint32_t)((p->cred.caps & CAP_ALL) >> (32 * i));
	return copy_to_user(data, d, (size_t)n * sizeof(*d));
}

SYSCALL2(capset, struct user_cap_header __user *, header, const struct user_cap_data __user *, data)
{
	struct user_cap_data d[2] = { 0 };
	struct user_cap_header h;
	struct cred *c = mine();
	uint64_t effective;
	int n = cap_words(header, &h);

	if (n <= 0)
		return n < 0 ? n : -EINVAL;
	if (h.pid && h.pid != current_process->nr)
		return -EPERM;
	if (copy_from_user(d, data, (size_t)n * sizeof(*d)))
		return -EFAULT;
	effective = d[0].effective | (uint64_t)d[1].effective << 32;
	if (effective & ~c->caps)
		return -EPERM;
	c->caps = effective;
	return 0;
}

/* ---- i386: ids of 16 bits --------------------------------------------------------------- */

#ifndef __x86_64__

static uint32_t wide(uint16_t id)
{
	return id == 0xffff ? KEEP : id;
}

/* What does not fit is shown as "nobody". */
static uint16_t narrow(uint32_t id)
{
	return id > 0xffff ? 65534 : (uint16_t)id;
}

SYSCALL0(getuid16)
{
	return narrow(mine()->uid);
}

SYSCALL0(geteuid16)
{
	return narrow(mine()->euid);
}

SYSCALL0(getgid16)
{
	return narrow(mine()->gid);
}

SYSCALL0(getegid16)
{
	return narrow(mine()->egid);
}

SYSCALL1(setuid16, uint16_t, id)
{
	return set_one(user_ids(), wide(id));
}

SYSCALL1(setgid16, uint16_t, id)
{
	return set_one(group_ids(), wide(id));
}

SYSCALL2(setreuid16, uint16_t, r, uint16_t, e)
{
	return set_re(user_ids(), wide(r), wide(e));
}

SYSCALL2(setregid16, uint16_t, r, uint16_t, e)
{
	return set_re(group_ids(), wide(r), wide(e));
}

SYSCALL3(setresuid16, uint16_t, r, uint16_t, e, uint16_t, s)
{
	return set_res(user_ids(), wide(r), wide(e), wide(s));
}

SYSCALL3(setresgid16, uint16_t, r, uint16_t, e, uint16_t, s)
{
	return set_res(group_ids(), wide(r), wide(e), wide(s));
}

static long put_three(struct ids i, uint16_t __user *r, uint16_t __user *e, uint16_t __user *s)
{
	return put_user(narrow(*i.real), r) || put_user(narrow(*i.effective), e) ||
		       put_user(narrow(*i.saved), s)
		   ? -EFAULT
		   : 0;
}

SYSCALL3(getresuid16, uint16_t __user *, r, uint16_t __user *, e, uint16_t __user *, s)
{
	return put_three(user_ids(), r, e, s);
}

SYSCALL3(getresgid16, uint16_t __user *, r, uint16_t __user *, e, uint16_t __user *, s)
{
	return put_three(group_ids(), r, e, s);
}

SYSCALL1(setfsuid16, uint16_t, id)
{
	return narrow((uint32_t)set_fs_user(wide(id)));
}

SYSCALL1(setfsgid16, uint16_t, id)
{
	return narrow((uint32_t)set_fs(group_ids(), wide(id)));
}

SYSCALL2(getgroups16, int, room, uint16_t __user *, to)
{
	const struct groups *g = mine()->groups;
	int n = g ? (int)g->n : 0;

	if (room < 0 || (room && room < n))
		return -EINVAL;
	for (int i = 0; room && i < n; i++)
		if (put_user(narrow(g->gid[i]), to + i))
			return -EFAULT;
	return n;
}

SYSCALL2(setgroups16, int, n, uint16_t __user *, from)
{
	struct groups *g;
	uint16_t id;
	int err = groups_asked(n, &g);

	if (err)
		return err;
	for (int i = 0; i < n; i++) {
		if (get_user(id, from + i)) {
			groups_put(g);
			return -EFAULT;
		}
		g->gid[i] = id;
	}
	groups_replace(g);
	return 0;
}

#endif
