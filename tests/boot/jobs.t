#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The terminal: line editing, signals from keys, job control, the settings that programs read.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch);
	$vm->prompt;
	unlike($vm->transcript, qr/job control turned off/, "$arch: the shell controls its terminal");

	# Keys that end, stop and quit the program in front, and not the shell.
	$vm->send("cat\n");
	$vm->expect(qr/cat\n/);
	select undef, undef, undef, 0.5;
	$vm->send("typed\n");
	ok($vm->expect(qr/typed\ntyped\n/, 10), "$arch: a program reads lines");
	$vm->send("abX\x7fc\n");
	ok($vm->expect(qr/\nabc\n/, 10), "$arch: erase takes a character back");
	$vm->send("junk\x15kept\n");
	ok($vm->expect(qr/\nkept\n/, 10), "$arch: kill takes a line back");
	$vm->send("\x04");
	ok($vm->expect($vm->{prompt}, 10), "$arch: end of file");

	$vm->send("sleep 1000\n");
	$vm->expect(qr/1000\n/);
	select undef, undef, undef, 0.5;
	$vm->send("\x03");
	ok($vm->expect($vm->{prompt}, 10), "$arch: interrupt");
	is($vm->run('echo $?'), "130\n", "$arch: its status");

	$vm->send("sleep 1000\n");
	$vm->expect(qr/1000\n/);
	select undef, undef, undef, 0.5;
	$vm->send("\x1a");
	ok($vm->expect($vm->{prompt}, 10), "$arch: suspend");
	like($vm->run('jobs'), qr/Stopped\s+sleep 1000/, "$arch: a stopped job");
	$vm->run('bg');
	like($vm->run('jobs'), qr/^\[1\]\s*\+?\s+(?:Running\s+)?sleep 1000/, "$arch: runs behind");
	$vm->send("fg\n");
	$vm->expect(qr/fg\nsleep 1000\n/, 10);
	select undef, undef, undef, 0.5;
	$vm->send("\x1c");
	ok($vm->expect($vm->{prompt}, 10), "$arch: quit, in front again");
	is($vm->run('jobs'), '', "$arch: no job left");

	# A reader behind the shell is stopped (SIGTTIN) and reads when it is in front; so is a writer, once asked for.
	$vm->run('cat >/tmp/read &');
	select undef, undef, undef, 0.5;
	like($vm->run('jobs'), qr/Stopped \(tty input\)\s+cat/, "$arch: a reader in the background stops");
	$vm->send("fg\n");
	$vm->expect(qr{fg\ncat >/tmp/read\n}, 10);
	$vm->send("a line\n\x04");
	ok($vm->expect($vm->{prompt}, 10), "$arch: in front it reads to the end");
	is($vm->run('cat /tmp/read'), "a line\n", "$arch: what was typed");
	$vm->run('stty tostop; echo text &');
	select undef, undef, undef, 0.5;
	like($vm->run('jobs'), qr/Stopped \(tty output\)\s+echo/, "$arch: a writer stops under tostop");
	like($vm->run('fg'), qr/^text$/m, "$arch: in front it writes");
	$vm->run('stty -tostop');

	like($vm->run('tty'), qr{^/dev/(?:console|ttyS0)\n}, "$arch: tty");
	like($vm->run('stty -a'), qr/speed \d+ baud.*\bicanon\b/s, "$arch: stty");
	is($vm->run('stty rows 50 cols 200; stty size'), "50 200\n", "$arch: a size of window");

	# An editor: raw mode, and back.
	$vm->send("vi /tmp/new\n");
	$vm->expect(qr/~/, 10);
	$vm->send("ifirst\nsecond\e");
	$vm->expect(qr{- /tmp/new \[Modified\]}, 10);    # typed at once, the rest would be one unknown key with the ESC
	$vm->send(":wq\n");
	ok($vm->expect(qr{/ # \z}, 10), "$arch: vi leaves");
	is($vm->run('cat /tmp/new'), "first\nsecond\n", "$arch: vi wrote");

	is($vm->run('trap "echo hup" HUP; kill -HUP $$'), "hup\n", "$arch: a signal to the shell itself");
	$vm->send("exit\n");
	ok($vm->expect($vm->{prompt}, 20), "$arch: init starts the shell again");
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
