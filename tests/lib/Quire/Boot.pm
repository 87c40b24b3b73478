# SPDX-License-Identifier: BSD-2-Clause
#
# Quire::Boot - a booted kernel that a test talks with over its serial line.
#
#	use Quire::Boot;
#	use Test::More;
#
#	for my $arch (arches()) {
#		my $vm = Quire::Boot->start(arch => $arch, memory => '64M');
#		$vm->prompt;                                  # dies, with the transcript, if none comes
#		is($vm->run('echo $((6 * 7))'), "42\n", "$arch: arithmetic");
#		is($vm->poweroff, 0, "$arch: powers off");
#	}
#	done_testing;
#
# start(...) takes
#	arch      x86_64, i686, i686-pae
#	memory    for -m, '64M' if absent
#	kernel    an ELF file; build/ARCH/quire.elf if absent
#	root      an archive; build/ARCH/root.cpio.gz if absent; undef for none
#	files     [ lines for tools/cpio ]: a root of its own, with these added
#	packages  'NAME ...': a root of its own, with these of Debian and all that they depend on
#	append    words for the command line, after `console=ttyS0 debugexit`
#	iso       boot this image instead of a kernel;  firmware => 'ovmf' for UEFI
#	args      [ more arguments for QEMU ]
#	prompt    what ends the answer to a command, when the shell is not BusyBox's
#	limit     seconds that the machine may live, 120 if absent
#
# QUIRE_LINUX=1 in the environment boots Debian's Linux in place of Quire, with the same root:
# it shows that a test asks of Quire what Linux answers.  QUIRE_ARCHES="i686" narrows arches().
# QUIRE_VERBOSE=1 shows what comes over the line.
#
# All QEMU processes end with the test, and by themselves after their limit.
package Quire::Boot;

use strict;
use warnings;
use Cwd 'abs_path';
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp ();
use POSIX 'WNOHANG';
use Socket;
use Test::More ();
use Time::HiRes 'time';

our @EXPORT = qw(arches linux have_kernel top package_dir);

my $top = abs_path(dirname(__FILE__) . '/../../..');
# A prompt: the last line, a directory and a sign.  No command typed starts so.
my $prompt = qr{(?:^|\n)[/~][^\n ]{0,60} [#\$] \z};
my $slow = $ENV{QUIRE_SLOW} || 1;    # multiplies every wait

sub top { return $top }
sub linux { return $ENV{QUIRE_LINUX} ? 1 : 0 }
sub have_kernel { return linux() || -e "$top/build/$_[0]/quire.elf" }

# The kernels that there are.  A test of none is skipped as a whole.
sub arches {
	my @all = split ' ', $ENV{QUIRE_ARCHES} // 'x86_64 i686';
	my @there = grep { have_kernel($_) } @all;
	Test::More::plan(skip_all => "no kernel for any of: @all") unless @there;
	return @there;
}

sub debian_arch { return $_[0] eq 'x86_64' ? 'amd64' : 'i386' }

# Where a Debian package of the kernel's word size lies unpacked; fetched if need be.
sub package_dir {
	my ($arch, $package) = @_;
	my $debian = debian_arch($arch);
	system("$top/tools/debs", $debian, $package) == 0 or die "cannot fetch $package for $debian\n";
	return ($ENV{QUIRE_DEBS} // "$top/build/debs") . "/$debian/$package";
}

sub linux_kernel {
	my ($arch) = @_;
	my $dir = package_dir($arch, $arch eq 'x86_64' ? 'linux-image-amd64' : 'linux-image-686');
	my ($kernel) = glob "$dir/boot/vmlinuz-*";
	return $kernel;
}

sub start {
	my ($class, %o) = @_;
	my $self = bless {
		arch => 'x86_64', memory => '64M', limit => 120, append => '', args => [],
		seen => "", mark => 0, prompt => $prompt, %o,
	}, $class;
	$self->{limit} *= $slow;
	$self->spawn($self->command);
	return $self;
}

sub root_file {
	my ($self) = @_;
	return $self->{root} if exists $self->{root};
	my ($files, $packages) = @$self{qw(files packages)};
	return "$top/build/$self->{arch}/root.cpio.gz" unless $files || $packages;
	my $dir = $self->{dir} = File::Temp->newdir;
	my $root = $packages ? "$dir/root.cpio" : "$dir/root.cpio.gz";
	my @packages = $packages ? ('-p', $packages) : ();
	system("$top/tools/mkroot", @packages, $self->{arch}, $root, @{ $files // [] }) == 0
		or die "mkroot failed\n";
	return $root;
}

sub command {
	my ($self) = @_;
	my @qemu = ($self->{arch} eq 'x86_64' ? 'qemu-system-x86_64' : 'qemu-system-i386');
	my $memory = $self->{memory};
	my $append = "console=ttyS0 debugexit $self->{append}";
	my $kernel = $self->{kernel} // "$top/build/$self->{arch}/quire.elf";
	if (linux() && !$self->{iso}) {
		$kernel = linux_kernel($self->{arch});
		$memory = '256M' if $memory =~ /^(\d+)M$/ && $1 < 256;
		$append = "console=ttyS0 quiet panic=-1 $self->{append}";
	}
	push @qemu, '-m', $memory, '-display', 'none', '-monitor', 'none', '-serial', 'stdio',
		'-nic', 'none', '-no-reboot', '-device', 'isa-debug-exit,iobase=0xf4,iosize=0x04';
	if ($self->{iso}) {
		push @qemu, '-cdrom', $self->{iso};
		push @qemu, '-bios', ovmf() if ($self->{firmware} // '') eq 'ovmf';
	} else {
		my $root = $self->root_file;
		push @qemu, '-kernel', $kernel, '-append', $append, $root ? ('-initrd', $root) : ();
	}
	return ('timeout', '-k', 2, $self->{limit}, @qemu, @{ $self->{args} });
}

sub ovmf {
	my ($file) = grep { -e } '/usr/share/ovmf/OVMF.fd', '/usr/share/qemu/OVMF.fd';
	return $file // die "no OVMF here\n";
}

sub spawn {
	my ($self, @command) = @_;
	socketpair(my $ours, my $theirs, AF_UNIX, SOCK_STREAM, PF_UNSPEC) or die "socketpair: $!";
	# QEMU writes single characters and drops what does not fit.  A pipe has room for 65536, a
	# socket only for some hundred: that is too few when several machines run at once.
	pipe(my $out, my $into) or die "pipe: $!";
	$self->{pid} = fork() // die "fork: $!";
	if (!$self->{pid}) {
		close $ours;
		close $out;
		setpgrp(0, 0);
		open STDIN, '<&', $theirs or die;
		open STDOUT, '>&', $into or die;
		open STDERR, '>&', $into or die;
		exec @command or POSIX::_exit(127);
	}
	close $theirs;
	close $into;
	@$self{qw(line said command)} = ($ours, $out, "@command");
}

# More of what the machine says, waiting until `deadline`.  False at the end of the line, or late.
sub pump {
	my ($self, $deadline) = @_;
	my $wait = $deadline - time;
	return 0 if $self->{closed} || $wait <= 0;
	my $bits = '';
	vec($bits, fileno $self->{said}, 1) = 1;
	return 0 unless select($bits, undef, undef, $wait) > 0;
	if (!sysread $self->{said}, my $bytes, 65536) {
		$self->{closed} = 1;
		return 0;
	} else {
		print STDERR $bytes if $ENV{QUIRE_VERBOSE};
		# A shell that edits its line asks where the cursor is, colours, goes back.
		$self->{seen} .= $bytes =~ s/\r//gr;
		$self->{seen} =~ s/\e\[[0-9;?]*[A-Za-z]//g;
	}
	return 1;
}

# Wait until `pattern` matches what came since the last match.  Returns what it matched with all
# before it, or undef.  $vm->{captures} has the groups.
sub expect {
	my ($self, $pattern, $seconds) = @_;
	my $deadline = time + ($seconds // 60) * $slow;
	while (1) {
		my $new = substr $self->{seen}, $self->{mark};
		if ($new =~ $pattern) {
			my $end = $+[0];
			$self->{captures} = [ map { defined $-[$_] ? substr $new, $-[$_], $+[$_] - $-[$_] : undef } 1 .. $#+ ];
			$self->{mark} += $end;
			return substr $new, 0, $end;
		}
		$self->pump($deadline) or last;
	}
	return undef;
}

# A line typed at the machine.
sub send {
	my ($self, $text) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $line = $self->{line};
	while (length $text) {
		my $n = syswrite $line, $text;
		last unless $n;
		substr($text, 0, $n) = '';
	}
}

# Wait for a shell's prompt.
sub prompt {
	my ($self, $seconds) = @_;
	$self->expect($self->{prompt}, $seconds) // $self->give_up('no prompt came');
	return $self;
}

# Type a command at the shell; what it printed, when the prompt is back.  undef if it never is.
sub run {
	my ($self, $command, $seconds) = @_;
	$self->send("$command\n");
	my $out = $self->expect($self->{prompt}, $seconds);
	return undef unless defined $out;
	my $echo = join "\n?", map { quotemeta } split //, $command;    # wrapped by a shell that edits
	$out =~ s/\A$echo\n+//;
	$out =~ s/(^|\n)[^\n]*\z/$1/;    # the prompt
	return $out;
}

# The exit status of the command, and its output as `out`.
sub status {
	my ($self, $command, $seconds) = @_;
	my $out = $self->run("$command; echo \"<\$?>\"", $seconds) // return undef;
	my $status = $out =~ s/<(\d+)>\n\z// ? $1 : undef;
	$self->{out} = $out;
	return $status;
}

# Type poweroff; the exit status of QEMU, 0 if the machine went off by itself.
sub poweroff {
	my ($self, $seconds) = @_;
	$self->send("poweroff\n");
	return $self->wait($seconds);
}

# Wait until QEMU ends.  Its exit status: 0 power off; 33 power_exit(true) and 35 a panic, by the exit
# device; 124 at the limit of time; undef if it goes on.
sub wait {
	my ($self, $seconds) = @_;
	my $deadline = time + ($seconds // 30) * $slow;
	1 while $self->pump($deadline);
	while (!defined $self->{status} && $self->{pid}) {
		if (waitpid($self->{pid}, WNOHANG) == $self->{pid}) {
			$self->{status} = $? >> 8 || ($? ? 128 + ($? & 127) : 0);
			$self->{pid} = 0;
		} else {
			last if time > $deadline;
			select undef, undef, undef, 0.02;
		}
	}
	return $self->{status};
}

# All that was said so far.
sub transcript { return $_[0]{seen} }

# The last lines said, as a remark under the results.
sub show {
	my ($self, $lines) = @_;
	my @all = split /\n/, $self->{seen};
	splice @all, 0, @all - ($lines // 40) if @all > ($lines // 40);
	Test::More::diag("$self->{command}\n", map { "| $_\n" } @all);
}

sub give_up {
	my ($self, $why) = @_;
	$self->show;
	$self->stop;
	die "$self->{arch}: $why\n";
}

# Results that come over the line as TAP, taken over one by one until all that the plan (`1..N`,
# first or last) promises are there.
sub relay {
	my ($self, $seconds) = @_;
	my $builder = Test::More->builder;
	my ($count, $plan) = (0);
	until (defined $plan && $count >= $plan) {
		my $said = $self->expect(qr/^(?:(not )?ok \d+ (?:- )?([^\n]*)|1\.\.(\d+)|(Bail out![^\n]*))\n/m, $seconds);
		last unless defined $said;
		my ($not, $name, $planned, $bail) = @{ $self->{captures} };
		die "$bail\n" if defined $bail;
		if (defined $planned) {
			$plan = $planned;
			last if $count;
		} elsif (++$count && $name =~ s/# SKIP\b\s*//i) {
			$builder->skip("$self->{arch}: $name");
		} else {
			# What was remarked before a failure says why.
			$builder->ok(!$not, "$self->{arch}: $name") or Test::More::diag($said);
		}
	}
	$builder->is_num($count, $plan // -1, "$self->{arch}: as many results as planned") or $self->show;
	return $count;
}

sub stop {
	my ($self) = @_;
	return unless $self->{pid};
	kill 'TERM', -$self->{pid};
	kill 'TERM', $self->{pid};
	for (1 .. 100) {
		return $self->{pid} = 0 if waitpid($self->{pid}, WNOHANG);
		select undef, undef, undef, 0.02;
	}
	kill 'KILL', -$self->{pid};
	waitpid $self->{pid}, 0;
	$self->{pid} = 0;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@, $!);
	$self->stop;
}

1;
