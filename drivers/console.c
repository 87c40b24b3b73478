/* SPDX-License-Identifier: BSD-2-Clause
 *
 * console.c - every byte to every output, every key to the one receiver.
 */
#include "arch/x86/cpu.h"
#include "drivers/console.h"
#include "drivers/vga.h"
#include "kernel/boot_info.h"
#include "kernel/lib/string.h"

static struct console_output *outputs;
static void (*receiver)(const char *bytes, size_t n);

/* Is `name` one of the `console=` words?  True as well if there is none. */
static bool is_chosen(const char *name)
{
	size_t n = strlen(name);
	bool any = false;

	for (const char *p = boot_info.cmdline; (p = strstr(p, "console=")); p++) {
		if (p != boot_info.cmdline && p[-1] != ' ')
			continue;
		const char *value = p + strlen("console=");

		any = true;
		if (!strncmp(value, name, n) && (!value[n] || value[n] == ' ' || value[n] == ','))
			return true;
	}
	return !any;
}

void console_add(struct console_output *out)
{
	if (!is_chosen(out->name))
		return;
	out->next = outputs;
	outputs = out;
}

void console_write(const char *text, size_t n)
{
	for (struct console_output *out = outputs; out; out = out->next)
		out->write(text, n);
}

void console_flush(void)
{
	for (struct console_output *out = outputs; out; out = out->next)
		if (out->flush)
			out->flush();
}

void console_on_input(void (*fn)(const char *bytes, size_t n))
{
	receiver = fn;
}

void console_input(const char *bytes, size_t n)
{
	if (receiver)
		receiver(bytes, n);
}

void console_size(unsigned *rows, unsigned *columns)
{
	*rows = 24;
	*columns = 80;
	if (outputs && !outputs->next && !strcmp(outputs->name, "tty0"))
		vga_size(rows, columns);
}
