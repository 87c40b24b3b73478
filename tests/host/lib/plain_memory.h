/* SPDX-License-Identifier: BSD-2-Clause
 *
 * plain_memory.h - the hooks of quire/host.h for pages, without a machine: all frames are one array,
 * and nobody has loaded a space, so that there is no TLB to tell.
 *
 * Include it in one source of the program, after plain_host.h; `ram` is the source's to allocate.
 */
#ifndef PLAIN_MEMORY_H
#define PLAIN_MEMORY_H

#include <quire/host.h>

#include <string.h>

static char *ram;

void *qr_host_window_get(qr_frame f)
{
	return ram + (size_t)f.v * QR_PAGE_SIZE;
}

void qr_host_window_put(void *window)
{
	(void)window;
}

void qr_host_frame_clear(qr_frame f)
{
	memset(qr_host_window_get(f), 0, QR_PAGE_SIZE);
}

void qr_host_frame_copy(qr_frame to, qr_frame from)
{
	memcpy(qr_host_window_get(to), qr_host_window_get(from), QR_PAGE_SIZE);
}

void qr_host_tlb_page(qr_virt va)
{
	(void)va;
}

void qr_host_tlb_all(void)
{
}

void qr_host_tlb_global(void)
{
}

void qr_host_load_root(qr_phys phys)
{
	(void)phys;
}

void qr_host_tlb_ipi(uint64_t cpus)
{
	QR_ASSERT(!cpus, "nobody has loaded anything");
}

#endif
