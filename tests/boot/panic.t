#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A kernel that breaks says so: the reason, where, by what way; and ends with a failing code.  The
# kernel breaks itself when told to (`selftest=NAME`, kernel/selftest.c).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'Linux breaks in other words' if linux();

my %reports = (
	'panic'          => [ qr/QUIRE PANIC: asked for by selftest=panic/, qr/\bdo_panic\+0|\bselftest_run\+0/ ],
	'stack-overflow' => [ qr/QUIRE PANIC: [^\n]*(?:stack|double fault)/i, qr/\bendless\+0/, qr/times more/ ],
	'divide'         => [ qr/QUIRE PANIC: [^\n]*divi/i, qr/\bdivide\+0/ ],
	'invalid-opcode' => [ qr/QUIRE PANIC: [^\n]*invalid opcode/i, qr/\binvalid_opcode\+0/ ],
	'write-text'     => [ qr/QUIRE PANIC: /, qr/write of \S+ by the kernel: the page is there, its rights refuse/,
		qr/\bwrite_text\+0/ ],
	'write-rodata'   => [ qr/QUIRE PANIC: /, qr/write of \S+ by the kernel: the page is there, its rights refuse/ ],
	'null-read'      => [ qr/QUIRE PANIC: /, qr/read of \S+ by the kernel: no page is there/, qr/\bnull_read\+0/ ],
);
my %passes = (
	'spurious-irq'      => qr/spurious interrupts counted/,
	'ticks'             => qr/10 ticks in \d+ us/,
	'bad-user-pointers' => qr/bad user pointers refused/,
	'heap-misuse'       => qr/kfree: \S+ is not the begin of an object\s.*class of 112 bytes\s.*\bheap_misuse\+.*kfree: \S+ is no address of the heap\s.*kfree: \S+ is free already\s.*wrong frees refused/s,
);

for my $arch (arches()) {
	my $ip = $arch eq 'x86_64' ? 'rip' : 'eip';
	for my $name (sort keys %reports) {
		my $vm = Quire::Boot->start(arch => $arch, append => "selftest=$name", limit => 60);
		is($vm->wait(50), 35, "$arch, $name: ends with a failing code") or $vm->show;
		my $said = $vm->transcript;
		like($said, $_, "$arch, $name: says so") for @{ $reports{$name} };
		like($said, qr/^$ip [0-9a-f]+ /m, "$arch, $name: registers") unless $name eq 'panic';
		unlike($said, qr/panic inside a panic/, "$arch, $name: once");
	}
	# Without NX, two-level tables let data run, and the test says so.
	my $vm = Quire::Boot->start(arch => $arch, append => 'selftest=execute-data', limit => 60);
	is($vm->wait(50), $arch eq 'x86_64' ? 35 : 33, "$arch, execute-data: its end") or $vm->show;
	like($vm->transcript, $arch eq 'x86_64' ? qr/execution of \S+ by the kernel/ : qr/no NX here/,
		"$arch, execute-data: says so");

	for my $name (sort keys %passes) {
		my $vm = Quire::Boot->start(arch => $arch, append => "selftest=$name", limit => 60);
		is($vm->wait(50), 33, "$arch, $name: ends well") or $vm->show;
		like($vm->transcript, $passes{$name}, "$arch, $name: says so");
	}
}

# A kernel made with `make ARCH=... DEBUG=1` beforehand sees more.
for my $arch (grep { -e "$FindBin::Bin/../../build/$_-debug/quire.elf" } arches()) {
	my $vm = Quire::Boot->start(arch => $arch, kernel => "$FindBin::Bin/../../build/$arch-debug/quire.elf",
		append => 'selftest=heap-overrun', limit => 60);
	is($vm->wait(50), 35, "$arch, debug, heap-overrun: ends with a failing code") or $vm->show;
	like($vm->transcript, qr/kfree: (\S+) was written to behind its last byte.*allocated by heap_overrun\+.*QUIRE PANIC: byte 100 of the object at \1/s,
		"$arch, debug, heap-overrun: says so");
}
done_testing;
