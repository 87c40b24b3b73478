/* SPDX-License-Identifier: BSD-2-Clause */
#include "drivers/lapic.h"
#include "arch/x86/cpu.h"
#include "kernel/memory.h"

#define BASE_X2APIC  (1u << 10)
#define BASE_ENABLED (1u << 11)
#define BASE_ADDRESS 0xffffff000ull

/* Registers, as indices of 32-bit words. */
#define TASK_PRIORITY (0x080 / 4)
#define END           (0x0b0 / 4)
#define SPURIOUS      (0x0f0 / 4)
#define LVT_TIMER     (0x320 / 4)
#define LVT_LINT0     (0x350 / 4)
#define LVT_LINT1     (0x360 / 4)
#define INITIAL_COUNT (0x380 / 4)
#define CURRENT_COUNT (0x390 / 4)
#define DIVIDE        (0x3e0 / 4)

#define SPURIOUS_VECTOR 0xffu
#define SOFT_ENABLE     (1u << 8)
#define MODE_NMI        (4u << 8)
#define MODE_EXTERNAL   (7u << 8)
#define DIVIDE_BY_16    3u

static volatile uint32_t *regs;

bool lapic_init(unsigned vector)
{
	uint64_t base;

	if (!cpu_features.apic || !cpu_features.msr)
		return false;
	base = msr_get(MSR_APIC_BASE);
	if ((base & (BASE_ENABLED | BASE_X2APIC)) != BASE_ENABLED)
		return false;
	regs = memory_map_device(base & BASE_ADDRESS, QR_PAGE_SIZE, QR_CACHE_UC);
	if (!regs)
		return false;
	regs[LVT_LINT0] = MODE_EXTERNAL;
	regs[LVT_LINT1] = MODE_NMI;
	regs[TASK_PRIORITY] = 0;
	regs[SPURIOUS] = SOFT_ENABLE | SPURIOUS_VECTOR;
	regs[DIVIDE] = DIVIDE_BY_16;
	regs[INITIAL_COUNT] = 0;
	regs[LVT_TIMER] = vector;
	return true;
}

void lapic_timer_set(uint32_t counts)
{
	regs[INITIAL_COUNT] = counts;
}

uint32_t lapic_timer_left(void)
{
	return regs[CURRENT_COUNT];
}

void lapic_acknowledge(void)
{
	regs[END] = 0;
}
