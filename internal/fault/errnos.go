//go:build linux && (amd64 || arm64)

package fault

import (
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Denials are what a filter or a security module answers: from then on, and to every call
// of the kind.
var Denials = []syscall.Errno{unix.EPERM, unix.ENOSYS}

// Denied says whether who denies the one call denies the other, too: a flag that cannot be
// set cannot be taken back.
func Denied(one, other string) bool {
	return one == other || one == Arm && other == "fcntl(F_SETFL)"
}

// Errnos are those that a call can have, by its man page and the kernel's source: Denials
// and those of errnos. Of calls that have many requests, the request's own come first. A
// call that has none is not to be failed.
func Errnos(call string) []syscall.Errno {
	name, _, _ := strings.Cut(call, "(")
	own, ok := errnos[call]
	if !ok {
		own, ok = errnos[name]
	}
	if !ok || slices.Contains(infallible, name) {
		return nil
	}
	return slices.Concat(Denials, own)
}

// infallible calls do their work whatever they answer, and who is stopped before cannot do
// it in their place: a close that fails has closed (close(2)).
var infallible = []string{"close", "exit", "exit_group"}

// errnos leaves out what would be a lie: what says that a process is gone (ESRCH of
// pidfd_open, ECHILD of waitid, ESTALE of open_by_handle_at) while it is there, what says that
// somebody has to wait (EAGAIN of sockets) where there is nothing to wait for, and mistakes of
// the caller (EBADF, EFAULT).
var errnos = map[string][]syscall.Errno{
	"bind":            {unix.EACCES, unix.EADDRINUSE, unix.ENOMEM},
	"capget":          {unix.EINVAL},
	"capset":          {unix.EINVAL},
	"chdir":           {unix.EACCES, unix.EIO, unix.ELOOP, unix.ENOENT, unix.ENOMEM, unix.ENOTDIR},
	"chroot":          {unix.EACCES, unix.EIO, unix.ELOOP, unix.ENOENT, unix.ENOMEM, unix.ENOTDIR},
	"clone":           {unix.EAGAIN, unix.EINVAL, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOSPC, unix.EUSERS},
	"clone3":          {unix.EACCES, unix.EAGAIN, unix.EBUSY, unix.EINVAL, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOSPC, unix.EOPNOTSUPP, unix.EUSERS},
	"close":           {},
	"close_range":     {unix.EINVAL, unix.EMFILE, unix.ENOMEM},
	"dup3":            {unix.EBUSY, unix.EINTR, unix.EMFILE},
	"epoll_create1":   {unix.EMFILE, unix.ENFILE, unix.ENOMEM},
	"epoll_ctl":       {unix.ENOMEM, unix.ENOSPC},
	"eventfd2":        {unix.EMFILE, unix.ENFILE, unix.ENODEV, unix.ENOMEM},
	"execve":          {unix.E2BIG, unix.EACCES, unix.EAGAIN, unix.EIO, unix.ELOOP, unix.EMFILE, unix.ENFILE, unix.ENOENT, unix.ENOEXEC, unix.ENOMEM, unix.ETXTBSY},
	"execveat":        {unix.EACCES, unix.EAGAIN, unix.EIO, unix.EMFILE, unix.ENFILE, unix.ENOENT, unix.ENOEXEC, unix.ENOMEM},
	"fcntl":           {unix.EINVAL},
	"fstat":           {unix.EIO, unix.ENOMEM, unix.EOVERFLOW},
	"fstatfs":         {unix.EINTR, unix.EIO, unix.ENOMEM},
	"getdents64":      {unix.EINVAL, unix.ENOENT},
	"getpgid":         {},
	"getppid":         {},
	"getsockopt":      {unix.EACCES, unix.EINVAL, unix.ENOPROTOOPT},
	"ioctl":           {unix.EINVAL, unix.ENOTTY},
	"kill":            {unix.ESRCH},
	"memfd_create":    {unix.EINVAL, unix.EMFILE, unix.ENFILE, unix.ENOMEM},
	"mount":           {unix.EACCES, unix.EBUSY, unix.EINVAL, unix.ENODEV, unix.ENOMEM},
	"newfstatat":      {unix.EACCES, unix.EIO, unix.ENOENT, unix.ENOMEM},
	"openat":          {unix.EACCES, unix.EINTR, unix.EMFILE, unix.ENFILE, unix.ENOENT, unix.ENOMEM},
	"pidfd_open":      {unix.EINVAL, unix.EMFILE, unix.ENFILE, unix.ENODEV, unix.ENOMEM},
	"pipe2":           {unix.EMFILE, unix.ENFILE},
	"poll":            {unix.EINTR, unix.EINVAL, unix.ENOMEM},
	"ppoll":           {unix.EINTR, unix.EINVAL, unix.ENOMEM},
	"pread64":         {unix.EINTR, unix.EIO},
	"prctl":           {unix.EACCES, unix.EINVAL},
	"prlimit64":       {unix.EINVAL},
	"ptrace":          {unix.EIO},
	"read":            {unix.EINTR, unix.EIO},
	"readlinkat":      {unix.EACCES, unix.ENOENT, unix.ENOMEM},
	"recvmsg":         {unix.EINTR, unix.ENOMEM},
	"rt_sigaction":    {unix.EINVAL},
	"rt_sigprocmask":  {unix.EINVAL},
	"rt_sigtimedwait": {unix.EAGAIN, unix.EINTR, unix.EINVAL},
	"seccomp":         {unix.EACCES, unix.EINVAL, unix.ENOMEM},
	"sendmsg":         {unix.EINTR, unix.ENOBUFS, unix.ENOMEM, unix.EPIPE, unix.ETOOMANYREFS},
	"setgid":          {unix.EINVAL},
	"setgroups":       {unix.EINVAL, unix.ENOMEM},
	"setpgid":         {unix.EACCES, unix.EINVAL, unix.ESRCH},
	"setsid":          {},
	"setsockopt":      {unix.EINVAL, unix.ENOMEM, unix.ENOPROTOOPT},
	"setuid":          {unix.EAGAIN, unix.EINVAL},
	"socketpair":      {unix.EAFNOSUPPORT, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.EOPNOTSUPP, unix.EPROTONOSUPPORT},
	"unshare":         {unix.EINVAL, unix.ENOMEM, unix.ENOSPC, unix.EUSERS},
	"wait4":           {unix.EINTR},
	"waitid":          {unix.EINTR, unix.EINVAL},
	"write":           {unix.EINTR, unix.EIO, unix.ENOSPC, unix.EPIPE},

	"fcntl(F_DUPFD_CLOEXEC)": {unix.EINVAL, unix.EMFILE},
	"fcntl(F_SETSIG)":        {unix.EINVAL, unix.ENOMEM},
	"fcntl(F_SETOWN_EX)":     {unix.EINVAL, unix.ENOMEM, unix.ESRCH},
	"fcntl(F_SETFL)":         {unix.EINVAL, unix.ENOMEM},
	Arm:                      {unix.EINVAL, unix.ENOMEM},
	"fcntl(F_SETPIPE_SZ)":    {unix.EBUSY, unix.ENOMEM},
	"ioctl(PIDFD_GET_INFO)":  {unix.EINVAL, unix.ENOTTY, unix.EOPNOTSUPP},

	"name_to_handle_at": {unix.EINVAL, unix.ENOMEM, unix.EOPNOTSUPP},
	"open_by_handle_at": {unix.EINVAL, unix.EMFILE, unix.ENFILE, unix.ENOMEM, unix.ENOTDIR},
	"pidfd_send_signal": {unix.EINVAL},
}
