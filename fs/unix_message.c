/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unix_message.c - packets: how they are made, wait, and are taken apart.
 */
#include "fs/uio.h"
#include "fs/unix.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

#define STREAM_PACKET 16384 /* bytes of a stream in one packet, at most */

void packets_drop(struct sock *s)
{
	s->queued = s->weight = 0;
	packets_free(&s->packets);
}

static void take_off(struct sock *s, struct packet *p)
{
	struct list_link one = LIST_INIT(one);

	s->weight -= p->weight;
	list_del(&p->link);
	list_add(&p->link, &one);
	packets_free(&one);
}

/* ---- sending ---------------------------------------------------------------------------- */

/* What a packet of n bytes takes of the receiver's room: empty ones, too, are memory. */
static size_t weight_of(const struct message *m, size_t n)
{
	return sizeof(struct packet) + n + m->nfiles * sizeof(struct file *);
}

static int packet_make(struct sock *s, const struct message *m, size_t n, struct packet **out)
{
	struct packet *p = kmalloc(sizeof(*p) + n);

	if (!p)
		return -ENOMEM;
	*p = (struct packet){ .cred = m->cred, .weight = weight_of(m, n), .to = n };
	if (s->type == SOCK_DGRAM && s->name) {
		p->name = kmalloc(sizeof(*p->name));
		if (!p->name) {
			kfree(p);
			return -ENOMEM;
		}
		*p->name = *s->name;
	}
	if (uio_get(m->data, p->data, n) < n) {
		kfree(p->name);
		kfree(p);
		return -EFAULT;
	}
	*out = p;
	return 0;
}

/* Is there room for that much more?  An empty queue takes any packet. */
static bool has_room(const struct sock *to, size_t weight)
{
	return !to->weight || to->weight + weight <= to->limit;
}

static int broken(const struct message *m)
{
	if (!(m->flags & MSG_NOSIGNAL))
		signal_task(current, SIGPIPE);
	return -EPIPE;
}

/* May s send to it now?  0: yes. */
static int check_receiver(struct sock *s, struct sock *to, const struct message *m)
{
	if (s->type == SOCK_DGRAM) {
		if (s->shut & SHUT_OUT)
			return broken(m);
		if (to->closed)
			return -ECONNREFUSED;
		if (to->shut & SHUT_IN)
			return -EPIPE;
		return to->peer && to->peer != s ? -EPERM : 0;
	}
	return (s->shut & SHUT_OUT) || to->closed || (to->shut & SHUT_IN) ? broken(m) : 0;
}

static int send_packet(struct sock *s, struct sock *to, struct message *m, size_t n)
{
	bool nonblock = m->nonblock || (m->flags & MSG_DONTWAIT);
	struct packet *p;
	size_t weight = weight_of(m, n);
	int err = check_receiver(s, to, m);

	if (!err && !has_room(to, weight))
		err = nonblock
			  ? -EAGAIN
			  : sock_waited(wait_event(&to->writable,
						   has_room(to, weight) || to->closed ||
						       (to->shut & SHUT_IN) || (s->shut & SHUT_OUT),
						   sock_deadline(s->send_ns)),
					s->send_ns);
	if (!err)
		err = check_receiver(s, to, m);
	if (!err)
		err = packet_make(s, m, n, &p);
	if (err)
		return err;
	p->files = m->files;
	p->nfiles = m->nfiles;
	m->files = NULL;
	m->nfiles = 0;
	files_take_off(p);
	list_add_tail(&p->link, &to->packets);
	to->queued += n;
	to->weight += p->weight;
	waitq_wake_all(&to->readable);
	return 0;
}

static int find_receiver(const struct sock *s, const struct message *m, struct sock **out)
{
	if (m->to && s->type == SOCK_STREAM)
		return s->was_connected ? -EISCONN : -EOPNOTSUPP;
	*out = m->to && s->type == SOCK_DGRAM ? m->to : s->peer;
	if (*out)
		return 0;
	if (s->was_connected)
		return broken(m);
	return -ENOTCONN;
}

long sock_send(struct sock *s, struct message *m)
{
	size_t done = 0, n;
	struct sock *to;
	int err = find_receiver(s, m, &to);

	if (err)
		return err;
	to->ref++;
	if (s->type != SOCK_STREAM) {
		n = m->data->left;
		err = n > UNIX_BUFFER - 32 ? -EMSGSIZE : send_packet(s, to, m, n);
		sock_put(to);
		return err ? err : (long)n;
	}
	while (m->data->left && !err) {
		n = m->data->left < STREAM_PACKET ? m->data->left : STREAM_PACKET;
		err = send_packet(s, to, m, n);
		if (!err)
			done += n;
	}
	sock_put(to);
	return uio_result(done, err);
}

/* ---- receiving -------------------------------------------------------------------------- */

static bool same_sender(const struct packet *a, const struct user_cred *c)
{
	return a->cred.pid == c->pid && a->cred.uid == c->uid && a->cred.gid == c->gid;
}

/* What goes along with the bytes. */
static int take_along(struct packet *p, struct message *m)
{
	m->cred = p->cred;
	if (m->name) {
		m->name->n = 0;
		if (p->name)
			*m->name = *p->name;
	}
	if (!p->nfiles)
		return 0;
	if (m->flags & MSG_PEEK) {
		m->files = kmalloc(p->nfiles * sizeof(*m->files));
		if (!m->files)
			return -ENOMEM;
		for (unsigned i = 0; i < p->nfiles; i++)
			m->files[i] = file_get(p->files[i]);
		m->nfiles = p->nfiles;
		return 0;
	}
	files_land(p);
	m->files = p->files;
	m->nfiles = p->nfiles;
	p->files = NULL;
	p->nfiles = 0;
	return 0;
}

/* Who sends sleeps in the receiver's queue; who polls, in that of his own socket. */
static void tell_room(struct sock *s)
{
	waitq_wake_all(&s->writable);
	if (s->peer && s->type != SOCK_DGRAM)
		waitq_wake_all(&s->peer->writable);
}

static long receive_packet(struct sock *s, struct message *m)
{
	struct packet *p = list_first(&s->packets, struct packet, link);
	size_t n = p->to, got;
	int err;

	got = uio_put(m->data, p->data, n < m->data->left ? n : m->data->left);
	if (m->data->fault)
		return -EFAULT;
	err = take_along(p, m);
	if (err)
		return err;
	if (m->flags & MSG_TRUNC)
		got = n;
	m->flags = (m->flags & ~(unsigned)MSG_TRUNC) |
		   (got < n || m->data->left + got < n ? MSG_TRUNC : 0);
	if (!(m->flags & MSG_PEEK)) {
		s->queued -= n;
		take_off(s, p);
		tell_room(s);
	}
	return (long)got;
}

/* Bytes of packets of one sender; a packet with files ends the transfer. */
static long receive_bytes(struct sock *s, struct message *m)
{
	struct packet *p, *next;
	size_t done = 0;
	bool gone = false;
	int err;

	list_for_each_safe (p, next, &s->packets, link) {
		bool first = !done;
		size_t n;

		if (!m->data->left || m->data->fault)
			break;
		if (!first && (p->nfiles || (s->pass_cred && !same_sender(p, &m->cred))))
			break;
		if (first) {
			err = take_along(p, m);
			if (err)
				return err;
		}
		n = p->to - p->from < m->data->left ? p->to - p->from : m->data->left;
		n = uio_put(m->data, p->data + p->from, n);
		done += n;
		if (m->flags & MSG_PEEK)
			continue;
		p->from += n;
		s->queued -= n;
		if (p->from == p->to) {
			take_off(s, p);
			gone = true;
		}
		if (m->nfiles)
			break;
	}
	if (gone)
		tell_room(s);
	return done || !m->data->fault ? (long)done : -EFAULT;
}

static int wait_for_packet(struct sock *s, const struct message *m, uint64_t deadline)
{
	int err;

	if (!list_empty(&s->packets))
		return 0;
	if (s->error) {
		err = s->error;
		s->error = 0;
		return err;
	}
	if (s->type != SOCK_DGRAM && !s->was_connected)
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	if (s->shut & SHUT_IN)
		return 0;
	if (m->nonblock || (m->flags & MSG_DONTWAIT))
		return -EAGAIN;
	err = wait_event_exclusive(&s->readable, !list_empty(&s->packets) || (s->shut & SHUT_IN),
				   deadline);
	return sock_waited(err, s->receive_ns);
}

long sock_receive(struct sock *s, struct message *m)
{
	uint64_t deadline = sock_deadline(s->receive_ns);
	size_t done = 0;
	long n = 0;
	int err;

	if (s->type == SOCK_STREAM && !m->data->left)
		return 0;
	do {
		err = wait_for_packet(s, m, deadline);
		if (err || list_empty(&s->packets))
			break;
		n = s->type == SOCK_STREAM ? receive_bytes(s, m) : receive_packet(s, m);
		if (n < 0)
			err = (int)n;
		else
			done += (size_t)n;
	} while (!err && s->type == SOCK_STREAM && (m->flags & MSG_WAITALL) &&
		 !(m->flags & MSG_PEEK) && m->data->left && !m->nfiles);
	return uio_result(done, err);
}

unsigned sock_poll(struct sock *s, struct poll_table *table)
{
	/* A datagram's receiver may be exchanged under who polls: it is taken for ready. */
	struct sock *to = s->type == SOCK_DGRAM ? NULL : s->peer;
	unsigned events = 0;

	poll_wait(table, &s->readable, POLLIN);
	poll_wait(table, &s->writable, POLLOUT);
	if (s->error)
		events |= POLLERR;
	if (!list_empty(&s->packets) || !list_empty(&s->waiting))
		events |= POLL_READABLE;
	if (s->shut & SHUT_IN)
		events |= POLLRDHUP | POLL_READABLE;
	if (s->shut == (SHUT_IN | SHUT_OUT) ||
	    (s->type != SOCK_DGRAM && !s->was_connected && !s->listening))
		events |= POLLHUP;
	if (!s->listening && (!to || to->weight * 2 <= to->limit))
		events |= POLL_WRITABLE;
	return events;
}
