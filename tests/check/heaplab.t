#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# heaplab on this machine, both word sizes: what it prints for every trace and heap, that it is the
# same each time, files of traces, recording, pictures, and what it says to nonsense.
use strict;
use warnings;
use Cwd 'abs_path';
use File::Temp 'tempdir';
use FindBin;
use Test::More;

my $top = abs_path("$FindBin::Bin/../..");
my %lab = (64 => "$top/build/host/heaplab", 32 => "$top/build/host/32/heaplab");
-x $lab{64} && -x $lab{32} or die "not built: make heaplab builds it\n";
my $dir = tempdir(CLEANUP => 1);
chdir $dir;

# Output, errors and exit status of a command.
sub run {
	my ($command) = @_;
	my $out = `{ $command; } 2>$dir/errors </dev/null`;
	my $status = $? >> 8;
	open my $in, '<', "$dir/errors";
	local $/;
	return ($out, <$in> // '', $status);
}

# { trace => { heap => [ columns ] } } of what was printed.
sub rows {
	my ($text) = @_;
	my (%rows, $trace);
	for (split /\n/, $text) {
		$trace = $1 if /^(\S+): \d+ calls, at most \d+ objects of together \d+ KiB; arena \d+ KiB$/;
		$rows{$trace}{$1} = [ split ' ', $2 ]
			if $trace && /^(bump|block|list|quire) +([-\d.]+ +[\d.]+ +\d+ +[\d.]+% +[\d.]+% +[\d.]+% +[\d.]+% +\d+(?:, the first at call \d+)?)$/;
		undef $trace if /^B9/;
	}
	return \%rows;
}

for my $bits (64, 32) {
	my $lab = $lab{$bits};
	my ($out, $errors, $status) = run("$lab --clock none");
	is("$status$errors", '0', "$bits: runs all there is");
	is((run("$lab -c none"))[0], $out, "$bits: and prints the same again");
	isnt((run("$lab -c none --seed 2"))[0], $out, "$bits: another seed, other figures");

	my $rows = rows($out);
	my @traces = grep { $_ ne 'b9' } (run("$lab --list"))[0] =~ /^  (\w+) /mg;
	cmp_ok(scalar @traces, '>=', 9, "$bits: --list shows traces");
	my @holes;
	for my $trace (@traces) {
		for my $heap (qw(bump block list quire)) {
			my $r = $rows->{$trace}{$heap} // [];
			my $sum = 0;
			$sum += s/%//r for @$r[3 .. 6];
			push @holes, "$trace on $heap: @$r" unless @$r >= 8 && abs($sum - 100) < 0.3 && $r->[2] > 0;
		}
	}
	ok(!@holes, "$bits: a row for each heap and trace; what the peak was is all of it") or diag(map { "$_\n" } @holes);

	# What the documents say, in figures.
	my $waste = $rows->{pages}{block}[1];
	cmp_ok(abs($waste - 2048), '<', 100, "$bits: D4: half a page of waste an object ($waste)");
	is($rows->{same}{block}[1], '4032.0', "$bits: B6: 64 bytes take 4096");
	is($rows->{same}{$_}[1], '0.0', "$bits: 64 bytes waste nothing on $_") for qw(bump list quire);
	cmp_ok($rows->{$_}{bump}[2], '>', $rows->{$_}{list}[2], "$bits: $_: bump never gets smaller") for qw(churn lifo bash);
	my %b9 = map { my @w = split; $w[0] => "@w[4,6]" } (split /\nB9:/, $out)[1] =~ /^(?:bump|block|list|quire) .*/mg;
	is_deeply(\%b9, { bump => 'refused refused', map { $_ => 'refused given' } qw(block list quire) },
		"$bits: B9: scattered memory is refused, memory in a row is given");

	my ($timed) = run("$lab -n 2000 same");
	like($timed, qr/^heap +ns\/call .*\nbump +\d+\.\d .*\nblock .*\nlist .*\nquire +\d+\.\d /m, "$bits: times");
	like((run("$lab -c tsc -n 2000 -H list same"))[0], qr/cycles\/call.*\nlist +\d+\.\d /, "$bits: by the time-stamp counter");
	is(join(' ', sort keys %{ rows((run("$lab -c none -H quire,list lifo"))[0])->{lifo} }), 'list quire', "$bits: some heaps only");
	like((run("$lab -c none -a 64K -H bump churn"))[0], qr/ [1-9]\d*, the first at call \d+$/m, "$bits: an arena that is used up");

	# A trace goes through a file as it is.
	run("$lab --write a.trace -n 3000 grow");
	like((run('head -2 a.trace'))[0], qr/^# heaplab: grow, 3000 calls\na \d+\n/, "$bits: --write");
	my ($direct) = run("$lab -c none -n 3000 grow");
	is((run("$lab -c none --trace a.trace"))[0], $direct =~ s/^grow/a.trace/r, "$bits: --trace reads it");
	is((run("$lab -c none -t - <a.trace"))[0], $direct =~ s/^grow/-/r, "$bits: from standard input");
	is((run("printf 'a 10\\n\\n a 100 4096 # page\\nr 0 200\\nf 1' | $lab -c none -t - -H list"))[2], 0, "$bits: every form of a line");
	is((run("printf 'a 0\\nr 0 0\\nf 0\\n' | $lab -c none -t -"))[2], 0, "$bits: sizes of 0");

	my @wrong = (
		[ 'x 1',            qr/line 1: no call begins with 'x'/ ],
		[ 'a',              qr/line 1: the size is missing/ ],
		[ 'a -1',           qr/line 1: the size is missing/ ],
		[ 'a 3000000000',   qr/line 1: the size is more than 2147483647/ ],
		[ 'a 99999999999999999999', qr/line 1: the size is more than/ ],
		[ 'a 1 3',          qr/line 1: 3 is no alignment/ ],
		[ 'a 1 8 9',        qr/line 1: more than a call/ ],
		[ 'a 1\nf 1',       qr/line 2: object 1 is not live/ ],
		[ 'a 1\nf 0\nf 0',  qr/line 3: object 0 is not live/ ],
		[ '# nothing',      qr/no call is in it/ ],
	);
	for (@wrong) {
		my ($text, $said) = @$_;
		my (undef, $e, $s) = run("printf '$text' | $lab -t -");
		ok($s == 2 && $e =~ /^heaplab: -: $said/, "$bits: '$text' is refused") or diag("$s $e");
	}

	# Recording.
	my ($said, $e, $s) = run("$lab --record r.trace sh -c 'echo hello; exit 3'");
	SKIP: {
		skip 'no programs of 32 bits here', 4 if $bits == 32;
		is("$said$s", "hello\n3", "$bits: --record runs the program, and ends as it does");
		is((run("$lab -c none -t r.trace"))[2], 0, "$bits: what it recorded can be run");
		run("$lab --record p.trace perl -e 'my \@a = map { \"x\" x \$_ } 1 .. 500'");
		my ($p) = run("grep -c ^a p.trace");
		cmp_ok($p, '>', 500, "$bits: every string of perl is there");
		($said, $e, $s) = run("$lab --record s.trace $lab --list");
		ok($s == 2 && $e =~ /is a static program/, "$bits: a static program") or diag($e);
	}
	($said, $e, $s) = run("$lab --record s.trace /nonexistent");
	like($e, qr{/nonexistent: No such file}, "$bits: a program that is not");

	# Pictures.
	for ([ 'churn -n 600', '' ], [ 'bash', '--colour life' ], [ 'pages', '-a 2M' ], [ 'lifo', '-H list' ]) {
		my ($trace, $words) = @$_;
		run("$lab --svg p.svg $words $trace");
		open my $in, '<', 'p.svg';
		my $svg = do { local $/; <$in> } // '';
		my $open = () = $svg =~ m{<(?!/)[^>]*(?<!/)>}g;
		my $close = () = $svg =~ m{</}g;
		my $panels = $words =~ /-H/ ? 1 : 4;
		ok($svg =~ /\A<svg xmlns=[^>]*viewBox/ && $svg =~ m{</svg>\n\z} && $open == $close, "$bits: $trace: an SVG");
		cmp_ok(length $svg, '<', 100 * 1024, "$bits: $trace: of less than 100 KiB");
		is(scalar(() = $svg =~ /address, in KiB/g), $panels, "$bits: $trace: $panels panels, with their axes");
		ok($svg !~ /href|url\(|\@import|<script/ && $svg !~ /\bnan\b|\binf\b/, "$bits: $trace: alone in the world");
		like($svg, $words =~ /life/ ? qr/never freed/ : qr/up to 32 bytes/, "$bits: $trace: a legend");
		like($svg, qr/bump.*; \d+ refused/s, "$bits: what was refused is marked") if $words =~ /2M/;
	}
	is((run("$lab --svg - -n 100 same | head -c 4"))[0], '<svg', "$bits: to standard output");

	# Nonsense.
	my @nonsense = (
		[ '--nonsense',            qr/unrecognized option.*--help/s ],
		[ 'nosuch',                qr/^heaplab: nosuch: no trace of that name/ ],
		[ '-n 0',                  qr/--steps: '0' is no number from 10/ ],
		[ '-n 12x',                qr/--steps: '12x'/ ],
		[ '-s -1',                 qr/--seed: '-1'/ ],
		[ '-a 1K',                 qr/--arena: '1K' is no size/ ],
		[ '-H list,slob',          qr/--heaps: 'slob' is none of bump block list quire/ ],
		[ '-H ,',                  qr/--heaps: no heap is named/ ],
		[ '-c sun',                qr/--clock: 'sun' is none of none ns tsc insn/ ],
		[ '--colour red',          qr/--colour: 'red' is none of size life/ ],
		[ '-t /nonexistent',       qr{/nonexistent: No such file} ],
		[ '--svg x.svg',           qr/--svg: name one trace/ ],
		[ '--svg /nonexistent/x same', qr{/nonexistent/x: No such file} ],
		[ '--record x.trace',      qr/--record: no program is named/ ],
		[ '-c none same >/dev/full', qr/standard output cannot be written/ ],
	);
	for (@nonsense) {
		my ($words, $expect) = @$_;
		my (undef, $e, $s) = run("$lab $words");
		ok($s == 2 && $e =~ $expect, "$bits: $words: is refused, and why") or diag("status $s: $e");
	}
	my ($help, undef, $ok) = run("$lab --help");
	ok(!$ok && $help =~ /^Usage: heaplab/ && $help =~ /--svg FILE/ && !grep({ length > 96 } split /\n/, $help), "$bits: --help");
}
done_testing;
