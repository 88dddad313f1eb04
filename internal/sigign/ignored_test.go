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

// TestAtTheStart builds this test as programs are built, in which it prints what it finds.
// go test itself leaves the symbol table out.
func TestAtTheStart(t *testing.T) {
	const report = "AUTOKILL_REPORT_IGNORED"
	if os.Getenv(report) != "" {
		signals, err := Ignored()
		fmt.Println("found:", signals, errors.Is(err, errors.ErrUnsupported), err)
		signals, err = Blocked()
		fmt.Println("blocked:", signals, errors.Is(err, errors.ErrUnsupported), err)
		return
	}
	testproc.RespectSignals()
	const known = "found: [quit user defined signal 1 broken pipe terminated] false <nil>\n"
	const blocked = "blocked: [user defined signal 2 terminated] false <nil>\n"
	for _, tt := range []struct{ flag, want string }{
		{"-buildmode=pie", known + blocked},
		{"-ldflags=-w", known + blocked},
		{"-ldflags=-s", "found: [] true which signals were ignored at the start is not known: this program was built without a symbol table (unsupported operation)\n" +
			"blocked: [] true which signals were blocked at the start is not known: this program was built without a symbol table (unsupported operation)\n"},
	} {
		t.Run(tt.flag, func(t *testing.T) {
			dir := t.TempDir()
			program := filepath.Join(dir, "program")
			testproc.Go(t, "test", "-c", tt.flag, "-o", program)
			cmd := exec.Command("sh", "-c", `trap "" QUIT USR1 PIPE TERM; exec env --block-signal=TERM,USR2 ./program -test.run='^TestAtTheStart$' -test.v`)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), report+"=1")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v\n%s\nwant %s", err, out, tt.want)
			}
		})
	}
}
