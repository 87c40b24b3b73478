# SPDX-License-Identifier: BSD-2-Clause
#
# gcc: cpp and cc1, as, collect2 and ld; programs linked dynamically, statically, as a library.
cd "$(mktemp -d)" || exit

cat >hello.c <<'C'
#include <stdio.h>

int main(int argc, char **argv)
{
	printf("hello from %s, %d\n", __VERSION__, argc);
	return 3;
}
C
gcc -O2 -Wall -v -o hello hello.c 2>log && ./hello one | sed 's/[0-9.]* *[0-9]*,/gcc,/'
echo "status ${PIPESTATUS[0]}"
for part in cc1 as collect2; do grep -q "[/ ]$part " log && echo "ran $part"; done
gcc -static -o static hello.c && ./static | wc -l

cat >lib.c <<'C'
int counter;
__thread int mine = 5;
int next(void) { return ++counter + mine; }
C
cat >use.c <<'C'
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int next(void);
extern __thread int mine;

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void *thread(void *x)
{
	mine = 100;
	return (void *)(long)next();
}

int main(void)
{
	int v[1000];
	pthread_t t;
	void *got;

	for (int i = 0; i < 1000; i++)
		v[i] = i * 7919 % 1000;
	qsort(v, 1000, sizeof(*v), by_number);
	for (int i = 0; i < 1000; i++)
		if (v[i] != i)
			abort();
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, &got);
	printf("%ld %d %.6f\n", (long)got, next(), sin(1));
	return 0;
}
C
gcc -O1 -fPIC -shared -o libnext.so lib.c && gcc -O2 -o use use.c -L. -lnext -lm -Wl,-rpath,. && ./use
gcc -S -O2 -o - hello.c | grep -c 'call.*printf'
gcc -c lib.c && ar rc lib.a lib.o && nm lib.a | grep -c ' T next'
gcc -x c - <<<'int main(void) { return missing(); }' 2>&1 | grep -c 'undefined reference'
