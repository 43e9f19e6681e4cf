package proof

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Keys are the public keys of the logs that a verifier trusts. They come from
// elsewhere than what they check: a key that comes with a bundle is only the
// claim of whoever made the bundle. The zero value trusts nobody.
type Keys struct{ verifiers []note.Verifier }

// ErrUntrusted means that no trusted key is that of the log.
var ErrUntrusted = errors.New("no trusted key is of this log")

// ErrSignature means that a log whose key is trusted did not sign.
var ErrSignature = errors.New("the checkpoint is not signed by the trusted key of its log")

// ParseKeys reads public keys in the text form of C2SP signed-note: the log's
// origin, the key's hash and the key, joined by plus signs.
func ParseKeys(texts ...string) (Keys, error) {
	var k Keys
	for _, text := range texts {
		v, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return Keys{}, fmt.Errorf("couldn't read the public key %q: %w", short(text), err)
		}
		if !slices.ContainsFunc(k.verifiers, func(o note.Verifier) bool { return o.Name() == v.Name() && o.KeyHash() == v.KeyHash() }) {
			k.verifiers = append(k.verifiers, v)
		}
	}
	return k, nil
}

// Open checks that a signed note is a checkpoint that its own log signed with
// a trusted key, and returns it. The error is ErrUntrusted if there is no key
// of that log, and ErrSignature if there is and it did not sign.
func (k Keys) Open(signed string) (Checkpoint, error) {
	c, err := PeekCheckpoint(signed)
	if err != nil {
		return Checkpoint{}, err
	}
	// A key of another log or of a witness says nothing about this log.
	var own []note.Verifier
	for _, v := range k.verifiers {
		if v.Name() == c.Origin {
			own = append(own, v)
		}
	}
	if len(own) == 0 {
		return Checkpoint{}, fmt.Errorf("%w: %q", ErrUntrusted, short(c.Origin))
	}
	n, err := note.Open([]byte(signed), note.VerifierList(own...))
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %q", ErrSignature, short(c.Origin))
	}
	return ParseCheckpoint(n.Text)
}

// OpenText checks that a signed note that is no checkpoint is signed by the log
// of that origin with a trusted key, and returns its text. Errors are as those
// of [Keys.Open].
func (k Keys) OpenText(signed, origin string) (string, error) {
	var own []note.Verifier
	for _, v := range k.verifiers {
		if v.Name() == origin {
			own = append(own, v)
		}
	}
	if len(own) == 0 {
		return "", fmt.Errorf("%w: %q", ErrUntrusted, short(origin))
	}
	n, err := note.Open([]byte(signed), note.VerifierList(own...))
	if err != nil {
		return "", fmt.Errorf("%w: %q", ErrSignature, short(origin))
	}
	return n.Text, nil
}
