#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# heaplab on Quire: the figures that are no times are those of this machine, times come from the
# time-stamp counter.
use strict;
use warnings;
use File::Temp;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

for my $arch (arches()) {
	my $lab = top() . '/build/host/' . ($arch eq 'x86_64' ? '' : '32/') . 'heaplab';
	-x $lab or plan skip_all => "no $lab (make heaplab)";
	my $here = File::Temp->new;
	print $here `$lab --clock none`;
	close $here;

	my $vm = Quire::Boot->start(arch => $arch, files => [ "file /bin/heaplab 755 $lab", "file /here 644 $here" ]);
	$vm->prompt;
	is($vm->run('heaplab --clock none >/tmp/quire; cmp /here /tmp/quire && echo same', 120), "same\n",
		"$arch: the same figures as here") or diag($vm->run('diff /here /tmp/quire'));
	my $unit = linux() ? 'ns' : 'cycles';
	like($vm->run('heaplab -n 2000 same', 60), qr/$unit\/call.*\nbump +\d+\.\d .*\nblock +\d+\.\d .*\nlist +\d+\.\d .*\nquire +\d+\.\d /,
		"$arch: times");
	is($vm->run('heaplab --svg /tmp/p.svg -n 500 churn; tail -n 1 /tmp/p.svg'), "</svg>\n", "$arch: a picture");
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
