package autokill_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	// The one changed line: it was "os/exec".
	exec "github.com/autokill/autokill"
)

// Run a command and wait for it.
func ExampleCmd_Run() {
	cmd := exec.Command("echo", "hello")
	cmd.Stdout = os.Stdout
	if err := cmd.Run(); err != nil {
		log.Fatal(err)
	}
	// Output: hello
}

// The output of a command.
func ExampleCmd_Output() {
	out, err := exec.Command("echo", "hello").Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("it said %q\n", out)
	// Output: it said "hello\n"
}

// Two commands, connected as a shell's | does it.
func ExampleCmd_StdoutPipe() {
	first, second := exec.Command("echo", "upside down"), exec.Command("tr", "a-z", "A-Z")
	pipe, err := first.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	second.Stdin = pipe
	var out bytes.Buffer
	second.Stdout = &out
	if err := errors.Join(first.Start(), second.Start()); err != nil {
		log.Fatal(err)
	}
	// The second one first: Wait closes the pipe.
	if err := errors.Join(second.Wait(), first.Wait()); err != nil {
		log.Fatal(err)
	}
	fmt.Print(out.String())
	// Output: UPSIDE DOWN
}

// Talk to a command.
func ExampleCmd_StdinPipe() {
	cmd := exec.Command("cat")
	cmd.Stdout = os.Stdout
	stdin, err := cmd.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	if _, err := io.WriteString(stdin, "one line\n"); err != nil {
		log.Fatal(err)
	}
	stdin.Close() // the end of its input
	if err := cmd.Wait(); err != nil {
		log.Fatal(err)
	}
	// Output: one line
}

// Give a command its environment.
func ExampleCmd_Environ() {
	cmd := exec.Command("sh", "-c", `echo "$GREETING from $PWD"`)
	cmd.Dir = "/"
	// With cmd.Dir set, Environ has the PWD that goes with it.
	cmd.Env = append(cmd.Environ(), "GREETING=hello")
	out, err := cmd.Output()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(out))
	// Output: hello from /
}

// Give a command some time.
func ExampleCommandContext() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := exec.CommandContext(ctx, "sleep", "60").Run()
	fmt.Println(err)
	fmt.Println(ctx.Err())
	// Output:
	// signal: killed
	// context deadline exceeded
}

// Ask a command to end, and kill it if it does not.
func ExampleProcess_Stop() {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	state, err := cmd.Process.Stop(ctx, syscall.SIGTERM)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state)
	// Output: signal: terminated
}

// Look at how a command ended.
func ExampleExitError() {
	_, err := exec.Command("sh", "-c", "echo no such thing >&2; exit 3").Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		fmt.Printf("status %d: %s", exit.ExitCode(), exit.Stderr)
	}
	// Output: status 3: no such thing
}

// Read what a command logs, line by line, while it runs.
func ExampleCmd_StderrPipe() {
	cmd := exec.Command("sh", "-c", "echo starting >&2; echo done >&2")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		fmt.Println("log:", lines.Text())
	}
	if err := cmd.Wait(); err != nil { // after all is read
		log.Fatal(err)
	}
	// Output:
	// log: starting
	// log: done
}

// A pool of workers, each a process. They all die with this program, however it ends.
func Example_workers() {
	jobs := make(chan string)
	var results sync.Map
	var pool sync.WaitGroup
	for range 3 {
		pool.Go(func() {
			for job := range jobs {
				worker := exec.Command("tr", "a-z", "A-Z")
				worker.Stdin = strings.NewReader(job)
				out, err := worker.Output()
				if err != nil {
					log.Fatal(err)
				}
				results.Store(job, string(out))
			}
		})
	}
	names := []string{"one", "two", "three", "four"}
	for _, name := range names {
		jobs <- name
	}
	close(jobs)
	pool.Wait()
	for _, name := range names {
		result, _ := results.Load(name)
		fmt.Println(name, result)
	}
	// Output:
	// one ONE
	// two TWO
	// three THREE
	// four FOUR
}

// A child that dies with the handle, and a program that goes on.
func ExampleProcess_Close() {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		log.Fatal(err)
	}
	cmd.Process.Close() // kills; it would have died with this program, too
	<-cmd.Process.Done()
	state, err := cmd.Process.Wait()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(state)
	// Output: signal: killed
}

// Bind a process that another package has started with os/exec.
func ExampleAttach() {
	other := osexec.Command("cat")
	stdin, err := other.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := other.Start(); err != nil {
		log.Fatal(err)
	}
	process, err := exec.Attach(other.Process.Pid)
	if err != nil {
		log.Fatal(err)
	}
	defer process.Close() // kills it, as the end of this program would
	stdin.Close()
	fmt.Println(other.Wait()) // as before
	// Output: <nil>
}
