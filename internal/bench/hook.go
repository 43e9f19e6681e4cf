//go:build bench

package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
	return b.measureDecision(dir)
}

// measureDecision measures what a policy adds to a call of the hook before a tool
// runs: finding it, reading its twenty rules, and deciding.
func (b *bench) measureDecision(dir string) error {
	var call map[string]any
	if err := json.Unmarshal(payload, &call); err != nil {
		return fmt.Errorf("couldn't read the payload: %w", err)
	}
	delete(call, "tool_response")
	call["hook_event_name"] = "PreToolUse"
	programs := make([]*program, 2)
	for i, name := range []string{"no-policy", "policy"} {
		project := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Join(project, ".whodid"), 0o700); err != nil {
			return fmt.Errorf("couldn't make a project: %w", err)
		}
		call["cwd"] = project
		text, err := json.Marshal(call)
		if err != nil {
			return err
		}
		programs[i] = &program{argv: []string{b.program("whodid-hook")}, dir: project, env: b.env(), stdin: text}
	}
	var rules strings.Builder
	rules.WriteString("version = \"1\"\n[approvals]\nrequired = true\n")
	for i := range 20 {
		fmt.Fprintf(&rules, "[[approval]]\nid = \"OPS-%03d\"\nlevel = \"approve\"\nactions = [\"deploy.*\", \"schema.migrate\"]\nenvironments = [\"prod%d*\"]\n", i, i)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy", ".whodid", "policy.toml"), []byte(rules.String()), 0o600); err != nil {
		return fmt.Errorf("couldn't write a policy: %w", err)
	}
	f := &figure{name: "hook.decision", unit: "s", what: "what a policy of twenty rules adds to a call of whodid-hook; 1 ms", aim: 1}
	for range pick(b, 5, 3) {
		times, err := interleave(programs, 1, pick(b, 200, 100))
		if err != nil {
			return fmt.Errorf("couldn't measure the decision: %w", err)
		}
		f.add(max(0, median(times[1])-median(times[0])), 0.001)
	}
	b.done(f)
	return nil
}

// env is the environment of the programs: a home of their own, and nothing of
// ours that they would heed.
func (b *bench) env() []string {
	home := filepath.Join(b.dir, "home")
	return []string{"HOME=" + home, "PATH=" + os.Getenv("PATH"), "XDG_STATE_HOME=" + filepath.Join(home, "state")}
}
