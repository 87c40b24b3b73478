/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/unix.h"
#include "fs/uio.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/task.h"
#include "kernel/time.h"

#define BACKLOG_MAX 4096

static struct list_link names = LIST_INIT(names);

/* ---- life ------------------------------------------------------------------------------- */

struct sock *sock_new(unsigned type)
{
	struct sock *s = kzalloc(sizeof(*s));

	if (!s)
		return NULL;
	s->ref = 1;
	s->type = (uint8_t)type;
	s->limit = UNIX_BUFFER;
	list_init(&s->packets);
	list_init(&s->waiting);
	list_init(&s->in_waiting);
	list_init(&s->named);
	list_init(&s->in_air);
	return s;
}

void sock_put(struct sock *s)
{
	if (!s || --s->ref)
		return;
	packets_drop(s);
	if (s->place)
		inode_put(s->place);
	kfree(s->name);
	kfree(s);
}

struct user_cred sock_my_cred(void)
{
	const struct process *p = current_process;

	return (struct user_cred){ p->nr, p->cred.euid, p->cred.egid };
}

static void wake(struct sock *s)
{
	waitq_wake_all(&s->readable);
	waitq_wake_all(&s->writable);
}

/* No file of it is left. */
static void sock_close(struct sock *s)
{
	struct sock *peer = s->peer, *c, *next;

	s->closed = true;
	s->shut = SHUT_IN | SHUT_OUT;
	list_del(&s->named);
	list_for_each_safe (c, next, &s->waiting, in_waiting) {
		list_del(&c->in_waiting);
		sock_close(c);
	}
	if (peer && s->type != SOCK_DGRAM) {
		peer->shut |= SHUT_IN | SHUT_OUT;
		if (!list_empty(&s->packets))
			peer->error = -ECONNRESET;
	}
	s->peer = NULL;
	packets_drop(s);
	wake(s);
	if (peer)
		wake(peer);
	sock_put(peer);
	sock_put(s);
}

/* Two that know each other. */
void sock_join(struct sock *a, struct sock *b)
{
	a->peer = b;
	b->peer = a;
	a->ref++;
	b->ref++;
	a->was_connected = b->was_connected = true;
}

/* ---- as files --------------------------------------------------------------------------- */

static long sock_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct message m = { .data = to, .nonblock = f->flags & O_NONBLOCK };
	long n = sock_receive(f->private, &m);

	for (unsigned i = 0; i < m.nfiles; i++)
		file_put(m.files[i]);
	kfree(m.files);
	return n;
}

static long sock_write(struct file *f, struct uio *from, uint64_t *pos)
{
	struct message m = {
		.data = from,
		.cred = sock_my_cred(),
		.nonblock = f->flags & O_NONBLOCK,
	};

	return sock_send(f->private, &m);
}

static unsigned file_poll_sock(struct file *f, struct poll_table *table)
{
	return sock_poll(f->private, table);
}

static void sock_release(struct file *f)
{
	struct sock *s = f->private;

	s->file = NULL;
	sock_close(s);
	socks_collect();
}

static long sock_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	const struct sock *s = f->private;

	return cmd == 0x541b ? put_user((int)s->queued, (int __user *)arg) : -ENOTTY;
}

static const struct file_ops sock_fops = {
	.read = sock_read,
	.write = sock_write,
	.poll = file_poll_sock,
	.ioctl = sock_ioctl,
	.release = sock_release,
};

struct sock *sock_of(const struct file *f)
{
	return f->ops == &sock_fops ? f->private : NULL;
}

int sock_file(struct sock *s, unsigned flags, struct file **out)
{
	static const struct filesystem_type type = { .name = "sockfs", .magic = 0x534f434b };
	static struct filesystem *fs;
	struct inode *i;
	int err = -ENOMEM;

	if (!fs)
		fs = filesystem_new(&type);
	i = fs ? inode_new(fs, S_IFSOCK | 0777) : NULL;
	if (i) {
		err = file_open_inode(i, &sock_fops, O_RDWR | (flags & O_NONBLOCK), out);
		inode_put(i);
	}
	if (err) {
		sock_close(s);
		return err;
	}
	(*out)->private = s;
	s->file = *out;
	return 0;
}

/* ---- names ------------------------------------------------------------------------------ */

static bool abstract(const struct unix_name *name)
{
	return name->text[0] == '\0';
}

static struct sock *find_named(const struct unix_name *name, const struct inode *place)
{
	struct sock *s;

	list_for_each (s, &names, named) {
		if (place ? s->place == place
			  : !s->place && s->name->n == name->n &&
				!memcmp(s->name->text, name->text, name->n))
			return s;
	}
	return NULL;
}

static int make_place(const struct unix_name *name, struct inode **out)
{
	uint32_t mode = S_IFSOCK | (0777 & ~current_process->fs->umask);
	struct path_parent at;
	struct path made;
	int err = path_lookup_parent(current_process->fs->cwd, name->text, 0, &at);

	if (err)
		return err;
	err = vfs_make(&at, mode, 0, NULL, &made);
	path_parent_put(&at);
	if (err)
		return err == -EEXIST ? -EADDRINUSE : err;
	*out = inode_get(made.dentry->inode);
	path_put(made);
	return 0;
}

/* A word that nobody has. */
static void choose_name(struct unix_name *name)
{
	static unsigned last;

	do {
		ksnprintf(name->text + 1, 6, "%05x", last++ & 0xfffff);
		name->text[0] = '\0';
		name->n = 6;
	} while (find_named(name, NULL));
}

int sock_bind(struct sock *s, const struct unix_name *name)
{
	struct unix_name *own;
	int err = 0;

	if (s->name)
		return name->n ? -EINVAL : 0;
	own = kmalloc(sizeof(*own));
	if (!own)
		return -ENOMEM;
	*own = *name;
	if (!own->n)
		choose_name(own);
	else if (!abstract(own))
		err = make_place(own, &s->place);
	else if (find_named(own, NULL))
		err = -EADDRINUSE;
	if (err) {
		kfree(own);
		return err;
	}
	s->name = own;
	list_add(&s->named, &names);
	return 0;
}

int sock_find(const struct unix_name *name, unsigned type, struct sock **out)
{
	struct path p = { 0 };
	struct sock *s;
	int err = 0;

	if (!name->n)
		return -EINVAL;
	if (!abstract(name)) {
		err = path_lookup(current_process->fs->cwd, name->text, LOOKUP_FOLLOW, &p);
		if (err)
			return err;
		err = inode_permission(p.dentry->inode, MAY_WRITE);
	}
	s = err ? NULL : find_named(name, p.dentry ? p.dentry->inode : NULL);
	if (p.dentry)
		path_put(p);
	if (!err && !s)
		err = -ECONNREFUSED;
	if (!err && s->type != type)
		err = -EPROTOTYPE;
	if (err)
		return err;
	s->ref++;
	*out = s;
	return 0;
}

/* ---- waiting ---------------------------------------------------------------------------- */

uint64_t sock_deadline(uint64_t ns)
{
	return ns ? now_ns() + ns : WAIT_FOREVER;
}

int sock_waited(int err, uint64_t ns)
{
	if (err == -ETIMEDOUT)
		return -EAGAIN;
	return err == -ERESTARTSYS && ns ? -EINTR : err;
}

/* ---- meeting ---------------------------------------------------------------------------- */

int sock_listen(struct sock *s, int backlog)
{
	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!s->name || (s->peer && !s->listening))
		return -EINVAL;
	s->listening = true;
	s->backlog = (unsigned)backlog < BACKLOG_MAX ? (unsigned)backlog : BACKLOG_MAX;
	s->cred = sock_my_cred();
	waitq_wake_all(&s->writable);
	return 0;
}

static int connect_datagrams(struct sock *s, const struct unix_name *name)
{
	struct sock *to;
	int err = sock_find(name, s->type, &to);

	if (err)
		return err;
	sock_put(s->peer);
	s->peer = to;
	wake(s);
	return 0;
}

static bool has_place(const struct sock *l)
{
	return l->nwaiting <= l->backlog || l->closed || !l->listening;
}

/* The other end, which waits for accept. */
static int queue_up(struct sock *s, struct sock *l)
{
	struct sock *end;

	if (l->closed || !l->listening || (l->shut & SHUT_IN))
		return -ECONNREFUSED;
	end = sock_new(s->type);
	if (!end)
		return -ENOMEM;
	if (l->name) {
		end->name = kmalloc(sizeof(*end->name));
		if (!end->name) {
			sock_put(end);
			return -ENOMEM;
		}
		*end->name = *l->name;
	}
	end->cred = sock_my_cred();
	s->cred = l->cred;
	sock_join(s, end);
	list_add_tail(&end->in_waiting, &l->waiting);
	l->nwaiting++;
	waitq_wake_all(&l->readable);
	return 0;
}

int sock_connect(struct sock *s, const struct unix_name *name, bool nonblock)
{
	struct sock *l;
	int err;

	if (s->type == SOCK_DGRAM)
		return connect_datagrams(s, name);
	err = sock_find(name, s->type, &l);
	if (err)
		return err;
	if (s->was_connected)
		err = -EISCONN;
	else if (s->listening)
		err = -EINVAL;
	else if (!l->listening)
		err = -ECONNREFUSED;
	else if (!has_place(l))
		err = nonblock ? -EAGAIN
			       : sock_waited(wait_event(&l->writable, has_place(l),
							sock_deadline(s->send_ns)),
					     s->send_ns);
	if (!err && s->was_connected) /* by another thread, meanwhile */
		err = -EISCONN;
	if (!err)
		err = queue_up(s, l);
	sock_put(l);
	return err;
}

int sock_accept(struct sock *s, bool nonblock, struct sock **out)
{
	int err = 0;

	if (s->type == SOCK_DGRAM)
		return -EOPNOTSUPP;
	if (!s->listening)
		return -EINVAL;
	if (list_empty(&s->waiting))
		err = nonblock
			  ? -EAGAIN
			  : sock_waited(wait_event(&s->readable,
						   !list_empty(&s->waiting) || (s->shut & SHUT_IN),
						   sock_deadline(s->receive_ns)),
					s->receive_ns);
	if (err)
		return err;
	if (list_empty(&s->waiting))
		return -EINVAL;
	*out = list_first(&s->waiting, struct sock, in_waiting);
	list_del(&(*out)->in_waiting);
	s->nwaiting--;
	waitq_wake_all(&s->writable);
	return 0;
}

int sock_shutdown(struct sock *s, unsigned how)
{
	struct sock *peer = s->peer;

	if (how > 2)
		return -EINVAL;
	how++; /* 0 in, 1 out, 2 both */
	s->shut |= (uint8_t)how;
	wake(s);
	if (peer && s->type != SOCK_DGRAM) {
		peer->shut |=
		    (uint8_t)((how & SHUT_IN ? SHUT_OUT : 0) | (how & SHUT_OUT ? SHUT_IN : 0));
		wake(peer);
	}
	return 0;
}
