#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# tools/setup on machines that lack things: as root it installs, else through sudo after saying
# so, else it prints the line to run and fails.  The machines are folders of commands: real ones
# that the script needs, and an apt-get, an id and a sudo that only write down what was asked.
use strict;
use warnings;
use File::Temp 'tempdir';
use FindBin;
use Test::More;

my $setup = "$FindBin::Bin/../../tools/setup";

# A folder of commands, which is all that is on the path.
sub machine {
	my (%o) = @_;
	my $dir = tempdir(CLEANUP => 1);
	for my $tool (qw(sh ls grep env touch cat), @{ $o{has} // [] }) {
		chomp(my $real = `sh -c "command -v $tool"`);
		symlink $real, "$dir/$tool" or die "$tool: $!";
	}
	script("$dir/id", "echo $o{uid}");
	script("$dir/apt-get", qq(echo "apt-get \$*" >>$dir/log; exit ) . ($o{broken} // 0)) if !$o{foreign};
	script("$dir/sudo", qq(echo "sudo \$*" >>$dir/log; [ "\$1" = -n ] || { [ "\$1" = -E ] && shift; exec "\$@"; }))
		if $o{sudo};
	return $dir;
}

sub script {
	my ($path, $text) = @_;
	open my $f, '>', $path or die "$path: $!";
	print $f "#!/bin/sh\n$text\n";
	close $f;
	chmod 0755, $path;
}

# What `setup GOAL` says there, what it asked of apt-get and sudo, and whether it succeeded.
sub setup {
	my ($dir, @goals) = @_;
	my $said = `PATH=$dir /bin/sh $setup @goals 2>&1 </dev/null`;
	my $status = $? >> 8;
	my $asked = -e "$dir/log" ? `cat $dir/log` : '';
	return ($said, $asked, $status);
}

my ($said, $asked, $status) = setup(machine(uid => 0), 'debug');
is($status, 0, 'root: succeeds');
like($said, qr/^Installing what is missing:.*qemu-system-x86.* gdb$/m, 'root: says what');
like($asked, qr/^apt-get install -y .*\bgdb\b/m, 'root: asks apt-get at once');
unlike($asked, qr/sudo/, 'root: without sudo');

($said, $asked, $status) = setup(machine(uid => 1000, sudo => 1), 'build');
is($status, 0, 'sudo: succeeds');
like($said, qr/^Missing packages:.*\bgcc\b/m, 'sudo: says what is missing');
like($said, qr/^Installing them through sudo: apt-get install/m, 'sudo: says so first');
like($asked, qr/^sudo -E apt-get install -y .*\bgcc\b/m, 'sudo: installs through it');

($said, $asked, $status) = setup(machine(uid => 1000), 'fmt');
is($status, 1, 'no rights: fails');
like($said, qr/^  apt-get install -y --no-install-recommends clang-format$/m, 'no rights: prints the line');
is($asked, '', 'no rights: asks nothing of apt-get');

($said, $asked, $status) = setup(machine(uid => 0, broken => 1), 'fmt');
is($status, 1, 'apt-get that fails: fails');
like($said, qr/^Could not install: clang-format$/m, 'apt-get that fails: says what');

($said, $asked, $status) = setup(machine(uid => 0, foreign => 1), 'fmt');
is($status, 1, 'no Debian: fails');
like($said, qr/by their Debian names: clang-format/, 'no Debian: names the packages');

($said, $asked, $status) = setup(machine(uid => 0, has => ['clang-format']), 'fmt');
is("$status $said$asked", '0 ', 'nothing missing: says nothing');

($said, $asked, $status) = setup(machine(uid => 0), 'fly');
is($status, 2, 'a goal that is not: fails');
done_testing;
