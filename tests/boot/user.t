#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The programs of tests/user, which ask of the kernel what Linux promises, run on each kernel.
# They pass on the machine that builds them too (`make test-user`).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

for my $arch (arches()) {
	my $bits = $arch eq 'x86_64' ? 64 : 32;
	my $program = top() . "/build/user/$bits/utest";
	-e $program or system('make', '-s', '-C', top(), 'user-programs') == 0 or die "no $program\n";
	my $vm = Quire::Boot->start(arch => $arch, memory => '256M', limit => 600,
		files => ["file /bin/utest 755 $program"]);
	$vm->prompt;
	my $seed = $ENV{QUIRE_SEED} // time * 1000;
	$vm->send("QUIRE_SEED=$seed utest\n");
	$vm->relay(130);
	$vm->prompt(30);
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
