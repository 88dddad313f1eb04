//go:build linux && (amd64 || arm64)

package autokilltest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/autokill/autokill"
	"github.com/autokill/autokill/internal/testproc"
)

// walker is a holder of a random walk.
type walker struct {
	*told
	mail *os.File // our end of its socket
}

const walkerRole = "walker"

// ask makes a holder do something, and gives its answer.
func (p *walker) ask(format string, args ...any) (string, error) {
	request := fmt.Sprintf(format, args...)
	if _, err := fmt.Fprintln(p.stdin, request); err != nil {
		return "", err
	}
	if err := p.out.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return "", err
	}
	answer, err := p.lines.ReadString('\n')
	rest, ok := strings.CutPrefix(answer, "ok")
	if !ok {
		return "", fmt.Errorf("the answer to %q is %q, %w", request, answer, err)
	}
	return strings.TrimSpace(rest), nil
}

// tell is ask where nothing but success is to be said.
func (p *walker) tell(format string, args ...any) error {
	_, err := p.ask(format, args...)
	return err
}

// route takes one message out of a socket and puts it into another one.
func route(from, to *os.File) error {
	text, control := make([]byte, 64), make([]byte, unix.CmsgSpace(4))
	receive := func() (n, size int, err error) {
		n, size, _, _, err = unix.Recvmsg(int(from.Fd()), text, control, unix.MSG_CMSG_CLOEXEC|unix.MSG_DONTWAIT)
		return n, size, err
	}
	n, size, err := receive()
	if errors.Is(err, unix.ECONNRESET) { // told once: the other end died before it had read all
		n, size, err = receive()
	}
	if err != nil {
		return os.NewSyscallError("recvmsg", err)
	}
	messages, err := unix.ParseSocketControlMessage(control[:size])
	if err != nil || len(messages) != 1 {
		return fmt.Errorf("%d control messages, %w", len(messages), err)
	}
	files, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		return err
	}
	err = unix.Sendmsg(int(to.Fd()), text[:n], unix.UnixRights(files...), nil, unix.MSG_DONTWAIT)
	for _, fd := range files {
		_ = unix.Close(fd)
	}
	return os.NewSyscallError("sendmsg", err)
}

// walkerOf is the role. It says "ok" to whatever it has done. What it is to keep it leaves
// to the program that it becomes, which is itself again.
func walkerOf(subjects Subjects, args []string) int {
	subject := subjects[args[0]]
	mail := socketAt(3) // the descriptor itself stays open through an exec
	refs, kept := map[string]*autokill.Process{}, map[string]autokill.Handed{}
	handles, err := autokill.Inherited()
	check(err)
	for name, handed := range handles {
		refs[name] = handed.Process
	}
	if len(os.Args) > 2 {
		fmt.Println("ok") // the answer to exec
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := append(strings.Fields(lines.Text()), "", "")
		answer := ""
		switch p := refs[words[1]]; words[0] {
		case "start":
			c := subject.Command("sleep", "1000")
			check(c.Start())
			refs[words[1]] = c.Process
			answer = strconv.Itoa(c.Process.Pid)
		case "dup":
			file, err := p.File()
			check(err)
			refs[words[2]], err = autokill.FromFile(file)
			check(err)
		case "close":
			check(p.Close())
			delete(refs, words[1])
			delete(kept, words[1])
		case "send":
			check(p.Send(mail))
		case "receive":
			refs[words[1]], err = autokill.Receive(mail)
			check(err)
		case "keep":
			kept[words[1]] = autokill.Handed{Process: p}
		case "exec":
			check(autokill.Exec(testproc.Exe, []string{os.Args[0], args[0], "again"}, testproc.RoleEnv(walkerRole), kept))
		}
		fmt.Println("ok", answer)
	}
	return 0
}
