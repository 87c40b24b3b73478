/* SPDX-License-Identifier: BSD-2-Clause
 *
 * text.h - a text that grows while it is written.
 *
 * Running out of memory is remembered (`err`), not answered at each step: who writes checks
 * once, at the end.
 */
#ifndef FS_PROC_TEXT_H
#define FS_PROC_TEXT_H

#include <quire/types.h>
#include "kernel/log.h"

struct text {
	char *bytes;
	size_t n, size;
	int err; /* 0 or -ENOMEM */
	/* A long text is made piece by piece: where this piece begins, where the next one has to go
	 * on (the maker's own measure; 0: from the start), and whether there is one. */
	uint64_t base, cursor;
	bool more;
};

#define TEXT_PIECE 4096u /* who makes pieces may stop from here on */

void text_put(struct text *t, const void *bytes, size_t n);
void text_string(struct text *t, const char *s);
#define TEXT_PUT(t, literal) text_put(t, literal, sizeof(literal) - 1)
/* For what is read often; text_printf interprets its format each time. */
void text_number(struct text *t, uint64_t v);
void text_hex(struct text *t, uint64_t v, unsigned least); /* `least` digits or more, <= 16 */
/* A name of n bytes, a number, the end of the line; or a number that is 8 wide, and " kB". */
void text_count(struct text *t, const char *name, size_t n, uint64_t v);
void text_kb(struct text *t, const char *name, size_t n, uint64_t kb);
void text_printf(struct text *t, const char *format, ...) PRINTF_LIKE(2, 3);
/* Blanks up to this column of the line that began at `line` (a value of t->n). */
void text_pad(struct text *t, size_t line, size_t column);
/* Room for n bytes more at t->bytes + t->n, for who writes there itself; NULL: none. */
char *text_room(struct text *t, size_t n);
/* Numbers into plain memory, with room for 32 bytes; they answer their end. */
char *write_number(char *to, uint64_t v);
char *write_hex(char *to, uint64_t v, unsigned least);
void text_free(struct text *t);

static inline void text_char(struct text *t, char c)
{
	if (QR_LIKELY(t->n < t->size && !t->err))
		t->bytes[t->n++] = c;
	else
		text_put(t, &c, 1);
}

#endif
