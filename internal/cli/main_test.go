//go:build linux

package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/autokill/autokill/internal/testproc"
)

// TestMain lets the test binary play autokill itself and the commands that it
// runs, each as a program in PATH.
func TestMain(m *testing.M) {
	// A program that is built with the race detector sleeps for a second before it
	// exits; there are many of them here.
	if os.Getenv("GORACE") == "" {
		os.Setenv("GORACE", "atexit_sleep_ms=0")
	}
	if strings.HasSuffix(os.Args[0], ".test") { // and not one of the programs below
		testproc.RespectSignals()
	}
	testscript.Main(m, map[string]func(){
		"autokill": func() { os.Exit(Main(os.Args[1:])) },
		"hears":    hears,
		"inherits": inherits,

		"startsSlowly": startsSlowly,
		"callsExec":    callsExec,
	})
}
