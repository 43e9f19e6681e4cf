package proof_test

import (
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// BenchmarkLeaf is what the proof costs for each event that is recorded, but
// for the tree: see BenchmarkFrontierAppend.
func BenchmarkLeaf(b *testing.B) {
	e := merge()
	e.Actor = whodid.AgentActor("engineering/issue-solver")
	data, salt := e.Data.Canonical(), &proof.Salt{1}
	b.ReportAllocs()
	for b.Loop() {
		c := proof.Commit(&e, data, salt)
		leaf, err := proof.Leaf(&e, &c)
		if err != nil {
			b.Fatal(err)
		}
		_ = proof.LeafHash(leaf)
	}
}

// BenchmarkCommit is the part of it that the commitments take.
func BenchmarkCommit(b *testing.B) {
	e := merge()
	data, salt := e.Data.Canonical(), &proof.Salt{1}
	b.ReportAllocs()
	for b.Loop() {
		_ = proof.Commit(&e, data, salt)
	}
}

func BenchmarkCheckBundle(b *testing.B) {
	log := newTestLog(b)
	e := merge()
	bundle := log.bundle(b, recordOf(&e), 200)
	b.ReportAllocs()
	for b.Loop() {
		if v := proof.Check(bundle, log.keys); !v.Holds() {
			b.Fatalf("it does not hold: %+v", v)
		}
	}
}
