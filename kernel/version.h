/* SPDX-License-Identifier: BSD-2-Clause
 *
 * version.h - what the kernel calls itself.
 *
 * C libraries refuse to start on a release that looks too old, so the name is Linux's and the
 * release is that of the Linux whose interface this is; the version says who it really is.
 */
#ifndef KERNEL_VERSION_H
#define KERNEL_VERSION_H

#define QUIRE_RELEASE "6.1.0-quire"
#define QUIRE_VERSION "#1 Quire"
#ifdef __x86_64__
#define QUIRE_MACHINE "x86_64"
#else
#define QUIRE_MACHINE "i686"
#endif

#define NAME_FIELD 65

/* struct utsname of Linux. */
struct system_names {
	char sysname[NAME_FIELD], nodename[NAME_FIELD], release[NAME_FIELD], version[NAME_FIELD],
	    machine[NAME_FIELD], domainname[NAME_FIELD];
};

extern struct system_names system_names;

#endif
