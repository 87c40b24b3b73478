#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The image of `make iso`: GRUB boots it by Multiboot 2, from a BIOS and from UEFI.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'Linux has no image here' if linux();
for my $arch (arches()) {
	my $iso = top() . "/build/$arch/quire.iso";
	-e $iso or system('make', '-s', '-C', top(), "ARCH=$arch", 'image') == 0
		or die "no image for $arch\n";
	# The firmware is of 64 bits, so the machine is.
	for my $firmware ($arch eq 'x86_64' ? qw(seabios ovmf) : qw(seabios)) {
		my $name = "$arch from $firmware";
		my $vm = Quire::Boot->start(arch => $arch, memory => '256M', limit => 240,
			iso => $iso, firmware => $firmware);
		$vm->prompt(200);
		pass("$name: a prompt");
		like($vm->run('cat /proc/cmdline'), qr/console=ttyS0/, "$name: the command line of the menu");
		is($vm->run('echo $((6 * 7))'), "42\n", "$name: a shell");
		is($vm->poweroff, 0, "$name: power off") or $vm->show;
	}
}
done_testing;
