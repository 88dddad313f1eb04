// Package autokilltest is the contract of autokill as a test suite: a test for each
// clause of docs/contract.md, named after it. It runs against whatever makes
// commands, so a mechanism, a scope or a wrapper can be held to the contract.
//
// The suite plays its helper processes with the test binary itself:
//
//	var subjects = autokilltest.Subjects{
//		"native": {Mechanism: autokill.Native, Command: …},
//	}
//
//	func TestMain(m *testing.M) { autokilltest.Main(m, subjects, nil) }
//
//	func TestContract(t *testing.T) { autokilltest.Run(t, subjects, "native") }
//
// Where autokill has no mechanism (other than Linux on amd64 and arm64) the package
// compiles and is empty.
package autokilltest
