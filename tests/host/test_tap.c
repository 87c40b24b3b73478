/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The harness itself: results, seeds, random streams.
 */
// test: threads
#include "tap.h"

#include <pthread.h>

static void *worker(void *arg)
{
	ok(true, "a result from thread %u", *(unsigned *)arg);
	return NULL;
}

int main(void)
{
	uint64_t a = seed(), b = a;

	is(seed(), a, "the seed stays");
	for (unsigned i = 0; i < 1000; i++)
		must(random64(&a) == random64(&b), "step %u", i);
	ok(true, "equal seeds give equal streams");
	ok(random_below(&a, 10) < 10, "a number below 10");

	pthread_t threads[4];
	unsigned names[4] = { 0, 1, 2, 3 };
	for (unsigned i = 0; i < 4; i++)
		must(pthread_create(&threads[i], NULL, worker, &names[i]) == 0, "thread %u", i);
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return done();
}
