#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# /proc in Linux's format, and the programs of BusyBox that read it.
use strict;
use warnings;
no warnings "portable";    # addresses of 64 bits
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch, memory => '128M');
	$vm->prompt;
	my $file = sub { $vm->run("cat /proc/$_[0]") // $vm->give_up("no answer to cat /proc/$_[0]") };

	my %memory = $file->('meminfo') =~ /^(\w+(?:\(\w+\))?): +(\d+)(?: kB)?$/mg;
	ok(exists $memory{$_}, "$arch: meminfo has $_")
		for qw(MemTotal MemFree MemAvailable Buffers Cached SwapTotal SwapFree AnonPages Mapped Shmem
			Slab PageTables KernelStack);
	cmp_ok($memory{MemFree}, '<', $memory{MemTotal}, "$arch: free memory is less than all");

	like($file->('cpuinfo'), qr/^processor\s*: 0\n.*^vendor_id\s*: \w+.*^model name\s*: \S.*^flags\s*: .*\bfpu\b/ms,
		"$arch: cpuinfo");
	like($file->('uptime'), qr/^\d+\.\d\d \d+\.\d\d\n\z/, "$arch: uptime");
	like($file->('loadavg'), qr{^\d+\.\d\d \d+\.\d\d \d+\.\d\d \d+/\d+ \d+\n\z}, "$arch: loadavg");
	like($file->('stat'), qr/^cpu +\d+(?: \d+){9}\ncpu0 \d+.*^intr \d+.*^ctxt \d+\nbtime \d+\nprocesses \d+\nprocs_running \d+\nprocs_blocked \d+/ms,
		"$arch: stat");
	like($file->('mounts'), qr{^\S+ / \S+ rw\S* 0 0$}m, "$arch: mounts shows the root");
	like($file->('mounts'), qr{^\S+ /proc proc \S+ 0 0$}m, "$arch: mounts shows /proc");
	like($file->('filesystems'), qr/^nodev\tproc$/m, "$arch: filesystems");

	# A process that stays still.
	my ($pid) = $vm->run('sleep 1000 & echo pid $!') =~ /pid (\d+)/;
	is($vm->run("tr '\\0' ' ' </proc/$pid/cmdline; echo"), "sleep 1000 \n", "$arch: cmdline");
	is($file->("$pid/comm"), "sleep\n", "$arch: comm");
	my @stat = split ' ', $file->("$pid/stat") =~ s/\(.*\)/()/r;
	is(scalar @stat, 52, "$arch: stat of a process has 52 fields");
	is($stat[0], $pid, "$arch: its number");
	like($stat[2], qr/^S$/, "$arch: it sleeps");
	cmp_ok($stat[22], '>', 100_000, "$arch: its size");
	my @statm = split ' ', $file->("$pid/statm");
	is(scalar @statm, 7, "$arch: statm has 7 fields");
	is($statm[0] * 4096, $stat[22], "$arch: statm and stat agree on the size");
	cmp_ok($statm[1], '<=', $statm[0], "$arch: no more is there than was mapped");

	my $status = $file->("$pid/status");
	like($status, qr/^$_:\t/m, "$arch: status has $_")
		for qw(Name Umask State Tgid Pid PPid TracerPid Uid Gid FDSize Groups VmPeak VmSize VmRSS VmData
			VmStk VmExe VmLib VmPTE Threads SigQ SigPnd ShdPnd SigBlk SigIgn SigCgt
			voluntary_ctxt_switches nonvoluntary_ctxt_switches);
	like($status, qr/^Name:\tsleep\n.*^State:\tS \(sleeping\)\n.*^Pid:\t$pid\n/ms, "$arch: status");

	my $maps = $file->("$pid/maps");
	my $line = qr{^[0-9a-f]{8,16}-[0-9a-f]{8,16} [r-][w-][x-][ps] [0-9a-f]{8,} [0-9a-f]{2,}:[0-9a-f]{2,} \d+(?: +\S.*| )?$};
	my @odd = grep { !/$line/ } split /\n/, $maps;
	ok(!@odd, "$arch: maps line by line") or diag(join "\n", @odd);
	like($maps, qr{ r-xp .* /bin/busybox$}m, "$arch: maps shows the program's text");
	like($maps, qr{ rw-p .*\[stack\]$}m, "$arch: and the stack");
	my ($size, $last) = (0, 0);
	for (map { [ map { hex } /^(\w+)-(\w+)/ ] } grep { !/\[vsyscall\]/ } split /\n/, $maps) {
		$size += $_->[1] - $_->[0];
		ok(0, "$arch: maps is sorted") if $_->[0] < $last;
		$last = $_->[1];
	}
	is($size, $stat[22], "$arch: maps and stat agree on the size");

	is($vm->run("readlink /proc/$pid/exe"), "/bin/busybox\n", "$arch: exe");
	is($vm->run("readlink /proc/$pid/cwd"), "/\n", "$arch: cwd");
	like($vm->run("ls -l /proc/$pid/fd | grep -c '[0-9] -> '"), qr/^[1-9]\n/, "$arch: fd");
	is($vm->run("ls -d /proc/$pid/task/$pid"), "/proc/$pid/task/$pid\n", "$arch: task");
	is($vm->run('cd /proc/self && [ "$(readlink /proc/self)" != "" ] && echo self; cd /'), "self\n", "$arch: self");
	$vm->run("kill $pid; wait $pid 2>/dev/null");
	like($vm->run("ls -d /proc/$pid"), qr/No such file or directory/, "$arch: a process that is gone is gone");

	like($vm->run('free'), qr/^Mem: +\d+ +\d+ +\d+ /m, "$arch: free");
	like($vm->run('ps'), qr/^ *1 root +init$/m, "$arch: ps");
	like($vm->run('ps -o pid,ppid,vsz,rss,stat,comm'), qr/^ *1 +0 +\d+m? +\d+ S\S* +init$/m, "$arch: ps -o");
	like($vm->run('top -b -n 1'), qr/^Mem: \d+K used, \d+K free.*^ *1 +0 root +S /ms, "$arch: top");
	like($vm->run('uptime'), qr/up \d+ min, .*load average: \d/, "$arch: uptime of BusyBox");

	unless (linux()) {
		my $before = $vm->run('cat /proc/quire/enosys');
		ok(defined $before, "$arch: unknown calls are counted somewhere");
		like($file->('version'), qr/^Linux version 6\.1\.0-quire .*Quire/, "$arch: version");
	}
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
