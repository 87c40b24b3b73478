#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# When memory is gone, the program that ate it is killed or told so; the shell goes on, and what
# was eaten comes back.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

sub available {
	my ($vm) = @_;
	my ($kib) = ($vm->run('cat /proc/meminfo') // '') =~ /^MemAvailable:\s+(\d+) kB/m;
	return $kib // 0;
}

# Everybody forks; the shell ends it.  The prompt may come late: all memory is in use when it is made.
sub bomb {
	my ($vm) = @_;
	$vm->send(q{sh -c 'b() { b | b & b; }; b' >/dev/null 2>&1 &} . "\n");
	sleep 3;
	$vm->send("cd /; kill -9 -1; echo ali''ve\n");
	my $alive = defined $vm->expect(qr/^alive$/m, 60);
	sleep 1;
	$vm->send("cd /\n");
	$vm->prompt;
	return $alive;
}

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch, memory => '64M', limit => 400);
	$vm->prompt;
	$vm->run('dmesg -n 1');
	$vm->run('true; cat /proc/meminfo; (true) | cat');
	my $before = available($vm);
	my $came_back = sub {
		my ($what) = @_;
		my $now = available($vm);
		cmp_ok($before - $now, '<', 1024 + linux() * 20000, "$arch: memory came back from $what");
	};

	# A line without end: the reader doubles its buffer for ever.
	isnt($vm->status('tr "\0" x </dev/zero | sort >/dev/null', 120), undef, "$arch: one hungry program ends");
	is($vm->run('echo alive'), "alive\n", "$arch: the shell goes on");
	$came_back->('one program');

	my $hungry = 'sh -c \'x=aaaaaaaaaaaaaaaa; while :; do x=$x$x$x$x; done\'';
	isnt($vm->status($hungry, 120) // 0, 0, "$arch: a hungry shell fails");
	is($vm->run('echo alive'), "alive\n", "$arch: the shell goes on");

	$vm->run("$hungry 2>/dev/null & $hungry 2>/dev/null & $hungry 2>/dev/null & wait; echo", 180);
	is($vm->run('echo alive'), "alive\n", "$arch: the shell outlives three at once");
	$came_back->('four more');

	# Files live in memory too.
	isnt($vm->status('dd if=/dev/zero of=/tmp/f bs=64k', 120) // 0, 0, "$arch: a file that fills memory");
	like($vm->{out}, qr/No space left on device|Killed|Cannot allocate/, "$arch: is refused");
	is($vm->run('rm -f /tmp/f; echo alive'), "alive\n", "$arch: the shell goes on");
	$came_back->('a file');

	# A pipe that nobody reads, a tree of processes.
	is($vm->run('for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; kill $(jobs -p); wait; echo alive', 60) =~ /^alive$/m, 1,
		"$arch: many processes");
	$came_back->('processes');

	# A fork bomb, stopped by the limit of tasks; and without one, until memory is gone.
	for my $max (linux() ? () : ('', 1000000)) {
		$vm->run("echo $max >/proc/sys/kernel/threads-max") if $max;
		ok(bomb($vm), "$arch: the shell outlives a fork bomb" . ($max ? ' without a limit' : ''));
	}
	is($vm->run('wait; sleep 1; echo 3 >/proc/sys/vm/drop_caches; echo alive') =~ /^alive$/m, 1, "$arch: and ends it");
	cmp_ok(available($vm), '>', $before - 6 * 1024, "$arch: memory came back but for what the heap keeps");
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
