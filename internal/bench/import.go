//go:build bench

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/whodid/whodid/internal/testenv"
)

// importRounds is how often both programs read the sessions.
const importRounds = 3

// measureImport measures how long it takes to import a folder of sessions into a
// new trail, against ccusage, which reads the same files and adds up their
// tokens. The files are in the page cache for both.
func (b *bench) measureImport(ctx context.Context) error {
	size := pick(b, int64(1<<30), int64(64<<20))
	b.section(fmt.Sprintf("Import: %d MB of sessions into a new trail, against ccusage %s, which adds up their tokens", size>>20, testenv.CcusageVersion))
	ccusage, err := testenv.InstallCcusage(ctx)
	if err != nil {
		return err
	}
	home := filepath.Join(b.dir, "sessions")
	if err := testenv.WriteSessions(filepath.Join(home, ".claude"), size, 1); err != nil {
		return err
	}
	env := func(round int) []string {
		return append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+filepath.Join(home, ".config"), "CLAUDE_CONFIG_DIR="+filepath.Join(home, ".claude"),
			"XDG_DATA_HOME="+filepath.Join(home, "data", strconv.Itoa(round)), "WHODID_STORE=")
	}
	wall := &figure{name: "import_wall", unit: "s", aim: 1, what: "time until all is imported, against ccusage"}
	work := &figure{name: "import_cpu", unit: "s", what: "processor time of the same"}
	read := &figure{name: "import_read_cpu", unit: "s", what: "processor time of import --dry-run, which reads all and records nothing, against ccusage"}
	again := &figure{name: "import_again", unit: "s", aim: 0.1, what: "importing once more, when nothing is new, against ccusage"}
	for round := range importRounds {
		theirs, err := b.clocked(ctx, env(round), ccusage, "claude", "session", "--json", "--offline")
		if err != nil {
			return err
		}
		ours, err := b.clocked(ctx, env(round), b.program("whodid"), "import", "--json")
		if err != nil {
			return err
		}
		second, err := b.clocked(ctx, env(round), b.program("whodid"), "import", "--json")
		if err != nil {
			return err
		}
		dry, err := b.clocked(ctx, env(round), b.program("whodid"), "import", "--dry-run", "--all", "--json")
		if err != nil {
			return err
		}
		wall.add(ours.wall, theirs.wall)
		work.add(ours.cpu, theirs.cpu)
		read.add(dry.cpu, theirs.cpu)
		again.add(second.wall, theirs.wall)
	}
	for _, f := range []*figure{wall, work, read, again} {
		b.done(f)
	}
	b.ccusageRatio = median(wall.ratios())
	return os.RemoveAll(home)
}

// clock is how long a program ran, and what it used of the processors.
type clock struct{ wall, cpu float64 }

// clocked runs a program and leaves out what it says.
func (b *bench) clocked(ctx context.Context, env []string, name string, args ...string) (clock, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Env, c.Dir = env, b.dir
	began := time.Now()
	if err := c.Run(); err != nil {
		return clock{}, fmt.Errorf("couldn't run %s: %w", filepath.Base(name), err)
	}
	return clock{wall: time.Since(began).Seconds(), cpu: (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()}, nil
}
