/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_init.c - the memory that spaces share, and spaces: made, loaded, gone.
 *
 * A space takes its root, and with PAE the directories right behind it: the CPU reads those
 * four entries when the root is loaded and not again, so they are made up front and kept.
 */
#include "mm/space.h"

static const struct {
	const char *name;
	size_t size;
} run_pools[] = { { "runs-16", 16 * sizeof(struct qr_run) },
		  { "runs-64", 64 * sizeof(struct qr_run) },
		  { "runs-252", 252 * sizeof(struct qr_run) } };

/* Empty tables that are kept: at least so many, and this part of low memory. */
#define SPARES_LEAST 16
#define SPARES_SHARE 1024

static enum qr_err init_pool(struct qr_memory *m, struct qr_pool *p, const char *name, size_t size,
			     size_t align, const struct qr_pool_source *slabs)
{
	enum qr_err err = qr_pool_init(p, m->frames, name, size, align);

	if (!err)
		qr_pool_set_source(p, slabs);
	return err;
}

static enum qr_err init_pools(struct qr_memory *m, const struct qr_pool_source *slabs)
{
	enum qr_err err = init_pool(m, &m->descs, "ptdesc", sizeof(struct qr_ptdesc), 64, slabs);

	if (!err)
		err = init_pool(m, &m->mappings, "mapping", sizeof(struct qr_mapping), 0, slabs);
	if (!err)
		err = init_pool(m, &m->nodes, "radix", sizeof(struct qr_radix_node), 0, slabs);
	for (unsigned k = 0; k < 3 && !err; k++)
		err = init_pool(m, &m->runs[k], run_pools[k].name, run_pools[k].size, 0, slabs);
	return err;
}

enum qr_err qr_memory_init(struct qr_memory *m, const struct qr_memory_config *config)
{
	uintptr_t top_span;
	enum qr_err err;

	*m = (struct qr_memory){
		.frames = config->frames,
		.format = config->format,
		.tlbs = config->tlbs,
		.kernel_root = qr_phys_frame(config->kernel_root),
		.user_start = config->user_start,
		.user_end = config->user_end,
		.window_end = config->window_end.v ? config->window_end : config->user_end,
		.backing = config->backing ? config->backing : QR_BACK_FIRST_WRITE,
		.huge.policy = config->huge,
		.most_spare = config->frames->low_end / SPARES_SHARE,
	};
	if (m->most_spare < SPARES_LEAST)
		m->most_spare = SPARES_LEAST;
	top_span = (uintptr_t)1 << level_shift(m, qr_format_top(m->format));
	if (m->user_start.v < QR_PAGE_SIZE || m->user_start.v & QR_PAGE_MASK ||
	    m->user_end.v & (top_span - 1) || m->user_start.v >= m->user_end.v ||
	    m->window_end.v & QR_PAGE_MASK || m->window_end.v > m->user_end.v)
		return QR_INVAL;
	for (unsigned prot = 0; prot < 8; prot++)
		m->prot_bits[prot] = qr_prot_bits(m->format, prot | QR_USER | (prot ? QR_READ : 0));
	m->low_base = (uintptr_t)qr_host_window_get(m->kernel_root) -
		      ((uintptr_t)m->kernel_root.v << QR_PAGE_SHIFT);
	qr_lock_init(&m->spare_lock, QR_RANK_LEAF);
#if QR_SPACE_STAGE
	qr_epochs_init(&m->epochs, m->frames->ncpus);
#endif
	err = init_pools(m, config->slabs);
	if (err)
		return err;
	err = qr_frames_alloc(m->frames, 0, QR_FRAME_ZERO, QR_LOW, &m->zero);
	if (err)
		return err;
	qr_host_frame_clear(m->zero);
	return QR_OK;
}

void qr_memory_fini(struct qr_memory *m)
{
	(void)qr_memory_trim(m);
	qr_frame_put(m->frames, m->zero);
	qr_pool_fini(&m->descs);
	qr_pool_fini(&m->mappings);
	qr_pool_fini(&m->nodes);
	for (unsigned k = 0; k < 3; k++)
		qr_pool_fini(&m->runs[k]);
}

/* ---- a space ----------------------------------------------------------------------------- */

/* A root comes with its kernel half, which never changes, and is worth keeping. */
#define SPARE_ROOTS 4

static void destroy_root(struct qr_memory *m, struct qr_ptdesc *root)
{
	struct child k;

	for (uintptr_t at = 0; child_next(m, root, at, m->user_end.v, &k); at = k.hi) {
		k.t->flags = 0;
		(void)qr_entry_clear(m->format, table_window(m, root), k.i);
		root->ntables--;
		qr_pt_free(m, k.t);
	}
	qr_host_frame_clear(qr_frame_of(root->frame));
	qr_pt_free(m, root);
}

static void free_root(struct qr_memory *m, struct qr_ptdesc *root)
{
	qr_run_shrink(m, root);
	qr_lock_acquire(&m->spare_lock);
	if (m->nroots < SPARE_ROOTS) {
		root->runs = (struct qr_run *)m->roots;
		m->roots = root;
		m->nroots++;
		root = NULL;
	}
	qr_lock_release(&m->spare_lock);
	if (root)
		destroy_root(m, root);
}

static struct qr_ptdesc *spare_root(struct qr_memory *m)
{
	struct qr_ptdesc *root;

	qr_lock_acquire(&m->spare_lock);
	root = m->roots;
	if (root) {
		m->roots = (struct qr_ptdesc *)root->runs;
		m->nroots--;
		root->runs = root->in;
	}
	qr_lock_release(&m->spare_lock);
	return root;
}

void qr_memory_drop_roots(struct qr_memory *m)
{
	struct qr_ptdesc *root;

	while ((root = spare_root(m)))
		destroy_root(m, root);
}

/* The directories right behind a root that the CPU latches. */
static enum qr_err keep_directories(struct qr_memory *m, struct qr_ptdesc *root)
{
	unsigned end = index_at(m, m->user_end.v - 1, root->level) + 1;

	for (unsigned i = 0; i < end; i++) {
		struct qr_ptdesc *t;

		if (qr_pt_alloc(m, root->level - 1u, &t))
			return QR_NOMEM;
		t->flags = PT_KEEP;
		pt_link(m, root, i, t);
	}
	return QR_OK;
}

static enum qr_err make_root(struct qr_memory *m, struct qr_ptdesc **out)
{
	unsigned top = qr_format_top(m->format);
	unsigned first = index_at(m, m->user_end.v - 1, top) + 1, end = table_entries(m, top);

	*out = spare_root(m);
	if (*out)
		return QR_OK;
	if (qr_pt_alloc(m, top, out))
		return QR_NOMEM;
	if (first < end)
		qr_table_copy(m->format, qr_frame_of((*out)->frame), m->kernel_root, first, end);
	if (m->format->bare_top && keep_directories(m, *out)) {
		destroy_root(m, *out);
		return QR_NOMEM;
	}
	return QR_OK;
}

enum qr_err qr_space_init(struct qr_space *s, struct qr_memory *m)
{
	struct qr_ptdesc *root;

	if (make_root(m, &root))
		return QR_NOMEM;
	*s = (struct qr_space){
		.memory = m,
		.root = root,
		.near_va = UINTPTR_MAX,
		.idle_va = UINTPTR_MAX,
		.free_id = 1,
		.max_pages = SIZE_MAX,
		.max_locked = SIZE_MAX,
		.max_stack = SIZE_MAX,
		.tables = 1u + root->ntables,
	};
	qr_lock_init(&s->lock, QR_SPACE_STAGE ? QR_RANK_MAPPINGS : QR_RANK_SPACE);
	qr_tlb_init(&s->tlb, m->tlbs);
	qr_space_window(s, m->user_start, m->user_end);
	return QR_OK;
}

void qr_space_fini(struct qr_space *s)
{
	struct qr_memory *m = s->memory;
	struct qr_space_pages left;
	struct cursor c;

	QR_ASSERT(!qr_tlb_in_use(&s->tlb), "a space that is freed is loaded nowhere");
	(void)space_lock(s);
	cursor_begin(&c, s, m->user_start.v, m->user_end.v);
	c.t = s->root;
	qr_gather_all(&c.gather);
	qr_unmap_part(&c, s->root, m->user_start.v, m->user_end.v);
	qr_cursor_end(&c);
	qr_space_unlock(s);
	left = qr_space_pages_sum(s);
	QR_ASSERT(!s->mapped && !left.anon && !left.file && !left.shared && !s->borrowed &&
		      !s->mappings.root,
		  "an unmapped space has nothing left");
	free_root(m, s->root);
}

void qr_space_enter(struct qr_space *s)
{
	qr_tlb_enter(&s->tlb, qr_frame_phys(qr_frame_of(s->root->frame)));
}

void qr_space_leave(struct qr_space *s)
{
	qr_tlb_leave(s->memory->tlbs, qr_frame_phys(s->memory->kernel_root));
}

void qr_space_limit(struct qr_space *s, size_t max_pages, size_t max_locked)
{
	s->max_pages = max_pages;
	s->max_locked = max_locked;
}

void qr_space_limit_stack(struct qr_space *s, size_t max_pages)
{
	s->max_stack = max_pages;
}
