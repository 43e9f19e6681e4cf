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
	"runtime/pprof"
	"time"
)

// postgresVariable names the server on which the bench makes a database of its
// own; internal/testenv/throwaway sets it.
const postgresVariable = "WHODID_TEST_POSTGRES"

// bench is one run.
type bench struct {
	report
	quick bool
	only  string // the part that is measured; empty for all
	// actions is how many the large trail has.
	actions int
	dir     string // everything that the run makes lies here
	// keep, if any, is the folder that holds the keys of the trail that answers
	// are asked of; the trail then stays on the server for the next run.
	keep string
	// asked are the only answers that are measured, with commas between; empty
	// for all.
	asked string
	// postgres is the URL of a server's superuser; empty leaves PostgreSQL out.
	postgres string
	// rows, if any, is how far the measuring of ingest lets a log grow.
	rows int
	// copyRatio is what the server takes in against COPY; 0 if it was not
	// measured.
	copyRatio float64
	// ccusageRatio is the time of an import against that of ccusage; 0 if it was
	// not measured.
	ccusageRatio float64
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
	only := flag.String("only", "", "measure only this part: start, hook, append, ask, verify, export, answers, git, ingest or import, which needs ccusage from the npm registry and is left out of a run of all")
	rows := flag.Int("rows", 0, "with -only ingest: record so many events over OTLP and print the rate by the million, instead of comparing")
	actions := flag.Int("actions", 0, "how many actions the large trail has; 0 is a million, or fifty thousand for -quick")
	keep := flag.String("keep", "", "with -only answers: leave the trail on the server and its keys in this folder, and take them from there next time")
	questions := flag.String("questions", "", "with -only answers: measure only these, with commas between: history, report, stats, verifier …")
	profile := flag.String("cpuprofile", "", "write a CPU profile of this program, which questions and stores run in, to the file")
	flag.Parse()
	dir := *keep
	if dir == "" {
		if dir, err = os.MkdirTemp("", "whodid-bench-"); err != nil {
			return fmt.Errorf("couldn't make a throwaway place: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	}
	b := &bench{quick: *quick, only: *only, actions: *actions, dir: dir, keep: *keep, asked: *questions, postgres: os.Getenv(postgresVariable), rows: *rows}
	if b.actions == 0 {
		b.actions = pick(b, 1_000_000, 50_000)
	}
	began := time.Now()
	fmt.Printf("%s %s/%s, %d processors, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), began.UTC().Format(time.DateOnly))
	if b.postgres == "" && b.only != "ingest" {
		fmt.Printf("PostgreSQL is left out: %s names no server\n", postgresVariable)
	}
	if err := b.build(ctx); err != nil {
		return err
	}
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	for _, part := range []struct {
		wanted  bool
		measure func(context.Context) error
	}{
		{b.wants("start"), b.measureStart},
		{b.wants("hook"), b.measureHook},
		{b.wants("append"), b.measureAppend},
		{b.wants("ask") || b.wants("verify") || b.wants("export"), b.measureTrails},
		{b.wants("answers"), b.measureAnswers},
		{b.wants("git"), b.measureGit},
		{b.wants("ingest"), b.measureIngest},
		{b.only == "import", b.measureImport},
	} {
		if !part.wanted {
			continue
		}
		if err := part.measure(ctx); err != nil {
			return err
		}
	}
	b.summary(time.Since(began))
	if b.copyRatio > 0 {
		fmt.Printf("ratio_to_copy=%.3f\n", b.copyRatio)
	}
	if b.ccusageRatio > 0 {
		fmt.Printf("ratio_to_ccusage=%.3f\n", b.ccusageRatio)
	}
	return nil
}

// wants says whether a part is measured.
func (b *bench) wants(part string) bool { return b.only == "" || b.only == part }

func startProfile(path string) (stop func() error, err error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("couldn't write the profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}

// build compiles the programs as releases are compiled, and the two that they
// are measured against. They are copied, as an installer does: the pages of a
// file that the linker wrote cost a seventh more to start from.
func (b *bench) build(ctx context.Context) error {
	built := filepath.Join(b.dir, "built")
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", built+string(filepath.Separator),
		"./cmd/whodid", "./cmd/whodid-hook", "./cmd/whodid-verify", "./internal/bench/floor", "./internal/bench/empty")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("couldn't build the programs: %w\n%s", err, out)
	}
	if err := os.RemoveAll(filepath.Join(b.dir, "bin")); err != nil { // of the run before, in a folder that is kept
		return fmt.Errorf("couldn't install the programs: %w", err)
	}
	if err := os.CopyFS(filepath.Join(b.dir, "bin"), os.DirFS(built)); err != nil {
		return fmt.Errorf("couldn't install the programs: %w", err)
	}
	return nil
}

func (b *bench) program(name string) string { return filepath.Join(b.dir, "bin", name) }

// pick returns the first value for a full run and the second for a quick one.
func pick[T any](b *bench, full, quick T) T {
	if b.quick {
		return quick
	}
	return full
}
