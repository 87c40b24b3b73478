/* SPDX-License-Identifier: BSD-2-Clause
 *
 * pid_args.c - /proc/PID/{cmdline,environ,auxv}: what a program was started with, from its own
 * memory, which it may have changed since.
 */
#include "fs/proc/proc.h"
#include "kernel/task.h"

static int put_memory(struct text *t, struct mm *mm, uintptr_t start, uintptr_t end)
{
	size_t n = end > start ? end - start : 0, done = 0;
	char *to = n && n < 1 << 22 ? text_room(t, n) : NULL;

	if (to && qr_space_read(&mm->space, qr_virt_of(start), to, n, true, &done) == QR_OK)
		t->n += done;
	return 0;
}

PROC_SHOW(pid_cmdline)
{
	struct mm *mm = proc_process(of)->mm;

	return mm ? put_memory(t, mm, mm->arg_start, mm->arg_end) : 0;
}

PROC_SHOW(pid_environ)
{
	struct mm *mm = proc_process(of)->mm;

	return mm ? put_memory(t, mm, mm->env_start, mm->env_end) : 0;
}

PROC_SHOW(pid_auxv)
{
	const struct mm *mm = proc_process(of)->mm;
	size_t n = 0;

	if (!mm)
		return 0;
	while (n + 2 <= AUXV_WORDS && mm->auxv[n])
		n += 2;
	text_put(t, mm->auxv, (n + 2 <= AUXV_WORDS ? n + 2 : n) * sizeof(mm->auxv[0]));
	return 0;
}
