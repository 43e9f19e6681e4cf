package whodid_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

// story is what a run's events tell, one a second: a word for each.
//
//	start, inferred, session  a start that was told, one that was inferred, a client's session
//	done, error               a turn that was completed, or failed
//	exit0, exit1, killed, timeout, blocked, bye   how it ended; bye says nothing of success
//	lost                      its lease ran out
func story(t testing.TB, words ...string) *whodid.Execution {
	t.Helper()
	x := &whodid.Execution{Org: "default", ID: foldRun, Status: whodid.StatusRunning}
	for i, word := range words {
		e := whodid.Event{
			Org: "default", Key: fmt.Sprint(word, "/", i), Actor: "agent:a/one", Source: "cli", Execution: foldRun,
			At: foldEpoch.Add(time.Duration(i) * time.Second), Data: whodid.Data{},
		}
		switch word {
		case "start":
			e.What = "execution.start"
		case "inferred":
			e.What, e.Actor, e.Data["inferred"] = "execution.start", "agent:b/two", true
		case "session":
			e.What, e.Session = "session.start", fmt.Sprint("s-", i)
		case "done":
			e.What = "turn.complete"
		case "error":
			e.What, e.Data["error"] = "turn.fail", "overloaded"
		case "lost":
			e.What = "execution.lost"
		default:
			e.What = "execution.finish"
			e.Result = map[string]whodid.Result{
				"exit0": whodid.ResultSuccess, "exit1": whodid.ResultFailed, "killed": whodid.ResultCancelled,
				"timeout": whodid.ResultTimeout, "blocked": whodid.ResultBlocked, "bye": whodid.ResultNone,
			}[word]
			e.Data["reason"] = word
		}
		e.Identify()
		for range e.Folds() {
			x.Apply(&e)
		}
	}
	return x
}

func TestStatus(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]whodid.Status{
		"start":                              whodid.StatusRunning,
		"start session done":                 whodid.StatusRunning,
		"start error":                        whodid.StatusRunning,
		"start exit0":                        whodid.StatusSuccess,
		"start done exit0":                   whodid.StatusSuccess,
		"start error exit0":                  whodid.StatusFailed, // the client exits with 0 all the same
		"start error done exit0":             whodid.StatusSuccess,
		"start done error exit0":             whodid.StatusFailed,
		"start exit1":                        whodid.StatusFailed,
		"start done exit1":                   whodid.StatusFailed,
		"start blocked":                      whodid.StatusFailed,
		"start timeout":                      whodid.StatusTimeout,
		"start error timeout":                whodid.StatusTimeout,
		"start killed":                       whodid.StatusCancelled,
		"start done killed":                  whodid.StatusCancelled,
		"session done bye":                   whodid.StatusSuccess,
		"session error bye":                  whodid.StatusFailed,
		"session done error bye":             whodid.StatusFailed,
		"session error done bye":             whodid.StatusSuccess,
		"session bye":                        whodid.StatusCancelled,
		"start lost":                         whodid.StatusLost,
		"start done lost":                    whodid.StatusLost, // never a success
		"start lost exit0":                   whodid.StatusSuccess,
		"start exit0 lost":                   whodid.StatusSuccess,
		"start lost exit1":                   whodid.StatusFailed,
		"start lost session":                 whodid.StatusRunning,
		"start lost session lost":            whodid.StatusLost,
		"session done bye session":           whodid.StatusRunning,
		"session bye session done":           whodid.StatusRunning,
		"session bye session bye":            whodid.StatusCancelled,
		"session done bye lost":              whodid.StatusSuccess,
		"start exit1 exit0":                  whodid.StatusSuccess, // the last word counts
		"start exit0 exit1":                  whodid.StatusFailed,
		"session bye session lost":           whodid.StatusLost,
		"session done bye session error bye": whodid.StatusFailed,
	} {
		x := story(t, strings.Fields(words)...)
		if x.Status != want {
			t.Errorf("%s: %s (%s), want %s", words, x.Status, x.StatusReason, want)
		}
		ended := x.Status != whodid.StatusRunning && x.Status != whodid.StatusLost
		if ended == x.CompletedAt.IsZero() {
			t.Errorf("%s: %s, and completed at %s", words, x.Status, x.CompletedAt)
		}
		if x.Status == whodid.StatusFailed && x.StatusReason == "" {
			t.Errorf("%s: it failed, and no reason is told", words)
		}
	}
}

func TestToldStartBeatsInferred(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]struct {
		agent string
		at    int
	}{
		"inferred":             {"b/two", 0},
		"inferred start":       {"a/one", 1},
		"start inferred":       {"a/one", 0},
		"start start":          {"a/one", 0},
		"inferred inferred":    {"b/two", 0},
		"inferred start start": {"a/one", 1},
	} {
		x := story(t, strings.Fields(words)...)
		if x.Agent != want.agent || !x.StartedAt.Equal(foldEpoch.Add(time.Duration(want.at)*time.Second)) || x.Squad != want.agent[:1] {
			t.Errorf("%s: of %s (%s) at %s, want %s at second %d", words, x.Agent, x.Squad, x.StartedAt, want.agent, want.at)
		}
	}
}

func TestFirstSessionStays(t *testing.T) {
	t.Parallel()
	if x := story(t, "start", "session", "session"); x.Session != "s-1" {
		t.Errorf("the session is %q", x.Session)
	}
}

// used folds model calls and ends, given by their metadata, into one execution.
func used(t testing.TB, what map[int]string, data ...whodid.Data) *whodid.Execution {
	t.Helper()
	x := &whodid.Execution{Org: "default", ID: foldRun}
	for i, d := range data {
		e := whodid.Event{Org: "default", Key: fmt.Sprint("usage/", i), What: "model.call", Execution: foldRun, At: foldEpoch.Add(time.Duration(i)), Data: d}
		if w := what[i]; w != "" {
			e.What, e.Result = w, whodid.ResultSuccess
		}
		if err := d.Normalize(); err != nil {
			t.Fatal(err)
		}
		e.Identify()
		x.Apply(&e)
	}
	return x
}

func TestUsage(t *testing.T) {
	t.Parallel()
	call := whodid.Data{"model": "m", "input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 3, "cache_write_tokens": 2, "cost_micros": 100}
	computed := whodid.Data{"model": "m", "input_tokens": 1, "output_tokens": 1, "cost_micros": 7, "cost_state": "computed"}
	silent := whodid.Data{"model": "m"}
	free := whodid.Data{"model": "m", "input_tokens": 0, "output_tokens": 0, "cost_micros": 0}
	total := whodid.Data{"input_tokens": 50, "output_tokens": 20, "cost_micros": 999, "model": "n"}
	finish := map[int]string{1: "execution.finish"}
	for name, test := range map[string]struct {
		x     *whodid.Execution
		usage whodid.Usage
		state whodid.CostState
		known bool
		model string
	}{
		"nothing was told":      {used(t, nil), whodid.Usage{}, whodid.CostUnknown, false, ""},
		"one call":              {used(t, nil, call), whodid.Usage{Calls: 1, Input: 10, Output: 5, CacheRead: 3, CacheWrite: 2, CostMicros: 100}, whodid.CostMeasured, true, "m"},
		"two calls":             {used(t, nil, call, computed), whodid.Usage{Calls: 2, Input: 11, Output: 6, CacheRead: 3, CacheWrite: 2, CostMicros: 107, Computed: 1, NoCacheRead: 1, NoCacheWrite: 1}, whodid.CostComputed, true, "m"},
		"one of them is silent": {used(t, nil, call, silent), whodid.Usage{Calls: 2, Input: 10, Output: 5, CacheRead: 3, CacheWrite: 2, CostMicros: 100, NoInput: 1, NoOutput: 1, NoCacheRead: 1, NoCacheWrite: 1, NoCost: 1}, whodid.CostUnknown, false, "m"},
		"a call that was free":  {used(t, nil, free), whodid.Usage{Calls: 1, NoCacheRead: 1, NoCacheWrite: 1}, whodid.CostMeasured, true, "m"},
		"a stated total stands for the calls": {
			used(t, finish, call, total), whodid.Usage{Calls: 1, Input: 50, Output: 20, CostMicros: 999, NoCacheRead: 1, NoCacheWrite: 1}, whodid.CostMeasured, true, "n",
		},
		"a total without tokens": {
			used(t, finish, call, whodid.Data{"cost_micros": 5}), whodid.Usage{Calls: 1, CostMicros: 5, NoInput: 1, NoOutput: 1, NoCacheRead: 1, NoCacheWrite: 1}, whodid.CostMeasured, false, "m",
		},
		"an end that states nothing": {
			used(t, finish, call, whodid.Data{"reason": "exit"}), whodid.Usage{Calls: 1, Input: 10, Output: 5, CacheRead: 3, CacheWrite: 2, CostMicros: 100}, whodid.CostMeasured, true, "m",
		},
	} {
		if diff := cmp.Diff(test.usage, test.x.Usage); diff != "" {
			t.Errorf("%s: usage (-want +got):\n%s", name, diff)
		}
		in, out, read, written := test.x.Usage.Tokens()
		if known := in != nil && out != nil; test.x.Usage.CostState() != test.state || known != test.known || test.x.Model != test.model {
			t.Errorf("%s: cost %s, tokens known: %t, model %q", name, test.x.Usage.CostState(), known, test.x.Model)
		}
		if want := test.x.Usage.Calls > 0 && test.x.Usage.NoCacheRead == 0; (read != nil) != want || (written != nil) != want {
			t.Errorf("%s: tokens of the cache known: %t and %t, want %t", name, read != nil, written != nil, want)
		}
	}
}

// A sub-agent's calls count for it and for its run, once each, whoever tells
// them first.
func TestSubagentCallsCountForTheRun(t *testing.T) {
	t.Parallel()
	event := func(n int, execution string, data whodid.Data) whodid.Event {
		e := whodid.Event{Org: "default", Key: fmt.Sprint("call/", n), What: "model.call", Execution: execution, At: foldEpoch, Data: data}
		e.Identify()
		return e
	}
	tokens := func(n int64, run string) whodid.Data {
		d := whodid.Data{"model": "m", "input_tokens": n, "output_tokens": n, "cost_micros": n}
		if run != "" {
			d["run"] = run
		}
		return d
	}
	executions := map[string]*whodid.Execution{}
	fold(executions, []whodid.Event{
		event(1, foldRun, tokens(1, "")), event(2, foldSub, tokens(10, foldRun)), event(3, foldSub, tokens(100, foldRun)),
		event(4, foldRun, tokens(1000, foldRun)), // a call that names its own run counts once
	})
	if got := executions[foldRun].Usage; got.Calls != 4 || got.Input != 1111 || got.CostMicros != 1111 {
		t.Errorf("the run used %+v", got)
	}
	if got := executions[foldSub].Usage; got.Calls != 2 || got.Input != 110 || got.CostMicros != 110 {
		t.Errorf("the sub-agent used %+v", got)
	}
}

// Usage adds up whatever the order of adding.
func TestUsageAdds(t *testing.T) {
	t.Parallel()
	a := whodid.Usage{Calls: 1, Input: 2, Output: 3, CacheRead: 4, CacheWrite: 5, NoInput: 6, NoOutput: 10, NoCacheRead: 11, NoCacheWrite: 12, CostMicros: 7, NoCost: 8, Computed: 9}
	want := whodid.Usage{Calls: 2, Input: 4, Output: 6, CacheRead: 8, CacheWrite: 10, NoInput: 12, NoOutput: 20, NoCacheRead: 22, NoCacheWrite: 24, CostMicros: 14, NoCost: 16, Computed: 18}
	if diff := cmp.Diff(want, a.Add(a)); diff != "" {
		t.Errorf("twice the usage (-want +got):\n%s", diff)
	}
}

// A laptop that slept through its run's lease wakes up and the run goes on.
func TestRunThatReportsAgainIsNotLost(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, 11, 1, 9, minute, 0, 0, time.UTC) }
	x := &whodid.Execution{Org: "o", ID: "exec-1", Status: whodid.StatusRunning}
	for _, step := range []struct {
		what string
		at   time.Time
		want whodid.Status
	}{
		{"execution.start", at(0), whodid.StatusRunning},
		{"execution.lost", at(20), whodid.StatusLost},
		{"execution.tag", at(25), whodid.StatusLost}, // by a person, not by the run
		{"execution.renew", at(30), whodid.StatusRunning},
		{"execution.lost", at(50), whodid.StatusLost},
		{"turn.complete", at(45), whodid.StatusLost}, // happened before
		{"turn.complete", at(55), whodid.StatusRunning},
	} {
		x.Apply(&whodid.Event{What: step.what, At: step.at, ID: "evt-" + step.at.String(), Actor: "agent:a/b", Execution: "exec-1"})
		if x.Status != step.want {
			t.Errorf("after %s at %s it is %s, want %s", step.what, step.at.Format("15:04"), x.Status, step.want)
		}
	}
}
