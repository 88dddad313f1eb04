//go:build !linux

package clone

func release() string { return "" }
