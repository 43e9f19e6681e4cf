package whodid_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

const (
	foldRun = "exec-0000000000000001"
	foldSub = "exec-0000000000000002"
)

var foldEpoch = time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)

// foldEvent draws an event of a kind that folds, out of few values, so that
// events often contradict each other and fall on the same moment.
func foldEvent(n int) *rapid.Generator[whodid.Event] {
	return rapid.Custom(func(t *rapid.T) whodid.Event {
		pick := func(name string, from ...string) string { return rapid.SampledFrom(from).Draw(t, name) }
		number := rapid.SampledFrom([]int64{-5, 0, 1, 70, 1 << 52})
		e := whodid.Event{
			Org: "default", Key: fmt.Sprint("fold/", n), Source: pick("source", "cli", "hook:claude-code"),
			Actor: whodid.AgentActor(pick("agent", "a/one", "b/two")), Execution: pick("execution", foldRun, foldRun, foldSub),
			What: pick("what", "execution.start", "execution.renew", "execution.finish", "execution.lost", "execution.tag",
				"session.start", "turn.complete", "turn.fail", "model.call", "model.reprice", "file.write"),
			Why:     pick("why", "", "because"),
			At:      foldEpoch.Add(time.Duration(rapid.IntRange(0, 4).Draw(t, "at")) * time.Second),
			Session: pick("session", "", "s-1", "s-2"),
			Result:  rapid.SampledFrom(append(whodid.Results(), whodid.ResultNone)).Draw(t, "result"),
			Data:    whodid.Data{},
		}
		kind, _ := whodid.LookupKind(e.What)
		for _, f := range kind.Fields {
			if !rapid.Bool().Draw(t, "has "+f.Name) {
				continue
			}
			switch f.Type {
			case whodid.Int:
				e.Data[f.Name] = number.Draw(t, f.Name)
			case whodid.Bool:
				e.Data[f.Name] = rapid.Bool().Draw(t, f.Name)
			default:
				e.Data[f.Name] = pick(f.Name, "x", "y", "computed", "measured", foldRun)
			}
		}
		if kind.Open {
			e.Data["tag"] = rapid.SampledFrom([]any{"blue", "green", int64(7), true, []string{"a", "b"}}).Draw(t, "tag")
		}
		e.Identify()
		return e
	})
}

// fold applies events to the executions that they change.
func fold(into map[string]*whodid.Execution, events []whodid.Event) {
	for i := range events {
		for _, id := range events[i].Folds() {
			if into[id] == nil {
				into[id] = &whodid.Execution{Org: "default", ID: id, Status: whodid.StatusRunning}
			}
			into[id].Apply(&events[i])
		}
	}
}

func TestFoldDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		events := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) whodid.Event { n++; return foldEvent(n).Draw(t, "event") }), 1, 12).Draw(t, "events")
		want := map[string]*whodid.Execution{}
		fold(want, events)

		shuffled := rapid.Permutation(events).Draw(t, "order")
		cut := rapid.IntRange(0, len(shuffled)).Draw(t, "cut")
		got := map[string]*whodid.Execution{}
		fold(got, shuffled[:cut])
		for id := range got { // as if it was stored and read again in between
			text, err := json.Marshal(got[id])
			if err != nil {
				t.Fatal(err)
			}
			got[id] = &whodid.Execution{}
			if err := json.Unmarshal(text, got[id]); err != nil {
				t.Fatal(err)
			}
		}
		fold(got, shuffled[cut:])
		if diff := cmp.Diff(asJSON(t, want), asJSON(t, got)); diff != "" {
			t.Fatalf("another order gives another execution (-first +other):\n%s", diff)
		}
	})
}

// asJSON makes executions comparable whatever they hold unexported.
func asJSON(t *rapid.T, x map[string]*whodid.Execution) string {
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestFolds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		event whodid.Event
		want  []string
	}{
		"its own": {whodid.Event{What: "execution.tag", Execution: foldRun}, []string{foldRun}},
		"a sub-agent's call, its run too": {
			whodid.Event{What: "model.call", Execution: foldSub, Data: whodid.Data{"run": foldRun}}, []string{foldSub, foldRun},
		},
		"a call that names no run": {
			whodid.Event{What: "model.call", Execution: foldSub, Data: whodid.Data{"run": "../elsewhere"}}, []string{foldSub},
		},
		"a tag that is called run": {
			whodid.Event{What: "execution.tag", Execution: foldRun, Data: whodid.Data{"run": foldSub}}, []string{foldRun},
		},
		"an attempt": {whodid.Event{What: "execution.finish", Execution: foldRun, Result: whodid.ResultAttempted}, nil},
		"an action":  {whodid.Event{What: "file.write", Execution: foldRun}, nil},
		"no run":     {whodid.Event{What: "execution.tag"}, nil},
	} {
		if got := test.event.Folds(); !slices.Equal(got, test.want) {
			t.Errorf("%s: folds into %v, want %v", name, got, test.want)
		}
	}
}

// TestAbsurdNumbersAreUnknown sees to it that no event can make a total
// overflow, which would take the answer away from everybody.
func TestAbsurdNumbersAreUnknown(t *testing.T) {
	t.Parallel()
	call := func(n int, data whodid.Data) whodid.Event {
		e := whodid.Event{Org: "default", Key: fmt.Sprint("call/", n), What: "model.call", Execution: foldRun, At: foldEpoch, Data: data}
		e.Identify()
		return e
	}
	for name, data := range map[string]whodid.Data{
		"huge":     {"input_tokens": int64(1<<53 - 1), "output_tokens": int64(1), "cost_micros": int64(1<<53 - 1)},
		"negative": {"input_tokens": int64(1), "output_tokens": int64(-1), "cost_micros": int64(-1)},
	} {
		x := &whodid.Execution{}
		for i := range 3000 {
			e := call(i, data)
			x.Apply(&e)
		}
		in, out, _, _ := x.Usage.Tokens()
		if in != nil && out != nil || x.Usage.CostState() != whodid.CostUnknown || x.Usage.CostMicros != 0 {
			t.Errorf("%s: %+v is taken for a measurement", name, x.Usage)
		}
	}
	start := whodid.Event{What: "execution.start", Execution: foldRun, At: foldEpoch, Data: whodid.Data{"lease_seconds": int64(1<<53 - 1)}}
	x := &whodid.Execution{}
	x.Apply(&start)
	if x.LeaseUntil.Before(foldEpoch) || x.LeaseUntil.After(foldEpoch.AddDate(2, 0, 0)) {
		t.Errorf("a lease of 285 million years ends at %s", x.LeaseUntil)
	}
}

func TestTagsOfEveryType(t *testing.T) {
	t.Parallel()
	x := &whodid.Execution{}
	e := whodid.Event{What: "execution.tag", At: foldEpoch, Data: whodid.Data{"s": "text", "n": int64(42), "b": true, "l": []string{"x"}}}
	x.Apply(&e)
	want := map[string]string{"s": "text", "n": "42", "b": "true", "l": `["x"]`}
	if diff := cmp.Diff(want, x.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}
