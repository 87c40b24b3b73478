/* SPDX-License-Identifier: BSD-2-Clause
 *
 * log.h - what the kernel says, and what it remembers having said.
 *
 * A message goes to a ring (for dmesg) and, unless `quiet` is on the command line and the
 * message is only information, to the console.  A line gets a time stamp at its begin.
 *
 *	log_info("frames: %zu free of %zu\n", nfree, total);
 *
 * Conversions: %d %i %u %x %X %o %c %s %p %%, with flags - 0 # + blank, width and precision
 * (also *), and lengths hh h l ll z t j.  No floating point.  %p prints all digits.
 *
 * Context: any, panic included.
 */
#ifndef KERNEL_LOG_H
#define KERNEL_LOG_H

#include <stdarg.h>
#include <quire/types.h>

#define PRINTF_LIKE(text, args) __attribute__((format(printf, text, args)))

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)

/* To the console at once, without level, stamp or ring: panics and TAP lines. */
void kprintf(const char *format, ...) PRINTF_LIKE(1, 2);

/* As C's: the answer is the length the whole text would have; `to` is always ended if size > 0. */
int ksnprintf(char *to, size_t size, const char *format, ...) PRINTF_LIKE(3, 4);
int kvsnprintf(char *to, size_t size, const char *format, va_list args) PRINTF_LIKE(3, 0);

/* The digits of a value, none for 0, right before `end`; answers the first. */
char *format_number(char *end, uint64_t value, unsigned base, bool upper);

/* Copy up to n bytes of the ring, from absolute position *pos (which advances; starts at 0 and is
 * moved up to the oldest byte kept).  The answer is the number copied; 0 at the end. */
size_t log_read(uint64_t *pos, char *to, size_t n);

/* Read `quiet`, `debug` and `loglevel=` from the command line. */
void log_init(void);

#endif
