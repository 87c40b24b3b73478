/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/cpu.h"
#include "drivers/tty.h"

struct out {
	struct tty *tty;
	unsigned n;
	char bytes[128];
};

static void emit(struct out *o, char c)
{
	if (o->n == sizeof(o->bytes)) {
		o->tty->write(o->tty, o->bytes, o->n);
		o->n = 0;
	}
	o->bytes[o->n++] = c;
}

/* Bytes inside a UTF-8 character take no column. */
static bool is_continuation(const struct tty *t, uint8_t c)
{
	return t->termios.iflag & IUTF8 && (c & 0xc0) == 0x80;
}

static unsigned next_column(const struct tty *t, unsigned column, uint8_t c)
{
	switch (c) {
	case '\n':
	case '\r':
		return 0;
	case '\t':
		return (column | 7) + 1;
	case '\b':
		return column ? column - 1 : 0;
	}
	return c >= 0x20 && c != 0x7f && !is_continuation(t, c) ? column + 1 : column;
}

static void put_tab(struct tty *t, struct out *o)
{
	unsigned to = (t->column | 7) + 1;

	if ((t->termios.oflag & TABDLY) == XTABS)
		while (t->column < to) {
			emit(o, ' ');
			t->column++;
		}
	else
		emit(o, '\t');
	t->column = to;
}

static void put_processed(struct tty *t, struct out *o, uint8_t c)
{
	uint32_t oflag = t->termios.oflag;

	if (c == '\r' && oflag & ONOCR && !t->column)
		return;
	if (c == '\r' && oflag & OCRNL)
		c = '\n';
	if (c == '\t') {
		put_tab(t, o);
		return;
	}
	if (c == '\n' && oflag & ONLCR)
		emit(o, '\r');
	if (oflag & OLCUC && c >= 'a' && c <= 'z')
		c -= 'a' - 'A';
	emit(o, (char)c);
	if (c == '\n' && !(oflag & (ONLCR | ONLRET)))
		return; /* straight down */
	t->column = next_column(t, t->column, c);
}

void tty_put(struct tty *t, const char *bytes, size_t n)
{
	struct out o;
	uintptr_t irq = irq_save();

	o.tty = t;
	o.n = 0;
	for (size_t i = 0; i < n; i++) {
		if (t->termios.oflag & OPOST) {
			put_processed(t, &o, (uint8_t)bytes[i]);
		} else {
			emit(&o, bytes[i]);
			t->column = next_column(t, t->column, (uint8_t)bytes[i]);
		}
	}
	t->write(t, o.bytes, o.n);
	irq_restore(irq);
}

static bool shown_as_control(const struct tty *t, uint8_t c)
{
	return tty_is(t, ECHOCTL) && (c < 0x20 || c == 0x7f) && c != '\t' && c != '\n';
}

void tty_echo(struct tty *t, uint8_t c)
{
	char text[2] = { '^', (char)(c ^ 0x40) };

	if (shown_as_control(t, c))
		tty_put(t, text, 2);
	else
		tty_put(t, (char *)&c, 1);
}

unsigned tty_echo_column(const struct tty *t, unsigned column, uint8_t c)
{
	return shown_as_control(t, c) ? column + 2 : next_column(t, column, c);
}
