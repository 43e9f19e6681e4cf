package sshsig

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/ssh"

	"github.com/whodid/whodid"
)

// AllowedSigners says whose keys count, as an allowed signers file does.
type AllowedSigners struct {
	signers []signer
}

type signer struct {
	principals    []string
	namespaces    []string // patterns; none allows all
	after, before time.Time
	key           []byte
	line          int
}

// The bounds of an allowed signers file.
const (
	maxSigners = 1 << 20
	maxLines   = 20_000
)

// ParseAllowedSigners reads an allowed signers file. A line that it does not
// understand is an error, for it may be a key that somebody meant to keep out.
// Certificate authorities are not supported.
func ParseAllowedSigners(text []byte) (*AllowedSigners, error) {
	if len(text) > maxSigners || !utf8.Valid(text) {
		return nil, fmt.Errorf("the file of allowed signers is no text of at most %d bytes", maxSigners)
	}
	a := &AllowedSigners{}
	n := 0
	for line := range bytes.Lines(text) {
		if n++; n > maxLines {
			return nil, fmt.Errorf("the file of allowed signers has more than %d lines", maxLines)
		}
		s := strings.TrimSpace(string(line))
		if s == "" || strings.HasPrefix(s, "#") {
			continue
		}
		one, err := parseSigner(s)
		if err != nil {
			return nil, fmt.Errorf("line %d of the allowed signers: %w", n, err)
		}
		one.line = n
		a.signers = append(a.signers, one)
	}
	return a, nil
}

func parseSigner(line string) (signer, error) {
	principals, rest, ok := strings.Cut(line, " ")
	if !ok {
		return signer{}, fmt.Errorf("there is no key")
	}
	s := signer{principals: strings.Split(strings.Trim(principals, `"`), ",")}
	// What stands between the principals and the key is read as the options of
	// an authorized_keys file, whose syntax it has.
	key, _, options, rest2, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(rest2) > 0 {
		return signer{}, fmt.Errorf("the key can't be read")
	}
	s.key = key.Marshal()
	for _, o := range options {
		name, value, _ := strings.Cut(o, "=")
		value = strings.Trim(value, `"`)
		switch strings.ToLower(name) {
		case "namespaces":
			s.namespaces = strings.Split(value, ",")
		case "valid-after":
			s.after, err = validity(value)
		case "valid-before":
			s.before, err = validity(value)
		default:
			return signer{}, fmt.Errorf("the option %q is not supported", name)
		}
		if err != nil {
			return signer{}, err
		}
	}
	return s, nil
}

// Registered are the signers that passkeys make which people registered in a
// trail: each for its own person, from its registration on until it is revoked.
// A key that can't be read is nobody's.
func Registered(passkeys []whodid.Passkey) *AllowedSigners {
	a := &AllowedSigners{}
	for i := range passkeys {
		p := &passkeys[i]
		key, err := ParseKey(p.PublicKey)
		if err != nil || key.Fingerprint != p.Fingerprint || !whodid.IsHuman(p.Person) {
			continue
		}
		a.signers = append(a.signers, signer{
			principals: []string{p.Person}, namespaces: []string{whodid.SSHNamespace}, after: p.RegisteredAt, before: p.RevokedAt, key: key.Blob,
		})
	}
	return a
}

// validity reads a time as ssh-keygen does: YYYYMMDD or YYYYMMDDHHMM[SS], and a
// Z for UTC. Without one it is the local zone of whoever reads it, which has no
// meaning for others, so that UTC is taken.
func validity(s string) (time.Time, error) {
	digits := strings.TrimSuffix(s, "Z")
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(layout) == len(digits) {
			if t, err := time.Parse(layout, digits); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 20261101 or 202611010900Z", s)
}

// Principals returns the names under which a key may sign in the namespace at
// that time; none if it may not.
func (a *AllowedSigners) Principals(k *Key, namespace string, at time.Time) []string {
	var names []string
	for _, s := range a.signers {
		if !bytes.Equal(s.key, k.Blob) || !s.after.IsZero() && at.Before(s.after) || !s.before.IsZero() && !at.Before(s.before) {
			continue
		}
		if len(s.namespaces) > 0 && !slices.ContainsFunc(s.namespaces, func(p string) bool {
			ok, err := path.Match(p, namespace)
			return err == nil && ok
		}) {
			continue
		}
		names = append(names, s.principals...)
	}
	return names
}

// Len is how many keys the file names.
func (a *AllowedSigners) Len() int { return len(a.signers) }
