package cli

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/casefile"
	"github.com/whodid/whodid/proof/dossier"
)

// TestBundler takes the bundle of an incident as the pages hand it out, and checks
// it as somebody does who got it.
func TestBundler(t *testing.T) {
	t.Parallel()
	p, tr, orgs, _, _ := served(t)
	squadsWorld(t, p, tr, orgs)
	tenant, err := orgs.Tenant(t.Context(), p.org)
	if err != nil {
		t.Fatal(err)
	}
	found, err := (&ask.Git{Trail: tenant.Asker}).Investigate(t.Context(), &ask.IncidentOptions{At: "exec-eng"})
	if err != nil {
		t.Fatal(err)
	}
	who := whodid.Event{Org: p.org, Actor: "human:p1", ActorAuth: "oidc", At: time.Now(), Source: "page"}
	events := ask.OpenIncident(found, &who, "bundler", ask.Opening{Title: "it broke"})
	if _, err := tenant.Recorder.Record(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
	id := events[0].ID
	rules, err := policy.Parse([]byte("version = \"strict-1\"\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"file.*\"]\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	tenant.Policies = func() policy.Rules { return policy.Together(rules) }
	archive, err := p.bundler(tr.store)(t.Context(), tenant, id, &who)
	if err != nil {
		t.Fatal(err)
	}
	c, err := casefile.Parse(archive)
	if err != nil {
		t.Fatal(err)
	}
	var judged ask.IncidentShow
	if err := json.Unmarshal(c.Files[slices.IndexFunc(c.Files, func(f casefile.File) bool { return f.Name == "incident.json" })].Content, &judged); err != nil {
		t.Fatal(err)
	}
	if found := judged.Analysis.Suspects[0].Unapproved; found == nil || found.Policy != "strict-1" || len(found.Findings) != 1 {
		t.Errorf("by the policy that holds the run did without an approval: %+v", found)
	}
	log, err := tr.store.Log(t.Context(), p.org)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.ParseKeys(log.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if r := casefile.Check(c, &dossier.Trust{Keys: keys}); !r.Holds() {
		t.Errorf("the bundle does not hold: %+v", r.Verdicts)
	}
	s, err := (&ask.Git{Trail: tenant.Asker}).ShowIncident(t.Context(), id, ask.IncidentOptions{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	last := s.Custody[len(s.Custody)-1]
	if last.What != "incident.export" || last.By != "human:p1" {
		t.Errorf("who took it is not recorded: %+v", last)
	}
}
