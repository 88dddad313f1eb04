// An external test package on purpose: tests inside would make package nofile import
// package syscall, and be initialized too late.
package nofile_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	. "github.com/autokill/autokill/internal/nofile"
)

func TestRestore(t *testing.T) {
	tests := []struct {
		name          string
		original, now Limit
		ok            bool
	}{
		{"raised by Go", Limit{1024, 4096}, Limit{4095, 4096}, true},
		{"set by the program", Limit{1024, 4096}, Limit{2000, 4096}, false},
		{"set to the hard limit", Limit{1024, 4096}, Limit{4096, 4096}, false},
		{"hard limit lowered", Limit{1024, 4096}, Limit{4095, 4095}, false},
		{"never raised", Limit{4095, 4096}, Limit{4095, 4096}, false},
		{"never raised, equal", Limit{4096, 4096}, Limit{4096, 4096}, false},
		{"not known", Limit{}, Limit{4095, 4096}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			limit, ok := Restore(tt.original, tt.now)
			if ok != tt.ok {
				t.Fatalf("Restore(%v, %v) says %t", tt.original, tt.now, ok)
			}
			if ok && limit != tt.original {
				t.Errorf("Restore gives %v, want the original %v", limit, tt.original)
			}
		})
	}
}

// TestOriginal starts this binary under a known soft limit: what it read must be
// that limit and not the one that package syscall has set by then.
func TestOriginal(t *testing.T) {
	const report = "AUTOKILL_REPORT_NOFILE"
	if os.Getenv(report) != "" {
		fmt.Println("original:", Original().Cur)
		return
	}
	if runtime.GOOS != "linux" {
		t.Skip("there is no prlimit64 outside Linux")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", `ulimit -S -n 123; exec "$0" -test.run='^TestOriginal$' -test.v`, exe)
	cmd.Env = append(os.Environ(), report+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if !bytes.Contains(out, []byte("original: 123\n")) {
		t.Errorf("under ulimit -n 123 the program read:\n%s", strings.TrimSpace(string(out)))
	}
}
