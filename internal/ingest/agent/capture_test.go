package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

// at is the receiver's clock in tests.
var at = time.Date(2026, 11, 23, 14, 20, 0, 0, time.UTC)

// surroundings are those of a session on its own, in the working tree of the
// captures.
func surroundings() Surroundings {
	return Surroundings{
		At: at, DefaultAgent: "local/claude-code", Trigger: "manual",
		Person: "human:p-7k2m9q4tz8w1", PersonAuth: "os-user", Home: "/home/dev", Lease: 30 * time.Minute,
		Repository: func(cwd string) (root, slug string) { return cwd, "acme/shop" },
		Order:      order(),
	}
}

// order numbers calls as a hook's disk does, in memory.
func order() func(Nameless) (int, error) {
	type counts struct {
		begun int
		open  []int
		stamp map[string]int
	}
	calls := map[string]*counts{}
	return func(n Nameless) (int, error) {
		key := n.Client + n.Session + n.Fingerprint
		c := calls[key]
		if c == nil {
			c = &counts{stamp: map[string]int{}}
			calls[key] = c
		}
		told := n.Stamp + map[bool]string{true: " ended"}[n.Ended]
		if before, again := c.stamp[told]; again && n.Stamp != "" {
			return before, nil
		}
		before := c.begun
		if last := len(c.open) - 1; n.Ended && last >= 0 {
			before = c.open[last]
			c.open = c.open[:last]
		} else {
			c.begun++
			if !n.Ended {
				c.open = append(c.open, before)
			}
		}
		c.stamp[told] = before
		return before, nil
	}
}

// lines are the lines of a file in testdata that are not empty.
func lines(t testing.TB, name string) [][]byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var all [][]byte
	for line := range bytes.SplitSeq(raw, []byte("\n")) {
		if len(bytes.TrimSpace(line)) > 0 {
			all = append(all, line)
		}
	}
	if len(all) == 0 {
		t.Fatalf("%s is empty", name)
	}
	return all
}

// hookCaptures are all payloads in testdata, of all clients.
func hookCaptures(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, name := range []string{
		"2.1.197/hooks.jsonl", "2.1.330/hooks.jsonl", "2.1.330/http-hooks.jsonl",
		"other/codex-hooks.jsonl", "other/gemini-hooks.jsonl", "other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl",
	} {
		all = append(all, lines(t, name)...)
	}
	return all
}

// replay tells the hooks of a capture as they would arrive, a second apart.
func replay(t testing.TB, name string, s Surroundings) []whodid.Event {
	t.Helper()
	var events []whodid.Event
	for i, payload := range lines(t, name) {
		s.At = at.Add(time.Duration(i) * time.Second)
		events = append(events, Hook(payload, s).Events...)
	}
	return events
}

// check fails the test if the events would not be taken by the trail, or if the
// trail would drop a part of them.
func check(t testing.TB, events []whodid.Event) {
	t.Helper()
	for i := range events {
		e := &events[i]
		if dropped := e.Trim(false); len(dropped) > 0 {
			t.Errorf("%s has metadata that the catalogue does not list: %v", e.What, dropped)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.What, err)
		}
	}
}

// settled applies the trail's law of once: of events with the same id the first
// stays, and the result of an attempt takes its place.
func settled(events []whodid.Event) []whodid.Event {
	seen := map[string]bool{}
	var kept []whodid.Event
	for _, e := range events {
		e.Identify()
		if !seen[e.ID] {
			seen[e.ID] = true
			kept = append(kept, e)
		}
	}
	var last []whodid.Event
	for _, e := range kept {
		if id, attempt := whodid.SettledID(e.ID); !attempt || !seen[id] {
			last = append(last, e)
		}
	}
	return last
}
