// Package pidns puts the child of a start into a PID namespace of its own, where
// everything that it ever starts dies with the namespace's init.
//
// The init must be ours: a command that is the init could loosen what holds the init,
// and would have to reap orphans. So a start has more than one process:
//
//	native    caller ─clone3(CLONE_PIDFD_AUTOKILL)─> init ─> command
//	tripwire  caller ─clone─> monitor ─> init (PR_SET_PDEATHSIG) ─> command
//
// A tripwire's signal does not move an init, but the death signal of a parent outside
// of the namespace does: the monitor is the tripwire's target. Killing it kills the
// init, and with the init the kernel kills all.
//
// Monitor and init run steps of package clone until the command is forked; then each
// executes a program of a few hundred bytes (program_amd64.s, program_arm64.s) from a
// memfd. They share the caller's memory until then and copy none of it. The command
// waits with its own preparation until the init is in place and cannot be looked into, and
// says so by an eventfd.
//
// Ledger of kernel versions:
//
//	PID, mount and user namespaces by clone(2)    3.8
//	/proc/PID/setgroups                           3.19
//	execveat, memfd_create, seals                 3.19, 3.17
//	pidfd_open                                    5.3
//	MFD_EXEC, vm.memfd_noexec                     6.3
//
// Who lies: PR_SET_PDEATHSIG is cleared by some execs (a change of the effective ids, a
// security module's transition), so the init asks for it again when it runs. A parent
// that has ended by the time of the prctl signals nobody, and getppid is always 0
// across namespaces: the monitor's pidfd tells.
package pidns
