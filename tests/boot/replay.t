#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Random scripts of memory calls (tests/replay) see the same on this machine's Linux and on each
# kernel: 4000 for each word size that always are the same ones, and 1000 that QUIRE_SEED chooses.  One of
# the latter that differs is a find, not a fault of the change that is tested: it is told, and is no failure.
# The first few that differ are shown with the least part of them that does; docs/differences.md is about
# what may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Quire::Replay;
use Test::More;

my $known = $ENV{QUIRE_SCRIPTS} // 4000;
my $fresh = $known / 4;
my $chosen = ($ENV{QUIRE_SEED} // time) % 1_000_000_000 + 1_000_000;
plan skip_all => 'the other side is Linux already' if linux();

sub show {
	my ($r, $arch, $seed) = @_;
	my @steps = $r->shrink($r->script($seed));
	my ($linux, $quire) = $r->both(\@steps);
	my ($l, $q, @before) = Quire::Replay::first_difference($linux, $quire);
	diag("tools/replay -a $arch --shrink $seed\n",
		@steps ? (map { "| $_\n" } @before, "linux $l", "quire $q") : "| alone, it is the same\n");
}

# Those that differ, of `count` from `first` on.
sub compare {
	my ($arch, $first, $count) = @_;
	note("$arch: scripts from $first on");
	my $r = Quire::Replay->new(arch => $arch, first => $first, count => $count);
	my @seeds = $r->differing;
	# What differs only after others is told, but cannot be replayed.
	my @alone = grep { my ($linux, $quire) = $r->both($_); $linux ne $quire } @seeds;
	diag("$arch: differed in the row, but not alone: @seeds") if @seeds != @alone;
	# A line of it may be torn by what the kernel itself says; then its script was run again, alone.
	cmp_ok(scalar @{ $r->quire_run }, '>=', $count - 8, "$arch: $count scripts came to their end");
	show($r, $arch, $_) for splice @{ [ @alone ] }, 0, 3;
	is($r->poweroff, 0, "$arch: power off");
	return @alone;
}

my $first = 1;
for my $arch (arches()) {
	my @seeds = compare($arch, $first, $known);
	is("@seeds", '', "$arch: they see what they see on Linux");
	@seeds = compare($arch, $chosen, $fresh);
	diag("$arch: finds: @seeds") if @seeds;
	pass("$arch: $fresh more from seed $chosen on, of which " . @seeds . ' differ');
	$first += $known;
}
done_testing;
