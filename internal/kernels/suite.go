package kernels

import (
	"slices"
	"strconv"
	"time"
)

// A Suite is what runs on every kernel of one architecture.
type Suite struct {
	Binaries Binaries
	Run      string        // which tests, as go test's -run; empty: all
	Full     bool          // the long form of tests that have a short one
	Timeout  time.Duration // of one job
	As       string        // which user the tests run as; empty: each
	Env      []string      // what the tests find in their environment beside the usual
	Seed     uint64        // how users and machines share the tests
}

// asked are those of the users that the tests shall run as.
func (s Suite) asked(all []user) []user {
	return slices.DeleteFunc(slices.Clone(all), func(u user) bool { return s.As != "" && s.As != u.name })
}

// shared says whether the users of a machine share the tests: not if these are asked for by
// name or in full, or as one user.
func (s Suite) shared() bool { return s.Run == "" && !s.Full && s.As == "" }

// args are those of a test binary.
func (s Suite) args() []string {
	return []string{
		// Marks what the testing package itself says, so that nothing a test
		// prints can be taken for a result.
		"-test.v=test2json",
		"-test.count=1",
		"-test.run=" + s.Run,
		"-test.short=" + strconv.FormatBool(!s.Full),
		"-test.timeout=" + s.Timeout.String(),
	}
}

// patience is how long a job may take. The test binary's own timeout comes
// first: it prints stacks.
func (s Suite) patience() time.Duration { return s.Timeout + 10*time.Second }
