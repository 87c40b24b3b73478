/* SPDX-License-Identifier: BSD-2-Clause
 *
 * stream.h - bytes that come chunk by chunk: where an initramfs is read from.
 *
 *	[ chunk: used | p ... end )  then refill: the next chunk, e.g. the next page of a boot
 *	module; the one before may be freed by then
 */
#ifndef FS_STREAM_H
#define FS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct stream {
	const uint8_t *p, *end;
	/* Set p and end to the next chunk, at least one byte; false: there is none. */
	bool (*refill)(struct stream *s);
	/* Bytes that were taken and given back, and the chunk that follows them. */
	uint8_t back[8];
	const uint8_t *after, *after_end;
};

/* Is there a byte at p? */
static inline bool stream_more(struct stream *s)
{
	while (s->p == s->end) {
		if (s->after) {
			s->p = s->after;
			s->end = s->after_end;
			s->after = NULL;
		} else if (!s->refill(s)) {
			return false;
		}
	}
	return true;
}

/* Give back up to 8 bytes that were taken last. */
static inline void stream_unread(struct stream *s, const uint8_t *bytes, size_t n)
{
	size_t held = s->after ? (size_t)(s->end - s->p) : 0;

	if (!s->after) {
		s->after = s->p;
		s->after_end = s->end;
	}
	for (size_t i = held; i-- > 0;) /* some of `back` was not read again yet */
		s->back[8 - held + i] = s->p[i];
	for (size_t i = 0; i < n; i++)
		s->back[8 - held - n + i] = bytes[i];
	s->p = s->back + 8 - held - n;
	s->end = s->back + 8;
}

#endif
