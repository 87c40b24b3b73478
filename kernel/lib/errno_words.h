/* SPDX-License-Identifier: BSD-2-Clause
 *
 * errno_words.h - what an error means to who boots a kernel with a root of his own.
 */
#ifndef KERNEL_LIB_ERRNO_WORDS_H
#define KERNEL_LIB_ERRNO_WORDS_H

/* Of those that he can mend; of all others "error". */
const char *errno_words(int err);

#endif
