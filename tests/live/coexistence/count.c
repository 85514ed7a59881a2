// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counts the calls of a kernel function by perf_event_open(2), and says on SIGUSR1 how many there were since it
 * said so last.
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

#define MAX_CPUS	64

static void wake(int signal)
{
	(void)signal;
}

int main(int count, char **arguments)
{
	struct perf_event_attr event = { .size = sizeof(event) };
	FILE *type = fopen("/sys/bus/event_source/devices/kprobe/type", "r");
	unsigned int number;
	int counters[MAX_CPUS], cpus = 0;
	long long calls, told = 0;

	if (count != 2)
		return 2;
	if (!type || fscanf(type, "%u", &number) != 1) {
		puts("this kernel has no such events");
		return 1;
	}
	event.type = number;
	event.config1 = (unsigned long)arguments[1];
	while (cpus < MAX_CPUS && cpus < sysconf(_SC_NPROCESSORS_ONLN)) {
		counters[cpus] = syscall(SYS_perf_event_open, &event, -1, cpus, -1, 0);
		if (counters[cpus++] < 0) {
			perror("perf_event_open");
			return 1;
		}
	}
	signal(SIGUSR1, wake);
	puts("attached");
	fflush(stdout);
	for (;;) {
		long long sum = 0;

		pause();
		for (int i = 0; i < cpus; i++) {
			if (read(counters[i], &calls, sizeof(calls)) != sizeof(calls))
				return 1;
			sum += calls;
		}
		printf("calls %lld\n", sum - told);
		fflush(stdout);
		told = sum;
	}
}
