#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Archives that are not what they should be.  The kernel says what is wrong with the archive; what
# came before the fault is used, so a machine whose root is damaged at its end still has a shell,
# and one without a first program says that it has none.  It never breaks.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp 'tempdir';
use Quire::Boot;
use Test::More;

plan skip_all => 'Linux has words of its own' if linux();
my $dir = tempdir(CLEANUP => 1);

sub slurp {
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return <$in>;
}

sub spill {
	my ($name, $bytes) = @_;
	open my $out, '>:raw', "$dir/$name" or die "$name: $!";
	print $out $bytes;
	close $out or die "$name: $!";
	return "$dir/$name";
}

# One record; fields named in %change replace the right ones.
sub record {
	my ($name, $data, %change) = @_;
	my %f = (ino => 9001, mode => 0100644, uid => 0, gid => 0, nlink => 1, mtime => 0, size => length $data,
		maj => 0, min => 0, rmaj => 0, rmin => 0, namesize => 1 + length $name, check => 0, %change);
	my $head = ($f{magic} // '070701') . join '', map { my $v = $f{$_}; $v =~ /^raw:(.*)/ ? $1 : sprintf '%08X', $v }
		qw(ino mode uid gid nlink mtime size maj min rmaj rmin namesize check);
	my $text = $head . $name . "\0";
	$text .= "\0" x (-length($text) % 4) . $data;
	return $text . "\0" x (-length($text) % 4);
}

for my $arch (arches()) {
	my $good = slurp(top() . "/build/$arch/root.cpio");
	my $body = $good =~ s/0707010{8}.{96}TRAILER!!!\0.*\z//sr;
	$body = substr $good, 0, rindex($good, '070701');
	my $end = substr $good, rindex($good, '070701');

	# Those with a whole root before the fault: the shell must come.
	my %late = (
		'truncated header'     => $body . substr(record('tail', 'x'), 0, 50),
		'truncated name'       => $body . substr(record('a' x 200, 'x'), 0, 150),
		'truncated data'       => $body . substr(record('tail', 'x' x 5000), 0, 1000),
		'wrong magic'          => $body . record('tail', 'x', magic => '070799') . $end,
		'letters for a number' => $body . record('tail', 'x', size => 'raw:0000zz00') . $end,
		'size of 4 GiB - 1'    => $body . record('tail', 'x', size => 0xffffffff) . $end,
		'name of 4 GiB - 1'    => $body . record('tail', 'x', namesize => 0xffffffff) . $end,
		'name of no length'    => $body . record('tail', 'x', namesize => 0) . $end,
		'name without its end' => $body . record('tail', 'x', namesize => 4) . $end,
		'dot-dot name'         => $body . record('../../etc/evil', 'x') . record('bin/../../x', 'x') . $end,
		'no trailer'           => $body,
		'unknown kind of file' => $body . record('tail', 'x', mode => 0170644) . $end,
		'file below a file'    => $body . record('etc/words/x', 'x') . $end,
		'directory on a file'  => $body . record('etc/words', '', mode => 040755) . $end,
	);
	my %quiet = map { $_ => 1 } 'no trailer';
	for my $name (sort keys %late) {
		my $vm = Quire::Boot->start(arch => $arch, root => spill('root', $late{$name}), limit => 60);
		if (!defined $vm->expect(qr{\n/ # \z}, 40)) {
			fail("$arch, $name: a prompt");
			$vm->show;
			next;
		}
		pass("$arch, $name: a prompt");
		like($vm->transcript, qr/\b(?:cpio|initramfs|archive|root)\b[^\n]*:/, "$arch, $name: a message") unless $quiet{$name};
		like($vm->run('ls /etc/evil /x 2>&1; head -n 1 /etc/words'), qr/^ls: .*\nls: .*\nquire\n\z/,
			"$arch, $name: nothing outside, nothing lost") if $name =~ /dot-dot|file|directory/;
		$vm->run('sync');
		$vm->send("poweroff -f\n");
		is($vm->wait(20), 0, "$arch, $name: power off");
	}

	# Those without a first program: a message, and a failing end that is no crash.
	my $gz = slurp(top() . "/build/$arch/root.cpio.gz");
	my %none = (
		'no bytes'        => '',
		'zeroes'          => "\0" x 100_000,
		'noise'           => join('', map { chr(($_ * 7919 + 13) % 251) } 1 .. 100_000),
		'gzip, truncated' => substr($gz, 0, length($gz) / 4),
		'gzip, damaged'   => substr($gz, 0, 60) . ("\x5a" x 3000) . substr($gz, 3060),
		'gzip of nothing' => "\x1f\x8b\x08\0\0\0\0\0\0\3",
		'only a trailer'  => $end,
	);
	for my $name (sort keys %none) {
		my $vm = Quire::Boot->start(arch => $arch, root => spill('root', $none{$name}), limit => 60);
		is($vm->wait(50), 35, "$arch, $name: ends with a failing code") or $vm->show;
		my $said = $vm->transcript;
		like($said, qr/\binit\b/, "$arch, $name: says that there is nothing to run");
		like($said, qr/initramfs: .*: (?:error|too little memory) \(\d+\), entry/, "$arch, $name: and why") if $name =~ /noise|gzip, /;
		unlike($said, qr/page fault|general protection|assert|rule/i, "$arch, $name: did not break");
	}
}

# A first program that cannot be run: the message is about that, whatever it wants.
for my $arch (arches()) {
	my $elf = slurp(top() . '/build/user/64/utest');
	my %wrong = (
		'of another machine' => [ $elf, 0100755, qr/no program for this kernel \(8\)/ ],
		'not executable'     => [ "#!/bin/sh\n", 0100644, qr/not executable \(13\)/ ],
		'without its shell'  => [ "#!/bin/nosuch\n", 0100755, qr/what it wants to be run by is not there \(2\)/ ],
	);
	delete $wrong{'of another machine'} if $arch eq 'x86_64';    # it runs those of 32 bits
	for my $name (sort keys %wrong) {
		my ($text, $mode, $says) = @{ $wrong{$name} };
		my $root = spill('root', record('init', $text, mode => $mode) . record('TRAILER!!!', ''));
		my $vm = Quire::Boot->start(arch => $arch, root => $root, limit => 60);
		is($vm->wait(50), 35, "$arch, $name: ends with a failing code") or $vm->show;
		like($vm->transcript, qr{/init cannot be run: $says}, "$arch, $name: says why");
	}
}

# Words of the command line: the kernel's own do not reach init; one that cannot be meant is told.
for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch, append => 'backing=never no5lvl notsc one=1 two');
	$vm->prompt;
	like($vm->transcript, qr/backing=: immediate, demand or first-write/, "$arch: a backing that is none");
	is($vm->run(q{tr '\0' '\n' </proc/1/environ | grep -v '^[A-Z]'}), "one=1\n", "$arch: what init gets");
	$vm->poweroff;
}
done_testing;
