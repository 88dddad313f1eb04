//go:build linux

package programs

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/autokill/autokill/internal/testproc"
)

// peer is something that starts a command and will be killed.
type peer struct {
	name  string   // in the table
	needs []string // programs; those of the kit are taken from there

	// run is what starts the member; there is a directory for files that it needs.
	run func(k *kit, dir, member string) *exec.Cmd

	// survive are the members who must survive. They are asserted for our own
	// tools, and for the others just measured.
	survive []string
	ours    bool
}

var peers = []peer{
	{name: "`autokill run --scope process`", run: autokill("process"), ours: true, survive: members[1:]},
	{name: "`autokill run --scope tree`", run: autokill("tree"), ours: true},
	{name: "`autokill run --scope pidns`", run: autokill("pidns"), ours: true},
	{name: "Go, os/exec", run: played("os/exec")},
	{name: "Go, os/exec with Pdeathsig", run: played("pdeathsig")},
	{name: "Go, leakless 0.9.0", needs: []string{"leakless"}, run: line("leakless")},
	{
		name: "Python, subprocess", needs: []string{"python3"},
		run: line("python3", "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"),
	},
	{name: "node, execa 9.6.1", needs: []string{"node", "execa"}, run: func(k *kit, _, member string) *exec.Cmd {
		// A module is looked for beside the script.
		return k.command("node", write(k.modules+"/../play.mjs", "import {execa} from 'execa'; await execa(process.argv[2])\n"), member)
	}},
	{name: "`bun --no-orphans` 1.4.5", needs: []string{"bun"}, run: func(k *kit, dir, member string) *exec.Cmd {
		return k.command("bun", "--no-orphans", write(dir+"/play.js", "await Bun.spawn([process.argv[2]]).exited\n"), member)
	}},
	{name: "`setpriv --pdeathsig KILL`", needs: []string{"setpriv"}, run: func(k *kit, _, member string) *exec.Cmd {
		// It becomes the command; what is killed is its parent.
		return k.command("sh", "-c", "setpriv --pdeathsig KILL -- "+member+" & wait")
	}},
	{name: "`unshare --fork --kill-child`", needs: []string{"unshare"}, run: line("unshare", "--fork", "--kill-child")},
	{
		name: "`unshare --pid --fork --kill-child`", needs: []string{"unshare"},
		run: line("unshare", "--user", "--map-current-user", "--pid", "--fork", "--kill-child"),
	},
	{
		name: "`bwrap --die-with-parent`", needs: []string{"bwrap"},
		run: line("bwrap", "--dev-bind", "/", "/", "--die-with-parent"),
	},
	{
		name: "`bwrap --unshare-pid --die-with-parent`", needs: []string{"bwrap"},
		run: line("bwrap", "--dev-bind", "/", "/", "--unshare-pid", "--die-with-parent"),
	},
	{name: "tini", needs: []string{"tini"}, run: line("tini", "-s", "--")},
	{name: "`tini -p SIGKILL`", needs: []string{"tini"}, run: line("tini", "-s", "-p", "SIGKILL", "--")},
	{name: "dumb-init", needs: []string{"dumb-init"}, run: line("dumb-init", "--")},
	{name: "catatonit", needs: []string{"catatonit"}, run: line("catatonit", "--")},
	{name: "foreman", needs: []string{"foreman"}, run: func(k *kit, dir, member string) *exec.Cmd {
		return k.command("foreman", "start", "-f", write(dir+"/Procfile", "member: exec "+member+"\n"))
	}},
	{name: "hivemind 1.1.0", needs: []string{"hivemind"}, run: func(k *kit, dir, member string) *exec.Cmd {
		return k.command("hivemind", write(dir+"/Procfile", "member: exec "+member+"\n"))
	}},
	{name: "supervisord", needs: []string{"supervisord"}, run: func(k *kit, dir, member string) *exec.Cmd {
		return k.command("supervisord", "-n", "-c", write(dir+"/supervisord.conf", fmt.Sprintf(
			"[supervisord]\nlogfile=%[1]s/log\npidfile=%[1]s/pid\nchildlogdir=%[1]s\n[program:member]\ncommand=%[2]s\n", dir, member)))
	}},
	{name: "s6-supervise", needs: []string{"s6-supervise"}, run: serviceDir("s6-supervise")},
	{name: "runsv", needs: []string{"runsv"}, run: serviceDir("runsv")},
}

// line is a peer that takes the command after its own arguments.
func line(argv ...string) func(*kit, string, string) *exec.Cmd {
	return func(k *kit, _, member string) *exec.Cmd {
		return k.command(argv[0], append(slices.Clone(argv[1:]), member)...)
	}
}

// autokill is our binary as the command autokill.
func autokill(scope string) func(*kit, string, string) *exec.Cmd {
	return func(_ *kit, _, member string) *exec.Cmd {
		return testproc.Command("autokill", "run", "--scope", scope, "--", member)
	}
}

// played is our binary as a program that starts a command.
func played(role string) func(*kit, string, string) *exec.Cmd {
	return func(_ *kit, _, member string) *exec.Cmd { return testproc.Command(role, member) }
}

// serviceDir is a peer that takes a directory with a file named run.
func serviceDir(name string) func(*kit, string, string) *exec.Cmd {
	return func(k *kit, dir, member string) *exec.Cmd {
		write(dir+"/run", "#!/bin/sh\nexec "+member+"\n")
		return k.command(name, dir)
	}
}

// runs is the role of a program that starts a command by os/exec.
func runs(attr *syscall.SysProcAttr) func(args []string) int {
	return func(args []string) int {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.SysProcAttr = attr
		if err := cmd.Run(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
}

func write(name, text string) string {
	if err := os.WriteFile(name, []byte(text), 0o755); err != nil {
		panic(err)
	}
	return name
}

// kit are the peers that Debian does not have: they come from tools/peers, by the
// clients of their registries.
type kit struct {
	modules string            // node_modules
	files   map[string]string // where programs are
	missing map[string]error  // why others are not
}

func newKit(t *testing.T) *kit {
	dir := t.TempDir()
	k := &kit{modules: dir + "/node_modules", files: map[string]string{}, missing: map[string]error{}}
	add := func(cmd *exec.Cmd, files map[string]string) {
		if out, err := cmd.CombinedOutput(); err != nil {
			for name := range files {
				k.missing[name] = fmt.Errorf("%v: %w\n%s", cmd.Args, err, out)
			}
			return
		}
		maps.Copy(k.files, files)
	}
	for name, pkg := range map[string]string{"leakless": "./leakless", "hivemind": "github.com/DarthSim/hivemind"} {
		build := exec.Command("go", "build", "-buildvcs=false", "-o", dir+"/", pkg)
		build.Dir = "../../tools/peers"
		add(build, map[string]string{name: filepath.Join(dir, name)})
	}
	install := exec.Command("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = dir
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := os.ReadFile("../../tools/peers/" + name)
		if err != nil {
			install.Err = err
		}
		write(filepath.Join(dir, name), string(text))
	}
	bun := "/@oven/bun-linux-" + map[string]string{"amd64": "x64", "arm64": "aarch64"}[runtime.GOARCH] + "/bin/bun"
	add(install, map[string]string{"execa": k.modules + "/execa", "bun": k.modules + bun})
	return k
}

// command runs a program of the kit or one in the path.
func (k *kit) command(name string, args ...string) *exec.Cmd {
	file := k.files[name]
	if file == "" {
		file, _ = find(name)
	}
	cmd := exec.Command(file, args...)
	cmd.Env = append(os.Environ(), "PATH="+path)
	return cmd
}

// require is for programs of the kit, too.
func (k *kit) require(t *testing.T, names ...string) {
	t.Helper()
	if len(names) > 0 && testproc.InMatrix() {
		t.Skip("a machine of the kernel matrix has busybox and no other tools")
	}
	for _, name := range names {
		switch err, missing := k.missing[name]; {
		case missing && os.Getenv("AUTOKILL_PROGRAMS") == "all":
			t.Fatal(err)
		case missing:
			t.Skip(err)
		case k.files[name] == "":
			require(t, name)
		}
	}
}

// moment is how long after the death of a tool we look. Whatever tells the others of
// it has had time for that.
const moment = 2 * time.Second

// TestPeers kills each tool with kill -9 and looks who of the tree under it is left.
func TestPeers(t *testing.T) {
	k := newKit(t)
	rows := make([]string, len(peers))
	t.Run("all", func(t *testing.T) {
		for i, p := range peers {
			t.Run(strings.ReplaceAll(p.name, "`", ""), func(t *testing.T) {
				k.require(t, p.needs...)
				tr := newTree(t)
				script := tr.script() // before another starts a program, which would have it open for a moment: ETXTBSY
				t.Parallel()
				rows[i] = p.measure(tr, k, script)
			})
		}
	})
	rows = slices.DeleteFunc(rows, func(row string) bool { return row == "" })
	head := "| killed with `kill -9` | " + strings.Join(members, " | ") + " |\n" + strings.Repeat("|---", 1+len(members)) + "|\n"
	publish(t, "peers", head+strings.Join(rows, ""))
}

func (p peer) measure(tr *tree, k *kit, script string) (row string) {
	t := tr.T
	cmd := p.run(k, tr.dir, script)
	cmd.Stdin = nil
	cmd.Stdout, cmd.Stderr = tr.said(), tr.said()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The tree grows or the tool ends: its members could not be started.
	tr.grow()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	patience := moment
	if p.ours && len(p.survive) == 0 {
		patience = testproc.Patience // not a moment sooner than it must be
	}
	left := tr.survivors(time.Now().Add(patience))
	row = "| " + p.name
	for _, which := range members {
		if left[which] {
			row += " | **survives**"
		} else {
			row += " | dies"
		}
		if p.ours && left[which] != slices.Contains(p.survive, which) {
			t.Errorf("%s survives: %v", which, left[which])
		}
	}
	return row + " |\n"
}
