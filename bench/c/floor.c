// floor starts a program as cheaply as it can be done: clone3(CLONE_VM|CLONE_VFORK),
// execve, waitid. It reads how often from each line of its standard input, and answers with
// the nanoseconds that they took together.
//
//	floor [--bond] PROGRAM [ARG]…
//
// With --bond the child is tied to a socket, by a parcel as tripwire makes it (docs/mechanisms.md), without
// the checks and without a name: what the kernel's part of that costs.
//
// The child runs on its parent's stack, which waits for it: so clone3 and execve must be in one
// function without a call between.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// A system call with up to five arguments, without a function.
#if defined(__x86_64__)
#define CALL5(result, nr, a, b, c, d, e)                                                       \
	do {                                                                                   \
		register long r10 __asm__("r10") = (long)(d);                                  \
		register long r8 __asm__("r8") = (long)(e);                                    \
		__asm__ volatile("syscall"                                                     \
				 : "=a"(result)                                                \
				 : "0"((long)(nr)), "D"((long)(a)), "S"((long)(b)),            \
				   "d"((long)(c)), "r"(r10), "r"(r8)                           \
				 : "rcx", "r11", "memory");                                    \
	} while (0)
#elif defined(__aarch64__)
#define CALL5(result, nr, a, b, c, d, e)                                                       \
	do {                                                                                   \
		register long x8 __asm__("x8") = (nr);                                         \
		register long x0 __asm__("x0") = (long)(a);                                    \
		register long x1 __asm__("x1") = (long)(b);                                    \
		register long x2 __asm__("x2") = (long)(c);                                    \
		register long x3 __asm__("x3") = (long)(d);                                    \
		register long x4 __asm__("x4") = (long)(e);                                    \
		__asm__ volatile("svc 0"                                                       \
				 : "+r"(x0)                                                    \
				 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)                 \
				 : "memory");                                                  \
		(result) = x0;                                                                 \
	} while (0)
#endif
#define CALL(result, nr, a, b, c) CALL5(result, nr, a, b, c, 0, 0)

// In the child: a step that fails ends it.
#define STEP(nr, a, b, c)                                                                      \
	do {                                                                                   \
		CALL(got, nr, a, b, c);                                                        \
		if (got < 0)                                                                   \
			goto failed;                                                           \
	} while (0)

// A message with descriptors.
static struct rights {
	struct cmsghdr header;
	int fds[4];
} described = {{CMSG_LEN(4), SOL_SOCKET, SCM_RIGHTS}, {0}}, armed = {{CMSG_LEN(16), SOL_SOCKET, SCM_RIGHTS}, {0}};
static char description[16];
static struct iovec content = {description, sizeof description};
static struct msghdr first = {.msg_iov = &content, .msg_iovlen = 1, .msg_control = &described, .msg_controllen = CMSG_SPACE(4)};
static struct msghdr second = {.msg_iov = &content, .msg_iovlen = 1, .msg_control = &armed, .msg_controllen = CMSG_SPACE(16)};
static struct f_owner_ex owner = {F_OWNER_PID, 0}; // CLONE_CHILD_SETTID writes the pid

static __attribute__((noinline)) long start(struct clone_args *args, int socket, char **argv, char **env) {
	long pid, got;
	CALL(pid, SYS_clone3, args, sizeof *args, 0);
	if (pid != 0)
		return pid;
	if (socket >= 0) {
		STEP(SYS_pidfd_open, owner.pid, 0, 0);
		described.fds[0] = got;
		STEP(SYS_sendmsg, socket, &first, 0);
		for (int i = 0; i < 4; i += 2) {
			STEP(SYS_pipe2, &armed.fds[i], O_CLOEXEC, 0);
			STEP(SYS_fcntl, armed.fds[i], F_SETPIPE_SZ, 4096);
		}
		for (int i = 0; i < 4; i++) {
			STEP(SYS_fcntl, armed.fds[i], F_SETSIG, SIGKILL);
			STEP(SYS_fcntl, armed.fds[i], F_SETOWN_EX, &owner);
			STEP(SYS_fcntl, armed.fds[i], F_SETFL, O_ASYNC);
		}
		STEP(SYS_sendmsg, socket, &second, 0);
		STEP(SYS_close_range, 3, ~0U, 0);
		STEP(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0);
	}
	CALL(got, SYS_execve, argv[0], argv, env);
failed:
	for (;;)
		CALL(got, SYS_exit, 127, 0, 0);
}

// run starts, waits, and says whether all went well.
static int run(int bond, char **argv, char **env) {
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
	int pair[2] = {-1, -1};
	siginfo_t info;
	if (bond) {
		args.flags |= CLONE_CHILD_SETTID;
		args.child_tid = (uintptr_t)&owner.pid;
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
			return 0;
	}
	long pid = start(&args, pair[1], argv, env);
	if (bond)
		close(pair[1]);
	int well = pid > 0 && waitid(P_PID, pid, &info, WEXITED) == 0 && info.si_code == CLD_EXITED && info.si_status == 0;
	if (bond)
		close(pair[0]);
	return well;
}

int main(int argc, char **argv, char **env) {
	char line[32];
	int bond = argc > 1 && strcmp(argv[1], "--bond") == 0;
	argv += bond + 1;
	if (argc < bond + 2)
		return 2;
	while (fgets(line, sizeof line, stdin)) {
		struct timespec begin, end;
		clock_gettime(CLOCK_MONOTONIC, &begin);
		for (long n = atol(line); n > 0; n--) {
			if (!run(bond, argv, env)) {
				fprintf(stderr, "floor: %s did not run or did not succeed\n", argv[0]);
				return 1;
			}
		}
		clock_gettime(CLOCK_MONOTONIC, &end);
		printf("%lld\n", (end.tv_sec - begin.tv_sec) * 1000000000LL + end.tv_nsec - begin.tv_nsec);
		fflush(stdout);
	}
	return 0;
}
