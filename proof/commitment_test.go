package proof_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid/proof"
)

func TestCommitIsHMAC(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 1, 55, 56, 63, 64, 65, 447, 448, 449, 5000} {
		salt := proof.Salt{byte(size)}
		key, value := salt.FieldKey(proof.FieldWhy), []byte(strings.Repeat("v", size))
		mac := hmac.New(sha256.New, key[:])
		mac.Write(value)
		if got := key.Commit(value); !slices.Equal(got[:], mac.Sum(nil)) {
			t.Errorf("of %d bytes: %x is not the HMAC", size, got)
		}
	}
}

// The key is bound to the field's name, so that nobody can pass the value of
// one field off as that of another.
func TestFieldKeyIsAsSpecified(t *testing.T) {
	t.Parallel()
	salt := proof.Salt{1, 2, 3}
	seen := map[proof.FieldKey]string{}
	for _, field := range proof.Fields() {
		want := sha256.Sum256(append([]byte("whodid field key v1\x00"+field+"\x00"), salt[:]...))
		key := salt.FieldKey(field)
		if key != want {
			t.Errorf("key of %s: %x, want %x", field, key, want)
		}
		if other, ok := seen[key]; ok {
			t.Errorf("%s and %s have one key", field, other)
		}
		seen[key] = field
	}
}

func TestCommitmentsSurviveTheRoundTrip(t *testing.T) {
	t.Parallel()
	want := proof.Commitments{
		Actor: proof.Commitment{1}, Data: proof.Commitment{2}, OnBehalfOf: proof.Commitment{3},
		Target: proof.Commitment{4}, Why: proof.Commitment{5},
	}
	b, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		if b[i*sha256.Size] != byte(i+1) {
			t.Errorf("commitment %d is not in its place", i)
		}
	}
	var got proof.Commitments
	if err := got.UnmarshalBinary(b); err != nil || got != want {
		t.Errorf("read as %v: %v", got, err)
	}
	for _, size := range []int{0, 159, 161} {
		if err := got.UnmarshalBinary(make([]byte, size)); err == nil {
			t.Errorf("%d bytes were accepted", size)
		}
	}
}
