/* SPDX-License-Identifier: BSD-2-Clause
 *
 * record.c - a program's calls of malloc as a trace.
 */
#include "heaplab/lab.h"
#include "heaplab/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- addresses to numbers --------------------------------------------------------------------- */

/* An open table: address, and 1 + the number of the object that lives there; 0: none does. */
struct places {
	struct place {
		uint64_t p;
		uint32_t id;
	} * slot;
	size_t mask;
};

static struct place *place_of(const struct places *t, uint64_t p)
{
	size_t i = (size_t)((p >> 4) * 0x9e3779b97f4a7c15u >> 20) & t->mask;

	while (t->slot[i].p && t->slot[i].p != p)
		i = (i + 1) & t->mask;
	return &t->slot[i];
}

static void end_of(struct trace *t, const struct places *places, uint64_t p)
{
	struct place *at = place_of(places, p);

	if (at->id)
		(void)trace_free(t, at->id - 1);
	at->id = 0;
}

static void begin_of(struct trace *t, const struct places *places, const struct raw_call *c)
{
	struct place *at = place_of(places, c->p);

	if (at->id) /* freed where nobody saw it */
		(void)trace_free(t, at->id - 1);
	at->p = c->p;
	at->id = 1 + trace_alloc(t, (uint32_t)c->size,
				 c->align > 16 && c->align <= 1u << 20
				     ? (unsigned)__builtin_ctz(c->align)
				     : 0);
}

static void moved(struct trace *t, const struct places *places, const struct raw_call *c)
{
	struct place *old = place_of(places, c->old), *at;
	uint32_t id = old->id;

	if (!id) {
		begin_of(t, places, c);
		return;
	}
	(void)trace_resize(t, id - 1, (uint32_t)c->size);
	old->id = 0;
	at = place_of(places, c->p);
	at->p = c->p;
	at->id = id;
}

static void convert(struct trace *t, const struct raw *raw, uint32_t n)
{
	struct places places = { .mask = 1024 };

	while (places.mask < (size_t)n * 2)
		places.mask *= 2;
	places.slot = calloc(places.mask--, sizeof(*places.slot));
	if (!places.slot)
		die(t->name, "no memory for %u calls", n);
	for (uint32_t i = 0; i < n; i++) {
		const struct raw_call *c = &raw->calls[i];

		if (c->size > INT32_MAX)
			continue;
		if (c->call == CALL_FREE)
			end_of(t, &places, c->old);
		else if (c->call == CALL_RESIZE)
			moved(t, &places, c);
		else if (c->p)
			begin_of(t, &places, c);
	}
	free(places.slot);
}

/* ---- running the program ------------------------------------------------------------------------ */

static void preload_path(char *path, size_t room)
{
	static const char name[] = "heaplab-preload.so";
	ssize_t n = readlink("/proc/self/exe", path, room - 1);
	char *slash;

	path[n > 0 ? n : 0] = 0;
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash + 1 - path) + sizeof(name) > room)
		die("--record", "cannot tell where heaplab lies");
	memcpy(slash + 1, name, sizeof(name));
	if (access(path, R_OK))
		die(path, "%s; it has to lie beside heaplab", strerror(errno));
}

static int run(const char *raw_name, char **argv)
{
	char path[PATH_MAX];
	int status;
	pid_t pid;

	preload_path(path, sizeof(path));
	pid = fork();
	if (pid < 0)
		die("fork", "%s", strerror(errno));
	if (!pid) {
		setenv("LD_PRELOAD", path, 1);
		setenv(RAW_VARIABLE, raw_name, 1);
		execvp(argv[0], argv);
		fprintf(stderr, "heaplab: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid", "%s", strerror(errno));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int record(const char *file, char **argv)
{
	char raw_name[] = "/tmp/heaplab-XXXXXX";
	struct trace t;
	struct raw *raw;
	uint32_t n;
	int status, fd;

	if (!argv[0])
		die("--record", "no program is named");
	fd = mkstemp(raw_name);
	if (fd < 0 || ftruncate(fd, (off_t)RAW_BYTES))
		die(raw_name, "%s", strerror(errno));
	raw = mmap(NULL, RAW_BYTES, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (raw == MAP_FAILED)
		die(raw_name, "%s", strerror(errno));
	status = run(raw_name, argv);
	unlink(raw_name);
	n = raw->n < RAW_ROOM ? raw->n : RAW_ROOM;
	if (!n)
		die("--record",
		    "%s asked for nothing, or is a static program or one of another "
		    "word size",
		    argv[0]);
	if (raw->n > RAW_ROOM)
		fprintf(stderr, "heaplab: only the first %u calls of %u are kept\n", RAW_ROOM,
			raw->n);
	trace_init(&t, argv[0]);
	convert(&t, raw, n);
	trace_write(&t, file);
	trace_fini(&t);
	munmap(raw, RAW_BYTES);
	close(fd);
	return status;
}
