package whodid_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
)

func TestParseFilter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	term := func(not bool, field whodid.FilterField, values ...string) whodid.Term {
		return whodid.Term{Not: not, Field: field, Values: values}
	}
	for s, want := range map[string]whodid.Filter{
		"":   {},
		"  ": {},
		`agent:engineering/* status:failed since:7d "free text"`: {
			Terms: []whodid.Term{term(false, "agent", "engineering/*"), term(false, "status", "failed"), term(false, "", "free text")},
			Since: now.Add(-7 * 24 * time.Hour),
		},
		"status:failed,timeout -agent:ops/backup": {Terms: []whodid.Term{term(false, "status", "failed", "timeout"), term(true, "agent", "ops/backup")}},
		"since:2026-11-01 until:yesterday":        {Since: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)},
		"word -other":                             {Terms: []whodid.Term{term(false, "", "word"), term(true, "", "other")}},
		`target:"a b","c,d"`:                      {Terms: []whodid.Term{term(false, "target", "a b", "c,d")}},
		`"a \"quoted\" \\ thing"`:                 {Terms: []whodid.Term{term(false, "", `a "quoted" \ thing`)}},
		"tag:env=live,test":                       {},
		"tag:env=live,env=test":                   {Terms: []whodid.Term{{Field: "tag", Name: "env", Values: []string{"live", "test"}}}},
		"trigger:event:issues.labeled":            {Terms: []whodid.Term{term(false, "trigger", "event:issues.labeled")}},
		"is:run cost:unknown":                     {Terms: []whodid.Term{term(false, "is", "run"), term(false, "cost", "unknown")}},
		"started:2026-11-16..7d":                  {Terms: []whodid.Term{term(false, "started", "2026-11-16T00:00:00Z..2026-11-16T12:00:00Z")}},
		"started:2026-11-16T01:00:00+01:00.. -started:unknown": {
			Terms: []whodid.Term{term(false, "started", "2026-11-16T00:00:00Z.."), term(true, "started", "unknown")},
		},
		"10:30": {Terms: []whodid.Term{term(false, "", "10:30")}},
		"a,b":   {Terms: []whodid.Term{term(false, "", "a,b")}},
	} {
		got, err := whodid.ParseFilter(s, now)
		if s == "tag:env=live,test" {
			if err == nil {
				t.Errorf("%s: a value without a name was read as %+v", s, got)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", s, diff)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	t.Parallel()
	for s, says := range map[string]string{
		"colour:red":               "none of",
		"https://example.com":      "quotation marks",
		"status:":                  "no value",
		"is:pull":                  "neither run nor subagent",
		"cost:zero":                "none of",
		"started:7d":               "is not FROM..UNTIL",
		"started:..":               "is not FROM..UNTIL",
		"started:x..y":             "is not a time",
		"status:failed,":           "no value",
		"status:bad":               "none of",
		"result:bad":               "none of",
		"trigger:bad":              "none of",
		`"open`:                    "not closed",
		`"a"b`:                     "space",
		"-":                        "nothing",
		`""`:                       "nothing",
		"since:never":              "not a time",
		"since:7d,8d":              "one time",
		"-since:7d":                "one time",
		"since:today until:7d":     "before",
		"tag:env":                  "name=value",
		"tag:a=1,b=2":              "one name",
		"a\x00b":                   "UTF-8",
		"a\xffb":                   "UTF-8",
		strings.Repeat("a ", 33):   "terms",
		strings.Repeat("a", 5_000): "bytes",
	} {
		if _, err := whodid.ParseFilter(s, time.Now()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.40q: %v", s, err)
		}
	}
}

func TestMatchEvent(t *testing.T) {
	t.Parallel()
	e := whodid.Event{
		Actor: "agent:eng/solver", What: "pr.merge", Target: "acme/shop#44*", Result: whodid.ResultSuccess, Why: "the Issue asks",
		Execution: "exec-1", Session: "s1", Source: "cli", At: time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC),
	}
	for s, want := range map[string]bool{
		"":                                  true,
		"agent:eng/solver":                  true,
		"agent:eng/*":                       true,
		"agent:*/solver":                    true,
		"agent:ENG/*":                       false,
		"squad:eng":                         true,
		"squad:en":                          false,
		"-squad:eng":                        false,
		"actor:agent:*":                     true,
		"type:pr.* result:success":          true,
		"type:pr.*,git.* -result:success":   false,
		"type:*.merge":                      true,
		"type:p*m*e":                        true,
		"type:p*x*e":                        false,
		"type:pr.mer*erge":                  false,
		`target:"acme/shop#44*"`:            true,
		`target:"acme/shop#4*"`:             false,
		"target:acme/shop#4*":               true,
		"issue":                             true,
		`"THE ISSUE"`:                       true,
		"nothing":                           false,
		"execution:exec-1 session:s1":       true,
		"source:hook*":                      false,
		"since:2026-11-23":                  true,
		"until:2026-11-23":                  false,
		"since:2026-11-22 until:2026-11-24": true,
	} {
		f, err := whodid.ParseFilter(s, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		if got := f.MatchEvent(&e); got != want {
			t.Errorf("%s: %t, want %t", s, got, want)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{`agent:engineering/* status:failed since:7d "free text"`, `-tag:a=1,a="2 3" target:"\"*"`, "since:now x", "- :", `a:"`} {
		f.Add(s)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	e := whodid.Event{Actor: "agent:eng/solver", What: "pr.merge", Target: "a*b", At: now}
	f.Fuzz(func(t *testing.T, s string) {
		filter, err := whodid.ParseFilter(s, now)
		if err != nil {
			return
		}
		for _, term := range filter.Terms {
			if len(term.Values) == 0 {
				t.Fatalf("%q: a term without a value", s)
			}
			for _, v := range term.Values {
				if v == "" && term.Field != whodid.FilterTag {
					t.Fatalf("%q: an empty value", s)
				}
			}
		}
		// A term and its contrary share nothing, and leave nothing out.
		for _, term := range filter.Terms {
			yes, no := whodid.Filter{Terms: []whodid.Term{term}}, whodid.Filter{Terms: []whodid.Term{term}}
			no.Terms[0].Not = !term.Not
			if yes.MatchEvent(&e) == no.MatchEvent(&e) {
				t.Fatalf("%q: the event fits both or neither", s)
			}
		}
	})
}
