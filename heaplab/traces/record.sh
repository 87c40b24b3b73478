#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# record.sh HEAPLAB - record the traces that are built into heaplab anew, from the programs of this
# machine, in an environment that is the same everywhere.
set -eu
lab=$(realpath "$1")
out=$(cd "$(dirname "$0")" && pwd)
words=$out/../../LICENSE

record() {
	name=$1
	shift
	env -i PATH=/usr/bin:/bin LC_ALL=C PERL_HASH_SEED=0 "$lab" --record "$out/$name.trace" "$@" </dev/null
}

record bash bash --norc -c 'a=(); for i in {1..25}; do a+=("word $((i * 7919 % 15))"); done
	declare -A n; for w in "${a[@]}"; do k=${w#word }; n[$k]=$((${n[$k]:-0} + 1)); done
	echo ${#a[@]} words, ${#n[@]} different'
record perl perl -e 'my %n; open my $in, "<", shift; while (<$in>) { $n{lc $_}++ for /\w+/g }
	my @top = sort { $n{$b} <=> $n{$a} || $a cmp $b } keys %n; print "$_ $n{$_}\n" for @top[0 .. 2]' "$words"
record sqlite sqlite3 :memory: 'create table t(a integer primary key, b text);
	with recursive n(i) as (select 1 union all select i + 1 from n where i < 300)
		insert into t select i, hex(i * 7919 % 1000) || "x" from n;
	create index u on t(b); select count(*), max(b) from t where b like "3%";
	select b, count(*) from t group by b having count(*) > 1 limit 3;'
