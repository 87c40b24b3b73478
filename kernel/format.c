/* SPDX-License-Identifier: BSD-2-Clause
 *
 * format.c - printf's formats, for the kernel's own texts (see log.h).
 */
#include "kernel/lib/string.h"
#include "kernel/log.h"

struct out {
	char *to;
	size_t size; /* room at `to`, its end included */
	size_t n;    /* length of the whole text so far */
};

struct spec {
	bool left, zero, alternate, plus, blank;
	int width, precision; /* -1: none */
	char length;          /* 0, 'H' (hh), 'h', 'l', 'L' (ll), 'z', 't', 'j' */
	char conversion;
};

static void put(struct out *o, const char *text, size_t n)
{
	size_t room = o->n < o->size ? o->size - o->n - 1 : 0;

	memcpy(o->to + o->n, text, n < room ? n : room);
	o->n += n;
}

static void pad(struct out *o, char c, int n)
{
	for (; n > 0; n--, o->n++)
		if (o->n + 1 < o->size)
			o->to[o->n] = c;
}

static void put_string(struct out *o, const struct spec *s, const char *text)
{
	if (!text)
		text = "(null)";
	size_t n = s->precision >= 0 ? strnlen(text, (size_t)s->precision) : strlen(text);

	if (!s->left)
		pad(o, ' ', s->width - (int)n);
	put(o, text, n);
	if (s->left)
		pad(o, ' ', s->width - (int)n);
}

char *format_number(char *end, uint64_t value, unsigned base, bool upper)
{
	const char *alphabet = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	/* What a word holds is the common case: no 64-bit division on i686. */
	for (; value > UINTPTR_MAX; value /= base)
		*--end = alphabet[value % base];
	for (uintptr_t v = (uintptr_t)value; v; v /= base)
		*--end = alphabet[v % base];
	return end;
}

static void put_number(struct out *o, const struct spec *s, uint64_t value, bool negative)
{
	char digits[24], *end = digits + sizeof(digits), *first;
	const char *prefix = negative ? "-" : s->plus ? "+" : s->blank ? " " : "";
	char c = s->conversion;
	unsigned base = c == 'x' || c == 'X' ? 16 : c == 'o' ? 8 : 10;

	if (s->alternate && base == 16 && value)
		prefix = c == 'x' ? "0x" : "0X";
	first = format_number(end, value, base, c == 'X');
	int n = (int)(end - first), zeroes = (s->precision >= 0 ? s->precision : 1) - n;

	if (zeroes < 0)
		zeroes = 0;
	int spaces = s->width - n - zeroes - (int)strlen(prefix);

	if (s->zero && !s->left && s->precision < 0 && spaces > 0) {
		zeroes += spaces;
		spaces = 0;
	}
	if (!s->left)
		pad(o, ' ', spaces);
	put(o, prefix, strlen(prefix));
	pad(o, '0', zeroes);
	put(o, first, (size_t)n);
	if (s->left)
		pad(o, ' ', spaces);
}

static uint64_t get_unsigned(char length, va_list *args)
{
	switch (length) {
	case 'H':
		return (unsigned char)va_arg(*args, unsigned);
	case 'h':
		return (unsigned short)va_arg(*args, unsigned);
	case 'l':
		return va_arg(*args, unsigned long);
	case 'L':
	case 'j':
		return va_arg(*args, unsigned long long);
	case 'z':
	case 't':
		return va_arg(*args, size_t);
	}
	return va_arg(*args, unsigned);
}

static int64_t get_signed(char length, va_list *args)
{
	switch (length) {
	case 'H':
		return (signed char)va_arg(*args, int);
	case 'h':
		return (short)va_arg(*args, int);
	case 'l':
		return va_arg(*args, long);
	case 'L':
	case 'j':
		return va_arg(*args, long long);
	case 'z':
	case 't':
		return va_arg(*args, ptrdiff_t);
	}
	return va_arg(*args, int);
}

static void convert(struct out *o, struct spec *s, va_list *args)
{
	switch (s->conversion) {
	case 'd':
	case 'i': {
		int64_t v = get_signed(s->length, args);

		put_number(o, s, v < 0 ? -(uint64_t)v : (uint64_t)v, v < 0);
		break;
	}
	case 'u':
	case 'x':
	case 'X':
	case 'o':
		put_number(o, s, get_unsigned(s->length, args), false);
		break;
	case 'p':
		s->conversion = 'x';
		s->precision = 2 * sizeof(void *);
		put_number(o, s, (uintptr_t)va_arg(*args, void *), false);
		break;
	case 'c': {
		char text[2] = { (char)va_arg(*args, int), 0 };

		s->precision = -1;
		if (text[0])
			put_string(o, s, text);
		else
			put(o, text, 1);
		break;
	}
	case 's':
		put_string(o, s, va_arg(*args, const char *));
		break;
	default:
		put(o, &s->conversion, 1);
	}
}

static const char *parse_number(const char *p, int *out, va_list *args)
{
	if (*p == '*') {
		*out = va_arg(*args, int);
		return p + 1;
	}
	for (*out = 0; *p >= '0' && *p <= '9'; p++)
		*out = *out * 10 + (*p - '0');
	return p;
}

static const char *parse_length(const char *p, char *out)
{
	*out = 0;
	if (*p != 'l' && *p != 'h' && *p != 'z' && *p != 't' && *p != 'j')
		return p;
	*out = *p++;
	if ((*out == 'h' || *out == 'l') && *p == *out) {
		*out = *out == 'h' ? 'H' : 'L';
		p++;
	}
	return p;
}

/* Behind the '%'.  The answer points at the conversion's letter. */
static const char *parse_spec(const char *p, struct spec *s, va_list *args)
{
	*s = (struct spec){ .precision = -1 };
	for (;; p++) {
		if (*p == '-')
			s->left = true;
		else if (*p == '0')
			s->zero = true;
		else if (*p == '#')
			s->alternate = true;
		else if (*p == '+')
			s->plus = true;
		else if (*p == ' ')
			s->blank = true;
		else
			break;
	}
	p = parse_number(p, &s->width, args);
	if (s->width < 0) {
		s->left = true;
		s->width = -s->width;
	}
	if (*p == '.')
		p = parse_number(p + 1, &s->precision, args);
	p = parse_length(p, &s->length);
	s->conversion = *p;
	return p;
}

int kvsnprintf(char *to, size_t size, const char *format, va_list args)
{
	struct out o = { to, size, 0 };
	struct spec s;
	va_list copy;

	va_copy(copy, args);
	for (const char *p = format;; p++) {
		const char *text = p;

		while (*p && *p != '%')
			p++;
		put(&o, text, (size_t)(p - text));
		if (!*p)
			break;
		p = parse_spec(p + 1, &s, &copy);
		if (!*p)
			break;
		convert(&o, &s, &copy);
	}
	va_end(copy);
	if (size)
		to[o.n < size ? o.n : size - 1] = 0;
	return (int)o.n;
}

int ksnprintf(char *to, size_t size, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	int n = kvsnprintf(to, size, format, args);

	va_end(args);
	return n;
}
