#!/usr/bin/perl
# SPDX-License-Identifier: BSD-2-Clause
#
# Applets of BusyBox, each asked for something whose answer is known.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Quire::Boot;
use Test::More;

# The first line of a block is typed; the rest is what must be printed.  A line that starts with
# a slash is a pattern for the whole answer.
my @blocks = split /\n\n/, <<'END';
cd /tmp; pwd
/tmp

printf 'b 2\na 1\nc 3\n' >t; cat t
b 2
a 1
c 3

sort t
a 1
b 2
c 3

sort -k2nr t | head -n 1
c 3

tail -n 1 t
c 3

tac t
c 3
a 1
b 2

wc t
        3         6        12 t

cut -d' ' -f2 t
2
1
3

grep -c . t; grep -v a t | wc -l
3
2

egrep '^(a|b)' t | fgrep a
a 1

sed -n 's/a/A/p' t
A 1

awk '{ s += $2 } END { print s, NR }' t
6 3

tr a-z A-Z <t | nl
     1	B 2
     2	A 1
     3	C 3

od -An -tx1 t
 62 20 32 0a 61 20 31 0a 63 20 33 0a

hexdump -C t | head -n 1
00000000  62 20 32 0a 61 20 31 0a  63 20 33 0a              |b 2.a 1.c 3.|

xxd -p t
6220320a6120310a6320330a

crc32 t
9302a487 t

md5sum t
d208a499c69d73cc4066e51193bc6a1f  t

sha1sum t | cut -c1-8
7126e08b

sha256sum t | cut -c1-8
29ede79b

base64 t
YiAyCmEgMQpjIDMK

seq 3 | paste -s -d+ | bc
6

seq 1 2 9 | xargs
1 3 5 7 9

expr 6 \* 7
42

dc -e '2 10 ^ p'
1024

factor 360
360: 2 2 2 3 3 5

echo one two | tee u; cat u
one two
one two

cp t v; cmp t v && echo same
same

echo d 4 >>v; diff t v
/^--- t\n\+\+\+ v\n@@ -1,3 \+1,4 @@\n b 2\n a 1\n c 3\n\+d 4\n$/

mv v w; ls -1 t u w
t
u
w

mkdir -p d/e; touch d/e/f; find d
d
d/e
d/e/f

ln -s t l; readlink l; cat l | head -n 1
t
b 2

ln t h; stat -c '%h %s %A' h
2 12 -rw-r--r--

chmod 600 h; stat -c %a t
600

chown 1000:1000 h; ls -ln h | awk '{ print $3, $4 }'
1000 1000

rm h; stat -c %h t
1

rmdir d 2>&1; rm -r d; ls d 2>&1
rmdir: 'd': Directory not empty
ls: d: No such file or directory

touch -d '2020-02-03 04:05:06' t; date -u -r t '+%F %T'
2020-02-03 04:05:06

du -s /tmp | wc -l
1

basename /a/b.c .c; dirname /a/b.c
b
/a

realpath /bin/../etc/./words
/etc/words

tar cf x.tar t u w; tar tf x.tar
t
u
w

gzip -c t | gunzip
b 2
a 1
c 3

gzip -9 <x.tar | zcat | cmp - x.tar && echo same
same

echo 'x y' | bzip2 2>/dev/null | bunzip2 2>/dev/null; echo done
/done\n$/

ls t u w | cpio -o -H newc 2>/dev/null | cpio -it 2>/dev/null
t
u
w

dd if=/dev/zero of=z bs=1k count=64 2>/dev/null; stat -c %s z
65536

truncate -s 100000 z; wc -c z
100000 z

head -c 5 /dev/zero | od -An -c
  \0  \0  \0  \0  \0

dd if=/dev/urandom bs=1 count=16 2>/dev/null | wc -c
16

echo full >/dev/full; echo $?
/No space left on device\n1\n$/

strings /bin/busybox | grep -c '^BusyBox v'
/^[1-9]\d*\n$/

yes | head -n 2
y
y

true && echo true; false || echo false
true
false

test -f t && [ 2 -gt 1 ] && echo yes
yes

sleep 0.1; usleep 1000; echo woken
woken

time -f %e true 2>&1 | grep -c .
1

timeout 1 sleep 10 2>&1; echo $?
Terminated
143

(sleep 100 & p=$!; kill $p; wait $p; echo $?) 2>/dev/null
143

sh -c 'sleep 100 & kill -9 $!; wait $!; echo $?' 2>/dev/null
137

nice -n 5 nice 2>/dev/null || echo 5
5

env -i A=1 env
A=1

id
uid=0(root) gid=0(root)

su user -c 'id -u; id -g'
1000
1000

whoami; who | wc -l
root
0

hostname
quire

uname -s -m
/^Linux (?:x86_64|i686)\n$/

ps | grep -c '[i]nit'
1

pidof init
1

uptime | grep -c load
1

free | awk '/^Mem/ { print ($2 > $3 && $2 > 8000) }'
1

nproc
1

df / 2>/dev/null | wc -l
/\d/

mount | grep -c ' on /proc '
1

dmesg >/dev/null; echo $?
0

mktemp -d /tmp/mXXXXXX | cut -c1-6
/tmp/m

mkfifo p; (echo through >p &); cat p
through

sh -c 'setsid sh -c "cut -d\" \" -f6 /proc/self/stat >s; echo \$\$ >>s"'; sleep 0.3; uniq s | wc -l
1

sh -c 'trap "echo caught" USR1; kill -USR1 $$; echo after'
caught
after

sh -c 'ulimit -n'; sh -c 'umask'
/^\d+\n0022\n$/

date -u -d @86400 '+%F'
1970-01-02

cal 1 2024 | head -n 1 | xargs
January 2024

which ls; type cd
/bin/ls
cd is a shell builtin

printf 'a\tb\n' | expand -t 4 | cat
a   b

echo aXb | tr X '\n' | rev
a
b

shuf -i 1-5 | sort | xargs
1 2 3 4 5

printf 'one\n' | uuencode -m x | sed -n 2p
b25lCg==

printf 'p\nq\n' | ed t 2>/dev/null | tail -n 1
c 3

vi -h 2>&1 | grep -c 'vi'
/^[1-9]\d*\n$/

top -b -n 1 | grep -c '^Mem:'
1

pwd; cd /; rm -r /tmp/*; ls /tmp
/tmp
END

for my $arch (arches()) {
	my $vm = Quire::Boot->start(arch => $arch, memory => '128M', limit => 240);
	$vm->prompt;
	for (@blocks) {
		my ($command, $want) = /^([^\n]*)\n(.*)\z/s;
		my $got = $vm->run($command) // $vm->give_up("no answer to: $command");
		if ($want =~ m{^/(.*)/\n?\z}s) {
			like($got, qr/$1/, "$arch: $command");
		} else {
			is($got, $want =~ s/\n?\z/\n/r, "$arch: $command");
		}
	}
	is($vm->poweroff, 0, "$arch: power off");
}
done_testing;
