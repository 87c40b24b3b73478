/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/proc/text.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"

char *text_room(struct text *t, size_t n)
{
	size_t size = t->size ? t->size : 512;
	char *bytes;

	if (t->err)
		return NULL;
	while (size - t->n < n)
		size *= 2;
	if (size != t->size) {
		bytes = krealloc(t->bytes, size);
		if (!bytes) {
			t->err = -ENOMEM;
			return NULL;
		}
		t->bytes = bytes;
		t->size = size;
	}
	return t->bytes + t->n;
}

void text_put(struct text *t, const void *bytes, size_t n)
{
	char *to = text_room(t, n);

	if (to) {
		memcpy(to, bytes, n);
		t->n += n;
	}
}

void text_string(struct text *t, const char *s)
{
	text_put(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args;
	size_t room = 128;
	char *to = text_room(t, room);
	int n = 0;

	if (to) {
		va_start(args, format);
		n = kvsnprintf(to, room, format, args);
		va_end(args);
	}
	if ((size_t)n >= room) {
		to = text_room(t, (size_t)n + 1);
		if (!to)
			return;
		va_start(args, format);
		kvsnprintf(to, (size_t)n + 1, format, args);
		va_end(args);
	}
	t->n += (size_t)n;
}

void text_pad(struct text *t, size_t line, size_t column)
{
	while (!t->err && t->n - line < column)
		text_put(t, " ", 1);
}

void text_free(struct text *t)
{
	kfree(t->bytes);
	*t = (struct text){ 0 };
}
