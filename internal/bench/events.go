//go:build bench

package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/whodid/whodid"
)

// eventsPerRun and actionsPerRun are how many of each a made-up run has.
const (
	actionsPerRun = 20
	eventsPerRun  = actionsPerRun + 3
)

// actionsOfRun is what a run does, as coding agents do: mostly reading.
var actionsOfRun = [actionsPerRun]struct{ what, tool, target string }{
	{"file.search", "Grep", "internal/shop"},
	{"file.read", "Read", "internal/shop/cart.go"},
	{"file.read", "Read", "internal/shop/cart_test.go"},
	{"file.read", "Read", "internal/shop/price.go"},
	{"file.search", "Glob", "internal/**/*.go"},
	{"file.read", "Read", "docs/architecture.md"},
	{"test.run", "Bash", "go test ./internal/shop"},
	{"file.edit", "Edit", "internal/shop/cart.go"},
	{"file.edit", "Edit", "internal/shop/cart_test.go"},
	{"test.run", "Bash", "go test ./internal/shop"},
	{"file.edit", "Edit", "internal/shop/cart.go"},
	{"build.run", "Bash", "go build ./..."},
	{"test.run", "Bash", "go test ./..."},
	{"web.fetch", "WebFetch", "https://pkg.go.dev/errors"},
	{"file.write", "Write", "docs/cart.md"},
	{"shell.run", "Bash", "gofmt"},
	{"commit.create", "Bash", "acme/shop"},
	{"commit.push", "Bash", "acme/shop"},
	{"pr.create", "Bash", "acme/shop#44"},
	{"issue.comment", "Bash", "acme/shop#43"},
}

// runID is the id of the n-th made-up run.
func runID(n int) string { return whodid.DeriveID(whodid.PrefixExecution, "bench", strconv.Itoa(n)) }

// eventsOfRun makes the events of the n-th run, which began at the time: of 40
// agents in 8 squads, every ninth run fails, every seventh does not tell its
// cost.
func eventsOfRun(n int, began time.Time) []whodid.Event {
	id, session := runID(n), fmt.Sprintf("5e55-%08d", n)
	base := whodid.Event{
		Actor:     whodid.AgentActor(fmt.Sprintf("squad-%d/agent-%d", n%8, n%40)),
		ActorAuth: "hook", OnBehalfOf: whodid.HumanActor(fmt.Sprintf("p%015d", n%60)), OnBehalfAuth: "os-user",
		Execution: id, Session: session, Source: "hook:claude-code",
	}
	events := make([]whodid.Event, 0, eventsPerRun)
	add := func(what, part, target string, result whodid.Result, after time.Duration, d whodid.Data) {
		e := base
		e.Key, e.What, e.Target, e.Result, e.Data = "bench/"+session+"/"+part, what, target, result, d
		e.At = began.Add(after)
		events = append(events, e)
	}
	add("execution.start", "start", "", "", 0, whodid.Data{"trigger": "manual", "model": "claude-opus-4", "client": "claude-code"})
	for i, a := range actionsOfRun {
		result := whodid.ResultSuccess
		if a.what == "test.run" && i < 8 {
			result = whodid.ResultFailed
		}
		call := fmt.Sprintf("toolu_%08d%02d", n, i)
		add(a.what, "call/"+call, a.target, result, time.Duration(i)*20*time.Second, whodid.Data{
			"call": call, "tool": a.tool, "duration_ms": int64(20 + i*7), "permission_mode": "default", "lines": int64(i * 11),
		})
	}
	usage := whodid.Data{"model": "claude-opus-4", "provider": "anthropic", "input_tokens": int64(4000 + n%977), "output_tokens": int64(900), "request": "req_" + session}
	if n%7 != 0 {
		usage["cost_micros"] = int64(12000 + n%4001)
	}
	add("model.call", "request", "", "", 7*time.Minute, usage)
	end := whodid.ResultSuccess
	if n%9 == 0 {
		end = whodid.ResultFailed
	}
	add("execution.finish", "finish", "", end, 8*time.Minute, whodid.Data{"reason": "exit"})
	return events
}

// startOf spreads runs over the thirty days before now, the first the oldest.
func startOf(n, runs int, now time.Time) time.Time {
	const span = 30 * 24 * time.Hour
	return now.Add(-span + time.Duration(n)*(span/time.Duration(runs)) - 10*time.Minute)
}
