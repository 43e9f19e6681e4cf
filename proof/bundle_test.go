package proof_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// testLog is a small log whose last entry is the record under test.
type testLog struct {
	signer *proof.Signer
	public string
	keys   proof.Keys
}

func newTestLog(t testing.TB) testLog {
	t.Helper()
	signer, public := newSigner(t, testOrigin)
	keys, err := proof.ParseKeys(public)
	if err != nil {
		t.Fatal(err)
	}
	return testLog{signer, public, keys}
}

// bundle logs the record after some other leaves, all within one tile, and
// proves it.
func (l testLog) bundle(t rapid.TB, r proof.Record, before int) *proof.Bundle {
	t.Helper()
	leaf, err := r.Leaf()
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]proof.Hash, before, before+1)
	for i := range leaves {
		leaves[i] = proof.LeafHash([]byte{byte(i), byte(i >> 8)})
	}
	leaves = append(leaves, proof.LeafHash(leaf))
	var f proof.Frontier
	for _, h := range leaves {
		f.Append(h)
	}
	signed, err := l.signer.Sign(proof.Checkpoint{Origin: l.signer.Origin(), Size: f.Size(), Root: f.Root()})
	if err != nil {
		t.Fatal(err)
	}
	r.Index = uint64(before)
	b, err := proof.NewBundle(r, signed, l.public, func(_ int, _ uint64, width int) ([]proof.Hash, error) {
		return leaves[:width], nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// merge is an event with every field.
func merge() whodid.Event {
	e := whodid.Event{
		Org: "acme", Key: "call-1", Actor: whodid.HumanActor("ab12"), ActorAuth: "token", OnBehalfOf: whodid.HumanActor("cd34"),
		OnBehalfAuth: "os-user", What: "pr.merge", Target: "acme/shop#44", At: time.Date(2026, 3, 4, 5, 6, 7, 8000, time.UTC),
		RecordedAt: time.Date(2026, 3, 4, 5, 6, 8, 0, time.UTC), Why: "the tests pass", Result: whodid.ResultSuccess,
		Session: "s1", Approval: "appr-1", Source: "cli", Data: whodid.Data{"number": int64(44), "force": false},
	}
	e.Execution = whodid.DeriveID(whodid.PrefixExecution, "1")
	e.Identify()
	return e
}

func recordOf(e *whodid.Event) proof.Record {
	return proof.Record{Event: e, Data: e.Data.Canonical(), Salt: &proof.Salt{1, 2, 3}}
}

// erase does to a record what erasure does to a row.
func erase(t testing.TB, r proof.Record, by string) proof.Record {
	t.Helper()
	c := proof.Commit(r.Event, r.Data, r.Salt)
	kept, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	e := *r.Event
	e.OnBehalfOf, e.OnBehalfAuth, e.Target, e.Why, e.Data = "", "", "", "", nil
	if whodid.IsHuman(e.Actor) {
		e.Actor, e.ActorAuth = proof.ErasedActor, ""
	}
	return proof.Record{Event: &e, Data: []byte("{}"), Commitments: kept, ErasedBy: by}
}

func TestBundleProvesAnyEvent(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	rapid.Check(t, func(t *rapid.T) {
		e, s := validEvent().Draw(t, "event"), salt().Draw(t, "salt")
		made := log.bundle(t, proof.Record{Event: &e, Data: e.Data.Canonical(), Salt: &s}, rapid.IntRange(0, proof.TileWidth-1).Draw(t, "before"))
		text, err := made.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, hex.AppendEncode(nil, s[:])) {
			t.Fatal("the bundle gives the salt away")
		}
		b, err := proof.ParseBundle(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if v := proof.Check(b, log.keys); !v.Holds() {
			t.Fatalf("it does not hold: %+v", v)
		}
		got, err := b.Event()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(e, got); diff != "" {
			t.Fatalf("the bundle shows another event:\n%s", diff)
		}
		withhold := rapid.SliceOfDistinct(rapid.SampledFrom(proof.Fields()), rapid.ID).Draw(t, "withhold")
		if err := b.Redact(withhold...); err != nil {
			t.Fatal(err)
		}
		if v := proof.Check(b, log.keys); !v.Holds() {
			t.Fatalf("redacted, it does not hold: %+v", v)
		}
		for _, field := range b.Withheld() {
			if !slices.Contains(withhold, field) {
				t.Fatalf("%s is withheld too", field)
			}
		}
	})
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	e := merge()
	b := log.bundle(t, recordOf(&e), 5)
	v := proof.Check(b, log.keys)
	states := []proof.State{v.Integrity.State, v.Completeness.State, v.Authorship.State, v.Time.State, v.Approval.State}
	want := []proof.State{proof.Proved, proof.NotShown, proof.Conditional, proof.Conditional, proof.NotShown}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("other states:\n%s", diff)
	}
	for _, c := range []struct{ detail, says string }{
		{v.Integrity.Detail, "entry 5 of the log " + testOrigin},
		{v.Integrity.Detail, "trusted key"},
		{v.Completeness.Detail, "nothing about the others"},
		{v.Authorship.Detail, "human:ab12"},
		{v.Authorship.Detail, "source cli"},
		{v.Authorship.Detail, "authenticated by token"},
		{v.Authorship.Detail, "on behalf of human:cd34 (authenticated by os-user)"},
		{v.Time.Detail, "2026-03-04T05:06:07.000008Z"},
		{v.Time.Detail, "no witness"},
		{v.Approval.Detail, "appr-1"},
	} {
		if !strings.Contains(c.detail, c.says) {
			t.Errorf("%q does not say %q", c.detail, c.says)
		}
	}
	if !v.Holds() || v.Refuted() {
		t.Error("it does not hold")
	}

	if err := b.Redact(proof.FieldActor, proof.FieldWhy); err != nil {
		t.Fatal(err)
	}
	v = proof.Check(b, log.keys)
	if v.Authorship.State != proof.NotShown || !strings.Contains(v.Integrity.Detail, "not disclosed: actor, why") {
		t.Errorf("redacted: %+v", v)
	}
	text, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	for _, gone := range []string{"ab12", "the tests pass"} {
		if strings.Contains(string(text), gone) {
			t.Errorf("the redacted bundle still has %q", gone)
		}
	}
}

func TestVerdictsAlwaysHaveFiveNames(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(proof.Verdicts{})
	if err != nil {
		t.Fatal(err)
	}
	empty := `{"state":"","detail":""}`
	want := `{"integrity":` + empty + `,"completeness":` + empty + `,"authorship":` + empty + `,"time":` + empty + `,"approval":` + empty + `}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestAnyRefutedVerdictFails(t *testing.T) {
	t.Parallel()
	good := proof.Verdict{State: proof.Proved}
	for i := range 5 {
		v := proof.Verdicts{Integrity: good, Completeness: good, Authorship: good, Time: good, Approval: good}
		*[]*proof.Verdict{&v.Integrity, &v.Completeness, &v.Authorship, &v.Time, &v.Approval}[i] = proof.Verdict{State: proof.Refuted}
		if v.Holds() || !v.Refuted() {
			t.Errorf("verdict %d is refuted and yet it holds", i)
		}
	}
	if v := (proof.Verdicts{Integrity: proof.Verdict{State: proof.Conditional}}); v.Holds() {
		t.Error("it holds without integrity")
	}
}

func TestKeysDecide(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	e := merge()
	b := log.bundle(t, recordOf(&e), 0)
	_, namesake := newSigner(t, testOrigin)
	_, other := newSigner(t, "example.com/other")
	for name, c := range map[string]struct {
		trusted, claimed string
		want             proof.State
	}{
		"the log's key":               {log.public, log.public, proof.Proved},
		"a false claim beside it":     {log.public, namesake, proof.Proved},
		"no trusted key":              {"", log.public, proof.Conditional},
		"key of another log":          {other, log.public, proof.Conditional},
		"another key of that log":     {namesake, log.public, proof.Refuted},
		"no key, claim does not hold": {"", namesake, proof.Refuted},
		"no key, no claim":            {"", "", proof.Refuted},
	} {
		var keys proof.Keys
		if c.trusted != "" {
			var err error
			if keys, err = proof.ParseKeys(c.trusted); err != nil {
				t.Fatal(err)
			}
		}
		b.PublicKey = c.claimed
		if v := proof.Check(b, keys); v.Integrity.State != c.want {
			t.Errorf("%s: %+v, want %s", name, v.Integrity, c.want)
		} else if v.Holds() != (c.want == proof.Proved) {
			t.Errorf("%s: holds is %t", name, v.Holds())
		}
	}
}

// Each edit of a bundle is refuted, and nothing else is shown then.
func TestTamperedBundlesAreRefuted(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	e := merge()
	record := recordOf(&e)
	foreign := e
	foreign.Target = "acme/shop#45"
	foreignRecord := proof.Record{Event: &foreign, Data: record.Data, Salt: &proof.Salt{9}}
	disclose := func(b *proof.Bundle, field, value string, salt proof.Salt) {
		b.Disclosed[field] = proof.Disclosure{Key: salt.FieldKey(field), Value: value}
	}
	for name, tamper := range map[string]func(b *proof.Bundle){
		"format":                 func(b *proof.Bundle) { b.Format = "whodid-bundle/2" },
		"origin":                 func(b *proof.Bundle) { b.Origin = "example.com/other" },
		"tree size":              func(b *proof.Bundle) { b.TreeSize++ },
		"index":                  func(b *proof.Bundle) { b.Index-- },
		"index past the end":     func(b *proof.Bundle) { b.Index = 1 << 63 },
		"shorter path":           func(b *proof.Bundle) { b.Inclusion = b.Inclusion[1:] },
		"other path":             func(b *proof.Bundle) { b.Inclusion[0][3] ^= 1 },
		"leaf's result":          func(b *proof.Bundle) { b.Leaf = strings.Replace(b.Leaf, "success", "failed", 1) },
		"leaf of another log":    func(b *proof.Bundle) { b.Leaf = log.bundle(t, foreignRecord, 5).Leaf },
		"checkpoint's size":      func(b *proof.Bundle) { b.Checkpoint = strings.Replace(b.Checkpoint, "\n6\n", "\n7\n", 1) },
		"no checkpoint":          func(b *proof.Bundle) { b.Checkpoint = "" },
		"value":                  func(b *proof.Bundle) { disclose(b, proof.FieldTarget, "acme/shop#45", *record.Salt) },
		"key":                    func(b *proof.Bundle) { disclose(b, proof.FieldTarget, "acme/shop#44", proof.Salt{}) },
		"value of another field": func(b *proof.Bundle) { b.Disclosed[proof.FieldWhy] = b.Disclosed[proof.FieldTarget] },
		"unknown field":          func(b *proof.Bundle) { disclose(b, "result", "success", *record.Salt) },
	} {
		b := log.bundle(t, record, 5)
		b.Disclosed = maps.Clone(b.Disclosed)
		tamper(b)
		v := proof.Check(b, log.keys)
		if v.Integrity.State != proof.Refuted || v.Holds() {
			t.Errorf("%s: %+v", name, v.Integrity)
		}
		for _, each := range []proof.Verdict{v.Completeness, v.Authorship, v.Time, v.Approval} {
			if each.State != proof.NotShown {
				t.Errorf("%s: integrity is refuted and yet %+v", name, each)
			}
		}
	}
}

// A log may hold leaves that are none of ours, and leaves whose committed
// values no program can read: they are refuted, not half shown.
func TestUnreadableEntriesAreRefuted(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	e := merge()
	good := recordOf(&e)
	odd := good
	odd.Data = []byte(`{"b":1,"a":2}`)
	if v := proof.Check(log.bundle(t, odd, 0), log.keys); v.Integrity.State != proof.Refuted {
		t.Errorf("metadata that is not canonical: %+v", v.Integrity)
	}
	b := log.bundle(t, good, 0)
	b.Leaf, b.Disclosed = `{"v":1}`, nil
	log.signOnly(t, b)
	if v := proof.Check(b, log.keys); v.Integrity.State != proof.Refuted {
		t.Errorf("a leaf that is none: %+v", v.Integrity)
	}
	for _, value := range []string{`["human:cd34", "os-user"]`, `["human:cd34"]`, `["human:cd34","os-user","x"]`, `["human:cd34",1]`, `x`} {
		d := proof.Disclosure{Key: good.Salt.FieldKey(proof.FieldOnBehalfOf), Value: value}
		c := proof.Commit(&e, good.Data, good.Salt)
		c.OnBehalfOf = d.Key.Commit([]byte(value))
		leaf, err := proof.Leaf(&e, &c)
		if err != nil {
			t.Fatal(err)
		}
		b := log.bundle(t, good, 0)
		b.Leaf, b.Disclosed[proof.FieldOnBehalfOf] = string(leaf), d
		log.signOnly(t, b)
		if v := proof.Check(b, log.keys); v.Integrity.State != proof.Refuted {
			t.Errorf("a person written as %s: %+v", value, v.Integrity)
		}
	}
}

// signOnly signs a log that has nothing but the bundle's leaf.
func (l testLog) signOnly(t *testing.T, b *proof.Bundle) {
	t.Helper()
	var f proof.Frontier
	f.Append(proof.LeafHash([]byte(b.Leaf)))
	var err error
	if b.Checkpoint, err = l.signer.Sign(proof.Checkpoint{Origin: b.Origin, Size: 1, Root: f.Root()}); err != nil {
		t.Fatal(err)
	}
}

func TestErasedEvent(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	for _, actor := range []string{whodid.HumanActor("ab12"), whodid.AgentActor("squad/name")} {
		e := merge()
		e.Actor = actor
		before := recordOf(&e)
		proved := log.bundle(t, before, 5)
		record := erase(t, before, "retention run-90d")
		b := log.bundle(t, record, 5)
		if b.Leaf != proved.Leaf || b.Checkpoint != proved.Checkpoint {
			t.Fatal("erasure changed the leaf")
		}
		if v := proof.Check(proved, log.keys); !v.Holds() {
			t.Errorf("the older proof does not hold any more: %+v", v)
		}
		v := proof.Check(b, log.keys)
		if !v.Holds() || !strings.Contains(v.Integrity.Detail, "erased, by retention run-90d as the bundle claims") {
			t.Errorf("erased: %+v", v.Integrity)
		}
		if whodid.IsHuman(actor) != (v.Authorship.State == proof.NotShown) {
			t.Errorf("authorship of %s: %+v", actor, v.Authorship)
		}
		text, err := b.JSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, gone := range []string{"ab12", "cd34", "shop", "tests pass", "disclosed"} {
			if bytes.Contains(text, []byte(gone)) {
				t.Errorf("the erased bundle has %q", gone)
			}
		}
	}
}

func TestHalfErasedRecordsAreRefused(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(r *proof.Record){
		"target":         func(r *proof.Record) { r.Event.Target = "x" },
		"why":            func(r *proof.Record) { r.Event.Why = "x" },
		"on_behalf_of":   func(r *proof.Record) { r.Event.OnBehalfOf = "human:x" },
		"on_behalf_auth": func(r *proof.Record) { r.Event.OnBehalfAuth = "x" },
		"data":           func(r *proof.Record) { r.Data = []byte(`{"a":1}`) },
		"actor":          func(r *proof.Record) { r.Event.Actor = "human:x" },
		"other actor":    func(r *proof.Record) { r.Event.Actor = "agent:a/b" },
		"actor_auth":     func(r *proof.Record) { r.Event.ActorAuth = "x" },
		"no commitments": func(r *proof.Record) { r.Commitments = nil },
	} {
		e := merge()
		r := erase(t, recordOf(&e), "request 1")
		if _, err := r.Leaf(); err != nil {
			t.Fatal(err)
		}
		spoil(&r)
		if leaf, err := r.Leaf(); err == nil {
			t.Errorf("%s: made the leaf %s", name, leaf)
		}
	}
	e := merge()
	e.Actor = whodid.AgentActor("a/b")
	r := erase(t, recordOf(&e), "request 1")
	r.Event.Actor = whodid.HumanActor("x")
	if _, err := r.Leaf(); err == nil {
		t.Error("an erased agent became a person")
	}
}

func TestRedactRefusesMisspeltFields(t *testing.T) {
	t.Parallel()
	e := merge()
	b := newTestLog(t).bundle(t, recordOf(&e), 0)
	if err := b.Redact(proof.FieldWhy, "tagret"); err == nil {
		t.Error("a misspelt field was taken for redacted")
	}
	if _, ok := b.Disclosed[proof.FieldWhy]; !ok {
		t.Error("a refused redaction redacted something")
	}
}

func TestNewBundleRefuses(t *testing.T) {
	t.Parallel()
	log := newTestLog(t)
	e := merge()
	empty, err := log.signer.Sign(proof.Checkpoint{Origin: testOrigin, Root: proof.EmptyRoot()})
	if err != nil {
		t.Fatal(err)
	}
	bad := e
	bad.Session = "\xff"
	for name, err := range map[string]error{
		"not a checkpoint":        second(proof.NewBundle(recordOf(&e), "x", log.public, nil)),
		"not under it":            second(proof.NewBundle(recordOf(&e), empty, log.public, nil)),
		"an event without a leaf": second(proof.NewBundle(recordOf(&bad), empty, log.public, nil)),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "couldn't make the bundle: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestLargestBundleFits(t *testing.T) {
	t.Parallel()
	e := largestEvent()
	b := newTestLog(t).bundle(t, recordOf(&e), 0)
	b.Inclusion = make([]proof.Hash, 63)
	text, err := b.JSON()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("largest bundle: %d bytes of %d", len(text), proof.MaxBundle)
	if len(text) > proof.MaxBundle/2 {
		t.Errorf("the largest bundle has %d bytes, nearer to the limit of %d than it should be", len(text), proof.MaxBundle)
	}
}

func TestParseBundleRefuses(t *testing.T) {
	t.Parallel()
	e := merge()
	made, err := newTestLog(t).bundle(t, recordOf(&e), 3).JSON()
	if err != nil {
		t.Fatal(err)
	}
	good := string(made)
	head := `{"format":"` + proof.BundleFormat + `",`
	for name, text := range map[string]string{
		"empty":           "",
		"null":            "null",
		"list":            "[]",
		"cut":             good[:len(good)/2],
		"two":             good + good,
		"newer format":    strings.Replace(good, "bundle/1", "bundle/2", 1),
		"too large":       good + strings.Repeat(" ", proof.MaxBundle),
		"deep":            head + `"x":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"long path":       head + `"inclusion":["` + strings.Repeat("00", 32) + `"` + strings.Repeat(`,"`+strings.Repeat("00", 32)+`"`, 63) + "]}",
		"short hash":      head + `"inclusion":["00"]}`,
		"capital hash":    head + `"inclusion":["` + strings.Repeat("AA", 32) + `"]}`,
		"negative index":  head + `"index":-1}`,
		"fractional size": head + `"tree_size":1.5}`,
		"huge size":       head + `"tree_size":99999999999999999999}`,
	} {
		if _, err := proof.ParseBundle(strings.NewReader(text)); !errors.Is(err, proof.ErrBundle) {
			t.Errorf("%s: %v", name, err)
		} else if len(err.Error()) > 300 {
			t.Errorf("%s: the error has %d bytes", name, len(err.Error()))
		}
	}
	failing := errors.New("disk is gone")
	if _, err := proof.ParseBundle(readerFunc(func([]byte) (int, error) { return 0, failing })); !errors.Is(err, failing) {
		t.Errorf("the reader's error is lost: %v", err)
	}
	unknown := strings.Replace(good, "{", `{"added_later":{"x":[1]},`, 1)
	if _, err := proof.ParseBundle(strings.NewReader(unknown)); err != nil {
		t.Errorf("a member that is not known: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func FuzzParseBundle(f *testing.F) {
	log := newTestLog(f)
	e := merge()
	text, err := log.bundle(f, recordOf(&e), 3).JSON()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"format":"whodid-bundle/1","disclosed":{"x":{}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := proof.ParseBundle(bytes.NewReader(text))
		if err != nil {
			return
		}
		v := proof.Check(b, log.keys)
		if v.Holds() {
			got, err := b.Event()
			if err != nil || got.ID != e.ID || got.Target != e.Target && got.Target != "" {
				t.Fatalf("holds with another event: %v %v\n%s", got, err, text)
			}
		}
		for _, each := range []proof.Verdict{v.Integrity, v.Completeness, v.Authorship, v.Time, v.Approval} {
			if each.State == "" || each.Detail == "" {
				t.Fatalf("a verdict says nothing: %+v", v)
			}
		}
	})
}
