//go:build bench

package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
)

// payload is what a real client told its hook after a tool call.
//
//go:embed testdata/post_tool_use.json
var payload []byte

// measureStart measures how long it takes to start.
func (b *bench) measureStart(context.Context) error {
	b.section("Start: whodid --version against a Go program that does nothing")
	whodid := &program{argv: []string{b.program("whodid"), "--version"}, dir: b.dir, env: b.env()}
	empty := &program{argv: []string{b.program("empty")}, dir: b.dir, env: b.env()}
	f := &figure{name: "start.version", unit: "s", what: "whodid --version; an empty Go program"}
	limit := &figure{name: "start.version.limit", unit: "s", what: "whodid --version; 10 ms", aim: 1}
	for range pick(b, 5, 3) {
		times, err := interleave([]*program{whodid, empty}, 1, pick(b, 60, 20))
		if err != nil {
			return fmt.Errorf("couldn't measure the start: %w", err)
		}
		f.add(median(times[0]), median(times[1]))
		limit.add(median(times[0]), 0.010)
	}
	b.done(f)
	b.done(limit)
	return nil
}

// measureHook measures a call of the hook from process start to durable.
func (b *bench) measureHook(context.Context) error {
	b.section("Hook: from process start to durable, against a Go program that appends 300 bytes and syncs")
	dir := filepath.Join(b.dir, "project")
	if err := os.MkdirAll(filepath.Join(dir, ".whodid"), 0o700); err != nil {
		return fmt.Errorf("couldn't make a project: %w", err)
	}
	floor := &program{argv: []string{b.program("floor"), filepath.Join(dir, "floor")}, dir: dir, env: b.env(), stdin: payload}
	small := &program{argv: []string{b.program("whodid-hook")}, dir: dir, env: b.env(), stdin: payload}
	whole := &program{argv: []string{b.program("whodid"), "hook"}, dir: dir, env: b.env(), stdin: payload}
	for _, at := range []struct {
		name            string
		n, full, quicks int
	}{{"alone", 1, 200, 100}, {"eight", 8, 240, 104}} {
		figures := []*figure{
			{name: "hook." + at.name + ".p50", unit: "s", what: "whodid-hook; append 300 bytes and sync", aim: 1.6},
			{name: "hook." + at.name + ".p99", unit: "s", what: "whodid-hook; append 300 bytes and sync", aim: 3},
			{name: "hook.whole." + at.name + ".p50", unit: "s", what: "whodid hook; append 300 bytes and sync"},
			{name: "hook.whole." + at.name + ".p99", unit: "s", what: "whodid hook; append 300 bytes and sync"},
		}
		for range pick(b, 5, 3) {
			times, err := interleave([]*program{floor, small, whole}, at.n, pick(b, at.full, at.quicks))
			if err != nil {
				return fmt.Errorf("couldn't measure the hook: %w", err)
			}
			for i, q := range []float64{0.5, 0.99} {
				figures[i].add(quantile(times[1], q), quantile(times[0], q))
				figures[2+i].add(quantile(times[2], q), quantile(times[0], q))
			}
		}
		for _, f := range figures {
			b.done(f)
		}
	}
	return nil
}

// env is the environment of the programs: a home of their own, and nothing of
// ours that they would heed.
func (b *bench) env() []string {
	home := filepath.Join(b.dir, "home")
	return []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + filepath.Join(home, "state")}
}
