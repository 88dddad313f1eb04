// Package bench has the benchmarks of autokill beside its peers. It is a module of its own, so that
// nobody who uses autokill depends on the peers, nor on what draws the plots.
//
// Each benchmark is a race (package beside): the contenders take turns in one run, in an
// order that chance decides anew for each sample, and what is reported is the median of the ratios of
// the samples with its 95 % interval. So a machine that is slow for a moment is slow for all. What
// is a count and no time is a test. Both record what they saw, and `make bench` makes
// docs/benchmarks.md of it (command publish), with a table of the targets (package target).
package bench
