package ask

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// Telemetry is what clients' telemetry says of how complete the trail is.
type Telemetry struct {
	// Sessions is how many sessions sent numbered records.
	Sessions int
	// Unhooked are the sessions whose client registered no hook on what its tools
	// do: what they did, no hook told.
	Unhooked []string
	// Missing is how many records did not arrive, by the numbers of those that
	// did, and Broken the sessions where some are missing. The last ones of a
	// session can't be missed.
	Missing int64
	Broken  []string
}

// Telemetry answers what telemetry since a time says of how complete the trail
// is.
func (a *Asker) Telemetry(ctx context.Context, since time.Time) (*Telemetry, error) {
	received, err := a.store.Events(ctx, a.org, store.EventFilter{What: "record.receive", Since: since})
	if err != nil {
		return nil, err
	}
	registered, err := a.store.Events(ctx, a.org, store.EventFilter{What: "hook.register", Since: since})
	if err != nil {
		return nil, err
	}
	hooked := map[string]bool{}
	for i := range registered {
		if event := registered[i].Data.String("event"); event == "PreToolUse" || event == "PostToolUse" {
			hooked[registered[i].Session] = true
		}
	}
	spans := map[string][]span64{}
	for i := range received {
		r := &received[i]
		first, _ := r.Data.Int("first")
		last, _ := r.Data.Int("last")
		spans[r.Session] = append(spans[r.Session], span64{first, last})
	}
	t := &Telemetry{Sessions: len(spans)}
	for session, list := range spans {
		if !hooked[session] {
			t.Unhooked = append(t.Unhooked, session)
		}
		if n := missingBetween(list); n > 0 {
			t.Missing += n
			t.Broken = append(t.Broken, session)
		}
	}
	slices.Sort(t.Unhooked)
	slices.Sort(t.Broken)
	return t, nil
}

// span64 is numbers from the first to the last.
type span64 struct{ first, last int64 }

// missingBetween counts the numbers that no span holds, from the lowest that one
// holds to the highest. Spans come in any order, and may overlap.
func missingBetween(spans []span64) int64 {
	slices.SortFunc(spans, func(a, b span64) int { return cmp.Compare(a.first, b.first) })
	var missing int64
	for i, next := 1, spans[0].last; i < len(spans); i++ {
		missing += max(spans[i].first-next-1, 0)
		next = max(next, spans[i].last)
	}
	return missing
}
