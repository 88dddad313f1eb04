//go:build linux && (amd64 || arm64)

package bond

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Follow sees to the end of the child and tells m, once. It must be called, once, or
// Await in its place.
//
// One goroutine does that for all children, so a child costs none, and nobody is woken
// by its start. Those whose end is more than one event have one of their own.
func (c *Child) Follow(m Mourner) {
	c.mourner = m
	if events, ok := c.sign(); !ok || !following.add(c, events) {
		go c.follow()
	}
}

func (c *Child) follow() { c.tell(c.Await()) }

func (c *Child) tell(end Ending) {
	condemned.remove(c)
	c.mourner.Ended(end)
}

// Hasten waits for the end of a child that is followed, and takes care of it, in a system
// call on the caller's thread. That sees the end soonest: a goroutine that waits for
// another one's word is woken with a thread more. But it takes a thread, so only few may
// do it at a time; for anybody else it returns at once.
func (c *Child) Hasten() {
	events, ok := c.sign()
	if !ok {
		return
	}
	defer hasteners.Add(-1)
	if hasteners.Add(1) > maxHasteners || !following.take(c) {
		return
	}
	if _, err := poll(c.pidfd, events, -1); err != nil {
		go c.follow()
		return
	}
	c.conclude()
}

// hasteners are the threads that wait in Hasten. Their number is small against the 10,000
// at which Go gives up, and large against that of the processors.
var hasteners atomic.Int32

const maxHasteners = 16

// sign is the event by which the end of the child is known, as poll(2) has it: of one that
// the kernel reaps it is the hang-up, which is always told.
func (c *Child) sign() (events int16, ok bool) {
	switch c.mechanism.(type) {
	case tripwire:
		return unix.POLLIN, true
	case native:
		return 0, true
	}
	return 0, false
}

// poll waits for so many milliseconds, or for ever if they are negative.
func poll(fd int, events int16, timeout int) (ready bool, err error) {
	for {
		fds := [...]unix.PollFd{{Fd: int32(fd), Events: events}}
		if n, err := unix.Poll(fds[:], timeout); !errors.Is(err, unix.EINTR) {
			return n > 0, err
		}
	}
}

// End kills everybody in the scope and closes the handle, of a child that has not ended for
// all that its Mourner knows. It does not wait; but the closing takes the kernel some time, in
// which the child can die on another processor. An ending that is seen then is returned, and
// the Mourner is not told: nobody has to be woken for it.
func (c *Child) End() (Ending, bool) {
	events, ok := c.sign()
	taken := ok && following.take(c)
	// This comes first: it cannot be lost to an exec that the child is in the middle of, as
	// the signal that the closing sends can.
	c.Kill()
	_ = c.Handle.Close()
	if taken {
		if ready, err := poll(c.pidfd, events, 0); err == nil && ready {
			if end, known := c.ending(); known {
				condemned.remove(c)
				return end, true
			}
			go c.follow()
		} else if !following.add(c, events) {
			go c.follow()
		}
	}
	c.condemn()
	return Ending{}, false
}

// conclude tells the ending of a child whose sign was seen. Where that takes longer, as
// with a tracer who comes before the parent, a goroutine does it.
func (c *Child) conclude() {
	if end, known := c.ending(); known {
		c.tell(end)
		return
	}
	go c.follow()
}

// ending is that of a child whose sign was seen, if it can be had at once.
func (c *Child) ending() (Ending, bool) {
	switch c.mechanism.(type) {
	case native:
		return told(c), true
	case tripwire:
		if end, ended, err := c.reapNow(); ended && err == nil {
			c.reaped(end)
			return end, true
		}
	}
	return Ending{}, false
}

// followers are the children that are followed by one goroutine, each by a number that is
// used once. Who takes a child out of the map takes care of its end.
type followers struct {
	mu       sync.Mutex
	epoll    int // what the goroutine waits for, or 0
	last     uint64
	children map[uint64]*Child
}

var following followers

// add is false where there is no epoll for it: that is denied, or a limit is reached.
func (f *followers) add(c *Child, events int16) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.epoll == 0 && f.open() != nil {
		return false
	}
	f.last++
	number := f.last
	event := unix.EpollEvent{Events: uint32(events) | unix.EPOLLONESHOT, Fd: int32(number), Pad: int32(number >> 32)}
	if unix.EpollCtl(f.epoll, unix.EPOLL_CTL_ADD, c.pidfd, &event) != nil {
		return false
	}
	c.number = number
	f.children[number] = c
	return true
}

// open makes the epoll instance, which Go's poller watches in its turn.
func (f *followers) open() error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.SetNonblock(epoll, true); err != nil {
		_ = unix.Close(epoll)
		return err
	}
	file := os.NewFile(uintptr(epoll), "epoll")
	conn, err := file.SyscallConn()
	if err == nil {
		err = file.SetReadDeadline(time.Time{}) // an error if Go's poller did not take it
	}
	if err != nil {
		file.Close()
		return err
	}
	f.epoll, f.children = epoll, map[uint64]*Child{}
	go f.run(conn)
	return nil
}

// run never ends.
func (f *followers) run(conn syscall.RawConn) {
	var events [64]unix.EpollEvent
	_ = conn.Read(func(fd uintptr) bool {
		for {
			n, err := unix.EpollWait(int(fd), events[:], 0)
			if errors.Is(err, unix.EINTR) {
				continue
			}
			for _, event := range events[:max(n, 0)] {
				if c := f.remove(uint64(uint32(event.Fd)) | uint64(uint32(event.Pad))<<32); c != nil {
					c.conclude()
				}
			}
			if n < len(events) {
				return false
			}
		}
	})
}

// remove is nil if another has taken the child.
func (f *followers) remove(number uint64) *Child {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := f.children[number]
	delete(f.children, number)
	return c
}

// take is false if another has taken the child, or it is followed in another way. Who has it
// can use the observer's number: that is closed after the child has ended, which is for them to
// find out. The goroutine is spared the event.
func (f *followers) take(c *Child) bool {
	f.mu.Lock()
	_, followed := f.children[c.number]
	delete(f.children, c.number)
	f.mu.Unlock()
	if followed {
		_ = unix.EpollCtl(f.epoll, unix.EPOLL_CTL_DEL, c.pidfd, nil)
	}
	return followed
}
