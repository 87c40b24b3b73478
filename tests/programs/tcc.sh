# SPDX-License-Identifier: BSD-2-Clause
#
# tcc compiles the same program into memory, into a program of one step and of two; then a
# thousand functions that call each other.
cd "$(mktemp -d)" || exit
here=${0%/*}

tcc -run "$here/tcc.c" one two
echo "status $?"
tcc -o dynamic "$here/tcc.c" -lm && ./dynamic | tail -n 1
tcc -c -o tcc.o "$here/tcc.c" && tcc -o linked tcc.o -lm ; ./linked >out; wc -l <out
for i in $(seq 1000); do echo "int f$i(int x) { return x * $i + f$((i - 1))(x); }"; done >many.c
{ echo 'int printf(const char *, ...); int f0(int x) { return x; }'; cat many.c; echo 'int main() { printf("%d\n", f1000(2)); }'; } >all.c
tcc -run all.c
tcc -run - <<<'int main() { return missing(); }' 2>&1 | grep -c undefined
