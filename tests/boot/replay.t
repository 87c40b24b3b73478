#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Random scripts of memory calls (tests/replay) see the same on this machine's Linux and on each
# kernel.  QUIRE_SEED chooses them, QUIRE_SCRIPTS how many for each word size.  The first few that
# differ are shown with the least part of them that does; docs/differences.md is about what may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Quire::Replay;
use Test::More;

my $seed = ($ENV{QUIRE_SEED} // time) % 1_000_000_000;
my $count = $ENV{QUIRE_SCRIPTS} // 5000;
plan skip_all => 'the other side is Linux already' if linux();

sub show {
	my ($r, $arch, $seed) = @_;
	my @steps = $r->shrink($r->script($seed));
	my ($linux, $quire) = $r->both(\@steps);
	my ($l, $q, @before) = Quire::Replay::first_difference($linux, $quire);
	diag("tools/replay -a $arch --shrink $seed\n",
		@steps ? (map { "| $_\n" } @before, "linux $l", "quire $q") : "| alone, it is the same\n");
}

for my $arch (arches()) {
	note("$arch: seeds from $seed on");
	my $r = Quire::Replay->new(arch => $arch, first => $seed, count => $count);
	my @seeds = $r->differing;
	is(scalar @{ $r->quire_run }, $count, "$arch: all scripts came to their end");
	is(scalar @seeds, 0, "$arch: $count scripts see what they see on Linux") or diag("seeds: @seeds[0 .. ($#seeds < 40 ? $#seeds : 40)]");
	show($r, $arch, $_) for splice @seeds, 0, 3;
	is($r->poweroff, 0, "$arch: power off");
	$seed += $count;
}
done_testing;
