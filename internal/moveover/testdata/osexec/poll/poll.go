// Package poll is what os/exec's tests use of the Go tree's internal/poll.
package poll

import _ "unsafe" // for go:linkname

// IsPollDescriptor says whether the descriptor is one of the runtime's poller.
//
//go:linkname IsPollDescriptor internal/poll.IsPollDescriptor
func IsPollDescriptor(fd uintptr) bool
