package proof_test

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/proof"
)

// cosignerKey is the key of a witness, of one byte 32 times.
func cosignerKey(name string, seed byte) string {
	k := ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune(seed)), ed25519.SeedSize))).Public().(ed25519.PublicKey)
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), k...))
	return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{4}, k...))
}

// example is the policy that the specification shows, with keys.
func example() string {
	var b strings.Builder
	b.WriteString("# who must have seen it\n\nlog PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW https://log.example/\n\n")
	for i, name := range []string{"X1", "X2", "X3", "Y1", "Y2", "Y3"} {
		fmt.Fprintf(&b, "witness  %s\t%s https://w.example/\n", name, cosignerKey("w.example/"+name, byte('a'+i)))
	}
	b.WriteString("group X-witnesses 2 X1 X2 X3\n  group Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n")
	return b.String()
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	p, err := proof.ParsePolicy([]byte(example()))
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Logs) != 1 || len(p.Witnesses) != 6 || p.Witnesses[3].Name() != "w.example/Y1" || p.Quorum.String() != "X-and-Y" {
		t.Errorf("%+v", p)
	}
	at := func(minutes int) time.Time { return time.Date(2026, 3, 4, 5, minutes, 0, 0, time.UTC) }
	for _, c := range []struct {
		seen map[int]time.Time
		by   int // minutes; -1 is never
	}{
		{map[int]time.Time{}, -1},
		{map[int]time.Time{0: at(1), 1: at(2), 2: at(3)}, -1},
		{map[int]time.Time{3: at(1), 4: at(2), 5: at(3), 0: at(4)}, -1},
		{map[int]time.Time{0: at(9), 2: at(4), 5: at(7)}, 9},
		{map[int]time.Time{0: at(1), 1: at(2), 2: at(30), 4: at(20), 5: at(7)}, 7},
	} {
		got, ok := p.Quorum.By(c.seen)
		if ok != (c.by >= 0) || ok && !got.Equal(at(c.by)) {
			t.Errorf("%v: by %v (%t), want %d", c.seen, got, ok, c.by)
		}
	}
	none, err := proof.ParsePolicy([]byte("quorum none"))
	if err != nil || !none.Quorum.None() {
		t.Errorf("none: %+v, %v", none, err)
	}
	if _, ok := none.Quorum.By(map[int]time.Time{0: at(1)}); ok {
		t.Error("what asks for nobody proves something")
	}
	two := proof.AtLeast(2, 3)
	if got, ok := two.By(map[int]time.Time{2: at(5), 0: at(3), 1: at(9)}); !ok || !got.Equal(at(5)) || two.String() != "2" {
		t.Errorf("two of three: %v, %t", got, ok)
	}
}

func TestPolicyRefuses(t *testing.T) {
	t.Parallel()
	w, x := cosignerKey("w", 1), cosignerKey("x", 2)
	one := "witness W " + w + "\n"
	for text, why := range map[string]string{
		"":                         "no quorum",
		one:                        "no quorum",
		"quorum W\n" + one:         `no "W" before it`,
		"quorum none\nquorum none": "second quorum",
		one + "quorum W more":      "no line of a policy",
		"Quorum none":              "no line of a policy",
		"quorum none\r\n":          "control character",
		"quorum\u00a0none":         "no line of a policy",
		one + "witness W " + x:     "is taken",
		"witness none " + w:        "is taken",
		one + "witness V " + w:     "is there twice",
		one + "witness V " + cosignerKey("other", 1): "is there twice",
		one + "group g 2 W":                          "none of all, any and 1 to 1",
		one + "group g 0 W":                          "none of all",
		one + "group g 01 W":                         "none of all",
		one + "group g any W W":                      "count twice",
		one + "group g any none":                     `no "none" before it`,
		one + "group g any W\ngroup h any W":         "count twice",
		one + "group W any W":                        "is taken",
		"witness W x+1+y":                            "couldn't read the witness",
		"log x+1+y":                                  "couldn't read the public key",
	} {
		if _, err := proof.ParsePolicy([]byte(text)); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add([]byte(example()))
	f.Add([]byte("quorum none"))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := proof.ParsePolicy(text)
		if err != nil {
			return
		}
		if !p.Quorum.None() && p.Quorum.Met(func(int) bool { return false }) {
			t.Error("nobody suffices")
		}
		if !p.Quorum.Met(func(int) bool { return true }) {
			t.Error("all together don't suffice")
		}
	})
}
