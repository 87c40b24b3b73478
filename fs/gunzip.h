/* SPDX-License-Identifier: BSD-2-Clause
 *
 * gunzip.h - unpacking of gzip (RFC 1952, RFC 1951), as a stream.
 *
 *	stream ──bytes──► bit buffer ──codes──► output buffer ──► sink
 *	                                        [ 32 KiB history | fresh ]
 *
 * Everything that the format lets one check is checked: header, code sets, distances, length
 * and CRC.  Cost: about 10 instructions a byte of output; 76 KiB of memory while it runs.
 */
#ifndef FS_GUNZIP_H
#define FS_GUNZIP_H

#include "fs/stream.h"

/* Receives the output piece by piece.  Not 0: stop, and gunzip answers it. */
struct gunzip_sink {
	int (*take)(struct gunzip_sink *sink, const uint8_t *bytes, size_t n);
};

/* Unpack one member; the stream stands behind it afterwards.  *error: what is wrong, in words.
 * Errors: EINVAL (the data is not right), ENOMEM, the sink's. */
int gunzip(struct stream *from, struct gunzip_sink *to, const char **error);

#endif
