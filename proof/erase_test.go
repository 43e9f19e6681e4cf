package proof_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// erasable is a record that has a value of every field.
func erasable() proof.Record {
	e := &whodid.Event{
		ID: "evt-1", Key: "k/1", Org: "default", What: "approval.grant", Actor: "human:pada", ActorAuth: "os-user", OnBehalfOf: "human:pbob",
		OnBehalfAuth: "oidc", Target: "acme/shop#44", Why: "looked at", Source: "cli",
	}
	return proof.Record{Event: e, Data: []byte(`{"digest":"sha256:aa"}`), Salt: &proof.Salt{1, 2, 3}}
}

func leafOfRecord(t testing.TB, r *proof.Record) []byte {
	t.Helper()
	leaf, err := r.Leaf()
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}

// Whatever fields are erased, in however many steps, the leaf stays, what was
// erased is gone, and another value in place of any makes another leaf or none.
func TestErase(t *testing.T) {
	t.Parallel()
	r := erasable()
	want := leafOfRecord(t, &r)
	for mask := range 1 << len(proof.Fields()) {
		r := erasable()
		var fields []string
		for i, field := range proof.Fields() {
			if mask>>i&1 == 1 {
				fields = append(fields, field)
			}
		}
		for _, step := range fields { // one request after the other
			if did, err := r.Erase("evt-request", step); err != nil || !did {
				t.Fatalf("%v: %s: %v %v", fields, step, did, err)
			}
		}
		if did, err := r.Erase("evt-again", fields...); err != nil || did {
			t.Errorf("%v: what is erased was erased again: %v", fields, err)
		}
		if got := leafOfRecord(t, &r); !bytes.Equal(got, want) {
			t.Errorf("%v: the leaf is %s, was %s", fields, got, want)
		}
		if (r.Salt == nil) != (len(fields) > 0) {
			t.Errorf("%v: the salt is %v", fields, r.Salt)
		}
		for i, field := range proof.Fields() {
			forged := r
			e := *r.Event
			forged.Event = &e
			switch field {
			case proof.FieldActor:
				e.Actor = "human:pmallory"
			case proof.FieldData:
				forged.Data = []byte(`{"digest":"sha256:bb"}`)
			case proof.FieldOnBehalfOf:
				e.OnBehalfOf = "human:pmallory"
			case proof.FieldTarget:
				e.Target = "acme/shop#45"
			case proof.FieldWhy:
				e.Why = "not looked at"
			}
			leaf, err := forged.Leaf()
			if err == nil && bytes.Equal(leaf, want) {
				t.Errorf("%v: another %s has the same leaf", fields, field)
			}
			if erased := slices.Contains(fields, field); erased != (err != nil) {
				t.Errorf("%v: another %s (field %d): %v", fields, field, i, err)
			}
		}
	}
}

// An agent stands in the leaf and stays.
func TestEraseAgent(t *testing.T) {
	t.Parallel()
	r := erasable()
	r.Event.Actor, r.Event.ActorAuth = "agent:ops/backup", "hook"
	want := leafOfRecord(t, &r)
	if did, err := r.Erase("evt-request", proof.Fields()...); err != nil || !did {
		t.Fatal(did, err)
	}
	if r.Event.Actor != "agent:ops/backup" || !bytes.Equal(leafOfRecord(t, &r), want) {
		t.Errorf("the actor is %s", r.Event.Actor)
	}
	if did, err := r.Erase("evt-request", proof.FieldActor); err != nil || did {
		t.Errorf("an agent was erased: %v", err)
	}
}

func FuzzRemains(f *testing.F) {
	r := erasable()
	if _, err := r.Erase("evt-request", proof.FieldActor, proof.FieldWhy); err != nil {
		f.Fatal(err)
	}
	f.Add(r.Commitments)
	f.Add(r.Commitments[:160])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		var m proof.Remains
		if m.UnmarshalBinary(b) != nil {
			return
		}
		again, err := m.MarshalBinary()
		if err != nil || !bytes.Equal(again, b) {
			t.Errorf("%x is read, and written as %x: %v", b, again, err)
		}
	})
}
