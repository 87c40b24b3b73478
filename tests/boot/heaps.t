#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# The kernel on each of its heaps: a shell, work, what /proc/quire/heap says of it; bump until it
# is empty, and off even then.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

plan skip_all => 'heap= is Quire\'s' if linux();

# Work that makes and frees objects of all sorts: files, directories, processes, pipes, mappings.
my $work = 'mkdir -p /tmp/a/b/c; for i in 1 2 3 4 5 6; do seq 300 | sort -r >/tmp/a/f$i; done; '
	. 'cat /tmp/a/f* | sort -un | tail -n 1; rm -r /tmp/a; (sleep 0; exit 3); echo $?';

sub heap_of {
	my ($vm) = @_;
	return { ($vm->run('cat /proc/quire/heap') // '') =~ /^(\w+) (.+)$/mg };
}

for my $arch (arches()) {
	# All machines at once: most of the time they wait for init to end what runs.
	my %vm = map { $_ => Quire::Boot->start(arch => $arch, append => "heap=$_") } qw(quire bump block list slob);
	$vm{empty} = Quire::Boot->start(arch => $arch, append => 'heap=bump heapsize=1M');
	$_->prompt for values %vm;

	for my $heap (qw(quire bump block list)) {
		my ($name, $vm) = ("$arch, $heap", $vm{$heap});
		like($vm->transcript, qr/heap: $heap, 1\d{4} KiB at /, "$name: said at boot") if $heap ne 'quire';
		my $before = heap_of($vm);
		is($before->{heap}, $heap, "$name: /proc/quire/heap names it");
		is($vm->run($work), "300\n3\n", "$name: files, pipes, processes");
		my $after = heap_of($vm);
		if ($heap ne 'quire') {
			is($after->{check}, 'ok', "$name: its invariants hold");
			is($after->{used} + $after->{free} + ($heap eq 'list' ? $after->{overhead} : 0),
				$after->{total}, "$name: used and free are all of it");
			cmp_ok($after->{objects}, '<', $before->{objects} + 200, "$name: objects were freed");
		}
		cmp_ok($after->{used} - $before->{used}, '<', 100000, "$name: memory came back")
			if $heap =~ /list|block/;
		# What the pools hold came through the heap: no frame is a pool's.
		my ($pool) = $vm->run('cat /proc/quire/frames') =~ /^pool (\d+)$/m;
		ok($heap eq 'quire' ? $pool : !$pool, "$name: slabs come from it") or diag("pool $pool");
	}

	like($vm{slob}->transcript, qr/heap=slob: no such heap; there are quire, bump, block and list. Going on with quire/,
		"$arch: a heap that is not");
	is(heap_of($vm{slob})->{heap}, 'quire', "$arch: quire instead");

	# Processes come and go until bump is empty.
	my $vm = $vm{empty};
	$vm->send("while (:); do :; done\n");
	ok(defined $vm->expect(qr/heap: bump has no room for \d+ bytes: \d+ KiB in \d+ objects/, 60), "$arch: bump is full");
	ok(defined $vm->expect(qr/heap: bump is empty, and takes nothing back.*heapsize=/, 5), "$arch: and says what to do");
	ok(defined $vm->expect(qr/can't fork: Cannot allocate memory/, 20), "$arch: the shell is told");
	$vm->{prompt} = qr/^\(unknown\) # \z/m;    # of its directory
	$vm->prompt(20);
	like($vm->run('echo alive'), qr/^alive$/m, "$arch: and goes on");
	like($vm->run('cat /etc/hostname'), qr/can't fork/, "$arch: without new programs");
	$vm->send("exit\n");
	$vm->prompt(20);
	is(($vm->run('echo again') // '') =~ /^again$/m, 1, "$arch: init starts the shell again");
	unlike($vm->transcript, qr/panic/i, "$arch: nothing panics");

	$_->send($_ == $vm{empty} ? "kill -USR2 1\n" : "poweroff\n") for values %vm;
	is($vm{$_}->wait(30), 0, "$arch, $_: power off") or $vm{$_}->show for sort keys %vm;
}
done_testing;
