"""hold.py COMMAND...: run COMMAND, which dies with this program, kill -9 included."""

import array
import fcntl
import select
import socket
import subprocess
import sys
import termios


def hold(argv):
    """Start argv and return the process and its handle, a socket.

    The process, and all that it starts, lives for as long as somebody has the handle open.
    Never read from it: that would kill.
    """
    handle, give = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with give:
        process = subprocess.Popen(
            ["autokill", "exec", "--fd", str(give.fileno()), "--", *argv],
            pass_fds=[give.fileno()],
        )
    hang_up = select.poll()
    hang_up.register(handle, 0)
    hang_up.poll()  # The exec has closed the other end, or the end of autokill has.
    queued = array.array("i", [0])
    fcntl.ioctl(handle, termios.FIONREAD, queued)
    if queued[0] < 16 + 12:  # Both messages of the parcel, or the bond is not there.
        handle.close()
        raise OSError(f"autokill exec failed with status {process.wait()}")
    return process, handle


process, handle = hold(sys.argv[1:])
print("held", process.pid, flush=True)
print("ended", process.wait())
handle.close()  # Kills who is left of the tree; the end of this program would do that, too.
