/* SPDX-License-Identifier: BSD-2-Clause
 *
 * actors.c - processes and threads that take turns.
 *
 * The script says whose each step is.  Whoever has the turn makes its steps until it finds one of
 * another; then it passes the turn on and sleeps.  So all interleavings are the script's own, and
 * the same on every kernel.
 *
 *	@0 ─ step ─ step ─┐                   ┌─ step ─ ...
 *	@1                └─ step ─ step ─────┘
 *
 * An actor that leaves passes the turn on first; the next waits until it is really gone, as what
 * it gives back (pages, seals, locks) could be seen.
 */
#include "tests/replay/replay.h"
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct board *board;

enum { NOBODY = -1, STACK_SIZE = 32768, SECONDS = 60 };

static char stacks[ACTORS][STACK_SIZE] __attribute__((aligned(16)));

static void wait_turn(int me)
{
	int turn;

	while ((turn = __atomic_load_n(&board->turn, __ATOMIC_ACQUIRE)) != me)
		SYS(futex, P(&board->turn), FUTEX_WAIT, turn);
	while (board->left_pid && (board->left_tid ? SYS(tgkill, board->left_pid, board->left_tid)
						   : SYS(kill, board->left_pid)) != -ESRCH)
		SYS(sched_yield);
	board->left_pid = 0;
}

static void pass_turn(int next)
{
	__atomic_store_n(&board->turn, next, __ATOMIC_RELEASE);
	SYS(futex, P(&board->turn), FUTEX_WAKE, ACTORS);
}

static bool alive(unsigned actor)
{
	return board->actor[actor].tid;
}

/* The next step that somebody is there for; NULL at the end. */
static const struct step *next_step(void)
{
	const struct script *s = &board->script;

	for (; board->at < s->n; board->at++) {
		const struct step *step = &s->step[board->at];

		if (!(board->skip >> board->at & 1) && alive(step->actor))
			return step;
	}
	return NULL;
}

/* After the script each process shows what it has, the last one first, and leaves. */
static int last_leader(void)
{
	int n = ACTORS - 1;

	while (n >= 0 && !(alive((unsigned)n) && board->actor[n].leads))
		n--;
	return n;
}

/* Until there is nothing left to do. */
_Noreturn static void take_turns(int me)
{
	const struct step *s;
	int next;

	for (;;) {
		wait_turn(me);
		while ((s = next_step()) && s->actor == me) {
			board->at++;
			run_step(s);
		}
		next = s ? s->actor : last_leader();
		if (next != me) {
			pass_turn(next);
			continue;
		}
		say_ending();
		leave();
	}
}

static void forget_process(int pid)
{
	for (unsigned n = 0; n < ACTORS; n++)
		if (board->actor[n].pid == pid)
			memset(&board->actor[n], 0, sizeof(board->actor[n]));
}

/* A leader takes its whole process with it. */
_Noreturn void leave(void)
{
	int me = board->turn, pid = board->actor[me].pid, tid = board->actor[me].tid, next;
	bool leads = board->actor[me].leads;
	const struct step *s;

	if (leads)
		forget_process(pid);
	else
		memset(&board->actor[me], 0, sizeof(board->actor[me]));
	s = next_step();
	next = s ? s->actor : last_leader();
	board->left_pid = pid;
	board->left_tid = leads ? 0 : tid;
	if (next == NOBODY)
		board->done = true;
	pass_turn(next);
	for (;;)
		if (leads)
			SYS(exit_group, 0);
		else
			SYS(exit, 0);
}

/* ---- beginnings ------------------------------------------------------------------------ */

static int thread_main(void *arg)
{
	take_turns((int)(intptr_t)arg);
	return 0;
}

static long spawn_thread(int actor)
{
	int flags =
	    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	int tid = clone(thread_main, stacks[actor] + STACK_SIZE, flags, (void *)(intptr_t)actor);

	return tid < 0 ? -errno : tid;
}

/* The child goes on where its parent is, on its copy of the stack, as another actor. */
static long spawn_process(int actor)
{
	long pid = SYS(clone, SIGCHLD);

	if (pid == 0) {
		wait_turn(actor);
		settle();
		take_turns(actor);
	}
	return pid;
}

long spawn(int actor, bool thread)
{
	long id;

	if (alive((unsigned)actor))
		return -EBUSY;
	board->forked |= !thread;
	id = thread ? spawn_thread(actor) : spawn_process(actor);
	if (id < 0)
		return id;
	board->actor[actor].tid = (int)id;
	board->actor[actor].pid = thread ? board->actor[board->turn].pid : (int)id;
	board->actor[actor].leads = !thread;
	return 0;
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* The first actor is a process of its own, in a group of its own, so that nothing is left. */
void run_script(void)
{
	struct sigaction act = { .sa_handler = on_alarm };
	int pid, status;

	board->turn = board->at = 0;
	board->left_pid = 0;
	board->done = board->huge = board->forked = false;
	board->hash = 0xcbf29ce484222325;
	board->length = 0;
	memset(board->actor, 0, sizeof(board->actor));
	pid = fork();
	if (pid == 0) {
		setpgid(0, 0);
		signal(SIGCHLD, SIG_IGN);
		board->actor[0].pid = board->actor[0].tid = getpid();
		board->actor[0].leads = true;
		begin_process();
		take_turns(0);
	}
	sigaction(SIGALRM, &act, NULL);
	alarm(SECONDS);
	if (waitpid(pid, &status, 0) < 0)
		kill(-pid, SIGKILL);
	alarm(0);
	kill(-pid, SIGKILL);
	if (!board->done) {
		say("  the script did not come to its end; step ");
		say_number(board->at);
		say("\n");
	}
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
}
