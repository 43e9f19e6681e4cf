package whodid

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Passkey is a key in an authenticator that a person signs decisions with in a
// browser, as its registration and its revocation tell.
type Passkey struct {
	// Fingerprint is that of the key, as ssh-keygen -l shows it.
	Fingerprint string
	// PublicKey is the key as a line of SSH's: its type and base64.
	PublicKey string
	// Credential is the id that the authenticator gave it, in hexadecimal.
	Credential string
	// Counter is how often it had signed when it was registered; most count not.
	Counter int64
	// Name is what its person calls it.
	Name string
	// Person is whose it is, as an actor, and Auth how they were known.
	Person, Auth string
	RegisteredAt time.Time
	Event        string // id of the registration
	// VouchedBy is the passkey of theirs that signed that this is one, too; empty for
	// the first.
	VouchedBy string
	// RevokedAt is from when on it counts no more; zero if it counts.
	RevokedAt time.Time
	RevokedBy string
	Why       string // it was revoked
}

// The parts of a passkey. A key is registered once, and revoked once.
const (
	PasskeyRegistration = "register"
	PasskeyRevocation   = "revoke"
)

// PasskeyKey is the natural key of a part of a passkey.
func PasskeyKey(fingerprint, part string) string { return "passkey/" + fingerprint + "/" + part }

// VouchNamespace is the namespace of the signatures by which a passkey vouches for
// another (ssh-keygen -Y verify -n passkey@whodid).
const VouchNamespace = "passkey@whodid"

// VouchStatement are the bytes that a passkey of a person signs to say that another
// key is theirs, too.
func VouchStatement(person, fingerprint string) []byte {
	return []byte("whodid passkey v1\npasskey: " + fingerprint + "\nof: " + person + "\n")
}

// IsPasskey reports whether a verb tells of passkeys.
func IsPasskey(what string) bool { return strings.HasPrefix(what, "passkey.") }

// validatePasskey sees to it that people, and nobody else, register and revoke
// passkeys, each in its place.
func (e *Event) validatePasskey() error {
	_, part, ours := strings.Cut(e.What, "passkey.")
	fingerprint := e.Data.String("signing_key")
	switch {
	case !ours && strings.HasPrefix(e.Key, "passkey/"):
		return fmt.Errorf("the key %q is that of a passkey, which a %s is not", e.Key, e.What)
	case !ours:
		return nil
	case !IsHuman(e.Actor) || e.Actor == ErasedPerson:
		return fmt.Errorf("%s is for people who are known; %s is none", e.What, e.Actor)
	case fingerprint == "" || e.Key != PasskeyKey(fingerprint, part):
		return fmt.Errorf("the key of %s must be %q", e.What, PasskeyKey(fingerprint, part))
	case part == PasskeyRegistration && (e.Data.String("public_key") == "" || e.Data.String("credential_id") == ""):
		return fmt.Errorf("%s has no public_key and credential_id", e.What)
	default:
		return nil
	}
}

// FoldPasskeys adds up the registrations and revocations of passkeys, in the
// order in which they were registered. What was erased tells of none.
func FoldPasskeys(events []Event) []Passkey {
	var out []Passkey
	for i := range events {
		e := &events[i]
		if e.What != "passkey.register" || e.Data.String("public_key") == "" {
			continue
		}
		counter, _ := e.Data.Int("sign_count")
		out = append(out, Passkey{
			Fingerprint: e.Data.String("signing_key"), PublicKey: e.Data.String("public_key"), Credential: e.Data.String("credential_id"),
			Counter: counter, Name: e.Target, Person: e.Actor, Auth: e.ActorAuth, RegisteredAt: e.RecordedAt, Event: e.ID, VouchedBy: e.Data.String("vouched_by"),
		})
	}
	for i := range events {
		e := &events[i]
		if e.What != "passkey.revoke" {
			continue
		}
		for j := range out {
			if e.Key == PasskeyKey(out[j].Fingerprint, PasskeyRevocation) {
				out[j].RevokedAt, out[j].RevokedBy, out[j].Why = e.RecordedAt, e.Actor, e.Why
			}
		}
	}
	slices.SortStableFunc(out, func(a, b Passkey) int { return a.RegisteredAt.Compare(b.RegisteredAt) })
	return out
}
