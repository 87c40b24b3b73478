/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/errno.h"
#include "kernel/lib/errno_words.h"

const char *errno_words(int err)
{
	switch (-err) {
	case ENOENT:
		return "what it wants to be run by is not there";
	case ENOEXEC:
		return "no program for this kernel";
	case EACCES:
		return "not executable";
	case ENOMEM:
	case ENOSPC:
		return "too little memory";
	}
	return "error";
}
