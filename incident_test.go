package whodid_test

import (
	"errors"
	"testing"
	"time"

	"github.com/whodid/whodid"
)

func TestFoldIncidents(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	event := func(minute int, id, what, target, why string, d whodid.Data) whodid.Event {
		return whodid.Event{ID: id, What: what, Target: target, Why: why, Actor: "human:p1", ActorAuth: "os-user", RecordedAt: at.Add(time.Duration(minute) * time.Minute), Data: d}
	}
	list := whodid.FoldIncidents([]whodid.Event{
		event(0, "evt-a", "incident.open", "commit:abc", "down", whodid.Data{
			"severity": "high", "suspects": []string{"exec-1", "exec-2"}, "sure": "sure", "holds": []string{"evt-h"}, "tree_size": int64(7),
			"from": "2026-11-27T02:00:00Z", "until": "2026-11-27T03:00:00Z", "commit": "abc", "repository": "acme/shop",
		}),
		event(1, "evt-n", "incident.note", "evt-a", "rolled back", nil),
		event(2, "evt-x", "incident.note", "evt-gone", "about nothing", nil),
		event(3, "evt-b", "incident.open", "time:x..y", "", whodid.Data{"follows": "evt-a", "from": "never"}),
		event(4, "evt-c", "incident.close", "evt-a", "fixed", nil),
		event(5, "evt-d", "incident.close", "evt-a", "fixed again", nil),
		event(6, "evt-v", "incident.view", "evt-b", "", nil),
	})
	if len(list) != 2 || list[0].ID != "evt-b" || list[1].ID != "evt-a" {
		t.Fatalf("%+v", list)
	}
	a, b := list[1], list[0]
	if a.Open() || a.CloseReason != "fixed" || !a.ClosedAt.Equal(at.Add(4*time.Minute)) || a.Title != "down" || a.Severity != "high" || a.TreeSize != 7 || a.Sure != "sure" ||
		len(a.Suspects) != 2 || len(a.Holds) != 1 || !a.From.Equal(at.Add(-time.Hour)) || a.Commit != "abc" || a.Repository != "acme/shop" || a.Events != 4 {
		t.Errorf("%+v", a)
	}
	if len(a.Notes) != 1 || a.Notes[0].Text != "rolled back" || a.Notes[0].By != "human:p1" {
		t.Errorf("%+v", a.Notes)
	}
	if !b.Open() || b.Follows != "evt-a" || !b.From.IsZero() || b.Events != 2 {
		t.Errorf("%+v", b)
	}
}

func TestIncidentsAreHeldToRules(t *testing.T) {
	t.Parallel()
	const id = "evt-7k2m9q4tz8w1c3ab"
	for name, c := range map[string]struct {
		actor, what, target string
		data                whodid.Data
		good                bool
	}{
		"an agent opens":         {"agent:ops/x", "incident.open", "commit:abc", nil, true},
		"an agent notes":         {"agent:ops/x", "incident.note", id, nil, true},
		"no agent closes":        {"agent:ops/x", "incident.close", id, nil, false},
		"no program closes":      {"system:whodid", "incident.close", id, nil, false},
		"a person closes":        {"human:p1", "incident.close", id, nil, true},
		"about nothing":          {"human:p1", "incident.open", "", nil, false},
		"a note on nothing":      {"human:p1", "incident.note", "", nil, false},
		"an export of something": {"human:p1", "incident.export", "shop", nil, false},
		"an unheard-of severity": {"human:p1", "incident.open", "commit:abc", whodid.Data{"severity": "blocker"}, false},
		"a severity":             {"human:p1", "incident.open", "commit:abc", whodid.Data{"severity": "critical"}, true},
		"a verb of one's own":    {"human:p1", "incident.escalate", "shop", nil, false},
	} {
		e := whodid.Event{Key: "k", Actor: c.actor, What: c.what, Target: c.target, Data: c.data, Source: "cli", At: time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)}
		if err := e.Validate(); (err == nil) != c.good || err != nil && !errors.Is(err, whodid.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
