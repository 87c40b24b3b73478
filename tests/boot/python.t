#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's python3 runs a part of its own test suite: what leans on memory and threads.  Only
# what takes seconds of pure arithmetic is left out.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

my @modules = qw(test_mmap test_memoryview test_array test_bytes test_dict test_gc test_threading);
my @slow = qw(test_trashcan* test_find_periodic_pattern test_track_*);

# Of the test suite only those, and what they stand on.
my $lib = '/usr/lib/python3.11/test';
my @omit = map { "omit $_" } "$lib/*test_*", "$lib/*.txt", "$lib/cjkencodings", "$lib/decimaltestdata", "$lib/*.pck",
	'/usr/lib/*/gconv/*', '/usr/lib/python3.11/ensurepip', '/usr/lib/python3.11/pydoc_data', '/usr/bin/dpkg*';

plan skip_all => 'x86_64 is not among the kernels' unless grep { $_ eq 'x86_64' } arches();
my $suite = package_dir('x86_64', 'libpython3.11-testsuite') . $lib;
my $vm = Quire::Boot->start(
	memory => '512M', limit => 600, packages => 'bash coreutils python3 libpython3.11-testsuite',
	files => [ @omit, map { "file $lib/$_.py 644 $suite/$_.py" } @modules ],
);
$vm->prompt;
$vm->run('set +o emacs');
like($vm->run('python3 -c "import sys; print(sys.version_info[:2], 2 ** 100)"', 60), qr/\(3, 11\) 1267650600228229401496703205376\n/,
	'python3 starts');

$vm->send("python3 -m test -v @{[ map { qq(-i '$_') } @slow ]} @modules; echo \"status <\$?>\"\n");
for my $module (@modules) {
	my $said = $vm->expect(qr/^[^\n]*\] $module\b.*?^Ran (\d+) tests in [^\n]*\n\n(OK|FAILED)[^\n]*\n/sm, 240)
		// $vm->give_up("$module: no end");
	my ($count, $verdict) = @{ $vm->{captures} };
	is($verdict, 'OK', "$module: $count tests") or diag($said =~ s/^[^\n]* \.\.\. (?:ok|skipped[^\n]*)\n//gmr);
}
$vm->expect(qr/status <(\d+)>\n/, 30);
is($vm->{captures}[0], 0, 'the whole');
$vm->prompt;
is($vm->poweroff, 0, 'power off');
done_testing;
