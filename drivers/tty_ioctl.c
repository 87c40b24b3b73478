/* SPDX-License-Identifier: BSD-2-Clause */
#include "arch/x86/user.h"
#include "arch/x86/cpu.h"
#include "drivers/console.h"
#include "drivers/pty.h"
#include "fs/file.h"
#include "kernel/lib/string.h"
#include "kernel/task.h"

enum {
	TCGETS = 0x5401,
	TCSETS,
	TCSETSW,
	TCSETSF,
	TCGETA,
	TCSETA,
	TCSETAW,
	TCSETAF,
	TCSBRK,
	TCXONC,
	TCFLSH,
	TIOCEXCL,
	TIOCNXCL,
	TIOCSCTTY,
	TIOCGPGRP,
	TIOCSPGRP,
	TIOCOUTQ,
	TIOCSTI,
	TIOCGWINSZ,
	TIOCSWINSZ,
	TIOCMGET,
	TIOCMBIS,
	TIOCMBIC,
	TIOCMSET,
	FIONREAD = 0x541b,
	TIOCCONS = 0x541d,
	TIOCNOTTY = 0x5422,
	TIOCSETD,
	TIOCGETD,
	TCSBRKP,
	TIOCGSID = 0x5429,
	VT_GETSTATE = 0x5603,
};
#define TCGETS2  0x802c542au
#define TCSETS2  0x402c542bu
#define TCSETSW2 0x402c542cu
#define TCSETSF2 0x402c542du

#define TERMIOS_SIZE offsetof(struct termios, ispeed)

/* System V's struct termio: the low halves, fewer characters. */
struct termio {
	uint16_t iflag, oflag, cflag, lflag;
	uint8_t line;
	uint8_t cc[8];
};

enum when { NOW, DRAIN, DRAIN_AND_FLUSH };

static void change(struct tty *t, const struct termios *new)
{
	struct termios old = t->termios;
	uintptr_t irq = irq_save();

	t->termios = *new;
	tty_mode_changed(t, &old);
	if (t->stopped && !(new->iflag &IXON)) {
		t->stopped = false;
		waitq_wake_all(&t->writable);
	}
	if ((old.iflag ^ new->iflag) & IXON)
		pty_tell(t, new->iflag &IXON ? PACKET_DO_STOP : PACKET_NO_STOP);
	irq_restore(irq);
}

static void flush_input(struct tty *t)
{
	tty_flush_input(t);
	pty_tell(t, PACKET_FLUSH_READ);
	if (t->pty)
		pty_slave_read(pty_of(t));
}

static long set_termios(struct tty *t, const struct termios *new, enum when when)
{
	int err = tty_check_foreground(t, SIGTTOU);

	if (err)
		return err;
	if (when != NOW && !t->pty)
		console_flush();
	if (when == DRAIN_AND_FLUSH)
		flush_input(t);
	change(t, new);
	return 0;
}

static long set_from_user(struct tty *t, uintptr_t arg, size_t size, enum when when)
{
	struct termios new = t->termios;

	if (copy_from_user(&new, (void __user *)arg, size))
		return -EFAULT;
	return set_termios(t, &new, when);
}

static long set_from_termio(struct tty *t, uintptr_t arg, enum when when)
{
	struct termios new = t->termios;
	struct termio old;

	if (copy_from_user(&old, (void __user *)arg, sizeof(old)))
		return -EFAULT;
	new.iflag = (new.iflag & 0xffff0000) | old.iflag;
	new.oflag = (new.oflag & 0xffff0000) | old.oflag;
	new.cflag = (new.cflag & 0xffff0000) | old.cflag;
	new.lflag = (new.lflag & 0xffff0000) | old.lflag;
	new.line = old.line;
	memcpy(new.cc, old.cc, sizeof(old.cc));
	return set_termios(t, &new, when);
}

static long get_termio(const struct tty *t, uintptr_t arg)
{
	const struct termios *s = &t->termios;
	struct termio old = { (uint16_t)s->iflag,
			      (uint16_t)s->oflag,
			      (uint16_t)s->cflag,
			      (uint16_t)s->lflag,
			      s->line,
			      { 0 } };

	memcpy(old.cc, s->cc, sizeof(old.cc));
	return copy_to_user((void __user *)arg, &old, sizeof(old));
}

static long termios_call(struct tty *t, unsigned cmd, uintptr_t arg)
{
	switch (cmd) {
	case TCGETS:
		return copy_to_user((void __user *)arg, &t->termios, TERMIOS_SIZE);
	case TCGETS2:
		return copy_to_user((void __user *)arg, &t->termios, sizeof(t->termios));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
		return set_from_user(t, arg, TERMIOS_SIZE, (enum when)(cmd - TCSETS));
	case TCSETS2:
	case TCSETSW2:
	case TCSETSF2:
		return set_from_user(t, arg, sizeof(t->termios), (enum when)(cmd - TCSETS2));
	case TCGETA:
		return get_termio(t, arg);
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
		return set_from_termio(t, arg, (enum when)(cmd - TCSETA));
	}
	return -ENOTTY;
}

/* ---- job control ------------------------------------------------------------------------------- */

static pid_nr number_of(const struct pid *p)
{
	return p ? p->nr : 0;
}

/* The master may ask, too. */
static long job_call(struct tty *t, unsigned cmd, uintptr_t arg, bool master)
{
	bool mine = master || (t->session && current_process->session == t->session);
	int32_t nr;

	switch (cmd) {
	case TIOCSCTTY:
		return tty_acquire(t, arg == 1);
	case TIOCNOTTY:
		return tty_give_up(t);
	case TIOCGPGRP:
		return mine ? put_user(number_of(t->foreground), (int32_t __user *)arg) : -ENOTTY;
	case TIOCGSID:
		return mine && t->session ? put_user(t->session->nr, (int32_t __user *)arg)
					  : -ENOTTY;
	case TIOCSPGRP:
		if (get_user(nr, (int32_t __user *)arg))
			return -EFAULT;
		return tty_set_foreground(t, nr);
	}
	return -ENOTTY;
}

/* ---- size, queues, flow ------------------------------------------------------------------------ */

static long set_size(struct tty *t, uintptr_t arg)
{
	struct winsize size;

	if (copy_from_user(&size, (void __user *)arg, sizeof(size)))
		return -EFAULT;
	if (memcmp(&size, &t->size, sizeof(size))) {
		t->size = size;
		tty_signal(t, SIGWINCH);
	}
	return 0;
}

static long flush(struct tty *t, uintptr_t which)
{
	enum { INPUT, OUTPUT, BOTH };
	int err = tty_check_foreground(t, SIGTTOU);

	if (err)
		return err;
	if (which > BOTH)
		return -EINVAL;
	if (which != OUTPUT)
		flush_input(t);
	if (which != INPUT)
		pty_tell(t, PACKET_FLUSH_WRITE);
	return 0;
}

static long flow(struct tty *t, uintptr_t what)
{
	enum { OUTPUT_OFF, OUTPUT_ON, INPUT_OFF, INPUT_ON };

	if (what > INPUT_ON)
		return -EINVAL;
	if (what == OUTPUT_OFF || what == OUTPUT_ON) {
		t->stopped = what == OUTPUT_OFF;
		pty_tell(t, t->stopped ? PACKET_STOP : PACKET_START);
		waitq_wake_all(&t->writable);
	}
	return 0;
}

static long push_byte(struct tty *t, uintptr_t arg)
{
	char c;

	if (current_process->session != t->session &&
	    !(current_process->cred.caps >> CAP_SYS_ADMIN & 1))
		return -EPERM;
	if (get_user(c, (char __user *)arg))
		return -EFAULT;
	tty_type(t, &c, 1);
	return 0;
}

static int readable_bytes(const struct tty *t)
{
	return tty_is(t, ICANON) && !t->lines ? 0 : (int)tty_raw_count(t);
}

long tty_ioctl(struct file *f, unsigned cmd, uintptr_t arg)
{
	struct tty *t = tty_of(f);
	long ret;

	if (tty_hung_up(f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	ret = termios_call(t, cmd, arg);
	if (ret == -ENOTTY)
		ret = job_call(t, cmd, arg, pty_is_master(f));
	if (ret != -ENOTTY)
		return ret;
	switch (cmd) {
	case TIOCGWINSZ:
		return copy_to_user((void __user *)arg, &t->size, sizeof(t->size));
	case TIOCSWINSZ:
		return set_size(t, arg);
	case FIONREAD:
		return put_user(readable_bytes(t), (int __user *)arg);
	case TIOCOUTQ:
	case TIOCGETD:
		return put_user(0, (int __user *)arg);
	case TCFLSH:
		return flush(t, arg);
	case TCXONC:
		return flow(t, arg);
	case TCSBRK:
	case TCSBRKP:
		if (!t->pty)
			console_flush();
		return 0;
	case TIOCSTI:
		return push_byte(t, arg);
	case TIOCEXCL:
	case TIOCNXCL:
	case TIOCSETD:
		return 0;
	}
	return -ENOTTY;
}
