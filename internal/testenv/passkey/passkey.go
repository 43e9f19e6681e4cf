// Package passkey is an authenticator and a browser in software, for tests: its
// keys are made of one byte, so that anybody can see that they are none to trust,
// and sign the same in the same way each time.
package passkey

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/whodid/whodid/proof/sshsig"
)

// Passkey is a passkey for one site. What stands in its fields is what it says the
// next time that it signs; a test changes it to lie.
type Passkey struct {
	t      testing.TB
	signer crypto.Signer
	Key    *sshsig.Key

	Site, Origin, Type string
	Flags              byte
	Counter            uint32
	Extensions         string
	// Rest is what the browser says behind the origin.
	Rest string
}

// New makes a passkey of a site that signs with ES256.
func New(t testing.TB, site string, seed byte) *Passkey {
	t.Helper()
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return of(t, site, key)
}

// NewEd25519 makes one that signs with EdDSA.
func NewEd25519(t testing.TB, site string, seed byte) *Passkey {
	t.Helper()
	return of(t, site, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize)))
}

// NewRSA makes one that signs with RS256, with a key of its own.
func NewRSA(t testing.TB, site string, key *rsa.PrivateKey) *Passkey {
	t.Helper()
	return of(t, site, key)
}

func of(t testing.TB, site string, signer crypto.Signer) *Passkey {
	t.Helper()
	key, err := sshsig.PasskeyOf(signer.Public(), site)
	if err != nil {
		t.Fatal(err)
	}
	return &Passkey{t: t, signer: signer, Key: key, Site: site, Origin: "https://" + site, Type: "webauthn.get", Flags: 0x05, Counter: 1, Rest: `,"crossOrigin":false}`}
}

// Public is its public key.
func (p *Passkey) Public() crypto.PublicKey { return p.signer.Public() }

// Answer is what the browser answers when it is asked to let the passkey sign a
// challenge.
func (p *Passkey) Answer(challenge []byte) *sshsig.Assertion {
	p.t.Helper()
	site := sha256.Sum256([]byte(p.Site))
	data := append(site[:], p.Flags)
	data = append(binary.BigEndian.AppendUint32(data, p.Counter), p.Extensions...)
	client := fmt.Appendf(nil, `{"type":%q,"challenge":%q,"origin":%q%s`, p.Type, base64.RawURLEncoding.EncodeToString(challenge), p.Origin, p.Rest)
	sum := sha256.Sum256(client)
	message, hash := append(bytes.Clone(data), sum[:]...), crypto.Hash(0)
	if _, ok := p.signer.(ed25519.PrivateKey); !ok {
		digest := sha256.Sum256(message)
		message, hash = digest[:], crypto.SHA256
	}
	signature, err := p.signer.Sign(nil, message, hash)
	if err != nil {
		p.t.Fatal(err)
	}
	return &sshsig.Assertion{AuthenticatorData: data, ClientData: client, Signature: signature}
}

// Sign signs a message in a namespace, as approval.Decision.Sign does.
func (p *Passkey) Sign(message []byte, namespace string) (armored []byte, fingerprint string, err error) {
	p.t.Helper()
	armored, err = p.Answer(sshsig.Challenge(message, namespace)).Armor(p.Key, message, namespace)
	return armored, p.Key.Fingerprint, err
}

// SignBare signs as a program does that talks to the device without a browser: in
// the form of OpenSSH's own keys in security keys, of the type format.
func (p *Passkey) SignBare(message []byte, namespace, format string) []byte {
	p.t.Helper()
	challenge := sshsig.Challenge(message, namespace)
	site, sum := sha256.Sum256([]byte(p.Site)), sha256.Sum256(challenge)
	said := append([]byte{p.Flags}, binary.BigEndian.AppendUint32(nil, p.Counter)...)
	data := append(append(site[:], said...), sum[:]...)
	signature, err := p.signer.Sign(nil, data, crypto.Hash(0))
	if err != nil {
		p.t.Fatal(err)
	}
	inner := ssh.Marshal(ssh.Signature{Format: format, Blob: signature, Rest: said})
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                                   uint32
		Key, Namespace, Reserved, Hash, Signature string
	}{1, string(p.Key.Blob), namespace, "", "sha256", string(inner)})...)
	return pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob})
}

// Made is what the authenticator and the browser say when the passkey is made.
func (p *Passkey) Made(credential string, challenge []byte) (authenticator, client []byte) {
	site := sha256.Sum256([]byte(p.Site))
	data := binary.BigEndian.AppendUint32(append(site[:], p.Flags|0x40), p.Counter)
	data = append(data, strings.Repeat("\x00", 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(credential)))
	client = fmt.Appendf(nil, `{"type":"webauthn.create","challenge":%q,"origin":%q%s`, base64.RawURLEncoding.EncodeToString(challenge), p.Origin, p.Rest)
	return append(append(data, credential...), 0xa0), client // and the key, which nobody reads here
}
