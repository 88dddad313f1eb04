//go:build linux

package cli

import (
	"fmt"
	"os"
	"testing"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
	"golang.org/x/sys/unix"
)

// TestExecHandleIsOne: a handle of autokill exec is one for the library, too.
func TestExecHandleIsOne(t *testing.T) {
	needs(t, "sh", "sleep")
	for _, scope := range []string{"process", "tree"} {
		t.Run(scope, func(t *testing.T) {
			line, stderr := testproc.NewLifeline(t), testproc.NewLifeline(t)
			cmd, handle, give := bound(t, "--scope", scope, "sh", "-c", lasting)
			launch(t, line, stderr, cmd, give)
			read(t, line, "ready\n")
			fd, err := unix.FcntlInt(handle.Fd(), unix.F_DUPFD_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			handle.Close()
			p, err := autokill.FromFile(os.NewFile(uintptr(fd), "handle"))
			if err != nil {
				t.Fatal(err)
			}
			if p.Pid != cmd.Process.Pid || p.Scope().String() != scope || p.Mechanism() != autokill.Tripwire {
				t.Errorf("pid %d, scope %v, %v; the command has %d", p.Pid, p.Scope(), p.Mechanism(), cmd.Process.Pid)
			}
			if members, err := p.Members(); err != nil || fmt.Sprint(members) != fmt.Sprint([]int{p.Pid}) {
				t.Errorf("members %v, %v", members, err)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			line.AllGone(t)
			_ = cmd.Wait()
			<-p.Done()
		})
	}
}
