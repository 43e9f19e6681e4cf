package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is the head of a log: what a signature is put under. Its text
// form is C2SP tlog-checkpoint.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
}

// String is the checkpoint's text, the body of the signed note.
func (c Checkpoint) String() string {
	return fmt.Sprintf("%s\n%d\n%s\n", c.Origin, c.Size, c.Root)
}

// ParseCheckpoint reads a checkpoint's text. Extension lines are accepted and
// ignored, as the format demands; size and root must be spelled as [Checkpoint.String]
// spells them, so that a tree has one checkpoint.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" || !wholeLines(lines[3]) {
		return Checkpoint{}, errors.New("a checkpoint has three lines (origin, size, root) and none that is empty")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || lines[1] != strconv.FormatUint(size, 10) {
		return Checkpoint{}, fmt.Errorf("checkpoint size %q is not a number", short(lines[1]))
	}
	root, err := base64.StdEncoding.DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) || lines[2] != Hash(root).String() {
		return Checkpoint{}, fmt.Errorf("checkpoint root %q is not a hash in base64", short(lines[2]))
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}, nil
}

// wholeLines reports whether s is empty or lines that each hold something and
// end in a line feed.
func wholeLines(s string) bool {
	return s == "" || s[0] != '\n' && s[len(s)-1] == '\n' && !strings.Contains(s, "\n\n")
}

// Signer signs checkpoints with one Ed25519 key.
type Signer struct{ note note.Signer }

// GenerateKey makes a new signing key for an origin, which may hold no space
// and no plus sign. The private and the public key are in the text form of
// C2SP signed-note.
func GenerateKey(origin string) (private, public string, err error) {
	private, public, err = note.GenerateKey(nil, origin)
	if err != nil {
		return "", "", fmt.Errorf("couldn't make a key: %w", err)
	}
	if _, err := note.NewVerifier(public); err != nil {
		return "", "", fmt.Errorf("couldn't make a key: %q can't be the name of a log", short(origin))
	}
	return private, public, nil
}

// NewSigner reads a private key.
func NewSigner(private string) (*Signer, error) {
	s, err := note.NewSigner(strings.TrimSpace(private))
	if err != nil {
		return nil, fmt.Errorf("couldn't read the signing key: %w", err)
	}
	return &Signer{note: s}, nil
}

// Origin is the name in the key: the log's origin.
func (s *Signer) Origin() string { return s.note.Name() }

// Sign makes the signed note of a checkpoint.
func (s *Signer) Sign(c Checkpoint) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.String()}, s.note)
	if err != nil {
		return "", fmt.Errorf("couldn't sign the checkpoint: %w", err)
	}
	return string(signed), nil
}

// SignText makes the signed note of a text that is no checkpoint, such as the
// sums of an export. It refuses one that somebody could take for a checkpoint:
// whoever has such a signature could show a tree that the log never had.
func (s *Signer) SignText(text string) (string, error) {
	if lines := strings.SplitN(text, "\n", 3); len(lines) < 3 || !strings.HasPrefix(lines[0], "#") {
		return "", errors.New("couldn't sign the text: its first line must begin with #, which no log's name does here, and there must be a second")
	}
	if _, err := ParseCheckpoint(text); err == nil {
		return "", errors.New("couldn't sign the text: it could pass for a checkpoint")
	}
	signed, err := note.Sign(&note.Note{Text: text}, s.note)
	if err != nil {
		return "", fmt.Errorf("couldn't sign the text: %w", err)
	}
	return string(signed), nil
}

// PeekCheckpoint reads a signed note without checking any signature, for
// showing what a checkpoint claims.
func PeekCheckpoint(signed string) (Checkpoint, error) {
	end := strings.LastIndex(signed, "\n\n") // as signed-note splits text from signatures
	if end < 0 {
		return Checkpoint{}, errors.New("not a signed note: there is no blank line before the signatures")
	}
	return ParseCheckpoint(signed[:end+1])
}

// OpenCheckpoint checks that a signed note carries a valid signature by the
// public key and that its origin is the key's name, and returns its
// checkpoint.
func OpenCheckpoint(signed, public string) (Checkpoint, error) {
	keys, err := ParseKeys(public)
	if err != nil {
		return Checkpoint{}, err
	}
	return keys.Open(signed)
}
