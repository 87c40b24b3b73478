#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The page tables that not every CPU has: five levels, and PAE with its right to execute and its
# memory above 4 GiB.  Most other tests run with four levels and with two.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'about this kernel' if linux();
plan skip_all => 'no kernel' unless have_kernel('x86_64') && have_kernel('i686-pae');

# A machine, and what it says of its tables.
sub boot {
	my ($name, $arch, $cpu, $tables, %o) = @_;
	my $bits = $arch eq 'x86_64' ? 64 : 32;
	my $vm = Quire::Boot->start(arch => $arch, limit => 100,
		files => [ 'file /bin/utest 755 ' . top() . "/build/user/$bits/utest" ], %o,
		args => [ '-cpu', $cpu, @{ $o{args} // [] } ]);
	$vm->prompt;
	like($vm->transcript, qr/\] memory: \Q$tables\E$/m, "$name: its tables");
	return $vm;
}

sub utest {
	my ($vm, @programs) = @_;
	for (@programs) {
		$vm->send("utest $_\n");
		$vm->relay(60);
		$vm->prompt(30);
	}
}

sub mib {
	my ($vm, $word) = @_;
	return ($vm->run('cat /proc/meminfo') // '') =~ /^$word:\s+(\d+) kB/m ? $1 / 1024 : 0;
}

my $vm = boot('five levels', 'x86_64', 'max', '5-level tables', memory => '256M');
utest($vm, qw(tables mem_map mem_fault));
is($vm->poweroff, 0, 'five levels: power off');

$vm = boot('no5lvl', 'x86_64', 'max', '4-level tables', append => 'no5lvl');
utest($vm, 'tables');
is($vm->poweroff, 0, 'no5lvl: power off');

$vm = boot('PAE without NX', 'i686-pae', 'max,-nx', 'PAE tables, no execute protection');
is($vm->poweroff, 0, 'PAE without NX: power off');

$vm = boot('6 GiB', 'i686-pae', 'max', 'PAE tables', memory => '6G');
cmp_ok(mib($vm, 'MemFree'), '>', 6000, '6 GiB: all of it is there');
cmp_ok(mib($vm, 'HighTotal') + mib($vm, 'LowTotal'), '<', 6144, '6 GiB: holes are no memory');
is($vm->poweroff, 0, '6 GiB: power off');

# Nearly all of it lies above 4 GiB.
$vm = boot('above 4 GiB', 'i686-pae', 'max', 'PAE tables', memory => '1G',
	args => [ '-machine', 'pc,max-ram-below-4g=128M' ]);
my $free = mib($vm, 'MemFree');
cmp_ok($free, '>', 960, 'above 4 GiB: all of it is there');
is($vm->status('dd if=/dev/zero of=/dev/null bs=700M count=1', 60), 0,
	'above 4 GiB: a program touches 700 MiB');
utest($vm, qw(tables mem_map mem_fault mem_file proc_exec sig_frame io_file));
cmp_ok(abs(mib($vm, 'MemFree') - $free), '<', 1, 'above 4 GiB: memory came back');
is($vm->poweroff, 0, 'above 4 GiB: power off');

# Says why, and stops.
for ([ 'i686-pae', 'max,-pae', qr/needs a CPU with PAE; boot the i686 kernel here/ ]) {
	my ($arch, $cpu, $why) = @$_;
	my $vm = Quire::Boot->start(arch => $arch, limit => 30, args => [ '-cpu', $cpu ]);
	ok($vm->expect($why, 20), "$arch on $cpu: says so");
}

# W^X for the kernel itself, and the double fault's task, whose tables the CPU loads by itself.
for (
	[ 'execute-data', qr/execution of \S+ by the kernel/ ],
	[ 'write-text', qr/write of \S+ by the kernel: the page is there, its rights refuse/ ],
	[ 'stack-overflow', qr/QUIRE PANIC: [^\n]*(?:stack|double fault)/i ],
) {
	my ($name, $says) = @$_;
	my $vm = Quire::Boot->start(arch => 'i686-pae', append => "selftest=$name", limit => 30,
		args => [ '-cpu', 'max' ]);
	is($vm->wait(25), 35, "i686-pae, $name: ends with a failing code") or $vm->show;
	like($vm->transcript, $says, "i686-pae, $name: says so");
}
done_testing;
