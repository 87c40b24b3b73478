#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Random calls against a model (tests/malloc/model.c) under each of the three libraries: ten million
# steps by one thread on 64 bits, fewer by four threads that hand each other objects and end, on
# both word sizes; and with the thread sanitizer.
use strict;
use warnings;
use Cwd 'abs_path';
use FindBin;
use Test::More;

my $host = abs_path("$FindBin::Bin/../..") . '/build/host';
-e "$host/libquire-malloc.so" or die "not built: make test builds it\n";

$ENV{QUIRE_SEED} //= time;
note("QUIRE_SEED=$ENV{QUIRE_SEED}");
$ENV{QUIRE_MALLOC_LEAKS} = 0;

for ([ '', 64, 10_000_000, 1 ], [ '', 32, 300_000, 1 ], map { my $k = $_; map { [ $k, $_, $k eq "-debug" ? 20_000 : 60_000, 4 ] } 64, 32 } '', '-hardened', '-debug') {
	my ($kind, $bits, $steps, $threads) = @$_;
	my $lib = $bits == 64 ? $host : "$host/32";
	my $said = `exec env LD_PRELOAD=$lib/libquire-malloc$kind.so timeout 120 $host/malloc-model$bits $steps $threads 2>&1`;
	ok(!$?, "libquire-malloc$kind, $bits bits: $steps steps, threads: $threads") or diag("status $?\n$said");
}

# Its own thread that gives memory back is a bare clone, of which the sanitizer knows nothing.
$ENV{QUIRE_MALLOC_IDLE} = 0;
for my $what (qw(gcc-release clang-hardened)) {
	my $said = `timeout 120 $host/malloc-tsan-$what 24000 4 2>&1`;
	ok(!$? && $said !~ /WARNING/, "$what: four threads, no race") or diag("status $?\n$said");
}
done_testing;
