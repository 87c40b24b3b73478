/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.c - the ring of messages, and what of them reaches the console.
 *
 * Positions in the ring count on for ever; the ring keeps the last RING bytes.  Interrupts are off
 * while a message is written, so that messages do not mix.
 */
#include "arch/x86/cpu.h"
#include "drivers/clock.h"
#include "drivers/console.h"
#include "kernel/boot_info.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"

#define RING     16384 /* a power of two */
#define LINE_MAX 512

static char ring[RING];
static uint64_t written;
static enum log_level shown = LOG_INFO;
static bool line_begins = true;

void log_init(void)
{
	if (boot_has_option("quiet"))
		shown = LOG_WARN;
	if (boot_has_option("debug"))
		shown = LOG_DEBUG;
	shown = (enum log_level)boot_option_number("loglevel", shown);
}

/* The console wants "\r\n" where C says "\n". */
static void show(const char *text, size_t n)
{
	while (n) {
		size_t line = 0;

		while (line < n && text[line] != '\n')
			line++;
		console_write(text, line);
		if (line < n) {
			console_write("\r\n", 2);
			line++;
		}
		text += line;
		n -= line;
	}
}

static void keep(const char *text, size_t n)
{
	for (; n; n--)
		ring[written++ % RING] = *text++;
}

static void emit(enum log_level level, const char *text, size_t n)
{
	keep(text, n);
	if (level <= shown)
		show(text, n);
}

static void stamp(enum log_level level)
{
	char text[24];
	uint64_t us = clock_ns() / 1000;
	int n = ksnprintf(text, sizeof(text), "[%5u.%06u] ", (unsigned)(us / 1000000),
			  (unsigned)(us % 1000000));

	emit(level, text, (size_t)n);
}

void log_write(enum log_level level, const char *format, ...)
{
	char text[LINE_MAX];
	va_list args;

	va_start(args, format);
	size_t n = (size_t)kvsnprintf(text, sizeof(text), format, args);

	va_end(args);
	if (n >= sizeof(text))
		n = sizeof(text) - 1;
	if (!n)
		return;
	uintptr_t flags = irq_save();

	if (line_begins)
		stamp(level);
	line_begins = text[n - 1] == '\n';
	emit(level, text, n);
	irq_restore(flags);
}

void kprintf(const char *format, ...)
{
	char text[LINE_MAX];
	va_list args;

	va_start(args, format);
	size_t n = (size_t)kvsnprintf(text, sizeof(text), format, args);

	va_end(args);
	show(text, n < sizeof(text) ? n : sizeof(text) - 1);
}

size_t log_read(uint64_t *pos, char *to, size_t n)
{
	uintptr_t flags = irq_save();
	uint64_t oldest = written > RING ? written - RING : 0;

	if (*pos < oldest)
		*pos = oldest;
	size_t done = 0;

	while (done < n && *pos < written)
		to[done++] = ring[(*pos)++ % RING];
	irq_restore(flags);
	return done;
}
