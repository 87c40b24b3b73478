#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# On a CPU with XSAVE and AVX programs have them, in registers, signal frames and core files; without
# XSAVE they have SSE, and frames are fxsave's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

my @machines = (
	[ 'x86_64', 'max', qr/ avx .* avx2 / ], [ 'x86_64', 'max,-erms', qr/ avx .* avx2 / ],
	[ 'i686', 'max,-erms', qr/ avx .* avx2 / ],
	[ 'i686', 'max,-erms,-xsave', qr/ sse / ],
);
for (@machines) {
	my ($arch, $cpu, $flags) = @$_;
	next unless grep { $_ eq $arch } arches();
	my $bits = $arch eq 'x86_64' ? 64 : 32;
	my $program = top() . "/build/user/$bits/utest";
	-e $program or system('make', '-s', '-C', top(), 'user-programs') == 0 or die "no $program\n";
	my $vm = Quire::Boot->start(arch => $arch, memory => '64M', limit => 120,
		files => ["file /bin/utest 755 $program"], args => [ '-cpu', $cpu ]);
	$vm->prompt;
	$vm->send("cat /proc/cpuinfo\n");
	ok($vm->expect($flags, 20), "$arch, $cpu: cpuinfo") or $vm->show;
	$vm->prompt;
	for my $name (qw(sig_vector sig_frame), $cpu !~ /xsave/ ? 'core' : ()) {
		$vm->send("utest $name\n");
		$vm->relay(60);
		$vm->prompt(30);
	}
	is($vm->poweroff, 0, "$arch, $cpu: power off");
}
done_testing;
