/* SPDX-License-Identifier: BSD-2-Clause
 *
 * socket_message.c - send and receive: buffers, names, and what travels beside the bytes.
 */
#include "fs/unix.h"
#include "kernel/kmalloc.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/socket.h"
#include "kernel/syscall/timespec.h"
#include "kernel/userfault.h"

#define SOL_SOCKET      1
#define SCM_RIGHTS      1
#define SCM_CREDENTIALS 2
#define MSG_OOB         1
#define CONTROL_MAX     (1u << 16)

struct user_msghdr {
	uintptr_t name;
	uint32_t namelen;
	uintptr_t iov;
	size_t iovlen;
	uintptr_t control;
	size_t controllen;
	uint32_t flags;
};

struct user_cmsghdr {
	size_t len;
	int32_t level, type;
};

#define ALIGNED(n) (((n) + sizeof(long) - 1) & ~(sizeof(long) - 1))

/* ---- beside the bytes: sending ---------------------------------------------------------- */

/* Descriptors that were sent are no longer in a table, but may not be more than fit in one. */
static bool too_many_in_flight(void)
{
	const struct process *p = current_process;

	return files_in_flight() > p->rlimits[RLIMIT_NOFILE].cur &&
	       !cred_can(&p->cred, CAP_SYS_RESOURCE) && !cred_can(&p->cred, CAP_SYS_ADMIN);
}

static int take_files(struct message *m, const void __user *from, size_t nbytes)
{
	const int32_t __user *fds = from;
	size_t n = nbytes / sizeof(*fds);
	int32_t fd;

	if (n + m->nfiles > UNIX_FILES || m->files)
		return -EINVAL;
	if (too_many_in_flight())
		return -ETOOMANYREFS;
	m->files = kcalloc(n, sizeof(*m->files));
	if (!m->files)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (get_user(fd, (int32_t __user *)fds + i))
			return -EFAULT;
		m->files[i] = fd_get_path((unsigned)fd);
		if (!m->files[i])
			return -EBADF;
		m->nfiles++;
	}
	return 0;
}

static bool may_claim(const struct user_cred *c)
{
	const struct cred *me = &current_process->cred;

	if (cred_super(me))
		return true;
	return c->pid == current_process->nr &&
	       (c->uid == me->uid || c->uid == me->euid || c->uid == me->suid) &&
	       (c->gid == me->gid || c->gid == me->egid || c->gid == me->sgid);
}

static int take_cred(struct message *m, const void __user *from, size_t nbytes)
{
	if (nbytes != sizeof(m->cred))
		return -EINVAL;
	if (copy_from_user(&m->cred, from, sizeof(m->cred)))
		return -EFAULT;
	return may_claim(&m->cred) ? 0 : -EPERM;
}

static int control_from_user(struct message *m, const struct user_msghdr *h)
{
	size_t at = 0;
	int err = 0;

	if (h->controllen > CONTROL_MAX)
		return -ENOBUFS;
	while (!err && h->controllen - at >= sizeof(struct user_cmsghdr)) {
		const void __user *data =
		    (void __user *)(h->control + at + sizeof(struct user_cmsghdr));
		struct user_cmsghdr c;

		if (copy_from_user(&c, (void __user *)(h->control + at), sizeof(c)))
			return -EFAULT;
		if (c.len < sizeof(c) || c.len > h->controllen - at)
			return -EINVAL;
		if (c.level == SOL_SOCKET && c.type == SCM_RIGHTS)
			err = take_files(m, data, c.len - sizeof(c));
		else if (c.level == SOL_SOCKET && c.type == SCM_CREDENTIALS)
			err = take_cred(m, data, c.len - sizeof(c));
		else if (c.level == SOL_SOCKET)
			err = -EINVAL;
		at += ALIGNED(c.len);
		if (at > h->controllen)
			break;
	}
	return err;
}

static void put_files(struct message *m)
{
	for (unsigned i = 0; i < m->nfiles; i++)
		file_put(m->files[i]);
	kfree(m->files);
}

static int find_receiver(struct sock *s, const struct user_msghdr *h, struct message *m,
			 struct sock **to)
{
	struct unix_name name;
	int err;

	*to = NULL;
	if (!h->name || !h->namelen || s->type == SOCK_SEQPACKET)
		return 0;
	err = name_from_user(&name, (void __user *)h->name, h->namelen);
	if (err)
		return err;
	if (s->type == SOCK_STREAM)
		return s->was_connected ? -EISCONN : -EOPNOTSUPP;
	err = sock_find(&name, s->type, to);
	m->to = *to;
	return err;
}

static long send_message(unsigned fd, struct uio *data, const struct user_msghdr *h, unsigned flags)
{
	struct message m = { .data = data, .flags = flags, .cred = sock_my_cred() };
	struct sock *s, *to = NULL;
	struct file *f;
	long ret = get_sock(fd, &f, &s);

	if (ret)
		return ret;
	m.nonblock = f->flags & O_NONBLOCK;
	ret = flags & MSG_OOB ? -EOPNOTSUPP : control_from_user(&m, h);
	if (!ret)
		ret = find_receiver(s, h, &m, &to);
	if (!ret)
		ret = sock_send(s, &m);
	put_files(&m);
	sock_put(to);
	file_put(f);
	return ret;
}

/* ---- beside the bytes: receiving -------------------------------------------------------- */

static int put_control(struct user_msghdr *h, size_t *at, int type, size_t nbytes)
{
	struct user_cmsghdr c = { sizeof(c) + nbytes, SOL_SOCKET, type };

	return copy_out((void __user *)(h->control + *at), &c, sizeof(c));
}

static int give_cred(struct message *m, struct user_msghdr *h, size_t *at)
{
	size_t room = h->controllen - *at;

	if (room < sizeof(struct user_cmsghdr) + sizeof(m->cred)) {
		m->flags |= MSG_CTRUNC;
		return 0;
	}
	if (put_control(h, at, SCM_CREDENTIALS, sizeof(m->cred)) ||
	    copy_out((void __user *)(h->control + *at + sizeof(struct user_cmsghdr)), &m->cred,
		     sizeof(m->cred)))
		return -EFAULT;
	*at += ALIGNED(sizeof(struct user_cmsghdr) + sizeof(m->cred));
	if (*at > h->controllen)
		*at = h->controllen;
	return 0;
}

/* As many as there is room for; the others are closed. */
static int give_files(struct message *m, struct user_msghdr *h, size_t *at)
{
	size_t room = h->controllen - *at, head = sizeof(struct user_cmsghdr);
	int32_t __user *to = (int32_t __user *)(h->control + *at + head);
	unsigned n = 0;
	int fd;

	while (n < m->nfiles && room >= head + (n + 1) * sizeof(*to)) {
		fd = fd_take(0);
		if (fd < 0)
			break;
		if (put_out((int32_t)fd, to + n)) {
			fd_untake(fd);
			break;
		}
		fd_install(fd, file_get(m->files[n]), m->flags & MSG_CLOEXEC);
		n++;
	}
	if (n < m->nfiles)
		m->flags |= MSG_CTRUNC;
	if (!n)
		return 0;
	if (put_control(h, at, SCM_RIGHTS, n * sizeof(*to)))
		return -EFAULT;
	*at += ALIGNED(head + n * sizeof(*to));
	if (*at > h->controllen)
		*at = h->controllen;
	return 0;
}

static int control_to_user(const struct sock *s, struct message *m, struct user_msghdr *h)
{
	size_t at = 0;
	int err = s->pass_cred ? give_cred(m, h, &at) : 0;

	if (!err && m->nfiles)
		err = give_files(m, h, &at);
	h->controllen = at;
	return err;
}

static long receive_message(unsigned fd, struct uio *data, struct user_msghdr *h, unsigned flags,
			    struct unix_name *name)
{
	struct message m = { .data = data, .flags = flags, .name = name };
	struct file *f;
	struct sock *s;
	long ret = get_sock(fd, &f, &s);
	int err = 0;

	if (ret)
		return ret;
	m.nonblock = f->flags & O_NONBLOCK;
	name->n = 0;
	ret = flags & MSG_OOB ? -EOPNOTSUPP : sock_receive(s, &m);
	if (ret >= 0)
		err = control_to_user(s, &m, h);
	h->flags = m.flags & (MSG_TRUNC | MSG_CTRUNC);
	put_files(&m);
	file_put(f);
	return err ? err : ret;
}

/* ---- calls ------------------------------------------------------------------------------ */

static long message_call(unsigned fd, struct user_msghdr __user *user, unsigned flags, bool sending)
{
	struct user_msghdr h;
	struct user_vector v;
	struct unix_name name;
	struct uio data;
	long ret;

	if (copy_from_user(&h, user, sizeof(h)))
		return -EFAULT;
	if (h.iovlen > 1024)
		return -EMSGSIZE;
	ret = user_vector_get(&v, (void __user *)h.iov, (unsigned)h.iovlen, &data);
	if (ret)
		return ret;
	ret = sending ? send_message(fd, &data, &h, flags)
		      : receive_message(fd, &data, &h, flags, &name);
	user_vector_put(&v);
	if (ret < 0 || sending)
		return ret;
	if (h.name && name_to_user(name.n ? &name : NULL, (void __user *)h.name,
				   (int32_t __user *)&user->namelen))
		return -EFAULT;
	return put_out(h.flags, &user->flags) || put_out(h.controllen, &user->controllen) ? -EFAULT
											  : ret;
}

SYSCALL3(sendmsg, unsigned, fd, struct user_msghdr __user *, user, unsigned, flags)
{
	return message_call(fd, user, flags, true);
}

SYSCALL3(recvmsg, unsigned, fd, struct user_msghdr __user *, user, unsigned, flags)
{
	return message_call(fd, user, flags, false);
}

/* ---- several at once -------------------------------------------------------------------- */

#define MSG_WAITFORONE 0x10000u
#define MESSAGES_MAX   1024u

struct user_mmsghdr {
	struct user_msghdr h;
	uint32_t sent;
};

/* Until one fails; that is told if it was the first, else by the next call. */
static long message_calls(unsigned fd, struct user_mmsghdr __user *user, unsigned n, unsigned flags,
			  uint64_t deadline, bool sending)
{
	struct file *f;
	struct sock *s;
	unsigned done = 0;
	long ret = get_sock(fd, &f, &s);

	if (ret)
		return ret;
	while (done < n && ret >= 0 && (!done || now_ns() < deadline)) {
		ret = message_call(fd, &user[done].h, flags & ~MSG_WAITFORONE, sending);
		if (ret < 0)
			break;
		if (put_out((uint32_t)ret, &user[done].sent)) {
			ret = -EFAULT;
			break;
		}
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		done++;
	}
	if (done && !sending && ret < 0 && ret != -EAGAIN)
		s->error = (int)ret;
	file_put(f);
	return done ? (long)done : ret;
}

SYSCALL4(sendmmsg, unsigned, fd, struct user_mmsghdr __user *, user, unsigned, n, unsigned, flags)
{
	return message_calls(fd, user, n < MESSAGES_MAX ? n : MESSAGES_MAX, flags, WAIT_FOREVER,
			     true);
}

/* *ns, if there is one: how long to go on; then what is left of that. */
static long receive_many(unsigned fd, struct user_mmsghdr __user *user, unsigned n, unsigned flags,
			 uint64_t *ns)
{
	uint64_t now = now_ns(), deadline = WAIT_FOREVER;
	long ret;

	if (ns && *ns < WAIT_FOREVER - now)
		deadline = now + *ns;
	ret = message_calls(fd, user, n, flags, deadline, false);
	now = now_ns();
	if (ns)
		*ns = now < deadline ? deadline - now : 0;
	return ret;
}

SYSCALL5(recvmmsg, unsigned, fd, struct user_mmsghdr __user *, user, unsigned, n, unsigned, flags,
	 struct user_timespec64 __user *, timeout)
{
	uint64_t ns;
	long ret = timeout ? ns_from_user(timeout, &ns) : 0;

	if (!ret)
		ret = receive_many(fd, user, n, flags, timeout ? &ns : NULL);
	return ret > 0 && timeout && ns_to_user(timeout, ns) ? -EFAULT : ret;
}

#ifndef __x86_64__
SYSCALL5(recvmmsg_time32, unsigned, fd, struct user_mmsghdr __user *, user, unsigned, n, unsigned,
	 flags, struct user_timespec32 __user *, timeout)
{
	uint64_t ns;
	long ret = timeout ? ns_from_user32(timeout, &ns) : 0;

	if (!ret)
		ret = receive_many(fd, user, n, flags, timeout ? &ns : NULL);
	return ret > 0 && timeout && ns_to_user32(timeout, ns) ? -EFAULT : ret;
}
#endif

/* ---- without a header ------------------------------------------------------------------- */

SYSCALL6(sendto, unsigned, fd, const void __user *, buf, size_t, n, unsigned, flags,
	 const void __user *, addr, unsigned, size)
{
	struct user_msghdr h = { .name = (uintptr_t)addr, .namelen = size };
	struct uio data = uio_user(buf, n);

	if (!user_range_ok(buf, n))
		return -EFAULT;
	return send_message(fd, &data, &h, flags);
}

SYSCALL6(recvfrom, unsigned, fd, void __user *, buf, size_t, n, unsigned, flags, void __user *,
	 addr, int32_t __user *, size)
{
	struct user_msghdr h = { 0 };
	struct unix_name name;
	struct uio data = uio_user(buf, n);
	long ret;

	if (!user_range_ok(buf, n))
		return -EFAULT;
	ret = receive_message(fd, &data, &h, flags, &name);
	if (ret < 0 || !addr)
		return ret;
	return name_to_user(name.n ? &name : NULL, addr, size) ? -EFAULT : ret;
}

#ifndef __x86_64__
long sys_socket(SYSCALL_WORDS), sys_bind(SYSCALL_WORDS), sys_connect(SYSCALL_WORDS);
long sys_listen(SYSCALL_WORDS), sys_accept(SYSCALL_WORDS), sys_getsockname(SYSCALL_WORDS);
long sys_getpeername(SYSCALL_WORDS), sys_socketpair(SYSCALL_WORDS), sys_shutdown(SYSCALL_WORDS);
long sys_setsockopt(SYSCALL_WORDS), sys_getsockopt(SYSCALL_WORDS), sys_accept4(SYSCALL_WORDS);

/* One call for all, from when numbers were few. */
SYSCALL2(socketcall, unsigned, call, const uint32_t __user *, args)
{
	static const struct {
		syscall_fn *fn;
		uint8_t n;
	} calls[] = {
		[1] = { sys_socket, 3 },           [2] = { sys_bind, 3 },
		[3] = { sys_connect, 3 },          [4] = { sys_listen, 2 },
		[5] = { sys_accept, 3 },           [6] = { sys_getsockname, 3 },
		[7] = { sys_getpeername, 3 },      [8] = { sys_socketpair, 4 },
		[9] = { sys_sendto, 4 },           [10] = { sys_recvfrom, 4 },
		[11] = { sys_sendto, 6 },          [12] = { sys_recvfrom, 6 },
		[13] = { sys_shutdown, 2 },        [14] = { sys_setsockopt, 5 },
		[15] = { sys_getsockopt, 5 },      [16] = { sys_sendmsg, 3 },
		[17] = { sys_recvmsg, 3 },         [18] = { sys_accept4, 4 },
		[19] = { sys_recvmmsg_time32, 5 }, [20] = { sys_sendmmsg, 4 },
	};
	uint32_t w[6] = { 0 };

	if (call < 1 || call >= sizeof(calls) / sizeof(calls[0]))
		return -EINVAL;
	if (copy_from_user(w, args, calls[call].n * sizeof(w[0])))
		return -EFAULT;
	return calls[call].fn(w[0], w[1], w[2], w[3], w[4], w[5]);
}
#endif
