package ask_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
)

const org = "acme"

// onBothStores runs a test on a trail of its own on each engine.
func onBothStores(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) { test(t, storetest.Open(t, testenv.Trail(t, engine))) })
}

func openSQLite(t testing.TB) *store.Store {
	t.Helper()
	return storetest.Open(t, testenv.Trail(t, "sqlite"))
}

// fact is an event of one agent, so many minutes after the suite's beginning.
func fact(what, execution string, minute int, result whodid.Result, data whodid.Data) whodid.Event {
	return whodid.Event{
		Key: what + "/" + execution, Actor: "agent:ops/backup", What: what, Execution: execution, Source: "cli",
		At: storetest.Epoch.Add(time.Duration(minute) * time.Minute), Result: result, Data: data,
	}
}

func asker(s *store.Store) *ask.Asker {
	return ask.New(s, org, func() time.Time { return storetest.Epoch.Add(time.Hour) })
}

func TestMatching(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		storetest.NewBook(t, s, org).Append(
			t,
			fact("execution.start", "exec-a", 1, "", whodid.Data{"trigger": "scheduled"}),
			fact("execution.tag", "exec-a", 2, "", whodid.Data{"release": "1.4", "part-2.of_3": "yes"}),
			fact("execution.start", "exec-b", 3, "", whodid.Data{"trigger": "manual"}),
			fact("execution.tag", "exec-b", 4, "", whodid.Data{"release": "1.4", "env": "live"}),
			fact("execution.start", "exec-c", 5, "", whodid.Data{"trigger": "manual"}),
		)
		for name, c := range map[string]struct {
			match ask.Match
			limit int
			want  []string
		}{
			"everything":     {ask.Match{}, 0, []string{"exec-c", "exec-b", "exec-a"}},
			"at most":        {ask.Match{}, 2, []string{"exec-c", "exec-b"}},
			"trigger":        {ask.Match{Trigger: "manual"}, 0, []string{"exec-c", "exec-b"}},
			"tag":            {ask.Match{Tags: map[string]string{"release": "1.4"}}, 0, []string{"exec-b", "exec-a"}},
			"limit of match": {ask.Match{Tags: map[string]string{"release": "1.4"}}, 1, []string{"exec-b"}},
			"all tags":       {ask.Match{Tags: map[string]string{"release": "1.4", "env": "live"}}, 0, []string{"exec-b"}},
			"both":           {ask.Match{Trigger: "manual", Tags: map[string]string{"release": "1.4"}}, 0, []string{"exec-b"}},
			"name of parts":  {ask.Match{Tags: map[string]string{"part-2.of_3": "yes"}}, 0, []string{"exec-a"}},
			"odd name":       {ask.Match{Tags: map[string]string{"it's \"odd\"": "yes"}}, 0, nil},
			"no name":        {ask.Match{Tags: map[string]string{"": "1.4"}}, 0, nil},
			"other value":    {ask.Match{Tags: map[string]string{"release": "1.5"}}, 0, nil},
			"part of value":  {ask.Match{Tags: map[string]string{"release": "1"}}, 0, nil},
			"path":           {ask.Match{Tags: map[string]string{"$.release": "1.4"}}, 0, nil},
			"number":         {ask.Match{Tags: map[string]string{"0": "1.4"}}, 0, nil},
			"no text":        {ask.Match{Tags: map[string]string{"a\x00b": "c"}}, 0, nil},
			"no trigger":     {ask.Match{Trigger: "\xff"}, 0, nil},
		} {
			list, err := asker(s).Matching(t.Context(), ask.Filter{Limit: c.limit}, c.match)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			var got []string
			for _, x := range list.Executions {
				got = append(got, x.ExecutionID)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func TestFollowing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		a := asker(s)
		if size, err := a.Size(t.Context()); err != nil || size != 0 {
			t.Fatalf("a trail without a log has size %d: %v", size, err)
		}
		book := storetest.NewBook(t, s, org)
		book.Append(t, fact("execution.start", "exec-a", 1, "", nil), fact("file.edit", "exec-a", 2, whodid.ResultSuccess, whodid.Data{"lines_added": int64(3)}))
		next := uint64(0)
		var got []string
		for range 3 {
			events, err := a.Events(t.Context(), next, 1)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range events {
				got = append(got, e.What)
				next = e.Seq + 1
			}
		}
		book.Append(t, fact("file.write", "exec-a", 0, whodid.ResultSuccess, nil)) // told late
		events, err := a.Events(t.Context(), next, 10)
		if err != nil || len(events) != 1 {
			t.Fatalf("%d events came in: %v", len(events), err)
		}
		if diff := cmp.Diff([]string{"execution.start", "file.edit", "file.write"}, append(got, events[0].What)); diff != "" {
			t.Errorf("the log was followed otherwise (-want +got):\n%s", diff)
		}
		if size, err := a.Size(t.Context()); err != nil || size != 3 {
			t.Errorf("size is %d: %v", size, err)
		}
	})
}

func TestLogName(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		storetest.NewBook(t, s, org).Append(t, fact("execution.start", "exec-a", 1, "", whodid.Data{"log": "exec-a.log"}), fact("execution.start", "exec-b", 1, "", nil))
		a := asker(s)
		for id, want := range map[string]string{"exec-a": "exec-a.log", "exec-b": "", "exec-none": ""} {
			if got, err := a.LogName(t.Context(), id); err != nil || got != want {
				t.Errorf("the log of %s is %q: %v", id, got, err)
			}
		}
		show, err := a.Show(t.Context(), "a")
		if err != nil || show.Log != "exec-a.log" {
			t.Errorf("the run is shown with another log: %+v, %v", show, err)
		}
		if x, err := a.Execution(t.Context(), "b"); err != nil || x.ExecutionID != "exec-b" {
			t.Errorf("a prefix resolves to %+v: %v", x, err)
		}
	})
}

func TestPulse(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		a := asker(s)
		empty, err := a.Pulse(t.Context(), storetest.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&ask.Pulse{}, empty); diff != "" {
			t.Errorf("an empty trail has a pulse (-want +got):\n%s", diff)
		}
		gap := func(key string, minute int, data whodid.Data) whodid.Event {
			e := fact("record.gap", "", minute, "", data)
			e.Key, e.Actor = key, whodid.System
			return e
		}
		witnessed := fact("checkpoint.witness", "", 9, "", whodid.Data{"witness": "git", "size": int64(2)})
		witnessed.Actor = whodid.System
		storetest.NewBook(t, s, org).Append(
			t,
			fact("execution.start", "exec-running", 1, "", nil),
			fact("execution.start", "exec-lost", 2, "", whodid.Data{"lease_seconds": int64(60)}),
			fact("execution.lost", "exec-lost", 5, "", nil),
			gap("old", -100, whodid.Data{"reason": "torn"}),
			gap("1", 6, whodid.Data{"reason": "torn", "count": int64(2)}),
			gap("2", 7, whodid.Data{"reason": "torn"}),
			gap("3", 8, whodid.Data{"reason": "gone"}),
			witnessed,
		)
		got, err := a.Pulse(t.Context(), storetest.Epoch)
		if err != nil {
			t.Fatal(err)
		}
		if got.PublicKey == "" {
			t.Error("the log has no key")
		}
		got.PublicKey = ""
		want := &ask.Pulse{
			Origin: "whodid.test/" + org, Size: 8, LastRecorded: storetest.Epoch,
			LastWitnessed: storetest.Epoch.Add(9 * time.Minute), WitnessedSize: 2,
			Running: 1, Lost: 1, LostExample: "exec-lost",
			Gaps: []ask.Count{{Value: "torn", Count: 3}, {Value: "gone", Count: 1}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the pulse is not as wanted (-want +got):\n%s", diff)
		}
	})
}

func TestDoctorKeepsTheWorst(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		states []string
		want   string
	}{
		{nil, ""},
		{[]string{"ok"}, "ok"},
		{[]string{"warning", "ok"}, "warning"},
		{[]string{"ok", "problem", "warning"}, "problem"},
	} {
		var d ask.Doctor
		for _, s := range c.states {
			d.Add(ask.Check{State: s})
		}
		if d.State != c.want {
			t.Errorf("%v add up to %q, want %q", c.states, d.State, c.want)
		}
	}
}

func TestSchemaOfNothing(t *testing.T) {
	t.Parallel()
	if len(ask.Schemas()) == 0 {
		t.Error("there are no schemas")
	}
	for _, name := range []string{"", "..", "../schema", "history.json", "nothing"} {
		if _, ok := ask.Schema(name); ok {
			t.Errorf("there is a schema of %q", name)
		}
	}
}
