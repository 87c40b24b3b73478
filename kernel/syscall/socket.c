/* SPDX-License-Identifier: BSD-2-Clause
 *
 * socket.c - the calls on sockets.  There is one family, AF_UNIX: no network.
 */
#include "fs/unix.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/syscall/files.h"
#include "kernel/syscall/socket.h"
#include "kernel/time.h"
#include "kernel/userfault.h"

#define AF_UNIX     1
#define AF_MAX      46
#define SOCK_RAW    3
#define SOCK_MAX    11
#define SOCK_FLAGS  (O_NONBLOCK | O_CLOEXEC)
#define NAME_OFFSET 2 /* of the name in struct sockaddr_un */
#define SOL_SOCKET  1
#define MSG_OOB     1

/* ---- descriptors ------------------------------------------------------------------------ */

/* The file and its socket; the file is referenced. */
int get_sock(unsigned fd, struct file **f, struct sock **s)
{
	*f = fd_get(fd);
	if (!*f)
		return -EBADF;
	*s = sock_of(*f);
	if (*s)
		return 0;
	file_put(*f);
	return -ENOTSOCK;
}

static long add_sock(struct sock *s, unsigned flags)
{
	struct file *f;
	int err = s ? sock_file(s, flags, &f) : -ENOMEM;

	return err ? err : fd_add(f, flags & O_CLOEXEC);
}

static int check_kind(int family, unsigned *type, int protocol, unsigned *flags)
{
	*flags = *type & ~15u;
	*type &= 15u;
	if (*flags & ~SOCK_FLAGS)
		return -EINVAL;
	if (family < 0 || family >= AF_MAX)
		return -EAFNOSUPPORT;
	if (*type >= SOCK_MAX)
		return -EINVAL;
	if (family != AF_UNIX)
		return -EAFNOSUPPORT;
	if (protocol && protocol != AF_UNIX)
		return -EPROTONOSUPPORT;
	if (*type == SOCK_RAW)
		*type = SOCK_DGRAM;
	return *type == SOCK_STREAM || *type == SOCK_DGRAM || *type == SOCK_SEQPACKET
		   ? 0
		   : -ESOCKTNOSUPPORT;
}

SYSCALL3(socket, int, family, unsigned, type, int, protocol)
{
	unsigned flags;
	int err = check_kind(family, &type, protocol, &flags);

	return err ? err : add_sock(sock_new(type), flags);
}

SYSCALL4(socketpair, int, family, unsigned, type, int, protocol, int __user *, out)
{
	struct sock *s[2];
	unsigned flags;
	long fd[2];
	int err = check_kind(family, &type, protocol, &flags);

	if (err)
		return err;
	s[0] = sock_new(type);
	s[1] = s[0] ? sock_new(type) : NULL;
	if (!s[1]) {
		sock_put(s[0]);
		return -ENOMEM;
	}
	sock_join(s[0], s[1]);
	s[0]->cred = s[1]->cred = sock_my_cred();
	fd[0] = add_sock(s[0], flags);
	fd[1] = add_sock(s[1], flags);
	err = fd[0] < 0 ? (int)fd[0] : fd[1] < 0 ? (int)fd[1] : 0;
	if (!err && (put_user((int)fd[0], out) || put_user((int)fd[1], out + 1)))
		err = -EFAULT;
	for (unsigned i = 0; i < 2 && err; i++)
		if (fd[i] >= 0)
			(void)fd_close((unsigned)fd[i]);
	return err;
}

/* ---- names ------------------------------------------------------------------------------ */

/* A path ends at its first zero; an abstract name is all of its bytes. */
int name_from_user(struct unix_name *to, const void __user *from, unsigned n)
{
	struct {
		uint16_t family;
		char text[UNIX_NAME_MAX];
	} u;

	if (n > 128)
		return -EINVAL;
	if (n > sizeof(u) || n < NAME_OFFSET)
		return -EINVAL;
	if (copy_from_user(&u, from, n))
		return -EFAULT;
	if (u.family != AF_UNIX)
		return -EINVAL;
	memset(to, 0, sizeof(*to));
	to->n = (uint8_t)(n - NAME_OFFSET);
	memcpy(to->text, u.text, to->n);
	if (to->n && to->text[0])
		to->n = (uint8_t)strlen(to->text);
	return 0;
}

int name_to_user(const struct unix_name *name, void __user *to, int32_t __user *n)
{
	struct {
		uint16_t family;
		char text[UNIX_NAME_MAX + 1];
	} u = { .family = AF_UNIX };
	int32_t room, size = NAME_OFFSET;

	if (get_user(room, n))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (name && name->n) {
		memcpy(u.text, name->text, name->n);
		size += name->n + (name->text[0] ? 1 : 0);
	}
	if (copy_out(to, &u, (size_t)(room < size ? room : size)))
		return -EFAULT;
	return put_out(size, n);
}

static long with_name(unsigned fd, const void __user *addr, unsigned n, bool connect)
{
	struct unix_name name;
	struct file *f;
	struct sock *s;
	int err = get_sock(fd, &f, &s);

	if (err)
		return err;
	err = name_from_user(&name, addr, n);
	if (!err)
		err = connect ? sock_connect(s, &name, f->flags & O_NONBLOCK) : sock_bind(s, &name);
	file_put(f);
	return err;
}

SYSCALL3(bind, unsigned, fd, const void __user *, addr, unsigned, n)
{
	return with_name(fd, addr, n, false);
}

SYSCALL3(connect, unsigned, fd, const void __user *, addr, unsigned, n)
{
	return with_name(fd, addr, n, true);
}

SYSCALL2(listen, unsigned, fd, int, backlog)
{
	struct file *f;
	struct sock *s;
	int err = get_sock(fd, &f, &s);

	if (err)
		return err;
	err = sock_listen(s, backlog);
	file_put(f);
	return err;
}

SYSCALL4(accept4, unsigned, fd, void __user *, addr, int32_t __user *, n, unsigned, flags)
{
	struct sock *s, *end;
	struct file *f;
	long new;
	int err = flags & ~SOCK_FLAGS ? -EINVAL : get_sock(fd, &f, &s);

	if (err)
		return err;
	err = sock_accept(s, f->flags & O_NONBLOCK, &end);
	file_put(f);
	if (err)
		return err;
	end->ref++;
	new = add_sock(end, flags);
	if (new >= 0 && addr)
		err = name_to_user(end->peer ? end->peer->name : NULL, addr, n);
	sock_put(end);
	if (err)
		(void)fd_close((unsigned)new);
	return err ? err : new;
}

SYSCALL3(accept, unsigned, fd, void __user *, addr, int32_t __user *, n)
{
	return sys_accept4(fd, (uintptr_t)addr, (uintptr_t)n, 0, 0, 0);
}

static long tell_name(unsigned fd, void __user *addr, int32_t __user *n, bool of_peer)
{
	struct file *f;
	struct sock *s;
	int err = get_sock(fd, &f, &s);

	if (err)
		return err;
	if (of_peer)
		s = s->peer;
	err = s ? name_to_user(s->name, addr, n) : -ENOTCONN;
	file_put(f);
	return err;
}

SYSCALL3(getsockname, unsigned, fd, void __user *, addr, int32_t __user *, n)
{
	return tell_name(fd, addr, n, false);
}

SYSCALL3(getpeername, unsigned, fd, void __user *, addr, int32_t __user *, n)
{
	return tell_name(fd, addr, n, true);
}

SYSCALL2(shutdown, unsigned, fd, unsigned, how)
{
	struct file *f;
	struct sock *s;
	int err = get_sock(fd, &f, &s);

	if (err)
		return err;
	err = sock_shutdown(s, how);
	file_put(f);
	return err;
}

/* ---- options ---------------------------------------------------------------------------- */

enum {
	SO_REUSEADDR = 2,
	SO_TYPE,
	SO_ERROR,
	SO_BROADCAST = 6,
	SO_SNDBUF,
	SO_RCVBUF,
	SO_KEEPALIVE,
	SO_PASSCRED = 16,
	SO_PEERCRED,
	SO_RCVTIMEO = 20,
	SO_SNDTIMEO,
	SO_ACCEPTCONN = 30,
	SO_PROTOCOL = 38,
	SO_DOMAIN,
	SO_RCVTIMEO_NEW = 66, /* 64 bits of seconds and of microseconds on i386 too */
	SO_SNDTIMEO_NEW,
};

/* Where the time of such an option is kept; NULL: it is no such one.  *n: bytes of its two words. */
static uint64_t *timeout_of(struct sock *s, int name, unsigned *n)
{
	*n = name < SO_RCVTIMEO_NEW ? 2 * sizeof(long) : 2 * sizeof(int64_t);
	switch (name) {
	case SO_RCVTIMEO:
	case SO_RCVTIMEO_NEW:
		return &s->receive_ns;
	case SO_SNDTIMEO:
	case SO_SNDTIMEO_NEW:
		return &s->send_ns;
	}
	return NULL;
}

union timeout {
	int64_t wide[2];
	long word[2];
};

static int set_timeout(uint64_t *ns, const void __user *from, unsigned n)
{
	union timeout t;
	int64_t sec, usec;

	if (copy_from_user(&t, from, n))
		return -EFAULT;
	sec = n == sizeof(t.wide) ? t.wide[0] : t.word[0];
	usec = n == sizeof(t.wide) ? t.wide[1] : t.word[1];
	if (usec < 0 || usec >= 1000000)
		return -EDOM;
	if (sec < 0)
		*ns = 1; /* not at all */
	else if (sec > INT32_MAX)
		*ns = 0;
	else
		*ns = (uint64_t)sec * NS_PER_SEC + (uint64_t)usec * 1000;
	return 0;
}

static void tell_timeout(uint64_t ns, union timeout *t, unsigned n)
{
	int64_t sec = (int64_t)(ns / NS_PER_SEC), usec = (int64_t)(ns % NS_PER_SEC / 1000);

	if (n == sizeof(t->wide)) {
		t->wide[0] = sec;
		t->wide[1] = usec;
	} else {
		t->word[0] = (long)sec;
		t->word[1] = (long)usec;
	}
}

static int option_of(struct sock *s, int name)
{
	int v;

	switch (name) {
	case SO_TYPE:
		return s->type;
	case SO_ERROR:
		v = -s->error;
		s->error = 0;
		return v;
	case SO_SNDBUF:
	case SO_RCVBUF:
		return (int)s->limit;
	case SO_PASSCRED:
		return s->pass_cred;
	case SO_ACCEPTCONN:
		return s->listening;
	case SO_DOMAIN:
		return AF_UNIX;
	case SO_REUSEADDR:
	case SO_BROADCAST:
	case SO_KEEPALIVE:
	case SO_PROTOCOL:
		return 0;
	}
	return -ENOPROTOOPT;
}

static int get_option(struct sock *s, int name, void __user *to, int32_t __user *n)
{
	static const struct user_cred nobody = { 0, UINT32_MAX, UINT32_MAX };
	struct user_cred cred = s->was_connected || s->listening ? s->cred : nobody;
	int32_t room, size = sizeof(int);
	union timeout t;
	unsigned wide;
	uint64_t *ns = timeout_of(s, name, &wide);
	const void *from;
	int v;

	if (get_user(room, n))
		return -EFAULT;
	if (room < 0)
		return -EINVAL;
	if (name == SO_PEERCRED) {
		from = &cred;
		size = sizeof(cred);
	} else if (ns) {
		tell_timeout(*ns, &t, wide);
		from = &t;
		size = (int32_t)wide;
	} else {
		v = option_of(s, name);
		if (v < 0)
			return v;
		from = &v;
	}
	if (room > size)
		room = size;
	return copy_out(to, from, (size_t)room) || put_user(room, n) ? -EFAULT : 0;
}

SYSCALL5(getsockopt, unsigned, fd, int, level, int, name, void __user *, to, int32_t __user *, n)
{
	struct file *f;
	struct sock *s;
	int err = get_sock(fd, &f, &s);

	if (err)
		return err;
	err = level == SOL_SOCKET ? get_option(s, name, to, n) : -EOPNOTSUPP;
	file_put(f);
	return err;
}

static int set_option(struct sock *s, int name, int v)
{
	switch (name) {
	case SO_PASSCRED:
		s->pass_cred = v;
		return 0;
	case SO_SNDBUF:
	case SO_RCVBUF:
		v = v < 2304 ? 2304 : v > UNIX_BUFFER ? UNIX_BUFFER : v;
		s->limit = 2 * (size_t)v;
		return 0;
	case SO_REUSEADDR:
	case SO_BROADCAST:
	case SO_KEEPALIVE:
		return 0;
	}
	return -ENOPROTOOPT;
}

SYSCALL5(setsockopt, unsigned, fd, int, level, int, name, const void __user *, from, unsigned, n)
{
	struct file *f;
	struct sock *s;
	int v, err = get_sock(fd, &f, &s);
	unsigned wide;
	uint64_t *ns;

	if (err)
		return err;
	ns = timeout_of(s, name, &wide);
	if (level != SOL_SOCKET)
		err = -EOPNOTSUPP;
	else if (n < (ns ? wide : sizeof(v)))
		err = -EINVAL;
	else if (ns)
		err = set_timeout(ns, from, wide);
	else if (get_user(v, (int __user *)from))
		err = -EFAULT;
	else
		err = set_option(s, name, v);
	file_put(f);
	return err;
}
