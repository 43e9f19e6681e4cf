package proof_test

import (
	"crypto/ed25519"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

func TestWitnessedTime(t *testing.T) {
	t.Parallel()
	signer, key := testKey(t, "test.invalid/log", 1)
	recorded := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	e := whodid.Event{Org: "acme", Key: "call-1", Actor: whodid.System, What: "pr.merge", At: recorded, RecordedAt: recorded, Source: "cli", Data: whodid.Data{}}
	e.Identify()
	r := proof.Record{Event: &e, Data: e.Data.Canonical(), Salt: &proof.Salt{1}}
	leaf, err := r.Leaf()
	if err != nil {
		t.Fatal(err)
	}
	hash := proof.LeafHash(leaf)
	signed, err := signer.Sign(proof.Checkpoint{Origin: "test.invalid/log", Size: 1, Root: hash})
	if err != nil {
		t.Fatal(err)
	}
	b, err := proof.NewBundle(r, signed, key, func(int, uint64, int) ([]proof.Hash, error) { return []proof.Hash{hash}, nil })
	if err != nil {
		t.Fatal(err)
	}
	var cosigners []cosigner
	var witnesses []proof.Witness
	for i, name := range []string{"test.invalid/w1", "test.invalid/w2"} {
		c := cosigner{name, ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('a'+i)), ed25519.SeedSize)))}
		w, err := proof.ParseWitness(c.text())
		if err != nil {
			t.Fatal(err)
		}
		cosigners, witnesses = append(cosigners, c), append(witnesses, w)
	}
	at := uint64(recorded.Add(time.Minute).Unix())
	one := cosigners[0].cosign(signed, at)
	for name, tc := range map[string]struct {
		note   string
		quorum int
		want   proof.State
		says   string
	}{
		"nobody":          {signed, 1, proof.Conditional, "no witness that you trust"},
		"no quorum asked": {one, 0, proof.Conditional, "test.invalid/w1 at 2026-03-04T05:07:07"},
		"too few":         {one, 2, proof.Conditional, "you ask for 2"},
		"enough":          {one, 1, proof.Proved, "not later than 2026-03-04T05:07:07"},
		"both":            {cosigners[1].cosign(one, at+60), 2, proof.Proved, "not later than 2026-03-04T05:08:07"},
		"seen before":     {cosigners[1].cosign(one, at-3600), 1, proof.Refuted, "the witness test.invalid/w2 saw it at"},
	} {
		b.Checkpoint = tc.note
		if v := proof.CheckSigned(b, mustKeys(t, key), nil); v.Integrity.State != proof.Proved {
			t.Errorf("%s: integrity %+v", name, v.Integrity)
		}
		if got := proof.WitnessedTime(b, witnesses, quorumOf(tc.quorum, len(witnesses))); got.State != tc.want || !strings.Contains(got.Detail, tc.says) {
			t.Errorf("%s: %+v, want %s, %q", name, got, tc.want, tc.says)
		}
	}
}

func mustKeys(t *testing.T, key string) proof.Keys {
	t.Helper()
	keys, err := proof.ParseKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func quorumOf(n, of int) proof.Quorum {
	if n == 0 {
		return proof.Quorum{}
	}
	return proof.AtLeast(n, of)
}
