/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Archives in pieces of every size, cut at each byte, with each bit turned; names that lie.
 */
// sources: fs/cpio.c
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "fs/cpio.h"
#include "kernel/errno.h"
#include "kernel_memory.h"
#include "tap.h"

/* ---- writing archives -------------------------------------------------------------------------- */

struct archive {
	uint8_t bytes[16384];
	size_t n;
};

static void put(struct archive *a, const void *bytes, size_t n)
{
	must(a->n + n + 4 <= sizeof(a->bytes), "the archive fits");
	memcpy(a->bytes + a->n, bytes, n);
	a->n += n;
	while (a->n % 4)
		a->bytes[a->n++] = 0;
}

static void entry_of_form(struct archive *a, const char *magic, const char *name, unsigned mode,
			  const char *contents, unsigned check)
{
	unsigned size = (unsigned)strlen(contents), len = (unsigned)strlen(name) + 1;
	char head[110 + 512];

	must(len < 500, "a short name");
	snprintf(head, sizeof(head), "%s%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%08X%s",
		 magic, 7, mode, 1000, 100, 1, 1234567890, size, 8, 1, 0, 0, len, check, name);
	put(a, head, 110 + len);
	put(a, contents, size);
}

static void entry(struct archive *a, const char *name, unsigned mode, const char *contents)
{
	entry_of_form(a, "070701", name, mode, contents, 0);
}

static void trailer(struct archive *a)
{
	entry(a, "TRAILER!!!", 0, "");
}

/* ---- reading them ------------------------------------------------------------------------------- */

/* What came out, written down as text. */
struct log {
	struct cpio_receiver receiver;
	char text[4096];
	size_t n;
};

static void note(struct log *l, const char *text, size_t n)
{
	if (l->n + n < sizeof(l->text)) {
		memcpy(l->text + l->n, text, n);
		l->n += n;
		l->text[l->n] = '\0';
	}
}

static bool leads_up(const char *name)
{
	for (const char *p = name; (p = strstr(p, "..")); p++)
		if ((p == name || p[-1] == '/') && (p[2] == '/' || !p[2]))
			return true;
	return false;
}

static int begin(struct cpio_receiver *r, const struct cpio_entry *e)
{
	struct log *l = (struct log *)r;
	char line[600];
	int n = snprintf(line, sizeof(line), "%.200s %o %u %s[", e->name, e->mode, e->size,
			 e->target ? e->target : "");

	must(!leads_up(e->name), "no name leads up: %s", e->name);
	must(e->name[0] != '/', "no name is absolute");
	note(l, line, (size_t)n);
	return 0;
}

static int contents(struct cpio_receiver *r, const uint8_t *bytes, size_t n)
{
	note((struct log *)r, (const char *)bytes, n);
	return 0;
}

static int end(struct cpio_receiver *r)
{
	note((struct log *)r, "]\n", 2);
	return 0;
}

/* Feed in pieces; the pieces are copies, so that the sanitizer sees a byte read too much. */
static int read_archive(const uint8_t *bytes, size_t n, size_t piece, struct log *l,
			const char **why)
{
	struct cpio c;
	int err;

	*l = (struct log){ .receiver = { begin, contents, end } };
	err = cpio_init(&c, &l->receiver);
	for (size_t at = 0; at < n && !err; at += piece) {
		size_t m = n - at < piece ? n - at : piece, used;
		uint8_t *copy = malloc(m);

		memcpy(copy, bytes + at, m);
		err = cpio_feed(&c, copy, m, &used);
		free(copy);
		if (!err && used < m)
			break;
	}
	if (!err)
		err = cpio_finish(&c);
	must(!err || c.error || err != -EINVAL, "an error has words");
	if (why)
		*why = c.error;
	cpio_fini(&c);
	return err;
}

static void good_archive(struct archive *a)
{
	a->n = 0;
	entry(a, ".", 040755, "");
	entry(a, "./bin", 040755, "");
	entry(a, "/bin//tool", 0100755, "some contents\n");
	entry(a, "bin/empty", 0100644, "");
	entry(a, "bin/link", 0120777, "../bin/tool");
	entry(a, "dev/null", 020666, "");
	trailer(a);
	memset(a->bytes + a->n, 0, 512);
	a->n += 512;
	entry(a, "second", 0100600, "x");
	trailer(a);
}

static void check_good(void)
{
	static const char want[] =
	    " 40755 0 []\nbin 40755 0 []\nbin/tool 100755 14 [some contents\n]\n"
	    "bin/empty 100644 0 []\nbin/link 120777 11 ../bin/tool[]\n"
	    "dev/null 20666 0 []\nsecond 100600 1 [x]\n";
	struct archive a;
	struct log l;
	unsigned bad = 0;

	good_archive(&a);
	for (size_t piece = 1; piece < 700; piece++)
		bad += read_archive(a.bytes, a.n, piece, &l, NULL) || strcmp(l.text, want);
	is(bad, 0, "two archives, in pieces of every size");
	kmalloc_fail_after(1);
	is(read_archive(a.bytes, a.n, 100, &l, NULL), -ENOMEM, "no memory: an error");
}

static void check_cut(void)
{
	struct archive a;
	struct log l;
	size_t first_end = 0;
	unsigned missed = 0;

	a.n = 0;
	entry(&a, "file", 0100644, "contents");
	entry(&a, "link", 0120777, "file");
	trailer(&a);
	first_end = a.n;
	for (size_t n = 1; n < first_end - 3; n++)
		missed += read_archive(a.bytes, n, 50, &l, NULL) == 0;
	is(missed, 0, "cut at each byte: an error");
}

static void check_flips(void)
{
	uint64_t state = seed();
	struct archive a;
	struct log l;

	good_archive(&a);
	for (size_t bit = 0; bit < a.n * 8; bit++) {
		a.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
		(void)read_archive(a.bytes, a.n, 97, &l, NULL);
		a.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ok(true, "each bit turned harms nothing");
	for (unsigned i = 0; i < 50000; i++) {
		good_archive(&a);
		for (unsigned k = 0; k < 3; k++)
			a.bytes[random_below(&state, a.n)] =
			    "0123456789abcdefF/.\0Z"[random_below(&state, 21)];
		(void)read_archive(a.bytes, a.n, 1 + random_below(&state, 300), &l, NULL);
	}
	ok(true, "likely characters in random places harm nothing");
}

static void refused(const char *name, unsigned mode, const char *text, const char *words)
{
	struct archive a = { .n = 0 };
	struct log l;
	const char *why = NULL;
	int err;

	entry(&a, name, mode, text);
	trailer(&a);
	err = read_archive(a.bytes, a.n, 64, &l, &why);
	ok(err == -EINVAL && why && strstr(why, words), "\"%.30s\" %o is refused: %s", name, mode,
	   why ? why : "it is not");
}

static void check_lies(void)
{
	struct archive a = { .n = 0 };
	struct log l;
	const char *why;
	char name[300];

	refused("..", 040755, "", "..");
	refused("../etc/passwd", 0100644, "x", "..");
	refused("a/../../b", 0100644, "x", "..");
	refused("a/..", 040755, "", "..");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	refused(name, 0100644, "x", "too long");
	refused("link", 0120777, "", "length");
	refused("dir", 040755, "contents", "no file");
	entry(&a, "a..b", 0100644, "x");
	entry(&a, "...", 0100644, "x");
	trailer(&a);
	ok(!read_archive(a.bytes, a.n, 64, &l, &why), "dots inside a name are no way up");
	a.n = 0;
	entry_of_form(&a, "070702", "sum", 0100644, "ab", 'a' + 'b');
	trailer(&a);
	ok(!read_archive(a.bytes, a.n, 64, &l, &why), "a checksum that is right");
	a.n = 0;
	entry_of_form(&a, "070702", "sum", 0100644, "ab", 'a');
	trailer(&a);
	is(read_archive(a.bytes, a.n, 64, &l, &why), -EINVAL, "a checksum that is wrong");
	a.n = 0;
	entry_of_form(&a, "070707", "old", 0100644, "ab", 0);
	is(read_archive(a.bytes, a.n, 64, &l, &why), -EINVAL, "an old form");
}

int main(void)
{
	check_good();
	check_cut();
	check_flips();
	check_lies();
	is(kmalloc_live(), 0, "nothing is left allocated");
	return done();
}
