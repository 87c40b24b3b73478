#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Calls go down only, so includes do: what each folder may include.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Tree;
use Test::More;

# What every compiler of freestanding C has.
my $freestanding = qr{^<(?:stdalign|stdarg|stdatomic|stdbool|stddef|stdint|stdnoreturn|float|iso646|limits)\.h>$};
my $quire = qr{^<quire/[\w/]+\.h>$};
my $hosted = qr{^<(?!quire/)[\w/.-]+>$};
my $kernel_rooms = qr{^"(?:arch/x86|kernel|drivers|fs)/[\w/.-]+"$};

my @rules = (
	# folder             may include                                 never
	[ 'include/quire/',  [ $freestanding, $quire ] ],
	[ 'mm/',             [ $freestanding, $quire, qr{^"mm/[\w/]+\.h"$}, qr{^"\w+\.h"$} ] ],
	[ 'malloc/',         [ $hosted, $quire, qr{^"malloc/\w+\.h"$}, qr{^"mm/heap\w*\.h"$} ] ],
	[ 'heaplab/',        [ $hosted, $quire, qr{^"heaplab/\w+\.h"$} ] ],
	[ 'arch/sim/',       [ $hosted, $quire, qr{^"arch/sim/[\w/]+\.h"$}, qr{^"\w+\.h"$} ] ],
	[ 'examples/',      [ $hosted, $quire, qr{^"\w+\.h"$} ] ],
	[ 'arch/x86/mmu_',   [ $freestanding, $quire, qr{^"arch/x86/mmu\w*\.h"$} ] ],
	[ 'arch/x86/',       [ $freestanding, $quire, $kernel_rooms ] ],
	[ 'kernel/',         [ $freestanding, $quire, $kernel_rooms ] ],
	[ 'drivers/',        [ $freestanding, $quire, $kernel_rooms ] ],
	[ 'fs/',             [ $freestanding, $quire, $kernel_rooms ] ],
);

for my $rule (@rules) {
	my ($folder, $may) = @$rule;
	my @wrong;
	for my $file (files(qr{^\Q$folder\E.*\.[chS]$})) {
		# arch/x86/mmu_* has a stricter rule of its own.
		my $line = 0;
		for (split /\n/, contents($file)) {
			$line++;
			next unless /^\s*#\s*include\s+([<"][^>"]+[>"])/;
			my $what = $1;
			push @wrong, "$file:$line: $what" unless grep { $what =~ $_ } @$may;
		}
	}
	ok(!@wrong, "includes of $folder") or diag(map { "$_\n" } @wrong);
}

# mm/ has no mutable globals: each function takes its object.
{
	my @objects = glob 'build/host/gcc64/mm/*.o' or die "mm/ is not built: make test builds it\n";
	# Tables of pointers are constant once relocated: they lie in .data.rel.ro.
	my @data = grep { / O \.(?:data|bss)(?!\.rel\.ro)/ || / O \*COM/ } `objdump -t @objects`;
	ok(!@data, 'mm/ has no mutable globals') or diag(@data);
}
done_testing;
