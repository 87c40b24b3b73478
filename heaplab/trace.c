/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trace.c - a list of calls.
 */
#include "heaplab/lab.h"

#include <stdarg.h>
#include <stdlib.h>

void die(const char *what, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fprintf(stderr, "heaplab: ");
	if (what)
		fprintf(stderr, "%s: ", what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(2);
}

void *must_grow(void *p, size_t n)
{
	p = realloc(p, n);
	if (!p)
		die(NULL, "no memory for %zu bytes", n);
	return p;
}

void *must_alloc(size_t n)
{
	return must_grow(NULL, n ? n : 1);
}

void trace_init(struct trace *t, const char *name)
{
	*t = (struct trace){ .name = name };
}

static void append(struct trace *t, struct step s)
{
	if (t->nsteps == t->room) {
		t->room = t->room ? t->room * 2 : 1024;
		if (t->room > UINT32_MAX / 4 / sizeof(s))
			die(t->name, "more calls than %u", t->nsteps);
		t->steps = must_grow(t->steps, t->room * sizeof(s));
	}
	t->steps[t->nsteps++] = s;
}

static uint32_t counted(uint32_t size)
{
	return size ? size : 1;
}

uint32_t trace_alloc(struct trace *t, uint32_t size, unsigned align_shift)
{
	uint32_t id = t->nobjects++;

	if (id == t->live_room) {
		t->live_room = t->live_room ? t->live_room * 2 : 1024;
		t->live = must_grow(t->live, t->live_room * sizeof(*t->live));
	}
	t->live[id] = counted(size);
	append(t, (struct step){ CALL_ALLOC, (uint8_t)align_shift, id, size });
	return id;
}

static bool is_live(const struct trace *t, uint32_t id)
{
	return id < t->nobjects && t->live[id];
}

bool trace_free(struct trace *t, uint32_t id)
{
	if (!is_live(t, id))
		return false;
	t->live[id] = 0;
	append(t, (struct step){ CALL_FREE, 0, id, 0 });
	return true;
}

bool trace_resize(struct trace *t, uint32_t id, uint32_t size)
{
	if (!is_live(t, id))
		return false;
	t->live[id] = counted(size);
	append(t, (struct step){ CALL_RESIZE, 0, id, size });
	return true;
}

void trace_finish(struct trace *t)
{
	uint32_t *size = must_alloc(t->nobjects * sizeof(*size)), live = 0;
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < t->nsteps; i++) {
		const struct step *s = &t->steps[i];

		if (s->call == CALL_ALLOC)
			live++;
		else
			bytes -= size[s->id];
		if (s->call == CALL_FREE) {
			live--;
			continue;
		}
		size[s->id] = s->size;
		bytes += s->size;
		t->most_live = live > t->most_live ? live : t->most_live;
		t->most_bytes = bytes > t->most_bytes ? bytes : t->most_bytes;
	}
	free(size);
}

void trace_fini(struct trace *t)
{
	free(t->steps);
	free(t->live);
}
