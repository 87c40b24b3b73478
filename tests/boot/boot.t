#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Each kernel comes up to a shell, says what it is, runs programs, and powers off.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch);
	$vm->prompt;
	pass("$arch: a prompt");

	is($vm->run('echo hello, $((6 * 7))'), "hello, 42\n", "$arch: echo");
	my $machine = $arch eq 'x86_64' ? 'x86_64' : 'i686';
	my $release = linux() ? qr/6\.1\.\S+/ : qr/6\.1\.0-quire/;
	like($vm->run('uname -a'), qr/^Linux quire $release .*\b$machine\b/, "$arch: uname -a");
	unless (linux()) {
		like($vm->run('uname -v'), qr/Quire/, "$arch: uname -v names Quire");
		like($vm->run('cat /proc/version'), qr/^Linux version 6\.1\.0-quire .*Quire/, "$arch: /proc/version");
	}

	my %there = map { $_ => 1 } split ' ', $vm->run('ls /');
	ok($there{$_}, "$arch: ls / shows $_") for qw(bin dev etc proc root sbin tmp usr);
	is($vm->run('cat /etc/hostname'), "quire\n", "$arch: cat of a file");
	is($vm->run('head -n 2 /etc/words | tail -n 1 | cut -d " " -f 1-2'), "a gathering\n", "$arch: a pipeline");
	is($vm->run('sh -c "exit 7"; echo $?'), "7\n", "$arch: exit status");
	like($vm->run('nosuch; echo $?'), qr{nosuch: not found\n127\n}, "$arch: a command that is not there");
	is($vm->run('false || echo no'), "no\n", "$arch: || of the shell");
	is($vm->run('readlink /proc/self/exe'), "/bin/busybox\n", "$arch: /proc/self/exe");
	is($vm->run('echo $$ | grep -c "^[0-9]*$"'), "1\n", "$arch: a process id");

	is($vm->poweroff, 0, "$arch: poweroff ends QEMU with status 0") or $vm->show;
}
done_testing;
