// Command handover is a supervisor of workers that replaces itself, as for a new version,
// without its workers noticing. If it crashes, at any moment, they die.
//
//	go run ./examples/handover -workers 3 -restarts 10
//
// It restarts by itself so many times, while it starts and waits for short jobs all the
// time, and on each SIGHUP after that. docs/handover.md explains it.
package main

import (
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	exec "github.com/autokill/autokill"
)

func main() {
	log.SetFlags(0)
	workers := flag.Int("workers", 3, "how many workers to supervise")
	restarts := flag.Int("restarts", 0, "restart so many times without being asked")
	flag.Parse()

	// What the program before this one has left: nothing, if it is the first.
	handles, err := exec.Inherited()
	if err != nil {
		log.Fatal(err)
	}
	generation := 0
	if len(handles) == 0 {
		if handles, err = start(*workers); err != nil {
			log.Fatal(err)
		}
	}
	for _, worker := range handles {
		if generation, err = strconv.Atoi(string(worker.Data)); err != nil {
			log.Fatal(err)
		}
	}

	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	jobs := load()
	for generation < *restarts && jobs.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	fmt.Printf("generation %d, process %d, workers %v, %d jobs done meanwhile\n", generation, os.Getpid(), pids(handles), jobs.Load())
	if generation >= *restarts {
		<-asked
	}

	// The next program finds the workers' own data where this one has put it.
	for name, worker := range handles {
		worker.Data = []byte(strconv.Itoa(generation + 1))
		handles[name] = worker
	}
	self, err := os.Executable()
	if err == nil {
		err = exec.Exec(self, os.Args, os.Environ(), handles) // returns only if it fails
	}
	log.Fatal(err)
}

func start(count int) (map[string]exec.Handed, error) {
	handles := map[string]exec.Handed{}
	for i := range count {
		worker := exec.Command("sleep", "infinity")
		if err := worker.Start(); err != nil {
			return nil, err
		}
		handles[fmt.Sprintf("worker %d", i)] = exec.Handed{Process: worker.Process, Data: []byte("0")}
	}
	return handles, nil
}

// load does jobs until the program ends, and counts them.
func load() *atomic.Int64 {
	var done atomic.Int64
	for range 4 {
		go func() {
			for exec.Command("true").Run() == nil {
				done.Add(1)
			}
		}()
	}
	return &done
}

func pids(handles map[string]exec.Handed) (all []int) {
	for _, name := range slices.Sorted(maps.Keys(handles)) {
		all = append(all, handles[name].Process.Pid)
	}
	return all
}
