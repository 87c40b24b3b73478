# SPDX-License-Identifier: BSD-2-Clause
#
# Quire::Replay - the same scripts of memory calls (tests/replay) on this machine's Linux and on a
# booted Quire.
#
#	my $r = Quire::Replay->new(arch => 'i686', first => 1, count => 1000);
#	my @seeds = $r->differing;                 # those whose transcripts differ
#	my ($linux, $quire) = $r->both($seed);     # a seed's transcripts
#	my ($linux, $quire) = $r->both([@steps]);  # those of a script, a line a step
#	my @script = $r->shrink(@steps);           # the least of it that still differs
package Quire::Replay;

use strict;
use warnings;
use IPC::Open2;
use Quire::Boot;

sub new {
	my ($class, %o) = @_;
	my $self = bless { arch => 'x86_64', first => 1, count => 0, memory => '256M', %o }, $class;
	$self->{program} = top() . '/build/replay/' . ($self->{arch} eq 'x86_64' ? 64 : 32) . '/replay';
	-e $self->{program} or system('make', '-s', '-C', top(), 'replay-programs') == 0
		or die "no $self->{program}\n";
	return $self;
}

# The run on Linux comes first: it says which steps both leave out.
sub linux_run {
	my ($self) = @_;
	return $self->{linux} //= [ `$self->{program} run $self->{first} $self->{count}` ];
}

sub boot {
	my ($self) = @_;
	return if $self->{vm} && !defined $self->{vm}{status};
	my $dir = $self->{dir} //= File::Temp->newdir;
	open my $out, '>', "$dir/linux" or die;
	print $out @{ $self->linux_run };
	close $out;
	my $vm = $self->{vm} = Quire::Boot->start(arch => $self->{arch}, memory => $self->{memory},
		limit => $self->{limit} // 600, ($self->{kernel} ? (kernel => $self->{kernel}) : ()),
		files => [ "file /bin/replay 755 $self->{program}", "file /linux 644 $dir/linux" ]);
	$vm->prompt;
	my $without = $ENV{REPLAY_WITHOUT} // '';
	$vm->run("export REPLAY_WITHOUT='$without'; mkdir -p /dev/shm; stty -echo -onlcr");
	delete $self->{serves};
}

sub quire_run {
	my ($self) = @_;
	return $self->{quire} if $self->{quire};
	$self->boot;
	my $said = $self->{vm}->run("replay run $self->{first} $self->{count} /linux", 400);
	defined $said or $self->{vm}->give_up('the scripts did not come to their end');
	push @{ $self->{row}{$1} }, $2 while $said =~ /^\+(\d+) (.*)$/mg;
	return $self->{quire} = [ map { "$_\n" } grep { /^\d+ [0-9a-f]{16}/ } split /\n/, $said ];
}

# Linux's answer may be a chance one: a page of shared memory that it moves to another frame just then
# is not resident for a moment.  So it is asked again about what differs.
sub agrees_again {
	my ($self, $seed, $quire) = @_;
	my ($again) = map { (split ' ', $_, 2)[1] } `$self->{program} run $seed 1`;
	return $again eq $quire;
}

sub differing {
	my ($self) = @_;
	my %quire = map { split ' ', $_, 2 } @{ $self->quire_run };
	my %linux = map { split ' ', $_, 2 } @{ $self->linux_run };
	$self->{skips} = { map { $_ => $linux{$_} =~ /^\S+ (.*\S)/ ? $1 : '' } keys %linux };
	my @bad = grep { $linux{$_} ne ($quire{$_} // '') } sort { $a <=> $b } keys %linux;
	return grep { !$self->agrees_again($_, $quire{$_} // '') } @bad;
}

# ---- one script on both -----------------------------------------------------------------

sub serve_linux {
	my ($self, $text) = @_;
	open2(my $out, my $in, $self->{program}, 'serve');
	print $in $text;
	close $in;
	my @said = <$out>;
	wait;
	shift @said;
	my $end = pop @said // '';
	return join('', @said), $end =~ /^end (.*\S)/ ? $1 : '';
}

sub serve_quire {
	my ($self, $text) = @_;
	for my $try (1 .. 2) {
		$self->boot;
		if (!$self->{serves}) {
			$self->{vm}->send("replay serve\n");
			$self->{vm}->expect(qr/ready\n/, 10) // die "replay does not serve\n";
			$self->{serves} = 1;
		}
		$self->{vm}->send($text);
		my $said = $self->{vm}->expect(qr/^end.*\n/m, 30);
		return $said =~ s/^end.*\n\z//mr if defined $said;
		# The kernel fell, or the program.
		my $last = substr $self->{vm}->transcript, -3000;
		$self->{vm}->stop;
		delete $self->{vm};
		return "no answer: $last\n" if $try == 2;
	}
}

sub both {
	my ($self, $script) = @_;
	my $text = ref $script ? join('', map { "$_\n" } @$script) : "seed $script\n";
	my ($linux, $skips) = $self->serve_linux("${text}end\n");
	my $quire = $self->serve_quire($text . ($skips ne '' ? "skip $skips\n" : '') . "end\n");
	return ($linux, $quire, $skips);
}

# What a script that differed said when it ran among the others.
sub in_row {
	my ($self, $seed) = @_;
	return join '', map { "$_\n" } @{ $self->{row}{$seed} // [] };
}

sub script {
	my ($self, $seed) = @_;
	chomp(my @steps = `$self->{program} make $seed`);
	return @steps;
}

# The first line that differs, on both, and the lines before it.
sub first_difference {
	my ($linux, $quire) = @_;
	my @l = split /\n/, $linux;
	my @q = split /\n/, $quire;
	my $n = 0;
	$n++ while $n < @l && $n < @q && $l[$n] eq $q[$n];
	return if $n == @l && $n == @q;
	return ($l[$n] // '(the end)', $q[$n] // '(the end)', @l[0 .. $n - 1]);
}

# ---- the least script ---------------------------------------------------------------------

sub fails {
	my ($self, @steps) = @_;
	my ($linux, $quire) = $self->both(\@steps);
	return $linux ne $quire;
}

# Simpler forms of a step.
sub simpler {
	my ($step) = @_;
	my @all;
	push @all, $step =~ s/^@\d/\@0/r;
	push @all, $step =~ s/\|(populate|noreserve|locked|growsdown|stack|nonblock|denywrite)\b//r;
	push @all, $step =~ s/ (\d+)p([+-]\d+)?(?= |$)/ ' ' . ($1 > 1 ? int($1 \/ 2) : $1) . 'p'/er;
	push @all, $step =~ s/ (\d+)p([+-]\d+)?(?= |$)/ ' ' . ($1 > 1 ? $1 - 1 : $1) . 'p'/er;
	push @all, $step =~ s/( \w\d\+\d+p)[+-]\d+/$1/r;
	push @all, $step =~ s/r\|w\|x|r\|x/r|w/r;
	return grep { $_ ne $step } @all;
}

sub shrink {
	my ($self, @steps) = @_;
	$self->fails(@steps) or return;
	# Ever smaller pieces are left out.
	for (my $piece = int(@steps / 2) || 1; $piece >= 1; $piece = $piece == 1 ? 0 : int($piece / 2)) {
		for (my $at = 0; $at < @steps;) {
			my @fewer = @steps;
			splice @fewer, $at, $piece;
			if (@fewer && $self->fails(@fewer)) {
				@steps = @fewer;
			} else {
				$at += $piece;
			}
		}
	}
	for my $i (0 .. $#steps) {
		for (my $again = 1; $again;) {
			$again = 0;
			for my $simple (simpler($steps[$i])) {
				my @other = @steps;
				$other[$i] = $simple;
				next unless $self->fails(@other);
				@steps = @other;
				$again = 1;
				last;
			}
		}
	}
	return @steps;
}

sub poweroff {
	my ($self) = @_;
	my $vm = $self->{vm} or return 0;
	$vm->send("\cD") if $self->{serves};
	$vm->prompt(10) if $self->{serves};
	return $vm->poweroff;
}

1;
