package whodid_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

func TestParseAgent(t *testing.T) {
	t.Parallel()
	longest := strings.Repeat("a", 64)
	for _, agent := range []string{"engineering/issue-solver", "a/b", "0/9", "A.b-c_d/E.f-g_h", longest + "/" + longest} {
		squad, name, err := whodid.ParseAgent(agent)
		if err != nil || squad+"/"+name != agent || whodid.Squad(agent) != squad {
			t.Errorf("%q is %q of %q, %v", agent, name, squad, err)
		}
	}
	for _, agent := range []string{
		"", "/", "a", "a/", "/b", "a/b/c", "-a/b", "a/.b", "a b/c", "a/b\n", "a/b\x00", "å/b", "a/../b", longest + "x/a", "a/" + longest + "x",
	} {
		if squad, name, err := whodid.ParseAgent(agent); err == nil {
			t.Errorf("%q is taken for %q of %q", agent, name, squad)
		}
	}
	if got := whodid.Squad("nobody"); got != "" {
		t.Errorf("an agent without a squad is of %q", got)
	}
	if got := whodid.AgentOf(whodid.AgentActor("a/b")); got != "a/b" {
		t.Errorf("the agent of an agent's actor is %q", got)
	}
	if got := whodid.AgentOf(whodid.HumanActor("p1")); got != "" {
		t.Errorf("the agent of a person is %q", got)
	}
	if !whodid.IsHuman(whodid.HumanActor("p1")) || whodid.IsHuman(whodid.System) || whodid.IsHuman("agent:human/x") {
		t.Error("people and others are confused")
	}
}

func TestParseTrigger(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{
		"manual":                    {"manual", ""},
		" scheduled ":               {"scheduled", ""},
		"smart:queue > 10":          {"smart", "queue > 10"},
		"event:issue.labeled":       {"event", "issue.labeled"},
		"event: issue.labeled ":     {"event", "issue.labeled"},
		"event (issue.labeled)":     {"event", "issue.labeled"},
		" event(issue.labeled) ":    {"event", "issue.labeled"},
		"event (label: bug)":        {"event", "label: bug"},
		"event:call (nightly)":      {"event", "call (nightly)"},
		"scheduled (0 3 * * *)":     {"scheduled", "0 3 * * *"},
		"event:https://a.example/b": {"event", "https://a.example/b"},
		"event:":                    {"event", ""},
		"event ()":                  {"event", ""},
	} {
		kind, detail, err := whodid.ParseTrigger(text)
		if err != nil || kind != want[0] || detail != want[1] {
			t.Errorf("%q is %q with %q, %v; want %q", text, kind, detail, err, want)
		}
	}
	for _, text := range []string{"", ":", "()", "cron", "Manual", "manual x", "event (open", "event open)", "manually:x", "(event)"} {
		if kind, detail, err := whodid.ParseTrigger(text); err == nil {
			t.Errorf("%q is taken for %q with %q", text, kind, detail)
		}
	}
}

// What a trailer shows is read back as what was recorded.
func TestTriggersAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.SampledFrom([]string{"manual", "scheduled", "event", "smart"}).Draw(t, "kind")
		detail := strings.TrimSpace(rapid.String().Draw(t, "detail"))
		gotKind, gotDetail, err := whodid.ParseTrigger(whodid.FormatTrigger(kind, detail))
		if err != nil || gotKind != kind || gotDetail != detail {
			t.Fatalf("%q is read as %q with %q, %v", whodid.FormatTrigger(kind, detail), gotKind, gotDetail, err)
		}
	})
}

func FuzzParseTrigger(f *testing.F) {
	for _, text := range []string{"manual", "event:issue.labeled", "event (issue.labeled)", "event (a:b)", "smart:(", "scheduled ("} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		kind, detail, err := whodid.ParseTrigger(text)
		if err != nil {
			return
		}
		again, same, err := whodid.ParseTrigger(whodid.FormatTrigger(kind, detail))
		if err != nil || again != kind || same != detail {
			t.Errorf("%q is %q with %q, and then %q with %q, %v", text, kind, detail, again, same, err)
		}
	})
}

func FuzzParseAgent(f *testing.F) {
	for _, agent := range []string{"engineering/issue-solver", "a/b/c", "/", "é/b"} {
		f.Add(agent)
	}
	f.Fuzz(func(t *testing.T, agent string) {
		squad, name, err := whodid.ParseAgent(agent)
		if err == nil && (squad+"/"+name != agent || strings.ContainsAny(squad+name, "/\\ \n\x00") || len(agent) > 129) {
			t.Errorf("%q is taken for %q of %q", agent, name, squad)
		}
		if err != nil && squad+name != "" {
			t.Errorf("%q is refused and is %q of %q", agent, name, squad)
		}
	})
}
