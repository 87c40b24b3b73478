#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# One image, whoever loads it: PVH (the image without its Multiboot header, so that QEMU takes the
# ELF note), and CPUs that cannot run it are told so.  Multiboot 1 is every other boot test,
# Multiboot 2 is iso.t.
use strict;
use warnings;
use File::Temp ();
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'these are about Quire' if linux();

my $dir = File::Temp->newdir;

sub without_multiboot {
	my ($arch) = @_;
	open my $in, '<:raw', top() . "/build/$arch/quire.elf" or die;
	my $image = do { local $/; <$in> };
	my $at = index $image, pack('V', 0x1badb002);
	die "no Multiboot header\n" if $at < 0 || $at > 8192;
	substr($image, $at, 4) = "\0" x 4;
	open my $out, '>:raw', "$dir/$arch.elf" or die;
	print $out $image;
	close $out or die;
	return "$dir/$arch.elf";
}

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch, kernel => without_multiboot($arch));
	like($vm->expect(qr/Quire \S+, loaded by [^\n]*\n/) // '', qr/PVH/, "$arch: loaded by PVH");
	$vm->prompt;
	pass("$arch: and comes to a prompt");
	is($vm->poweroff, 0, "$arch: powers off");
}

my @unfit = (
	[ 'x86_64', 'qemu32',  qr/needs a 64-bit CPU/ ],
	[ 'i686',   '486',     qr/needs a Pentium Pro/ ],
	[ 'i686',   'pentium', qr/needs a Pentium Pro/ ],
);
for (@unfit) {
	my ($arch, $cpu, $words) = @$_;
	next unless have_kernel($arch);
	my $vm = Quire::Boot->start(arch => $arch, args => [ '-cpu', $cpu ], root => undef, limit => 20);
	ok($vm->expect($words, 15), "$arch on a $cpu: refuses, and says why") or $vm->show;
}
done_testing;
