// Package autokill starts child processes that cannot outlive their handle.
//
//	cmd := autokill.Command("python3", "-m", "http.server")
//	if err := cmd.Start(); err != nil { … } // from here on the child dies with us
//	defer cmd.Process.Close()               // or now
//
// A child that is started by [Cmd.Start] lives as long as its handle: one open
// file in this program. When the last reference to that file goes away the kernel
// sends SIGKILL to the child. It does not matter why it went: [Process.Close],
// return from main, a panic, os.Exit, kill -9, the OOM killer. Nobody in user space
// has to run for that, there is no helper process, and no privilege is needed.
//
// The bond is to the handle and not to a thread (as PR_SET_PDEATHSIG is), the
// child cannot loosen it, and there is no moment at which the child runs without
// it. The child is reaped when it ends, whether or not anybody waits.
//
// The price is no_new_privs: the child, and all that it starts, cannot gain
// privileges by an exec. sudo, su, newuidmap, fusermount and other set-user-ID
// programs do not work inside. See [Cmd.AllowNewPrivs].
//
// The bond is to one process, unless [Cmd.Scope] asks for more: with [ScopeTree]
// everything that the child ever starts dies with it, also after setsid, double fork and
// daemonizing. That takes a seccomp filter, and a few things work differently inside.
//
// A process that somebody else has started is bound by [Attach], which is the weaker bond.
//
// # Handles travel
//
// A handle is an open file, and the last reference decides. [Process.File], [Process.Send]
// and [Receive] share it with other processes; [Exec] and [Inherited], or [HandOver] and
// [TakeOver], give children to the program that comes next, while a crash at any moment still
// kills them. docs/handover.md tells more.
//
// # Mechanisms
//
// Linux 7.1 and later have this in the kernel: CLONE_PIDFD_AUTOKILL ([Native]).
// Older kernels since 5.10 get the same contract from file owner signals, see
// fcntl(2), F_SETSIG ([Tripwire]). [Cmd.Mechanism] chooses; its zero value takes
// the best one there is. Where neither can keep the contract, a start fails with
// an error that wraps [errors.ErrUnsupported]; it is never weakened.
//
// On systems other than Linux on amd64 and arm64 every start fails so.
//
// # Moving over from os/exec
//
//	import exec "github.com/autokill/autokill" // was "os/exec"
//
// Cmd has every exported field and method of [os/exec.Cmd], with the same rules. What
// is different:
//
//   - The types [Process], [ProcessState] and [ExitError] are this package's own. What
//     takes a [*os.Process] or an [*os/exec.Cmd] cannot take them.
//   - The child is reaped as soon as it ends. From then on Signal and Kill answer
//     [os.ErrProcessDone], before Wait was called too. [Process.Wait] can be called any
//     number of times.
//   - Wait closes the handle. [Process.Release] gives up the Process, and the child stays
//     bound to this program.
//   - The kernel keeps no resource usage of a child that it reaps itself: see
//     [ProcessState.SysUsage] and [Cmd.Rusage].
//   - The child inherits what it was given and nothing else, and has no_new_privs.
//
// docs/from-os-exec.md has the whole list, and what to do instead.
//
// # Errors
//
// All errors of this package can be examined with errors.Is and errors.As. A start
// that was refused or failed is an [*OpError]: it says which mechanism that was, and
// inside it is an [io/fs.PathError], as with os/exec, and what the kernel said, a
// [syscall.Errno]. A path search gives an [*Error], a child that ended badly an
// [*ExitError].
package autokill
