/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gunzip.c - the decoder.
 *
 * A code set is a table that is indexed by the next bits of the input and tells symbol and
 * length at once; the few codes longer than its index are found by counting, as the set is
 * canonical.  An entry holds all that its symbol means:
 *
 *	value:16 | 0:6 | kind:2 | extra bits:4 | code length:4      0: a longer code, or none
 *
 * Invariants
 *	I1  bits above `nbits` of the bit buffer may hold input bytes that are not consumed: they
 *	    equal the bytes at `in`, so that taking them again changes nothing
 *	I2  out[0, pos) is output; [flushed, pos) is not yet given to the sink
 *	I3  pos <= OUT_SIZE - LONGEST whenever a symbol is decoded
 */
#include "fs/gunzip.h"
#include "fs/crc32.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"

#define WINDOW   32768u
#define OUT_SIZE 65536u
#define LONGEST  258u /* bytes of one match */
#define MAX_BITS 15u
#define WORD     (8 * (unsigned)sizeof(uintptr_t))

enum kind { LITERAL, BASE, END, BAD };

#define ENTRY(value, kind, extra, length) \
	((uint32_t)(value) << 16 | (uint32_t)(kind) << 8 | (uint32_t)(extra) << 4 | (length))
#define E_VALUE(e)  ((e) >> 16)
#define E_KIND(e)   ((e) >> 8 & 3)
#define E_EXTRA(e)  ((e) >> 4 & 15)
#define E_LENGTH(e) ((e)&15)

struct codes {
	uint32_t *table;
	unsigned index_bits;
	uint32_t (*entry)(unsigned symbol); /* its meaning, length 0 */
	uint16_t count[MAX_BITS + 1];       /* codes of each length */
	uint16_t sorted[288];               /* symbols in the order of their codes */
};

struct gunzip {
	uintptr_t bits;
	unsigned nbits;
	const uint8_t *in, *in_end;
	struct stream *from;
	struct gunzip_sink *to;
	const char *error;
	size_t pos, flushed;
	uint32_t total; /* bytes given to the sink, modulo 2^32 as the format counts them */
	struct crc32 crc;
	struct codes literals, distances;
	uint32_t literal_table[1 << 10], distance_table[1 << 8];
	uint8_t out[OUT_SIZE];
};

static int fail(struct gunzip *g, const char *why)
{
	g->error = why;
	return -EINVAL;
}

/* ---- bits ------------------------------------------------------------------------------------ */

static bool next_chunk(struct gunzip *g)
{
	g->from->p = g->in;
	if (!stream_more(g->from))
		return false;
	g->in = g->from->p;
	g->in_end = g->from->end;
	return true;
}

/* Near the end of a chunk, byte by byte.  At the end of the input there are only so many bits:
 * whoever needs more finds out by nbits. */
static __attribute__((noinline)) void fill_slowly(struct gunzip *g)
{
	/* The rest of the buffer may hold bytes by I1; they come again from here. */
	g->bits &= ((uintptr_t)1 << g->nbits) - 1;
	while (g->nbits <= WORD - 8) {
		if (g->in == g->in_end && !next_chunk(g))
			return;
		g->bits |= (uintptr_t)*g->in++ << g->nbits;
		g->nbits += 8;
	}
}

/* At least WORD - 8 bits, if the input has them. */
static inline void fill(struct gunzip *g)
{
	uintptr_t word;

	if (__builtin_expect((size_t)(g->in_end - g->in) < sizeof(word), 0)) {
		if (g->nbits < WORD - 8)
			fill_slowly(g);
		return;
	}
	memcpy(&word, g->in, sizeof(word));
	g->bits |= word << g->nbits;
	g->in += (WORD - 1 - g->nbits) >> 3;
	g->nbits |= WORD - 8;
}

static inline unsigned peek(const struct gunzip *g, unsigned n)
{
	return (unsigned)g->bits & ((1u << n) - 1);
}

static inline void drop(struct gunzip *g, unsigned n)
{
	g->bits >>= n;
	g->nbits -= n;
}

/* n bits, at most 16; -1: the input ends before. */
static int take(struct gunzip *g, unsigned n)
{
	unsigned v;

	if (g->nbits < n) {
		fill(g);
		if (g->nbits < n)
			return -1;
	}
	v = peek(g, n);
	drop(g, n);
	return (int)v;
}

/* ---- code sets ------------------------------------------------------------------------------- */

static uint32_t literal_entry(unsigned symbol)
{
	static const uint8_t extra[29] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					   2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const uint16_t base[29] = { 3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
					   15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
					   67, 83, 99, 115, 131, 163, 195, 227, 258 };

	if (symbol < 256)
		return ENTRY(symbol, LITERAL, 0, 0);
	if (symbol == 256)
		return ENTRY(0, END, 0, 0);
	if (symbol > 285)
		return ENTRY(0, BAD, 0, 0);
	return ENTRY(base[symbol - 257], BASE, extra[symbol - 257], 0);
}

static uint32_t distance_entry(unsigned symbol)
{
	unsigned extra = symbol < 2 ? 0 : symbol / 2 - 1;

	if (symbol > 29)
		return ENTRY(0, BAD, 0, 0);
	if (symbol < 4)
		return ENTRY(symbol + 1, BASE, 0, 0);
	return ENTRY(((2 + (symbol & 1)) << extra) + 1, BASE, extra, 0);
}

static uint32_t plain_entry(unsigned symbol)
{
	return ENTRY(symbol, LITERAL, 0, 0);
}

static unsigned reversed(unsigned code, unsigned length)
{
	unsigned r = 0;

	for (; length; length--, code >>= 1)
		r = r << 1 | (code & 1);
	return r;
}

/* Is the set complete?  One single code of one bit, or none at all, passes too: compressors
 * write so when there is one distance, or none. */
static bool sound(const struct codes *c, unsigned ncodes)
{
	int left = 1;

	for (unsigned length = 1; length <= MAX_BITS; length++) {
		left = left * 2 - c->count[length];
		if (left < 0)
			return false;
	}
	return left == 0 || ncodes == 0 || (ncodes == 1 && c->count[1] == 1);
}

static void enter_code(struct codes *c, unsigned code, unsigned length, unsigned symbol)
{
	unsigned size = 1u << c->index_bits;

	for (unsigned i = reversed(code, length); i < size; i += 1u << length)
		c->table[i] = c->entry(symbol) | length;
}

static bool build(struct codes *c, const uint8_t *lengths, unsigned n)
{
	unsigned offset[MAX_BITS + 2] = { 0 }, next[MAX_BITS + 2] = { 0 };

	memset(c->count, 0, sizeof(c->count));
	memset(c->table, 0, sizeof(uint32_t) << c->index_bits);
	for (unsigned s = 0; s < n; s++)
		c->count[lengths[s]]++;
	c->count[0] = 0;
	for (unsigned length = 1; length <= MAX_BITS; length++) {
		offset[length + 1] = offset[length] + c->count[length];
		next[length + 1] = (next[length] + c->count[length]) << 1;
	}
	if (!sound(c, offset[MAX_BITS + 1]))
		return false;
	for (unsigned s = 0; s < n; s++) {
		unsigned length = lengths[s];

		if (!length)
			continue;
		c->sorted[offset[length]++] = (uint16_t)s;
		if (length <= c->index_bits)
			enter_code(c, next[length], length, s);
		next[length]++;
	}
	return true;
}

/* A code that the table does not hold: count through the lengths.  0: there is none such. */
static __attribute__((noinline)) uint32_t decode_long(const struct gunzip *g, const struct codes *c)
{
	unsigned code = 0, first = 0, index = 0;

	for (unsigned length = 1; length <= MAX_BITS; length++) {
		code |= (unsigned)(g->bits >> (length - 1)) & 1;
		if (code - first < c->count[length])
			return c->entry(c->sorted[index + code - first]) | length;
		index += c->count[length];
		first = (first + c->count[length]) << 1;
		code <<= 1;
	}
	return 0;
}

static inline uint32_t decode(const struct gunzip *g, const struct codes *c)
{
	uint32_t e = c->table[peek(g, c->index_bits)];

	return __builtin_expect(e != 0, 1) ? e : decode_long(g, c);
}

/* ---- output ---------------------------------------------------------------------------------- */

static int flush(struct gunzip *g)
{
	size_t n = g->pos - g->flushed;
	const uint8_t *fresh = g->out + g->flushed;

	crc32_add(&g->crc, fresh, n);
	g->total += (uint32_t)n;
	g->flushed = g->pos;
	return n ? g->to->take(g->to, fresh, n) : 0;
}

/* Room for the longest match: give what is new to the sink, keep the last 32 KiB. */
static int make_room(struct gunzip *g)
{
	int err = flush(g);

	memmove(g->out, g->out + g->pos - WINDOW, WINDOW);
	g->pos = g->flushed = WINDOW;
	return err;
}

static inline bool is_full(const struct gunzip *g)
{
	return g->pos > OUT_SIZE - LONGEST;
}

/* n bytes from `distance` back; they may overlap what they make. */
static inline void repeat(struct gunzip *g, unsigned distance, unsigned n)
{
	uint8_t *to = g->out + g->pos;
	const uint8_t *from = to - distance;

	g->pos += n;
	if (distance >= sizeof(uintptr_t)) {
		for (; n >= sizeof(uintptr_t); n -= sizeof(uintptr_t)) {
			memcpy(to, from, sizeof(uintptr_t));
			to += sizeof(uintptr_t);
			from += sizeof(uintptr_t);
		}
	}
	while (n--)
		*to++ = *from++;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static int stored_block(struct gunzip *g)
{
	int n, inverse;

	drop(g, g->nbits & 7);
	n = take(g, 16);
	inverse = take(g, 16);
	if (inverse < 0)
		return fail(g, "ends inside a stored block");
	if (n != (~inverse & 0xffff))
		return fail(g, "length of a stored block and its complement differ");
	while (n--) {
		int byte = take(g, 8), err = is_full(g) ? make_room(g) : 0;

		if (err)
			return err;
		if (byte < 0)
			return fail(g, "ends inside a stored block");
		g->out[g->pos++] = (uint8_t)byte;
	}
	return 0;
}

/* The match that begins with length entry e. */
static int match(struct gunzip *g, uint32_t e)
{
	unsigned length, distance;

	if (E_KIND(e) == BAD)
		return fail(g, "a length that does not exist");
	length = E_VALUE(e) + peek(g, E_EXTRA(e));
	if (g->nbits < E_EXTRA(e))
		return fail(g, "ends inside a match");
	drop(g, E_EXTRA(e));
	if (WORD == 32)
		fill(g);
	e = decode(g, &g->distances);
	if (!e || E_KIND(e) == BAD)
		return fail(g, "a distance that does not exist");
	if (g->nbits < E_LENGTH(e))
		return fail(g, "ends inside a match");
	drop(g, E_LENGTH(e));
	if (WORD == 32)
		fill(g);
	distance = E_VALUE(e) + peek(g, E_EXTRA(e));
	if (g->nbits < E_EXTRA(e))
		return fail(g, "ends inside a match");
	drop(g, E_EXTRA(e));
	if (distance > g->pos)
		return fail(g, "a distance beyond the beginning");
	repeat(g, distance, length);
	return 0;
}

static int compressed_block(struct gunzip *g)
{
	for (;;) {
		uint32_t e;
		int err;

		if (is_full(g)) {
			err = make_room(g);
			if (err)
				return err;
		}
		fill(g);
		e = decode(g, &g->literals);
		if (!e)
			return fail(g, g->nbits < MAX_BITS ? "ends inside a block"
							   : "a code that does not exist");
		if (g->nbits < E_LENGTH(e))
			return fail(g, "ends inside a block");
		drop(g, E_LENGTH(e));
		if (E_KIND(e) == LITERAL) {
			g->out[g->pos++] = (uint8_t)E_VALUE(e);
			continue;
		}
		if (E_KIND(e) == END)
			return 0;
		err = match(g, e);
		if (err)
			return err;
	}
}

static int fixed_codes(struct gunzip *g)
{
	uint8_t lengths[288];

	for (unsigned s = 0; s < 288; s++)
		lengths[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
	(void)build(&g->literals, lengths, 288);
	memset(lengths, 5, 32);
	(void)build(&g->distances, lengths, 32);
	return 0;
}

/* Code lengths are run-length coded, with a code set of their own. */
static int read_lengths(struct gunzip *g, struct codes *c, uint8_t *lengths, unsigned n)
{
	unsigned i = 0;

	while (i < n) {
		uint32_t e;
		int run;
		uint8_t value = 0;

		fill(g);
		e = decode(g, c);
		if (!e || g->nbits < E_LENGTH(e))
			return fail(g, "code lengths that make no sense");
		drop(g, E_LENGTH(e));
		if (E_VALUE(e) < 16) {
			lengths[i++] = (uint8_t)E_VALUE(e);
			continue;
		}
		if (E_VALUE(e) == 16) {
			if (!i)
				return fail(g, "repeats a code length before the first");
			value = lengths[i - 1];
			run = take(g, 2) + 3;
		} else {
			run = E_VALUE(e) == 17 ? take(g, 3) + 3 : take(g, 7) + 11;
		}
		if ((unsigned)run > n - i)
			return fail(g, "more code lengths than codes");
		memset(lengths + i, value, (unsigned)run);
		i += (unsigned)run;
	}
	return 0;
}

static int dynamic_codes(struct gunzip *g)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					   11, 4,  12, 3, 13, 2, 14, 1, 15 };
	uint8_t lengths[320] = { 0 };
	int nliteral = take(g, 5), ndistance = take(g, 5), nlength = take(g, 4), err;

	if (nlength < 0)
		return fail(g, "ends inside the head of a block");
	nliteral += 257;
	ndistance += 1;
	if (nliteral > 286 || ndistance > 30)
		return fail(g, "more codes than there are symbols");
	for (int i = 0; i < nlength + 4; i++) {
		int v = take(g, 3);

		if (v < 0)
			return fail(g, "ends inside the head of a block");
		lengths[order[i]] = (uint8_t)v;
	}
	/* The distances' table serves for the lengths' codes, which come first. */
	g->distances.entry = plain_entry;
	if (!build(&g->distances, lengths, 19))
		return fail(g, "codes of code lengths that do not fit together");
	err = read_lengths(g, &g->distances, lengths, (unsigned)(nliteral + ndistance));
	g->distances.entry = distance_entry;
	if (err)
		return err;
	if (!lengths[256])
		return fail(g, "a block that cannot end");
	if (!build(&g->literals, lengths, (unsigned)nliteral) ||
	    !build(&g->distances, lengths + nliteral, (unsigned)ndistance))
		return fail(g, "codes that do not fit together");
	return 0;
}

static int inflate(struct gunzip *g)
{
	int last, err = 0;

	do {
		last = take(g, 1);
		switch (take(g, 2)) {
		case 0:
			err = stored_block(g);
			break;
		case 1:
			err = fixed_codes(g);
			if (!err)
				err = compressed_block(g);
			break;
		case 2:
			err = dynamic_codes(g);
			if (!err)
				err = compressed_block(g);
			break;
		case 3:
			return fail(g, "a block of a type that does not exist");
		default:
			return fail(g, "ends before a block");
		}
	} while (!err && !last);
	return err ? err : flush(g);
}

/* ---- the wrapping ---------------------------------------------------------------------------- */

enum { FTEXT = 1, FHCRC = 2, FEXTRA = 4, FNAME = 8, FCOMMENT = 16 };

static int skip_string(struct gunzip *g)
{
	int byte;

	do
		byte = take(g, 8);
	while (byte > 0);
	return byte;
}

static int read_header(struct gunzip *g)
{
	int flags, n, end = 0;

	if (take(g, 8) != 0x1f || take(g, 8) != 0x8b)
		return fail(g, "not gzip");
	if (take(g, 8) != 8)
		return fail(g, "packed by a method that gzip does not know");
	flags = take(g, 8);
	if (flags < 0 || flags > 31)
		return fail(g, "header flags that gzip does not know");
	for (unsigned i = 0; i < 6; i++) /* time, extra flags, system */
		end |= take(g, 8);
	if (flags & FEXTRA) {
		n = take(g, 16);
		end |= n;
		for (; n > 0 && end >= 0; n--)
			end |= take(g, 8);
	}
	if (flags & FNAME && end >= 0)
		end |= skip_string(g);
	if (flags & FCOMMENT && end >= 0)
		end |= skip_string(g);
	if (flags & FHCRC)
		end |= take(g, 16);
	return end < 0 ? fail(g, "ends inside the header") : 0;
}

static int read_trailer(struct gunzip *g)
{
	int crc_low, crc_high, size_low, size_high;

	drop(g, g->nbits & 7);
	crc_low = take(g, 16);
	crc_high = take(g, 16);
	size_low = take(g, 16);
	size_high = take(g, 16);
	if (size_high < 0)
		return fail(g, "ends before the checksum");
	if (((uint32_t)crc_high << 16 | (uint32_t)crc_low) != g->crc.value)
		return fail(g, "checksum wrong");
	if (((uint32_t)size_high << 16 | (uint32_t)size_low) != g->total)
		return fail(g, "length wrong");
	return 0;
}

/* What the bit buffer holds too much goes back. */
static void give_back(struct gunzip *g)
{
	uint8_t bytes[8];
	unsigned n = g->nbits / 8;

	for (unsigned i = 0; i < n; i++)
		bytes[i] = (uint8_t)(g->bits >> 8 * i);
	g->from->p = g->in;
	if (n)
		stream_unread(g->from, bytes, n);
}

int gunzip(struct stream *from, struct gunzip_sink *to, const char **error)
{
	struct gunzip *g = kmalloc(sizeof(*g));
	int err;

	if (!g) {
		*error = "no memory";
		return -ENOMEM;
	}
	memset(g, 0, offsetof(struct gunzip, literal_table));
	g->from = from;
	g->to = to;
	g->in = from->p;
	g->in_end = from->end;
	g->error = "refused";
	g->literals = (struct codes){ g->literal_table, 10, literal_entry, { 0 }, { 0 } };
	g->distances = (struct codes){ g->distance_table, 8, distance_entry, { 0 }, { 0 } };
	crc32_init(&g->crc);
	err = read_header(g);
	if (!err)
		err = inflate(g);
	if (!err)
		err = read_trailer(g);
	give_back(g);
	if (err)
		*error = g->error;
	kfree(g);
	return err;
}
