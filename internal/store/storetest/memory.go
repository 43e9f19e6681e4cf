package storetest

import (
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

var memoryTests = map[string]func(*testing.T, func(testing.TB) *store.Store){
	"decisions are found by their words":     testDecisionWords,
	"decisions are selected by every filter": testDecisionFilters,
	"what was said of decisions is found":    testAboutDecisions,
	"decisions of another are not found":     testDecisionsApart,
}

// decision is a decision n seconds after Epoch; its key is made of n.
func decision(n int, subject, text, why string, more whodid.Data) whodid.Event {
	e := event("decision.record", ExecutionID(n), n, whodid.Data{"decided": text})
	e.Target, e.Why = subject, why
	for k, v := range more {
		e.Data[k] = v
	}
	return e
}

func testDecisionWords(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	b.Append(
		t,
		decision(0, "auth/tokens", "Rotate tokens every week", "a leaked token must die soon", whodid.Data{"alternatives": []string{"Opaque sessions", "mutual TLS"}}),
		decision(1, "storage", "SQLite by default; PostgreSQL for servers", "no set-up", whodid.Data{"expected": "two stores, one behaviour"}),
		decision(2, "naïve Größe", "Use UTF-8 everywhere — Ünïcode", "", whodid.Data{"issue": "acme/shop#44", "path": "docs/adr/0007-text.md"}),
		Action(3),
	)
	for query, want := range map[string]string{
		"rotate":              "0",
		"ROTATE Tokens":       "0",
		"tok":                 "0",
		"otate":               "",
		"rotate sqlite":       "",
		"mutual tls":          "0",
		"opaque":              "0",
		"leaked":              "0",
		"postgresql":          "1",
		"set-up":              "1",
		"behaviour":           "1",
		"größe":               "2",
		"naïve":               "2",
		"naive":               "",
		"ünïcode":             "2",
		"acme/shop#44":        "2",
		"0007-text.md":        "2",
		"auth/tokens":         "0",
		`"rotate" OR sqlite`:  "",
		"rotate'); DROP":      "",
		"file":                "",
		"tokens NOT rotate":   "",
		"every week":          "0",
		"e":                   "20", // every, everywhere
		"words: that* -match": "",
	} {
		found, err := s.Decisions(t.Context(), "default", store.DecisionFilter{Words: store.Words(query)})
		if err != nil {
			t.Errorf("%q: %v", query, err)
			continue
		}
		var got strings.Builder
		for i := range found {
			got.WriteString(found[i].Execution[len(found[i].Execution)-1:])
		}
		if got.String() != want {
			t.Errorf("%q finds %q, want %q", query, got.String(), want)
		}
	}
}

func testDecisionFilters(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	summary := event("decision.summarize", "", 5, whodid.Data{"decided": "all of it", "sources": []string{"evt-1"}})
	summary.Target = "auth"
	b.Append(t, decision(0, "auth", "one", "", nil), decision(1, "auth", "two", "", nil), decision(2, "db", "three", "", nil), Action(3), summary)
	for name, test := range map[string]struct {
		filter store.DecisionFilter
		want   []string
	}{
		"everything":       {store.DecisionFilter{}, []string{"all of it", "three", "two", "one"}},
		"the newest":       {store.DecisionFilter{Limit: 2}, []string{"all of it", "three"}},
		"a subject":        {store.DecisionFilter{Subject: "auth"}, []string{"all of it", "two", "one"}},
		"an execution":     {store.DecisionFilter{Execution: ExecutionID(1)}, []string{"two"}},
		"words and more":   {store.DecisionFilter{Subject: "auth", Words: []string{"tw"}, Limit: 5}, []string{"two"}},
		"nothing":          {store.DecisionFilter{Subject: "aut"}, nil},
		"what can't be":    {store.DecisionFilter{Subject: "auth\x00"}, nil},
		"a subject's case": {store.DecisionFilter{Subject: "AUTH"}, nil},
	} {
		found, err := s.Decisions(t.Context(), "default", test.filter)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		var got []string
		for i := range found {
			got = append(got, found[i].Data.String("decided"))
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func testAboutDecisions(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	b := NewBook(t, s, "default")
	added := ids(b.Append(t, decision(0, "auth", "one", "", nil), decision(1, "auth", "two", "", nil)))
	about := func(what, target string, n int) whodid.Event {
		e := event(what, "", n, nil)
		e.Target = target
		return e
	}
	said := ids(b.Append(t, about("decision.outcome", added[1], 2), about("decision.supersede", added[0], 3), about("decision.outcome", "evt-other", 4)))
	got, err := s.AboutDecisions(t.Context(), "default", added)
	if err != nil || len(got) != 2 || got[0].ID != said[0] || got[1].ID != said[1] {
		t.Errorf("got %d rows, %v", len(got), err)
	}
	if got, err := s.AboutDecisions(t.Context(), "default", nil); err != nil || len(got) != 0 {
		t.Errorf("of no decision %d rows, %v", len(got), err)
	}
	rows, err := s.EventsByID(t.Context(), "default", []string{added[1], "evt-nothing", added[0]})
	if err != nil || len(rows) != 2 || rows[0].ID != added[0] || rows[1].ID != added[1] {
		t.Errorf("by id: %d rows, %v", len(rows), err)
	}
}

func testDecisionsApart(t *testing.T, open func(testing.TB) *store.Store) {
	s := open(t)
	NewBook(t, s, "one").Append(t, decision(0, "auth", "a secret plan", "", nil))
	NewBook(t, s, "two").Append(t, decision(0, "auth", "a public plan", "", nil))
	for _, f := range []store.DecisionFilter{{}, {Words: []string{"plan"}}, {Subject: "auth"}} {
		got, err := s.Decisions(t.Context(), "two", f)
		if err != nil || len(got) != 1 || got[0].Data.String("decided") != "a public plan" {
			t.Errorf("%+v: %d decisions, %v", f, len(got), err)
		}
	}
}
