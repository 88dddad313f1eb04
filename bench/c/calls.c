// calls makes one system call again and again, and prints the nanoseconds of all.
//
//	calls getppid|read|ioctl COUNT
//
// getppid does nothing in the kernel. read takes a byte from /dev/zero. ioctl is one of those
// whose arguments the filter of a sealed tree looks at; it fails with EBADF.
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
	struct timespec begin, end;
	char byte;
	if (argc != 3)
		return 2;
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	long count = atol(argv[2]);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	if (strcmp(argv[1], "getppid") == 0)
		for (long i = 0; i < count; i++)
			syscall(SYS_getppid);
	else if (strcmp(argv[1], "read") == 0)
		for (long i = 0; i < count; i++)
			syscall(SYS_read, zero, &byte, 1);
	else if (strcmp(argv[1], "ioctl") == 0)
		for (long i = 0; i < count; i++)
			syscall(SYS_ioctl, -1, 0, 0);
	else
		return 2;
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec);
	return 0;
}
