#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Both compilers build every kernel, without a warning; and the one with debug assertions, which poisons
# free memory and looks at each object that is freed, runs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot ();
use Quire::Tree;
use Test::More;

delete @ENV{qw(MAKEFLAGS MFLAGS MAKELEVEL)};

my $work = 'mkdir /tmp/a; for i in 1 2 3; do seq 300 | sort -r >/tmp/a/$i; done; '
	. 'cat /tmp/a/* | sort -un | tail -n 1; rm -r /tmp/a; (exit 3); echo $?';

sub runs {
	my ($arch) = @_;
	my $vm = Quire::Boot->start(arch => $arch, kernel => "build/$arch-debug/quire.elf");
	$vm->prompt;
	is($vm->run($work), "300\n3\n", "$arch with debug assertions: files, pipes, processes");
	is($vm->poweroff, 0, "$arch with debug assertions: powers off") or $vm->show;
}

for my $arch (qw(x86_64 i686)) {
	for my $compiler (qw(gcc clang)) {
		my $said = `make -s -j2 ARCH=$arch CC=$compiler kernel 2>&1`;
		ok($? == 0 && $said eq '', "$compiler builds $arch") or diag($said);
	}
	my $said = `make -s -j2 ARCH=$arch DEBUG=1 kernel 2>&1`;
	ok($? == 0 && $said eq '', "gcc builds $arch with debug assertions") or diag($said);
	runs($arch);
}
done_testing;
