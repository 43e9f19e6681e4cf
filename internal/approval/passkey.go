package approval

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof/sshsig"
)

// ErrPasskey means that a passkey can't be registered or revoked like that.
var ErrPasskey = errors.New("that does not go with a passkey")

// PasskeyTrail reads the passkeys of an organisation. internal/ask is the
// implementation.
type PasskeyTrail interface {
	Passkeys(ctx context.Context) ([]whodid.Passkey, error)
}

// Passkeys is where people of one organisation register the passkeys that they
// sign decisions with, and revoke them. Both are events. It is safe for
// concurrent use.
type Passkeys struct {
	recorder Recorder
	trail    PasskeyTrail
	now      func() time.Time
}

// NewPasskeys makes the keeper of an organisation's passkeys.
func NewPasskeys(r Recorder, t PasskeyTrail, now func() time.Time) *Passkeys {
	return &Passkeys{recorder: r, trail: t, now: now}
}

// List returns those of a person, or of everybody if there is none.
func (p *Passkeys) List(ctx context.Context, person string) ([]whodid.Passkey, error) {
	all, err := p.trail.Passkeys(ctx)
	if err != nil || person == "" {
		return all, err
	}
	var own []whodid.Passkey
	for i := range all {
		if all[i].Person == person {
			own = append(own, all[i])
		}
	}
	return own, nil
}

// NewPasskey is what a browser answers when a passkey was made.
type NewPasskey struct {
	// Name is what its person calls it.
	Name string
	// Origin is the server's address as browsers reach it.
	Origin string
	// Challenge is what the browser was asked with.
	Challenge []byte
	// AuthenticatorData and ClientData are as WebAuthn has them, and PublicKey is a
	// SubjectPublicKeyInfo.
	AuthenticatorData, ClientData, PublicKey []byte
}

// Register takes in a passkey of who registers it. Nothing attests what device has
// it: that it is theirs, the sign-in says.
func (p *Passkeys) Register(ctx context.Context, n *NewPasskey, who Who) (whodid.Passkey, error) {
	none := whodid.Passkey{}
	name := strings.TrimSpace(n.Name)
	if name == "" || len(name) > 64 {
		return none, fmt.Errorf("%w: it needs a name of at most 64 bytes", ErrPasskey)
	}
	made, err := sshsig.ParseRegistration(n.AuthenticatorData, n.ClientData, n.Challenge, n.Origin)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	public, err := x509.ParsePKIXPublicKey(n.PublicKey)
	if err != nil {
		return none, fmt.Errorf("%w: its public key can't be read", ErrPasskey)
	}
	key, err := sshsig.PasskeyOf(public, made.Site)
	if err != nil {
		return none, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	credential := hex.EncodeToString(made.Credential)
	if line := key.Line(); len(line) > whodid.MaxDataString || len(credential) > whodid.MaxDataString {
		return none, fmt.Errorf("%w: its key or its id is longer than any that is known", ErrPasskey)
	}
	e := p.event(whodid.PasskeyRegistration, key.Fingerprint, who)
	e.Target = name
	e.Data["public_key"], e.Data["credential_id"], e.Data["sign_count"] = key.Line(), credential, int64(made.Counter)
	if made.BackedUp {
		e.Data["backed_up"] = true
	}
	added, err := p.recorder.Record(ctx, e)
	switch {
	case err != nil:
		return none, err
	case len(added) == 0:
		return none, fmt.Errorf("%w: it is registered already", ErrPasskey)
	}
	return p.find(ctx, key.Fingerprint)
}

// Revoke makes a passkey worthless from now on. Its person may do so, and whoever
// may revoke those of others.
func (p *Passkeys) Revoke(ctx context.Context, fingerprint, why string, others bool, who Who) (whodid.Passkey, error) {
	k, err := p.find(ctx, fingerprint)
	switch {
	case err != nil:
		return k, err
	case !others && k.Person != who.Actor:
		return k, fmt.Errorf("%w: it is not yours", ErrNotAllowed)
	}
	e := p.event(whodid.PasskeyRevocation, k.Fingerprint, who)
	e.Target, e.Why = k.Name, why
	if _, err := p.recorder.Record(ctx, e); err != nil {
		return k, err
	}
	return p.find(ctx, k.Fingerprint)
}

func (p *Passkeys) event(part, fingerprint string, who Who) whodid.Event {
	return whodid.Event{
		Key: whodid.PasskeyKey(fingerprint, part), What: "passkey." + part, At: p.now(), Source: who.Source,
		Actor: who.Actor, ActorAuth: who.Auth, Data: whodid.Data{"signing_key": fingerprint},
	}
}

// find returns the passkey with a fingerprint, which may lack "SHA256:" and its end.
func (p *Passkeys) find(ctx context.Context, fingerprint string) (whodid.Passkey, error) {
	all, err := p.trail.Passkeys(ctx)
	if err != nil {
		return whodid.Passkey{}, err
	}
	var found []whodid.Passkey
	bare := strings.TrimPrefix(fingerprint, "SHA256:")
	for i := range all {
		if bare != "" && strings.HasPrefix(strings.TrimPrefix(all[i].Fingerprint, "SHA256:"), bare) {
			found = append(found, all[i])
		}
	}
	switch len(found) {
	case 0:
		return whodid.Passkey{}, fmt.Errorf("passkey %q: %w", fingerprint, store.ErrNotFound)
	case 1:
		return found[0], nil
	default:
		return whodid.Passkey{}, fmt.Errorf("%w: %q is the beginning of several", ErrPasskey, fingerprint)
	}
}

// counted refuses a signature of a passkey that was revoked, or has signed less often
// than before: there are two of it then. Passkeys that are synced don't count.
func (s *Service) counted(ctx context.Context, a *whodid.Approval) error {
	key, err := sshsig.ApprovalKey(a)
	if err != nil || key.Passkey == nil {
		return err
	}
	e, ok, err := s.trail.LastOfKey(ctx, s.org, key.Fingerprint)
	if err != nil || !ok {
		return err
	}
	if e.What == "passkey.revoke" {
		return fmt.Errorf("%w: the passkey is revoked", ErrSignature)
	}
	before, _ := e.Data.Int("sign_count")
	if signature := strings.Join(e.Data.List("signature"), ""); signature != "" {
		before = int64(sshsig.CounterOf([]byte(signature)))
	}
	if before > 0 && int64(key.Passkey.Counter) <= before {
		return fmt.Errorf("%w: the passkey counts %d signatures, and had counted %d before: somebody may have copied it; revoke it and look who", ErrSignature, key.Passkey.Counter, before)
	}
	return nil
}
