/* SPDX-License-Identifier: BSD-2-Clause
 *
 * fault.c - page faults: the kernel's side.
 *
 * An address of a program, whoever touched it (the program, or the kernel on its behalf through
 * arch/x86/user.h), is a question to its address space.  The answers:
 *
 *	QR_OK		the page is there now: go on
 *	QR_NOENT	SIGSEGV, SEGV_MAPERR	\
 *	QR_ACCESS	SIGSEGV, SEGV_ACCERR	 } or EFAULT, where the kernel was copying
 *	QR_BEYOND	SIGBUS, BUS_ADRERR	/
 *	QR_PAGER	a program is asked for the page (userfault.h)
 *	QR_NOMEM	memory is taken back, or somebody killed (oom.h), and the access tried again
 *
 * Everything else is a bug of the kernel, and ends in a panic that explains the address.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include "arch/x86/user.h"
#include "kernel/fault.h"
#include "kernel/memory.h"
#include "kernel/oom.h"
#include "kernel/panic.h"
#include "kernel/signal.h"
#include "kernel/task.h"
#include "kernel/userfault.h"

static enum qr_access access_of(unsigned error)
{
	return error & PF_WRITE   ? QR_ACCESS_WRITE
	       : error & PF_FETCH ? QR_ACCESS_EXEC
				  : QR_ACCESS_READ;
}

static void refuse(enum qr_err err, uintptr_t address)
{
	if (err == QR_BEYOND)
		force_fault(SIGBUS, BUS_ADRERR, address);
	else
		force_fault(SIGSEGV, err == QR_ACCESS ? SEGV_ACCERR : SEGV_MAPERR, address);
}

/* Let the address space answer, making room for as long as there is somebody to kill.  A task
 * that has been killed itself need not succeed. */
static enum qr_err resolve(struct mm *mm, uintptr_t address, enum qr_access access, bool user)
{
	enum qr_err err;

	while (
	    QR_RARELY((err = qr_space_fault(&mm->space, qr_virt_of(address), access)) != QR_OK)) {
		if (err == QR_PAGER)
			return userfault_wait(mm, address, access == QR_ACCESS_WRITE, user);
		if (err != QR_NOMEM || signal_pending_fatal())
			break;
		if (!memory_reclaim() && (!oom_kill() || signal_pending_fatal()))
			break;
	}
	return err;
}

static void user_fault(struct regs *r, uintptr_t address, unsigned error)
{
	struct mm *mm = current->process->mm;
	enum qr_err err = QR_NOENT;

	if (address < USER_END) {
		err = resolve(mm, address, access_of(error), true);
		/* A page that may not be run is brought in all the same, and then refused: so a page
		 * beyond the end of its file is told as such first, as Linux does. */
		if (QR_RARELY(err == QR_ACCESS) && (error & (PF_FETCH | PF_PRESENT)) == PF_FETCH)
			err = resolve(mm, address, QR_ACCESS_READ, true);
		if (QR_LIKELY(err == QR_OK)) {
			current->usage.minor_faults++;
			return;
		}
	} else if (error & PF_PRESENT) {
		err = QR_NOENT; /* the kernel's half: for a program there is nothing */
	}
	if (err == QR_NOMEM)
		signal_process(current->process, SIGKILL);
	else
		refuse(err, address);
}

/* The kernel touched a program's page without saying so: SMAP tells. */
static bool forbidden(const struct regs *r, unsigned error)
{
	return cpu_features.smap && (error & PF_PRESENT) && !(r->flags & FLAG_AC);
}

static void kernel_fault(struct regs *r, uintptr_t address, unsigned error)
{
	struct task *t = current;

	if (address < USER_END && t && t->process->mm && !forbidden(r, error) &&
	    resolve(t->process->mm, address, access_of(error), false) == QR_OK) {
		t->usage.minor_faults++;
		return;
	}
	if (extable_fixup(r))
		return;
	panic_regs(r, "%s %s %#lx, which is %s",
		   error & PF_FETCH   ? "jump"
		   : error & PF_WRITE ? "write"
				      : "read",
		   error & PF_FETCH   ? "to"
		   : error & PF_WRITE ? "to"
				      : "from",
		   (unsigned long)address, error & PF_PRESENT ? "not allowed" : "not mapped");
}

/* A far return or iret of a program, whose pops some emulators make with the kernel's rights.  What
 * is there already was refused for good, by SMAP. */
static void implicit_fault(struct regs *r, uintptr_t address, unsigned error)
{
	if (error & PF_PRESENT)
		refuse(QR_ACCESS, address);
	else
		user_fault(r, address, error);
}

void page_fault(struct regs *r, uintptr_t address, unsigned error)
{
	if (QR_RARELY(error & PF_RESERVED))
		panic_regs(r, "the page table of %#lx is corrupt", (unsigned long)address);
	if (QR_LIKELY(error & PF_USER))
		user_fault(r, address, error);
	else if (regs_from_user(r))
		implicit_fault(r, address, error);
	else
		kernel_fault(r, address, error);
}

/* ---- for panics ----------------------------------------------------------------------------- */

static void explain_walk(qr_frame root, uintptr_t address)
{
	const struct qr_format *f = kernel_tables.format;
	qr_entry entry[QR_MAX_LEVELS];
	unsigned low = qr_paging_trace(f, &frames, root, qr_virt_of(address), entry);

	for (unsigned l = qr_format_top(f) + 1; l-- > low;)
		kprintf("  level %u, entry %4u: %#018llx %s\n", l,
			qr_format_index(f, qr_virt_of(address), l), (unsigned long long)entry[l].v,
			!qr_entry_present(f, entry[l])     ? "absent"
			: qr_entry_is_page(f, entry[l], l) ? "page"
							   : "table");
}

/* Which entries lead to the address, and what its space promised there. */
void fault_explain(uintptr_t address)
{
	char words[160];
	struct process *p = current ? current->process : NULL;

	kprintf("address %#lx:\n", (unsigned long)address);
	explain_walk(qr_phys_frame(qr_phys_of(cr3_get() & ~(uintptr_t)QR_PAGE_MASK)), address);
	if (address >= USER_END || !p || !p->mm)
		return;
	qr_space_explain(&p->mm->space, qr_virt_of(address), QR_ACCESS_READ, words, sizeof(words));
	kprintf("  process %d (%s): %s\n", (int)p->nr, p->comm, words);
}
