#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Random scripts of memory calls (tests/replay) see the same on this machine's Linux and on each
# kernel: 5000 for each word size, and each that differs is a failure.  They are the same scripts each time,
# so that nobody's change fails for what another brought in; QUIRE_FIRST_SCRIPT=n begins elsewhere,
# QUIRE_SCRIPTS=n takes more or fewer.  The first few that differ are shown with the least part of
# them that does; docs/differences.md is about what may.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Quire::Replay;
use Test::More;

my $count = $ENV{QUIRE_SCRIPTS} // 5000;
my $first = $ENV{QUIRE_FIRST_SCRIPT} // 1;
plan skip_all => 'the other side is Linux already' if linux();

sub show {
	my ($r, $arch, $seed) = @_;
	my @steps = $r->shrink($r->script($seed));
	my ($linux, $quire) = $r->both(\@steps);
	my ($l, $q, @before) = Quire::Replay::first_difference($linux, $quire);
	diag("tools/replay -a $arch --shrink $seed\n", map { "| $_\n" } @before, "linux $l", "quire $q");
}

# It differed after others only: what it said then, beside what it says alone.
sub show_in_row {
	my ($r, $arch, $seed) = @_;
	my ($linux) = $r->both($seed);
	my ($l, $q, @before) = Quire::Replay::first_difference($linux, $r->in_row($seed));
	diag("$arch: $seed differed in the row, but not alone\n",
		defined $l ? (map { "| $_\n" } @before[-(@before < 10 ? @before : 10) .. -1], "linux $l", "quire $q")
			: "| it was Linux's run that did\n");
}

for my $arch (arches()) {
	note("$arch: scripts $first to " . ($first + $count - 1));
	my $r = Quire::Replay->new(arch => $arch, first => $first, count => $count);
	my @seeds = $r->differing;
	my @alone = grep { my ($linux, $quire) = $r->both($_); $linux ne $quire } @seeds;
	my %alone = map { $_ => 1 } @alone;
	show_in_row($r, $arch, $_) for grep { !$alone{$_} } @seeds;
	# A line of it may be torn by what the kernel itself says; then its script was run again, alone.
	cmp_ok(scalar @{ $r->quire_run }, '>=', $count - 8, "$arch: $count scripts came to their end");
	show($r, $arch, $_) for splice @{ [ @alone ] }, 0, 3;
	is("@alone", '', "$arch: scripts $first to " . ($first + $count - 1) . ' see what they see on Linux');
	is($r->poweroff, 0, "$arch: power off");
	$first += $count;
}
done_testing;
