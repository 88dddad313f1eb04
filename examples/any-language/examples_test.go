//go:build linux

package anylanguage

import (
	"bufio"
	"embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/autokill/autokill/internal/cli"
	"github.com/autokill/autokill/internal/testproc"
)

// TestMain lets the test binary play autokill, as a program in PATH.
func TestMain(m *testing.M) {
	testscript.Main(testproc.Checked{M: m}, map[string]func(){
		"autokill": func() { os.Exit(cli.Main(os.Args[1:])) },
	})
}

//go:embed python node java c shell
var sources embed.FS

// examples are the programs: what runs them, and the Debian package that has it.
var examples = []struct {
	source       string
	run          []string
	debian       string
	compile      bool // run is a compiler
	between      bool // autokill stays between, so the pid that the program knows is autokill's
	mayBeMissing bool // where everything else is there, too
}{
	{source: "python/hold.py", run: []string{"python3"}, debian: "python3"},
	{source: "node/hold.js", run: []string{"node"}, debian: "nodejs", between: true},
	{source: "shell/hold.sh", run: []string{"bash"}, debian: "bash", between: true},
	{source: "c/hold.c", run: []string{"gcc", "-Wall", "-Wextra", "-Werror"}, debian: "gcc and libc6-dev", compile: true},
	// Some hundred megabytes, which .ci/programs does not install.
	{source: "java/Hold.java", run: []string{"java", "-XX:TieredStopAtLevel=1"}, debian: "default-jdk-headless", between: true, mayBeMissing: true},
}

// eachExample runs a test for each that can run here, with the words of its command line.
func eachExample(t *testing.T, test func(t *testing.T, argv []string, between bool)) {
	for _, e := range examples {
		t.Run(filepath.Dir(e.source), func(t *testing.T) {
			if _, err := exec.LookPath(e.run[0]); err != nil {
				if os.Getenv("AUTOKILL_PROGRAMS") == "all" && !e.mayBeMissing {
					t.Fatal(err)
				}
				t.Skipf("needs %s of Debian's package %s", e.run[0], e.debian)
			}
			// An ordinary user may not be able to read the directory of the sources.
			text, err := sources.ReadFile(e.source)
			if err != nil {
				t.Fatal(err)
			}
			source := filepath.Join(t.TempDir(), filepath.Base(e.source))
			if err := os.WriteFile(source, text, 0o644); err != nil {
				t.Fatal(err)
			}
			if !e.compile {
				test(t, append(e.run[:len(e.run):len(e.run)], source), e.between)
				return
			}
			program := filepath.Join(filepath.Dir(source), "hold")
			if out, err := exec.Command(e.run[0], append(e.run[1:], "-o", program, source)...).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			test(t, []string{program}, e.between)
		})
	}
}

// start runs an example with a command. Standard output and standard error of all of them are
// lifelines.
func start(t *testing.T, argv []string, command ...string) (holder *exec.Cmd, stdout, stderr *testproc.Lifeline) {
	t.Helper()
	stdout, stderr = testproc.NewLifeline(t), testproc.NewLifeline(t)
	holder = exec.Command(argv[0], append(argv[1:], command...)...)
	holder.Stdout, holder.Stderr = stdout.End(), stderr.End()
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = holder.Process.Kill()
		_ = holder.Wait()
	})
	for _, line := range []*testproc.Lifeline{stdout, stderr} {
		line.Cut()
		line.Deadline(t, time.Now().Add(testproc.Patience))
	}
	return holder, stdout, stderr
}

// pid reads a line "what PID".
func pid(t *testing.T, line *testproc.Lifeline, what string) (pid int) {
	t.Helper()
	said, err := bufio.NewReader(line).ReadString('\n')
	if err != nil {
		t.Fatalf("%q, %v", said, err)
	}
	if _, err := fmt.Sscanf(said, what+" %d\n", &pid); err != nil {
		t.Fatalf("%q: %v", said, err)
	}
	return pid
}

// TestKilled: the holder is killed in the worst way, and nobody of its command is left.
func TestKilled(t *testing.T) {
	eachExample(t, func(t *testing.T, argv []string, between bool) {
		holder, stdout, stderr := start(t, argv, "sh", "-c", "setsid sleep 1000 & (sleep 1000 &); echo runs $$ >&2; exec sleep 1000")
		held, runs := pid(t, stdout, "held"), pid(t, stderr, "runs")
		if same := held == runs; same == between {
			t.Errorf("the program knows pid %d, the command has %d", held, runs)
		}
		if err := holder.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for _, line := range []*testproc.Lifeline{stdout, stderr} {
			if rest := line.AllGone(t); len(rest) > 0 {
				t.Errorf("then somebody said %q", rest)
			}
		}
	})
}

// TestEnds: a holder learns how its command has ended.
func TestEnds(t *testing.T) {
	eachExample(t, func(t *testing.T, argv []string, _ bool) {
		holder, stdout, stderr := start(t, argv, "sh", "-c", "exit 3")
		said, err := io.ReadAll(stdout)
		if err != nil || !regexp.MustCompile(`^held [0-9]+\nended 3\n$`).Match(said) {
			t.Errorf("it said %q, %v", said, err)
		}
		if said := stderr.AllGone(t); len(said) > 0 {
			t.Errorf("on standard error: %s", said)
		}
		if err := holder.Wait(); err != nil {
			t.Error(err)
		}
	})
}
