package record_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/record"
	"github.com/whodid/whodid/internal/record/recordtest"
	"github.com/whodid/whodid/internal/redact/canary"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

var epoch = time.Date(2026, 11, 23, 10, 30, 0, 0, time.UTC)

// trail is a trail with its recorder and a clock that tests set.
type trail struct {
	*record.Recorder
	store *store.Store
	now   time.Time
}

func newTrail(t testing.TB) *trail {
	t.Helper()
	tr := &trail{store: storetest.Open(t, filepath.Join(t.TempDir(), "trail.db")), now: epoch}
	tr.Recorder = recordtest.New(t, tr.store, "default", func() time.Time { return tr.now })
	return tr
}

// events are all that the trail holds.
func (tr *trail) events(t testing.TB) []store.Row {
	t.Helper()
	rows, err := tr.store.Events(t.Context(), "default", store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func (tr *trail) execution(t testing.TB, id string) *whodid.Execution {
	t.Helper()
	x, err := tr.store.Execution(t.Context(), "default", id)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// must records events that are valid.
func (tr *trail) must(t testing.TB, events ...whodid.Event) {
	t.Helper()
	if _, err := tr.Record(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

const run = "exec-0000000000000001"

func action(key string) whodid.Event {
	return whodid.Event{
		Key: key, Actor: "agent:eng/solver", ActorAuth: "hook", What: "file.write", Target: "src/a.go", At: epoch,
		Result: whodid.ResultSuccess, Execution: run, Session: "s-1", Source: "hook:claude-code", Data: whodid.Data{"tool": "Write"},
	}
}

func lifecycle(what string, after time.Duration, data whodid.Data) whodid.Event {
	return whodid.Event{
		Key: fmt.Sprint(what, "/", after), Actor: "agent:eng/solver", What: what, At: epoch.Add(after), Execution: run, Source: "cli", Data: data,
	}
}

func TestAllOrNone(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	bad := action("bad")
	bad.What = "execution.hijack"
	if _, err := tr.Record(t.Context(), action("one"), bad, action("two")); !errors.Is(err, whodid.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
	if rows := tr.events(t); len(rows) > 0 {
		t.Errorf("%d events are in the trail", len(rows))
	}
	if rows, err := tr.Record(t.Context()); err != nil || rows != nil {
		t.Errorf("nothing: %v, %v", rows, err)
	}
}

// Any event may be sent again, by anyone, in any order, in any company.
func TestOnce(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	sent := map[string]bool{"inferred/" + run: true}
	settled := map[string]bool{}
	rapid.Check(t, func(rt *rapid.T) {
		var batch []whodid.Event
		for range rapid.IntRange(1, 5).Draw(rt, "n") {
			e := action(fmt.Sprint("k", rapid.IntRange(0, 60).Draw(rt, "key")))
			if rapid.IntRange(0, 3).Draw(rt, "attempt") == 0 {
				e.Result = whodid.ResultAttempted
			} else {
				settled[e.Key] = true
			}
			sent[e.Key] = true
			batch = append(batch, e)
		}
		tr.must(t, batch...)
	})
	seen, results := map[string]int{}, map[string]int{}
	for _, r := range tr.events(t) {
		seen[r.ID]++
		if r.Result != whodid.ResultAttempted {
			results[r.Key]++
		}
		if !sent[r.Key] {
			t.Errorf("nobody sent %s", r.Key)
		}
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("%s is in the trail %d times", id, n)
		}
	}
	for key := range settled {
		if results[key] != 1 {
			t.Errorf("the result of %s is in the trail %d times", key, results[key])
		}
	}
}

// One event that can't be taken in must not keep the others out, nor itself
// come in by what the gap says of it.
func TestNoEventBlocksTheOthers(t *testing.T) {
	t.Parallel()
	const content = "quantumfrobnicator"
	for name, spoil := range map[string]func(*whodid.Event){
		"its verb":          func(e *whodid.Event) { e.What = content + ".x y" },
		"its verb is ours":  func(e *whodid.Event) { e.What = "execution." + content },
		"its actor":         func(e *whodid.Event) { e.Actor = content },
		"its key":           func(e *whodid.Event) { e.Key = strings.Repeat(content, 100) },
		"no key":            func(e *whodid.Event) { e.Key = "" },
		"its source":        func(e *whodid.Event) { e.Source = strings.Repeat(content, 100) },
		"a NUL in it":       func(e *whodid.Event) { e.Source = content + "\x00" },
		"no UTF-8":          func(e *whodid.Event) { e.Source, e.Actor = "\xff"+content, "\xff" },
		"a secret in it":    func(e *whodid.Event) { e.Source = "https://u:" + content + "@h/" },
		"its result":        func(e *whodid.Event) { e.Result = content },
		"its execution":     func(e *whodid.Event) { e.Execution = content },
		"its time":          func(e *whodid.Event) { e.At = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) },
		"its person":        func(e *whodid.Event) { e.OnBehalfOf = content },
		"everything":        func(e *whodid.Event) { *e = whodid.Event{What: content, Source: "\x00"} },
		"a number of float": func(e *whodid.Event) { e.Key, e.Data = "\x00", whodid.Data{"count": 0.5} },
	} {
		tr := newTrail(t)
		bad := action("bad")
		spoil(&bad)
		for range 2 { // and told again it is the same gap
			if _, err := tr.RecordValid(t.Context(), []whodid.Event{action("one"), bad, action("two")}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		gaps, actions := 0, 0
		for _, r := range tr.events(t) {
			switch r.What {
			case "record.gap":
				gaps++
			case "file.write":
				actions++
			}
			if text := fmt.Sprintf("%+v", r); strings.Contains(text, content) {
				t.Errorf("%s: it came in: %s", name, text)
			}
		}
		if gaps != 1 || actions != 2 {
			t.Errorf("%s: %d gaps and %d actions, want 1 and 2", name, gaps, actions)
		}
	}
}

// Whatever field a secret comes in, it is not in the trail: cleaned, or refused.
func TestNoCanaryIsRecorded(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	fields := map[string]func(*whodid.Event, string){
		"key":       func(e *whodid.Event, s string) { e.Key = s },
		"target":    func(e *whodid.Event, s string) { e.Target = s },
		"why":       func(e *whodid.Event, s string) { e.Why = s },
		"session":   func(e *whodid.Event, s string) { e.Session = s },
		"approval":  func(e *whodid.Event, s string) { e.Approval = s },
		"source":    func(e *whodid.Event, s string) { e.Source = s },
		"data":      func(e *whodid.Event, s string) { e.Data["note"] = s },
		"list":      func(e *whodid.Event, s string) { e.Data["notes"] = []string{"a", s} },
		"data name": func(e *whodid.Event, s string) { e.Data[s] = "x" },
	}
	names := slices.Sorted(maps.Keys(fields))
	var must []string
	n := 0
	for i, c := range canary.All() {
		must = append(must, telling(c)...)
		var events []whodid.Event
		for _, name := range names {
			n++
			e := action(fmt.Sprint("canary/", n))
			e.Execution, e.Data = "", whodid.Data{}
			fields[name](&e, c.Text)
			events = append(events, e)
		}
		if _, err := tr.Record(t.Context(), events[i%len(events)]); err != nil && !errors.Is(err, whodid.ErrInvalid) {
			t.Errorf("%s in %s: %v", c.Kind, names[i%len(events)], err)
		}
		if _, err := tr.RecordValid(t.Context(), events); err != nil {
			t.Errorf("%s: %v", c.Kind, err)
		}
	}
	var all bytes.Buffer
	for _, r := range tr.events(t) {
		text, err := json.Marshal(&r.Event)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
		fmt.Fprintf(&all, "%+v\n", r.Event)
	}
	for _, secret := range must {
		if i := bytes.Index(all.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%q is in the trail: …%s…", secret, all.Bytes()[max(0, i-200):i+len(secret)+20])
		}
	}
	t.Logf("%d events with canaries", n)
}

// telling are those texts of a canary that no other canary holds as something
// that may be told, such as the name before an address.
func telling(c canary.Canary) []string {
	return slices.DeleteFunc(slices.Clone(c.Must), func(must string) bool {
		return slices.ContainsFunc(canary.All(), func(other canary.Canary) bool {
			return strings.Contains(other.Text, must) &&
				!slices.ContainsFunc(other.Must, func(m string) bool { return strings.Contains(m, must) || strings.Contains(must, m) })
		})
	})
}

func TestInferredStart(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.must(t, action("one"), action("two"))
	x := tr.execution(t, run)
	if x.Agent != "eng/solver" || x.Status != whodid.StatusRunning || x.Trigger != "" || x.Session != "s-1" || x.LeaseUntil.IsZero() {
		t.Errorf("inferred: %+v", x)
	}
	tr.must(t, action("three"))
	starts := 0
	for _, r := range tr.events(t) {
		if r.What == "execution.start" {
			starts++
		}
	}
	if starts != 1 {
		t.Errorf("%d starts were inferred", starts)
	}
	told := lifecycle("execution.start", time.Second, whodid.Data{"trigger": "scheduled"})
	tr.must(t, told)
	if x := tr.execution(t, run); x.Trigger != "scheduled" || !x.StartedAt.Equal(told.At) {
		t.Errorf("told after it was inferred: %+v", x)
	}
	// What a person or the product does about a run does not begin one.
	other := action("person")
	other.Execution, other.Actor = "exec-0000000000000002", "human:p1"
	tr.must(t, other)
	if x, err := tr.store.Execution(t.Context(), "default", other.Execution); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("a person's action began the run %+v, %v", x, err)
	}
}

func TestLoseExpired(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	lose := func(after time.Duration, want int) {
		t.Helper()
		tr.now = epoch.Add(after)
		if n, err := tr.LoseExpired(t.Context()); err != nil || n != want {
			t.Errorf("after %s: %d are lost, %v; want %d", after, n, err, want)
		}
	}
	tr.must(t, lifecycle("execution.start", 0, whodid.Data{"lease_seconds": 600, "trigger": "manual"}))
	lose(9*time.Minute, 0)
	late := action("late") // any sign of life counts
	late.At = epoch.Add(8 * time.Minute)
	tr.must(t, late)
	lose(17*time.Minute, 0)
	lose(19*time.Minute, 1)
	lose(20*time.Minute, 0) // once
	if x := tr.execution(t, run); x.Status != whodid.StatusLost || !x.CompletedAt.IsZero() {
		t.Errorf("lost: %s, completed at %s", x.Status, x.CompletedAt)
	}
	finish := lifecycle("execution.finish", 30*time.Minute, nil)
	finish.Result = whodid.ResultSuccess
	tr.must(t, finish)
	if x := tr.execution(t, run); x.Status != whodid.StatusSuccess {
		t.Errorf("finished after it was lost: %s", x.Status)
	}
	lose(48*time.Hour, 0)
}

func TestCost(t *testing.T) {
	t.Parallel()
	tokens := whodid.Data{"model": "claude-opus-4-1", "provider": "anthropic", "input_tokens": 1000, "output_tokens": 100}
	with := func(more whodid.Data) whodid.Data {
		d := whodid.Data{}
		for _, m := range []whodid.Data{tokens, more} {
			for k, v := range m {
				d[k] = v
			}
		}
		return d
	}
	for name, test := range map[string]struct {
		what  string
		data  whodid.Data
		state any
		known bool
	}{
		"computed":               {"model.call", tokens, "computed", true},
		"measured":               {"model.call", with(whodid.Data{"cost_micros": 5}), "measured", true},
		"the source's own state": {"model.call", with(whodid.Data{"cost_micros": 5, "cost_state": "computed"}), "computed", true},
		"a model nobody prices":  {"model.call", with(whodid.Data{"model": "no-such-model"}), "unknown", false},
		"no tokens":              {"model.call", whodid.Data{"model": "claude-opus-4-1"}, "unknown", false},
		"half the tokens":        {"model.call", whodid.Data{"model": "claude-opus-4-1", "input_tokens": 1}, "unknown", false},
		"an end without usage":   {"execution.finish", whodid.Data{"reason": "exit"}, nil, false},
		"an end with usage":      {"execution.finish", whodid.Data{"model": "claude-opus-4-1", "input_tokens": 1000, "output_tokens": 100}, "computed", true},
	} {
		tr := newTrail(t)
		e := lifecycle(test.what, 0, with(nil))
		e.Data = whodid.Data{}
		for k, v := range test.data {
			e.Data[k] = v
		}
		if test.what == "execution.finish" {
			e.Result = whodid.ResultSuccess
		}
		tr.must(t, e)
		for _, r := range tr.events(t) {
			if r.What != test.what {
				continue
			}
			micros, known := r.Data.Int("cost_micros")
			if known != test.known || r.Data["cost_state"] != test.state || known && micros <= 0 {
				t.Errorf("%s: %v", name, r.Data)
			}
		}
	}
}
