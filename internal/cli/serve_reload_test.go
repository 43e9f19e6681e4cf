package cli

import (
	"errors"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/denylist"
	"github.com/whodid/whodid/internal/store"
)

// TestRedactionIsReadAgain changes what the settings keep out of the trail while the
// server runs, and then breaks them.
func TestRedactionIsReadAgain(t *testing.T) {
	t.Parallel()
	p, tr, orgs, _, _ := served(t)
	var settings denylist.List
	var broken error
	p.rereadDenied = func() (denylist.List, error) { return settings, broken }
	org, err := orgs.tenant(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	record := func(key string) string {
		t.Helper()
		if _, err := org.Recorder.Record(t.Context(), whodid.Event{
			Key: key, What: "file.write", Target: "docs/bluebird.md", At: p.Now(), Actor: whodid.AgentActor("ops/backup"), Source: "api", Result: whodid.ResultSuccess,
		}); err != nil {
			t.Fatal(err)
		}
		rows, err := tr.store.Events(t.Context(), "acme", store.EventFilter{What: "file.write"})
		if err != nil || len(rows) == 0 {
			t.Fatal(rows, err)
		}
		return rows[len(rows)-1].Target
	}
	reload := func(want bool) {
		t.Helper()
		if changed, err := orgs.reloadRedaction(); changed != want || err != nil && broken == nil {
			t.Errorf("changed: %t, %v; want %t", changed, err, want)
		}
	}
	if got := record("1"); got != "docs/bluebird.md" {
		t.Errorf("at first: %s", got)
	}
	settings.Deny = []string{"bluebird"}
	reload(true)
	reload(false)
	if got := record("2"); strings.Contains(got, "bluebird") {
		t.Errorf("denied, and kept: %s", got)
	}
	settings, broken = denylist.List{}, errors.New("the file can't be read")
	reload(false)
	if got := record("3"); strings.Contains(got, "bluebird") {
		t.Errorf("the settings broke, and what they denied is kept: %s", got)
	}
	broken = nil
	reload(true)
	if got := record("4"); got != "docs/bluebird.md" {
		t.Errorf("no longer denied: %s", got)
	}
}
