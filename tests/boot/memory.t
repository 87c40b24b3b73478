#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Each kernel lives with little memory and uses much: `free` shows what the machine has, and a
# program that touches most of it gets it, and gives it back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

# Kernel, MiB of RAM, MiB that one program touches.  3 GiB on i686 lie mostly above its low
# memory; 8 GiB on x86_64 mostly above 4 GiB.
my @machines = (
	[ 'x86_64', 16, 2 ], [ 'x86_64', 64, 40 ], [ 'x86_64', 1024, 800 ], [ 'x86_64', 8192, 1200 ],
	[ 'i686', 16, 2 ], [ 'i686', 64, 40 ], [ 'i686', 1024, 800 ], [ 'i686', 3072, 1800 ],
);

sub meminfo {
	my ($vm, $word) = @_;
	my ($kib) = ($vm->run('cat /proc/meminfo') // '') =~ /^$word:\s+(\d+) kB/m;
	return ($kib // 0) / 1024;
}

my %there = map { $_ => 1 } arches();
for (@machines) {
	my ($arch, $ram, $touch) = @$_;
	next if !$there{$arch} || linux() && $ram < 256;
	my $name = "$arch, $ram MiB";
	my $vm = Quire::Boot->start(arch => $arch, memory => "${ram}M");
	$vm->prompt;
	pass("$name: a prompt");

	my $total = meminfo($vm, 'MemTotal');
	cmp_ok($total, '<=', $ram, "$name: no more memory than there is");
	cmp_ok($total, '>=', 0.9 * $ram - 4 - linux() * 100, "$name: all of it is known");
	my $free = meminfo($vm, 'MemFree');

	is($vm->status("dd if=/dev/zero of=/dev/null bs=${touch}M count=1", 120), 0,
		"$name: a program touches $touch MiB");
	like($vm->{out}, qr/^1\+0 records out$/m, "$name: and says so");
	is($vm->status("dd if=/dev/zero of=/tmp/f bs=64k count=" . 8 * $touch, 120), 0,
		"$name: a file of " . $touch / 2 . ' MiB');
	is($vm->run('stat -c %s /tmp/f; rm /tmp/f'), 65536 * 8 * $touch . "\n", "$name: has its size");
	cmp_ok(abs(meminfo($vm, 'MemFree') - $free), '<', 1 + linux() * 100, "$name: memory came back");

	is($vm->poweroff, 0, "$name: power off");
}

# What the kernel's heap needs no more goes back to the frames when nothing happens.
for my $arch (linux() ? () : arches()) {
	my $vm = Quire::Boot->start(arch => $arch);
	my $files = 'i=0; while [ $i -lt 1000 ]; do : >/tmp/f$i; i=$((i+1)); done; rm -rf /tmp/f*; ';
	$vm->prompt;
	# Some 500 KiB, if nothing gave it back.
	my $kept = $vm->run("$files sleep 2; grep cached /proc/quire/heap") =~ /(\d+)/ ? $1 : 1e9;
	cmp_ok($kept, '<', 131072, "$arch: freed memory of the heap goes back in idle time");
}
done_testing;
