/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The simulated machine itself: it does what hardware does, and it notices what hardware would
 * silently forgive.  Each mistake is made in a process of its own, which has to end with the
 * machine's message.
 */
#include "tap.h"

#include "arch/sim/sim.h"

#include <quire/paging.h>

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { AT = 0x400000 };

static struct qr_paging paging;
static qr_frame frame;
static const struct qr_format *format;

static void on(void)
{
	struct qr_paging_config c = { .format = format, .frames = &sim.frames };
	struct qr_paging_map req = { .at = { AT },
				     .npages = 1,
				     .prot = QR_READ | QR_WRITE | QR_USER };

	sim_init(&(struct sim_config){ .format = format, .first = 0x80, .low = 2048, .high = 64 });
	must(qr_paging_init(&paging, &c) == QR_OK, "tables");
	must(qr_frames_alloc(&sim.frames, 0, QR_FRAME_ANON, QR_LOW, &frame) == QR_OK, "a frame");
	req.to = qr_frame_phys(frame);
	must(qr_paging_map(&paging, &req) == QR_OK, "map");
	qr_host_load_root(qr_frame_phys(paging.root));
}

static uint32_t *word(unsigned i)
{
	return (uint32_t *)qr_table_window(paging.root) + i;
}

/* The last table on the way to AT, and the entry's place in it. */
static void *leaf(unsigned *i)
{
	qr_frame table = paging.root;

	for (unsigned level = qr_format_top(format); level; level--)
		table =
		    qr_entry_frame(format,
				   qr_entry_read(format, qr_table_window(table),
						 qr_format_index(format, qr_virt_of(AT), level)));
	*i = qr_format_index(format, qr_virt_of(AT), 0);
	return qr_table_window(table);
}

static void touch(void)
{
	uint32_t v = 1;

	(void)sim_write(qr_virt_of(AT), &v, sizeof(v));
}

/* ---- mistakes -------------------------------------------------------------------------------- */

static void forget_to_flush(void)
{
	unsigned i;
	void *table = leaf(&i);

	touch();
	qr_entry_clear(format, table, i);
	touch();
}

static void forget_to_flush_rights(void)
{
	unsigned i;
	void *table = leaf(&i);

	touch();
	qr_entry_change(format, table, i, format->write, 0);
	touch();
}

static void free_before_flush(void)
{
	touch();
	qr_frame_put(&sim.frames, frame);
	sim_check();
}

static void free_a_table(void)
{
	unsigned i;

	qr_frame_put(&sim.frames,
		     qr_entry_frame(format, qr_entry_read(format, qr_table_window(paging.root),
							  qr_format_index(format, qr_virt_of(AT),
									  qr_format_top(format)))));
	(void)leaf(&i);
	touch();
}

static void token_with_accessed(void)
{
	unsigned i;
	void *table = leaf(&i);

	qr_entry_set(format, table, i, qr_entry_of(format->accessed));
	touch();
}

static void page_outside_of_ram(void)
{
	unsigned i;
	void *table = leaf(&i);

	qr_entry_set(format, table, i,
		     qr_entry_page(format, qr_frame_of(0x7f000), QR_READ | QR_WRITE | QR_USER, 0));
	touch();
}

static void fifth_window(void)
{
	for (unsigned i = 0; i < 5; i++)
		qr_host_window_get(qr_frame_of(0x80 + 2048 + i));
}

static void windows_out_of_order(void)
{
	void *a = qr_host_window_get(qr_frame_of(0x80 + 2048));

	qr_host_window_get(qr_frame_of(0x80 + 2049));
	qr_host_window_put(a);
}

static bool helpless(void *ctx, qr_virt va, unsigned error)
{
	(void)ctx, (void)va, (void)error;
	return true;
}

static void fault_for_ever(void)
{
	uint32_t v;

	sim_on_fault(helpless, NULL);
	(void)sim_read(qr_virt_of(AT + 4096), &v, sizeof(v));
}

static void interrupt_oneself(void)
{
	qr_host_tlb_ipi(1);
}

static void noticed(void (*mistake)(void), const char *words)
{
	char text[4096] = "";
	int pipes[2], status;
	ssize_t n;
	pid_t pid;

	must(pipe(pipes) == 0, "pipe");
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		dup2(pipes[1], 1);
		close(pipes[0]);
		on();
		mistake();
		_exit(0);
	}
	close(pipes[1]);
	n = read(pipes[0], text, sizeof(text) - 1);
	close(pipes[0]);
	waitpid(pid, &status, 0);
	ok(n > 0 && status != 0 && strstr(text, words), "%s: %s", format->name, words);
}

/* ---- what hardware does ------------------------------------------------------------------------- */

static void accessed_and_dirty(void)
{
	struct sim_view v = { 0 };
	uint32_t bytes = 0;

	on();
	must(sim_look(qr_frame_phys(paging.root), qr_virt_of(AT), &v), "mapped");
	ok(!v.accessed && !v.dirty, "%s: a fresh page", format->name);
	ok(sim_read(qr_virt_of(AT), &bytes, 4) &&
	       sim_look(qr_frame_phys(paging.root), qr_virt_of(AT), &v) && v.accessed && !v.dirty,
	   "reading sets accessed");
	ok(sim_write(qr_virt_of(AT), &bytes, 4) &&
	       sim_look(qr_frame_phys(paging.root), qr_virt_of(AT), &v) && v.dirty,
	   "writing sets dirty, though the TLB knew the page");
	sim_fini();
}

static void rights(void)
{
	uint32_t bytes = 0;
	unsigned i;
	void *table;

	on();
	table = leaf(&i);
	qr_entry_change(format, table, i, format->write, 0);
	ok(!sim_write(qr_virt_of(AT), &bytes, 4), "%s: write-protected", format->name);
	ok(!sim_kernel_write(qr_virt_of(AT), &bytes, 4), "for the kernel as well, with WP");
	sim.cpu[0].wp = false;
	ok(sim_kernel_write(qr_virt_of(AT), &bytes, 4), "not without");
	qr_host_tlb_page(qr_virt_of(AT));
	qr_entry_change(format, table, i, format->user, format->write);
	ok(!sim_read(qr_virt_of(AT), &bytes, 4), "the kernel's page");
	ok(sim_kernel_read(qr_virt_of(AT), &bytes, 4), "is the kernel's");
	qr_host_tlb_page(qr_virt_of(AT));
	qr_entry_change(format, table, i, format->nx, format->user);
	ok(sim_exec(qr_virt_of(AT)), "fetch");
	qr_host_tlb_page(qr_virt_of(AT));
	qr_entry_change(format, table, i, 0, format->nx);
	ok(sim_exec(qr_virt_of(AT)) == !format->nx, "no fetch with NX");
	sim_fini();
}

/* PAE's root is read when CR3 is loaded, and only then. */
static void latched_root(void)
{
	uint32_t bytes, old;

	format = &qr_format_pae;
	on();
	old = *word(0);
	*word(0) = 0;
	ok(sim_read(qr_virt_of(AT), &bytes, 4), "PAE: the root is latched");
	qr_host_load_root(qr_frame_phys(paging.root));
	ok(!sim_read(qr_virt_of(AT), &bytes, 4), "until the next load");
	*word(0) = old;
	sim_fini();
}

int main(void)
{
	static const struct qr_format *const formats[] = { &qr_format_two_level, &qr_format_pae,
							   &qr_format_4_level, &qr_format_5_level };

	for (unsigned i = 0; i < 4; i++) {
		format = formats[i];
		accessed_and_dirty();
		rights();
		noticed(forget_to_flush, "is remembered, and gone");
		noticed(forget_to_flush_rights, "rights that it lost");
		noticed(free_before_flush, "its frame");
		noticed(free_a_table, "a table that is none any more");
		noticed(token_with_accessed, "a token has bits 5 or 6");
		noticed(page_outside_of_ram, "outside of RAM");
		noticed(fifth_window, "at most 4 windows");
		noticed(windows_out_of_order, "in reverse order");
		noticed(fault_for_ever, "again and again");
		noticed(interrupt_oneself, "to itself");
	}
	latched_root();
	return done();
}
