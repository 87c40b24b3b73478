/* SPDX-License-Identifier: BSD-2-Clause
 *
 * An archive, in pieces whose length the first byte says.  Names must be clean, and contents as
 * long as they were announced.
 */
#include "kernel_memory.h"
#include "tap.h"

#include "fs/cpio.h"

#include <stdlib.h>
#include <string.h>

static uint64_t announced, came;

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static int begin(struct cpio_receiver *r, const struct cpio_entry *e)
{
	const char *dots = strstr(e->name, "..");

	(void)r;
	must(e->name[0] != '/' && strlen(e->name) < 4096, "a name");
	must(!dots || (dots != e->name && dots[-1] != '/') || (dots[2] && dots[2] != '/'),
	     "no name leads upwards");
	must(!e->target || strlen(e->target) < 4096, "a target");
	announced = e->target ? 0 : e->size;
	came = 0;
	return 0;
}

static int contents(struct cpio_receiver *r, const uint8_t *bytes, size_t n)
{
	unsigned sum = 0;

	(void)r;
	for (size_t i = 0; i < n; i++) /* all of it can be read */
		sum += bytes[i];
	came += n;
	must(came <= announced, "no more than announced (%u)", sum);
	return 0;
}

static int end(struct cpio_receiver *r)
{
	(void)r;
	must(came == announced, "all that was announced");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct cpio_receiver receiver = { begin, contents, end };
	size_t piece = n ? bytes[0] + 1u : 1, at = 1, used;
	struct cpio c;

	must(cpio_init(&c, &receiver) == 0, "memory");
	while (at < n) {
		size_t now = n - at < piece ? n - at : piece;
		uint8_t *copy = malloc(now); /* of its own length, for the sanitizer */
		int err;

		memcpy(copy, bytes + at, now);
		err = cpio_feed(&c, copy, now, &used);
		free(copy);
		must(err || used <= now, "no more than was there");
		if (err || used < now)
			break;
		at += now;
	}
	(void)cpio_finish(&c);
	cpio_fini(&c);
	must(!kmalloc_live(), "nothing is left");
	return 0;
}
