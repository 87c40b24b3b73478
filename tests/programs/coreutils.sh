# SPDX-License-Identifier: BSD-2-Clause
#
# One session with some sixty programs of coreutils.
cd "$(mktemp -d)" || exit
umask 022
export LC_ALL=C TZ=UTC

echo "== text"
seq 12 >n
factor 1001 18446744073709551557
printf 'b 2\na 1\nc 3\na 1\n' >t
sort t | uniq -c | tr -s ' '
sort -k2,2nr -u t | head -n 1
tac n | head -n 3 | paste -s -d+
cut -d' ' -f2 t | nl | expand -t 4
join <(sort -u t) <(printf 'a x\nc y\n')
comm -12 <(seq 5) <(seq 3 9)
fold -w 4 <<<abcdefghij
fmt -w 20 <<<'a gathering of pages, folded one within another'
od -An -tx1z t | head -n 1
pr -2 -t -l 3 n | head -n 3 | unexpand -a | cat -T
tail -n +11 n
wc n
echo 'a b b c a c c d' | tsort
numfmt --to=iec 1048576 10000000
shuf -i 1-100 | sort -n | tail -n 1
ptx <<<'frame page' | wc -l
seq 3 | tee copy | cksum
echo 'a.b' | tr . '\n' | cat -n
expr 6 \* 7
basename /a/b.c .c
dirname /a/b/c

echo "== sums"
md5sum t
sha1sum <t
sha256sum t
sha512sum t | cut -c-32
b2sum -l 64 t
base64 t | base64 -d | cmp - t && echo same
base32 <<<quire
sum t

echo "== files"
mkdir -p d/e/f
install -m 640 t d/e/t
cp -a d d2
ln -s e/t d/link
ln d/e/t d/hard
stat -c '%n %a %h %F' d d/link d/hard d2/e/t
readlink d/link
realpath --relative-to=d d2/e
ls -lR --time-style=+ d | tr -s ' ' | cut -d' ' -f1,2,6- | grep -v total
mv d2/e/t d2/moved
rm -r d2/e
ls -F d2
rmdir d2 2>&1
touch -d '2001-02-03 04:05:06' t
date -r t '+%F %T'
date -d '2024-02-28 + 2 days' +%a
truncate -s 1M sparse
dd if=/dev/zero of=sparse bs=4k count=2 seek=10 conv=notrunc status=none
du --apparent-size -k sparse
split -b 300k sparse part.
ls part.*
cat part.* | cmp - sparse && echo whole
csplit -s n 5 9
wc -l xx*
shred -n 1 -u part.aa && [ ! -e part.aa ] && echo shredded
mkfifo p && (echo through >p &) && cat p
chmod u=rw,go= n
stat -c %A n
chown 1000:1000 n && stat -c %u:%g n
mktemp -u XXXX | wc -c
pathchk -p 'a b' 2>&1
test -p p && [ d -ef d/. ] && echo tests
df --output=target . | tail -n 1 | wc -l
sync n && echo synced
vdir --time-style=+ t | tr -s ' ' | cut -d' ' -f1,5
dircolors -b | grep -c export

echo "== processes"
env -i A=1 B=2 printenv B
timeout 0.2 sleep 5
echo "timeout $?"
nice -n 5 nice
nohup true 2>/dev/null && echo nohup
stdbuf -oL echo buffered
id -un
uname -s
nproc | grep -c '^[1-9]'
yes y | head -n 1000 | uniq -c | tr -s ' '
sleep 0.05
seq 100000 | sort -R --random-source=/dev/zero | sort -n | md5sum
printf '%q %s\n' 'a b' c
true && ! false && echo logic
pwd | cut -d/ -f2
[ -t 0 ] || echo "no tty"
arch >/dev/null && hostid | wc -c
