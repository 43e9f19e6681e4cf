package export_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/export"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/testenv"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/population"
)

// october is the month that tests export.
var october = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)

// world is a trail that only tests append to.
type world struct {
	t       testing.TB
	address string
	store   *store.Store
	ledger  *ledger.Ledger
	private string
	public  string
	n       int
}

func newWorld(t testing.TB, engine, private, public string) *world {
	t.Helper()
	address := testenv.Trail(t, engine)
	s := storetest.Open(t, address)
	l, err := ledger.Open(t.Context(), s, store.DefaultOrg, private, public, october)
	if err != nil {
		t.Fatal(err)
	}
	return &world{t: t, address: address, store: s, ledger: l, private: private, public: public}
}

func newKey(t testing.TB) (private, public string) {
	t.Helper()
	private, public, err := proof.GenerateKey("whodid.test/export")
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

// onBoth runs a test on a trail of each engine.
func onBoth(t *testing.T, test func(*testing.T, *world)) {
	t.Helper()
	testenv.OnBothEngines(t, func(t *testing.T, engine string) {
		private, public := newKey(t)
		test(t, newWorld(t, engine, private, public))
	})
}

// told is an event of the story: what, recorded so many hours after October began,
// and how many hours before that it happened.
type told struct {
	what      string
	recorded  int
	before    int
	target    string
	why       string
	execution string
	approval  string
	result    whodid.Result
	data      whodid.Data
}

// story has rows for every table, in October and beside it.
func story() []told {
	const run, next = "exec-0000000000000001", "exec-0000000000000002"
	return []told{
		{what: "file.write", recorded: -48, target: "september.go", result: whodid.ResultSuccess},
		{what: "retention.set", recorded: 1, target: "seed", data: whodid.Data{"run_days": int64(90), "session_days": int64(30)}},
		{what: "execution.start", recorded: 2, execution: run, why: "=cmd|' /C calc'!A0", data: whodid.Data{"trigger": "manual"}},
		{what: "file.write", recorded: 3, execution: run, target: "+44 is no number.go", result: whodid.ResultSuccess},
		{what: "file.write", recorded: 3, execution: run, target: "'quoted', \"twice\"\nand broken", result: whodid.ResultFailed},
		{what: "model.call", recorded: 4, execution: run, data: whodid.Data{"model": "m", "input_tokens": int64(10), "output_tokens": int64(5), "cost_micros": int64(70)}},
		{what: "approval.request", recorded: 5, target: "acme/shop#44", approval: "appr-0000000000000001", data: whodid.Data{"policy": "3", "policy_digest": "ab12"}},
		{what: "approval.grant", recorded: 6, approval: "appr-0000000000000001", why: "reviewed"},
		{what: "pr.merge", recorded: 7, execution: run, target: "acme/shop#44", approval: "appr-0000000000000001", result: whodid.ResultSuccess},
		{what: "execution.finish", recorded: 8, execution: run, result: whodid.ResultSuccess},
		{what: "decision.record", recorded: 9, target: "api", why: "@clients use it"},
		{what: "exception.add", recorded: 10, why: "hotfix", data: whodid.Data{"rule": "ORG-001", "expires": "2026-11-01T00:00:00Z"}},
		{what: "policy.verdict", recorded: 11, data: whodid.Data{"sha": "c0ffee", "rule": "ORG-001", "policy": "3", "policy_digest": "ab12"}},
		{what: "hold.place", recorded: 12, target: "execution:" + run, why: "incident"},
		{what: "view.read", recorded: 13, data: whodid.Data{"role": "auditor"}},
		{what: "token.create", recorded: 14, data: whodid.Data{"token": "tok-1"}},
		{what: "review.sign", recorded: 15, why: "looked"},
		{what: "incident.open", recorded: 16, target: "acme/shop@c0ffee", why: "shop is down"},
		{what: "execution.start", recorded: 700, execution: next, data: whodid.Data{"trigger": "scheduled"}},
		{what: "custom.verb", recorded: 743, target: "\u202elast of October", result: whodid.ResultSuccess},
		{what: "file.read", recorded: 760, before: 20, execution: next, target: "late.go", result: whodid.ResultSuccess},
		{what: "file.write", recorded: 770, execution: next, target: "november.go", result: whodid.ResultSuccess},
		{what: "execution.finish", recorded: 771, execution: next, result: whodid.ResultFailed},
	}
}

// rows are the story's rows, the same for every trail.
func rows(t testing.TB, events []told) []*store.Row {
	t.Helper()
	out := make([]*store.Row, len(events))
	for i, e := range events {
		actor := whodid.AgentActor("engineering/solver")
		if e.what == "approval.grant" || e.what == "review.sign" || e.what == "hold.place" {
			actor = whodid.HumanActor("p7k2m9q4tz8w1c3a")
		}
		recorded := october.Add(time.Duration(e.recorded)*time.Hour + time.Duration(i)*time.Microsecond)
		row, err := storetest.NewRow(store.DefaultOrg, whodid.Event{
			Key: fmt.Sprint("story/", i), Actor: actor, ActorAuth: "hook", OnBehalfOf: "human:p0000000000000aa", OnBehalfAuth: "os-user",
			What: e.what, Target: e.target, Why: e.why, Execution: e.execution, Approval: e.approval, Result: e.result, Data: e.data,
			At: recorded.Add(-time.Duration(e.before) * time.Hour), RecordedAt: recorded, Source: "hook:claude-code",
		})
		if err != nil {
			t.Fatal(err)
		}
		out[i] = row
	}
	return out
}

func (w *world) append(rows []*store.Row) {
	w.t.Helper()
	if _, err := w.ledger.Append(w.t.Context(), rows); err != nil {
		w.t.Fatal(err)
	}
}

// ask asks the trail's database as a person would, and returns the ids of the rows.
func (w *world) ask(query string) ([]string, error) {
	w.t.Helper()
	db := storetest.Database(w.t, w.store.Location())
	defer db.Close()
	conn, err := db.Conn(w.t.Context())
	if err != nil {
		return nil, err
	}
	if w.store.Engine() == "postgres" {
		if _, err := conn.ExecContext(w.t.Context(), `SELECT set_config('whodid.org', 'default', false)`); err != nil {
			return nil, err
		}
	}
	rows, err := conn.QueryContext(w.t.Context(), query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var ids []string
	for rows.Next() {
		var id string
		into := make([]any, len(names))
		for i, name := range names {
			into[i] = new(any)
			if name == "id" {
				into[i] = &id
			}
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}

// options are those of an export of October.
func (w *world) options() export.Options {
	w.n++
	return export.Options{
		Org: store.DefaultOrg, From: october, To: october.AddDate(0, 1, 0), Zone: "UTC", Basis: population.Happened,
		Sample: 2, Seed: 7, SampleOf: population.Actions,
		Dir: filepath.Join(w.t.TempDir(), fmt.Sprint("export-", w.n)), Version: "v0.0.0-test", Sign: w.ledger.SignText,
		Tell: func(context.Context, *export.Summary) error { return nil },
	}
}

func (w *world) export(o export.Options) *export.Summary {
	w.t.Helper()
	done, err := export.Write(w.t.Context(), w.store, o)
	if err != nil {
		w.t.Fatal(err)
	}
	return done
}

// check checks an export as somebody who trusts the public key.
func check(t testing.TB, dir, public string) *population.Report {
	t.Helper()
	keys, err := proof.ParseKeys(public)
	if err != nil {
		t.Fatal(err)
	}
	r, err := population.Check(os.DirFS(dir), &dossier.Trust{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	elsewhere(t, dir, public, r)
	return r
}

// states are the verdicts of a report by their first letters.
func states(r *population.Report) string {
	v := r.Verdicts
	out := ""
	for _, each := range []proof.Verdict{v.Integrity, v.Completeness, v.Authorship, v.Time, v.Approval} {
		out += string(each.State[0])
	}
	return out
}

// remade is a row with the id, the salt and the leaf of its event as it is now.
func remade(r *store.Row) (*store.Row, error) {
	e := r.Event
	e.ID = ""
	return storetest.NewRow(store.DefaultOrg, e)
}

// elsewhere has a script judge the integrity of an export that shares no code with
// ours.
func elsewhere(t testing.TB, dir, public string, r *population.Report) {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		return // there is no Node.js here to run the other verifier
	}
	keys := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(keys, []byte(`{"keys": ["`+public+`"]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	out, _ := exec.CommandContext(t.Context(), node, filepath.Join("..", "..", "proof", "dossier", "testdata", "attacks", "check.mjs"), dir, keys).CombinedOutput() // what it prints is judged
	want := r.Verdicts.Integrity.State
	if found := r.Verdicts.Integrity.Detail; r.Log.Events == 0 && (strings.Contains(found, " does not say what ") || strings.Contains(found, " is not the sample of ") || strings.Contains(found, " which belongs to the table ")) {
		want = proof.Proved // it does not look at that
	}
	if got := strings.Fields(string(out)); len(got) != 2 || got[0] != "integrity" || got[1] != string(want) {
		t.Errorf("another verifier says %s, ours %+v", out, r.Verdicts.Integrity)
	}
}
