package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var executionTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"executions are selected by every filter":     testExecutionFilters,
	"executions are selected by overlap":          testOverlap,
	"executions are found by id and by prefix":    testExecutionPrefix,
	"tallies count runs, and the unknown as such": testTallies,
	"tallies of more time than a century":         testLongTallies,
	"runs whose lease ran out":                    testExpired,
}

// told is the story of one execution, its times in seconds after Epoch.
type told struct {
	n          int
	agent      string
	start, end int // no start was told if negative; it runs on if end is 0
	result     whodid.Result
	subagent   string
	parent     int
	lease      int
	lost       int
}

func (r told) events() []whodid.Event {
	id := ExecutionID(r.n)
	actor := func(e whodid.Event) whodid.Event {
		if r.agent != "" {
			e.Actor = whodid.AgentActor(r.agent)
		}
		return e
	}
	var out []whodid.Event
	if r.start >= 0 {
		data := whodid.Data{"trigger": "manual"}
		if r.subagent != "" {
			data["agent_type"] = r.subagent
		}
		if r.parent != 0 {
			data["parent"] = ExecutionID(r.parent)
		}
		if r.lease != 0 {
			data["lease_seconds"] = int64(r.lease)
		}
		out = append(out, actor(event("execution.start", id, r.start, data)))
	}
	if r.end != 0 {
		out = append(out, actor(ended(id, r.end, r.result, nil)))
	}
	if r.lost != 0 {
		out = append(out, actor(event("execution.lost", id, r.lost, nil)))
	}
	return out
}

func writeRuns(t testing.TB, b *Book, runs []told) {
	t.Helper()
	for _, r := range runs {
		b.Append(t, r.events()...)
	}
}

// numbers names executions by their numbers, in their order.
func numbers(found []whodid.Execution) string {
	out := ""
	for i, x := range found {
		var n int
		if _, err := fmt.Sscanf(x.ID, "exec-%d", &n); err != nil {
			return x.ID
		}
		if i > 0 {
			out += " "
		}
		out += fmt.Sprint(n)
	}
	return out
}

func testExecutionFilters(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeRuns(t, NewBook(t, s, "default"), []told{
		{n: 1, agent: "eng/solver", start: 10, end: 20, result: whodid.ResultSuccess},
		{n: 2, agent: "eng/solver", start: 30, end: 40, result: whodid.ResultFailed},
		{n: 3, agent: "eng/reviewer", start: 20},
		{n: 4, agent: "eng/reviewer", start: 25, end: 28, result: whodid.ResultSuccess, subagent: "explorer", parent: 3},
		{n: 5, agent: "engine/solver", start: 30, end: 31, result: whodid.ResultTimeout, parent: 3},
		{n: 6, start: -1, end: 50, result: whodid.ResultCancelled}, // nobody told of its start
		{n: 7, agent: "eng/Solver", start: 5, lost: 9},
	})
	for name, test := range map[string]struct {
		filter store.ExecutionFilter
		want   string
	}{
		"all, the last started first": {store.ExecutionFilter{}, "2 5 4 3 1 7 6"},
		"the newest":                  {store.ExecutionFilter{Limit: 3}, "2 5 4"},
		"an agent":                    {store.ExecutionFilter{Agent: "eng/solver"}, "2 1"},
		"agents by prefix":            {store.ExecutionFilter{Agent: "eng/*"}, "2 4 3 1 7"},
		"all agents":                  {store.ExecutionFilter{Agent: "*"}, "2 5 4 3 1 7 6"},
		"a squad":                     {store.ExecutionFilter{Squad: "engine"}, "5"},
		"a status":                    {store.ExecutionFilter{Status: "success"}, "4 1"},
		"running":                     {store.ExecutionFilter{Status: "running"}, "3"},
		"lost":                        {store.ExecutionFilter{Status: "lost"}, "7"},
		"children":                    {store.ExecutionFilter{Parent: ExecutionID(3)}, "5 4"},
		"no sub-agents":               {store.ExecutionFilter{RunsOnly: true}, "2 5 3 1 7 6"},
		"an injection":                {store.ExecutionFilter{Squad: "' OR ''='", Agent: "%*"}, ""},
		"a squad with a NUL":          {store.ExecutionFilter{Squad: "eng\x00"}, ""},
		"an agent that is no text":    {store.ExecutionFilter{Agent: "\xff*"}, ""},
	} {
		got, err := s.Executions(t.Context(), "default", test.filter)
		if err != nil || numbers(got) != test.want {
			t.Errorf("%s: %s, %v; want %s", name, numbers(got), err, test.want)
		}
	}
}

// testOverlap asks for spans of time around runs: whatever was at work at any
// moment of a span is meant, and nothing else.
func testOverlap(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	writeRuns(t, NewBook(t, s, "default"), []told{
		{n: 1, start: 10, end: 20, result: whodid.ResultSuccess},
		{n: 2, start: 15, end: 60, result: whodid.ResultFailed},
		{n: 3, start: 30},                               // runs still
		{n: 4, start: 5, lease: 40, lost: 50},           // was last allowed to be silent until 45
		{n: 5, start: 12, lost: 13},                     // lost, and never had a lease
		{n: 6, start: -1, end: 35},                      // its start is not known
		{n: 7, start: 40, end: 40, result: "cancelled"}, // took no time
	})
	at := func(seconds int) time.Time { return Epoch.Add(time.Duration(seconds) * time.Second) }
	for _, test := range []struct {
		since, until int // 0 is not given
		want         string
	}{
		{0, 0, "7 3 2 5 1 4 6"},
		{20, 0, "7 3 2 1 4 6"}, // an end at since is within
		{21, 0, "7 3 2 4 6"},
		{46, 0, "3 2"},
		{61, 0, "3"},
		{9999, 0, "3"},
		{0, 10, "4"}, // a start at until is not
		{0, 11, "1 4"},
		{0, 31, "3 2 5 1 4"},
		{0, 36, "3 2 5 1 4 6"},
		{16, 18, "2 1 4"},
		{25, 29, "2 4"},
		{40, 41, "7 3 2 4"},
		{1, 4, ""},
	} {
		f := store.ExecutionFilter{}
		if test.since != 0 {
			f.Since = at(test.since)
		}
		if test.until != 0 {
			f.Until = at(test.until)
		}
		got, err := s.Executions(t.Context(), "default", f)
		if err != nil || numbers(got) != test.want {
			t.Errorf("from %d until %d: %s, %v; want %s", test.since, test.until, numbers(got), err, test.want)
		}
		tallies, err := s.Tallies(t.Context(), "default", store.Selection{Since: f.Since, Until: f.Until})
		var runs int64
		for _, tally := range tallies {
			runs += tally.Runs
		}
		if err != nil || runs != int64(len(got)) {
			t.Errorf("from %d until %d: %d runs are counted, %v; want %d", test.since, test.until, runs, err, len(got))
		}
	}
}

func testExecutionPrefix(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	all := []string{"exec-abc", "exec-abcd", "exec-abz", "exec-e1", "exec-ci-job-17", "exec-zz~"}
	for _, id := range all {
		b.Append(t, event("execution.start", id, 0, nil))
	}
	for prefix, want := range map[string]string{
		"exec-abc": "exec-abc", "abc": "exec-abc", // exact, though another goes on from there
		"exec-abcd": "exec-abcd", "abcd": "exec-abcd", "abz": "exec-abz", "e1": "exec-e1", "ci-": "exec-ci-job-17", "exec-zz~": "exec-zz~",
	} {
		if got, err := s.ResolveExecution(t.Context(), "default", prefix); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %s", prefix, got, err, want)
		}
	}
	var ambiguous *store.AmbiguousError
	if got, err := s.ResolveExecution(t.Context(), "default", "ab"); !errors.As(err, &ambiguous) || len(ambiguous.IDs) != 3 {
		t.Errorf("ab is %q, %v; want an AmbiguousError of three", got, err)
	}
	for _, id := range []string{"x", "exec-ABC", "exec-abc%", "a_c", "exec-abc\x00", "\xff", "ß", "evt-"} {
		if got, err := s.ResolveExecution(t.Context(), "default", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%q is %q, %v; want ErrNotFound", id, got, err)
		}
		if _, err := s.Execution(t.Context(), "default", id); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("execution %q: %v, want ErrNotFound", id, err)
		}
	}
}

func testTallies(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	writeRuns(t, b, []told{
		{n: 1, agent: "eng/solver", start: 10, end: 20, result: whodid.ResultSuccess},
		{n: 2, agent: "eng/solver", start: 30, end: 45, result: whodid.ResultFailed},
		{n: 3, agent: "eng/solver", start: 40, end: 41, result: whodid.ResultTimeout},
		{n: 4, agent: "eng/solver", start: 50, end: 51, result: whodid.ResultCancelled},
		{n: 5, agent: "eng/solver", start: 60, lost: 70},
		{n: 6, agent: "eng/solver", start: 80},
		{n: 7, agent: "eng/solver", start: 90, end: 99, result: whodid.ResultSuccess, subagent: "explorer", parent: 6},
		{n: 8, agent: "ops/deployer", start: 15, end: 16, result: whodid.ResultSuccess},
		{n: 9, agent: "art/painter", start: 15, end: 16, result: whodid.ResultSuccess},
	})
	usage := func(n, seconds int, data whodid.Data) whodid.Event {
		return event("model.call", ExecutionID(n), seconds, data)
	}
	b.Append(
		t,
		usage(1, 11, whodid.Data{"model": "m", "input_tokens": int64(100), "output_tokens": int64(20), "cache_read_tokens": int64(3), "cache_write_tokens": int64(4), "cost_micros": int64(1500)}),
		usage(2, 31, whodid.Data{"model": "m", "input_tokens": int64(10), "output_tokens": int64(2), "cost_micros": int64(500)}),
		usage(2, 32, whodid.Data{"model": "m", "input_tokens": int64(1), "output_tokens": int64(1)}), // of unknown cost
		usage(3, 40, whodid.Data{"model": "m", "cost_micros": int64(0)}),                             // known to be free, tokens unknown
		usage(7, 91, whodid.Data{"model": "m", "input_tokens": int64(5), "output_tokens": int64(5), "cost_micros": int64(70), "run": ExecutionID(6)}),
	)
	got, err := s.Tallies(t.Context(), "default", store.Selection{})
	if err != nil {
		t.Fatal(err)
	}
	want := []store.Tally{
		{
			Agent: "eng/solver", Squad: "eng", Runs: 6, Success: 1, Failed: 1, Timeout: 1, Cancelled: 1, Lost: 1, Running: 1,
			CostMicros: 1500 + 500 + 70, CostUnknown: 3, // 2 in part, 4 and 5 wholly
			TokensIn: 100 + 11 + 5, TokensOut: 20 + 3 + 5, TokensCacheRead: 3, TokensCacheWrite: 4, TokensUnknown: 3, // 3, 4 and 5
			Seconds: 10 + 15 + 1 + 1, LastRun: Epoch.Add(80 * time.Second),
		},
		{Agent: "art/painter", Squad: "art", Runs: 1, Success: 1, CostUnknown: 1, TokensUnknown: 1, Seconds: 1, LastRun: Epoch.Add(15 * time.Second)},
		{Agent: "ops/deployer", Squad: "ops", Runs: 1, Success: 1, CostUnknown: 1, TokensUnknown: 1, Seconds: 1, LastRun: Epoch.Add(15 * time.Second)},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tallies (-want +got):\n%s", diff)
	}
	got, err = s.Tallies(t.Context(), "default", store.Selection{Squads: []string{"eng"}, Since: Epoch.Add(42 * time.Second), Until: Epoch.Add(55 * time.Second)})
	if err != nil || len(got) != 1 || got[0].Runs != 2 || got[0].Failed != 1 || got[0].Cancelled != 1 {
		t.Errorf("in the middle: %+v, %v; want runs 2 and 4", got, err)
	}
	if got, err := s.Tallies(t.Context(), "default", store.Selection{Squads: []string{"no"}}); err != nil || len(got) != 0 {
		t.Errorf("of nobody: %+v, %v", got, err)
	}
	for filter, want := range map[string]int64{
		"": 8, "agent:eng/*": 6, "-agent:eng/*": 2, "agent:*er": 8, "status:failed,timeout": 2, "-status:success": 5, "squad:eng,art status:success": 2,
		"nobody": 0, "painter": 1, "model:m": 4, "parent:*": 8, "tag:env=live": 0, "session:s*,x": 0,
	} {
		f, err := whodid.ParseFilter(filter, Epoch)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Tallies(t.Context(), "default", store.Selection{Terms: f.Terms})
		var runs int64
		for i := range got {
			runs += got[i].Runs
		}
		page, pageErr := s.ExecutionPage(t.Context(), "default", store.Selection{Terms: f.Terms, RunsOnly: true}, nil)
		if err != nil || pageErr != nil || runs != want || len(page) != int(want) {
			t.Errorf("%s: %d runs are counted and %d are there, %v, %v; want %d", filter, runs, len(page), err, pageErr, want)
		}
	}
}

func testLongTallies(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	const year = 365 * 24 * 60 * 60
	var runs []told
	for n := range 5 {
		runs = append(runs, told{n: n + 1, agent: "eng/solver", start: n, end: n + 100*year, result: whodid.ResultSuccess})
	}
	writeRuns(t, NewBook(t, s, "default"), runs)
	got, err := s.Tallies(t.Context(), "default", store.Selection{})
	if err != nil || len(got) != 1 || got[0].Seconds != 500*year {
		t.Errorf("tallies %+v, %v; want %d seconds", got, err, 500*year)
	}
}

func testExpired(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	writeRuns(t, b, []told{
		{n: 1, start: 0, lease: 60},
		{n: 2, start: 0, lease: 30},
		{n: 3, start: 0}, // has none
		{n: 4, start: 0, lease: 30, end: 20, result: whodid.ResultSuccess},
		{n: 5, start: 0, lease: 30, lost: 31},
		{n: 6, start: 0, lease: 30},
	})
	b.Append(t, event("execution.renew", ExecutionID(6), 50, whodid.Data{"lease_seconds": int64(60)}))
	for seconds, want := range map[int]string{29: "", 30: "", 31: "2", 61: "2 1", 110: "2 1", 111: "2 1 6"} {
		got, err := s.Expired(t.Context(), "default", Epoch.Add(time.Duration(seconds)*time.Second))
		if err != nil || numbers(got) != want {
			t.Errorf("after %d s: %s, %v; want %s", seconds, numbers(got), err, want)
		}
	}
}
