// SPDX-License-Identifier: GPL-2.0-or-later
//
// Runs a command of Splice and sends it a signal at a certain step.
//
//     signal_at KILL 3 before splice-apply -q update.tar
//
// A step is a system call by which the command changes something outside itself, or begins to: it loads or
// unloads a module, opens /dev/splice or asks something of it, makes, flushes, renames or removes a file, or writes to
// its output. The signal comes before the kernel carries the third of them out, or `after`. ptrace(2) stops the
// command there, so a run is the same each time; after the signal it goes on by itself.
//
// Prints one line: "killed", "exit STATUS" after another signal, or "ended STATUS" if it took fewer steps. A
// command that SIGTSTP stops is continued, and that is said: "stopped, exit STATUS".
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#include "splice_abi.h"

static void die(const char *what)
{
	fprintf(stderr, "signal_at: %s: %s\n", what, strerror(errno));
	exit(125);
}

static int signal_of(const char *name)
{
	static const struct { const char *name; int number; } signals[] = {
		{ "KILL", SIGKILL }, { "TERM", SIGTERM }, { "INT", SIGINT },
		{ "HUP", SIGHUP }, { "QUIT", SIGQUIT }, { "TSTP", SIGTSTP },
	};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (!strcmp(signals[i].name, name))
			return signals[i].number;
	errno = EINVAL;
	die(name);
	return 0;
}

// Does the process's memory at `address` hold this path?
static bool is_device(pid_t pid, unsigned long address)
{
	char path[sizeof(SPLICE_DEVICE) + 7] = "";

	for (size_t i = 0; i + 8 <= sizeof(path); i += 8) {
		long word = ptrace(PTRACE_PEEKDATA, pid, address + i, NULL);

		memcpy(path + i, &word, 8);
	}
	return !strncmp(path, SPLICE_DEVICE, sizeof(SPLICE_DEVICE));
}

static bool is_step(pid_t pid, const struct ptrace_syscall_info *call)
{
	const unsigned long long *args = (const unsigned long long *)call->entry.args;

	switch (call->entry.nr) {
	case SYS_init_module:
	case SYS_finit_module:
	case SYS_delete_module:
	case SYS_rename:
	case SYS_renameat:
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_mkdir:
	case SYS_mkdirat:
	case SYS_fsync:
		return true;
	case SYS_openat:
		return is_device(pid, args[1]) || (args[2] & O_CREAT);
	case SYS_ioctl:
		return _IOC_TYPE(args[1]) == 'S' && _IOC_NR(args[1]) <= _IOC_NR(SPLICE_IOC_UNDO) &&
		       _IOC_SIZE(args[1]) != 0;
	case SYS_write:
		return args[0] == STDOUT_FILENO;
	default:
		return false;
	}
}

static int status_of(int waited)
{
	return WIFEXITED(waited) ? WEXITSTATUS(waited) : 128 + WTERMSIG(waited);
}

// The rest of its life, after the signal.
static int rest(pid_t pid)
{
	bool stopped = false;
	int waited;

	for (;;) {
		if (waitpid(pid, &waited, WUNTRACED) < 0)
			die("waitpid");
		if (!WIFSTOPPED(waited))
			break;
		stopped = true;
		kill(pid, SIGCONT);
	}
	if (WIFSIGNALED(waited) && WTERMSIG(waited) == SIGKILL)
		puts("killed");
	else
		printf("%sexit %d\n", stopped ? "stopped, " : "", status_of(waited));
	return 0;
}

int main(int argc, char **argv)
{
	int signal, step, waited, steps = 0;
	bool after, counted = false;
	pid_t pid;

	if (argc < 5)
		die("signal_at SIGNAL STEP before|after COMMAND...");
	signal = signal_of(argv[1]);
	step = atoi(argv[2]);
	after = !strcmp(argv[3], "after");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		execvp(argv[4], argv + 4);
		die(argv[4]);
	}
	if (waitpid(pid, &waited, 0) < 0)
		die("waitpid");
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (int pass = 0;;) {
		struct ptrace_syscall_info call = { 0 };

		if (ptrace(PTRACE_SYSCALL, pid, NULL, pass) || waitpid(pid, &waited, 0) < 0)
			die("ptrace");
		if (!WIFSTOPPED(waited)) {
			printf("ended %d\n", status_of(waited));
			return 0;
		}
		pass = 0;
		if (WSTOPSIG(waited) != (SIGTRAP | 0x80)) {
			if (WSTOPSIG(waited) != SIGTRAP)	/* that of execve() */
				pass = WSTOPSIG(waited);
			continue;
		}
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(call), &call) <= 0)
			die("PTRACE_GET_SYSCALL_INFO");
		if (call.op == PTRACE_SYSCALL_INFO_ENTRY) {
			counted = is_step(pid, &call);
			steps += counted;
		}
		if (!counted || steps != step || (call.op == PTRACE_SYSCALL_INFO_EXIT) != after)
			continue;
		if (kill(pid, signal))
			die("kill");
		/* One that SIGKILL has ended already is nobody's to let go. */
		if (ptrace(PTRACE_DETACH, pid, NULL, NULL) && signal != SIGKILL)
			die("PTRACE_DETACH");
		return rest(pid);
	}
}
