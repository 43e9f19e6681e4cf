//go:build bench

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// measureGit measures reading a large history against git alone with the same
// format, and asking why a line is there against following that line.
func (b *bench) measureGit(ctx context.Context) error {
	commits := pick(b, 100_000, 10_000)
	b.section(fmt.Sprintf("Git: a history of %d commits, three of ten with trailers", commits))
	repo := filepath.Join(b.dir, "history")
	began := time.Now()
	if err := makeHistory(ctx, repo, commits); err != nil {
		return fmt.Errorf("couldn't make a history: %w", err)
	}
	fmt.Printf("  made in %v\n", time.Since(began).Round(time.Second))
	index := &figure{
		name: "git.index", unit: "s", aim: 1.5,
		what: "git index of the history into a new trail on SQLite; git log of it with the same format",
	}
	log := &program{argv: append([]string{"/usr/bin/env", "git"}, gitlog.LogArgs(true)...), dir: repo, env: b.env(), stdin: []byte("main\n")}
	var last string
	for round := range 4 {
		t, err := b.newTrail(ctx, "sqlite")
		if err != nil {
			return err
		}
		defer t.close(ctx)
		last = t.address
		took, err := (&program{argv: []string{b.program("whodid"), "--store", t.address, "git", "index", repo}, dir: b.dir, env: b.env()}).run()
		if err != nil {
			return err
		}
		alone, err := log.run()
		if err != nil {
			return err
		}
		if round > 0 { // the first one warms up
			index.add(took.Seconds(), alone.Seconds())
		}
	}
	b.done(index)
	return b.measureWhy(ctx, repo, last)
}

// measureWhy asks about lines of several files. The aim is on what is left of
// the time after the 30 milliseconds that a question may take by itself.
func (b *bench) measureWhy(ctx context.Context, repo, address string) error {
	const allowed = 0.030
	why := &figure{
		name: "git.why", unit: "s", aim: 1.3,
		what: "why FILE:LINE less 30 ms, and at least nothing; git blame -M -C -w of that line alone",
	}
	for i := range pick(b, 30, 15) {
		file, line := fileName(i), fmt.Sprint(7+i)
		took, err := (&program{argv: []string{b.program("whodid"), "--store", address, "why", file + ":" + line}, dir: repo, env: b.env()}).run()
		if err != nil {
			return err
		}
		args := gitlog.BlameArgs(file, gitlog.BlameOptions{First: 7 + i, Last: 7 + i})
		alone, err := (&program{argv: append([]string{"/usr/bin/env", "git"}, args...), dir: repo, env: b.env()}).run()
		if err != nil {
			return err
		}
		why.add(max(took.Seconds()-allowed, 0), alone.Seconds())
	}
	b.done(why)
	return ctx.Err()
}

// The shape of the made-up history.
const (
	historyFiles  = 400
	historyPeople = 37
	fileLines     = 60
)

func fileName(n int) string {
	return fmt.Sprintf("src/part%d/file%d.go", n%20, n%historyFiles)
}

// makeHistory makes a repository with a working tree: each commit changes a line
// of one to three files, three of ten name a run.
func makeHistory(ctx context.Context, dir string, commits int) error {
	if out, err := exec.CommandContext(ctx, "git", "init", "-q", "-b", "main", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	c := exec.CommandContext(ctx, "git", "fast-import", "--quiet")
	c.Dir = dir
	in, err := c.StdinPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	out := bufio.NewWriterSize(in, 1<<20)
	writeHistory(out, commits)
	if err := out.Flush(); err != nil {
		return err
	}
	if err := in.Close(); err != nil {
		return err
	}
	if err := c.Wait(); err != nil {
		return err
	}
	checkout := exec.CommandContext(ctx, "git", "checkout", "-q", "-f", "main")
	checkout.Dir = dir
	if text, err := checkout.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, text)
	}
	return nil
}

// writeHistory writes the history for git fast-import. It is the same every
// time.
func writeHistory(out io.Writer, commits int) {
	random := rand.New(rand.NewPCG(7, 7))
	files := map[string][]string{}
	at := int64(1_600_000_000)
	for n := range commits {
		at += 60 + random.Int64N(1200)
		var msg strings.Builder
		fmt.Fprintf(&msg, "fix(part%d): keep session %d when the token is renewed (#%d)\n\n", n%91, n, n%5000)
		msg.WriteString("The session was lost because the token's hash was compared with\nthe old one. Now both are tried.\n")
		if random.IntN(10) < 3 {
			fmt.Fprintf(&msg, "\nAgent: squad-%d/agent-%d\nSquad: squad-%d\nTrigger: event (issue.labeled)\nExecution: %s\nModel: claude-opus-4-5\n"+
				"Co-authored-by: Claude <noreply@anthropic.com>\n", n%8, n%40, n%8, runID(n))
		}
		who := fmt.Sprintf("Dev %d <dev%d@example.com> %d +0000", n%historyPeople, n%historyPeople, at)
		fmt.Fprintf(out, "commit refs/heads/main\nauthor %s\ncommitter %s\ndata %d\n%s", who, who, msg.Len(), msg.String())
		for range 1 + random.IntN(3) {
			name := fileName(random.IntN(historyFiles))
			lines := files[name]
			if lines == nil {
				for i := range fileLines {
					lines = append(lines, fmt.Sprintf("\tline(%d) // of %s", i, name))
				}
				files[name] = lines
			}
			lines[random.IntN(len(lines))] = fmt.Sprintf("\tchanged(%d, %d)", n, random.Uint32())
			text := strings.Join(lines, "\n") + "\n"
			fmt.Fprintf(out, "M 100644 inline %s\ndata %d\n%s\n", name, len(text), text)
		}
		fmt.Fprintln(out)
	}
}
