package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash in the tree.
type Hash [sha256.Size]byte

// String is the hash in standard base64, as checkpoints write it.
func (h Hash) String() string { return base64.StdEncoding.EncodeToString(h[:]) }

// MarshalText writes the hash in lower-case hexadecimal, as bundles have it.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads a hash in lower-case hexadecimal.
func (h *Hash) UnmarshalText(b []byte) error { return decodeHex(h[:], b) }

// MarshalText writes the commitment in lower-case hexadecimal.
func (c Commitment) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, c[:]), nil }

// UnmarshalText reads a commitment in lower-case hexadecimal.
func (c *Commitment) UnmarshalText(b []byte) error { return decodeHex(c[:], b) }

// MarshalText writes the key in lower-case hexadecimal.
func (k FieldKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads a key in lower-case hexadecimal.
func (k *FieldKey) UnmarshalText(b []byte) error { return decodeHex(k[:], b) }

// decodeHex reads exactly len(dst) bytes. Capitals are refused, so that a
// value has one spelling.
func decodeHex(dst, src []byte) error {
	if len(src) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("%d hexadecimal digits, not %d", len(src), hex.EncodedLen(len(dst)))
	}
	for _, c := range src {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return errors.New("not lower-case hexadecimal")
		}
	}
	_, err := hex.Decode(dst, src)
	return err
}

// nodeHash is the hash of an inner node (RFC 6962, section 2.1).
func nodeHash(left, right Hash) Hash {
	return Hash(tlog.NodeHash(tlog.Hash(left), tlog.Hash(right)))
}

func fromTlog(p []tlog.Hash) []Hash {
	out := make([]Hash, len(p))
	for i, h := range p {
		out[i] = Hash(h)
	}
	return out
}

func toTlog(p []Hash) []tlog.Hash {
	out := make([]tlog.Hash, len(p))
	for i, h := range p {
		out[i] = tlog.Hash(h)
	}
	return out
}
