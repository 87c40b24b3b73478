/* SPDX-License-Identifier: BSD-2-Clause
 *
 * list.h - doubly linked lists whose links lie inside the things that are listed.
 *
 *	struct list_link head  <->  a.link  <->  b.link  <->  (head)
 *
 * A ring: an empty list is a head that points at itself, a link that is on no list likewise,
 * so that list_del can be called twice and list_empty(&x->link) asks whether x is listed.
 * No operation can fail, none takes memory, each is a few instructions.
 *
 * Locking: the caller's.
 */
#ifndef KERNEL_LIST_H
#define KERNEL_LIST_H

#include <quire/types.h>

struct list_link {
	struct list_link *next, *prev;
};

#define LIST_INIT(head)          \
	{                        \
		&(head), &(head) \
	}

/* The thing that holds `member` at `link`. */
#define container_of(link, type, member) \
	((type *)((char *)(1 ? (link) : &((type *)0)->member) - offsetof(type, member)))

QR_INLINE void list_init(struct list_link *l)
{
	l->next = l->prev = l;
}

QR_INLINE bool list_empty(const struct list_link *l)
{
	return l->next == l;
}

/* Insert `l`, which is on no list, behind `at`: with the head, as the first. */
QR_INLINE void list_add(struct list_link *l, struct list_link *at)
{
	struct list_link *next = at->next;

	l->next = next;
	l->prev = at;
	next->prev = l;
	at->next = l;
}

/* Insert before `at`: with the head, as the last. */
QR_INLINE void list_add_tail(struct list_link *l, struct list_link *at)
{
	struct list_link *prev = at->prev;

	l->next = at;
	l->prev = prev;
	prev->next = l;
	at->prev = l;
}

QR_INLINE void list_del(struct list_link *l)
{
	struct list_link *next = l->next, *prev = l->prev;

	prev->next = next;
	next->prev = prev;
	list_init(l);
}

/* Take the first of those listed, of which there is one, off.  Its link is not made to say so. */
QR_INLINE struct list_link *list_take_first(struct list_link *head)
{
	struct list_link *l = head->next, *next = l->next;

	head->next = next;
	next->prev = head;
	return l;
}

/* Append all of `from` to `to`; `from` is empty afterwards. */
QR_INLINE void list_splice_tail(struct list_link *from, struct list_link *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* The first or last thing listed; NULL if there is none. */
#define list_first(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->next, type, member))
#define list_last(head, type, member) \
	(list_empty(head) ? NULL : container_of((head)->prev, type, member))

/* `safe`: the body may take the current thing off the list, but not the next one. */
#define list_for_each(p, head, member)                                                           \
	for ((p) = container_of((head)->next, __typeof__(*(p)), member); &(p)->member != (head); \
	     (p) = container_of((p)->member.next, __typeof__(*(p)), member))
#define list_for_each_safe(p, n, head, member)                              \
	for ((p) = container_of((head)->next, __typeof__(*(p)), member),    \
	    (n) = container_of((p)->member.next, __typeof__(*(p)), member); \
	     &(p)->member != (head);                                        \
	     (p) = (n), (n) = container_of((n)->member.next, __typeof__(*(p)), member))

#endif
