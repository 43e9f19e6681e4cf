package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/proof"
)

// cosigner is a witness with a key that anybody can see is none to trust.
type cosigner struct {
	name string
	key  ed25519.PrivateKey
}

func (w cosigner) public() []byte {
	return append([]byte{4}, w.key.Public().(ed25519.PublicKey)...)
}

func (w cosigner) id() []byte {
	sum := sha256.Sum256(append([]byte(w.name+"\n"), w.public()...))
	return sum[:4]
}

func (w cosigner) text() string {
	return w.name + "+" + hex.EncodeToString(w.id()) + "+" + base64.StdEncoding.EncodeToString(w.public())
}

func (w cosigner) cosign(signed string, at uint64) string {
	text, _, _ := strings.Cut(signed, "\n\n")
	signature := ed25519.Sign(w.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s\n", at, text))
	blob := append(binary.BigEndian.AppendUint64(w.id(), at), signature...)
	return signed + "— " + w.name + " " + base64.StdEncoding.EncodeToString(blob) + "\n"
}

func TestCosigned(t *testing.T) {
	t.Parallel()
	w := cosigner{"test.invalid/w1", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	namesake := cosigner{w.name, ed25519.NewKeyFromSeed([]byte(strings.Repeat("n", ed25519.SeedSize)))}
	signer, key := testKey(t, "test.invalid/log", 1)
	signed, err := signer.Sign(proof.Checkpoint{Origin: "test.invalid/log", Size: 7, Root: proof.EmptyRoot()})
	if err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	good := w.cosign(signed, uint64(at.Unix()))
	if _, err := proof.OpenCheckpoint(good, key); err != nil {
		t.Errorf("a cosigned checkpoint is no longer its log's: %v", err)
	}
	witness, err := proof.ParseWitness(w.text())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := witness.Cosigned(good); err != nil || !got.Equal(at) || witness.Name() != w.name {
		t.Errorf("%s saw it at %v, %v", witness.Name(), got, err)
	}
	line := strings.TrimPrefix(good, signed)
	other := strings.TrimPrefix(namesake.cosign(signed, 1), signed)
	if got, when, err := witness.Pick(signed, other+"\n\n"+line+"junk\n"); err != nil || got != line || !when.Equal(at) {
		t.Errorf("picked %q of %v, %v", got, when, err)
	}
	for name, lines := range map[string]string{"none": "", "of another": other, "without end": strings.TrimSuffix(line, "\n"), "without dash": strings.TrimPrefix(line, "— ")} {
		if got, _, err := witness.Pick(signed, lines); err == nil {
			t.Errorf("%s: picked %q", name, got)
		}
	}
	for name, note := range map[string]string{
		"not cosigned":        signed,
		"cosigned by another": namesake.cosign(signed, uint64(at.Unix())),
		"of another size":     strings.Replace(good, "\n7\n", "\n8\n", 1),
		"beyond all time":     w.cosign(signed, 1<<62),
		"cut":                 good[:len(good)-6] + "\n",
		"no note":             "x",
	} {
		if got, err := witness.Cosigned(note); err == nil {
			t.Errorf("%s: it was seen at %v", name, got)
		}
	}
	for _, text := range []string{
		"", "w", "w+0+0", key, strings.Replace(w.text(), "w1+", "w2+", 1), w.text() + "=",
	} {
		if _, err := proof.ParseWitness(text); err == nil {
			t.Errorf("%q passes for a witness's key", text)
		}
	}
}

func FuzzCosigned(f *testing.F) {
	w := cosigner{"test.invalid/w1", ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))}
	signed := w.cosign("test.invalid/log\n1\nAAAA\n\n", 1)
	f.Add(w.text(), signed)
	good, err := proof.ParseWitness(w.text())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, key, note string) {
		if other, err := proof.ParseWitness(key); err == nil {
			_, _ = other.Cosigned(note)
		}
		if _, err := good.Cosigned(note); err == nil && !strings.HasPrefix(note, "test.invalid/log\n1\nAAAA\n\n") {
			t.Errorf("cosigned: %q", note)
		}
	})
}
