#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Each C source is as clang-format leaves it (`make fmt`).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Tree;
use Test::More;

my $version = `clang-format --version 2>/dev/null` // '';
plan skip_all => 'no clang-format here' unless $version =~ /version (\d+)/;
my @files = files(qr{\.[ch]$});
my @wrong;
while (my @some = splice @files, 0, 50) {
	push @wrong, `clang-format --dry-run @some 2>&1` =~ /^(\S+?):\d+:\d+: warning/mg;
}
my %seen;
@wrong = grep { !$seen{$_}++ } @wrong;
ok(!@wrong, 'sources are formatted') or diag("make fmt changes:\n", map { "  $_\n" } @wrong);
done_testing;
