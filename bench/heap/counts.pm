# SPDX-License-Identifier: BSD-2-Clause
#
# counts.pm - what a pair of malloc and free costs in each pattern of patterns.c, counted by
# callgrind: instructions, locked instructions, misses of a first-level data cache of 32 KiB.
#
# A figure is the difference of a run of 2n pairs and one of n, less the same difference with
# functions that do nothing (three instructions, four with 32 bits) in their place.  So it is the same in every run,
# and what the program does at its begin, or around the calls, is not in it.
package counts;
use strict;
use warnings;

# callgrind's model of the machine: what the host has is not to matter.
my @model = ('--cache-sim=yes', '--I1=32768,8,64', '--D1=32768,8,64', '--LL=8388608,16,64');
my @format = qw(--dump-instr=yes --compress-pos=no --compress-strings=no);

my %locked; # of an object file: addresses of locked instructions

sub locked_of {
	my ($object) = @_;
	return $locked{$object} if $locked{$object};
	my %at;
	if (-e $object) {
		open my $text, '-|', 'objdump', '-d', '--no-show-raw-insn', $object or die "objdump: $!\n";
		while (my $line = <$text>) {
			$at{ hex $1 } = 1 if $line =~ /^\s*([0-9a-f]+):\s+(?:lock\b|xchg\b.*\()/;
		}
	}
	return $locked{$object} = \%at;
}

# Instructions, locked ones, misses; of a whole run of $program.
sub of_run {
	my ($top, $program, $lib, @words) = @_;
	my $file = "$top/build/bench/callgrind.$$";
	my @sum = (0, 0, 0);
	local $ENV{LD_PRELOAD} = $lib;
	my $said = `valgrind --tool=callgrind @model @format --callgrind-out-file=$file $program @words 2>&1`;
	delete $ENV{LD_PRELOAD};
	open my $in, '<', $file or die "bench-heap: valgrind said:\n$said";
	my ($locks, $skip) = ({}, 0);
	while (my $line = <$in>) {
		if ($line =~ /^0x([0-9a-f]+) \d+ (\d+)(.*)/) {
			if ($skip) { $skip = 0; next } # the cost of a call, counted where it arises
			$sum[0] += $2;
			$sum[1] += $2 if $locks->{ hex $1 };
			my @rest = split ' ', $3; # Dr Dw I1mr D1mr D1mw
			$sum[2] += ($rest[3] // 0) + ($rest[4] // 0);
		} elsif ($line =~ /^calls=/) {
			$skip = 1;
		} elsif ($line =~ /^ob=(.*)/) {
			$locks = locked_of($1);
		}
	}
	unlink $file;
	return @sum;
}

# The same for a pair, between n and 2n pairs.
sub difference {
	my ($top, $program, $lib, $pattern, $n, @null) = @_;
	my @twice = of_run($top, $program, $lib, $pattern, 2 * $n, @null);
	my @once = of_run($top, $program, $lib, $pattern, $n, @null);
	return map { ($twice[$_] - $once[$_]) / $n } 0 .. 2;
}

# Of a pair under each library, in their order; $bits of a word.
sub of_pattern {
	my ($top, $bits, $pattern, @libs) = @_;
	my $program = "$top/build/host/patterns" . ($bits == 32 ? 32 : '');
	my $n = $pattern =~ /0000|remote/ ? 100_000 : 50_000;
	my @null = difference($top, $program, '', $pattern, $n, 'null');
	$null[0] -= $bits == 32 ? 4 : 3;
	my @pairs;
	for my $lib (@libs) {
		my @with = difference($top, $program, $lib, $pattern, $n);
		push @pairs, [ map { $with[$_] - $null[$_] } 0 .. 2 ];
	}
	return @pairs;
}

1;
