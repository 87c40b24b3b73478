/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A compressed stream, in pieces whose length the first byte says; at most 1 MiB comes out.
 */
#include "kernel_memory.h"
#include "tap.h"

#include "fs/gunzip.h"

#include <stdlib.h>
#include <string.h>

struct source {
	struct stream stream;
	const uint8_t *bytes;
	size_t n, piece;
	uint8_t *copy; /* of its own length, for the sanitizer */
};

static size_t out;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static bool refill(struct stream *s)
{
	struct source *src = (struct source *)s;
	size_t now = src->n < src->piece ? src->n : src->piece;

	free(src->copy);
	src->copy = NULL;
	if (!now)
		return false;
	src->copy = malloc(now);
	memcpy(src->copy, src->bytes, now);
	src->bytes += now;
	src->n -= now;
	s->p = src->copy;
	s->end = s->p + now;
	return true;
}

static int take(struct gunzip_sink *sink, const uint8_t *bytes, size_t n)
{
	unsigned sum = 0;

	(void)sink;
	for (size_t i = 0; i < n; i++)
		sum += bytes[i];
	out += n;
	return out > 1 << 20 ? -(int)(sum % 2 + 1) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct source src = { .stream.refill = refill };
	struct gunzip_sink sink = { take };
	const char *error = NULL;
	int err;

	if (!n)
		return 0;
	src.piece = bytes[0] + 1u;
	src.bytes = bytes + 1;
	src.n = n - 1;
	out = 0;
	err = gunzip(&src.stream, &sink, &error);
	must(!err || out > 1 << 20 || error, "an error has words");
	free(src.copy);
	must(!kmalloc_live(), "nothing is left");
	return 0;
}
