package ask

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/proof"
)

// TestEveryNameIsWithheldKnowingly sees to it that what is new in the answer is not
// withheld by default alone, and that no name is twice in the list.
func TestEveryNameIsWithheldKnowingly(t *testing.T) {
	t.Parallel()
	known := map[string]int{}
	for from, names := range incidentNames {
		for name := range strings.FieldsSeq(names) {
			if _, twice := known[name]; twice {
				t.Errorf("%s is twice in the list", name)
			}
			known[name] = from
		}
	}
	seen := map[reflect.Type]bool{}
	used := map[string]bool{}
	var walk func(of reflect.Type)
	walk = func(of reflect.Type) {
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice || of.Kind() == reflect.Map {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct || of == reflect.TypeFor[time.Time]() || seen[of] {
			return
		}
		seen[of] = true
		for i := range of.NumField() {
			f := of.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if !f.IsExported() || name == "-" {
				continue
			}
			if name != "" {
				used[name] = true
				from, ok := known[name]
				if !ok {
					t.Errorf("%s.%s (%q) is not in the list", of, f.Name, name)
				}
				// Free texts in a list have no names of their own, so that the list's must say it.
				if f.Type == reflect.TypeFor[[]string]() && from == nothingOf && !strings.Contains(" suspects parts evidence ", " "+name+" ") {
					t.Errorf("%s.%s (%q) is a list of texts that nobody withholds", of, f.Name, name)
				}
			}
			walk(f.Type)
		}
	}
	walk(reflect.TypeFor[IncidentShow]())
	for name := range known {
		if !used[name] {
			t.Errorf("%q is in the list, and not in the answer", name)
		}
	}
}

// TestWithheldIncident plants each field's value wherever it may be.
func TestWithheldIncident(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	const target, why, person, behalf, model = "secret/auth.go", "because of Y", "human:p1", "human:p2", "model-x"
	show := func() *IncidentShow {
		tokens := int64(4711)
		return &IncidentShow{
			Incident: Incident{IncidentID: "evt-1", Title: why, Subject: "line:" + target, OpenedBy: person, OpenedAt: at},
			Missing:  "can't find " + target,
			NoteList: []IncidentNote{{EventID: "evt-2", At: at, By: person, Text: why}},
			Custody:  []IncidentAct{{EventID: "evt-3", At: at, By: person, What: "incident.close", Detail: why}},
			Holds:    []Hold{{HoldID: "evt-4", Scope: "path:" + target, Reason: why, PlacedBy: person}},
			Analysis: &IncidentAnalysis{
				Answer: person + " wrote " + target + " " + why + " for " + behalf + " with " + model, Verdict: "agent",
				Suspects: []Suspect{{
					ExecutionID: "exec-1", Sure: "sure", NewFiles: []string{target},
					Reasons:   []incident.Reason{{Clue: incident.Wrote, Detail: "it wrote " + target, EventID: "evt-5", Doubt: why}},
					Execution: &Execution{ExecutionID: "exec-1", Agent: "eng/fixer", Why: why, OnBehalfOf: behalf, Model: model, TokensIn: &tokens, Tags: map[string]string{"k": model}},
				}},
				Commits:  []WhyCommit{{Commit: Commit{Commit: model, Author: person, Files: []ChangedFile{{Path: target}}}}},
				People:   []IncidentPerson{{Who: behalf, Did: "approved", Target: target}, {Who: "agent:eng/fixer", Did: "merged"}},
				Steps:    []IncidentStep{{What: "take " + target + " back", Command: "git revert " + target}},
				Timeline: []IncidentMoment{{At: at, Who: person, What: "file.edit", Target: target, EventID: "evt-5"}},
				Radius:   IncidentRadius{Files: []string{target}, Runs: []RadiusRun{{ExecutionID: "exec-2", Actor: "agent:docs/writer", Path: target}}},
				Missing:  []WhyMissing{{Link: "commit", Detail: target + " " + why, Mend: "ask " + person}},
			},
		}
	}
	for field, values := range map[string][]string{
		proof.FieldTarget: {target}, proof.FieldWhy: {why}, proof.FieldActor: {person}, proof.FieldOnBehalfOf: {behalf}, proof.FieldData: {model, "4711"},
	} {
		got, err := withheldIncident(show(), []string{field})
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		for _, value := range values {
			if strings.Contains(string(text), value) {
				t.Errorf("without %s there is %q in %s", field, value, text)
			}
		}
		for _, told := range []string{"evt-1", "evt-5", "exec-1", "exec-2", `"file.edit"`, `"agent:eng/fixer"`, `"sure"`, `"incident.close"`, at.Format(time.RFC3339), fmt.Sprintf(`"withheld":[%q]`, field)} {
			if !strings.Contains(string(text), told) {
				t.Errorf("without %s there is no %s in %s", field, told, text)
			}
		}
		for other, value := range map[string]string{proof.FieldTarget: target, proof.FieldWhy: why, proof.FieldOnBehalfOf: behalf} {
			if other != field && !(field == proof.FieldActor && other == proof.FieldOnBehalfOf) && !strings.Contains(string(text), value) {
				t.Errorf("without %s there is nothing of %s either in %s", field, other, text)
			}
		}
	}
}
