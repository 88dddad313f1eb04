//go:build race

package testproc

// withCgo: the race detector brings cgo, and with it the threads are glibc's.
const withCgo = true
