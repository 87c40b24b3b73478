/* SPDX-License-Identifier: BSD-2-Clause
 *
 * recorded.S - traces of real programs, as `heaplab --record` wrote them (make heaplab-traces).
 */
	.section .rodata

	.globl recorded_bash, recorded_bash_end
recorded_bash:
	.incbin "heaplab/traces/bash.trace"
recorded_bash_end:

	.globl recorded_perl, recorded_perl_end
recorded_perl:
	.incbin "heaplab/traces/perl.trace"
recorded_perl_end:

	.globl recorded_sqlite, recorded_sqlite_end
recorded_sqlite:
	.incbin "heaplab/traces/sqlite.trace"
recorded_sqlite_end:

	.section .note.GNU-stack, "", @progbits
