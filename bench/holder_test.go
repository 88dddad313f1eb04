//go:build linux && (amd64 || arm64)

package bench

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/autokill/autokill/bench/beside"
	"github.com/autokill/autokill/internal/testproc"
)

const holderRole = "holder"

// hold starts children, says so when all sleep, and waits to be killed. Its arguments are the starter, how many,
// and the program. Descriptor 3 is for the children: they have it until they are dead.
func hold(args []string) int {
	count, err := strconv.Atoi(args[1])
	lifeline := os.NewFile(3, "lifeline")
	var children []child
	for range count {
		if err == nil {
			var c child
			c, err = starters[args[0]](lifeline, args[2:]...)
			children = append(children, c)
		}
	}
	for _, c := range children {
		if err == nil {
			err = c.asleep()
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "holder:", err)
		return 1
	}
	lifeline.Close()
	fmt.Println("ready")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 1 // it should have been killed
}

// BenchmarkHolderKilled kills the holder of children with SIGKILL, and waits until the last
// of them is dead.
func BenchmarkHolderKilled(b *testing.B) {
	for _, count := range []int{1, many(100, 10), many(1000, 30)} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			argv := sleeper(b)
			var contenders []*beside.Contender
			for _, name := range []string{ours, pdeathsig} {
				contenders = append(contenders, &beside.Contender{Name: name, Turns: 1, Take: func(n int) (all time.Duration, _ error) {
					for range n {
						took, err := killHolder(append([]string{name, strconv.Itoa(count)}, argv...))
						if err != nil {
							return 0, err
						}
						all += took
					}
					return all, nil
				}})
			}
			race(b, many(max(1, 10/count), 1), contenders, against(contenders)...)
		})
	}
}

func killHolder(args []string) (time.Duration, error) {
	alive, lifeline, err := os.Pipe()
	if err != nil {
		return 0, err
	}
	defer alive.Close()
	defer lifeline.Close()
	holder := testproc.Command(holderRole, args...)
	holder.ExtraFiles = []*os.File{lifeline}
	stdin, err := holder.StdinPipe()
	if err != nil {
		return 0, err
	}
	defer stdin.Close()
	stdout, err := holder.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := holder.Start(); err != nil {
		return 0, err
	}
	lifeline.Close()
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "ready\n" {
		return 0, fmt.Errorf("the holder said %q, %w; %w", line, err, holder.Wait())
	}
	if err := alive.SetReadDeadline(time.Now().Add(testproc.Patience)); err != nil {
		return 0, err
	}
	began := time.Now()
	if err := holder.Process.Kill(); err != nil {
		return 0, err
	}
	_, err = alive.Read(make([]byte, 1))
	took := time.Since(began)
	if waitErr := killed(holder.Wait()); err != io.EOF || waitErr != nil { //nolint:errorlint // Read's own
		return 0, fmt.Errorf("somebody has survived: %w, %w", err, waitErr)
	}
	testproc.ReapAll() // the orphans come to us
	return took, nil
}
