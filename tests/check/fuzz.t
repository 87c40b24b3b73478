#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Each fuzzer for a number of inputs, the same ones each time: what an input breaks, this finds
# again (`make fuzz` looks for new ones).  The inputs that teach the parsers' forms are made here.
use strict;
use warnings;
use Cwd 'abs_path';
use FindBin;
use File::Temp 'tempdir';
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
my %runs = (heap => 3000, cpio => 10000, gunzip => 3000, bootmap => 10000);

my %seeds = (
	cpio => sub { "\x07" . join '', map {
		my ($name, $mode, $text) = @$_;
		my $head = sprintf('070701' . '%08X' x 13, 7, $mode, 0, 0, 1, 0, length $text, 8, 1, 0, 0, 1 + length $name, 0) . "$name\0";
		$head .= "\0" while length($head) % 4;
		$text .= "\0" while length($text) % 4;
		$head . $text;
	} ['a', 0100644, 'contents'], ['b/c', 040755, ''], ['l', 0120777, 'a'], ['TRAILER!!!', 0, ''] },
	gunzip => sub { "\x10" . `printf 'abcabcabc%0100d' 1 | gzip -nc` },
	bootmap => sub { join '', map { pack 'Q<Q<C', @$_ } [0, 0x9fc00, 1], [0x9fc00, 0x400, 6], [0x100000, 0x7ee0000, 1], [0x7fe0000, 0x20000, 2] },
	heap => sub { pack 'C*', map { ($_ * 37 % 256, $_ * 11 % 256, $_ % 64) } 1 .. 300 },
);

for my $name (sort keys %runs) {
	my $dir = tempdir(CLEANUP => 1);
	open my $out, '>:raw', "$dir/seed" or die "$dir/seed: $!\n";
	print $out $seeds{$name}->();
	close $out;
	my $said = `cd $dir && timeout 100 $top/build/fuzz/$name -seed=1 -runs=$runs{$name} -max_len=1024 $dir 2>&1`;
	ok(!$?, "$name: $runs{$name} inputs") or diag(substr $said, -4000);
}
done_testing;
