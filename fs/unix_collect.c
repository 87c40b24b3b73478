/* SPDX-License-Identifier: BSD-2-Clause
 *
 * unix_collect.c - files in flight: sockets that nobody can reach any more.
 *
 * A file that was sent is held by the packet until it is received.  A socket may be sent to itself,
 * or two through each other; when their last descriptors close, packets hold them for ever:
 *
 *	A [packet: B]   B [packet: A]		files' references 1 and 1, both in packets
 *
 * So for each socket that flies it is counted how many references to its file lie in packets
 * (`flying`).  If that is all of them, it is a suspect.  Suspects whose packets' holders are suspects
 * too, all of them, are garbage, but for those that something else leads to: found by going from
 * the others through their packets.  The collection runs when a socket's last descriptor
 * closes, with few in flight each time, else after a share of them: its cost is a constant for each close,
 * and what waits for it is a fraction of what flies.
 *
 * Packets are freed from one list, never one within the other: sockets in packets of sockets in
 * packets ... would use up the stack.
 *
 * Sources: the idea is Linux's (Alan Cox's garbage collector of 1998, before 6.10's components).
 */
#include "fs/unix.h"
#include "kernel/kmalloc.h"

enum { SHARE = 8 }; /* of the sockets in flight: so many closes later they are looked at */

static struct list_link in_air = LIST_INIT(in_air), doomed = LIST_INIT(doomed);
static unsigned nsocks, nfiles, closes;
static bool freeing;

unsigned files_in_flight(void)
{
	return nfiles;
}

void files_take_off(struct packet *p)
{
	for (unsigned i = 0; i < p->nfiles; i++) {
		struct sock *s = sock_of(p->files[i]);

		if (s && !s->flying++) {
			list_add(&s->in_air, &in_air);
			nsocks++;
		}
	}
	nfiles += p->nfiles;
}

void files_land(struct packet *p)
{
	for (unsigned i = 0; i < p->nfiles; i++) {
		struct sock *s = sock_of(p->files[i]);

		if (s && !--s->flying) {
			list_del(&s->in_air);
			nsocks--;
		}
	}
	nfiles -= p->nfiles;
}

static void packet_free(struct packet *p)
{
	files_land(p);
	for (unsigned i = 0; i < p->nfiles; i++)
		file_put(p->files[i]);
	kfree(p->files);
	kfree(p->name);
	kfree(p);
}

void packets_free(struct list_link *packets)
{
	struct packet *p;

	list_splice_tail(packets, &doomed);
	if (freeing)
		return; /* who began it goes on with these */
	freeing = true;
	while ((p = list_first(&doomed, struct packet, link))) {
		list_del(&p->link);
		packet_free(p);
	}
	freeing = false;
}

/* ---- the collection ----------------------------------------------------------------------- */

static void each_sock(const struct list_link *packets, void (*fn)(struct sock *))
{
	struct packet *p;

	list_for_each (p, packets, link)
		for (unsigned i = 0; i < p->nfiles; i++) {
			struct sock *s = sock_of(p->files[i]);

			if (s)
				fn(s);
		}
}

/* What waits at s, and at connections to it that nobody has accepted. */
static void each_held(const struct sock *s, void (*fn)(struct sock *))
{
	struct sock *c;

	each_sock(&s->packets, fn);
	list_for_each (c, &s->waiting, in_waiting)
		each_sock(&c->packets, fn);
}

static bool suspect(const struct sock *s)
{
	return s->file->ref == s->flying;
}

static void count_inside(struct sock *s)
{
	s->inside++;
}

static struct list_link reached = LIST_INIT(reached);

static void reach(struct sock *s)
{
	if (s->is_reached)
		return;
	s->is_reached = true;
	list_del(&s->in_air);
	list_add_tail(&s->in_air, &reached);
}

/* What stays in in_air is garbage. */
static void find_garbage(void)
{
	struct sock *s, *next;

	list_for_each (s, &in_air, in_air) {
		s->inside = 0;
		s->is_reached = false;
	}
	list_for_each (s, &in_air, in_air)
		if (suspect(s))
			each_held(s, count_inside);
	list_for_each_safe (s, next, &in_air, in_air)
		if (!suspect(s) || s->inside < s->flying)
			reach(s);
	list_for_each (s, &reached, in_air) /* it grows meanwhile */
		each_held(s, reach);
}

void socks_collect(void)
{
	struct list_link packets = LIST_INIT(packets);
	struct sock *s, *c;

	if (freeing || ++closes < nsocks / SHARE || !nsocks)
		return;
	closes = 0;
	find_garbage();
	list_for_each (s, &in_air, in_air) {
		list_splice_tail(&s->packets, &packets);
		list_for_each (c, &s->waiting, in_waiting)
			list_splice_tail(&c->packets, &packets);
	}
	list_splice_tail(&reached, &in_air);
	packets_free(&packets);
}
