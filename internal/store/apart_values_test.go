package store_test

import (
	"errors"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/proof"
)

// What the full organisation has, by which it is asked for.
const (
	ownSHA    = "1111111111111111111111111111111111111111"
	ownPull   = "acme/shop#44"
	ownRepo   = "acme/shop"
	ownPerson = "p7k2m9q4tz8w1c3a"
	ownAgent  = "engineering/issue-solver"
	ownFile   = "src/file-4.go"
	ownRecord = "appr-0000000000000001"
)

// texts are what strings may be.
var texts = []string{
	storetest.ExecutionID(0), "session-1", ownRecord, idOf("decision.record"), ownSHA, ownPull, ownRepo, ownPerson, ownAgent, ownFile,
	"engineering", "file.write", "github", "files", "evt-erased1", "",
}

// idOf is the id of the full organisation's event of a kind.
func idOf(what string) string {
	row, err := storetest.NewRow("acme", oneOf(what))
	if err != nil {
		panic(err)
	}
	return row.ID
}

// valuesOf are the values that an argument of a type may have. Times are chosen by
// their place, and functions listen.
func valuesOf(t *testing.T, of reflect.Type) (values []reflect.Value) {
	t.Helper()
	add := func(all ...any) {
		for _, v := range all {
			values = append(values, reflect.ValueOf(v).Convert(of))
		}
	}
	switch of {
	case reflect.TypeFor[time.Time]():
		return nil
	case reflect.TypeFor[[]string]():
		add(texts)
	case reflect.TypeFor[[]uint64]():
		all := make([]uint64, 500)
		for i := range all {
			all[i] = uint64(i)
		}
		add(all, []uint64{}) // of what is left out, none
	case reflect.TypeFor[[]time.Time]():
		add([]time.Time{long, storetest.Epoch.Add(time.Second), farOff})
	case reflect.TypeFor[[]store.CostTrait]():
		add([]store.CostTrait{store.TraitAgent, store.TraitModel})
	case reflect.TypeFor[whodid.Term]():
		add(whodid.Term{Field: whodid.FilterAgent, Values: []string{"*"}})
	case reflect.TypeFor[*whodid.HoldScope]():
		add(&whodid.HoldScope{Kind: whodid.HoldAgent, Value: "*"})
	case reflect.TypeFor[*store.SearchQuery]():
		for _, lane := range whodid.SearchLanes() {
			add(&store.SearchQuery{Words: []string{"rotate"}, Lane: lane, Before: 1 << 40, Max: 10, Examine: 1000, Accept: func(*store.Row) bool { return true }})
		}
	case reflect.TypeFor[store.SweepRequest]():
		add(store.SweepRequest{Class: whodid.ClassRun, Cutoff: farOff})
	case reflect.TypeFor[map[string]*whodid.Execution]():
		add(map[string]*whodid.Execution{storetest.ExecutionID(0): {ID: storetest.ExecutionID(0)}})
	case reflect.TypeFor[store.ActionHours]():
		add(store.ActionHours{})
	case reflect.TypeFor[store.Match]():
		add(store.Match{})
	case reflect.TypeFor[store.SessionPlace]():
		add(store.SessionPlace{Size: 1 << 40})
	default:
		return plainValues(t, of)
	}
	return values
}

func plainValues(t *testing.T, of reflect.Type) (values []reflect.Value) {
	t.Helper()
	add := func(v any) { values = append(values, reflect.ValueOf(v).Convert(of)) }
	switch of.Kind() {
	case reflect.String:
		for _, text := range texts {
			add(text)
		}
	case reflect.Int:
		add(0)
		add(100)
	case reflect.Uint64:
		for _, n := range []uint64{0, 1, 7} {
			add(n)
		}
	case reflect.Int64: // a duration
		add(int64(time.Hour))
	case reflect.Bool:
		add(false)
		add(true)
	case reflect.Func, reflect.Pointer, reflect.Slice: // functions listen, pages begin at their beginning
		values = append(values, reflect.Zero(of))
	case reflect.Struct:
		return filters(of)
	default:
		t.Fatalf("nobody says what a %s may be: see valuesOf", of)
	}
	return values
}

// filters are a filter that selects everything, and one for each of its fields.
func filters(of reflect.Type) []reflect.Value {
	all := reflect.New(of).Elem()
	if limit := all.FieldByName("Limit"); limit.IsValid() {
		limit.SetInt(100)
	}
	values := []reflect.Value{all}
	for i := range of.NumField() {
		if of.Field(i).Type.Kind() == reflect.String {
			v := reflect.New(of).Elem()
			v.Set(all)
			v.Field(i).SetString(ownFile)
			values = append(values, v)
		}
	}
	return values
}

// oneOf is an event of a kind, with a value in every field that it may have.
func oneOf(what string) whodid.Event {
	kind, _ := whodid.KindOf(what)
	e := whodid.Event{
		Key: "one/" + what, Actor: whodid.AgentActor(ownAgent), What: what, At: storetest.Epoch.Add(4 * time.Second), Target: ownPull, Why: "rotate the tokens",
		Execution: storetest.ExecutionID(0), Session: "session-1", Approval: ownRecord, Source: "webhook:github", Data: whodid.Data{},
		OnBehalfOf: whodid.HumanActor(ownPerson),
	}
	if kind.Action || what == "execution.finish" {
		e.Result = whodid.ResultSuccess
	}
	for _, f := range kind.Fields {
		switch f.Type {
		case whodid.String:
			e.Data[f.Name] = "acme"
		case whodid.Int:
			e.Data[f.Name] = int64(7)
		case whodid.Bool:
			e.Data[f.Name] = true
		case whodid.List:
			e.Data[f.Name] = []string{"acme"}
		}
	}
	for field, value := range map[string]string{"repository": ownRepo, "sha": ownSHA, "signing_key": ownSHA, "parent": "", "agent_type": "", "agent_id": ""} {
		if _, ok := e.Data[field]; ok {
			e.Data[field] = value
		}
	}
	return e
}

// fillOrg gives an organisation something of everything, or little of nothing much.
func fillOrg(t *testing.T, s *store.Store, org string, events int) *storetest.Book {
	t.Helper()
	b := storetest.NewBook(t, s, org)
	if events < 10 {
		for _, e := range storetest.Actions(1000, 1000+events) {
			e.Actor, e.RecordedAt = whodid.AgentActor("other/bot"), long.AddDate(0, 0, -1)
			b.Append(t, e)
		}
		return b
	}
	fillSwept(t, b)
	b.Append(t, storetest.Actions(0, events)...)
	for _, kind := range whodid.Catalogue() {
		b.Append(t, oneOf(kind.Name))
	}
	lease := oneOf("execution.start")
	lease.Key, lease.Execution, lease.Data["lease_seconds"] = "lease", storetest.ExecutionID(3), int64(60)
	opened, merged := oneOf("pr.create"), oneOf("forge.pr.merge") // in which no other run had a part
	opened.Key, opened.Target, merged.Key, merged.Target = "opened", "acme/shop#2", "merged", "acme/shop#2"
	delete(merged.Data, "executions")
	b.Append(t, lease, opened, merged)
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	must(s.CreateToken(ctx, &store.Token{Org: org, ID: "tok-1", Name: "n", Hash: []byte(org), Role: "reader", Person: whodid.HumanActor(ownPerson), CreatedAt: storetest.Epoch}))
	must(s.PutGitRepository(ctx, org, store.GitRepository{Name: ownRepo, IndexedAt: storetest.Epoch}))
	must(s.PutCommits(ctx, org, []store.Commit{ownCommit(), {ID: "2222222222222222222222222222222222222222", Repository: ownRepo, Related: []string{"reverts " + ownSHA}}}))
	_, err := s.PutPerson(ctx, org, &store.Person{Pseudonym: ownPerson, Name: "Ada", AddedAt: storetest.Epoch})
	must(err)
	_, _, err = s.TakeSink(ctx, org, "files", "here", 0, storetest.Epoch, farOff)
	must(err)
	must(s.KeepWitnessed(ctx, org, &store.Witnessed{Witness: "github", Kind: "c2sp", Size: 3, Checkpoint: "c", Evidence: "e", SeenAt: storetest.Epoch}, storetest.Epoch))
	redacted, err := storetest.NewRow(org, storetest.Action(events))
	must(err)
	redacted.Redacted = map[string]int{"email": 2}
	_, err = b.Ledger().Append(ctx, []*store.Row{redacted})
	must(err)
	_, err = s.Erase(ctx, org, erasureOf(idOf("issue.close"), "evt-erased1"))
	must(err)
	_, err = s.IndexSearch(ctx, org, 1<<20)
	must(err)
	must(s.SaveView(ctx, org, ownView()))
	return b
}

// ownView is a view that somebody of the organisation saved.
func ownView() *whodid.SavedView {
	return &whodid.SavedView{Owner: ownPerson, Name: "mine", Query: "status:failed", Shared: true, SavedAt: storetest.Epoch}
}

// fillSwept lets the organisation have had a run that was swept.
func fillSwept(t *testing.T, b *storetest.Book) {
	t.Helper()
	for _, e := range storetest.Actions(5000, 5004) {
		e.RecordedAt = long
		b.Append(t, e)
	}
	swept, err := b.Ledger().Sweep(t.Context(), store.SweepRequest{Class: whodid.ClassRun, Cutoff: long.Add(time.Hour)}, func(*store.Swept) ([]*store.Row, error) {
		row, err := storetest.NewRow(b.Org, oneOf("retention.sweep"))
		return []*store.Row{row}, err
	})
	if err != nil || swept.Events != 4 {
		t.Fatalf("%+v was swept, %v", swept, err)
	}
}

func ownCommit() store.Commit {
	return store.Commit{
		ID: ownSHA, Repository: ownRepo, AuthoredAt: storetest.Epoch, CommittedAt: storetest.Epoch, Kind: "agent", Author: ownPerson, Agent: ownAgent,
		FilesKnown: true, Files: []store.CommitFile{{Path: ownFile}}, Origins: []store.CommitOrigin{{Agent: ownAgent, Execution: storetest.ExecutionID(0)}},
	}
}

// orgWrites write as an organisation to what another has: the same ids and names,
// which are its own if it may have them.
var orgWrites = map[string]func(t *testing.T, s *store.Store, acme *storetest.Book, org string) error{
	"Append": func(t *testing.T, s *store.Store, acme *storetest.Book, org string) error {
		row, err := storetest.NewRow("acme", storetest.Action(5000))
		if err != nil {
			return err
		}
		// What is said to be another's is not taken for it.
		if _, err := s.Append(t.Context(), org, []*store.Row{row}, func(store.Head, []proof.Hash) (store.Head, error) { return store.Head{}, errors.New("no") }); err == nil {
			t.Error("an event of another organisation was appended")
		}
		return nil
	},
	"AdvanceSink": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.AdvanceSink(t.Context(), org, "files", "here", 0, 9, storetest.Epoch, farOff)
		return err
	},
	"CopyErased": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		path := filepath.Join(t.TempDir(), "copy.db")
		if _, err := s.CopyErased(t.Context(), org, path, "test", func(*store.Row) []string { return nil }); err != nil {
			return err
		}
		c := opener(t, path)(t)
		if orgs, err := c.Orgs(t.Context()); err != nil || len(orgs) != 1 || orgs[0] != org {
			t.Errorf("a copy of %s has %v, %v", org, orgs, err)
		}
		return nil
	},
	"Erase": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		e := erasureOf(idOf("file.write"), "evt-erased2")
		e.Authors, e.Files = []store.CommitRef{{Repository: ownRepo, SHA: ownSHA}}, []store.CommitRef{{Repository: ownRepo, SHA: ownSHA}}
		e.Tokens, e.People = []string{"tok-1"}, []string{whodid.HumanActor(ownPerson)}
		_, err := s.Erase(t.Context(), org, e)
		return err
	},
	"FailSink": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.FailSink(t.Context(), org, "files", "here", "no", storetest.Epoch)
	},
	"FailWitness": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.FailWitness(t.Context(), org, "github", "no", true, storetest.Epoch)
	},
	"ForgetGitRepository": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.ForgetGitRepository(t.Context(), org, ownRepo)
	},
	"ForgetPerson": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.ForgetPerson(t.Context(), org, ownPerson)
		return err
	},
	"IndexSearch": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.IndexSearch(t.Context(), org, 1<<20)
		return err
	},
	"KeepWitnessed": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.KeepWitnessed(t.Context(), org, &store.Witnessed{Witness: "github", Kind: "c2sp", Size: 2, Checkpoint: "o", Evidence: "o", SeenAt: farOff}, farOff)
	},
	"PrivacyEvents": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.PrivacyEvents(t.Context(), org, "privacy.erase")
		return err
	},
	"Purge": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.Purge(t.Context(), org)
		return err
	},
	"PutCommits": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		c := ownCommit()
		c.Kind, c.Author, c.Files = "human", "", nil
		return s.PutCommits(t.Context(), org, []store.Commit{c})
	},
	"PutGitRepository": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.PutGitRepository(t.Context(), org, store.GitRepository{Name: ownRepo, Tips: []string{ownSHA}, IndexedAt: farOff})
	},
	"PutPerson": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.PutPerson(t.Context(), org, &store.Person{Pseudonym: ownPerson, Name: "Eve", AddedAt: farOff})
		return err
	},
	"ReleaseSink": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.ReleaseSink(t.Context(), org, "files", "here")
	},
	"RevokeToken": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		revoked, err := s.RevokeToken(t.Context(), org, "tok-1", farOff, "system:whodid")
		if revoked {
			t.Error("another organisation's token was revoked")
		}
		return err
	},
	"SaveView": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.SaveView(t.Context(), org, ownView())
	},
	"RenameView": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.RenameView(t.Context(), org, ownView().Owner, ownView().Name, "renamed")
		return err
	},
	"DropView": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.DropView(t.Context(), org, ownView().Owner, ownView().Name)
		return err
	},
	"Sweep": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, err := s.Sweep(t.Context(), org, store.SweepRequest{Class: whodid.ClassRun, Cutoff: farOff},
			func(w *store.Swept) ([]*store.Row, error) {
				if w.Events > 2 {
					t.Errorf("%d events were about to be swept", w.Events)
				}
				return nil, errors.New("no more than that")
			}, nil)
		return err
	},
	"TakeSink": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		_, _, err := s.TakeSink(t.Context(), org, "files", "elsewhere", 0, farOff.Add(time.Hour), farOff.Add(2*time.Hour))
		return err
	},
	"UseToken": func(t *testing.T, s *store.Store, _ *storetest.Book, org string) error {
		return s.UseToken(t.Context(), org, "tok-1", farOff, time.Minute)
	},
}
