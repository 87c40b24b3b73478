#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# A kernel image is small: what is loaded from the file is under 400 KiB.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Tree;
use Test::More;

my @there = grep { -e "build/$_/quire.elf" } qw(x86_64 i686 i686-pae);
die "no kernel is built: make test builds them\n" unless @there;
for my $arch (@there) {
	my $loaded = 0;
	for (`readelf -lW build/$arch/quire.elf`) {
		# LOAD offset vaddr paddr filesz memsz flags align
		$loaded += hex $1 if /^\s+LOAD\s+\S+\s+\S+\s+\S+\s+(0x[0-9a-f]+)/;
	}
	cmp_ok($loaded, '>', 0, "$arch: has something to load");
	cmp_ok($loaded, '<', 400 * 1024, "$arch: image under 400 KiB");
	note("$arch: $loaded bytes");
}
done_testing;
