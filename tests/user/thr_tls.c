/* SPDX-License-Identifier: BSD-2-Clause
 *
 * thr_tls.c - a thread's own segments (arch_prctl, set_thread_area); that they survive switches.
 */
#include "segment.h"
#include <asm/prctl.h>
#include <sched.h>

/* ---- a thread's own ------------------------------------------------------------------------- */

struct own {
	struct thread thread;
	unsigned *word;
	volatile int *stop;
	int wrong, rounds;
};

#ifdef __x86_64__

static void take_own(struct own *o)
{
	o->wrong += raw(SYS_arch_prctl, ARCH_SET_GS, o->word, 0, 0) != 0;
}

static int keeps_own(const struct own *o)
{
	unsigned long base = 0;

	return raw(SYS_arch_prctl, ARCH_GET_GS, &base, 0, 0) == 0 && base == (unsigned long)o->word;
}

#else

static void take_own(struct own *o)
{
	struct user_desc d = data_segment((unsigned)-1, o->word);

	o->wrong += raw(SYS_set_thread_area, &d, 0, 0, 0) != 0;
	load_ours(d.entry_number << 3 | 3);
}

static int keeps_own(const struct own *o)
{
	struct user_desc d = { .entry_number = selector_of_ours() >> 3 };

	return raw(SYS_get_thread_area, &d, 0, 0, 0) == 0 &&
	       d.base_addr == (unsigned)(uintptr_t)o->word;
}

#endif

static int use_own(void *p)
{
	struct own *o = p;

	take_own(o);
	while (!*o->stop) {
		o->wrong += word_of_ours() != *o->word || !keeps_own(o);
		o->rounds++;
		raw(SYS_sched_yield, 0, 0, 0, 0);
	}
	return 0;
}

TEST("tls: each thread has its own, whoever ran between")
{
	static struct own own[4];
	static volatile int stop;
	unsigned *words = low_memory();

	for (int i = 0; i < 4; i++) {
		words[16 * i] = 100 + (unsigned)i;
		own[i].word = &words[16 * i];
		own[i].stop = &stop;
		thread_start(&own[i].thread, use_own, &own[i]);
	}
	pause_ms(60);
	stop = 1;
	for (int i = 0; i < 4; i++) {
		thread_join(&own[i].thread);
		CHECK_EQ(own[i].wrong, 0);
		CHECK(own[i].rounds > 0);
	}
}

TEST("tls: CLONE_SETTLS gives the child its own")
{
	unsigned *words = low_memory();
#ifdef __x86_64__
	unsigned long base = 0, mine = 0;

	raw(SYS_arch_prctl, ARCH_GET_FS, &mine, 0, 0);
	long pid = sys6(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, (long)words, 0);

	if (pid == 0) {
		raw(SYS_arch_prctl, ARCH_GET_FS, &base, 0, 0);
		raw(SYS_exit, base == (unsigned long)words && base != mine, 0, 0, 0);
	}
	CHECK_EQ(sys6(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, 1l << 62, 0), -EPERM);
#else
	struct user_desc d = data_segment((unsigned)-1, words);

	NEED(raw(SYS_set_thread_area, &d, 0, 0, 0) == 0);
	load_ours(d.entry_number << 3 | 3);
	words[0] = 1;
	words[1] = 2;
	d.base_addr += 4;
	long pid = sys6(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, (long)&d, 0, 0);

	if (pid == 0) {
		load_ours(d.entry_number << 3 | 3);
		raw(SYS_exit, word_of_ours() == 2, 0, 0, 0);
	}
	load_ours(d.entry_number << 3 | 3);
	CHECK_EQ(word_of_ours(), 1);
	d.entry_number = (unsigned)-1;
	CHECK_EQ(sys6(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, (long)&d, 0, 0), -EINVAL);
	CHECK_EQ(sys6(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 8, 0, 0), -EFAULT);
#endif
	int status = 0;

	NEED(pid > 0);
	CHECK_EQ(waitpid((pid_t)pid, &status, 0), pid);
	CHECK_EQ(status, 1 << 8);
}

#ifdef __x86_64__

TEST("arch_prctl: bases, and what is refused")
{
	unsigned *words = low_memory();
	unsigned long base = 1;

	words[0] = 77;
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_GS, words, 0, 0), 0);
	CHECK_EQ(word_of_ours(), 77);
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_GET_GS, &base, 0, 0), 0);
	CHECK_EQ(base, words);
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_GS, 1ul << 63, 0, 0), -EPERM);
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_FS, -1ul, 0, 0), -EPERM);
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_GET_FS, 8, 0, 0), -EFAULT);
	CHECK_EQ(raw(SYS_arch_prctl, 0x9999, 0, 0, 0), -EINVAL);
	CHECK_EQ(raw(SYS_arch_prctl, ARCH_SET_GS, 0, 0, 0), 0);
}

#else

TEST("set_thread_area: three entries, found and given back")
{
	struct user_desc d, seen;
	unsigned got[4], n = 0;

	for (; n < 4; n++) {
		d = data_segment((unsigned)-1, NULL);
		if (raw(SYS_set_thread_area, &d, 0, 0, 0))
			break;
		got[n] = d.entry_number;
	}
	CHECK_EQ(n, 2); /* the C library has one */
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), -ESRCH);
	CHECK_EQ(d.entry_number, -1u);

	/* Two ways to say "none"; and then it can be had again. */
	d = (struct user_desc){ .entry_number = got[0] };
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), 0);
	d = data_segment((unsigned)-1, NULL);
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), 0);
	CHECK_EQ(d.entry_number, got[0]);
	d = (struct user_desc){ .entry_number = got[1], .read_exec_only = 1, .seg_not_present = 1 };
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), 0);
	seen = (struct user_desc){ .entry_number = got[1] };
	CHECK_EQ(raw(SYS_get_thread_area, &seen, 0, 0, 0), 0);
	CHECK_EQ(seen.read_exec_only, 1);
	CHECK_EQ(seen.seg_not_present, 1);

	d = data_segment(got[0], (void *)0x12345678);
	d.limit = 0xabcde;
	d.contents = MODIFY_LDT_CONTENTS_STACK;
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), 0);
	seen = (struct user_desc){ .entry_number = got[0] };
	CHECK_EQ(raw(SYS_get_thread_area, &seen, 0, 0, 0), 0);
	CHECK_EQ(memcmp(&seen, &d, sizeof d), 0);
}

TEST("set_thread_area: what is refused")
{
	struct user_desc d = data_segment((unsigned)-1, NULL);

	CHECK_EQ(raw(SYS_set_thread_area, 8, 0, 0, 0), -EFAULT);
	CHECK_EQ(raw(SYS_get_thread_area, 8, 0, 0, 0), -EFAULT);
	d.seg_32bit = 0;
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), -EINVAL);
	d = data_segment((unsigned)-1, NULL);
	d.contents = MODIFY_LDT_CONTENTS_CODE;
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), -EINVAL);
	d = data_segment((unsigned)-1, NULL);
	d.seg_not_present = 1;
	CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), -EINVAL);
	for (unsigned i = 0; i < 300; i = i ? i * 3 : 1) {
		if (i >= 6 && i <= 14)
			continue;
		d = data_segment(i, NULL);
		CHECK_EQ(raw(SYS_set_thread_area, &d, 0, 0, 0), -EINVAL);
		CHECK_EQ(raw(SYS_get_thread_area, &d, 0, 0, 0), -EINVAL);
	}
	d = data_segment((unsigned)-1, NULL);
	CHECK_EQ(raw(SYS_get_thread_area, &d, 0, 0, 0), -EINVAL);
}

#endif
