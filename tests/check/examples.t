#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The library in other hands: examples/ is built outside of the tree, from what is installed alone,
# and does what docs/porting.md shows.
use strict;
use warnings;
use File::Temp 'tempdir';
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Tree;
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};
my $dir = tempdir(CLEANUP => 1);

# Install with these words for make, which has nothing to say.
sub install {
	my ($where, @words) = @_;
	my $said = `make -s -j2 install-lib DESTDIR=$dir PREFIX=/$where @words 2>&1`;
	is($said, '', "install-lib for $where");
}

system("cp -r examples $dir/") == 0 or die;
my ($tiny) = contents('examples/tiny/Makefile') =~ /LIB_CFLAGS="(.*?)"/s;
$tiny =~ s/\\\n#\s*//;
install('tiny', 'LIB=build/examples', "LIB_CFLAGS='$tiny'");
like(contents("$dir/tiny/lib/pkgconfig/quire.pc"), qr/^Cflags:.* -DQR_MAX_CPUS=1 -DQR_FORMAT=QR_FORMAT_TWO_LEVEL$/m,
	'quire.pc has the definitions');
my $said = `make -s -C $dir/examples/tiny QUIRE=$dir/tiny 2>&1`;
is($said, '', 'examples/tiny builds without a warning');
$said = `timeout 60 make -s -C $dir/examples/tiny run QUIRE=$dir/tiny 2>&1`;
is($?, 0, 'and runs to its end');
my ($shown) = contents('docs/porting.md') =~ /^```\n(frames: .*?)^```/ms;
s/^frames: \d+ free$/frames: n free/m for $said, $shown;
is($said, $shown, 'it says what docs/porting.md shows');

install('plain');
$said = `cc -Wall -Wextra -Werror -I$dir/plain/include $dir/examples/frames.c -L$dir/plain/lib -lquire -o $dir/frames 2>&1 && $dir/frames`;
is($said, <<'END', 'examples/frames.c');
65280 frames free, 541696 bytes of books
one frame, 512 aligned ones and 1000 in a row: 63767 left
a second free is refused
65280 frames free; the books say that all is well
END

# Every header can be included alone, each has what it needs.
for my $header (map { s{.*/}{}r } glob 'include/quire/*.h') {
	next if $header =~ /^(?:format_x86|space_types)\.h$/;    # parts of format.h and space.h
	$said = `echo '#include <quire/$header>' | cc -Wall -Wextra -Werror -ffreestanding -I$dir/plain/include -fsyntax-only -x c - 2>&1`;
	is($said, '', "$header alone");
}

# What the library asks of its host is what quire/host.h and docs/porting.md say.
my %known = map { $_ => 1 } contents('include/quire/host.h') =~ /\b(qr_host_\w+)\(/g;
my %defined = map { $_ => 1 } `nm $dir/plain/lib/libquire.a` =~ / [A-TV-Z] (\w+)$/mg;
my %wanted = map { $_ => 1 } `nm -u $dir/plain/lib/libquire.a` =~ / U (\w+)$/mg;
my @else = grep { !$defined{$_} && !$known{$_} && !/^(?:mem(?:cpy|move|set)|__popcount[sd]i2)$/ } sort keys %wanted;
is("@else", '', 'the library wants its hooks, and three functions of the compiler, alone');
done_testing;
