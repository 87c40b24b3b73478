/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_explain.c - why an access would be refused, in words: for panics and logs.
 *
 * Takes no lock: a panic may come from anywhere.  It reads descriptors and entries, and follows
 * only what is there.
 */
#include "mm/space.h"

struct text {
	char *buf;
	size_t n, size;
};

static void put(struct text *t, const char *s)
{
	for (; *s; s++, t->n++)
		if (t->n + 1 < t->size)
			t->buf[t->n] = *s;
}

static void put_hex(struct text *t, uintptr_t v)
{
	char digits[2 * sizeof(v) + 1], *at = &digits[2 * sizeof(v)];

	*at = 0;
	do
		*--at = "0123456789abcdef"[v & 15];
	while (v >>= 4);
	put(t, "0x");
	put(t, at);
}

static void put_rights(struct text *t, uint32_t attr)
{
	put(t, attr & RUN_R ? "r" : "-");
	put(t, attr & RUN_W ? "w" : "-");
	put(t, attr & RUN_X ? "x" : "-");
}

static void put_hole(struct text *t, const struct qr_space *s, uintptr_t va)
{
	const struct qr_memory *m = s->memory;
	struct found above;

	put(t, "nothing is mapped there");
	if (va >= m->user_start.v && va < m->user_end.v &&
	    qr_run_next(s, va, m->user_end.v, &above)) {
		put(t, "; the next region begins at ");
		put_hex(t, above.lo);
	}
}

static void put_run(struct text *t, const struct qr_space *s, const struct found *f,
		    enum qr_access access)
{
	static const char *const names[] = { "read", "write", "execute" };
	const struct qr_mapping *mp = run_id(f->attr) ? mapping_found(s, f->attr) : NULL;
	uint32_t need = access == QR_ACCESS_WRITE  ? RUN_W
			: access == QR_ACCESS_EXEC ? RUN_X
						   : RUN_RIGHTS;

	put(t, "it lies in ");
	put_hex(t, f->lo);
	put(t, "-");
	put_hex(t, f->hi);
	put(t, " ");
	put_rights(t, f->attr);
	put(t, !mp || !mp->object ? " private memory"
	       : mp->shared       ? " shared mapping of an object"
				  : " private mapping of an object");
	if (f->attr & need) {
		put(t, ", which lets ");
		put(t, names[access]);
	} else {
		put(t, ", which does not let ");
		put(t, names[access]);
	}
}

static void put_entry(struct text *t, const struct qr_space *s, uintptr_t va)
{
	static const char *const levels[] = { "the leaf", "level 1", "level 2", "level 3",
					      "level 4" };
	const struct qr_memory *m = s->memory;
	const struct qr_ptdesc *d = s->root;
	qr_entry e = entry_of(m, d, index_at(m, va, d->level));

	while (qr_entry_is_table(m->format, e, d->level)) {
		d = ptdesc_of(m, qr_entry_frame(m->format, e));
		e = entry_of(m, d, index_at(m, va, d->level));
	}
	put(t, "; the walk ends in ");
	put(t, levels[d->level]);
	put(t, qr_entry_none(e)                  ? ", nothing resident"
	       : !qr_entry_present(m->format, e) ? ", resident without rights"
	       : qr_entry_writable(m->format, e) ? ", resident, writable"
						 : ", resident, read-only");
}

size_t qr_space_explain(struct qr_space *s, qr_virt at, enum qr_access access, char *buf,
			size_t nbytes)
{
	const struct qr_memory *m = s->memory;
	struct text t = { .buf = buf, .size = nbytes };
	uintptr_t va = at.v & ~(uintptr_t)QR_PAGE_MASK;
	struct found f;

	put_hex(&t, at.v);
	put(&t, ": ");
	if (va < m->user_start.v || va >= m->user_end.v) {
		put(&t, va < m->user_start.v ? "below" : "above");
		put(&t, " what a user may map");
	} else if (!qr_run_next(s, va, va + QR_PAGE_SIZE, &f)) {
		put_hole(&t, s, va);
	} else {
		put_run(&t, s, &f, access);
		put_entry(&t, s, va);
	}
	if (nbytes)
		buf[t.n < nbytes ? t.n : nbytes - 1] = 0;
	return t.n;
}
