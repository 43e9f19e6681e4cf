package storetest

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Check reads a log as an outsider would and proves everything that must
// always hold: the events lie without a gap, each once; each is what its leaf
// says; head, signed checkpoint, tiles and a tree computed from scratch agree;
// the executions are what the events add up to, and no others are there. It
// returns the events.
func Check(t testing.TB, s *store.Store, org string) []store.Row {
	t.Helper()
	ctx := t.Context()
	events, err := s.Events(ctx, org, store.EventFilter{})
	if err != nil {
		t.Fatal(err)
	}
	leaves := make([]proof.Hash, len(events))
	seen := map[string]bool{}
	for i := range events {
		r := &events[i]
		if r.Seq != uint64(i) {
			t.Fatalf("event %s is at %d, want %d", r.ID, r.Seq, i)
		}
		if seen[r.ID] {
			t.Errorf("event %s is there twice", r.ID)
		}
		seen[r.ID] = true
		want, err := leafHash(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.LeafHash != want {
			t.Errorf("event %d, %s, is not what its leaf says", i, r.ID)
		}
		leaves[i] = r.LeafHash
	}
	checkTree(t, s, org, leaves)
	checkExecutions(t, s, org, events)
	return events
}

// checkTree compares the log's head with a tree over the leaves.
func checkTree(t testing.TB, s *store.Store, org string, leaves []proof.Hash) {
	t.Helper()
	ctx := t.Context()
	log, err := s.Log(ctx, org)
	if err != nil {
		t.Fatal(err)
	}
	head, err := s.Head(ctx, org)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := proof.OpenCheckpoint(head.Checkpoint, log.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	want := proof.Checkpoint{Origin: log.Origin, Size: uint64(len(leaves)), Root: treeHash(leaves)}
	if diff := cmp.Diff(want, checkpoint); diff != "" {
		t.Errorf("signed checkpoint (-want +got):\n%s", diff)
	}
	if head.Frontier.Size() != want.Size || head.Frontier.Root() != want.Root {
		t.Errorf("frontier of %d with root %s, want %d with %s", head.Frontier.Size(), head.Frontier.Root(), want.Size, want.Root)
	}
	if edge := leaves[len(leaves)/proof.TileWidth*proof.TileWidth:]; !slices.Equal(head.Edge, edge) {
		t.Errorf("the head keeps %d leaves after the last tile, want the last %d of the log", len(head.Edge), len(edge))
	}
	root, err := proof.Root(want.Size, s.Tiles(ctx, org))
	if err != nil {
		t.Fatal(err)
	}
	if root != want.Root {
		t.Errorf("the tiles give the root %s, the leaves %s", root, want.Root)
	}
}

// treeHash is the Merkle tree hash of RFC 6962, section 2.1, written down as
// the RFC has it and slow.
func treeHash(leaves []proof.Hash) proof.Hash {
	switch n := len(leaves); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return leaves[0]
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		left, right := treeHash(leaves[:k]), treeHash(leaves[k:])
		return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
	}
}

// checkExecutions compares the stored executions with a fold of the events.
func checkExecutions(t testing.TB, s *store.Store, org string, events []store.Row) {
	t.Helper()
	stored, err := s.Executions(t.Context(), org, store.ExecutionFilter{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]whodid.Execution{}
	for _, x := range stored {
		got[x.ID] = x
	}
	if diff := cmp.Diff(asText(t, foldAll(org, events)), asText(t, got)); diff != "" {
		t.Errorf("executions (-what the events add up to +what is stored):\n%s", diff)
	}
}

// foldAll adds the events up in memory, in the order of the log.
func foldAll(org string, events []store.Row) map[string]whodid.Execution {
	folded := map[string]whodid.Execution{}
	for i := range events {
		for _, id := range events[i].Folds() {
			x, ok := folded[id]
			if !ok {
				x = whodid.Execution{Org: org, ID: id, Status: whodid.StatusRunning}
			}
			x.Apply(&events[i].Event)
			folded[id] = x
		}
	}
	return folded
}

// asText makes executions comparable, whatever they hold unexported.
func asText(t testing.TB, x map[string]whodid.Execution) string {
	t.Helper()
	text, err := json.MarshalIndent(x, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
