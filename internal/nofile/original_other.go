//go:build !linux || !(amd64 || arm64)

package nofile

var original Limit
