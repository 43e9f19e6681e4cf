package proof_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// bundleVector is a bundle and what Check says of it to somebody with the
// keys. Malformed stands for bundles that are refused before they are checked.
type bundleVector struct {
	Name      string                 `json:"name"`
	Trusted   []string               `json:"trusted"`
	Bundle    json.RawMessage        `json:"bundle"`
	Malformed bool                   `json:"malformed,omitempty"`
	Verdicts  map[string]proof.State `json:"verdicts,omitempty"`
}

func TestBundleVectors(t *testing.T) {
	t.Parallel()
	signer, key := testKey(t, "test.invalid/log", 1)
	_, namesake := testKey(t, "test.invalid/log", 2)
	_, other := testKey(t, "test.invalid/other", 1)
	log := testLog{signer: signer, public: key}
	event := vectorEvents()[0].Event
	agent := vectorEvents()[1].Event
	record := func(e *whodid.Event) proof.Record {
		return proof.Record{Event: e, Data: e.Data.Canonical(), Salt: (*proof.Salt)(bytes.Repeat([]byte{1}, proof.SaltSize))}
	}
	var vectors []bundleVector
	add := func(name string, trusted []string, integrity proof.State, edit func(b *proof.Bundle)) {
		t.Helper()
		b := log.bundle(t, record(&event), 5)
		edit(b)
		vectors = append(vectors, log.vector(t, name, trusted, integrity, b))
	}
	good, keep := []string{key}, func(*proof.Bundle) {}
	add("good", good, proof.Proved, keep)
	vectors = append(vectors, log.vector(t, "good, of an agent", good, proof.Proved, log.bundle(t, record(&agent), 255)))
	vectors = append(vectors, log.vector(t, "erased", good, proof.Proved, log.bundle(t, erase(t, record(&event), "retention run-90d"), 5)))
	vectors = append(vectors, log.vector(t, "the only entry", good, proof.Proved, log.bundle(t, record(&agent), 0)))
	add("redacted", good, proof.Proved, func(b *proof.Bundle) {
		if err := b.Redact(proof.FieldActor, proof.FieldTarget); err != nil {
			t.Fatal(err)
		}
	})
	add("no trusted key", []string{}, proof.Conditional, keep)
	add("only the key of another log is trusted", []string{other}, proof.Conditional, keep)
	add("another key of that log is trusted", []string{namesake}, proof.Refuted, keep)
	add("a false claim about the key", good, proof.Proved, func(b *proof.Bundle) { b.PublicKey = namesake })
	add("no trusted key, and a false claim", []string{}, proof.Refuted, func(b *proof.Bundle) { b.PublicKey = namesake })
	add("edited result in the leaf", good, proof.Refuted, func(b *proof.Bundle) { b.Leaf = strings.Replace(b.Leaf, `"success"`, `"failed"`, 1) })
	add("white space in the leaf", good, proof.Refuted, func(b *proof.Bundle) { b.Leaf += " " })
	add("edited value", good, proof.Refuted, func(b *proof.Bundle) {
		d := b.Disclosed[proof.FieldTarget]
		d.Value = "acme/shop#45"
		b.Disclosed[proof.FieldTarget] = d
	})
	add("value of another field", good, proof.Refuted, func(b *proof.Bundle) { b.Disclosed[proof.FieldWhy] = b.Disclosed[proof.FieldTarget] })
	add("disclosure of a field without commitment", good, proof.Refuted, func(b *proof.Bundle) { b.Disclosed["result"] = b.Disclosed[proof.FieldWhy] })
	add("other index", good, proof.Refuted, func(b *proof.Bundle) { b.Index = 4 })
	add("other tree size", good, proof.Refuted, func(b *proof.Bundle) { b.TreeSize = 7 })
	add("other origin", good, proof.Refuted, func(b *proof.Bundle) { b.Origin = "test.invalid/other" })
	add("cut inclusion proof", good, proof.Refuted, func(b *proof.Bundle) { b.Inclusion = b.Inclusion[1:] })
	add("edited root in the checkpoint", good, proof.Refuted, func(b *proof.Bundle) {
		c, err := proof.PeekCheckpoint(b.Checkpoint)
		if err != nil {
			t.Fatal(err)
		}
		b.Checkpoint = strings.Replace(b.Checkpoint, c.Root.String(), proof.Hash{}.String(), 1)
	})
	for _, edit := range malformed() {
		text, err := log.bundle(t, record(&event), 5).JSON()
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.Replace(string(text), edit.from, edit.to, 1))
		if _, err := proof.ParseBundle(bytes.NewReader(text)); err == nil {
			t.Errorf("%s: it was accepted", edit.name)
		}
		vectors = append(vectors, bundleVector{Name: edit.name, Trusted: good, Bundle: text, Malformed: true})
	}
	checkVectors(t, "bundle.json", vectors)
}

// malformed are edits of a bundle's JSON that make it none.
func malformed() []struct{ name, from, to string } {
	return []struct{ name, from, to string }{
		{"unknown format", proof.BundleFormat, "whodid-bundle/99"},
		{"no format", `"format"`, `"other"`},
		{"negative index", `"index": 5`, `"index": -5`},
		{"hash in capitals", `"inclusion": [`, `"inclusion": ["` + strings.Repeat("AA", 32) + `",`},
		{"short hash", `"inclusion": [`, `"inclusion": ["00",`},
	}
}

// vector notes what a reader of the JSON finds, and that integrity is as it
// should be.
func (l testLog) vector(t *testing.T, name string, trusted []string, integrity proof.State, made *proof.Bundle) bundleVector {
	t.Helper()
	text, err := made.JSON()
	if err != nil {
		t.Fatal(err)
	}
	b, err := proof.ParseBundle(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := proof.ParseKeys(trusted...)
	if err != nil {
		t.Fatal(err)
	}
	v := proof.Check(b, keys)
	if v.Integrity.State != integrity {
		t.Errorf("%s: integrity is %s, want %s: %s", name, v.Integrity.State, integrity, v.Integrity.Detail)
	}
	return bundleVector{Name: name, Trusted: trusted, Bundle: text, Verdicts: map[string]proof.State{
		"integrity": v.Integrity.State, "completeness": v.Completeness.State, "authorship": v.Authorship.State,
		"time": v.Time.State, "approval": v.Approval.State,
	}}
}
