// Package testproc is for tests that start processes: the test binary plays its
// own helpers, and a run ends with a check that nothing was left behind.
package testproc
