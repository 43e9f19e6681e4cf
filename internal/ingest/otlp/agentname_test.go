package otlp

import (
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/redact"
	"github.com/whodid/whodid/internal/redact/canary"
)

// A secret that is told as a name is either no name or still known as a secret.
func TestAgentNameHidesNoSecret(t *testing.T) {
	t.Parallel()
	cleaner, err := redact.New(redact.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range canary.All() {
		name := agentName(c.Text)
		if name == "" {
			continue
		}
		e := whodid.Event{What: "tool.call", Actor: whodid.AgentActor(name + "/claude-code")}
		if _, err := cleaner.Event(&e); err != nil {
			continue // it is not recorded
		}
		for _, must := range c.Must {
			if strings.Contains(e.Actor, must) || strings.Contains(e.Actor, agentName(must)) && agentName(must) != "" {
				t.Errorf("%s: %q is the agent %q", c.Kind, c.Text, e.Actor)
			}
		}
	}
	for given, want := range map[string]string{"Issue Solver": "Issue-Solver", "eng.team_1": "eng.team_1", "a -b": "", "https://u:p@x": ""} {
		if got := agentName(given); got != want {
			t.Errorf("%q is %q, want %q", given, got, want)
		}
	}
}
