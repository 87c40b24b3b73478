#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What libquire-malloc.so, the debug one and the hardened one say of each error that a program can
# make with malloc (tests/malloc/misuse.c), on both word sizes.
use strict;
use warnings;
use Cwd 'abs_path';
use FindBin;
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
-e "$top/build/host/libquire-malloc.so" or die "not built: make test builds it\n";

my $made = qr/quire-malloc: allocated by make\+/;
my $freed = qr/quire-malloc: freed by drop\+/;
my $object = qr/quire-malloc: object 0x\w+, class of \d+ bytes/;
my $hundred = qr/quire-malloc: object 0x\w+, class of 144 bytes\n(?:.*\n)?quire-malloc: 100 bytes were asked for\n/;

# What both libraries say that have no notes of their own.
my %wrong = (
	'double-free'        => [ 6, qr/0x\w+ is free already\n$object/ ],
	'hidden-double-free' => [ 6, qr/0x\w+ is free already\n$object/ ],
	'interior'           => [ 6, qr/0x\w+ is not the begin of an object\n$object/ ],
	'foreign'            => [ 6, qr/0x\w+ is no address of the heap\n/ ],
	'large-double-free'  => [ 6, qr/0x\w+ is no address of the heap\n/ ],
	'realloc-freed'      => [ 6, qr/0x\w+ is free already\n$object/ ],
	'nothing'            => [ 0, qr/^$/ ],
);

# Words that are said, before SIGABRT (6); or the end alone: 0, SIGSEGV (11).
my %says = (
	'' => {
		%wrong,
		'kept-double-free'   => [ 6, qr/0x\w+ is free already\n$object/ ],
	},
	'-debug' => {
		'double-free'        => [ 6, qr/0x\w+ is free already\n$hundred$made.*\n$freed/ ],
		'hidden-double-free' => [ 6, qr/0x\w+ is free already\n$hundred$made.*\n$freed/ ],
		'interior'           => [ 6, qr/0x\w+ is not the begin of an object\n$hundred$made/ ],
		'foreign'            => [ 6, qr/0x\w+ is no address of the heap\n/ ],
		'large-double-free'  => [ 6, qr/0x\w+ is free already\n$object\n.*\n$made.*\n$freed/ ],
		'overrun'            => [ 6, qr/0x\w+ was written to behind its last byte\n$hundred$made/ ],
		'underrun'           => [ 6, qr/0x\w+ was written to in front of its first byte\n$hundred$made/ ],
		'overrun-at-exit'    => [ 6, qr/behind its last byte\n.*\nquire-malloc: byte 100 of it/ ],
		'use-after-free'     => [ 6, qr/0x\w+ was written to after it was freed\n.*\nquire-malloc: byte 50 of it.*\n.*\n$made.*\n$freed/ ],
		'large-overrun'      => [ 6, qr/byte 1000000 of it/ ],
		'large-after-free'   => [ 6, qr/0x\w+ was written to after it was freed\n.*\nquire-malloc: byte 500000 of it/ ],
		'realloc-freed'      => [ 6, qr/0x\w+ is free already\n$hundred$made.*\n$freed/ ],
		'leak'               => [ 0, qr/in use at exit: 10000 bytes in 10 objects, from 1 places\nquire-malloc: +10000 bytes in +10 objects by make\+/ ],
		'nothing'            => [ 0, qr/in use at exit: 0 bytes/ ],
	},
	'-hardened' => {
		%wrong,
		'use-after-free'     => [ 6, qr/0x\w+ was written to after it was freed\n$object\nquire-malloc: byte 50 of it/ ],
		'large-overrun'      => [ 11, qr/^$/ ],
		'large-after-free'   => [ 11, qr/^$/ ],
		'long-overrun'       => [ 11, qr/^$/ ],
		'order'              => [ 0, qr/^by chance$/ ],
	},
);

for my $bits (64, 32) {
	my $dir = $bits == 64 ? "$top/build/host" : "$top/build/host/32";
	for my $kind (sort keys %says) {
		for my $name (sort keys %{ $says{$kind} }) {
			my ($end, $words) = @{ $says{$kind}{$name} };
			# The shell's words for a signal are not asked for.
			my $said = `ulimit -c 0; exec env LD_PRELOAD=$dir/libquire-malloc$kind.so $top/build/host/malloc-misuse$bits $name 2>&1`;
			my $status = $? & 127;
			$said =~ s/^ERROR: ld\.so: .*wrong ELF class.*\n//mg;
			ok($status == $end && $said =~ $words, "$bits bits, libquire-malloc$kind, $name")
				or diag("signal $status:\n$said");
		}
	}
}

for my $tool ([ debug => q{QUIRE_MALLOC_LEAKS=0} ], [ hardened => '' ]) {
	my ($kind, $env) = @$tool;
	my $said = `$env LD_PRELOAD=$top/build/host/libquire-malloc-$kind.so perl -e 'my %h; \$h{\$_ % 500} .= "x" x (\$_ % 100) for 1..20000; print length join "", values %h' 2>&1`;
	is($said, 990000, "perl under the $kind library");
	$said = `$env LD_PRELOAD=$top/build/host/libquire-malloc-$kind.so gcc -O2 -I$top/include -I$top -DQR_MAX_CPUS=1 -S -o /dev/null $top/mm/heap.c 2>&1`;
	is($said, '', "gcc under the $kind library");
	for my $bits (64, 32) {
		my $lib = "$top/build/host/" . ($bits == 32 ? '32/' : '') . "libquire-malloc-$kind.so";
		my @said = split /\n/, `$env LD_PRELOAD=$lib $top/build/host/malloc-family$bits 2>/dev/null`;
		ok(!$? && @said > 15, "$bits bits: the whole family under the $kind library") or diag(map { "$_\n" } grep { !/^ok/ } @said);
	}
}
done_testing;
