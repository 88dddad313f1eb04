// Package kernels runs the project's tests on other kernels than the one of
// this machine: it takes kernels from the packages of a Debian mirror, boots
// them in QEMU with the test binaries in an initramfs, and reports what ran.
//
// The way of one run: [Needs] looks for the tools, [Archive] fetches a kernel
// of a series, [Build] compiles the tests, [Machine.Run] boots and collects a
// [Transcript], [Judge] says what happened in it, [Report] prints.
package kernels
