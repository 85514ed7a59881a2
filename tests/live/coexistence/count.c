// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the calls of a kernel function by perf_event_open(2), and says how many there were when it is told
 * to end (SIGTERM).
 *
 *   count FUNCTION
 */
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void wake(int signal)
{
	(void)signal;
}

int main(int count, char **arguments)
{
	struct perf_event_attr event = { .size = sizeof(event) };
	FILE *type = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	unsigned int number;
	long long calls = 0;
	int counter;

	if (count != 2)
		return 2;
	if (!type || fscanf(type, "%u", &number) != 1) {
		puts("this kernel has no such events");
		return 1;
	}
	event.type = number;
	event.config1 = (unsigned long)arguments[1];
	counter = syscall(SYS_perf_event_open, &event, -1, 0, -1, 0);
	if (counter < 0) {
		perror("perf_event_open");
		return 1;
	}
	signal(SIGTERM, wake);
	puts("attached");
	fflush(stdout);
	pause();
	if (read(counter, &calls, sizeof(calls)) == sizeof(calls))
		printf("calls %lld\n", calls);
	return 0;
}
