#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# libquire-malloc.so under real programs, each for a piece of work whose result is known, and under
# tests/malloc/family.c for both word sizes.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use FindBin;
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
my $lib = "$top/build/host/libquire-malloc.so";
-e $lib or die "not built: make test builds it\n";

# What a command prints with the library in front, and whether it succeeded.
sub with {
	my ($command) = @_;
	local $ENV{LD_PRELOAD} = $lib;
	my $said = `$command`;
	return $? ? "status $?: $said" : $said;
}

my $dir = tempdir(CLEANUP => 1);
is(with(q{bash -c 'a=(); for i in {1..20000}; do a+=("word $i"); done; echo ${#a[@]} ${a[19999]}'}), "20000 word 20000\n", 'bash: an array');
is(with(q{perl -e 'my %h; $h{$_ % 5000} .= "x" x ($_ % 100) for 1..200000; print length join "", values %h'}), 9900000, 'perl: strings that grow');
is(with(q{seq 100000 | sort -rn | head -1}) =~ /^100000$/m, 1, 'sort');
SKIP: {
	skip 'no python3', 1 unless `sh -c 'command -v python3'`;
	is(with(q{python3 -c 'import json; d = {str(i): [i] * (i % 50) for i in range(20000)}; print(len(json.loads(json.dumps(d))))'}), "20000\n", 'python3: json');
}
SKIP: {
	skip 'no sqlite3', 1 unless `sh -c 'command -v sqlite3'`;
	my $sql = q{create table t(a integer primary key, b text); with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, 'name' || (i * 7919 % 20000) from n; create index x on t(b); select count(*) from t join t u on t.b = 'name' || u.a;};
	is(with(qq{sqlite3 :memory: "$sql"}), "19999\n", 'sqlite3: an index and a join');
}
SKIP: {
	skip 'no redis', 1 unless `sh -c 'command -v redis-server && command -v redis-benchmark'` =~ /benchmark/;
	my $at = "-s $dir/redis";
	is(with(qq{redis-server --port 0 --unixsocket $dir/redis --save '' >/dev/null & server=\$!
		for i in 1 2 3 4 5 6 7 8 9; do redis-cli $at ping >/dev/null 2>&1 && break; sleep 0.3; done
		redis-benchmark $at -q -n 20000 -r 5000 -P 16 -t set,lpush,hset,sadd,zadd >/dev/null 2>&1 &&
		redis-cli $at flushall && redis-cli $at shutdown nosave; wait \$server; echo \$?}), "OK\n0\n", 'redis-server: under redis-benchmark');
}
is(with("git -C $dir init -q . && git -C $dir -c user.name=a -c user.email=b commit -q --allow-empty -m c && git -C $dir log --oneline | wc -l"), "1\n", 'git: a commit');
is(with("cd $top && gcc -O2 -Iinclude -I. -DQR_MAX_CPUS=1 -c -o $dir/frames.o mm/frames.c && size $dir/frames.o | wc -l"), "2\n", 'gcc: a source');
is(with("cd $top && clang -O2 -Iinclude -I. -DQR_MAX_CPUS=1 -c -o $dir/space.o mm/space_fault.c && size $dir/space.o | wc -l"), "2\n", 'clang: a source');

my $table = `QUIRE_MALLOC_STATS=1 LD_PRELOAD=$lib ls 2>&1 >/dev/null`;
like($table, qr/^quire-malloc, process \d+\n +size +in use.*^ +large/ms, 'QUIRE_MALLOC_STATS: a table');

for my $bits (64, 32) {
	my $mine = $bits == 64 ? $lib : "$top/build/host/32/libquire-malloc.so";
	my @said = split /\n/, `LD_PRELOAD=$mine $top/build/host/malloc-family$bits 2>/dev/null`;
	my @bad = grep { /^not ok|^#/ } @said;
	ok(!$? && @said > 20, "$bits bits: the whole family") or diag(map { "$_\n" } @bad, "status $?");
	diag(map { "$_\n" } grep { /^not/ } @bad) if $?;
}

my $to = "$dir/root";
is(system("make -s -C $top install DESTDIR=$to PREFIX=/usr >/dev/null"), 0, 'make install');
ok(-s "$to/usr/$_", "installed: $_")
	for qw(lib/libquire.a lib/libquire-malloc.so lib/pkgconfig/quire.pc include/quire/heap.h share/man/man7/libquire-malloc.7);
done_testing;
