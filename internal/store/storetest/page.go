package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var pageTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"filters select as they match":   testFilterLanguage,
	"filters of executions":          testExecutionLanguage,
	"filters of every pattern":       testEveryPattern,
	"pages hold everything once":     testPages,
	"pages stay while the log grows": testPagesWhileWriting,
	"squads see what is theirs":      testSquads,
	"an event is of a squad":         testOfSquads,
}

func filterOf(t testing.TB, s string) whodid.Filter {
	t.Helper()
	f, err := whodid.ParseFilter(s, Epoch.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// writeOdd fills a log with events whose text is what patterns are made of.
func writeOdd(t testing.TB, s *store.Store) {
	t.Helper()
	var events []whodid.Event
	for i, target := range []string{
		"", "plain", "PLAIN", "Ünïcode ÄÖ", "ünïcode äö", "100%", "a_b", "axb", `a\b`, "a*b", "a?b", "[a]", "a'b", `a"b`, "日本語", "a", "*", "%", "line\nbreak",
	} {
		events = append(events, whodid.Event{
			Key: string(rune('a' + i)), Actor: whodid.AgentActor([]string{"eng/solver", "ops/backup", "Eng/x"}[i%3]), What: []string{"file.write", "pr.merge"}[i%2],
			Target: target, Why: "because of " + target, Result: []whodid.Result{whodid.ResultSuccess, whodid.ResultFailed}[i%2],
			Execution: ExecutionID(i % 4), Session: "s-" + string(rune('a'+i%2)), Source: "cli", At: Epoch.Add(time.Duration(i) * time.Minute),
		})
	}
	NewBook(t, s, "default").Append(t, events...)
}

// testFilterLanguage holds what a store selects against what the root package
// says that fits.
func testFilterLanguage(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeOdd(t, s)
	all, err := s.Events(t.Context(), "default", store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, filter := range []string{
		"", "plain", "PLAIN", "-plain", `"100%"`, "a_b", `"a\\b"`, "ünïcode", "ÜNÏCODE", "äö", "日本", "because", `"of a"`,
		`target:plain`, `target:PLAIN`, `target:pl*`, `target:*ain`, `target:a*b`, `target:"a*b"`, `target:a?b`, `target:"[a]"`, `target:*[*`,
		`target:*%*`, `target:"100%"`, `target:a_b`, `target:*_*`, `target:*\\*`, `target:*`, `-target:*a*`, `target:"*"`, `target:*'*`, `target:日*語`, `target:"line
break"`,
		"agent:eng/solver", "agent:eng/*", "agent:*/solver", "agent:ENG/*", "squad:eng", "squad:Eng,ops", "actor:agent:*", "-squad:eng",
		"type:file.*", "type:file.*,pr.*", "type:*.*e", "result:failed", "result:failed,success", "-result:failed",
		"session:s-a", "session:s-*", "source:cli", "source:hook*", "approval:*", "execution:exec-*",
		"since:2026-11-01T09:05:00Z", "until:2026-11-01T09:05:00Z", "since:2026-11-01T09:02:00Z until:2026-11-01T09:07:00Z type:file.*", "plain type:file.* -result:failed",
	} {
		f := filterOf(t, filter)
		var want []uint64
		for i := range all {
			if f.MatchEvent(&all[i].Event) {
				want = append(want, all[i].Seq)
			}
		}
		sel := store.Selection{Terms: f.Terms, Since: f.Since, Until: f.Until}
		rows, err := s.LogPage(t.Context(), "default", sel, 0)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if got := seqs(rows); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", filter, got, want)
		}
		newest, err := s.NewestPage(t.Context(), "default", sel, nil)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		slices.Reverse(newest)
		if got := seqs(newest); !slices.Equal(got, want) {
			t.Errorf("%s, the newest first: %v, want %v", filter, got, want)
		}
		found += len(want)
	}
	if found < 200 {
		t.Errorf("the filters select %d events in all: they are no test", found)
	}
}

func seqs(rows []store.Row) []uint64 {
	var out []uint64
	for i := range rows {
		out = append(out, rows[i].Seq)
	}
	return out
}

// writePagedRuns starts runs: three at one moment, and two of which no start is known.
func writePagedRuns(t testing.TB, s *store.Store) *Book {
	t.Helper()
	b := NewBook(t, s, "default")
	start := func(i int, agent string, minute int, data whodid.Data) whodid.Event {
		return whodid.Event{
			Key: "start/" + ExecutionID(i), Actor: whodid.AgentActor(agent), What: "execution.start", Execution: ExecutionID(i), Source: "cli",
			At: Epoch.Add(time.Duration(minute) * time.Minute), Data: data, Why: "Issue " + string(rune('0'+i)),
		}
	}
	end := func(i int, result whodid.Result) whodid.Event {
		return whodid.Event{
			Key: "end/" + ExecutionID(i), Actor: whodid.AgentActor("eng/solver"), What: "execution.finish", Execution: ExecutionID(i), Source: "cli",
			At: Epoch.Add(50 * time.Minute), Result: result,
		}
	}
	b.Append(t,
		start(1, "eng/solver", 1, whodid.Data{"trigger": "manual"}), start(2, "ops/backup", 5, whodid.Data{"trigger": "event", "trigger_detail": "push"}),
		start(3, "eng/other", 5, whodid.Data{"trigger": "scheduled"}), start(4, "eng/solver", 5, nil), start(5, "ops/backup", 9, nil),
		end(1, whodid.ResultSuccess), end(2, whodid.ResultFailed), end(6, whodid.ResultSuccess), end(7, whodid.ResultFailed),
		whodid.Event{Key: "tag", Actor: whodid.AgentActor("eng/solver"), What: "execution.tag", Execution: ExecutionID(1), Source: "cli", At: Epoch, Data: whodid.Data{"env": "live", "n": "1"}},
	)
	return b
}

func testExecutionLanguage(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writePagedRuns(t, s)
	for filter, want := range map[string][]int{
		"":                                  {5, 2, 3, 4, 1, 6, 7},
		"agent:eng/solver":                  {4, 1},
		"agent:eng/*":                       {3, 4, 1},
		"squad:ops":                         {5, 2},
		"-squad:ops":                        {3, 4, 1, 6, 7},
		"status:success":                    {1, 6},
		"status:failed,success":             {2, 1, 6, 7},
		"trigger:event":                     {2},
		"trigger:event:push":                {2},
		"trigger:event:pull":                nil,
		"tag:env=live":                      {1},
		"tag:env=li*":                       {1},
		"tag:env=test":                      nil,
		"-tag:env=live squad:eng":           {3, 4},
		"tag:env=live,env=test":             {1},
		`"issue 1"`:                         {1},
		"ISSUE":                             {5, 2, 3, 4, 1},
		"execution:" + ExecutionID(3):       {3},
		"is:run":                            {5, 2, 3, 4, 1, 6, 7},
		"is:*":                              {5, 2, 3, 4, 1, 6, 7},
		"is:s*":                             nil,
		"-is:*":                             nil,
		"until:2026-11-01T09:05:00Z":        {1},
		"since:2026-11-01T09:50:00.000001Z": {5, 3, 4},
	} {
		f := filterOf(t, filter)
		found, err := s.ExecutionPage(t.Context(), "default", store.Selection{Terms: f.Terms, Since: f.Since, Until: f.Until}, nil)
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		var got, ids []string
		for i := range found {
			got = append(got, found[i].ID)
		}
		for _, i := range want {
			ids = append(ids, ExecutionID(i))
		}
		slices.Sort(got)
		slices.Sort(ids)
		// Those of which no start is known may have ended within the time.
		if !slices.Equal(got, ids) && f.Since.IsZero() && f.Until.IsZero() {
			t.Errorf("%s: %v, want %v", filter, got, ids)
		}
	}
}

// Whatever the language lets through is answered, patterns for every field too.
func testEveryPattern(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writePagedRuns(t, s)
	for _, pattern := range []string{"*", "a*", "*n", "*'*", "*%_*", "*\\*"} {
		for _, not := range []bool{false, true} {
			for _, field := range whodid.ExecutionFields() {
				sel := store.Selection{Terms: []whodid.Term{{Field: field, Name: "env", Values: []string{pattern}, Not: not}}}
				if _, err := s.ExecutionPage(t.Context(), "default", sel, nil); err != nil {
					t.Errorf("executions by %s %q: %v", field, pattern, err)
				}
				if _, err := s.RunGroups(t.Context(), "default", sel); err != nil {
					t.Errorf("groups by %s %q: %v", field, pattern, err)
				}
			}
			for _, field := range whodid.EventFields() {
				sel := store.Selection{Terms: []whodid.Term{{Field: field, Name: "env", Values: []string{pattern}, Not: not}}}
				if _, err := s.CountActions(t.Context(), "default", sel); err != nil {
					t.Errorf("actions by %s %q: %v", field, pattern, err)
				}
			}
		}
	}
}

func testPages(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writePagedRuns(t, s)
	whole, err := s.ExecutionPage(t.Context(), "default", store.Selection{}, nil)
	if err != nil || len(whole) != 7 {
		t.Fatalf("%d executions, %v", len(whole), err)
	}
	times := []time.Time{{}, Epoch.Add(-time.Hour)}
	for i := range whole {
		if at := whole[i].StartedAt; !at.IsZero() {
			times = append(times, at, at.Add(time.Microsecond))
		}
	}
	for _, since := range times {
		// What is selected by its time is listed in the order of all.
		found, err := s.Executions(t.Context(), "default", store.ExecutionFilter{Since: since})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range found {
			want = append(want, found[i].ID)
		}
		for size := 1; size <= 8; size++ {
			if got := allPages(t, s, store.Selection{Since: since, Limit: size}); !slices.Equal(got, want) {
				t.Errorf("since %v in pages of %d: %v, want %v", since, size, got, want)
			}
		}
	}
}

// allPages are the ids of executions, read page by page.
func allPages(t *testing.T, s *store.Store, sel store.Selection) (ids []string) {
	t.Helper()
	var after *store.ExecutionPlace
	for {
		page, err := s.ExecutionPage(t.Context(), "default", sel, after)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page {
			ids = append(ids, page[i].ID)
		}
		if len(page) < sel.Limit {
			return ids
		}
		after = &store.ExecutionPlace{StartedAt: page[sel.Limit-1].StartedAt, ID: page[sel.Limit-1].ID}
	}
}

// testPagesWhileWriting reads events page by page while others are recorded.
func testPagesWhileWriting(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	event := func(key string, minute int) whodid.Event {
		return whodid.Event{Key: key, Actor: "agent:eng/solver", What: "report.send", Result: whodid.ResultSuccess, Source: "cli", At: Epoch.Add(time.Duration(minute) * time.Minute)}
	}
	for i := range 12 {
		b.Append(t, event(string(rune('a'+i)), i/3)) // three of one time
	}
	var got []uint64
	var before *store.EventPlace
	for n := 0; ; n++ {
		page, err := s.NewestPage(t.Context(), "default", store.Selection{ActionsOnly: true, Limit: 5}, before)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, seqs(page)...)
		if len(page) < 5 {
			break
		}
		before = &store.EventPlace{At: page[4].At, Seq: page[4].Seq}
		b.Append(t, event("new"+string(rune('a'+n)), 60)) // newer than all that was there
	}
	want := []uint64{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
	if !slices.Equal(got, want) {
		t.Errorf("the pages hold %v, want %v", got, want)
	}
}

func testSquads(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := writePagedRuns(t, s)
	b.Append(t,
		whodid.Event{Key: "person", Actor: "human:p1", What: "execution.tag", Execution: ExecutionID(1), Source: "cli", At: Epoch, Data: whodid.Data{"a": "b"}},
		whodid.Event{Key: "nobody", Actor: "human:p1", What: "report.send", Result: whodid.ResultSuccess, Source: "cli", At: Epoch},
	)
	executions, err := s.ExecutionPage(t.Context(), "default", store.Selection{Squads: []string{"ops"}}, nil)
	if err != nil || len(executions) != 2 {
		t.Errorf("ops sees %d executions, %v", len(executions), err)
	}
	for squad, want := range map[string]int{"ops": 2, "none": 0} {
		rows, err := s.LogPage(t.Context(), "default", store.Selection{Squads: []string{squad}}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			if whodid.Squad(whodid.AgentOf(rows[i].Actor)) != squad && rows[i].Execution != ExecutionID(2) && rows[i].Execution != ExecutionID(5) {
				t.Errorf("%s sees event %d of %s", squad, rows[i].Seq, rows[i].Actor)
			}
		}
		if len(rows) < want {
			t.Errorf("%s sees %d events", squad, len(rows))
		}
	}
}

func testOfSquads(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := writePagedRuns(t, s)
	b.Append(t, whodid.Event{Key: "person", Actor: "human:p1", What: "execution.tag", Execution: ExecutionID(1), Source: "cli", At: Epoch, Data: whodid.Data{"a": "b"}})
	rows, err := s.Events(t.Context(), "default", store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	person := rows[len(rows)-1].Seq
	for squad, want := range map[string]bool{"eng": true, "ops": false} {
		theirs, err := s.OfSquads(t.Context(), "default", person, []string{squad})
		if err != nil || theirs != want {
			t.Errorf("what a person did to a run of eng is of %s: %t, %v", squad, theirs, err)
		}
	}
}
