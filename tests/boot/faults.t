#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What goes wrong inside the kernel ends in a report and a failing exit code, never in a reset or
# in silence.  `selftest=NAME` breaks one thing (kernel/selftest.c).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'these are about Quire' if linux();

my ($success, $failure) = (33, 35);    # 0x10 and 0x11 at the exit device
my $text = qr/QUIRE PANIC: [^\n]*/;
my @broken = (
	[ 'panic',          qr/$text asked for/s,                       qr/do_panic/ ],
	[ 'stack-overflow', qr/$text kernel stack overflow/s,           qr/endless\+\S+\n.*times more/s ],
	[ 'divide',         qr/$text divide error in the kernel/s,      qr/divide\+/ ],
	[ 'invalid-opcode', qr/$text invalid opcode in the kernel/s,    qr/invalid_opcode\+/ ],
	[ 'write-text',     qr/$text write to \S+, which is not allowed/s, qr/write_text\+/ ],
	[ 'write-rodata',   qr/$text write to \S+, which is not allowed/s, qr/write_rodata\+/ ],
	[ 'null-read',      qr/$text read from 0x10, which is not mapped/s, qr/null_read\+/ ],
);
my @fine = (
	[ 'spurious-irq',      qr/spurious interrupts counted/ ],
	[ 'ticks',             qr/10 ticks in \d+ us/ ],
	[ 'bad-user-pointers', qr/bad user pointers refused/ ],
);

sub boot {
	my ($arch, $test, @args) = @_;
	my $vm = Quire::Boot->start(arch => $arch, append => "quiet debugexit selftest=$test",
		root => undef, args => \@args, limit => 30);
	my $status = $vm->wait;
	return ($vm, $status);
}

for my $arch (arches()) {
	for my $cpu ($arch eq 'x86_64' ? qw(qemu64 max) : qw(qemu32 max)) {
		for (@broken) {
			my ($test, $reason, $where) = @$_;
			my ($vm, $status) = boot($arch, $test, '-cpu', $cpu);
			my $good = is($status, $failure, "$arch, $cpu: $test: a failing exit code");
			$good &&= like($vm->transcript, $reason, "$arch, $cpu: $test: the reason");
			$good &&= like($vm->transcript, $where, "$arch, $cpu: $test: the place");
			$vm->show unless $good;
		}
		for (@fine) {
			my ($test, $words) = @$_;
			my ($vm, $status) = boot($arch, $test, '-cpu', $cpu);
			is($status, $success, "$arch, $cpu: $test") or $vm->show;
			like($vm->transcript, $words, "$arch, $cpu: $test: says so");
		}
	}
}

if (have_kernel('x86_64')) {
	my ($vm, $status) = boot('x86_64', 'execute-data', '-cpu', 'max');
	is($status, $failure, 'x86_64: data cannot be executed');
	like($vm->transcript, qr/QUIRE PANIC: jump to/, 'x86_64: and says so');
}
done_testing;
