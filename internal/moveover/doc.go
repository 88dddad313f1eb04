// Package moveover is for tests only. They show that a program that uses os/exec moves
// over by one changed import: programs that were written for os/exec, with tests of
// their own, are run as they are and with the import changed, and compared test by
// test. TestOSExec takes os/exec's own tests from the Go tree. TestModules takes modules
// from the module proxy; `make moveover` runs it. Nothing of them is kept here.
//
// What may differ is data in differences_test.go, and is explained in
// docs/from-os-exec.md.
package moveover
