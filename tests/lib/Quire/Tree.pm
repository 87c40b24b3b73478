# SPDX-License-Identifier: BSD-2-Clause
#
# Quire::Tree - the sources, for tests that read them: those in git, and new ones that git does
# not ignore.
package Quire::Tree;

use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';

our @EXPORT = qw(files contents top);

my $top = abs_path(dirname(__FILE__) . '/../../..');
chdir $top or die "$top: $!";

sub top { return $top }

# The files whose path matches.
sub files {
	my ($pattern) = @_;
	my @all = split /\0/, `git -c safe.directory='*' ls-files -z -co --exclude-standard`;
	@all = map { s{^\./}{}r } split /\0/, `find . -path ./.git -prune -o -path ./build -prune -o -type f -print0` unless @all;
	return sort grep { -f && $_ =~ $pattern } @all;
}

sub contents {
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar(<$in>) // '';
}

1;
