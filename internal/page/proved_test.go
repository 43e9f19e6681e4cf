package page_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

// stamped has an authority for time stamps confirm all that the trail has, and records
// one more event of a run after that.
func (w *world) stamped(t testing.TB, late string) {
	t.Helper()
	now := time.Now()
	tsa := stamptest.New(t, "test.invalid clock", 60, now.AddDate(-1, 0, 0), now.AddDate(1, 0, 0), stamptest.None)
	dir := t.TempDir()
	roots := filepath.Join(dir, "root.pem")
	if err := os.WriteFile(roots, []byte(tsa.RootPEM()), 0o600); err != nil {
		t.Fatal(err)
	}
	file := &witness.File{}
	if err := file.Add(filepath.Join(dir, "witnesses.toml"), witness.Place{Name: "clock", Kind: witness.KindTSA, URL: "https://clock.test.invalid", Roots: roots}, -1); err != nil {
		t.Fatal(err)
	}
	w.tenant.Asker.UseWitnesses(func() (*witness.File, error) { return file, nil })
	head, err := w.Store.Head(t.Context(), apitest.Org)
	if err != nil {
		t.Fatal(err)
	}
	text, err := proof.CheckpointText(head.Checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Store.KeepWitnessed(t.Context(), apitest.Org, &store.Witnessed{
		Witness: "clock", Kind: witness.KindTSA, Size: head.Frontier.Size(), Checkpoint: head.Checkpoint, SeenAt: now,
		Evidence: base64.StdEncoding.EncodeToString(tsa.Stamp(t, []byte(text), now, nil, nil)),
	}, now); err != nil {
		t.Fatal(err)
	}
	w.record(t, whodid.Event{
		Key: "page/late", What: "issue.comment", Target: "acme/shop#43", Result: whodid.ResultSuccess, Actor: "agent:eng/issue-solver", ActorAuth: "hook", Execution: late, At: now, Source: "webhook:github",
	})
}

var provedValue = regexp.MustCompile(`data-value="(witnessed|waiting|unwitnessed)"><bdi class="clip">[a-z]+</bdi><span class="n">(\d+)</span>`)

// TestProvedFacet holds that facet, filter, column and the run itself say the same, and
// to each only of what is theirs.
func TestProvedFacet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 12)
	facet := func(as, address string) string {
		t.Helper()
		a := w.get(t, as, address)
		if a.Code != 200 {
			t.Fatalf("%s: %d %s", address, a.Code, a.Body)
		}
		var out []string
		for _, m := range provedValue.FindAllStringSubmatch(a.Body.String(), -1) {
			out = append(out, m[1]+" "+m[2])
		}
		return strings.Join(out, ", ")
	}
	if got := facet("admin", "/executions"); got != "unwitnessed 12" {
		t.Errorf("without witnesses the facet is %q", got)
	}
	w.stamped(t, runID(8)) // of eng/issue-solver
	if got := facet("admin", "/executions"); got != "witnessed 11, waiting 1" {
		t.Errorf("the facet is %q", got)
	}
	if got := facet("eng", "/executions"); !strings.HasSuffix(got, ", waiting 1") || got == "witnessed 11, waiting 1" {
		t.Errorf("of some squads the facet is %q", got)
	}
	if got := facet("eng", "/executions?q=-squad:eng"); got != "" {
		t.Errorf("of other squads the facet is %q", got)
	}
	if got := facet("admin", "/executions?q=proved:waiting"); got != "waiting 1" {
		t.Errorf("narrowed the facet is %q", got)
	}
	shown := w.get(t, "admin", "/executions?q=proved:waiting&cols=proved").Body.String()
	if strings.Count(shown, `<tr id="`) != 1 || !strings.Contains(shown, `<tr id="`+runID(8)) || !strings.Contains(shown, `data-name="Proved"><span class="chip warn">waiting</span>`) {
		t.Error("the run that waits is not the one that is shown, or not as waiting")
	}
	if shown := w.get(t, "admin", "/executions?cols=proved").Body.String(); strings.Count(shown, `<span class="chip ok">witnessed</span>`) != 11 {
		t.Error("the column does not show the others as witnessed")
	}
	for id, state := range map[string]string{runID(8): "waiting", runID(7): "witnessed"} {
		if shown := w.get(t, "admin", "/executions/"+id).Body.String(); !strings.Contains(shown, `data-proved="`+state+`"`) {
			t.Errorf("%s is not shown as %s", id, state)
		}
	}
	if a := w.get(t, "admin", "/executions?q=proved:maybe"); a.Code != 400 || !strings.Contains(a.Body.String(), "is none of") {
		t.Errorf("a state that there is not: %d", a.Code)
	}
	if a := w.get(t, "admin", "/v1/executions?q=proved:waiting", "Accept", "application/json"); a.Code != 200 || strings.Count(a.Body.String(), `"execution_id"`) != 1 {
		t.Errorf("the API: %d %s", a.Code, a.Body)
	}
}
