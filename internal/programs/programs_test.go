//go:build linux

package programs

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// program is one row of the table in docs/trees.md.
type program struct {
	name        string   // of the test
	what        string   // that is in the table
	needs       []string // programs in the path
	refusesRoot bool
	compiles    bool // the standard library, in minutes, for a user who has not yet

	// play starts the program, sees it do its work, and leaves it running. It
	// returns what was different from the work without a scope, or nothing.
	play func(*stage) (differs string)

	// What play must return under these scopes. Under process it is nothing.
	tree, pidns string
	ordinary    bool // it differs for ordinary users only
}

var programs = []program{
	{
		name: "chromium", what: "Chromium, headless, renders a page", needs: []string{"chromium"}, play: playChromium,
		tree: "its own sandbox wants a PID namespace and crashes; works with `--no-sandbox`", ordinary: true,
	},
	{
		name: "npx", what: "`npx` and the node server that it starts", needs: []string{"node", "npx"}, play: playNpx,
	},
	{
		name: "node", what: "node: a detached child, ended by `process.kill(-pid)`", needs: []string{"node"}, play: playNodeDetached,
		tree: "`kill(-pid)` is EPERM",
	},
	{
		name: "postgresql", what: "PostgreSQL: initdb, pg_ctl start and stop, queries", needs: []string{"initdb"}, refusesRoot: true, play: playPostgres,
	},
	{
		name: "redis", what: "redis-server as a daemon: a key, a snapshot", needs: []string{"redis-server"}, play: playRedis,
	},
	{
		name: "nginx", what: "nginx as a daemon with workers: a page, a reload", needs: []string{"nginx"}, play: playNginx,
	},
	{
		name: "multiprocessing", what: "Python multiprocessing: fork, spawn, forkserver", needs: []string{"python3"}, play: playMultiprocessing,
	},
	{
		name: "killpg", what: "Python: `os.killpg` after `start_new_session`", needs: []string{"python3"}, play: playKillpg,
		tree: "`killpg` is EPERM",
	},
	{
		name: "make", what: "`make -j` with gcc", needs: []string{"make", "gcc"}, play: playMake,
	},
	{
		name: "gotest", what: "`go test`", needs: []string{"go"}, compiles: true, play: playGoTest,
	},
	{
		name: "bash", what: "bash: pipelines, background jobs, a coprocess", needs: []string{"bash"}, play: playBash,
	},
	{
		name: "timeout", what: "timeout(1)", needs: []string{"timeout"}, play: playTimeout,
		tree: "ends the command, but not what the command has started",
	},
	{
		name: "interactive", what: "`bash -i` at a terminal", needs: []string{"bash"}, play: playInteractive,
		tree: "Ctrl-C also ends the jobs in the background; `kill %1` is not permitted, `kill PID` is; " +
			"after Ctrl-Z, `fg` and `bg` continue nobody, `kill -CONT PID` does",
	},
	{
		name: "script", what: "script(1): a command at a terminal of its own", needs: []string{"script"}, play: playScript,
		tree: noInterrupt,
	},
	{
		name: "tmux", what: "tmux: a server and its windows", needs: []string{"tmux"}, play: playTmux,
		tree: noInterrupt,
	},
	{
		name: "ssh", what: "ssh with a system's configuration that is in parts", needs: []string{"ssh"}, play: playSSH,
		pidns: "refuses files of root, which seem to be somebody's", ordinary: true,
	},
	{
		name: "outside", what: "kill(1) of a process that was there before", needs: []string{"sh"}, play: playOutside,
		pidns: "no such process",
	},
}

// packages are where the programs come from in Debian, if the name is another one.
var packages = map[string]string{
	"npx": "npm", "node": "nodejs", "initdb": "postgresql", "redis-server": "redis-server",
	"nginx": "nginx-light", "script": "bsdutils", "ssh": "openssh-client", "go": "golang", "timeout": "coreutils",
}

// require skips where a program is missing, and fails where the runner has promised
// that all are there.
func require(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if _, err := find(name); err == nil {
			continue
		}
		pkg := packages[name]
		if pkg == "" {
			pkg = name
		}
		if os.Getenv("AUTOKILL_PROGRAMS") == "all" {
			t.Fatalf("no %s, although AUTOKILL_PROGRAMS=all: it is in package %s", name, pkg)
		}
		t.Skipf("no %s: it is in package %s; .ci/programs installs all", name, pkg)
	}
}

// scopes are all; the first one is not the subject, it shows that the play itself is
// right.
var scopes = []string{"process", "tree", "pidns"}

// TestPrograms: each program works, or differs in the way that the table says, and
// nothing is left of it when its holder has been killed.
func TestPrograms(t *testing.T) {
	if testproc.InMatrix() {
		t.Skip("a machine of the kernel matrix has busybox and no programs")
	}
	table := "| program | under `tree` | under `pidns` | survivors: `process` | `tree` | `pidns` |\n|---|---|---|---|---|---|\n"
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			require(t, p.needs...)
			survivors := map[string]string{}
			for _, u := range p.users() {
				for _, scope := range scopes {
					if scope == "process" && survivors[scope] != "" {
						continue // once is enough, it takes its moment
					}
					t.Run(scope+"/"+u.name, func(t *testing.T) {
						survivors[scope] = p.perform(newStage(t, scope, u))
					})
				}
			}
			table += p.row()
			for _, scope := range scopes {
				table += " " + survivors[scope] + " |"
			}
			table += "\n"
		})
	}
	publish(t, "programs", table)
}

// users are who starts the program: who runs the tests and, if that is root, an
// ordinary user.
func (p program) users() []user {
	switch self := (user{"self", os.Getuid(), os.Getgid()}); {
	case self.uid != 0 || p.compiles:
		return []user{self}
	case p.refusesRoot:
		return []user{daemon}
	default:
		return []user{daemon, root}
	}
}

// perform is one program under one scope, to the death of its holder. It says how
// many are left of how many.
func (p program) perform(s *stage) string {
	begin := time.Now()
	differs := p.play(s)
	played := time.Since(begin).Round(time.Millisecond)
	want := map[string]string{"tree": p.tree, "pidns": p.pidns}[s.scope]
	if p.ordinary && s.user.uid == 0 {
		want = ""
	}
	if differs != want {
		s.Errorf("what differs is %q, want %q", differs, want)
	}
	patience := testproc.Patience
	if s.scope == "process" {
		patience = moment // daemon but the child need die
	}
	cast, left := s.loseHolder(patience)
	if cast < 2 {
		s.Errorf("only %d processes were there to lose their holder", cast)
	}
	if s.scope != "process" {
		for _, survivor := range left {
			s.Errorf("survivor: %+v", survivor)
		}
	}
	s.Logf("played in %v; %d processes, %d survivors", played, cast, len(left))
	return fmt.Sprintf("%d of %d", len(left), cast)
}

// row is what the table says before any test has run.
func (p program) row() string {
	row := "| " + p.what + " |"
	for _, differs := range []string{p.tree, p.pidns} {
		switch {
		case differs == "":
			row += " works |"
		case p.ordinary:
			row += " **differs** for an ordinary user: " + differs + " |"
		default:
			row += " **differs**: " + differs + " |"
		}
	}
	return row
}

// TestDocument: the table says what TestPrograms asserts.
func TestDocument(t *testing.T) {
	if testproc.InMatrix() {
		t.Skip("the document is not in a machine of the kernel matrix")
	}
	table := published(t, "programs")
	for _, p := range programs {
		if !strings.Contains(table, "\n"+p.row()) {
			t.Errorf("no row %q in the table: make trees", p.row())
		}
	}
	if got := strings.Count(table, "\n") - 2; got != len(programs) {
		t.Errorf("%d rows, want %d: make trees", got, len(programs))
	}
}

// find is exec.LookPath with the path of a stage, and with where Debian keeps the
// programs of PostgreSQL, of which it may have many versions.
func find(name string) (string, error) {
	versions, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, dir := range append(filepath.SplitList(path), versions...) {
		if file, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return file, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, exec.ErrNotFound)
}
