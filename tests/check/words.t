#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# What each file says: its license, no notes left to do, no links to nowhere.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Basename 'dirname';
use Quire::Tree;
use Test::More;

my $source = qr{(?:\.(?:c|h|S|ld|pl|pm|t|mk|sh)|^Makefile|^tools/[\w-]+|^\.ci/run|^bench/run)$};

my @unlicensed = grep { substr(contents($_), 0, 400) !~ /SPDX-License-Identifier: BSD-2-Clause/ } files($source);
ok(!@unlicensed, 'an SPDX line at the head of each source') or diag(map { "$_\n" } @unlicensed);

my $notes = join '|', 'TO' . 'DO', 'FIX' . 'ME', 'X' . 'XX';
my @notes;
for my $file (files($source), files(qr{\.md$})) {
	my $line = 0;
	for (split /\n/, contents($file)) {
		$line++;
		push @notes, "$file:$line: $_" if /\b(?:$notes)\b/;
	}
}
ok(!@notes, 'no notes of work left') or diag(map { "$_\n" } @notes);

# The name under which a heading can be linked to, as the common renderers make it.
sub anchors {
	my ($text) = @_;
	my %anchors;
	$text =~ s/^```.*?^```//msg;
	for ($text =~ /^#+\s+(.*?)\s*#*$/mg) {
		my $name = lc s/[`*]//gr;
		$name =~ s/\[([^\]]*)\]\([^)]*\)/$1/g;
		$name =~ s/[^\w\- ]//g;
		$name =~ s/ /-/g;
		$anchors{$name} = 1;
	}
	return %anchors;
}

my @dead;
for my $file (files(qr{\.md$})) {
	my $text = contents($file);
	(my $prose = $text) =~ s/^```.*?^```//msg;
	for my $link ($prose =~ /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g) {
		next if $link =~ m{^(?:https?|mailto):};
		my ($path, $anchor) = $link =~ /^([^#]*)(?:#(.*))?$/;
		my $target = $path eq '' ? $file : $path =~ m{^/} ? ".$path" : dirname($file) . "/$path";
		if (!-e $target) {
			push @dead, "$file: $link";
		} elsif (defined $anchor && $target =~ /\.md$/) {
			my %there = anchors(contents($target));
			push @dead, "$file: $link" unless $there{$anchor};
		}
	}
}
ok(!@dead, 'no dead link in a document') or diag(map { "$_\n" } @dead);

# A test that walks through all cases of one thing may be longer than what it tests.
my @long = grep { (() = contents($_) =~ /\n/g) > (m{^tests/} ? 800 : 600) } files(qr{\.(?:c|h|S)$});
ok(!@long, 'no source file is longer than 600 lines (a test: 800)') or diag(map { "$_\n" } @long);
done_testing;
