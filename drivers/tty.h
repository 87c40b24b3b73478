/* SPDX-License-Identifier: BSD-2-Clause
 *
 * tty.h - the terminal: between the bytes of a console and the lines, signals and job control
 * that programs expect of one.
 *
 *	tty.c		the files: open, read, write, poll, close
 *	tty_input.c	the line discipline: editing, echo, signals; fed by interrupts
 *	tty_output.c	what OPOST does to output; columns; echo
 *	tty_ioctl.c	termios and the other calls, in Linux's numbers
 *	tty_job.c	sessions, foreground group, SIGTTIN, SIGTTOU, hang-up
 *	pty.c		the other kind: a program instead of keys and console
 *
 *	keys ─► tty_input ─► ring [ done lines | line being edited ] ─► read
 *	            └─ echo ─► tty_output ─► console ◄─ write
 *
 *	     tail         canon        head		positions rise; index = position mod size
 *	      ▼            ▼            ▼
 *	  ────[ may be read ][ editable ]────		raw mode: canon = head
 *
 * Invariants
 *	I1  tail <= canon <= head <= tail + TTY_RING
 *	I2  `lines` is the number of marked bytes in [tail, canon): ends of lines
 *	I3  session and foreground are NULL together; session->tty is this tty
 *
 * Locking: input comes in interrupts.  Tasks that touch the ring or the termios turn interrupts
 * off while they do, never while they copy to user memory.
 *
 * Limits: one console, under the names console, tty0, tty1 and ttyS0; a line has at most
 * TTY_RING - 1 bytes, what comes beyond is refused with a bell, as with Linux.
 *
 * Sources: POSIX.1-2017 chapter 11; Linux man-pages termios(3), ioctl_tty(2).
 */
#ifndef DRIVERS_TTY_H
#define DRIVERS_TTY_H

#include <quire/types.h>
#include "kernel/waitq.h"

struct file;
struct pid;
struct process;

#define TTY_RING 4096u

enum { NCCS = 19 };
enum {
	VINTR,
	VQUIT,
	VERASE,
	VKILL,
	VEOF,
	VTIME,
	VMIN,
	VSWTC,
	VSTART,
	VSTOP,
	VSUSP,
	VEOL,
	VREPRINT,
	VDISCARD,
	VWERASE,
	VLNEXT,
	VEOL2,
};

/* c_iflag */
enum {
	IGNBRK = 01,
	ISTRIP = 040,
	INLCR = 0100,
	IGNCR = 0200,
	ICRNL = 0400,
	IUCLC = 01000,
	IXON = 02000,
	IXANY = 04000,
	IMAXBEL = 020000,
	IUTF8 = 040000,
};
/* c_oflag */
enum {
	OPOST = 01,
	OLCUC = 02,
	ONLCR = 04,
	OCRNL = 010,
	ONOCR = 020,
	ONLRET = 040,
	TABDLY = 014000,
	XTABS = 014000,
};
/* c_lflag */
enum {
	ISIG = 01,
	ICANON = 02,
	ECHO = 010,
	ECHOE = 020,
	ECHOK = 040,
	ECHONL = 0100,
	NOFLSH = 0200,
	TOSTOP = 0400,
	ECHOCTL = 01000,
	ECHOKE = 04000,
	IEXTEN = 0100000,
};

/* Linux's kernel layout; with two words of speed behind it: termios2. */
struct termios {
	uint32_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[NCCS];
	uint32_t ispeed, ospeed;
};

struct winsize {
	uint16_t rows, columns, xpixels, ypixels;
};

struct tty {
	struct termios termios;
	void (*write)(struct tty *t, const char *bytes, size_t n); /* where output goes */
	bool pty; /* its other side is a program: pty.h */
	struct winsize size;
	uint32_t dev; /* what fstat says of /dev/tty's target; ps shows it */

	/* input; see the drawing */
	unsigned head, canon, tail, lines;
	bool literal;         /* VLNEXT came: the next byte means nothing special */
	bool stopped;         /* VSTOP came: output waits */
	unsigned column;      /* where the cursor is, for tabs and for erasing them */
	unsigned line_column; /* where it was when the line being edited began */
	struct waitq readable, writable;

	struct pid *session, *foreground; /* referenced */
	unsigned generation;              /* hang-ups so far: files opened before one are dead */

	uint8_t ring[TTY_RING];
	uint8_t marks[TTY_RING / 8]; /* this byte ends a line */
};

extern struct tty console_tty;
extern const struct termios tty_sane; /* what a terminal begins with */

/* In `pos` of an open file: the tty's generation, or this: it survives hang-ups. */
#define TTY_NEVER_HUNG_UP UINT64_MAX
extern const struct file_ops tty_fops;

/* Register the devices and take the console's input. */
void tty_init(void);

/* ---- input (tty_input.c) -------------------------------------------------------------------- */

/* Bytes from the keyboard.  Context: interrupts, off. */
void tty_input(struct tty *t, const char *bytes, size_t n);
/* The same for tasks. */
void tty_type(struct tty *t, const char *bytes, size_t n);
/* Is there something that read would give now?  `min`: how many bytes a raw read wants. */
bool tty_input_ready(const struct tty *t, unsigned min);
/* Take up to n bytes into buf: to the end of the line, or what there is.  *end: a line was
 * finished by this.  Interrupts off. */
size_t tty_take(struct tty *t, char *buf, size_t n, bool *end);
/* Forget what was not read. */
void tty_flush_input(struct tty *t);
/* The termios have changed from `old`: what is in the ring becomes readable by the new rules. */
void tty_mode_changed(struct tty *t, const struct termios *old);
static inline unsigned tty_raw_count(const struct tty *t)
{
	return t->canon - t->tail;
}
static inline bool tty_is(const struct tty *t, uint32_t lflag)
{
	return t->termios.lflag & lflag;
}

/* ---- output (tty_output.c) ------------------------------------------------------------------ */

/* Write as the termios say.  Any context. */
void tty_put(struct tty *t, const char *bytes, size_t n);
/* Echo one byte of input, control characters as ^X. */
void tty_echo(struct tty *t, uint8_t byte);
/* The column after `byte` is shown at `column` the way echo shows it. */
unsigned tty_echo_column(const struct tty *t, unsigned column, uint8_t byte);

/* ---- job control (tty_job.c) ---------------------------------------------------------------- */

/* May the running task read (write, change) the terminal?  0; or -ERESTARTSYS, a stop signal has
 * been sent to its group; or -EIO. */
int tty_check_foreground(struct tty *t, int sig);
void tty_signal(struct tty *t, int sig); /* to the foreground group; any context */
/* Make it the terminal of the running process's session, if that leads one without. */
void tty_acquire_on_open(struct tty *t);
long tty_acquire(struct tty *t, bool steal);
long tty_give_up(struct tty *t);
long tty_set_foreground(struct tty *t, int32_t nr);
/* The line is dead: its session is told and loses it, files opened before have ended. */
void tty_hang_up(struct tty *t);

/* ---- calls (tty_ioctl.c) --------------------------------------------------------------------- */

long tty_ioctl(struct file *f, unsigned cmd, uintptr_t arg);
struct tty *tty_of(const struct file *f);
/* The file was opened before a hang-up. */
bool tty_hung_up(const struct file *f);

#endif
