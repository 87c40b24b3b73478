# SPDX-License-Identifier: BSD-2-Clause
#
# programs.pm - the real programs that bench/heap/run measures, each with a piece of work of about
# half a second, and how one is measured (measure.c).
package programs;
use strict;
use warnings;
use IO::Socket::INET;
use Time::HiRes 'sleep';

# A C source of 150 functions, each a little different, in $dir.
sub write_source {
	my ($file) = @_;
	open my $c, '>', $file or die "$file: $!\n";
	print $c "typedef struct node { struct node *next; long key; char name[24]; } node;\n",
		"extern int puts(const char *);\nstatic long table[4096];\n";
	for my $i (1 .. 150) {
		my ($a, $b, $k) = ($i * 7 % 61 + 1, $i * 13 % 31 + 2, $i * 29 % 4000);
		print $c <<"END";
static long look_$i(const node *n, long key)
{
	for (; n; n = n->next)
		if (n->key == key + $a && n->name[$i % 24])
			return n->key * $b;
	return table[$k + (key & 15)] - $a;
}

long work_$i(node *n, long *at, unsigned count)
{
	long sum = $a;
	for (unsigned i = 0; i < count; i++) {
		switch (at[i] % $b) {
		case 0: sum += look_$i(n, at[i]); break;
		case 1: sum ^= table[at[i] & 4095] << $i % 7; break;
		default: at[i] = sum > $k ? sum - $a : look_$i(n->next, sum); break;
		}
	}
	if (sum < 0)
		puts("work $i: less than nothing");
	return sum;
}

END
	}
	close $c or die "$file: $!\n";
}

# What is measured: name, command.
sub all {
	my ($top, $dir) = @_;
	write_source("$dir/large.c");
	return (
		[ 'bash, an array and strings', q{bash -c 'for i in {1..60000}; do a[i]="word $i"; s=${a[i]#word }; h=${s/1/x}; done; echo ${#a[@]}'} ],
		[ 'bash, 150 short programs', q{bash -c 'for i in {1..50}; do /bin/true; bash -c :; echo $i | grep -q x; done; :'} ],
		[ 'perl, a hash of 300 000', q{perl -e 'my %h; $h{"k$_"} = [$_, "v$_"] for 1..300000; print scalar keys %h'} ],
		[ 'python3, json', q{/usr/bin/python3 -c 'import json; d = {str(i): [i] * (i % 50) for i in range(20000)}; print(sum(len(json.loads(json.dumps(d))) for i in range(3)))'} ],
		[ 'python3, json, PYTHONMALLOC=malloc', q{PYTHONMALLOC=malloc /usr/bin/python3 -c 'import json; d = {str(i): [i] * (i % 50) for i in range(20000)}; print(sum(len(json.loads(json.dumps(d))) for i in range(3)))'} ],
		[ 'sqlite3, in memory', q{sqlite3 :memory: "create table t(a integer primary key, b text, c real); with recursive n(i) as (select 1 union all select i+1 from n where i<120000) insert into t select i, 'name'||(i*7919%120000), i*0.5 from n; create index x on t(b); select count(*), sum(length(u.b)) from t join t u on t.b='name'||u.a where t.a%3=0;"} ],
		[ 'redis-server, 300 000 calls', undef ],
		[ 'clang -O1, a large source', qq{clang -O1 -w -c -o /dev/null $dir/large.c} ],
		[ 'git log -p of a tree', qq{git -C $top log -p -60 --no-color} ],
	);
}

# The line that measure writes: status, and two figures.
sub measured {
	my ($top, $how, $lib, @command) = @_;
	my $file = "$top/build/bench/measured";
	unlink $file;
	local $ENV{MEASURE_PRELOAD} = $lib;
	system("$top/build/host/measure", $file, $how, @command);
	return result($file, "@command");
}

sub result {
	my ($file, $command) = @_;
	open my $in, '<', $file or die "bench-heap: $command: no result\n";
	my ($status, @figures) = split ' ', <$in> // '1';
	die "bench-heap: $command: status $status\n" if $status;
	return @figures;
}

# Of a process, in KiB.
sub status_field {
	my ($pid, $name) = @_;
	open my $in, '<', "/proc/$pid/status" or return 0;
	return (map { /^$name:\s+(\d+)/ } <$in>)[0];
}

# The server under the library, its clients not: the figures of measure, then resident KiB before,
# when full, and a second after FLUSHALL.
sub redis {
	my ($top, $how, $lib) = @_;
	my $file = "$top/build/bench/measured";
	my $port = 20000 + $$ % 20000;
	unlink $file;
	my $pid = fork // die "fork: $!\n";
	if (!$pid) {
		$ENV{MEASURE_PRELOAD} = $lib;
		exec "$top/build/host/measure", $file, $how, 'redis-server', '--port', $port, '--save', '', '--appendonly', 'no', '--bind', '127.0.0.1';
		die;
	}
	for (1 .. 200) {
		last if IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port");
		sleep 0.02;
	}
	my $cli = "redis-cli -p $port";
	my ($server) = `$cli info server` =~ /process_id:(\d+)/ or die "bench-heap: redis-server does not answer\n";
	my @resident = status_field($server, 'VmRSS');
	my $load = "redis-benchmark -p $port -q -c 8 -P 16 -r 100000 -n 100000 -d 200";
	`$load -t set,lpush 2>&1`;
	`$load -t hset,sadd,zadd -n 50000 2>&1`;
	push @resident, status_field($server, 'VmRSS');
	if ($how eq 'peak') {
		`$cli flushall`;
		sleep 1;
		push @resident, status_field($server, 'VmRSS');
	}
	`$cli shutdown nosave 2>&1`;
	waitpid $pid, 0;
	return (result($file, 'redis-server'), @resident);
}

sub run {
	my ($top, $how, $lib, $program) = @_;
	return redis($top, $how, $lib) unless defined $program->[1];
	return measured($top, $how, $lib, '/bin/sh', '-c', $program->[1]);
}

1;
