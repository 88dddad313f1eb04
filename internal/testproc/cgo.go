//go:build !race

package testproc

const withCgo = false
