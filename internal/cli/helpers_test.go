//go:build linux

package cli

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// hears prints "ready", and then the name of each signal that it gets, until the
// end of its standard input.
func hears() {
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGTERM,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGALRM, syscall.SIGWINCH)
	fmt.Println("ready")
	var printing sync.Mutex
	go func() {
		for sig := range signals {
			printing.Lock()
			fmt.Println(unix.SignalName(sig.(syscall.Signal)))
			printing.Unlock()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
	printing.Lock()
	os.Exit(5)
}

// inherits prints what it was given: descriptors with what they are, signals that
// are ignored, blocked and have no_new_privs as /proc tells, the process group.
func inherits() {
	for fd := range 64 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err != nil || flags&unix.FD_CLOEXEC != 0 {
			continue // not open, or Go's own
		}
		var st unix.Stat_t
		status, errStatus := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err := unix.Fstat(fd, &st); err != nil || errStatus != nil {
			fmt.Println(fd, err, errStatus)
		}
		fmt.Printf("descriptor %d: device %x inode %d status %#o\n", fd, st.Dev, st.Ino, status)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &limit); err != nil {
		fmt.Println(err)
	}
	fmt.Println("core limit:", limit.Cur, limit.Max)
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT} {
		fmt.Println(sig, "ignored:", signal.Ignored(sig))
	}
	fmt.Println("group:", unix.Getpgrp())
	dir, _ := os.Getwd()
	fmt.Println("directory:", dir)
	fmt.Println("arguments:", os.Args)
}
