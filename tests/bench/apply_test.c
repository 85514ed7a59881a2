// SPDX-License-Identifier: GPL-2.0-or-later
//
// How long a command takes, from its start to its end, on the guest's clock.
//
//     apply_test ROUNDS NAME COMMAND... [-- AGAIN...]
//
// Runs COMMAND, then AGAIN, which takes back what it did, ROUNDS times. Prints "NAME: MEDIAN MINIMUM MAXIMUM" of
// COMMAND, in microseconds, and the same of AGAIN. With a COMMAND that begins with "until FILE", it has ended when
// FILE is there and holds 0, or is gone.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ROUNDS = 100 };

static void die(const char *what)
{
	fprintf(stderr, "apply_test: %s: %s\n", what, strerror(errno));
	exit(1);
}

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static bool is_done(const char *file)
{
	FILE *stream = fopen(file, "r");
	int c = '0';

	if (stream) {
		c = fgetc(stream);
		fclose(stream);
	}
	return c == '0' || c == EOF;
}

// Microseconds.
static long long run(char **command)
{
	const struct timespec moment = { 0, 1000000 };
	const char *file = NULL;
	long long begin;
	int status;
	pid_t pid;

	if (!strcmp(command[0], "until")) {
		file = command[1];
		command += 2;
	}
	begin = now();
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(126);
		execvp(command[0], command);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) < 0)
		die("waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "apply_test: %s ended with status %d\n", command[0], status);
		exit(1);
	}
	while (file && !is_done(file))
		nanosleep(&moment, NULL);
	return (now() - begin) / 1000;
}

static int compare(const void *a, const void *b)
{
	const long long left = *(const long long *)a, right = *(const long long *)b;

	return left < right ? -1 : left > right;
}

static void print(const char *name, long long *times, int rounds)
{
	qsort(times, rounds, sizeof(*times), compare);
	printf("%-44s %9lld  (%lld .. %lld)\n", name, times[rounds / 2], times[0],
	       times[rounds - 1]);
}

int main(int argc, char **argv)
{
	long long first[MAX_ROUNDS], second[MAX_ROUNDS];
	char **again = NULL, name[128];
	int rounds;

	if (argc < 4)
		die("apply_test ROUNDS NAME COMMAND... [-- AGAIN...]");
	rounds = atoi(argv[1]);
	if (rounds < 1 || rounds > MAX_ROUNDS)
		die("ROUNDS");
	for (int i = 3; i < argc; i++) {
		if (strcmp(argv[i], "--"))
			continue;
		argv[i] = NULL;
		again = argv + i + 1;
		break;
	}
	for (int i = 0; i < rounds; i++) {
		first[i] = run(argv + 3);
		if (again)
			second[i] = run(again);
	}
	print(argv[2], first, rounds);
	if (!again)
		return 0;
	snprintf(name, sizeof(name), "%s, taken back", argv[2]);
	print(name, second, rounds);
	return 0;
}
