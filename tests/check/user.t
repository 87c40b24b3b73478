#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The programs of tests/user on this machine's own Linux, both word sizes: they must pass there
# before what they say of Quire is worth anything.
use strict;
use warnings;
use FindBin;
use Test::More;

my $top = "$FindBin::Bin/../..";

for my $bits (64, 32) {
	my $program = "$top/build/user/$bits/utest";
	-e $program or system('make', '-s', '-C', $top, 'user-programs') == 0 or die "no $program\n";
	open my $out, '-|', $program or die "$program: $!\n";
	my ($said, $count, $plan) = ('', 0, -1);
	while (<$out>) {
		$said .= $_;
		$plan = $1 if /^1\.\.(\d+)/;
		next unless /^(not )?ok \d+ - (.*)/;
		$count++;
		ok(!$1, "$bits bits: $2") or diag($said);
		$said = '';
	}
	is($count, $plan, "$bits bits: as many results as planned");
}
done_testing;
