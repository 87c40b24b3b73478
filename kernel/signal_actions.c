/* SPDX-License-Identifier: BSD-2-Clause
 *
 * signal_actions.c - what a process wants to happen on each signal.
 *
 * A table of 64 actions is two kilobytes on x86-64, and most processes have none of their own:
 * they have set nothing since execve, or they have what their parent had.  So the table is made
 * when the first action is set, a fork shares it, and who sets an action in a shared one copies it
 * first.  What the kernel itself takes back (SA_RESETHAND, a fault that is forced, execve) is bits
 * beside the table, so that it needs no memory and cannot fail.
 */
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/signal.h"

struct signal_actions *signal_actions_new(void)
{
	struct signal_actions *a = kzalloc(sizeof(*a));

	if (a)
		a->ref = 1;
	return a;
}

struct signal_actions *signal_actions_copy(const struct signal_actions *from)
{
	struct signal_actions *a = kmalloc(sizeof(*a));

	if (!a)
		return NULL;
	*a = *from;
	a->ref = 1;
	if (a->table)
		a->table->ref++;
	return a;
}

static void table_put(struct signal_table *t)
{
	if (t && --t->ref == 0)
		kfree(t);
}

void signal_actions_put(struct signal_actions *a)
{
	if (--a->ref)
		return;
	table_put(a->table);
	kfree(a);
}

struct signal_action signal_action_altered(const struct signal_actions *a, int sig)
{
	struct signal_action action = { .handler = SIG_DFL };
	signal_set bit = signal_bit(sig);

	if (!(a->set & bit))
		return action;
	if (a->bare & bit)
		action.handler = a->table->of[sig - 1].handler;
	else
		action = a->table->of[sig - 1];
	if (a->reset & bit)
		action.handler = SIG_DFL;
	return action;
}

uintptr_t signal_handler(const struct signal_actions *a, int sig)
{
	if (QR_RARELY(a->altered))
		return signal_action_altered(a, sig).handler;
	return a->table ? a->table->of[sig - 1].handler : SIG_DFL;
}

/* A table that nobody else has, and that says by itself what counts. */
static int own_table(struct signal_actions *a)
{
	struct signal_table *own = kzalloc(sizeof(*own));

	if (!own)
		return -ENOMEM;
	own->ref = 1;
	for (signal_set left = a->set; left; left &= left - 1) {
		int sig = __builtin_ctzll(left) + 1;

		own->of[sig - 1] = signal_action(a, sig);
	}
	table_put(a->table);
	a->table = own;
	a->reset = a->bare = 0;
	a->altered = false;
	return 0;
}

int signal_action_set(struct signal_actions *a, int sig, const struct signal_action *action)
{
	if ((!a->table || a->table->ref > 1 || a->altered) && own_table(a))
		return -ENOMEM;
	a->table->of[sig - 1] = *action;
	a->set |= signal_bit(sig);
	return 0;
}

void signal_action_reset(struct signal_actions *a, int sig)
{
	a->reset |= a->set & signal_bit(sig);
	a->altered = a->table != NULL;
}

void signal_actions_reset(struct signal_actions *a)
{
	for (signal_set left = a->set; left; left &= left - 1) {
		int sig = __builtin_ctzll(left) + 1;

		if (signal_handler(a, sig) == SIG_IGN)
			a->bare |= signal_bit(sig);
		else
			a->set &= ~signal_bit(sig);
	}
	a->reset = 0;
	a->bare &= a->set;
	a->altered = a->set != 0;
	if (!a->set) {
		table_put(a->table);
		a->table = NULL;
	}
}
