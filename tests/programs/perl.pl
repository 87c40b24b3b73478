# SPDX-License-Identifier: BSD-2-Clause
#
# Perl: its own data, its loaded modules (shared objects), processes and signals.
use strict;
use warnings;
use Data::Dumper;
use Digest::SHA 'sha1_hex';
use Encode;
use Fcntl ':flock';
use File::Temp 'tempfile';
use List::Util qw(sum max first reduce);
use Math::BigInt;
use POSIX qw(:sys_wait_h floor strftime);
use Storable qw(freeze thaw);
use Time::HiRes qw(time sleep alarm);
$| = 1;

print "== data\n";
my %count;
$count{$_}++ for 'a gathering of pages' =~ /\w/g;
print join(' ', map { "$_$count{$_}" } sort keys %count), "\n";
my @primes = grep { my $n = $_; !grep { $n % $_ == 0 } 2 .. sqrt $n } 2 .. 60;
print "@primes\n";
my $nested = thaw(freeze({ list => [ 1, [ 2, 3 ] ], name => 'quire' }));
print Data::Dumper->new([$nested])->Indent(0)->Sortkeys(1)->Terse(1)->Dump, "\n";
print sum(1 .. 100), ' ', max(3, 9, 2), ' ', first { $_ > 4 } (1 .. 9);
print ' ', (reduce { $a * $b } 1 .. 10), "\n";
print Math::BigInt->new(2)->bpow(100), "\n";
print sha1_hex('abc'), "\n";
print unpack('H*', pack 'NnCa3', 1, 2, 3, 'xyz'), ' ', sprintf('%.4f %e', 1 / 3, 12345), "\n";
print length(encode('UTF-8', "\x{263a}")), ' ', strftime('%F', gmtime 86400), "\n";
my @closures = map { my $n = $_; sub { $n += shift } } 1 .. 3;
$_->(10) for @closures;
print join(',', map { $_->(0) } @closures), "\n";
(my $text = 'frames and pages') =~ s/(\w+)/\u$1/g;
print "$text\n" if $text =~ /^(?<first>\w+)(?=\s).*?(\w+)$/ && $+{first} eq 'Frames';
local $_ = join ',', map { sprintf '%02x', $_ * 37 % 256 } 1 .. 2000;
print scalar(() = /([0-9a-f])\1/g), "\n";
my @sorted = sort { $a <=> $b } map { $_ * 7919 % 10007 } 1 .. 10006;
print "sorted\n" if "@sorted" eq join ' ', 1 .. 10006;
my $big = 'x' x 20_000_000;
substr($big, 10_000_000, 1) = 'y';
print index($big, 'y'), "\n";

print "== processes\n";
my @children = map {
	my $n = $_;
	pipe my $r, my $w or die;
	my $pid = fork // die;
	if (!$pid) { close $r; print $w "child $n: ", sum(1 .. $n * 1000), "\n"; close $w; POSIX::_exit($n) }
	close $w;
	[ $pid, $r ];
} 1 .. 5;
for (@children) {
	my ($pid, $r) = @$_;
	print scalar <$r>;
	waitpid $pid, 0;
	print 'status ', $? >> 8, "\n";
}
print `echo quoted | tr a-z A-Z`;
open my $out, '|-', 'sort -r' or die;
print $out "$_\n" for 1 .. 3;
close $out;
system 'kill -9 $$';
print 'signal ', $? & 127, "\n";

print "== signals\n";
my $got = 0;
$SIG{USR1} = sub { $got++ };
kill USR1 => $$ for 1 .. 3;
print "caught $got\n";
my $late = eval { local $SIG{ALRM} = sub { die "alarm\n" }; alarm 0.2; select undef, undef, undef, 10; 1 };
print $@ unless $late;
my $begin = time;
sleep 0.1;
my $slept = time - $begin;
print "slept\n" if $slept >= 0.1 && $slept < 5;
my $pid = fork // die;
if (!$pid) { sleep 60; exit }
kill TERM => $pid;
print waitpid($pid, 0) == $pid && WIFSIGNALED($?) ? 'ended by ' . WTERMSIG($?) : 'odd', "\n";

print "== files\n";
my ($file, $name) = tempfile();
print $file map { "line $_\n" } 1 .. 5000;
flock $file, LOCK_EX or die;
seek $file, 0, 0;
my $last;
$last = $_ while <$file>;
print $last, -s $name, "\n";
open my $in, '<:mmap', $name or die;
my $lines = () = <$in>;
print "$lines mapped\n";
unlink $name or die;
print -e $name ? 'there' : 'gone', "\n";
opendir my $dir, '/proc/self/fd' or die;
print scalar(grep { /^\d+$/ } readdir $dir) >= 4 ? "descriptors\n" : "none\n";
my $deep = sub { my ($f, $n) = @_; no warnings 'recursion'; $n ? 1 + $f->($f, $n - 1) : 0 };
print $deep->($deep, 20000), "\n";
