package whodid

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSearchWords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                "",
		"--- !":                           "",
		"Rotate the TOKEN":                "rotate@0-6 the@7-10 token@11-16",
		"internal/auth/x_y.go":            "internal@0-8 auth@9-13 x@14-15 y@16-17 go@18-20",
		"rotateTokenNow":                  "rotatetokennow@0-14 rotate@0-6 token@6-11 now@11-14",
		"HTTPServer":                      "httpserver@0-10",
		"Größe 東京":                        "größe@0-7 東京@8-14",
		"e\u0301t\u00e9":                  "e\u0301t\u00e9@0-6",
		"a\x00b\u202ec\ufeffd\U000e0041e": "a@0-1 b@2-3 c@6-7 d@10-11 e@15-16",
	} {
		var got []string
		SearchWords(text, func(w string, at, end int) { got = append(got, fmt.Sprintf("%s@%d-%d", w, at, end)) })
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %s, want %s", text, strings.Join(got, " "), want)
		}
	}
}

// TestSearchParts holds the rule by which a kind that is new is found: all that
// may hold words of people is searched, and no number or name of a tool is.
func TestSearchParts(t *testing.T) {
	t.Parallel()
	for _, k := range Catalogue() {
		e := Event{What: k.Name, Actor: "agent:ops/rotator", Target: "the-target", Why: "the-reason", Data: Data{}}
		want := []string{"the-target", "the-reason"}
		for _, f := range k.Fields {
			switch f.Type {
			case String:
				e.Data[f.Name] = "in-" + f.Name
			case List:
				e.Data[f.Name] = []string{"in-" + f.Name, "too"}
			case Int:
				e.Data[f.Name] = int64(7)
			case Bool:
				e.Data[f.Name] = true
			}
			if f.Privacy == Linkable && f.Type != Int && f.Type != Bool {
				want = append(want, "in-"+f.Name)
			}
		}
		parts := e.SearchParts()
		for _, w := range want {
			if !slices.ContainsFunc(parts, func(p SearchPart) bool { return strings.HasPrefix(p.Text, w) }) {
				t.Errorf("%s is not found by %s", k.Name, w)
			}
		}
		for _, p := range parts {
			if p.Weight < 1 || p.Text == "" || strings.HasPrefix(p.Text, "in-tool") {
				t.Errorf("%s is found by %+v", k.Name, p)
			}
		}
	}
	custom := Event{What: "deploy.staging", Target: "shop", Data: Data{"ticket": "OPS-7", "wave": "canary"}}
	if got := fmt.Sprint(custom.SearchParts()); got != "[{shop 3} {OPS-7 2} {canary 2} {deploy.staging 1}]" {
		t.Errorf("what a script defined is found by %s", got)
	}
}

func TestSearchLanes(t *testing.T) {
	t.Parallel()
	for _, name := range BulkKinds() {
		if _, ok := KindOf(name); !ok {
			t.Errorf("%s is no kind", name)
		}
	}
	for what, want := range map[string]SearchLane{
		"file.read": SearchBulk, "execution.start": SearchWork, "pr.merge": SearchWork, "forge.pr.merge": SearchWork, "session.start": SearchWork, "deploy.staging": SearchWork,
		"decision.record": SearchWord, "approval.grant": SearchWord, "exception.add": SearchWord,
	} {
		if got := SearchLaneOf(what); got != want {
			t.Errorf("%s is of lane %d, want %d", what, got, want)
		}
	}
}
