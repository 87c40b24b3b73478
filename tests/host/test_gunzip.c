/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Unpacking what the host's gzip has packed, in chunks of every size; then the same data cut at
 * each byte and with each bit turned: an error or the right output, never anything else.
 */
// sources: fs/gunzip.c fs/crc32.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fs/gunzip.h"
#include "kernel/errno.h"
#include "kernel_memory.h"
#include "tap.h"

struct bytes {
	uint8_t *p;
	size_t n;
};

/* ---- the host's gzip ------------------------------------------------------------------------- */

static struct bytes pack(const uint8_t *data, size_t n, int level)
{
	char name[] = "/tmp/quire-gunzip-XXXXXX", command[128];
	struct bytes out = { malloc(n + n / 1000 + 1000), 0 };
	int fd = mkstemp(name);
	FILE *pipe;

	must(fd >= 0 && write(fd, data, n) == (ssize_t)n, "a file in /tmp");
	close(fd);
	snprintf(command, sizeof(command), "gzip -%dn <%s", level, name);
	pipe = popen(command, "r");
	must(pipe != NULL, "%s", command);
	out.n = fread(out.p, 1, n + n / 1000 + 1000, pipe);
	must(pclose(pipe) == 0, "%s", command);
	unlink(name);
	return out;
}

/* ---- source and sink --------------------------------------------------------------------------- */

/* Each chunk is a copy of exactly its size, so that the sanitizer sees a byte read too much. */
struct source {
	struct stream stream;
	struct bytes from;
	size_t at, chunk;
	uint8_t *now;
};

static bool refill(struct stream *s)
{
	struct source *src = (struct source *)s;
	size_t n = src->from.n - src->at;

	free(src->now);
	src->now = NULL;
	if (!n)
		return false;
	n = n < src->chunk ? n : src->chunk;
	src->now = malloc(n);
	memcpy(src->now, src->from.p + src->at, n);
	src->at += n;
	s->p = src->now;
	s->end = s->p + n;
	return true;
}

struct sink {
	struct gunzip_sink sink;
	const uint8_t *want;
	size_t want_n, got;
	bool same;
};

static int take(struct gunzip_sink *sink, const uint8_t *bytes, size_t n)
{
	struct sink *s = (struct sink *)sink;

	if (s->got + n > s->want_n || memcmp(s->want + s->got, bytes, n))
		s->same = false;
	s->got += n;
	return s->got > s->want_n + (1 << 20) ? -ENOSPC : 0;
}

struct result {
	int err;
	bool same;   /* the output was the right one, whole */
	size_t left; /* input behind the member */
	const char *error;
};

static struct result unpack(struct bytes packed, size_t chunk, const uint8_t *want, size_t n)
{
	struct source src = { .stream = { .refill = refill }, .from = packed, .chunk = chunk };
	struct sink sink = { { take }, want, n, 0, true };
	struct result r = { 0 };

	r.err = stream_more(&src.stream) ? gunzip(&src.stream, &sink.sink, &r.error) : -EINVAL;
	r.same = sink.same && sink.got == n;
	while (stream_more(&src.stream)) {
		r.left++;
		src.stream.p++;
	}
	free(src.now);
	return r;
}

/* ---- data ------------------------------------------------------------------------------------------ */

static void fill_text(uint8_t *p, size_t n, uint64_t *state)
{
	static const char *const words[] = { "page ",  "frame ", "table\n",
					     "space ", "quire ", "0x1000 " };
	size_t at = 0;

	while (at < n) {
		const char *w = words[random_below(state, 6)];

		for (; *w && at < n; w++)
			p[at++] = (uint8_t)*w;
		if (at < n && random_below(state, 8) == 0)
			p[at++] = (uint8_t)random64(state);
	}
}

static void fill_random(uint8_t *p, size_t n, uint64_t *state)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)random64(state);
}

static void check_sizes(const char *what, void (*fill)(uint8_t *, size_t, uint64_t *))
{
	static const size_t sizes[] = { 0, 1, 10, 300, 5000, 65278, 65279, 65536, 400000 };
	static const size_t chunks[] = { 1, 2, 3, 7, 8, 9, 64, 4096, 1 << 20 };
	uint64_t state = seed();
	bool good = true;

	for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t *data = malloc(sizes[i] + 1);

		fill(data, sizes[i], &state);
		for (int level = 1; level <= 9; level += 4) {
			struct bytes packed = pack(data, sizes[i], level);

			for (unsigned c = 0; c < sizeof(chunks) / sizeof(chunks[0]); c++) {
				struct result r = unpack(packed, chunks[c], data, sizes[i]);

				good = good && !r.err && r.same && r.left == 0;
			}
			free(packed.p);
		}
		free(data);
	}
	ok(good, "%s of all sizes, in chunks of all sizes", what);
}

static void check_damage(void)
{
	uint64_t state = seed();
	uint8_t data[3000];
	struct bytes packed, cut;
	unsigned wrong = 0, missed = 0;

	fill_text(data, sizeof(data), &state);
	packed = pack(data, sizeof(data), 9);
	for (cut = packed; cut.n-- > 0;)
		missed += unpack(cut, 64, data, sizeof(data)).err == 0;
	is(missed, 0, "cut at each byte: an error");
	for (size_t bit = 0; bit < packed.n * 8; bit++) {
		struct result r;

		packed.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		r = unpack(packed, 64, data, sizeof(data));
		wrong += !r.err && !r.same;
		wrong += r.err && !r.error;
		packed.p[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	is(wrong, 0, "each bit turned: an error in words, or the right output");
	for (unsigned i = 0; i < 20000; i++) {
		struct bytes junk = { packed.p, 11 + random_below(&state, packed.n - 11) };

		for (unsigned k = 0; k < 4; k++)
			junk.p[10 + random_below(&state, junk.n - 10)] = (uint8_t)random64(&state);
		(void)unpack(junk, 1 + random_below(&state, 100), data, sizeof(data));
	}
	ok(true, "junk behind a header harms nothing");
	free(packed.p);
}

static void check_members(void)
{
	uint8_t data[1000];
	uint64_t state = seed();
	struct bytes packed, two;
	bool good = true;

	fill_text(data, sizeof(data), &state);
	packed = pack(data, sizeof(data), 6);
	two = (struct bytes){ malloc(packed.n + 20), packed.n + 20 };
	memcpy(two.p, packed.p, packed.n);
	memset(two.p + packed.n, 0xff, 20);
	for (size_t chunk = 1; chunk < 40; chunk++) {
		struct result r = unpack(two, chunk, data, sizeof(data));

		good = good && !r.err && r.same && r.left == 20;
	}
	ok(good, "what follows a member is left where it is");
	kmalloc_fail_after(1);
	is(unpack(packed, 64, data, sizeof(data)).err, -ENOMEM, "no memory: an error");
	free(packed.p);
	free(two.p);
}

int main(void)
{
	check_sizes("text", fill_text);
	check_sizes("noise", fill_random);
	check_damage();
	check_members();
	is(kmalloc_live(), 0, "nothing is left allocated");
	return done();
}
