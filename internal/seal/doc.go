// Package seal keeps processes in their process group: a seccomp filter, which
// everything that they start inherits and nobody can take off.
//
// table.go is what is answered and how; abi.go the numbers of the calls in every ABI
// of an architecture; compile.go makes the filter of both.
//
// Ledger of kernel versions:
//
//	seccomp filters; seccomp(2)           3.5; 3.17
//	SECCOMP_FILTER_FLAG_SPEC_ALLOW        4.17. Before 5.16 a filter without it made
//	                                      programs pay for a mitigation that they
//	                                      had not asked for (Documentation/
//	                                      admin-guide/hw-vuln/spectre.rst)
//	clone3, which a filter cannot look
//	into                                  5.3
//	setns with a pidfd and several types  5.8
//	PIDFD_SIGNAL_PROCESS_GROUP            6.9
package seal
