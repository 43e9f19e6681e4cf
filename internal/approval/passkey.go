package approval

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
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
	LastOfKey(ctx context.Context, org, fingerprint string) (whodid.Event, bool, error)
}

// Passkeys is where people of one organisation register the passkeys that they
// sign decisions with, and revoke them. Both are events. It is safe for
// concurrent use.
type Passkeys struct {
	org      string
	recorder Recorder
	trail    PasskeyTrail
	now      func() time.Time
}

// NewPasskeys makes the keeper of an organisation's passkeys.
func NewPasskeys(org string, r Recorder, t PasskeyTrail, now func() time.Time) *Passkeys {
	return &Passkeys{org: org, recorder: r, trail: t, now: now}
}

// List returns those of a person, or of everybody if there is none.
func (p *Passkeys) List(ctx context.Context, person string) ([]whodid.Passkey, error) {
	all, err := p.trail.Passkeys(ctx)
	if err != nil || person == "" {
		return all, err
	}
	return slices.DeleteFunc(all, func(k whodid.Passkey) bool { return k.Person != person }), nil
}

// Vouchers are the passkeys of a person of which one has to vouch for a further one;
// none if they have none, whose first needs no other.
func (p *Passkeys) Vouchers(ctx context.Context, person string) ([]whodid.Passkey, error) {
	own, err := p.List(ctx, person)
	return slices.DeleteFunc(own, func(k whodid.Passkey) bool { return !k.RevokedAt.IsZero() }), err
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
	// Vouch is what another passkey of theirs, which Voucher is the id of, answered
	// when it was asked to sign [whodid.VouchStatement]; empty for the first.
	Voucher []byte
	Vouch   sshsig.Assertion
}

// Key is the key that was made, for a site.
func (n *NewPasskey) Key(site string) (*sshsig.Key, error) {
	public, err := x509.ParsePKIXPublicKey(n.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("%w: its public key can't be read", ErrPasskey)
	}
	key, err := sshsig.PasskeyOf(public, site)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPasskey, err)
	}
	return key, nil
}

// Register takes in a passkey of who registers it. Nothing attests what device has
// it. That the first is theirs, the sign-in says; that a further one is, one that
// they have: who got hold of their session alone adds none.
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
	key, err := n.Key(made.Site)
	if err != nil {
		return none, err
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
	if err := p.vouched(ctx, &e, n, who); err != nil {
		return none, err
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

// vouched puts into the event of a registration what vouches for it, if anything
// has to.
func (p *Passkeys) vouched(ctx context.Context, e *whodid.Event, n *NewPasskey, who Who) error {
	own, err := p.Vouchers(ctx, who.Actor)
	if err != nil || len(own) == 0 {
		return err
	}
	i := slices.IndexFunc(own, func(k whodid.Passkey) bool { return k.Credential == hex.EncodeToString(n.Voucher) })
	if i < 0 {
		return fmt.Errorf("%w: you have a passkey, and it must vouch for another", ErrNotAllowed)
	}
	key, err := sshsig.ParseKey(own[i].PublicKey)
	if err != nil {
		return err
	}
	statement := whodid.VouchStatement(who.Actor, e.Data.String("signing_key"))
	armored, err := n.Vouch.Armor(key, statement, whodid.VouchNamespace)
	if err == nil {
		key, err = sshsig.Verify(statement, armored, whodid.VouchNamespace)
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", ErrSignature, err)
	case key.Fingerprint != own[i].Fingerprint:
		return fmt.Errorf("%w: another key vouched than it says", ErrSignature)
	}
	e.Data["vouched_by"], e.Data["vouch"] = key.Fingerprint, inParts(string(armored))
	return counted(ctx, p.trail, p.org, key)
}

// Reach is which passkeys somebody may revoke.
type Reach int

const (
	// OwnPasskeys are theirs but for the last that counts: with a stolen session
	// one could be put in its place.
	OwnPasskeys Reach = iota
	// OthersPasskeys are those of other people, too.
	OthersPasskeys
	// AnyPasskey is what whoever runs the trail's machine reaches.
	AnyPasskey
)

// Revoke makes a passkey worthless from now on.
func (p *Passkeys) Revoke(ctx context.Context, fingerprint, why string, may Reach, who Who) (whodid.Passkey, error) {
	k, err := p.find(ctx, fingerprint)
	if err != nil {
		return k, err
	}
	own, err := p.Vouchers(ctx, who.Actor)
	switch {
	case err != nil:
		return k, err
	case may == OwnPasskeys && k.Person != who.Actor:
		return k, fmt.Errorf("%w: it is not yours", ErrNotAllowed)
	case may != AnyPasskey && len(own) == 1 && own[0].Fingerprint == k.Fingerprint:
		return k, fmt.Errorf("%w: it is your last, and whoever stole your session could put theirs in its place: register another first, or let an administrator revoke it", ErrNotAllowed)
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

// counted refuses the signature of a decision by a passkey that was revoked or
// copied.
func (s *Service) counted(ctx context.Context, a *whodid.Approval) error {
	key, err := sshsig.ApprovalKey(a)
	if err != nil || key.Passkey == nil {
		return err
	}
	return counted(ctx, s.trail, s.org, key)
}

// counted refuses a signature of a passkey that was revoked, or has signed less often
// than before: there are two of it then. Passkeys that are synced don't count.
func counted(ctx context.Context, trail interface {
	LastOfKey(ctx context.Context, org, fingerprint string) (whodid.Event, bool, error)
}, org string, key *sshsig.Key,
) error {
	e, ok, err := trail.LastOfKey(ctx, org, key.Fingerprint)
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
