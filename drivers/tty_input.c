/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tty_input.c - the line discipline.
 *
 * In canonical mode the line being edited is [canon, head); a byte that ends it is marked, and
 * canon moves behind it.  A marked '\0' is the end of file: it ends a line and is not given to
 * the reader.  Erasing takes the cursor back by as many columns as the erased character had,
 * found by showing the line anew in thought from where it began.
 */
#include "arch/x86/cpu.h"
#include "drivers/pty.h"
#include "kernel/lib/string.h"
#include "kernel/signal.h"

static uint8_t at(const struct tty *t, unsigned position)
{
	return t->ring[position % TTY_RING];
}

static bool marked(const struct tty *t, unsigned position)
{
	unsigned i = position % TTY_RING;

	return t->marks[i / 8] >> i % 8 & 1;
}

static void set_mark(struct tty *t, unsigned position, bool on)
{
	unsigned i = position % TTY_RING;

	t->marks[i / 8] = (uint8_t)((t->marks[i / 8] & ~(1u << i % 8)) | (unsigned)on << i % 8);
}

/* One position is kept for the end of the line. */
static bool has_room(const struct tty *t)
{
	return t->head - t->tail < TTY_RING - 1;
}

static void append(struct tty *t, uint8_t c, bool mark)
{
	t->ring[t->head % TTY_RING] = c;
	set_mark(t, t->head, mark);
	t->head++;
}

static void end_line(struct tty *t, uint8_t c)
{
	append(t, c, true);
	t->canon = t->head;
	t->lines++;
	t->line_column = t->column;
	waitq_wake_all(&t->readable);
}

/* ---- erasing ----------------------------------------------------------------------------------- */

static bool echoes(const struct tty *t)
{
	return tty_is(t, ECHO);
}

/* The column behind the bytes [canon, end) of the line. */
static unsigned column_at(const struct tty *t, unsigned end)
{
	unsigned column = t->line_column;

	for (unsigned p = t->canon; p != end; p++)
		column = tty_echo_column(t, column, at(t, p));
	return column;
}

/* Take the bytes [from, head) off the line, and their picture off the screen. */
static void erase_from(struct tty *t, unsigned from)
{
	unsigned before = column_at(t, from), after = column_at(t, t->head);

	t->head = from;
	if (!echoes(t))
		return;
	if (!tty_is(t, ECHOE)) {
		tty_echo(t, t->termios.cc[VERASE]);
		return;
	}
	for (; after > before; after--)
		tty_put(t, "\b \b", 3);
}

static unsigned previous_char(const struct tty *t, unsigned p)
{
	p--;
	while (t->termios.iflag & IUTF8 && p != t->canon && (at(t, p) & 0xc0) == 0x80)
		p--;
	return p;
}

static void erase_char(struct tty *t)
{
	if (t->head != t->canon)
		erase_from(t, previous_char(t, t->head));
}

static bool is_word(uint8_t c)
{
	return c == '_' || c >= 0x80 || (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static void erase_word(struct tty *t)
{
	unsigned p = t->head;

	while (p != t->canon && !is_word(at(t, p - 1)))
		p--;
	while (p != t->canon && is_word(at(t, p - 1)))
		p--;
	erase_from(t, p);
}

static void kill_line(struct tty *t)
{
	if (echoes(t) && !(tty_is(t, ECHOK) && tty_is(t, ECHOKE) && tty_is(t, ECHOE))) {
		t->head = t->canon;
		tty_echo(t, t->termios.cc[VKILL]);
		if (tty_is(t, ECHOK))
			tty_put(t, "\n", 1);
		return;
	}
	erase_from(t, t->canon);
}

static void reprint_line(struct tty *t)
{
	tty_echo(t, t->termios.cc[VREPRINT]);
	tty_put(t, "\n", 1);
	t->line_column = t->column;
	for (unsigned p = t->canon; p != t->head; p++)
		tty_echo(t, at(t, p));
}

/* ---- one byte ------------------------------------------------------------------------------------ */

static void discard(struct tty *t)
{
	t->head = t->canon = t->tail;
	t->lines = 0;
	t->line_column = t->column;
}

static void send_signal(struct tty *t, uint8_t c, int sig)
{
	if (!tty_is(t, NOFLSH))
		discard(t);
	t->stopped = false;
	if (echoes(t))
		tty_echo(t, c);
	t->line_column = t->column;
	tty_signal(t, sig);
	waitq_wake_all(&t->writable);
}

/* Is c the control character `which`, and is that one in use? */
static bool is_cc(const struct tty *t, uint8_t c, unsigned which)
{
	return c && c == t->termios.cc[which];
}

static bool signal_byte(struct tty *t, uint8_t c)
{
	if (is_cc(t, c, VINTR))
		send_signal(t, c, SIGINT);
	else if (is_cc(t, c, VQUIT))
		send_signal(t, c, SIGQUIT);
	else if (is_cc(t, c, VSUSP))
		send_signal(t, c, SIGTSTP);
	else
		return false;
	return true;
}

static bool flow_byte(struct tty *t, uint8_t c)
{
	bool stop = is_cc(t, c, VSTOP), start = is_cc(t, c, VSTART);

	if (t->stopped && (start || (t->termios.iflag & IXANY && !stop))) {
		t->stopped = false;
		pty_tell(t, PACKET_START);
		waitq_wake_all(&t->writable);
	} else if (stop) {
		t->stopped = true;
		pty_tell(t, PACKET_STOP);
	}
	return stop || start;
}

static bool edit_byte(struct tty *t, uint8_t c)
{
	bool extended = tty_is(t, IEXTEN);

	if (is_cc(t, c, VERASE))
		erase_char(t);
	else if (is_cc(t, c, VKILL))
		kill_line(t);
	else if (extended && is_cc(t, c, VWERASE))
		erase_word(t);
	else if (extended && is_cc(t, c, VREPRINT) && echoes(t))
		reprint_line(t);
	else
		return false;
	return true;
}

static bool line_end_byte(struct tty *t, uint8_t c)
{
	if (is_cc(t, c, VEOF)) {
		end_line(t, '\0');
		return true;
	}
	if (c != '\n' && !is_cc(t, c, VEOL) && !(tty_is(t, IEXTEN) && is_cc(t, c, VEOL2)))
		return false;
	if (echoes(t) || (c == '\n' && tty_is(t, ECHONL)))
		tty_echo(t, c);
	end_line(t, c);
	return true;
}

static void plain_byte(struct tty *t, uint8_t c)
{
	if (!has_room(t)) {
		if (t->termios.iflag & IMAXBEL)
			tty_put(t, "\a", 1);
		return;
	}
	if (tty_is(t, ICANON)) {
		if (t->head == t->canon)
			t->line_column = t->column;
	}
	append(t, c, false);
	if (echoes(t) || (c == '\n' && tty_is(t, ECHONL) && tty_is(t, ICANON)))
		tty_echo(t, c);
	if (!tty_is(t, ICANON)) {
		t->canon = t->head;
		waitq_wake_all(&t->readable);
	}
}

/* What the input flags make of it; false: nothing. */
static bool map_byte(const struct tty *t, uint8_t *c)
{
	uint32_t iflag = t->termios.iflag;

	if (iflag & ISTRIP)
		*c &= 0x7f;
	if (iflag & IUCLC && tty_is(t, IEXTEN) && *c >= 'A' && *c <= 'Z')
		*c |= 0x20;
	if (*c == '\r') {
		if (iflag & IGNCR)
			return false;
		if (iflag & ICRNL)
			*c = '\n';
	} else if (*c == '\n' && iflag & INLCR) {
		*c = '\r';
	}
	return true;
}

static void input_byte(struct tty *t, uint8_t c)
{
	if (t->literal) {
		t->literal = false;
		plain_byte(t, c);
		return;
	}
	if (!map_byte(t, &c))
		return;
	if (t->termios.iflag & IXON && flow_byte(t, c))
		return;
	if (tty_is(t, ISIG) && signal_byte(t, c))
		return;
	if (tty_is(t, ICANON)) {
		if (tty_is(t, IEXTEN) && is_cc(t, c, VLNEXT)) {
			t->literal = true;
			if (echoes(t) && tty_is(t, ECHOCTL))
				tty_put(t, "^\b", 2);
			return;
		}
		if (edit_byte(t, c) || line_end_byte(t, c))
			return;
	}
	plain_byte(t, c);
}

void tty_input(struct tty *t, const char *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		input_byte(t, (uint8_t)bytes[i]);
}

void tty_type(struct tty *t, const char *bytes, size_t n)
{
	uintptr_t irq = irq_save();

	tty_input(t, bytes, n);
	irq_restore(irq);
}

/* ---- the reader's side ------------------------------------------------------------------------- */

bool tty_input_ready(const struct tty *t, unsigned min)
{
	return tty_is(t, ICANON) ? t->lines != 0 : tty_raw_count(t) >= (min ? min : 1);
}

size_t tty_take(struct tty *t, char *buf, size_t n, bool *end)
{
	size_t done = 0;

	*end = false;
	while (done < n && t->tail != t->canon && !*end) {
		uint8_t c = at(t, t->tail);

		*end = marked(t, t->tail);
		set_mark(t, t->tail, false);
		t->tail++;
		if (*end)
			t->lines--;
		if (!*end || c != '\0')
			buf[done++] = (char)c;
		if (!tty_is(t, ICANON))
			*end = false;
	}
	return done;
}

void tty_flush_input(struct tty *t)
{
	uintptr_t irq = irq_save();

	discard(t);
	irq_restore(irq);
}

/* Out of canonical mode: all that is there may be read.  Into it: what is there is a line. */
void tty_mode_changed(struct tty *t, const struct termios *old)
{
	if (!((old->lflag ^ t->termios.lflag) & ICANON))
		return;
	t->literal = false;
	t->canon = t->head;
	t->line_column = t->column;
	if (tty_is(t, ICANON) && t->tail != t->head && !marked(t, t->head - 1)) {
		set_mark(t, t->head - 1, true);
		t->lines++;
	}
	waitq_wake_all(&t->readable);
}
