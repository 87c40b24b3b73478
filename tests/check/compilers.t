#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Both compilers build every kernel, without a warning.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Tree;
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
for my $arch (qw(x86_64 i686)) {
	for my $compiler (qw(gcc clang)) {
		my $said = `make -s -j2 ARCH=$arch CC=$compiler kernel 2>&1`;
		ok($? == 0 && $said eq '', "$compiler builds $arch") or diag($said);
	}
	my $said = `make -s -j2 ARCH=$arch DEBUG=1 kernel 2>&1`;
	ok($? == 0 && $said eq '', "gcc builds $arch with debug assertions") or diag($said);
}
done_testing;
