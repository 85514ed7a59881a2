/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a command with an eventfd open as a descriptor of that number.
 *
 *	eventfd FD COMMAND [ARGUMENT]...
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int events = eventfd(0, 0);

	if (argc < 3 || events < 0 || dup2(events, atoi(argv[1])) < 0) {
		perror("eventfd");
		return 2;
	}
	if (events != atoi(argv[1]))
		close(events);
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 2;
}
