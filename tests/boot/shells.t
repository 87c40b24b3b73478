#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Debian's static shells, as they are: glibc, dietlibc, klibc and musl; both word sizes.  Each
# runs the same session, and then what is its own.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

my $prompt = qr/(?:^|\n)ready> \z/;

# Package, file in it, how it is started, and whether it is a POSIX shell.
my @shells = (
	[ 'bash-static', 'bin/bash-static', 'bash --norc --noprofile' ],
	[ 'mksh', 'usr/lib/diet/bin/mksh', 'mksh-diet' ],
	[ 'mksh', 'usr/lib/klibc/bin/mksh', 'mksh-klibc' ],
	[ 'mksh', 'usr/lib/*-linux-musl/bin/mksh', 'mksh-musl' ],
	[ 'zsh-static', 'bin/zsh-static', 'zsh -f' ],
	[ 'sash', 'bin/sash', 'sash' ],
);

my @posix = (
	[ 'echo $((6 * 7))', "42\n" ],
	[ 'i=0; while [ $i -lt 5 ]; do i=$((i + 1)); done; echo $i', "5\n" ],
	[ 'f() { echo "<$1>"; }; f "a b"', "<a b>\n" ],
	[ 'echo one two three | { read a b; echo "$b"; }', "two three\n" ],
	[ 'cat <<X; echo end' . "\nhere \$i\nX", "here 5\nend\n" ],
	[ 'x=$(cat /etc/hostname); echo "${x%re}"', "qui\n" ],
	[ '(exit 3); echo $?', "3\n" ],
	[ 'trap "echo caught" USR1; kill -USR1 $$; trap - USR1', "caught\n" ],
	[ 'sh -c "kill -9 \$\$" 2>/dev/null; test $? -eq 137 && echo killed', qr/killed\n\z/ ],
	[ 'cd /usr/bin && pwd; cd /', "/usr/bin\n" ],
	[ 'echo /etc/[gh]*', "/etc/group /etc/hostname /etc/hosts\n" ],
	[ 'ls /etc | grep -c . >/tmp/n; test -s /tmp/n && echo written', "written\n" ],
	[ 'umask 077; : >/tmp/private; stat -c %a /tmp/private; umask 022', "600\n" ],
	[ 'sleep 0.1 & wait $!; echo $?', qr/(?:^|\n)0\n\z/ ],
	[ 'exec 5>/tmp/five; echo five >&5; exec 5>&-; cat /tmp/five', "five\n" ],
);

my %own = (
	bash => [
		[ 'a=(x y z); echo ${#a[@]} ${a[1]}', "3 y\n" ],
		[ 'echo {1..5} | tr -d " "', "12345\n" ],
		[ '[[ abc =~ b(.) ]] && echo ${BASH_REMATCH[1]}', "c\n" ],
		[ 'read x < <(echo through); echo $x', "through\n" ],
		[ 'coproc cat; echo hi >&${COPROC[1]}; read y <&${COPROC[0]}; echo $y; kill %1; wait 2>/dev/null', qr/hi\n/ ],
		[ 'printf "%(%Y)T\n" 0', "1970\n" ],
		[ 'sleep 50 & jobs', qr/\[\d+\][+-]?\s+Running\s+sleep 50 &\n\z/ ],
		[ 'kill %sleep; wait 2>/dev/null; echo gone', qr/gone\n\z/ ],
		[ 'ulimit -s', qr/^(?:\d+|unlimited)\n\z/ ],
	],
	mksh => [
		[ 'set -A a x y z; echo ${#a[*]} ${a[1]}', "3 y\n" ],
		[ 'typeset -i n=16#ff; echo $((n))', qr/^(?:255|16#ff)\n/ ],
		[ 'print -r - "\n"', "\\n\n" ],
	],
	zsh => [
		[ 'a=(x y z); echo $#a $a[2]', "3 y\n" ],
		[ 'echo ${(U)a[1]}', "X\n" ],
		[ 'print -l /etc/ho*(.)', "/etc/hostname\n/etc/hosts\n" ],
	],
);

# No line editing: the echo is the terminal's own.
my %quieten = (
	bash => 'set +o emacs',
	mksh => 'set +o emacs +o vi',
	zsh => 'unsetopt zle prompt_cr prompt_sp',
);

my @sash = (
	[ '-echo hello world', "hello world\n" ],
	[ '-pwd', "/\n" ],
	[ '-cp /etc/words /tmp/w', '' ],
	[ '-cmp /etc/words /tmp/w', "Files are identical\n" ],
	[ '-grep gather /tmp/w', "a gathering of pages, folded one within another\n" ],
	[ '-mkdir /tmp/dd', '' ],
	[ '-mv /tmp/w /tmp/dd/w', '' ],
	[ '-ls /tmp/dd', qr/\bw\n\z/ ],
	[ '-sum /tmp/dd/w', qr/\d/ ],
	[ '/bin/echo outside', "outside\n" ],
);

sub session {
	my ($vm, $name, @lines) = @_;
	for (@lines) {
		my ($command, $want) = @$_;
		$vm->send("$command\n");
		my $got = $vm->expect($vm->{prompt}, 30);
		$vm->give_up("$name: no answer to: $command") unless defined $got;
		$got =~ s/(?:^|(?<=\n))(?:ready)?> \z//;
		my $typed = $command =~ tr/\n// + 1;
		$got =~ s/^(?:[^\n]*\n){$typed}//;
		$command =~ s/\n.*//s;
		ref $want ? like($got, $want, "$name: $command") : is($got, $want, "$name: $command");
	}
}

for my $arch (arches()) {
	my @there;
	for (@shells) {
		my ($package, $path, $start) = @$_;
		my ($file) = glob package_dir($arch, $package) . "/$path";
		push @there, [ $file, $start ] if $file;
	}
	my @files = map { my ($name) = split ' ', $_->[1]; "file /bin/$name 755 $_->[0]" } @there;
	my $vm = Quire::Boot->start(arch => $arch, memory => '128M', limit => 300, files => \@files);
	$vm->prompt;
	for (@there) {
		my (undef, $start) = @$_;
		my ($name, $kind) = $start =~ /^((\w+)\S*)/;
		local $vm->{prompt} = $kind eq 'sash' ? qr/(?:^|\n)> \z/ : $prompt;
		$vm->send($kind eq 'sash' ? "exec 3>&1; sash\n" : "TERM=dumb PS1='ready> ' $start\n");
		if ($kind eq 'sash') {
			$vm->expect($vm->{prompt}, 20) // $vm->give_up("$name: no prompt");
			session($vm, "$arch, $name", @sash);
		} else {
			# Prompts that came before this answer belong to the start.
			$vm->send($quieten{$kind} . "; PS1='ready> ' PS2=; echo st''arted\n");
			$vm->expect(qr{\nstarted\nready> \z}, 20) // $vm->give_up("$name: no prompt");
			session($vm, "$arch, $name", @posix, @{ $own{$kind} // [] });
		}
		delete local $vm->{prompt};
		$vm->send("exit\n");
		$vm->expect(qr{(?:^|\n)/ # \z}, 20) // $vm->give_up("$name: does not leave");
	}
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
