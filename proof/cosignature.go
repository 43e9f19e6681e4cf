package proof

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cosignatureType is the signature type of C2SP tlog-cosignature with Ed25519.
const cosignatureType = 4

// Witness is the public key of somebody who cosigns checkpoints that are
// consistent with those that they saw before (C2SP tlog-cosignature).
type Witness struct {
	name string
	id   [4]byte
	key  ed25519.PublicKey
}

// ParseWitness reads a witness's public key: its name, the key's hash and the
// key, joined by plus signs. The base64 is of 0x04 and the key.
func ParseWitness(text string) (Witness, error) {
	bad := func(why string) (Witness, error) {
		return Witness{}, fmt.Errorf("couldn't read the witness's key %q: %s", short(text), why)
	}
	name, rest, _ := strings.Cut(strings.TrimSpace(text), "+")
	id, encoded, ok := strings.Cut(rest, "+")
	if !ok || name == "" || strings.ContainsAny(name, " \n") {
		return bad("it is not name+hash+base64")
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignatureType {
		return bad("it is no Ed25519 key for cosignatures")
	}
	sum := sha256.Sum256(append([]byte(name+"\n"), key...))
	w := Witness{name: name, id: [4]byte(sum[:4]), key: key[1:]}
	if hex.EncodeToString(w.id[:]) != id {
		return bad("its hash is another")
	}
	return w, nil
}

// Name is how the witness calls itself.
func (w *Witness) Name() string { return w.name }

// Same reports whether two are the same witness, by name and key.
func (w *Witness) Same(other *Witness) bool { return w.name == other.name && w.key.Equal(other.key) }

// Cosigned returns when the witness saw the checkpoint of a signed note. The
// error says that it did not cosign it.
func (w *Witness) Cosigned(signed string) (time.Time, error) {
	text, lines, err := splitNote(signed)
	if err != nil {
		return time.Time{}, err
	}
	_, at, err := w.cosigned(text, lines)
	return at, err
}

// Pick takes the cosignature of the witness out of the signature lines that it
// answered with when the checkpoint of a signed note was shown to it. It returns
// the line, with its line feed, and when the witness saw the checkpoint.
func (w *Witness) Pick(signed, lines string) (string, time.Time, error) {
	text, _, err := splitNote(signed)
	if err != nil {
		return "", time.Time{}, err
	}
	return w.cosigned(text, lines)
}

// CheckpointText is the text of a signed note, which is what the log, witnesses and
// authorities for time stamps sign. It checks no signature.
func CheckpointText(signed string) (string, error) {
	text, _, err := splitNote(signed)
	return text, err
}

// splitNote takes a signed note apart into its text and its signature lines.
func splitNote(signed string) (text, lines string, err error) {
	end := strings.LastIndex(signed, "\n\n")
	if end < 0 {
		return "", "", errors.New("not a signed note")
	}
	return signed[:end+1], signed[end+2:], nil
}

// cosigned finds the line by which the witness cosigned the text of a note.
func (w *Witness) cosigned(text, lines string) (string, time.Time, error) {
	for line := range strings.Lines(lines) {
		rest, dash := strings.CutPrefix(line, "— ")
		rest, whole := strings.CutSuffix(rest, "\n")
		name, encoded, ok := strings.Cut(rest, " ")
		if !ok || !dash || !whole || name != w.name {
			continue
		}
		blob, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || len(blob) != 4+8+ed25519.SignatureSize || [4]byte(blob) != w.id {
			continue
		}
		at := binary.BigEndian.Uint64(blob[4:])
		message := "cosignature/v1\ntime " + strconv.FormatUint(at, 10) + "\n" + text
		if at <= maxUnix && ed25519.Verify(w.key, []byte(message), blob[12:]) {
			return line, time.Unix(int64(at), 0).UTC(), nil
		}
		return "", time.Time{}, fmt.Errorf("the cosignature of %s is not of this checkpoint", w.name)
	}
	return "", time.Time{}, fmt.Errorf("%s did not cosign it", w.name)
}

// maxUnix is the last second of the year 9999: what comes after can't be
// written as RFC 3339.
const maxUnix = 253402300799
