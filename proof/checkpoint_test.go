package proof_test

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"github.com/whodid/whodid/proof"
)

const testOrigin = "example.com/log"

// newSigner makes a log's pen and its public key.
func newSigner(t testing.TB, origin string) (signer *proof.Signer, public string) {
	t.Helper()
	private, public, err := proof.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	if signer, err = proof.NewSigner(private); err != nil {
		t.Fatal(err)
	}
	return signer, public
}

func TestCheckpointSurvivesTheRoundTrip(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, testOrigin)
	rapid.Check(t, func(t *rapid.T) {
		want := proof.Checkpoint{
			Origin: testOrigin,
			Size:   rapid.Uint64Range(0, 1<<63-1).Draw(t, "size"),
			Root:   proof.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "root")),
		}
		signed, err := signer.Sign(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := proof.OpenCheckpoint(signed, public); err != nil || got != want {
			t.Fatalf("opened as %v: %v", got, err)
		}
		if got, err := proof.PeekCheckpoint(signed); err != nil || got != want {
			t.Fatalf("peeked as %v: %v", got, err)
		}
		// Of the signature's base64, the bits that no byte takes do not count.
		at := rapid.IntRange(0, len(want.String())).Draw(t, "at")
		tampered := signed[:at] + string(signed[at]^1<<rapid.IntRange(0, 7).Draw(t, "bit")) + signed[at+1:]
		if got, err := proof.OpenCheckpoint(tampered, public); err == nil {
			t.Fatalf("opened with a flipped bit at %d as %v", at, got)
		}
	})
}

func TestOpenCheckpointRefuses(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, testOrigin)
	namesake, _ := newSigner(t, testOrigin)
	other, otherPublic := newSigner(t, "example.com/other")
	c := proof.Checkpoint{Origin: testOrigin, Size: 7, Root: proof.Hash{1}}
	sign := func(s *proof.Signer, c proof.Checkpoint) string {
		signed, err := s.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	signed := sign(signer, c)
	body, signatures, _ := strings.Cut(signed, "\n\n")
	for name, tc := range map[string]struct {
		signed, key string
		want        error
	}{
		"good":                       {signed, public, nil},
		"key of another log":         {signed, otherPublic, proof.ErrUntrusted},
		"another key of that name":   {sign(namesake, c), public, proof.ErrSignature},
		"signed by another log":      {sign(other, c), public, proof.ErrSignature},
		"another origin":             {sign(signer, proof.Checkpoint{Origin: "example.com/other"}), public, proof.ErrUntrusted},
		"another origin, its key":    {sign(signer, proof.Checkpoint{Origin: "example.com/other"}), otherPublic, proof.ErrSignature},
		"edited size":                {strings.Replace(signed, "\n7\n", "\n8\n", 1), public, proof.ErrSignature},
		"edited root":                {strings.Replace(signed, c.Root.String(), proof.Hash{2}.String(), 1), public, proof.ErrSignature},
		"added extension":            {body + "\nextension\n\n" + signatures, public, proof.ErrSignature},
		"signatures of another note": {"x\n1\n" + c.Root.String() + "\n\n" + signatures, public, proof.ErrUntrusted},
	} {
		if _, err := proof.OpenCheckpoint(tc.signed, tc.key); !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	signer, public := newSigner(t, testOrigin)
	_, namesake := newSigner(t, testOrigin)
	_, other := newSigner(t, "example.com/other")
	signed, err := signer.Sign(proof.Checkpoint{Origin: testOrigin})
	if err != nil {
		t.Fatal(err)
	}
	// A log that changed its key has two; the same key twice is one.
	keys, err := proof.ParseKeys(other, namesake, public, " "+public+"\n")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Open(signed); err != nil {
		t.Error(err)
	}
	if _, err := (proof.Keys{}).Open(signed); !errors.Is(err, proof.ErrUntrusted) {
		t.Errorf("without a key: %v", err)
	}
	for _, text := range []string{"", "x", public[:len(public)-4], strings.Replace(public, "+", "-", 1), strings.Repeat("k", 1<<20)} {
		if _, err := proof.ParseKeys(text); err == nil || len(err.Error()) > 200 {
			t.Errorf("key %.40q: error of %d bytes", text, len(err.Error()))
		}
	}
}

// A blank line within the text must not hide what is signed after it.
func TestPeekCheckpointReadsTheWholeText(t *testing.T) {
	t.Parallel()
	c := proof.Checkpoint{Origin: "o", Size: 1}
	if got, err := proof.PeekCheckpoint(c.String() + "\nmore\n\n— o AAAA\n"); err == nil {
		t.Errorf("peeked as %v", got)
	}
}

func TestParseCheckpoint(t *testing.T) {
	t.Parallel()
	root := proof.Hash{0xff}.String()
	good := proof.Checkpoint{Origin: "o", Size: 1, Root: proof.Hash{0xff}}
	for text, ok := range map[string]bool{
		"o\n1\n" + root + "\n":                   true,
		"o\n1\n" + root + "\next\nmore\n":        true,
		"o\n1\n" + root:                          false,
		"o\n1\n" + root + "\next":                false,
		"o\n1\n" + root + "\n\n":                 false,
		"o\n1\n" + root + "\na\n\nb\n":           false,
		"\n1\n" + root + "\n":                    false,
		"o\n01\n" + root + "\n":                  false,
		"o\n+1\n" + root + "\n":                  false,
		"o\n-1\n" + root + "\n":                  false,
		"o\n9223372036854775808\n" + root + "\n": false,
		"o\n1\n" + root + "\r\n":                 false,
		"o\n1\n" + root[:43] + "\n":              false,
		"o\n1\n" + root[:42] + "B=\n":            false, // bits that no byte takes
		"o\n1\n" + root[:40] + "\n":              false,
		"":                                       false,
	} {
		got, err := proof.ParseCheckpoint(text)
		if (err == nil) != ok || ok && got != good {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	huge := "o\n" + strings.Repeat("9", 1<<20) + "\n" + root + "\n"
	if _, err := proof.ParseCheckpoint(huge); err == nil || len(err.Error()) > 300 {
		t.Errorf("huge size: error of %d bytes", len(err.Error()))
	}
}

// A signed note with extension lines is one, and they are signed as well.
func TestExtensionLinesAreSigned(t *testing.T) {
	t.Parallel()
	private, public, err := proof.GenerateKey(testOrigin)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	want := proof.Checkpoint{Origin: testOrigin, Size: 3, Root: proof.Hash{5}}
	signed, err := note.Sign(&note.Note{Text: want.String() + "extension\n"}, signer)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := proof.OpenCheckpoint(string(signed), public); err != nil || got != want {
		t.Errorf("opened as %v: %v", got, err)
	}
	if _, err := proof.OpenCheckpoint(strings.Replace(string(signed), "extension", "extensioN", 1), public); err == nil {
		t.Error("an edited extension was accepted")
	}
}

func TestGenerateKeyRefuses(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"", "two words", "a+b", "a\nb", "\xff"} {
		if _, _, err := proof.GenerateKey(origin); err == nil {
			t.Errorf("made a key for %q", origin)
		}
	}
}

func TestNewSignerRefuses(t *testing.T) {
	t.Parallel()
	for _, private := range []string{"", "PRIVATE+KEY+x", "PRIVATE+KEY+example.com/log+00000000+AAAA"} {
		if _, err := proof.NewSigner(private); err == nil || strings.Contains(err.Error(), "AAAA") {
			t.Errorf("%q: %v", private, err)
		}
	}
}

func FuzzParseCheckpoint(f *testing.F) {
	f.Add("o\n1\n" + proof.Hash{}.String() + "\n")
	f.Add("o\n0\n" + proof.EmptyRoot().String() + "\nextension\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := proof.ParseCheckpoint(text)
		if err == nil && !strings.HasPrefix(text, c.String()) {
			t.Fatalf("%q was read as %q", text, c.String())
		}
	})
}

func FuzzPeekCheckpoint(f *testing.F) {
	signer, public := newSigner(f, testOrigin)
	signed, err := signer.Sign(proof.Checkpoint{Origin: testOrigin, Size: 1})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Fuzz(func(t *testing.T, signed string) {
		opened, err := proof.OpenCheckpoint(signed, public)
		if err != nil {
			return
		}
		if peeked, err := proof.PeekCheckpoint(signed); err != nil || peeked != opened {
			t.Fatalf("opened as %v, peeked as %v: %v", opened, peeked, err)
		}
	})
}
