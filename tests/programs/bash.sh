# SPDX-License-Identifier: BSD-2-Clause
#
# What bash does itself, and what of the kernel it leans on: pipes, jobs, signals, descriptors.
cd "$(mktemp -d)" || exit

echo "== words"
a=(zero one 'two words' [5]=five)
echo "${#a[@]} ${!a[*]} <${a[2]}>"
declare -A m=([red]=1 [green]=2)
m[blue]=3
for k in $(printf '%s\n' "${!m[@]}" | sort); do printf '%s=%d ' "$k" "${m[$k]}"; done
echo
s=/usr/lib/libc.so.6
echo "${s##*/} ${s%/*} ${s/lib/LIB} ${s^^} ${s:5:3}"
echo {a..e}{1,2} | wc -w
[[ 2024-05-17 =~ ^([0-9]+)-([0-9]+) ]] && echo "${BASH_REMATCH[1]}/${BASH_REMATCH[2]}"
shopt -s extglob
case foobar in foo@(bar|baz)) echo extglob ;; esac
printf -v padded '%-6s|%05d|%x' ab 42 255
echo "$padded"
echo $((2 ** 62)) $((0x7fffffffffffffff + 1)) $((7 % -3)) $((36#zz))
mapfile -t lines < <(seq 3 -1 1)
echo "${lines[*]}"

echo "== functions"
fib() { (($1 < 2)) && echo "$1" || echo $(($(fib $(($1 - 1))) + $(fib $(($1 - 2))))); }
fib 9
depth() { (($1)) && depth $(($1 - 1)) || echo "deep ${#FUNCNAME[@]}"; }
depth 200
opts() {
	local OPTIND o
	while getopts 'ab:' o; do echo -n "$o${OPTARG:+:$OPTARG} "; done
	echo "rest ${*:OPTIND}"
}
opts -a -b val more

echo "== descriptors"
exec 7<>file
echo through seven >&7
exec 7<&-
cat file
tr a-z A-Z <<<'here string'
cat <(echo one) <(echo two) | paste -s -d,
echo tee | tee >(wc -c >count) >/dev/null
for i in 1 2 3 4 5; do [ -s count ] && break; sleep 0.1; done
tr -d ' ' <count
{ echo out; echo err >&2; } 2>&1 | sort
set -o pipefail
false | true || echo pipefail $?
set +o pipefail
true | false | true
echo "${PIPESTATUS[*]}"

echo "== processes"
(exit 7) || echo "subshell $?"
[ $BASHPID = $$ ] && ( [ $BASHPID != $$ ] && echo forked)
sleep 0.3 & a=$!
(exit 5) & b=$!
wait -n $b
echo "first $?"
wait $a
echo "second $?"
coproc UP { while read -r x; do echo "<$x>"; done; }
echo hello >&${UP[1]}
read -r back <&${UP[0]}
echo "$back"
eval "exec ${UP[1]}>&-"
wait
seq 2000 | while read -r n; do echo $((n * n)); done | awk '{ s += $1 } END { print s }'
for i in $(seq 40); do (:) & done
wait && echo "forty gone"

echo "== signals"
trap 'echo usr1' USR1
kill -USR1 $$
(trap 'echo inner term; exit 9' TERM; : >trapped; sleep 60 & wait) &
p=$!
until [ -e trapped ]; do sleep 0.05; done
kill -TERM $p
wait $p
echo "status $?"
sleep 60 & p=$!
kill -STOP $p
sleep 0.1
cut -d' ' -f3 /proc/$p/stat
{ kill -KILL $p; wait $p; } 2>/dev/null
echo "killed $?"
{ bash -c 'kill -SEGV $$'; } 2>/dev/null
echo "segv $?"
(ulimit -n 20; exec 19</dev/null && ! exec 20</dev/null) 2>/dev/null && echo limited
trap 'echo leaving' EXIT
