package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"strings"
)

// TokenPrefix begins every API token, so that scanners of secrets, and our own
// redactor, know one when they see it.
const TokenPrefix = "whodid_"

const (
	secretBytes = 32
	checkBytes  = 4
	// tokenChars is how many characters follow the prefix.
	tokenChars = ((secretBytes+checkBytes)*8 + 4) / 5
)

// tokenText is Crockford's base 32 in lower case: a double click selects the
// whole of a token.
var tokenText = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// ErrNotToken means that a text does not have the form of an API token, or that
// a character of it is wrong.
var ErrNotToken = errors.New("not an API token of whodid")

// newSecret makes a token: the prefix, 256 random bits and a checksum over
// them, which tells a mistyped or cut token without asking the database.
func newSecret() string {
	var b [secretBytes + checkBytes]byte
	_, _ = rand.Read(b[:secretBytes]) // never fails: it ends the program instead, see crypto/rand
	binary.BigEndian.PutUint32(b[secretBytes:], crc32.ChecksumIEEE(b[:secretBytes]))
	return TokenPrefix + tokenText.EncodeToString(b[:])
}

// HashToken checks the form of a token and returns what of it is kept: its
// SHA-256. A token is 256 random bits, so that a slow hash would add nothing.
func HashToken(token string) ([sha256.Size]byte, error) {
	rest, ok := strings.CutPrefix(token, TokenPrefix)
	if !ok || len(rest) != tokenChars {
		return [sha256.Size]byte{}, ErrNotToken
	}
	b, err := tokenText.DecodeString(rest)
	// The last character has bits to spare: one token must not have two forms.
	if err != nil || tokenText.EncodeToString(b) != rest || binary.BigEndian.Uint32(b[secretBytes:]) != crc32.ChecksumIEEE(b[:secretBytes]) {
		return [sha256.Size]byte{}, ErrNotToken
	}
	return sha256.Sum256([]byte(token)), nil
}
