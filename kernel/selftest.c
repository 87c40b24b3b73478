/* SPDX-License-Identifier: BSD-2-Clause
 *
 * selftest.c - break the kernel on purpose, to see that it says so.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/format.h"
#include "arch/x86/irq.h"
#include "arch/x86/layout.h"
#include "arch/x86/user.h"
#include "drivers/clock.h"
#include "kernel/boot_info.h"
#include "kernel/kmalloc.h"
#include "kernel/lib/string.h"
#include "kernel/panic.h"
#include "kernel/selftest.h"
#include "kernel/time.h"

static void do_panic(void)
{
	panic("asked for by selftest=%s", "panic");
}

static unsigned endless(unsigned depth);
static unsigned (*volatile call)(unsigned) = endless; /* the compiler must not see through it */

static unsigned endless(unsigned depth)
{
	volatile unsigned here[64];

	here[depth % 64] = depth;
	return call(depth + 1) + here[depth % 64];
}

static void stack_overflow(void)
{
	call(0);
}

static void divide(void)
{
	__asm__ volatile("div %0" : : "r"(0), "a"(1), "d"(0));
}

static void invalid_opcode(void)
{
	__asm__ volatile("ud2");
}

static void write_text(void)
{
	*(volatile char *)image_text_start = 0;
}

static void write_rodata(void)
{
	*(volatile char *)image_rodata_start = 0;
}

static void execute_data(void)
{
	static char code[16] = { (char)0xc3 };

	((void (*)(void))(uintptr_t)code)();
	if (machine_format()->nx)
		return;
	kprintf("selftest: no NX here: data can be executed\n");
	power_exit(true);
}

static volatile uintptr_t null_page = 0x10;

static void null_read(void)
{
	(void)*(volatile char *)null_page;
}

/* A raise by software of lines that no device has raised: what a spurious interrupt looks like. */
static void spurious(void)
{
	uint64_t before = irq_spurious_count();

	__asm__ volatile("int $0x27\n\tint $0x2f");
	if (irq_spurious_count() != before + 2)
		panic("two spurious interrupts, %llu counted",
		      (unsigned long long)(irq_spurious_count() - before));
	kprintf("selftest: spurious interrupts counted\n");
	power_exit(true);
}

static void ticks(void)
{
	uint64_t t = time_ticks, ns = clock_ns();

	while (time_ticks < t + 10)
		__asm__ volatile("hlt" : : : "memory");
	kprintf("selftest: 10 ticks in %llu us\n", (unsigned long long)(clock_ns() - ns) / 1000);
	power_exit(true);
}

static void bad_user_pointers(void)
{
	void *bad = (void *)null_page;
	char c;
	uint32_t v = 0;

	if (copy_from_user(&c, bad, 1) != -EFAULT ||
	    copy_from_user(&c, image_text_start, 1) != -EFAULT ||
	    copy_to_user((void *)UINTPTR_MAX, &c, 1) != -EFAULT ||
	    copy_to_user(bad, &c, SIZE_MAX) != -EFAULT || get_user(c, (char *)bad) != -EFAULT ||
	    put_user(v, (uint32_t *)bad) != -EFAULT || strnlen_user((char *)bad, 100) != -EFAULT ||
	    user_cmpxchg32((uint32_t *)bad, &v, 1) != -EFAULT)
		panic("a bad pointer was followed");
	kprintf("selftest: bad user pointers refused\n");
	power_exit(true);
}

/* Wrong frees are said, refused, and harm nobody. */
static void heap_misuse(void)
{
	char *p = kmalloc(100), *large = kmalloc(20000);

	kfree(p + 16);
	kfree(large + 4096);
	kfree(image_text_start);
	kfree(p);
	kfree(p);
	kfree(large);
	kfree(large);
	if (kmalloc(100) == kmalloc(100))
		panic("one object for two");
	kprintf("selftest: wrong frees refused\n");
	power_exit(true);
}

static void heap_overrun(void)
{
	char *p = kmalloc(100);

	p[100] = 1;
	kfree(p);
	kprintf("selftest: only a kernel made with DEBUG=1 sees that\n");
	power_exit(true);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "panic", do_panic },
	{ "stack-overflow", stack_overflow },
	{ "divide", divide },
	{ "invalid-opcode", invalid_opcode },
	{ "write-text", write_text },
	{ "write-rodata", write_rodata },
	{ "execute-data", execute_data },
	{ "null-read", null_read },
	{ "spurious-irq", spurious },
	{ "ticks", ticks },
	{ "bad-user-pointers", bad_user_pointers },
	{ "heap-misuse", heap_misuse },
	{ "heap-overrun", heap_overrun },
};

#define TESTS (sizeof(tests) / sizeof(tests[0]))

void selftest_run(void)
{
	size_t len;
	const char *name = boot_option("selftest", &len);

	if (!name)
		return;
	for (size_t i = 0; i < TESTS; i++) {
		if (strlen(tests[i].name) == len && !strncmp(tests[i].name, name, len)) {
			tests[i].run();
			panic("selftest=%s went unnoticed", tests[i].name);
		}
	}
	kprintf("selftest: no such test; there are:\n");
	for (size_t i = 0; i < TESTS; i++)
		kprintf("  %s\n", tests[i].name);
	power_exit(false);
}
