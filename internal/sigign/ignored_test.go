//go:build linux && (amd64 || arm64)

package sigign

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

// TestIgnored builds this test as programs are built, in which it prints what it finds.
// go test itself leaves the symbol table out.
func TestIgnored(t *testing.T) {
	const report = "AUTOKILL_REPORT_IGNORED"
	if os.Getenv(report) != "" {
		signals, err := Ignored()
		fmt.Println("found:", signals, errors.Is(err, errors.ErrUnsupported), err)
		return
	}
	testproc.RespectSignals()
	const known = "found: [quit user defined signal 1 broken pipe terminated] false <nil>\n"
	for _, tt := range []struct{ flag, want string }{
		{"-buildmode=pie", known},
		{"-ldflags=-w", known},
		{"-ldflags=-s", "found: [] true which signals were ignored at the start is not known: this program was built without a symbol table (unsupported operation)\n"},
	} {
		t.Run(tt.flag, func(t *testing.T) {
			program := filepath.Join(t.TempDir(), "program")
			testproc.Go(t, "test", "-c", tt.flag, "-o", program)
			cmd := exec.Command("sh", "-c", `trap "" QUIT USR1 PIPE TERM; exec "$0" -test.run='^TestIgnored$' -test.v`, program)
			cmd.Env = append(os.Environ(), report+"=1")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v\n%s\nwant %s", err, out, tt.want)
			}
		})
	}
}
