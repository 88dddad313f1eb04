// Package sigign knows which signals were ignored when this program was started. An
// ignored signal stays ignored through an exec (execve(2)), so a command is to get that
// from who started us.
//
// Go's runtime respects it for SIGHUP and SIGINT. For the others it installs handlers of
// its own before any code of ours can run (initsig in runtime/signal_unix.go), and the
// kernel forgets what was there. The runtime has noted it down in a private variable,
// fwdSig, which neither a linkname nor assembly may refer to. So this package finds the
// variable as a debugger does, by the symbol table of the program, and only reads it.
//
// A program without a symbol table (go build -ldflags=-s, strip) cannot be asked.
package sigign
