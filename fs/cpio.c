/* SPDX-License-Identifier: BSD-2-Clause */
#include "fs/cpio.h"
#include "kernel/errno.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"

#define NAME_SIZE_MAX 4096                /* with its end */
#define NAME_ROOM     (NAME_SIZE_MAX + 4) /* and with its padding */
#define TYPE_MASK     0170000u
#define TYPE_LINK     0120000u
#define TYPE_FILE     0100000u

static int fail(struct cpio *c, const char *why)
{
	c->error = why;
	return -EINVAL;
}

int cpio_init(struct cpio *c, struct cpio_receiver *receiver)
{
	memset(c, 0, sizeof(*c));
	c->receiver = receiver;
	c->state = CPIO_BETWEEN;
	c->text = kmalloc(NAME_ROOM + NAME_SIZE_MAX);
	return c->text ? 0 : -ENOMEM;
}

void cpio_fini(struct cpio *c)
{
	kfree(c->text);
}

/* Header and name together, and the contents, are padded to a multiple of four. */
static unsigned padding(uint32_t n)
{
	return (4 - (n & 3)) & 3;
}

/* ---- header ---------------------------------------------------------------------------------- */

static bool number(const char *digits, uint32_t *out)
{
	uint32_t v = 0;

	for (unsigned i = 0; i < 8; i++) {
		char d = digits[i];

		if (d >= '0' && d <= '9')
			v = v << 4 | (uint32_t)(d - '0');
		else if ((d | 0x20) >= 'a' && (d | 0x20) <= 'f')
			v = v << 4 | (uint32_t)((d | 0x20) - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

static int parse_header(struct cpio *c)
{
	struct cpio_entry *e = &c->entry;
	uint32_t *const fields[13] = {
		&e->ino,        &e->mode,      &e->uid,       &e->gid,       &e->nlink,
		&e->mtime,      &e->size,      &e->dev_major, &e->dev_minor, &e->rdev_major,
		&e->rdev_minor, &c->name_size, &c->check,
	};

	if (memcmp(c->header, "070701", 6) && memcmp(c->header, "070702", 6))
		return fail(c, memcmp(c->header, "0707", 4) ? "no header where one must be"
							    : "an old form of cpio; use newc");
	c->checked = c->header[5] == '2';
	for (unsigned i = 0; i < 13; i++)
		if (!number(c->header + 6 + 8 * i, fields[i]))
			return fail(c, "a number with bad digits");
	if (c->name_size == 0)
		return fail(c, "an entry without a name");
	if (c->name_size > NAME_SIZE_MAX)
		return fail(c, "a name that is too long");
	if ((e->mode & TYPE_MASK) == TYPE_LINK && (e->size == 0 || e->size >= NAME_SIZE_MAX))
		return fail(c, "a symbolic link whose target has no possible length");
	c->state = CPIO_NAME;
	c->have = 0;
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Drop empty and "." components in place; false: there is a "..", or one is too long. */
static bool clean_name(char *name)
{
	char *to = name, *from = name;

	while (*from) {
		size_t n = 0;

		while (from[n] && from[n] != '/')
			n++;
		if (n > 255 || (n == 2 && from[0] == '.' && from[1] == '.'))
			return false;
		if (n && !(n == 1 && from[0] == '.')) {
			if (to != name)
				*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n;
		while (*from == '/')
			from++;
	}
	*to = '\0';
	return true;
}

static void next_entry(struct cpio *c)
{
	c->state = c->after_trailer ? CPIO_BETWEEN : CPIO_HEADER;
	c->have = 0;
}

static void pad(struct cpio *c, uint32_t n)
{
	c->left = n;
	c->state = CPIO_PAD;
	if (!n)
		next_entry(c);
}

static int end_entry(struct cpio *c)
{
	if (c->checked && c->sum != c->check)
		return fail(c, "checksum wrong");
	pad(c, padding(c->entry.size));
	return c->receiver->end(c->receiver);
}

static int begin_entry(struct cpio *c)
{
	struct cpio_entry *e = &c->entry;
	uint32_t type = e->mode & TYPE_MASK;
	int err;

	if (type != TYPE_FILE && type != TYPE_LINK && e->size)
		return fail(c, "contents in what is no file");
	e->name = c->text;
	e->target = type == TYPE_LINK ? c->text + NAME_ROOM : NULL;
	err = c->receiver->begin(c->receiver, e);
	if (err)
		return err;
	c->state = CPIO_CONTENTS;
	c->left = e->target ? 0 : e->size;
	c->sum = 0;
	return c->left ? 0 : end_entry(c);
}

static int name_complete(struct cpio *c)
{
	if (c->text[c->name_size - 1] || strlen(c->text) != c->name_size - 1)
		return fail(c, "a name that does not end where it should");
	if (!strcmp(c->text, "TRAILER!!!")) {
		if (c->entry.size)
			return fail(c, "a trailer with contents");
		c->after_trailer = true;
		next_entry(c);
		return 0;
	}
	if (!clean_name(c->text))
		return fail(c, "a name with \"..\" in it, or a part of it too long");
	if ((c->entry.mode & TYPE_MASK) != TYPE_LINK)
		return begin_entry(c);
	c->state = CPIO_TARGET;
	c->have = 0;
	return 0;
}

static int target_complete(struct cpio *c)
{
	char *target = c->text + NAME_ROOM;

	target[c->entry.size] = '\0';
	if (strlen(target) != c->entry.size)
		return fail(c, "a symbolic link whose target ends too early");
	return begin_entry(c);
}

/* ---- the pieces ------------------------------------------------------------------------------ */

struct input {
	const uint8_t *p, *end;
};

static size_t ready(const struct input *in, size_t wanted)
{
	size_t n = (size_t)(in->end - in->p);

	return n < wanted ? n : wanted;
}

/* Copy up to `size` bytes to `to`, of which c->have are there.  True: complete. */
static bool gather(struct cpio *c, struct input *in, char *to, size_t size)
{
	size_t n = ready(in, size - c->have);

	memcpy(to + c->have, in->p, n);
	in->p += n;
	c->have += (unsigned)n;
	return c->have == size;
}

static int pass_on(struct cpio *c, struct input *in)
{
	size_t n = ready(in, c->left);
	const uint8_t *p = in->p;
	int err;

	in->p += n;
	c->left -= (uint32_t)n;
	if (c->checked)
		for (size_t i = 0; i < n; i++)
			c->sum += p[i];
	err = c->receiver->contents(c->receiver, p, n);
	return err || c->left ? err : end_entry(c);
}

/* One state; takes at least one byte of those that are there. */
static int step(struct cpio *c, struct input *in)
{
	size_t n;

	switch (c->state) {
	case CPIO_BETWEEN:
		if (*in->p == 0) {
			in->p++;
			return 0;
		}
		c->after_trailer = false;
		next_entry(c);
		return 0;
	case CPIO_HEADER:
		return gather(c, in, c->header, sizeof(c->header)) ? parse_header(c) : 0;
	case CPIO_NAME:
		n = c->name_size + padding((uint32_t)sizeof(c->header) + c->name_size);
		return gather(c, in, c->text, n) ? name_complete(c) : 0;
	case CPIO_TARGET:
		return gather(c, in, c->text + NAME_ROOM, c->entry.size) ? target_complete(c) : 0;
	case CPIO_CONTENTS:
		return pass_on(c, in);
	case CPIO_PAD:
		n = ready(in, c->left);
		in->p += n;
		pad(c, c->left - (uint32_t)n);
		return 0;
	}
	return 0;
}

int cpio_feed(struct cpio *c, const uint8_t *bytes, size_t n, size_t *used)
{
	struct input in = { bytes, bytes + n };
	int err = 0;

	while (in.p < in.end && !err) {
		if (c->state == CPIO_BETWEEN && *in.p != 0 && *in.p != '0')
			break;
		err = step(c, &in);
	}
	*used = (size_t)(in.p - bytes);
	return err;
}

int cpio_finish(struct cpio *c)
{
	return c->state == CPIO_BETWEEN ? 0 : fail(c, "ends in the middle: truncated");
}
