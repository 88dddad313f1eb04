//go:build linux && (amd64 || arm64)

package bench

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill/internal/bond"
	"github.com/autokill/autokill/internal/clone"
)

// What the bond itself costs is the difference between these: the same vector of system calls,
// once with a parcel and once without, and nothing of os/exec's interface around it.
const (
	bound = "with the bond"
	free  = "without the bond"
)

func startBound(_ *os.File, argv ...string) (child, error) {
	c, err := bond.Start(bare(argv), bond.Wish{})
	if err != nil {
		return child{}, err
	}
	wait := func() error {
		defer c.Close()
		return exit(c.Await().Status)
	}
	return child{c.Pid, wait, func() error { c.Kill(); return nil }}, nil
}

func startFree(_ *os.File, argv ...string) (child, error) {
	request := bare(argv)
	request.NoNewPrivs = true
	request.Shared = request.CopiesTable() == nil // as with the bond
	c, err := request.Start()
	if err != nil {
		return child{}, err
	}
	wait := func() error {
		defer unix.Close(c.Pidfd)
		status, _, err := clone.Reap(c.Pid)
		if err != nil {
			return err
		}
		return exit(status)
	}
	return child{c.Pid, wait, func() error { return unix.PidfdSendSignal(c.Pidfd, unix.SIGKILL, nil, 0) }}, nil
}

// bare is a request without any frills.
func bare(argv []string) *clone.Request {
	return &clone.Request{Path: argv[0], Argv: argv, Files: []int{0, 1, 2}}
}

// exit is what os/exec makes an error of: that a child has not ended well.
func exit(status syscall.WaitStatus) error {
	if status == 0 {
		return nil
	}
	return ended(status)
}

type ended syscall.WaitStatus

func (e ended) Error() string { return "the child ended badly" }
func (e ended) Sys() any      { return syscall.WaitStatus(e) }
