/* SPDX-License-Identifier: BSD-2-Clause
 *
 * space_access.c - read and write the memory of a space that need not be loaded; residency.
 *
 * For debuggers, for /proc/PID/mem, for arguments that exec copies into a space it builds.
 * Pages are faulted in as the user would, and reached through their frames.
 */
#include "mm/space.h"

static struct qr_ptdesc *leaf_of(const struct qr_space *s, uintptr_t va)
{
	const struct qr_memory *m = s->memory;
	struct qr_ptdesc *t = s->root;

	while (t->level) {
		qr_entry e = entry_of(m, t, index_at(m, va, t->level));

		if (!qr_entry_is_table(m->format, e, t->level))
			return NULL;
		t = ptdesc_of(m, qr_entry_frame(m->format, e));
	}
	return t;
}

/* The frame at va, faulted in; the lock keeps it there. */
static enum qr_err frame_for(struct qr_space *s, uintptr_t va, enum qr_access access, bool force,
			     qr_frame *out)
{
	enum qr_err err = qr_fault_locked(s, va, access, force);
	const struct qr_memory *m = s->memory;

	if (!err)
		*out = resident_frame(m, entry_of(m, leaf_of(s, va), index_at(m, va, 0)));
	return err;
}

/* Up to the end of a page; answers how many bytes, or an error through *err. */
static size_t copy_page_part(struct qr_space *s, uintptr_t va, void *buf, size_t n, bool write,
			     bool force, enum qr_err *err)
{
	size_t in = va & QR_PAGE_MASK, part = QR_PAGE_SIZE - in;
	char *window;
	qr_frame f;

	if (part > n)
		part = n;
	if (va < s->memory->user_start.v || va >= s->memory->user_end.v) {
		*err = QR_NOENT;
		return 0;
	}
	*err = frame_for(s, va, write ? QR_ACCESS_WRITE : QR_ACCESS_READ, force, &f);
	if (*err)
		return 0;
	window = qr_host_window_get(f);
	if (write)
		__builtin_memcpy(window + in, buf, part);
	else
		__builtin_memcpy(buf, window + in, part);
	qr_host_window_put(window);
	return part;
}

static enum qr_err transfer(struct qr_space *s, uintptr_t va, char *buf, size_t n, bool write,
			    bool force, size_t *out)
{
	enum qr_err err = QR_OK;
	size_t done = 0;

	qr_lock_acquire(&s->lock);
	while (done < n && !err)
		done += copy_page_part(s, va + done, buf + done, n - done, write, force, &err);
	qr_lock_release(&s->lock);
	*out = done;
	return err;
}

enum qr_err qr_space_read(struct qr_space *s, qr_virt at, void *to, size_t n, size_t *out)
{
	return transfer(s, at.v, to, n, false, false, out);
}

enum qr_err qr_space_write(struct qr_space *s, qr_virt at, const void *from, size_t n, bool force,
			   size_t *out)
{
	return transfer(s, at.v, (char *)(uintptr_t)from, n, true, force, out);
}

enum qr_err qr_space_residency(struct qr_space *s, qr_virt at, size_t npages, uint8_t *out)
{
	const struct qr_memory *m = s->memory;
	uintptr_t va = at.v, end;
	enum qr_err err = QR_OK;
	struct found f;

	if (!range_valid(m, at, npages))
		return va & QR_PAGE_MASK ? QR_INVAL : QR_NOENT;
	end = va + (npages << QR_PAGE_SHIFT);
	qr_lock_acquire(&s->lock);
	while (va < end && !err) {
		uintptr_t stop;

		if (!qr_run_next(s, va, end, &f) || f.lo > va) {
			err = QR_NOENT;
			break;
		}
		for (stop = f.hi < end ? f.hi : end; va < stop; va += QR_PAGE_SIZE) {
			const struct qr_ptdesc *t = leaf_of(s, va);
			bool there = t && !qr_entry_none(entry_of(m, t, index_at(m, va, 0)));

			if (!there && run_id(f.attr) && mapping_of(s, f.attr)->object)
				there =
				    qr_object_resident(mapping_of(s, f.attr)->object,
						       (uint64_t)((int64_t)(va >> QR_PAGE_SHIFT) +
								  mapping_of(s, f.attr)->delta));
			*out++ = there;
		}
	}
	qr_lock_release(&s->lock);
	return err;
}
