//go:build linux

// Command matrix runs the tests of this module on the kernels of the matrix.
//
//	go run ./internal/kernels/matrix [-kernel 7.3,5.10] [-arch arm64] [-run REGEXP] [-packages PATTERNS] [-full] [-v]
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
	"strings"
	"sync"
	"syscall"
	"time"

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
	flag.Var(&request.series, "kernel", "kernel `series`, such as 7.3; may be repeated (default "+strings.Join(kernels.Matrix, ",")+")")
	flag.Var(&request.packages, "packages", "`patterns` of packages to test (default ./...)")
	flag.StringVar(&request.run, "run", "", "run only the tests that match `regexp`, as go test does")
	flag.StringVar(&request.arch, "arch", "amd64", "`architecture` of the machine, amd64 or arm64")
	flag.BoolVar(&request.full, "full", false, "run the long form of tests that have a short one; wants a longer -timeout")
	flag.DurationVar(&request.timeout, "timeout", 10*time.Minute, "`time` that the tests of one package may take")
	flag.BoolVar(&request.verbose, "v", false, "print what the tests write, as it comes")
	flag.Parse()
	if len(request.series) == 0 {
		request.series = kernels.Matrix
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
	series, packages list
	run, arch        string
	timeout          time.Duration
	full, verbose    bool
	log              *log.Logger // what the matrix does
	output           *log.Logger // what the tests write
}

func (r request) perform(ctx context.Context) (good bool, err error) {
	arch, err := kernels.FindArch(r.arch)
	if err != nil {
		return false, err
	}
	var wanted []kernels.Series
	for _, name := range r.series {
		s, err := kernels.FindSeries(name)
		if err != nil {
			return false, err
		}
		wanted = append(wanted, s)
	}
	if err := kernels.Needs(ctx, arch, r.log); err != nil {
		return false, err
	}
	dir, err := os.MkdirTemp("", "autokill-kernels-")
	if err != nil {
		return false, err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// Compiling keeps the processors busy and fetching the network.
	var built kernels.Binaries
	var buildErr error
	var building sync.WaitGroup
	building.Go(func() { built, buildErr = kernels.Build(ctx, arch, r.packages, dir) })
	images, busybox, fetchErr := r.fetch(ctx, wanted, arch, dir)
	building.Wait()
	if err := errors.Join(fetchErr, buildErr); err != nil {
		return false, err
	}

	reports := make([]kernels.KernelReport, len(images))
	// A machine has two processors: as many at once as this one can carry, or
	// the tests see time pass that they have not used.
	slots := make(chan struct{}, max(1, runtime.NumCPU()/2))
	var booting sync.WaitGroup
	for i, image := range images {
		initramfs := kernels.Initramfs{
			Binaries: built,
			Busybox:  busybox,
			Series:   image.Series.Name,
			Run:      r.run,
			Full:     r.full,
			Timeout:  r.timeout,
		}
		slots <- struct{}{}
		booting.Go(func() {
			defer func() { <-slots }()
			reports[i] = r.boot(ctx, arch, image, initramfs)
		})
	}
	booting.Wait()
	text, good := kernels.Report(reports)
	fmt.Print(text)
	return good, ctx.Err()
}

func (r request) fetch(ctx context.Context, wanted []kernels.Series, arch kernels.Arch, dir string) (images []kernels.Kernel, busybox string, err error) {
	mirror, err := kernels.FindMirror()
	if err != nil {
		return nil, "", err
	}
	cache, err := kernels.CacheDir()
	if err != nil {
		return nil, "", err
	}
	archive := kernels.Archive{Mirror: mirror, Dir: cache, Log: r.log}
	for _, series := range wanted {
		image, err := archive.Fetch(ctx, series, arch, dir)
		if err != nil {
			return nil, "", err
		}
		images = append(images, image)
	}
	busybox, err = archive.Busybox(ctx, arch, dir)
	return images, busybox, err
}

// boot runs all jobs on one kernel.
func (r request) boot(ctx context.Context, arch kernels.Arch, image kernels.Kernel, initramfs kernels.Initramfs) kernels.KernelReport {
	report := kernels.KernelReport{Series: image.Series.Name, Version: image.Package.Version, Arch: arch.Name}
	archive := image.Image + ".cpio"
	if report.Err = initramfs.Write(archive); report.Err != nil {
		return report
	}
	machine := kernels.Machine{Arch: arch, Image: image.Image, Initramfs: archive, Patience: initramfs.Timeout}
	jobs := initramfs.Jobs()
	began := time.Now()
	report.Boot, report.Err = machine.Run(ctx, r.log, func(e guest.Event) {
		switch {
		case e.Kind == guest.Boot:
			r.log.Printf("%s booted in %.1f s", e.Text, time.Since(began).Seconds())
		case e.Kind == guest.Output && r.verbose:
			r.output.Printf("%s %s: %s", image.Series.Name, jobs[e.Job].User, strings.TrimPrefix(e.Text, "\x16"))
		}
	})
	var err error
	report.Jobs, err = kernels.Judge(ctx, report.Boot, jobs)
	report.Err = errors.Join(report.Err, err)
	return report
}
