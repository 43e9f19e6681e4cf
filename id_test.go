package whodid_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

func TestNewIDsAreValidAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, prefix := range []string{whodid.PrefixExecution, whodid.PrefixEvent, whodid.PrefixAttempt, whodid.PrefixApproval} {
		for range 1000 {
			id := whodid.NewID(prefix)
			if !whodid.ValidID(id) || len(id) != len(prefix)+17 || seen[id] {
				t.Fatalf("%q is not a new id", id)
			}
			seen[id] = true
		}
	}
}

// The ids of facts are those of this table for ever: the trail holds them.
func TestDerivedIDsStay(t *testing.T) {
	t.Parallel()
	for got, want := range map[string]string{
		whodid.DeriveID("exec", "claude-code", "bd7e51a9-0087-4997-a510-6860251776cc"): "exec-ye13n8hsnn1b1pqs",
		whodid.EventID("default", "hook/1"):                                            "evt-qftdac0c4tcs7wj8mhq7amfm8v",
	} {
		if got != want {
			t.Errorf("the id is %s, it was %s", got, want)
		}
	}
}

// Parts that run together differently are different facts.
func TestDerivedIDsTellPartsApart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringOfN(rapid.SampledFrom([]rune("ab:1/\x00")), 0, 4, -1)
		a, b := rapid.SliceOfN(part, 1, 3).Draw(t, "a"), rapid.SliceOfN(part, 1, 3).Draw(t, "b")
		same := slices.Equal(a, b)
		if got := whodid.DeriveID("exec", a...) == whodid.DeriveID("exec", b...); got != same {
			t.Fatalf("%q and %q have the same id: %t", a, b, got)
		}
		if id := whodid.DeriveID("exec", a...); !whodid.ValidID(id) {
			t.Fatalf("%q is no valid id", id)
		}
		if (whodid.EventID(a[0], b[0]) == whodid.EventID(b[0], a[0])) != (a[0] == b[0]) {
			t.Fatalf("organisation and key are confused: %q, %q", a[0], b[0])
		}
	})
}

func TestAttemptsHaveTheIDOfTheirResult(t *testing.T) {
	t.Parallel()
	for _, result := range append(whodid.Results(), whodid.ResultNone) {
		e := whodid.Event{Org: "default", Key: "k", Result: result}
		e.Identify()
		settled, attempt := whodid.SettledID(e.ID)
		if !whodid.ValidID(e.ID) || settled != whodid.EventID("default", "k") || attempt != (result == whodid.ResultAttempted) {
			t.Errorf("with the result %q the id is %s, settled %s, an attempt: %t", result, e.ID, settled, attempt)
		}
	}
}

func TestValidID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"exec-7k2m9q4tz8w1c3ab": true, "exec-a": true, "evt-0": true, "try-0": true, "appr-my.own_id-7": true,
		"exec-" + strings.Repeat("a", 64): true, "exec-" + strings.Repeat("a", 65): false,
		"": false, "exec": false, "exec-": false, "run-a": false, "exec-A": false, "exec--a": false, "exec-a\n": false,
		"exec-a b": false, "exec-../../etc": false, " exec-a": false, "exec-é": false, "exec-a\x00": false,
	} {
		if got := whodid.ValidID(id); got != want {
			t.Errorf("%q is valid: %t, want %t", id, got, want)
		}
	}
}

func FuzzValidID(f *testing.F) {
	f.Add("exec-7k2m9q4tz8w1c3ab")
	f.Add("try-a..b")
	f.Fuzz(func(t *testing.T, id string) {
		settled, attempt := whodid.SettledID(id)
		if attempt != strings.HasPrefix(id, "try-") || !attempt && settled != id {
			t.Errorf("%q is settled as %q, an attempt: %t", id, settled, attempt)
		}
		if whodid.ValidID(id) && (len(id) > 69 || strings.ContainsAny(id, "/\\ \n\x00\"'") || !whodid.ValidID(settled)) {
			t.Errorf("%q is taken for an id", id)
		}
	})
}

func TestValidIDIsThePattern(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`^(exec|evt|try|appr)-[0-9a-z][0-9a-z._-]{0,63}$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.StringMatching(`(exec|evt|try|appr|log)?-?[0-9a-zA-Z._\-é ]{0,70}`),
			rapid.StringMatching(`(exec|evt|try|appr)-[0-9a-z][0-9a-z._-]{0,63}`),
			rapid.String(),
		).Draw(t, "id")
		if got := whodid.ValidID(s); got != pattern.MatchString(s) {
			t.Fatalf("ValidID(%q) is %t", s, got)
		}
	})
}

// What telemetry tells of an action gives way to what a hook tells of it; that
// something was not allowed, and what is no action, is told once and for all.
func TestProvisional(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		source, what string
		result       whodid.Result
		want         bool
	}{
		{"hook:claude-code", "file.edit", whodid.ResultAttempted, true},
		{"hook:claude-code", "file.edit", whodid.ResultSuccess, false},
		{"otlp:claude-code", "file.edit", whodid.ResultSuccess, true},
		{"otlp:claude-code", "shell.run", whodid.ResultFailed, true},
		{"otlp:claude-code", "shell.run", whodid.ResultBlocked, false},
		{"otlp:claude-code", "model.call", whodid.ResultNone, false},
		{"otlp:claude-code", "permission.decide", whodid.ResultApproved, false},
		{"otlp:claude-code", "execution.finish", whodid.ResultSuccess, false},
	} {
		e := whodid.Event{Org: "o", Key: "k", Source: test.source, What: test.what, Result: test.result}
		e.Identify()
		settled, got := whodid.SettledID(e.ID)
		if got != test.want || settled != whodid.EventID("o", "k") {
			t.Errorf("%s of %s, %s: %s", test.what, test.source, test.result, e.ID)
		}
	}
}
