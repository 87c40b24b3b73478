#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's own programs, dynamically linked, from its packages as they are, through its own
# ld-linux: each runs a program of tests/programs/ and must print what it prints on Linux
# (NAME.out), section by section (== NAME).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

my @programs = (
	[ 'bash bash.sh', 'bash' ],
	[ 'bash coreutils.sh', 'coreutils' ],
	[ 'perl perl.pl', 'perl' ],
	[ 'lua5.4 lua.lua', 'lua5.4' ],
	[ 'bash tcc.sh', 'tcc libc6-dev' ],
	[ 'bash sqlite.sh', 'sqlite3' ],
	[ 'bash gcc.sh', 'gcc libc6-dev', 'x86_64' ],
	[ 'bash git.sh', 'git', 'x86_64' ],
	[ 'ruby ruby.rb', 'ruby', 'x86_64' ],
	[ 'node node.js', 'nodejs', 'x86_64' ],
);

# Data that no program of these reads.
my @omit = map { "omit $_" } '/usr/lib/*/gconv/*', '/usr/lib/*/perl/5.*/CORE', '/usr/share/perl/*/unicore/*',
	'/usr/lib/gcc/*/lto1', '/usr/lib/gcc/*/lto-wrapper', '/usr/lib/*/lib?san.*', '/usr/lib/gcc/*/lib?san*',
	'/usr/bin/*dwp', '/usr/bin/*-gprofng*', '/usr/bin/dpkg*', '/usr/share/gcc/python';

sub sections {
	my ($text) = @_;
	my @parts = split /^== (.*)\n/m, "== all\n$text";
	shift @parts;
	return @parts;
}

sub contents {
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

sub compare {
	my ($vm, $command) = @_;
	my ($script) = $command =~ /(\S+)\z/;
	my $got = $vm->run($command =~ s{(\S+)\z}{/t/$1 >/tmp/out 2>&1 </dev/null; cat /tmp/out}r, 100)
		// $vm->give_up("no end of: $command");
	my @want = sections(contents(top() . '/tests/programs/' . $script =~ s/\.\w+\z/.out/r));
	my %got = sections($got);
	while (my ($name, $text) = splice @want, 0, 2) {
		next if $name eq 'all' && $text eq '';
		is($got{$name}, $text, "$vm->{arch}: $command" . ($name eq 'all' ? '' : ": $name"));
	}
}

for my $arch (arches()) {
	my @here = grep { !$_->[2] || $_->[2] eq $arch } @programs;
	my $vm = Quire::Boot->start(
		arch => $arch, memory => $arch eq 'x86_64' ? '1G' : '512M', limit => 400,
		packages => join(' ', map { $_->[1] } @here),
		files => [ @omit, 'tree /t ' . top() . '/tests/programs' ],
	);
	$vm->prompt;
	$vm->send("set +o emacs\n");
	$vm->prompt;
	for (@here) {
		my $begin = time;
		compare($vm, $_->[0]);
		note("$_->[0]: ", time - $begin, ' s');
	}
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
