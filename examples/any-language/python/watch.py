"""watch.py FD: say who is held by the handle FD, and how that ends.

Its copy of the handle keeps the command alive, whoever else has one. What comes in a handle
is untrusted: a socket can have anything in its queue.
"""

import array
import fcntl
import os
import select
import socket
import struct
import sys

DESCRIPTION = struct.Struct("=8sHHi")  # magic, version, scope, pid in its own namespace
SCOPES = ("process", "tree", "pidns")

PIDFD_GET_INFO = 0xC040FF0B
PIDFD_INFO_EXIT = 1 << 3
PIDFD_INFO = struct.Struct("=Q52xi")  # mask and exit_code of struct pidfd_info, 64 bytes


def describe(handle):
    """Return scope and pidfd of what the handle holds, without taking anything from it."""
    handle.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    data, control, flags, _ = handle.recvmsg(
        DESCRIPTION.size + 1,
        socket.CMSG_SPACE(4) + socket.CMSG_SPACE(12),
        socket.MSG_PEEK | socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC,
    )
    fds, sender = array.array("i"), (0, 0, 0)
    for level, kind, value in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(value)
        elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            sender = struct.unpack("=iii", value)
    try:
        if len(data) != DESCRIPTION.size or len(fds) != 1 or flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
            raise ValueError("no handle: this is no description")
        magic, version, scope, _ = DESCRIPTION.unpack(data)
        if magic != b"autokill" or version != 1 or scope >= len(SCOPES):
            raise ValueError("no handle, or one of another version")
        pid, uid, _ = sender
        if pid == 0 or uid != 0 and uid not in uids_of(fds[0]):
            raise ValueError("no handle: who has described this could not have armed it")
        return SCOPES[scope], os.dup(fds[0])
    finally:
        for fd in fds:
            os.close(fd)


def field(path, name):
    """Return the words after "name:" in a file of /proc."""
    with open(path) as lines:
        for line in lines:
            if line.startswith(name + ":"):
                return line.split()[1:]
    raise ValueError(f"{path} has no {name}")


def uids_of(pidfd):
    """Return the real and the saved uid of a process. A descriptor that is no pidfd fails."""
    pid = field(f"/proc/self/fdinfo/{pidfd}", "Pid")[0]
    real, _, saved, _ = field(f"/proc/{pid}/status", "Uid")
    return int(real), int(saved)


def status(pidfd):
    """Wait for the end and return the status, or None where the kernel does not tell."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()  # It has ended.
    poll.modify(pidfd, 0)
    if tuple(map(int, os.uname().release.split(".")[:2])) < (6, 15):
        return None
    poll.poll()  # POLLHUP: its parent has reaped it, and only then the status is to be had.
    info = bytearray(PIDFD_INFO.pack(PIDFD_INFO_EXIT, 0))
    fcntl.ioctl(pidfd, PIDFD_GET_INFO, info)
    mask, code = PIDFD_INFO.unpack(info)
    return os.waitstatus_to_exitcode(code) if mask & PIDFD_INFO_EXIT else None


handle = socket.socket(fileno=int(sys.argv[1]))
scope, pidfd = describe(handle)
print("watches", scope, flush=True)
print("ended", status(pidfd))
