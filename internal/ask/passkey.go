package ask

import (
	"context"
	"time"

	"github.com/whodid/whodid"
)

// Passkey is a key in an authenticator that a person signs decisions with.
type Passkey struct {
	// SigningKey is its fingerprint, as ssh-keygen -l shows it.
	SigningKey string `json:"signing_key"`
	// Name is what its person calls it.
	Name string `json:"name"`
	// Person is whose it is, as an actor, and Auth how they were known.
	Person string `json:"person"`
	Auth   string `json:"auth"`
	// PublicKey is the key as a line of SSH's.
	PublicKey    string    `json:"public_key"`
	RegisteredAt time.Time `json:"registered_at"`
	// EventID is that of its registration.
	EventID string `json:"event_id"`
	// VouchedBy is the fingerprint of the person's passkey that vouches for it; empty
	// for their first.
	VouchedBy string `json:"vouched_by"`
	// RevokedAt is from when on it counts no more; null if it counts.
	RevokedAt *time.Time `json:"revoked_at"`
	RevokedBy string     `json:"revoked_by"`
	// Why it was revoked.
	Why string `json:"why"`
}

// PasskeyList lists passkeys, in the order in which they were registered.
type PasskeyList struct {
	Passkeys []Passkey `json:"passkeys"`
}

// NewPasskey is a passkey as answers have it.
func NewPasskey(k *whodid.Passkey) Passkey {
	return Passkey{
		SigningKey: k.Fingerprint, Name: k.Name, Person: k.Person, Auth: k.Auth, PublicKey: k.PublicKey, RegisteredAt: k.RegisteredAt.UTC(), EventID: k.Event, VouchedBy: k.VouchedBy,
		RevokedAt: moment(k.RevokedAt), RevokedBy: k.RevokedBy, Why: k.Why,
	}
}

// PasskeysOf lists the passkeys of a person, or of everybody if there is none;
// revoked ones only if all is set.
func (a *Asker) PasskeysOf(ctx context.Context, person string, all bool) (*PasskeyList, error) {
	found, err := a.Passkeys(ctx)
	if err != nil {
		return nil, err
	}
	list := &PasskeyList{Passkeys: []Passkey{}}
	for i := range found {
		if k := &found[i]; (person == "" || k.Person == person) && (all || k.RevokedAt.IsZero()) {
			list.Passkeys = append(list.Passkeys, NewPasskey(k))
		}
	}
	return list, nil
}
