//go:build linux

package programs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// playSSH reads a configuration that includes a file of root: ssh takes such files from
// root and from its user only. Many systems have theirs in parts.
func playSSH(s *stage) string {
	overflow, err := os.ReadFile("/proc/sys/kernel/overflowuid")
	if err != nil {
		s.Fatal(err)
	}
	if s.scope == "pidns" && strings.TrimSpace(string(overflow)) == fmt.Sprint(s.user.uid) {
		s.Skip("this user is the one that files seem to be of in a user namespace")
	}
	s.file("config", "Include /etc/ssh/ssh_config\n")
	d := s.start("sh", "-c", `ssh -G -F config example 2>&1 | grep -e ^hostname -e owner
sleep 1000 &
echo ready
wait`)
	said := d.line()
	d.expect("ready")
	switch {
	case said == "hostname example":
		return ""
	case strings.HasPrefix(said, "Bad owner"):
		return "refuses files of root, which seem to be somebody's"
	}
	return said
}

// playOutside ends a process that does not belong to the stage, by its pid.
func playOutside(s *stage) string {
	outside := exec.Command("sleep", "1000")
	outside.SysProcAttr = s.credential()
	if err := outside.Start(); err != nil {
		s.Fatal(err)
	}
	d := s.start("sh", "-c", fmt.Sprintf("kill %d 2>&1 && echo sent\nsleep 1000 & echo ready; wait", outside.Process.Pid))
	said := d.line()
	d.expect("ready")
	if said != "sent" {
		_ = outside.Process.Kill()
	}
	var end *exec.ExitError
	if err := outside.Wait(); !errors.As(err, &end) {
		s.Fatal(err)
	}
	switch {
	case said == "sent" && end.Sys().(syscall.WaitStatus).Signal() == syscall.SIGTERM:
		return ""
	case strings.HasSuffix(said, "No such process"):
		return "no such process"
	}
	return fmt.Sprintf("%s; it ended by %v", said, end)
}
