#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's procps reads /proc as it is: its programs must find what they look for, and their sums
# must agree with each other.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

my ($arch) = arches();    # the texts are the same for each
my $vm = Quire::Boot->start(arch => $arch, memory => '256M', packages => 'procps ncurses-base');
$vm->prompt(60);
my $run = sub { $vm->run($_[0], 20) // $vm->give_up("no end of $_[0]") };

my ($total) = $run->('cat /proc/meminfo') =~ /^MemTotal: +(\d+) kB$/m;
my ($all, $used, $free, $shared, $cache, $available) =
	$run->('/usr/bin/free') =~ /^Mem: +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$/m;
is($all, $total, 'free: as much as meminfo says');
is($used + $available, $all, 'free: what is not used is available');
cmp_ok($available, '<=', $free, 'free: files are not, they live in memory');
cmp_ok($cache, '>', 10000, 'free: the files of the root are in the cache');

my @rows = map { [ split ] } grep { /^ *[0-9a-f]{8,} / } split /\n/, $run->('/usr/bin/pmap -X $$');
my ($sum) = $run->('/usr/bin/pmap -X $$') =~ /^ +(\d+ +\d+ +\d+ .*) KB/m;
my ($size, $rss, $pss) = split ' ', $sum // '0 0 0';
cmp_ok(scalar @rows, '>', 5, 'pmap -X: regions');
is(eval { my $n = 0; $n += $_->[5] for @rows; $n }, $size, 'pmap -X: their sizes add up');
ok($pss < $rss && $rss < $size, 'pmap -X: shares are less than pages, pages less than addresses')
	or diag("$size $rss $pss");
my ($status) = $run->('cat /proc/$$/status') =~ /^VmSize:\s+(\d+) kB$/m;
is($status, $size, 'pmap -X: as much as status says');
my ($rollup) = $run->('cat /proc/$$/smaps_rollup') =~ /^Rss: +(\d+) kB$/m;
cmp_ok(abs($rollup - $rss), '<=', 64, 'smaps_rollup: the same pages');

like($run->('/usr/bin/slabtop -o'), qr/^ +\d+ +\d+ +\d+% +\d\.\d\dK .* ptdesc *$/m, 'slabtop');
like($run->('/usr/bin/vmstat -s'), qr/^ +$total K total memory$/m, 'vmstat -s');
like($run->('/usr/bin/vmstat'), qr/^ *\d+ +0 +0 +\d+ +0 +\d+ /m, 'vmstat');
like($run->('/bin/ps aux'), qr{^root +1 +[\d.]+ +[\d.]+ +\d+ +\d+ .* (?:/sbin/)?init}m, 'ps aux');
like($run->('TERM=linux /usr/bin/top -b -n 1'), qr/^MiB Mem : +[\d.]+ total, .*^ +1 root /ms, 'top');
is($vm->poweroff, 0, 'power off');
done_testing;
