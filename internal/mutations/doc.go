// Package mutations is for tests only. A mutation is a deliberate defect of the library, as
// a replacement in one of its files, and the test that catches it: with the mutation that
// test must fail. One that no test catches shows a hole in the suite.
//
// The source stays as it is: the go command compiles with an overlay. The lists are data in
// tripwires_test.go and its siblings; a mutation that the code has outgrown is a failure.
package mutations
