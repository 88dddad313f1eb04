// Package sigign knows which signals were ignored, and which were blocked, when this
// program was started. Both stay so through an exec (execve(2)), so a command is to get
// that from who started us.
//
// Go's runtime respects SIGHUP and SIGINT that are ignored. For others it installs handlers
// of its own before any code of ours can run (initsig in runtime/signal_unix.go), and it
// unblocks what it needs and what ends a program (blockableSig there); the kernel forgets
// what was there. The runtime has noted it down in the private variables fwdSig and
// initSigmask, which neither a linkname nor assembly may refer to. So this package finds
// them as a debugger does, by the symbol table of the program, and only reads them.
//
// A program without a symbol table (go build -ldflags=-s, strip) cannot be asked.
package sigign
