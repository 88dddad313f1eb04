//go:build linux

// Command matrix runs the tests of this module on the kernels of the matrix.
//
//	go run ./internal/kernels/matrix [-whole] [-kernel 7.3,5.10] [-arch amd64,arm64] [-run REGEXP]
//		[-packages PATTERNS] [-as root] [-full] [-evidence FILE] [-rehearse] [-processors N]
//		[-overlay FILE] [-seed N] [-record FILE] [-v]
//
// It exits with 0 if all is well, with 1 if anything failed or nothing ran,
// and with 2 if the matrix cannot run here (go run makes 1 of that).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/autokill/autokill/internal/evidence"
	"github.com/autokill/autokill/internal/kernels"
	"github.com/autokill/autokill/internal/kernels/guest"
)

// list is a flag that may be repeated and may hold commas.
type list []string

func (l *list) String() string { return strings.Join(*l, ",") }

func (l *list) Set(value string) error {
	*l = append(*l, strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })...)
	return nil
}

func main() {
	request := request{log: log.New(os.Stderr, "kernels: ", 0), output: log.New(os.Stderr, "", 0)}
	flag.BoolVar(&request.whole, "whole", false, "the whole matrix, or what -kernel and -arch leave of it")
	flag.Var(&request.series, "kernel", "kernel `series`, such as 7.3, or host for this machine; may be repeated (default "+strings.Join(kernels.Short, ",")+")")
	flag.Var(&request.packages, "packages", "`patterns` of packages to test (default ./...)")
	flag.StringVar(&request.run, "run", "", "run only the tests that match `regexp`, as go test does")
	flag.Var(&request.arches, "arch", "`architecture` of the machines, amd64 or arm64; may be repeated (default amd64)")
	flag.StringVar(&request.as, "as", "", "`user` that the tests run as, root or user (default both)")
	flag.BoolVar(&request.full, "full", false, "run the long form of tests that have a short one; wants a longer -timeout")
	flag.DurationVar(&request.timeout, "timeout", 10*time.Minute, "`time` that the tests of one package may take")
	flag.StringVar(&request.evidence, "evidence", "", "run tests at the length that is evidence, and put their tables into this `document` if all is well; implies -full and -v")
	flag.BoolVar(&request.rehearse, "rehearse", false, "with -evidence: run the short form, to see what would be written")
	flag.IntVar(&request.processors, "processors", 2, "`number` of emulated processors of a machine")
	flag.StringVar(&request.overlay, "overlay", "", "`file` with replacements of sources, as the go command takes it (mutations)")
	flag.Uint64Var(&request.seed, "seed", uint64(time.Now().UnixNano()), "`number` that decides which tests a machine runs as whom, to repeat a run")
	flag.StringVar(&request.record, "record", "", "put the table into this `document` if all is well")
	flag.BoolVar(&request.verbose, "v", false, "print what the tests write, as it comes")
	flag.Parse()
	if request.evidence != "" && !request.rehearse {
		request.full, request.verbose = true, true
		request.env = []string{evidence.Variable + "=1"}
	}
	if len(request.packages) == 0 {
		request.packages = list{"./..."}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	good, err := request.perform(ctx)
	switch {
	case err != nil:
		request.log.Println(err)
		os.Exit(2)
	case !good:
		os.Exit(1)
	}
}

// A request is what the command line asks for.
type request struct {
	series, arches, packages list
	run, overlay, as         string
	record, evidence         string // documents
	timeout                  time.Duration
	whole, full, verbose     bool
	rehearse                 bool
	env                      []string // of the tests
	processors               int
	seed                     uint64
	log                      *log.Logger // what the matrix does
	output                   *log.Logger // what the tests write
}

func (r request) perform(ctx context.Context) (good bool, err error) {
	began := time.Now()
	if !slices.Contains([]string{"", "root", "user"}, r.as) {
		return false, fmt.Errorf("there is no user %q: root or user", r.as)
	}
	cells, err := kernels.Select(r.whole, r.series, r.arches)
	if err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "autokill-kernels-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	// An ordinary user runs the tests of this machine from there.
	if err := os.Chmod(dir, 0o755); err != nil {
		return false, err
	}

	benches, err := r.prepare(ctx, cells, dir)
	if err != nil {
		return false, err
	}
	reports, lots := make([]kernels.KernelReport, len(cells)), kernels.Lots(r.whole, cells)
	// Emulated processors that wait for real ones make each other wait: two machines side by side
	// on two processors took longer than one after the other (93 s for what takes 34 s alone).
	slots := make(chan struct{}, max(1, runtime.NumCPU()/r.processors))
	var running sync.WaitGroup
	for i, cell := range cells {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			if cell.Kernel == kernels.Host {
				reports[i] = r.here(ctx, benches[hostCell(cell).Arch])
			} else {
				reports[i] = r.boot(ctx, benches[cell.Arch], cell, lots[i])
			}
		})
	}
	running.Wait()
	r.log.Printf("to have the same tests run as the same users: -seed %d", r.seed)
	text, good := kernels.Report(reports)
	took := time.Since(began).Round(time.Second)
	fmt.Printf("%s\n%v in all, on %d processors\n", text, took, runtime.NumCPU())
	if err := ctx.Err(); err != nil || !good {
		return good, err
	}
	return good, errors.Join(r.writeRecord(reports, began, took), r.writeEvidence(ctx, reports, began))
}

func (r request) writeRecord(reports []kernels.KernelReport, began time.Time, took time.Duration) error {
	if r.record == "" {
		return nil
	}
	remark := fmt.Sprintf("Run on %s, %v in all on %d processors.", began.Format(time.DateOnly), took, runtime.NumCPU())
	return kernels.Record(r.record, reports, remark)
}

func (r request) writeEvidence(ctx context.Context, reports []kernels.KernelReport, began time.Time) error {
	if r.evidence == "" {
		return nil
	}
	commit, err := evidence.Commit(ctx)
	if err != nil {
		return err
	}
	length := ""
	if r.rehearse {
		length = " Only a rehearsal, in the short form."
	}
	remark := fmt.Sprintf("Seen on %s at commit %s, in machines of %d processors on %d.%s",
		began.Format(time.DateOnly), commit, r.processors, runtime.NumCPU(), length)
	seen := kernels.Evidence(reports)
	for _, section := range seen.Sections() {
		old, noPlace := evidence.Get(r.evidence, section)
		if noPlace != nil {
			err = errors.Join(err, noPlace)
			continue
		}
		err = errors.Join(err, evidence.Put(r.evidence, section, evidence.Merge(old, seen.Markdown(section, remark))))
	}
	return err
}

// hostCell gives this machine its architecture.
func hostCell(c kernels.Cell) kernels.Cell {
	if c.Kernel == kernels.Host {
		c.Arch = runtime.GOARCH
	}
	return c
}

// A bench is what all kernels of one architecture need.
type bench struct {
	arch    kernels.Arch
	suite   kernels.Suite
	busybox string
	images  map[string]kernels.Kernel // by series
}

// prepare compiles and fetches for all architectures.
func (r request) prepare(ctx context.Context, cells []kernels.Cell, dir string) (map[string]*bench, error) {
	benches := map[string]*bench{}
	for _, cell := range cells {
		name := hostCell(cell).Arch
		if benches[name] == nil {
			arch, err := kernels.FindArch(name)
			if err != nil {
				return nil, err
			}
			benches[name] = &bench{arch: arch, images: map[string]kernels.Kernel{}}
		}
		if cell.Kernel != kernels.Host {
			if err := kernels.Needs(ctx, benches[name].arch, r.log); err != nil {
				return nil, err
			}
		}
	}
	// Compiling keeps the processors busy and fetching the network.
	var buildErr error
	var building sync.WaitGroup
	building.Go(func() {
		for _, b := range benches {
			b.suite = kernels.Suite{Run: r.run, Full: r.full, As: r.as, Timeout: r.timeout, Env: r.env, Seed: r.seed}
			var err error
			b.suite.Binaries, err = kernels.Build(ctx, b.arch, r.packages, r.overlay, dir)
			buildErr = errors.Join(buildErr, err)
		}
	})
	fetchErr := r.fetch(ctx, cells, benches, dir)
	building.Wait()
	return benches, errors.Join(fetchErr, buildErr)
}

// fetch gets the images of the kernels and what else their machines need.
func (r request) fetch(ctx context.Context, cells []kernels.Cell, benches map[string]*bench, dir string) error {
	cells = slices.DeleteFunc(slices.Clone(cells), func(c kernels.Cell) bool { return c.Kernel == kernels.Host })
	if len(cells) == 0 {
		return nil
	}
	mirror, err := kernels.FindMirror()
	if err != nil {
		return err
	}
	cache, err := kernels.CacheDir()
	if err != nil {
		return err
	}
	archive := kernels.Archive{Mirror: mirror, Dir: cache, Log: r.log}
	for _, cell := range cells {
		b := benches[cell.Arch]
		series, err := kernels.FindSeries(cell.Kernel)
		if err != nil {
			return err
		}
		if b.images[cell.Kernel], err = archive.Fetch(ctx, series, b.arch, dir); err != nil {
			return err
		}
		if b.busybox == "" {
			if b.busybox, err = archive.Busybox(ctx, b.arch, dir); err != nil {
				return err
			}
		}
	}
	return nil
}

// boot runs all jobs on one kernel.
func (r request) boot(ctx context.Context, b *bench, cell kernels.Cell, lot guest.Lot) kernels.KernelReport {
	image := b.images[cell.Kernel]
	report := kernels.KernelReport{Series: cell.Kernel, Version: image.Package.Version, Arch: cell.Arch}
	initramfs := kernels.Initramfs{Suite: b.suite, Busybox: b.busybox, Series: cell.Kernel, Lot: lot}
	archive := image.Image + ".cpio"
	if report.Err = initramfs.Write(archive); report.Err != nil {
		return report
	}
	machine := kernels.Machine{Arch: b.arch, Image: image.Image, Initramfs: archive, Processors: r.processors, Patience: r.timeout}
	jobs := initramfs.Jobs()
	report.Boot, report.Err = machine.Run(ctx, r.log, r.follow(report, jobs))
	return r.judge(ctx, report, jobs)
}

// here runs all jobs on this machine's own kernel.
func (r request) here(ctx context.Context, b *bench) kernels.KernelReport {
	report := kernels.KernelReport{Series: kernels.Host, Version: kernels.HostRelease() + " (this machine)", Arch: b.arch.Name}
	jobs := b.suite.HostJobs()
	report.Boot, report.Err = kernels.RunHost(ctx, jobs, r.follow(report, jobs))
	return r.judge(ctx, report, jobs)
}

// follow says what happens while it does.
func (r request) follow(report kernels.KernelReport, jobs []guest.Job) func(guest.Event) {
	began := time.Now()
	return func(e guest.Event) {
		switch {
		case e.Kind == guest.Boot:
			r.log.Printf("%s %s runs after %.1f s", e.Text, report.Arch, time.Since(began).Seconds())
		case e.Kind == guest.Output && r.verbose:
			r.output.Printf("%s %s %s: %s", report.Series, report.Arch, jobs[e.Job].User, strings.TrimPrefix(e.Text, "\x16"))
		case e.Kind == guest.End && r.verbose:
			r.log.Printf("%s as %s took %.1f s", jobs[e.Job].Package, jobs[e.Job].User, e.Elapsed.Seconds())
		case e.Kind == guest.Bye:
			r.log.Printf("%s %s ended after %.0f s", report.Series, report.Arch, time.Since(began).Seconds())
		}
	}
}

func (r request) judge(ctx context.Context, report kernels.KernelReport, jobs []guest.Job) kernels.KernelReport {
	var err error
	report.Jobs, err = kernels.Judge(ctx, report.Boot, jobs)
	report.Err = errors.Join(report.Err, err)
	return report
}
