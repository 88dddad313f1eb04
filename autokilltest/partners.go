//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/autokill/autokill"
)

// settleAll closes the handles that this side has, and waits for the end of their children.
func settleAll(conn *os.File, end <-chan struct{}, processes func() []*autokill.Process) func() error {
	return func() error {
		<-end // the other end is closed
		conn.Close()
		all := processes()
		for _, p := range all {
			_ = p.Close()
		}
		return over(all...)
	}
}

func receiveFrom(_ *testing.T, _ suite, conn *os.File) func() error {
	end := make(chan struct{})
	var p *autokill.Process
	go func() {
		defer close(end)
		p, _ = autokill.Receive(conn)
	}()
	return settleAll(conn, end, func() []*autokill.Process {
		return slices.DeleteFunc([]*autokill.Process{p}, func(p *autokill.Process) bool { return p == nil })
	})
}

func sendTo(t *testing.T, s suite, conn *os.File) func() error {
	t.Helper()
	p, err := startSleep(s.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Send(conn); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	close(end)
	return settleAll(conn, end, func() []*autokill.Process { return []*autokill.Process{p} })
}

func takeOverFrom(_ *testing.T, _ suite, conn *os.File) func() error {
	end := make(chan struct{})
	var taken map[string]autokill.Handed
	go func() {
		defer close(end)
		taken, _ = autokill.TakeOver(conn)
	}()
	return settleAll(conn, end, func() []*autokill.Process { return processesOf(taken) })
}

// handOverTo also sees that this side has its children if it was told so.
func handOverTo(t *testing.T, s suite, conn *os.File) func() error {
	t.Helper()
	given, err := startTwo(s.Subject)
	if err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	var kept error
	go func() {
		defer close(end)
		kept = autokill.HandOver(conn, given)
	}()
	settle := settleAll(conn, end, func() []*autokill.Process { return processesOf(given) })
	return func() error {
		<-end
		for name, handed := range given {
			if err := alive(handed.Process); kept != nil && err != nil {
				return fmt.Errorf("%q: %w, though it was not given up: %w", name, err, kept)
			}
		}
		return settle()
	}
}

func processesOf(handles map[string]autokill.Handed) (all []*autokill.Process) {
	for _, handed := range handles {
		all = append(all, handed.Process)
	}
	return all
}
