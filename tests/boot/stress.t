#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# stress-ng's stressors of memory, processes and threads, each for a bounded count, which verify
# what they read back.  Afterwards the machine has its memory back, but for what caches keep.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

# Stressor, how many operations, what else it is told.
my @stressors = (
	[ 'vm', 300, '--vm-bytes 4M' ],
	[ 'mmap', 10, '--mmap-bytes 4M --mmap-file --mmap-mprotect' ],
	[ 'brk', 20000 ],
	[ 'malloc', 4000, '--malloc-bytes 8M --malloc-max 1000 --malloc-pthreads 2' ],
	[ 'fork', 400 ],
	[ 'vfork', 200 ],
	[ 'clone', 50 ],
	[ 'mremap', 10, '--mremap-bytes 4M' ],
	[ 'madvise', 2 ],
	[ 'mprotect', 2000 ],
	[ 'mlock', 100 ],
	[ 'mincore', 20 ],
	[ 'msync', 20, '--msync-bytes 1M' ],
	[ 'munmap', 5 ],
	[ 'shm', 5, '--shm-bytes 1M' ],
	[ 'shm-sysv', 5, '--shm-sysv-bytes 1M' ],
	[ 'memfd', 20, '--memfd-bytes 4M' ],
	[ 'bigheap', 200, '--bigheap-growth 256K' ],
	[ 'stack', 2 ],
	[ 'stackmmap', 10 ],
	[ 'pthread', 400 ],
	[ 'futex', 100 ],
	[ 'vm-rw', 4, '--vm-rw-bytes 1M' ],
	[ 'remap', 10 ],
	[ 'mmapmany', 4000 ],
	[ 'sigsegv', 500 ],
	[ 'membarrier', 50 ],
	[ 'pipe', 5000 ],
);

# Libraries for what is not stressed here: screens, cryptography, Kerberos.
my @omit = map { "omit $_" } '/usr/lib/*/gconv/*', '/usr/lib/*/dri', '/usr/lib/*/perl*', '/usr/share/perl*',
	'/usr/bin/perl*', '/usr/bin/dpkg*', '/usr/share/X11', '/usr/share/stress-ng*';

sub free_memory {
	my ($vm) = @_;
	$vm->run('sync; cat /proc/meminfo') =~ /^MemFree:\s+(\d+)/m or die 'no MemFree';
	return $1;
}

for my $arch (arches()) {
	my $vm = Quire::Boot->start(
		arch => $arch, memory => '512M', limit => 600, packages => 'bash coreutils stress-ng',
		files => [ @omit, 'dir /dev/shm 1777' ],
	);
	$vm->prompt;
	$vm->run('set +o emacs; cd /tmp');
	$vm->run('stress-ng --fork 1 --fork-ops 1');
	my $before = free_memory($vm);
	for (@stressors) {
		my ($name, $ops, $more) = @$_;
		my $begin = time;
		my $command = "timeout 100 stress-ng -t 60 --verify --metrics-brief --$name 1 --$name-ops $ops";
		my $status = $vm->status($command . ($more ? " $more" : ''), 150) // $vm->give_up("$name: no end");
		my ($done) = $vm->{out} =~ /metrc: \[\d+\] \Q$name\E\s+(\d+)\s/;
		my $good = $status == 0 && ($done // 0) >= $ops && $vm->{out} !~ /\bfail:|premature/;
		ok($good, "$arch: $name, $ops operations verified") or diag($vm->{out});
		note("$name: ", time - $begin, ' s');
	}
	my $lost = $before - free_memory($vm);
	ok($lost < 2048, "$arch: no memory is lost") or diag("$lost KiB");
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
