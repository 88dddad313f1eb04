//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"io"
	"os"
	"testing"

	"github.com/autokill/autokill/internal/testproc"
)

// eventually waits for something that the kernel reports to nobody.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	if !testproc.Soon(ok) {
		t.Fatalf("no %s in %v", what, patience)
	}
}

func readAll(t *testing.T, f *os.File) string {
	t.Helper()
	deadline(t, f)
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
