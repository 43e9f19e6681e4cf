//go:build bench

// Command bench measures what the product promises about its speed, in one run
// and as ratios: docs/performance.md says what and how. "make bench" runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// postgresVariable names the server on which the bench makes a database of its
// own; internal/testenv/throwaway sets it.
const postgresVariable = "WHODID_TEST_POSTGRES"

// bench is one run.
type bench struct {
	report
	quick bool
	dir   string // everything that the run makes lies here
	// postgres is the URL of a server's superuser; empty leaves PostgreSQL out.
	postgres string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // the signals' handler ends with the process
	}
}

func run(ctx context.Context) (err error) {
	quick := flag.Bool("quick", false, "measure less: fewer repetitions, a hundredth of the events")
	only := flag.String("only", "", "measure only what has this in its name: start, hook, append, ask, verify")
	flag.Parse()
	dir, err := os.MkdirTemp("", "whodid-bench-")
	if err != nil {
		return fmt.Errorf("couldn't make a throwaway place: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	b := &bench{quick: *quick, dir: dir, postgres: os.Getenv(postgresVariable)}
	began := time.Now()
	fmt.Printf("%s %s/%s, %d processors, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), began.UTC().Format(time.DateOnly))
	if b.postgres == "" {
		fmt.Printf("PostgreSQL is left out: %s names no server\n", postgresVariable)
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	for _, part := range []struct {
		name    string
		measure func(context.Context) error
	}{
		{"start", b.measureStart},
		{"hook", b.measureHook},
		{"append", b.measureAppend},
		{"ask verify", b.measureTrails},
	} {
		if !strings.Contains(part.name, *only) {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	b.summary(time.Since(began))
	return nil
}

// build compiles the programs as releases are compiled, and the two that they
// are measured against.
func (b *bench) build(ctx context.Context) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", b.dir+string(filepath.Separator),
		"./cmd/whodid", "./cmd/whodid-hook", "./internal/bench/floor", "./internal/bench/empty")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("couldn't build the programs: %w\n%s", err, out)
	}
	return nil
}

func (b *bench) program(name string) string { return filepath.Join(b.dir, name) }

// pick returns the first value for a full run and the second for a quick one.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}
