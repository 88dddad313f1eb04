//go:build linux

package programs

import (
	"fmt"
	"os/exec"
	"strings"
)

// playMake builds a program of many parts, four at a time, and runs it.
func playMake(s *stage) string {
	const parts = 12
	var objects, declarations, calls []string
	for n := range parts {
		s.file(fmt.Sprintf("part%d.c", n), fmt.Sprintf("int part%d(void) { return %d; }\n", n, n*n))
		objects = append(objects, fmt.Sprintf("part%d.o", n))
		declarations = append(declarations, fmt.Sprintf("int part%d(void);", n))
		calls = append(calls, fmt.Sprintf("part%d()", n))
	}
	s.file("sum.c", "#include <stdio.h>\n#include <unistd.h>\n"+strings.Join(declarations, "\n")+
		"\nint main(void) { printf(\"sum %d\\n\", "+strings.Join(calls, " + ")+"); fflush(stdout); pause(); return 0; }\n")
	s.file("Makefile", "run: sum\n\t./sum\nsum: sum.o "+strings.Join(objects, " ")+"\n\t$(CC) -o $@ $^\n")
	s.start("make", "-j4", "run").expect("sum 506")
	return ""
}

// playGoTest runs a test that starts a process and does not end.
func playGoTest(s *stage) string {
	s.file("go.mod", "module play\n\ngo 1.26\n")
	s.file("play_test.go", `package play

import (
	"fmt"
	"os/exec"
	"testing"
)

func TestAnswer(t *testing.T) {
	out, err := exec.Command("sh", "-c", "echo $((6*7))").Output()
	fmt.Printf("answer %s", out)
	if err != nil {
		t.Fatal(err)
	}
}

func TestStays(t *testing.T) {
	if err := exec.Command("sleep", "1000").Run(); err != nil {
		t.Fatal(err)
	}
}
`)
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		s.Fatal(err)
	}
	s.env = append(s.env, "GOCACHE="+strings.TrimSpace(string(cache)), "GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=")
	d := s.start("go", "test", "-v", "./...")
	d.expect("answer 42")
	d.expect("--- PASS: TestAnswer ")
	d.expect("=== RUN   TestStays")
	return ""
}
