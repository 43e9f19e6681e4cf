package ask_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
)

// inSession is a fact of a session.
func inSession(session, source string, e whodid.Event) whodid.Event {
	e.Session, e.Source = session, source
	e.Key += "/" + session + e.Target
	return e
}

// TestSessions asks for a session of its own with a sub-agent, one that was
// resumed and runs on, and two within one run of "whodid run".
func TestSessions(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		hook, cli := "hook:claude-code", "cli"
		call := func(execution string, minute int, out int64, run string) whodid.Event {
			d := whodid.Data{
				"model": "m", "input_tokens": int64(1), "output_tokens": out, "cache_read_tokens": int64(0), "cache_write_tokens": int64(0), "cost_micros": out,
			}
			if run != "" {
				d["run"], d["agent_id"] = run, "sub"
			}
			return fact("model.call", execution, minute, "", d)
		}
		lines := whodid.Data{"lines_added": int64(3), "lines_removed": int64(1)}
		edit := fact("file.edit", "exec-own", 3, whodid.ResultSuccess, lines)
		edit.Target = "a.go"
		again := fact("file.edit", "exec-own-sub", 4, whodid.ResultSuccess, whodid.Data{})
		again.Target = "a.go"
		read := fact("file.read", "exec-own", 5, whodid.ResultSuccess, nil)
		read.Target = "b.go"
		failed := fact("file.read", "exec-own", 5, whodid.ResultFailed, nil)
		failed.Target = "none.go"
		begun := fact("file.write", "exec-own", 6, whodid.ResultAttempted, nil)
		begun.Target = "c.go"
		storetest.NewBook(t, s, org).Append(
			t,
			inSession("own", hook, fact("execution.start", "exec-own", 1, "", whodid.Data{"client": "claude-code", "cwd": "~/shop"})),
			inSession("own", hook, fact("session.start", "exec-own", 1, "", whodid.Data{"client": "claude-code", "cwd": "~/shop"})),
			inSession("own", hook, fact("execution.start", "exec-own-sub", 2, "", whodid.Data{"parent": "exec-own", "agent_type": "Explore", "agent_id": "sub"})),
			inSession("own", hook, call("exec-own", 2, 10, "")), inSession("own", hook, call("exec-own-sub", 3, 5, "exec-own")),
			inSession("own", hook, edit), inSession("own", hook, again), inSession("own", hook, read), inSession("own", hook, failed), inSession("own", hook, begun),
			inSession("own", hook, fact("session.end", "exec-own", 8, "", nil)),

			inSession("on", "import:codex", fact("execution.start", "exec-on", 10, "", nil)),
			inSession("on", "import:codex", fact("session.end", "exec-on", 11, "", nil)),
			inSession("on", "import:codex", fact("session.start", "exec-on", 12, "", whodid.Data{"reason": "resume"})),

			fact("execution.start", "exec-run", 20, "", nil),
			inSession("first", hook, fact("session.start", "exec-run", 21, "", whodid.Data{"cwd": "/1"})), inSession("first", hook, call("exec-run", 22, 7, "")),
			inSession("second", hook, fact("session.start", "exec-run", 23, "", whodid.Data{"cwd": "/2"})), inSession("second", hook, call("exec-run", 24, 9, "")),
			inSession("", cli, fact("execution.finish", "exec-run", 30, whodid.ResultSuccess, nil)),
		)
		a := asker(s)
		list, err := a.Sessions(t.Context(), ask.SessionFilter{})
		if err != nil {
			t.Fatal(err)
		}
		type brief struct {
			ID, Client, CWD string
			Out             int64 // -1 is unknown
			Ended           bool
		}
		var got []brief
		for _, x := range list.Sessions {
			b := brief{x.SessionID, x.Client, x.CWD, -1, x.EndedAt != nil}
			if x.TokensOut != nil {
				b.Out = *x.TokensOut
			}
			got = append(got, b)
		}
		want := []brief{
			{"second", "claude-code", "/2", 9, false},
			{"first", "claude-code", "/1", 7, false},
			{"on", "codex", "", -1, false},
			{"own", "claude-code", "~/shop", 15, true},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("sessions (-want +got):\n%s", diff)
		}

		own, err := a.Session(t.Context(), "ow")
		if err != nil {
			t.Fatal(err)
		}
		zero := int64(0)
		files := []ask.SessionFile{
			{Path: "a.go", Written: true, Times: 2, FirstAt: edit.At, LastAt: again.At},
			{Path: "b.go", Read: true, Times: 1, LinesAdded: &zero, LinesRemoved: &zero, FirstAt: read.At, LastAt: read.At},
			{Path: "c.go", Attempted: 1, LinesAdded: &zero, LinesRemoved: &zero, FirstAt: begun.At, LastAt: begun.At},
		}
		if diff := cmp.Diff(files, own.Files); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{"exec-own", "exec-own-sub"}, own.Executions); diff != "" {
			t.Errorf("executions (-want +got):\n%s", diff)
		}
		if own.CostMicros == nil || *own.CostMicros != 15 || own.CostState != "measured" {
			t.Errorf("it cost %v, %s", own.CostMicros, own.CostState)
		}

		for name, c := range map[string]struct {
			f    ask.SessionFilter
			want int
		}{
			"client":        {ask.SessionFilter{Client: "codex"}, 1},
			"no client":     {ask.SessionFilter{Client: "dex"}, 0},
			"no text":       {ask.SessionFilter{Client: "\x00"}, 0},
			"agent":         {ask.SessionFilter{Agent: "nobody/*"}, 0},
			"limit":         {ask.SessionFilter{Limit: 2}, 2},
			"still at work": {ask.SessionFilter{Since: storetest.Epoch.AddDate(0, 0, 1)}, 2},
			"before":        {ask.SessionFilter{Until: storetest.Epoch}, 0},
		} {
			list, err := a.Sessions(t.Context(), c.f)
			if err != nil || len(list.Sessions) != c.want {
				t.Errorf("%s: %d sessions, not %d: %v", name, len(list.Sessions), c.want, err)
			}
		}
		seen := map[string]bool{}
		var after *ask.Place
		for page := 0; ; page++ {
			list, next, err := a.SelectSessions(t.Context(), ask.SessionFilter{Limit: 1}, after)
			if err != nil || len(list.Sessions) > 1 || page > 9 {
				t.Fatalf("page %d: %+v, %v", page, list, err)
			}
			for i := range list.Sessions {
				if seen[list.Sessions[i].SessionID] {
					t.Errorf("%s is on two pages", list.Sessions[i].SessionID)
				}
				seen[list.Sessions[i].SessionID] = true
			}
			if after = next; next == nil {
				break
			}
		}
		if all, _ := a.Sessions(t.Context(), ask.SessionFilter{}); len(seen) != len(all.Sessions) {
			t.Errorf("the pages have %d sessions, the list %d", len(seen), len(all.Sessions))
		}
		var many *store.AmbiguousError
		if _, err := a.Session(t.Context(), "o"); !errors.As(err, &many) {
			t.Errorf("the beginning of two ids: %v", err)
		}
		if _, err := a.Session(t.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("no id: %v", err)
		}
	})
}
