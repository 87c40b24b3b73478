/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_mapping.c - mappings: what a run's id stands for, and how objects find who maps them.
 *
 *	space ── ids: 1 -> mapping ──┐           object ── mappings: ── mapping ── mapping
 *	              2 -> mapping   └──────────────────────────────────┘   (another space's)
 *
 * A mapping lives while pages are promised under its id; it holds a reference on its object.
 */
#include "mm/space.h"

static void list_add(struct qr_mapping *mp)
{
	struct qr_object *o = mp->object;

	qr_lock_acquire(&o->lock);
	mp->next = o->mappings;
	mp->prev = &o->mappings;
	if (mp->next)
		mp->next->prev = &mp->next;
	o->mappings = mp;
	qr_lock_release(&o->lock);
}

static void list_remove(struct qr_mapping *mp)
{
	qr_lock_acquire(&mp->object->lock);
	*mp->prev = mp->next;
	if (mp->next)
		mp->next->prev = mp->prev;
	qr_lock_release(&mp->object->lock);
}

/* Hulls are read by objects that reach in, without the lock of the mappings. */
static void set_hull(struct qr_mapping *mp, uintptr_t lo, uintptr_t hi)
{
	qr_store_word(&mp->lo, lo);
	qr_store_word(&mp->hi, hi);
}

void qr_mapping_cover(struct qr_space *s, struct qr_mapping *mp, uintptr_t lo, uintptr_t hi)
{
	mappings_lock(s);
	set_hull(mp, lo < mp->lo ? lo : mp->lo, hi > mp->hi ? hi : mp->hi);
	mappings_unlock(s);
}

/* The lowest that is free: all below s->free_id are taken, and some above may be. */
static uint32_t find_id(struct qr_space *s)
{
	uint32_t id = s->free_id;

	while (id < RUN_IDS && qr_radix_get(&s->mappings, id))
		id++;
	s->free_id = id;
	return id;
}

static enum qr_err make_locked(struct qr_space *s, const struct qr_mapping *like,
			       struct qr_mapping **out)
{
	struct qr_memory *m = s->memory;
	uint32_t id = like->id ? like->id : find_id(s);
	struct qr_mapping *mp;

	if (id >= RUN_IDS)
		return QR_NOMEM;
	mp = qr_pool_alloc(&m->mappings);
	if (!mp)
		return QR_NOMEM;
	if (qr_radix_set(&s->mappings, &m->nodes, id, (uintptr_t)mp)) {
		qr_pool_free(&m->mappings, mp);
		return QR_NOMEM;
	}
	*mp = *like;
	mp->id = id;
	mp->space = s;
	mp->npages = 0;
	if (id == s->free_id)
		s->free_id = id + 1;
	if (mp->object) {
		qr_object_get(mp->object);
		list_add(mp);
	}
	if (mp->growsdown) {
		mp->next_stack = s->stacks;
		s->stacks = mp;
	}
	*out = mp;
	return QR_OK;
}

enum qr_err qr_mapping_make(struct qr_space *s, const struct qr_mapping *like,
			    struct qr_mapping **out)
{
	enum qr_err err;

	mappings_lock(s);
	err = make_locked(s, like, out);
	mappings_unlock(s);
	return err;
}

void qr_mapping_drop(struct qr_space *s, struct qr_mapping *mp)
{
	(void)qr_radix_clear(&s->mappings, &s->memory->nodes, mp->id);
	if (mp->id < s->free_id)
		s->free_id = mp->id;
	if (mp->object)
		list_remove(mp);
	if (mp->growsdown) {
		struct qr_mapping **at = &s->stacks;

		while (*at != mp)
			at = &(*at)->next_stack;
		*at = mp->next_stack;
	}
	mp->next_stack = s->dead;
	__atomic_store_n(&s->dead, mp, __ATOMIC_RELAXED);
}

void qr_mappings_free(struct qr_space *s, struct qr_mapping *dead)
{
	while (dead) {
		struct qr_mapping *mp = dead;

		dead = mp->next_stack;
		if (mp->object) {
			if (QR_RARELY(mp->object->unmapped))
				mp->object->unmapped(mp->object);
			qr_object_put(mp->object);
		}
		qr_pool_free(&s->memory->mappings, mp);
	}
}

void qr_space_count_kind(struct qr_space *s, uint32_t attr, const struct qr_mapping *mp, size_t n)
{
	if (attr & RUN_LOCKED)
		tally(&s->locked, n);
	if (attr & RUN_X)
		tally(&s->exec, n);
	if (mp && mp->growsdown)
		tally(&s->stack, n);
	else if (attr & RUN_W && !(mp && mp->shared))
		tally(&s->data, n);
}

void qr_space_count_slow(struct qr_space *s, uint32_t attr, ptrdiff_t npages)
{
	struct qr_mapping *mp = NULL;

	if (run_id(attr)) {
		mappings_lock(s);
		mp = mapping_found(s, attr);
		mp->npages += (size_t)npages;
		mappings_unlock(s);
	}
	qr_space_count_kind(s, attr, mp, (size_t)npages);
}

void qr_space_uncount(struct qr_space *s, uint32_t attr, size_t npages, uintptr_t lo, uintptr_t hi)
{
	struct qr_mapping *mp;

	mappings_lock(s);
	mp = mapping_found(s, attr);
	tally(&s->mapped, -npages);
	qr_space_count_kind(s, attr, mp, -npages);
	mp->npages -= npages;
	if (mp->npages == 0)
		qr_mapping_drop(s, mp);
	else if (lo <= mp->lo && hi < mp->hi && hi > mp->lo)
		set_hull(mp, hi, mp->hi);
	else if (hi >= mp->hi && lo > mp->lo && lo < mp->hi)
		set_hull(mp, mp->lo, lo);
	mappings_unlock(s);
}
