package ask_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/store/storetest"
	"github.com/whodid/whodid/internal/witness"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
	"github.com/whodid/whodid/proof/stamp/stamptest"
)

// cosigner is a witness with a key that anybody can see is none to trust.
type cosigner struct {
	name string
	key  ed25519.PrivateKey
}

func newCosigner(name string, key byte) cosigner {
	return cosigner{name, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{key}, ed25519.SeedSize))}
}

func (c cosigner) id() []byte {
	sum := sha256.Sum256(append([]byte(c.name+"\n\x04"), c.key.Public().(ed25519.PublicKey)...))
	return sum[:4]
}

func (c cosigner) text() string {
	public := append([]byte{4}, c.key.Public().(ed25519.PublicKey)...)
	return c.name + "+" + hex.EncodeToString(c.id()) + "+" + base64.StdEncoding.EncodeToString(public)
}

// give keeps the cosignature of the trail's head as it is now.
func (c cosigner) give(t *testing.T, s *store.Store, at time.Time) {
	t.Helper()
	c.cosign(t, s, headOf(t, s), at)
}

// cosign keeps the cosignature of a checkpoint.
func (c cosigner) cosign(t *testing.T, s *store.Store, signed string, at time.Time) {
	t.Helper()
	text, err := proof.CheckpointText(signed)
	if err != nil {
		t.Fatal(err)
	}
	seen, err := proof.PeekCheckpoint(signed)
	if err != nil {
		t.Fatal(err)
	}
	blob := binary.BigEndian.AppendUint64(c.id(), uint64(at.Unix()))
	blob = append(blob, ed25519.Sign(c.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at.Unix(), text))...)
	keep(t, s, &store.Witnessed{
		Witness: c.name, Kind: witness.KindC2SP, Size: seen.Size, Checkpoint: signed, SeenAt: at,
		Evidence: "— " + c.name + " " + base64.StdEncoding.EncodeToString(blob) + "\n",
	})
}

func keep(t *testing.T, s *store.Store, w *store.Witnessed) {
	t.Helper()
	if err := s.KeepWitnessed(t.Context(), org, w, w.SeenAt); err != nil {
		t.Fatal(err)
	}
}

// A proof takes the checkpoint that most have witnessed, and of these the oldest,
// under which all of its answer is; and what they gave comes with it.
func TestProofsAreWitnessed(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, s *store.Store) {
		book := storetest.NewBook(t, s, org)
		const id = "exec-aaaaaaaaaaaaaaaa"
		at := storetest.Epoch.Add(time.Hour)
		w1, w2 := newCosigner("test.invalid/w1", 1), newCosigner("test.invalid/w2", 2)
		tsa := stamptest.New(t, "test.invalid clock", 60, at.AddDate(-1, 0, 0), at.AddDate(1, 0, 0), stamptest.None)
		asker := ask.New(s, org, func() time.Time { return at })

		book.Append(t, fact("execution.start", id, 1, "", whodid.Data{"trigger": "manual"}))
		w1.give(t, s, at) // lacks its end
		book.Append(t, fact("execution.finish", id, 2, whodid.ResultSuccess, nil))
		if d := proveRun(t, asker, id); strings.Contains(d.Checkpoint, w1.name) {
			t.Errorf("its end is not under the checkpoint:\n%s", d.Checkpoint)
		}
		w1.give(t, s, at.Add(time.Minute))
		// What a database holds is not yet evidence.
		keep(t, s, &store.Witnessed{Witness: "forged", Kind: witness.KindC2SP, Size: 2, Checkpoint: "x", Evidence: "— x y\n", SeenAt: at})
		keep(t, s, &store.Witnessed{Witness: "a line too much", Kind: witness.KindC2SP, Size: 2, Checkpoint: headOf(t, s), Evidence: "\n\nx\n", SeenAt: at})
		book.Append(t, crowd(3)...)
		w1.give(t, s, at.Add(time.Hour))
		w2.give(t, s, at.Add(time.Hour))
		text, err := proof.CheckpointText(headOf(t, s))
		if err != nil {
			t.Fatal(err)
		}
		keep(t, s, &store.Witnessed{
			Witness: "clock", Kind: witness.KindTSA, Size: 5, Checkpoint: headOf(t, s), SeenAt: at.Add(time.Hour),
			Evidence: base64.StdEncoding.EncodeToString(tsa.Stamp(t, []byte(text), at.Add(time.Hour), nil, nil)),
		})
		book.Append(t, crowd(5)[3:]...)

		d := proveRun(t, asker, id)
		if c, err := proof.PeekCheckpoint(d.Checkpoint); err != nil || c.Size != 5 || len(d.Stamps) != 1 {
			t.Fatalf("it is under the checkpoint of %d events with %d stamps, %v", c.Size, len(d.Stamps), err)
		}
		for _, tc := range []struct {
			trust              map[string]any
			completeness, time proof.State
			says               string
		}{
			{map[string]any{}, proof.Proved, proof.Conditional, "no witness"},
			{map[string]any{"witnesses": []string{w1.text(), w2.text()}, "quorum": 2}, proof.Proved, proof.Proved, "the witness test.invalid/w2 at"},
			{map[string]any{"witnesses": []string{w1.text(), newCosigner("test.invalid/w3", 3).text()}, "quorum": 2}, proof.Conditional, proof.Conditional, "you ask for 2"},
			{map[string]any{"time_authorities": []string{tsa.RootPEM()}}, proof.Proved, proof.Proved, "TSA test.invalid clock at"},
		} {
			tc.trust["keys"] = []string{d.PublicKey}
			file, err := json.Marshal(tc.trust)
			if err != nil {
				t.Fatal(err)
			}
			trust, err := dossier.ParseTrust(file)
			if err != nil {
				t.Fatal(err)
			}
			v := dossier.Check(d, trust).Verdicts
			if v.Integrity.State != proof.Proved || v.Completeness.State != tc.completeness || v.Time.State != tc.time || !strings.Contains(v.Time.Detail, tc.says) {
				t.Errorf("trusting %s: %+v", file, v)
			}
		}
		first := verdictsOf(t, d).Events[0].Event.ID
		b, err := asker.Prove(t.Context(), first)
		if err != nil || b.TreeSize != 5 || !strings.Contains(b.Checkpoint, w2.name) {
			t.Errorf("the bundle of its start is under %d events, %v", b.TreeSize, err)
		}
	})
}

func proveRun(t *testing.T, a *ask.Asker, id string) *dossier.Dossier {
	t.Helper()
	d, err := a.ProveExecution(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func headOf(t *testing.T, s *store.Store) string {
	t.Helper()
	head, err := s.Head(t.Context(), org)
	if err != nil {
		t.Fatal(err)
	}
	return head.Checkpoint
}
