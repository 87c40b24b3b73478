/* SPDX-License-Identifier: BSD-2-Clause
 *
 * trace_file.c - traces in files: text, a call a line.
 *
 *	# a remark
 *	a 24		allocate 24 bytes: object 0, the next one is object 1, and so on
 *	a 100 64	allocate 100 bytes at a multiple of 64
 *	r 0 48		resize object 0 to 48 bytes
 *	f 1		free object 1
 *
 * Objects that are never freed are no error.
 */
#include "heaplab/lab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *file, *at, *end;
	unsigned line;
};

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\r'))
		r->at++;
}

static bool at_line_end(struct reader *r)
{
	skip_blanks(r);
	return r->at == r->end || *r->at == '\n' || *r->at == '#';
}

static uint32_t number(struct reader *r, const char *what)
{
	uint64_t n = 0;

	skip_blanks(r);
	if (r->at == r->end || *r->at < '0' || *r->at > '9')
		die(r->file, "line %u: %s is missing", r->line, what);
	while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && n <= UINT32_MAX)
		n = n * 10 + (uint64_t)(*r->at++ - '0');
	if (n > INT32_MAX)
		die(r->file, "line %u: %s is more than %d", r->line, what, INT32_MAX);
	return (uint32_t)n;
}

static void parse_line(struct trace *t, struct reader *r)
{
	char call = *r->at++;
	uint32_t id = 0, size = 0, align = 0;

	if (call != 'a' && call != 'f' && call != 'r')
		die(r->file, "line %u: no call begins with '%c'; there are a, r and f", r->line,
		    call >= ' ' && call <= '~' ? call : '?');
	if (call != 'a')
		id = number(r, "the object's number");
	if (call != 'f')
		size = number(r, "the size");
	if (call == 'a' && !at_line_end(r))
		align = number(r, "the alignment");
	if (align & (align - 1) || align > 1u << 20)
		die(r->file, "line %u: %u is no alignment: a power of two up to 1048576", r->line,
		    align);
	if (!at_line_end(r))
		die(r->file, "line %u: more than a call", r->line);
	if (call == 'a')
		(void)trace_alloc(t, size, align ? (unsigned)__builtin_ctz(align) : 0);
	else if (!(call == 'f' ? trace_free(t, id) : trace_resize(t, id, size)))
		die(r->file, "line %u: object %u is not live", r->line, id);
}

void trace_parse(struct trace *t, const char *file, const char *text, size_t n)
{
	struct reader r = { file, text, text + n, 1 };

	for (; r.at < r.end; r.line++) {
		if (!at_line_end(&r))
			parse_line(t, &r);
		while (r.at < r.end && *r.at != '\n')
			r.at++;
		r.at += r.at < r.end;
	}
	if (!t->nsteps)
		die(file, "no call is in it");
	trace_finish(t);
}

void trace_read(struct trace *t, const char *file)
{
	FILE *in = strcmp(file, "-") ? fopen(file, "rb") : stdin;
	const char *slash = strrchr(file, '/');
	size_t n = 0, room = 0, got;
	char *text = NULL;

	if (!in)
		die(file, "%s", strerror(errno));
	do {
		room = room ? room * 2 : 65536;
		text = must_grow(text, room);
		got = fread(text + n, 1, room - n, in);
		n += got;
	} while (n == room);
	if (ferror(in))
		die(file, "%s", strerror(errno));
	fclose(in);
	trace_init(t, slash ? slash + 1 : file);
	trace_parse(t, file, text, n);
	free(text);
}

void trace_write(const struct trace *t, const char *file)
{
	FILE *out = strcmp(file, "-") ? fopen(file, "w") : stdout;

	if (!out)
		die(file, "%s", strerror(errno));
	fprintf(out, "# heaplab: %s, %u calls\n", t->name, t->nsteps);
	for (uint32_t i = 0; i < t->nsteps; i++) {
		const struct step *s = &t->steps[i];

		if (s->call == CALL_FREE)
			fprintf(out, "f %u\n", s->id);
		else if (s->call == CALL_RESIZE)
			fprintf(out, "r %u %u\n", s->id, s->size);
		else if (s->align_shift)
			fprintf(out, "a %u %u\n", s->size, 1u << s->align_shift);
		else
			fprintf(out, "a %u\n", s->size);
	}
	if (fflush(out) || ferror(out) || (out != stdout && fclose(out)))
		die(file, "%s", strerror(errno));
}
