/* hold COMMAND...: run COMMAND, which dies with this program, kill -9 included. */

#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* become runs in the child: autokill gets one end of the pair and becomes the command. */
static void become(int give, char **command, int words)
{
	char fd[16];
	char *argv[words + 6];
	int n = 0;

	snprintf(fd, sizeof fd, "%d", give);
	argv[n++] = "autokill";
	argv[n++] = "exec";
	argv[n++] = "--fd";
	argv[n++] = fd;
	argv[n++] = "--";
	for (int i = 0; i <= words; i++) /* and the NULL */
		argv[n++] = command[i];
	if (fcntl(give, F_SETFD, 0) == 0) /* the one descriptor that the exec shall not close */
		execvp("autokill", argv);
	warn("autokill");
	_exit(127);
}

/*
 * hold starts a command and returns its pid. The command, and all that it starts, lives for as
 * long as somebody has *handle open. Never read from it: that would kill.
 */
static pid_t hold(char **command, int words, int *handle)
{
	int pair[2];
	int queued = 0;
	pid_t pid;

	/* Close-on-exec from the beginning: no other child of ours gets a copy. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		err(1, "socketpair");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		become(pair[1], command, words);
	close(pair[1]);
	*handle = pair[0];

	/* The exec closes the other end, and so does the end of autokill. */
	struct pollfd hang_up = {.fd = *handle};
	poll(&hang_up, 1, -1);
	/* Both messages of the parcel, or the bond is not there. */
	if (ioctl(*handle, FIONREAD, &queued) < 0 || queued < 16 + 12)
		errx(1, "autokill exec failed");
	return pid;
}

int main(int argc, char **argv)
{
	int handle, status;
	pid_t pid;

	if (argc < 2)
		errx(2, "usage: hold COMMAND...");
	pid = hold(argv + 1, argc - 1, &handle);
	printf("held %d\n", (int)pid);
	fflush(stdout);
	if (waitpid(pid, &status, 0) < 0)
		err(1, "waitpid");
	printf("ended %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
	return 0; /* which closes the handle, and kills who is left of the tree */
}
