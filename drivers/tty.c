/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/tty.h"
#include "arch/x86/cpu.h"
#include "arch/x86/user.h"
#include "drivers/console.h"
#include "drivers/pty.h"
#include "fs/dev.h"
#include "fs/file.h"
#include "kernel/task.h"
#include "kernel/time.h"
#include "kernel/userfault.h"

#define CONTROL(c) ((c)&0x1f)
#define B38400     017u
#define CS8        060u
#define CREAD      0200u
#define HUPCL      02000u

static void write_console(struct tty *t, const char *bytes, size_t n)
{
	(void)t;
	console_write(bytes, n);
}

const struct termios tty_sane = {
	.iflag = ICRNL | IXON,
	.oflag = OPOST | ONLCR,
	.cflag = B38400 | CS8 | CREAD,
	.lflag = ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN,
	.cc = {
		[VINTR] = CONTROL('C'), [VQUIT] = CONTROL('\\'), [VERASE] = 0x7f,
		[VKILL] = CONTROL('U'), [VEOF] = CONTROL('D'), [VMIN] = 1,
		[VSTART] = CONTROL('Q'), [VSTOP] = CONTROL('S'), [VSUSP] = CONTROL('Z'),
		[VREPRINT] = CONTROL('R'), [VDISCARD] = CONTROL('O'),
		[VWERASE] = CONTROL('W'), [VLNEXT] = CONTROL('V'),
	},
	.ispeed = 38400, .ospeed = 38400,
};

struct tty console_tty;

/* ---- which terminal ---------------------------------------------------------------------------- */

struct tty *tty_of(const struct file *f)
{
	return f->private;
}

bool tty_hung_up(const struct file *f)
{
	return f->pos != TTY_NEVER_HUNG_UP && f->pos != tty_of(f)->generation;
}

/* A node of /dev/pts has its pair; /dev/tty means the terminal of the process that opens it. */
static struct tty *tty_meant(const struct inode *i)
{
	if (i->rdev == DEV(5, 0))
		return process_tty(current_process);
	return i->fops == &tty_fops ? i->private : &console_tty;
}

static int open_tty(struct file *f)
{
	struct tty *t = tty_meant(f->inode);
	int err;

	if (!t)
		return f->inode->rdev == DEV(5, 0) ? -ENXIO : -EIO;
	err = t->pty ? pty_slave_opened(pty_of(t)) : 0;
	if (err)
		return err;
	f->private = t;
	f->pos = t->generation;
	if (f->inode->rdev == DEV(5, 1))
		f->pos = TTY_NEVER_HUNG_UP;
	else if (f->inode->rdev != DEV(5, 0) && !(f->flags & O_NOCTTY))
		tty_acquire_on_open(t);
	return 0;
}

static void release_tty(struct file *f)
{
	struct tty *t = tty_of(f);

	if (t->pty)
		pty_slave_closed(pty_of(t));
}

/* ---- reading ----------------------------------------------------------------------------------- */

/* Give the reader what is there, up to the end of the line.  True: no more belongs to this read. */
static bool give(struct tty *t, struct uio *to, size_t *done)
{
	char bytes[128];
	bool end = false;

	while (to->left && !to->fault && !end) {
		size_t want = to->left < sizeof(bytes) ? to->left : sizeof(bytes), n;
		uintptr_t irq = irq_save();

		n = tty_take(t, bytes, want, &end);
		irq_restore(irq);
		if (!n && !end)
			break;
		*done += uio_send(to, bytes, n);
	}
	if (t->pty)
		pty_slave_read(pty_of(t));
	return end || !to->left || to->fault;
}

/* How long a raw read waits: VTIME counts tenths of seconds; with VMIN from the first byte on. */
static uint64_t raw_deadline(const struct tty *t, size_t done)
{
	unsigned tenths = t->termios.cc[VTIME];

	if (!t->termios.cc[VMIN])
		return now_ns() + tenths * (NS_PER_SEC / 10);
	return tenths && done ? now_ns() + tenths * (NS_PER_SEC / 10) : WAIT_FOREVER;
}

/* Bytes that a raw read is content with. */
static size_t raw_min(const struct tty *t, size_t asked)
{
	size_t min = t->termios.cc[VMIN];

	return min < asked ? min : asked;
}

/* Does what is there let the read go on?  Between bytes each one counts. */
static bool ready(const struct tty *t, const struct file *f, size_t asked, size_t done)
{
	unsigned min = 1;

	if (tty_hung_up(f))
		return true;
	if (!tty_is(t, ICANON) && !t->termios.cc[VTIME] && t->termios.cc[VMIN])
		min = (unsigned)(raw_min(t, asked) - done);
	return tty_input_ready(t, min);
}

static bool content(const struct tty *t, size_t asked, size_t done)
{
	return !tty_is(t, ICANON) && done && done >= raw_min(t, asked);
}

static long tty_read(struct file *f, struct uio *to, uint64_t *pos)
{
	struct tty *t = tty_of(f);
	size_t done = 0, asked = to->left;
	int err;

	if (!asked)
		return 0;
	for (;;) {
		if (tty_hung_up(f))
			return (long)done;
		err = tty_check_foreground(t, SIGTTIN);
		if (err)
			return uio_result(done, err);
		if (tty_input_ready(t, 1) && give(t, to, &done))
			break;
		if (content(t, asked, done))
			break;
		if (f->flags & O_NONBLOCK)
			return uio_result(done, -EAGAIN);
		uint64_t deadline = tty_is(t, ICANON) ? WAIT_FOREVER : raw_deadline(t, done);

		err = wait_event(&t->readable, ready(t, f, asked, done), deadline);
		if (err == -ETIMEDOUT)
			break;
		if (err)
			return uio_result(done, err);
	}
	return uio_result(done, to->fault ? -EFAULT : 0);
}

/* ---- writing ------------------------------------------------------------------------------------ */

static bool takes_output(const struct tty *t)
{
	return !t->stopped && (!t->pty || pty_has_room(t));
}

static int may_write(struct file *f)
{
	struct tty *t = tty_of(f);
	int err = tty_is(t, TOSTOP) ? tty_check_foreground(t, SIGTTOU) : 0;

	if (!err && !takes_output(t) && !tty_hung_up(f)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event(&t->writable, takes_output(t) || tty_hung_up(f), WAIT_FOREVER);
	}
	return !err && tty_hung_up(f) ? -EIO : err;
}

static long tty_write(struct file *f, struct uio *from, uint64_t *pos)
{
	char bytes[256];
	size_t done = 0;
	int err = 0;

	while (from->left && !err) {
		size_t n = from->left < sizeof(bytes) ? from->left : sizeof(bytes);

		err = may_write(f);
		if (err)
			break;
		n = uio_get(from, bytes, n);
		tty_put(tty_of(f), bytes, n);
		done += n;
		err = from->fault ? -EFAULT : signal_pending_fatal() ? -EINTR : 0;
	}
	return uio_result(done, err);
}

static unsigned tty_poll(struct file *f, struct poll_table *table)
{
	struct tty *t = tty_of(f);
	unsigned events = 0, min = 1;

	poll_wait(table, &t->readable, POLLIN);
	poll_wait(table, &t->writable, POLLOUT);
	if (tty_hung_up(f))
		return POLL_READABLE | POLL_WRITABLE | POLLHUP | POLLERR;
	if (!t->termios.cc[VTIME] && t->termios.cc[VMIN])
		min = t->termios.cc[VMIN];
	if (tty_input_ready(t, min))
		events |= POLL_READABLE;
	if (takes_output(t))
		events |= POLL_WRITABLE;
	return events;
}

const struct file_ops tty_fops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.open = open_tty,
	.release = release_tty,
};

static void from_console(const char *bytes, size_t n)
{
	tty_input(&console_tty, bytes, n);
}

void tty_init(void)
{
	static struct device devices[] = {
		{ DEV(5, 1), 0600, "console", &tty_fops, NULL },
		{ DEV(5, 0), 0666, "tty", &tty_fops, NULL },
		{ DEV(4, 0), 0620, "tty0", &tty_fops, NULL },
		{ DEV(4, 1), 0620, "tty1", &tty_fops, NULL },
		{ DEV(4, 64), 0660, "ttyS0", &tty_fops, NULL },
	};
	unsigned rows, columns;

	console_tty.write = write_console;
	console_tty.termios = tty_sane;
	console_tty.termios.iflag |= IUTF8 | IMAXBEL;
	console_tty.termios.cflag |= HUPCL;
	console_size(&rows, &columns);
	console_tty.size = (struct winsize){ (uint16_t)rows, (uint16_t)columns, 0, 0 };
	console_tty.dev = DEV(4, 64);
	for (unsigned i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		device_register(&devices[i]);
	console_on_input(from_console);
	pty_init();
}
