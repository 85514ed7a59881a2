/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Shows from user space what the updates of testdata/live change. Static, so that a guest needs no
 * libraries. Each command prints one line.
 *
 *	probe inodes N		make N pipes: "FIRST LAST TENS" of their inode numbers
 *	probe umask		umask(2) by both tables of system calls: "MASK MASK"
 *	probe pause		pause(2) until an alarm: "ERRNO"
 *	probe eventfd		fsync(2) and a write of too much: "ERRNO, ERRNO"
 *	probe nobody COMMAND...	become the user nobody and run the command
 *	...			see main()
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <linux/vhost.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534

static int fail(const char *what)
{
	perror(what);
	return 2;
}

static int process_groups(void)
{
	printf("%d %d\n", getpgid(0) >= 100000, getpgrp() >= 100000);
	return 0;
}

/* On one CPU, since each takes numbers from a batch of its own. */
static int inodes(int count)
{
	unsigned long first = 0, last = 0;
	int tens = 0, i;
	cpu_set_t first_cpu;

	CPU_ZERO(&first_cpu);
	CPU_SET(0, &first_cpu);
	if (sched_setaffinity(0, sizeof(first_cpu), &first_cpu))
		return fail("sched_setaffinity");
	for (i = 0; i < count; i++) {
		int ends[2];
		struct stat about;

		if (pipe(ends) || fstat(ends[0], &about))
			return fail("pipe");
		if (!first)
			first = about.st_ino;
		last = about.st_ino;
		tens += last % 10 == 0;
		close(ends[0]);
		close(ends[1]);
	}
	printf("%lu %lu %s\n", first, last, tens ? "tens" : "none");
	return 0;
}

static int make_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) || ioctl(fd, TUNSETPERSIST, 1))
		return fail("/dev/net/tun");
	return 0;
}

static int driver_version(const char *name)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq request = { .ifr_data = (void *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	if (fd < 0 || ioctl(fd, SIOCETHTOOL, &request))
		return fail("SIOCETHTOOL");
	printf("%s\n", info.version);
	return 0;
}

/* X86_IOC_RDMSR_REGS of asm/msr.h: all registers around rdmsr; 0xc0000080 is EFER. */
static int msr_registers(void)
{
	unsigned int registers[8] = { 0, 0xc0000080, 0, 0, 0, 0xb, 0, 0 };
	int fd = open("/dev/cpu/0/msr", O_RDWR);

	if (fd < 0 || ioctl(fd, _IOWR('c', 0xa0, unsigned int[8]), registers))
		return fail("X86_IOC_RDMSR_REGS");
	printf("ebp %x, long mode %s\n", registers[5], registers[0] & 0x400 ? "on" : "off");
	return 0;
}

static int directory_types(void)
{
	char buffer[1024];
	/* The second page cannot be written: the kernel faults in the middle of an entry. */
	char *pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/sys", O_RDONLY | O_DIRECTORY);
	long got;

	if (fd < 0 || pages == MAP_FAILED || mprotect(pages + 4096, 4096, PROT_NONE))
		return fail("/sys");
	got = syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
	if (got <= 0)
		return fail("getdents64");
	lseek(fd, 0, SEEK_SET);
	errno = 0;
	got = syscall(SYS_getdents64, fd, pages + 4096 - 8, 1024);
	printf("type %x, fault: %s\n", (unsigned char)buffer[18], got < 0 ? strerror(errno) : "none");
	return 0;
}

/* As a 32-bit program asks; the kernel takes that from any. */
static long by_int80(long number, long argument)
{
	long result;

	asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(argument)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

static int both_umasks(void)
{
	long native = syscall(SYS_umask, 022);

	printf("%lo %lo\n", native, by_int80(60, 022));
	return 0;
}

static int process_id(void)
{
	long result = by_int80(20, 0);

	puts(result == getpid() ? "right" : result < 0 ? strerror(-result) : "wrong");
	return 0;
}

/* VIRTIO_F_ACCESS_PLATFORM and nothing else. */
static int vsock_features(void)
{
	unsigned long long features = 1ULL << 33;
	int fd = open("/dev/vhost-vsock", O_RDWR);

	if (fd < 0)
		return fail("/dev/vhost-vsock");
	errno = 0;
	ioctl(fd, VHOST_SET_FEATURES, &features);
	puts(strerror(errno));
	return 0;
}

static void nothing(int number)
{
	(void)number;
}

static int wait_here(void)
{
	struct sigaction action = { .sa_handler = nothing };

	sigaction(SIGALRM, &action, NULL);
	alarm(1);
	pause();
	printf("%s\n", strerror(errno));
	return 0;
}

static int event_counter(void)
{
	unsigned long long too_much = -1;
	int fd = eventfd(0, EFD_NONBLOCK);

	if (fd < 0)
		return fail("eventfd");
	errno = 0;
	fsync(fd);
	printf("%s, ", strerror(errno));
	errno = 0;
	if (write(fd, &too_much, sizeof(too_much)) > 0)
		errno = 0;
	printf("%s\n", strerror(errno));
	return 0;
}

static int as_nobody(char **command)
{
	if (setgid(NOBODY) || setuid(NOBODY))
		return fail("setuid");
	execvp(command[0], command);
	return fail(command[0]);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "groups"))
		return process_groups();
	if (!strcmp(what, "inodes") && argc > 2)
		return inodes(atoi(argv[2]));
	if (!strcmp(what, "make-tap") && argc > 2)
		return make_tap(argv[2]);
	if (!strcmp(what, "driver") && argc > 2)
		return driver_version(argv[2]);
	if (!strcmp(what, "msr"))
		return msr_registers();
	if (!strcmp(what, "umask"))
		return both_umasks();
	if (!strcmp(what, "int80"))
		return process_id();
	if (!strcmp(what, "vsock"))
		return vsock_features();
	if (!strcmp(what, "types"))
		return directory_types();
	if (!strcmp(what, "pause"))
		return wait_here();
	if (!strcmp(what, "sleep"))
		return pause();
	if (!strcmp(what, "eventfd"))
		return event_counter();
	if (!strcmp(what, "nobody") && argc > 2)
		return as_nobody(argv + 2);
	fprintf(stderr, "probe: unknown command '%s'\n", what);
	return 2;
}
