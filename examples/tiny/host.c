/* SPDX-License-Identifier: BSD-2-Clause
 *
 * host.c - everything that this kernel supplies to libquire: the hooks of quire/host.h, and the
 * three functions that every C compiler calls by itself.
 */
#include <quire/host.h>
#include "tiny.h"

/* ---- a serial line --------------------------------------------------------------------------- */

void out8(uint16_t port, uint8_t v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

void say(const char *words)
{
	while (*words)
		out8(0x3f8, (uint8_t)*words++);
}

void say_number(const char *before, size_t n, const char *behind)
{
	char digits[11] = { 0 };
	int i = 10;

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	say(before);
	say(digits + i);
	say(behind);
}

/* ---- hooks of tier 1: frames ----------------------------------------------------------------- */

unsigned qr_host_cpu(void)
{
	return 0;
}

/* Interrupts are never on here. */
uintptr_t qr_host_irq_save(void)
{
	return 0;
}

void qr_host_irq_restore(uintptr_t state)
{
	(void)state;
}

void qr_host_relax(void)
{
	__asm__ volatile("pause");
}

_Noreturn void qr_host_panic(const char *rule, const char *file, int line)
{
	say("panic: ");
	say(rule);
	say_number(" (", (size_t)line, " of ");
	say(file);
	say(")\n");
	for (;;) {
		out8(0xf4, 1); /* QEMU's isa-debug-exit: status 3 */
		__asm__ volatile("cli; hlt");
	}
}

/* ---- of tier 2 and above: paging, spaces, heap ----------------------------------------------- */

/* All RAM that this kernel looks at is mapped, so a window is arithmetic. */
void *qr_host_window_get(qr_frame f)
{
	return (void *)(BASE + (uintptr_t)qr_frame_phys(f).v);
}

void qr_host_window_put(void *window)
{
	(void)window;
}

void qr_host_frame_clear(qr_frame f)
{
	__builtin_memset(qr_host_window_get(f), 0, QR_PAGE_SIZE);
}

void qr_host_frame_copy(qr_frame to, qr_frame from)
{
	__builtin_memcpy(qr_host_window_get(to), qr_host_window_get(from), QR_PAGE_SIZE);
}

void qr_host_tlb_page(qr_virt va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va.v) : "memory");
}

void qr_host_load_root(qr_phys root)
{
	__asm__ volatile("mov %0, %%cr3" : : "r"((uintptr_t)root.v) : "memory");
}

void qr_host_tlb_all(void)
{
	uintptr_t root;

	__asm__ volatile("mov %%cr3, %0" : "=r"(root));
	qr_host_load_root(qr_phys_of(root));
}

void qr_host_tlb_global(void)
{
	qr_host_tlb_all(); /* this kernel does not turn global pages on (CR4.PGE) */
}

void qr_host_tlb_ipi(uint64_t cpus)
{
	(void)cpus;
}

/* ---- what the compiler wants ----------------------------------------------------------------- */

void *memset(void *to, int c, size_t n);
void *memcpy(void *restrict to, const void *restrict from, size_t n);
void *memmove(void *to, const void *from, size_t n);

void *memset(void *to, int c, size_t n)
{
	void *at = to;

	__asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(c) : "memory");
	return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t n)
{
	void *at = to;

	__asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	if ((uintptr_t)to - (uintptr_t)from >= n)
		return memcpy(to, from, n);
	for (char *t = to; n--;)
		t[n] = ((const char *)from)[n];
	return to;
}
