//go:build linux

package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/autokill/autokill/internal/testproc"
)

// TestScreens plays sessions with programs that use the whole screen, in tmux, whose
// screens are in testdata/screen. The name of a part is what was typed: 'text', and
// keys as tmux names them. Its text is the screen that was seen then, without the empty
// lines at the end. Nothing is typed before.
func TestScreens(t *testing.T) {
	for _, name := range []string{"tmux", "bash", "vi", "less", "seq"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("not installed: %v", err)
		}
	}
	bins := installed(t)
	paths, err := filepath.Glob("testdata/screen/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("%d sessions, %v", len(paths), err)
	}
	for _, path := range paths {
		session, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, scope := range scopes {
			t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar")+"/"+scope, func(t *testing.T) {
				window := newWindow(t, bins[scope])
				window.await(t, "$\n")
				for _, part := range session.Files {
					window.tmux(t, append([]string{"send-keys"}, keys(part.Name)...)...)
					window.await(t, string(part.Data))
				}
			})
		}
	}
}

// keys are the arguments of tmux send-keys for the name of a part.
func keys(name string) []string {
	var all []string
	for i, piece := range strings.Split(name, "'") {
		if i%2 == 1 {
			all = append(all, piece)
		} else {
			all = append(all, strings.Fields(piece)...)
		}
	}
	return all
}

// window is a tmux server with one window, in which a shell runs.
type window struct{ socket, bin, dir string }

func newWindow(t *testing.T, bin string) *window {
	t.Helper()
	w := &window{filepath.Join(t.TempDir(), "tmux"), bin, t.TempDir()}
	w.tmux(t, "new-session", "-d", "-x", "80", "-y", "24", "bash", "--norc", "--noprofile", "--noediting", "-i")
	t.Cleanup(func() { w.tmux(t, "kill-server") })
	return w
}

func (w *window) tmux(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command("tmux", append([]string{"-S", w.socket, "-f", "/dev/null"}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "PATH="+w.bin+":"+os.Getenv("PATH"), "PS1=$ ", "HISTFILE=", "LC_ALL=C.UTF-8", "LESS=", "EXINIT=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// await waits until the window shows this.
func (w *window) await(t *testing.T, screen string) {
	t.Helper()
	var shown string
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		shown = strings.TrimRight(w.tmux(t, "capture-pane", "-p"), "\n") + "\n"
		if shown == screen {
			return
		}
		if time.Since(start) > testproc.Patience {
			t.Fatalf("--- the window shows\n%s--- instead of\n%s", shown, screen)
		}
	}
}
