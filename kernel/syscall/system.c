/* SPDX-License-Identifier: BSD-2-Clause
 *
 * system.c - the machine and the kernel as a whole: names, memory, log, randomness, power.
 */
#include "arch/x86/cpu.h"
#include "fs/file.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "kernel/memory.h"
#include "kernel/random.h"
#include "kernel/syscall/syscall.h"
#include "kernel/time.h"
#include "kernel/version.h"

/* ---- names ------------------------------------------------------------------------------ */

struct system_names system_names = {
	.sysname = "Linux",
	.nodename = "quire",
	.release = QUIRE_RELEASE,
	.version = QUIRE_VERSION,
	.machine = QUIRE_MACHINE,
	.domainname = "(none)",
};

SYSCALL1(uname, struct system_names __user *, to)
{
	return copy_to_user(to, &system_names, sizeof(system_names));
}

static long set_name(char *name, const char __user *from, int n)
{
	char text[NAME_FIELD] = { 0 };

	if (!cred_super(&current_process->cred))
		return -EPERM;
	if (n < 0 || n >= NAME_FIELD)
		return -EINVAL;
	if (copy_from_user(text, from, (size_t)n))
		return -EFAULT;
	memcpy(name, text, sizeof(text));
	return 0;
}

SYSCALL2(sethostname, const char __user *, from, int, n)
{
	return set_name(system_names.nodename, from, n);
}

SYSCALL2(setdomainname, const char __user *, from, int, n)
{
	return set_name(system_names.domainname, from, n);
}

/* ---- state ------------------------------------------------------------------------------ */

struct user_sysinfo {
	long uptime;
	unsigned long loads[3], totalram, freeram, sharedram, bufferram, totalswap, freeswap;
	uint16_t procs, pad;
	unsigned long totalhigh, freehigh;
	uint32_t mem_unit;
	char tail[20 - 2 * sizeof(long) - sizeof(int)];
};

SYSCALL1(sysinfo, struct user_sysinfo __user *, to)
{
	struct user_sysinfo s = { .uptime = (long)(now_ns() / NS_PER_SEC) };
	struct sched_stat sched;

	sched_stat(&sched);
	for (unsigned i = 0; i < 3; i++)
		s.loads[i] = (unsigned long)sched.load[i] << 5; /* 16 bits behind the point */
	s.procs = (uint16_t)process_count;
	s.mem_unit = sizeof(long) == 8 ? 1 : QR_PAGE_SIZE;
	s.totalram = frames.total * (QR_PAGE_SIZE / s.mem_unit);
	s.freeram = memory_free() * (QR_PAGE_SIZE / s.mem_unit);
	return copy_to_user(to, &s, sizeof(s));
}

/* ---- randomness ------------------------------------------------------------------------- */

#define GRND_FLAGS 7u /* NONBLOCK, RANDOM, INSECURE: the pool is always ready */

SYSCALL3(getrandom, char __user *, to, size_t, n, unsigned, flags)
{
	char part[256];
	size_t done = 0;

	if (flags & ~GRND_FLAGS)
		return -EINVAL;
	if (n > INT32_MAX)
		n = INT32_MAX;
	while (done < n) {
		size_t k = n - done < sizeof(part) ? n - done : sizeof(part), left;

		random_bytes(part, k);
		left = copy_to_user_some(to + done, part, k);
		done += k - left;
		if (left)
			return done ? (long)done : -EFAULT;
		if (signal_pending())
			break;
	}
	return (long)done;
}

/* ---- the kernel's log ------------------------------------------------------------------- */

enum {
	SYSLOG_CLOSE,
	SYSLOG_OPEN,
	SYSLOG_READ,
	SYSLOG_READ_ALL,
	SYSLOG_READ_CLEAR,
	SYSLOG_CLEAR,
	SYSLOG_CONSOLE_OFF,
	SYSLOG_CONSOLE_ON,
	SYSLOG_CONSOLE_LEVEL,
	SYSLOG_UNREAD,
	SYSLOG_SIZE
};

static uint64_t log_cleared; /* what lies before is not shown any more */

static uint64_t log_end(uint64_t pos)
{
	char part[256];

	while (log_read(&pos, part, sizeof(part)))
		;
	return pos;
}

/* The last n bytes that have not been cleared. */
static long log_copy(char __user *to, size_t n)
{
	uint64_t end = log_end(log_cleared), pos = log_cleared;
	char part[256];
	size_t done = 0;

	if (end - pos > n)
		pos = end - n;
	for (;;) {
		size_t k = log_read(&pos, part, n - done < sizeof(part) ? n - done : sizeof(part));

		if (!k)
			return (long)done;
		if (copy_to_user(to + done, part, k))
			return -EFAULT;
		done += k;
	}
}

SYSCALL3(syslog, int, what, char __user *, to, int, n)
{
	long done;

	if (what != SYSLOG_READ_ALL && what != SYSLOG_SIZE && !cred_super(&current_process->cred))
		return -EPERM;
	switch (what) {
	case SYSLOG_READ:
	case SYSLOG_READ_ALL:
	case SYSLOG_READ_CLEAR:
		if (!to || n < 0)
			return -EINVAL;
		done = log_copy(to, (size_t)n);
		if (what == SYSLOG_READ_CLEAR && done >= 0)
			log_cleared = log_end(log_cleared);
		return done;
	case SYSLOG_CLEAR:
		log_cleared = log_end(log_cleared);
		return 0;
	case SYSLOG_UNREAD:
		return (long)(log_end(log_cleared) - log_cleared);
	case SYSLOG_SIZE:
		return 16384;
	case SYSLOG_CLOSE:
	case SYSLOG_OPEN:
	case SYSLOG_CONSOLE_OFF:
	case SYSLOG_CONSOLE_ON:
		return 0;
	case SYSLOG_CONSOLE_LEVEL:
		return n < 1 || n > 8 ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* ---- power ------------------------------------------------------------------------------ */

#define REBOOT_MAGIC1   0xfee1deadu
#define REBOOT_RESTART  0x01234567u
#define REBOOT_HALT     0xcdef0123u
#define REBOOT_CAD_ON   0x89abcdefu
#define REBOOT_CAD_OFF  0x00000000u
#define REBOOT_POWEROFF 0x4321fedcu
#define REBOOT_RESTART2 0xa1b2c3d4u

static bool reboot_magic2(uint32_t magic)
{
	return magic == 672274793 || magic == 85072278 || magic == 369367448 || magic == 537993216;
}

SYSCALL4(reboot, uint32_t, magic1, uint32_t, magic2, uint32_t, what, const void __user *, arg)
{
	if (!cred_super(&current_process->cred))
		return -EPERM;
	if (magic1 != REBOOT_MAGIC1 || !reboot_magic2(magic2))
		return -EINVAL;
	switch (what) {
	case REBOOT_RESTART:
	case REBOOT_RESTART2:
		power_restart();
	case REBOOT_POWEROFF:
		kmalloc_farewell();
		power_off();
	case REBOOT_HALT:
		log_info("halted\n");
		cpu_halt();
	case REBOOT_CAD_ON:
	case REBOOT_CAD_OFF:
		return 0;
	}
	return -EINVAL;
}
