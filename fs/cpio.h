/* SPDX-License-Identifier: BSD-2-Clause
 *
 * cpio.h - archives of the "newc" form, as a stream of any pieces.
 *
 *	header (110 bytes, numbers as 8 hex digits) │ name, 0 │ pad to 4 │ contents │ pad to 4 │ ...
 *	... the entry TRAILER!!! ends an archive; zeroes and another archive may follow
 *
 * The parser holds no file: contents go on to the receiver piece by piece.  Everything that an
 * archive says is checked before it is believed; names are made harmless: leading slashes and
 * "." components go, ".." is refused.
 *
 * Sources: cpio(5) of Debian's libarchive documentation; Linux, initramfs buffer format.
 */
#ifndef FS_CPIO_H
#define FS_CPIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cpio_entry {
	const char *name; /* relative, no "." or ".." in it; "" for the top directory itself */
	uint32_t ino, mode, uid, gid, nlink, mtime, size;
	uint32_t dev_major, dev_minor, rdev_major, rdev_minor;
	const char *target; /* symbolic links; they have no contents then */
};

/* Who makes files of it.  Not 0: stop, and cpio_feed answers it; say why in cpio.error. */
struct cpio_receiver {
	int (*begin)(struct cpio_receiver *r, const struct cpio_entry *e);
	int (*contents)(struct cpio_receiver *r, const uint8_t *bytes, size_t n);
	int (*end)(struct cpio_receiver *r); /* all contents of the entry have come */
};

struct cpio {
	struct cpio_receiver *receiver;
	const char *error;
	enum { CPIO_BETWEEN, CPIO_HEADER, CPIO_NAME, CPIO_TARGET, CPIO_CONTENTS, CPIO_PAD } state;
	bool after_trailer; /* at an end: nothing but zeroes or a new archive may follow */
	bool checked;       /* form 070702: `check` is the sum of the contents' bytes */
	uint32_t sum, check;
	unsigned have; /* bytes of the header, name or target so far */
	uint32_t left; /* bytes of contents or padding still to come */
	uint32_t name_size;
	struct cpio_entry entry;
	char header[110];
	char *text; /* name, then target: PATH_MAX each */
};

/* Errors: ENOMEM. */
int cpio_init(struct cpio *c, struct cpio_receiver *receiver);
void cpio_fini(struct cpio *c);

/* Take what comes; *used is n, or less if, between archives, something follows that is neither
 * zero nor an archive (a compressed one).  Errors: EINVAL with c->error; the receiver's. */
int cpio_feed(struct cpio *c, const uint8_t *bytes, size_t n, size_t *used);

/* The input ends here.  EINVAL if that is in the middle of something. */
int cpio_finish(struct cpio *c);

#endif
