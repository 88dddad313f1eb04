//go:build linux && (amd64 || arm64)

package autokill_test
