package sshsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"

	"golang.org/x/crypto/ssh"
)

// The formats of signatures that passkeys make. The first is OpenSSH's own
// (PROTOCOL.u2f), which ssh-keygen -Y verify checks. For keys of other types
// OpenSSH has none; theirs are built in the same way.
const (
	passkeyECDSA   = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"
	passkeyEd25519 = "webauthn-sk-ssh-ed25519@whodid"
	passkeyRSA     = "webauthn-rsa-sha2-256@whodid"
)

// What an authenticator says of a signature, in one byte (WebAuthn §6.1).
const (
	flagPresent    = 0x01 // a person was there
	flagVerified   = 0x04 // and showed a finger, a face or a PIN
	flagBackedUp   = 0x10
	flagAttested   = 0x40 // a new key is in it
	flagExtensions = 0x80
)

// The bounds of what a browser answers.
const (
	maxClientData = 4 << 10
	maxExtensions = 1 << 10
	minRSA        = 2048
	authDataSize  = sha256.Size + 1 + 4
)

// Passkey is what an authenticator and a browser say of a signature.
type Passkey struct {
	// Origin is the site at which it was made.
	Origin string
	// Counter is how often the passkey had signed; it is 0 of those that don't
	// count. Of one that was copied it goes back.
	Counter uint32
}

// assertion is what stands in a signature behind that of the key.
type assertion struct {
	Flags      byte
	Counter    uint32
	Origin     string
	ClientData string
	Extensions string
}

// Challenge is what a passkey must be asked to sign for its signature to be one
// of the message in the namespace: the very bytes that a key of SSH's signs.
func Challenge(message []byte, namespace string) []byte {
	digest := sha256.Sum256(message)
	return toSign(namespace, "", "sha256", digest[:])
}

// toSign are the bytes that are signed.
func toSign(namespace, reserved, algorithm string, digest []byte) []byte {
	return append([]byte(magic), ssh.Marshal(signed{Namespace: namespace, Reserved: reserved, Hash: algorithm, Digest: string(digest)})...)
}

// verifyPasskey checks a signature of a passkey over what: that it was made at the
// site that the key is for, of just this, by a person who was there and showed it.
func verifyPasskey(blob []byte, s *ssh.Signature, what []byte) (*Passkey, error) {
	var a assertion
	if err := ssh.Unmarshal(s.Rest, &a); err != nil {
		return nil, errors.New("what the browser said can't be read")
	}
	site, secure := siteOf(a.Origin)
	begin := clientData("webauthn.get", what, a.Origin)
	switch {
	case len(a.ClientData) > maxClientData || len(a.Extensions) > maxExtensions:
		return nil, errors.New("what the browser said is too long")
	case !secure:
		return nil, fmt.Errorf("it was made at %.80q, which is no site that passkeys work at", a.Origin)
	case !strings.HasPrefix(a.ClientData, begin):
		return nil, errors.New("the passkey signed something else")
	case !endsAlone(a.ClientData[len(begin):]):
		return nil, errors.New("it was made within another site")
	case a.Flags&flagPresent == 0:
		return nil, errors.New("nobody was there when the passkey signed")
	case a.Flags&flagVerified == 0:
		return nil, errors.New("the passkey signed without making sure who was there")
	case a.Flags&flagAttested != 0 || a.Flags&flagExtensions != 0 != (a.Extensions != ""):
		return nil, errors.New("what the authenticator said contradicts itself")
	}
	key, err := parsePasskey(blob, site)
	if err != nil {
		return nil, err
	}
	if key.site != site {
		return nil, fmt.Errorf("it was made at %s, and the key is for %.80q", a.Origin, key.site)
	}
	of, client := sha256.Sum256([]byte(site)), sha256.Sum256([]byte(a.ClientData))
	data := append(of[:], a.Flags)
	data = binary.BigEndian.AppendUint32(data, a.Counter)
	data = append(append(data, a.Extensions...), client[:]...)
	if s.Format != key.format || !key.holds(data, s.Blob) {
		return nil, fmt.Errorf("it is not of this message by the key %s", fingerprint(blob))
	}
	return &Passkey{Origin: a.Origin, Counter: a.Counter}, nil
}

// clientData is what a browser's account of a signature must begin with, which is
// so to the byte (WebAuthn §5.8.1.1): no JSON needs to be understood here.
func clientData(kind string, what []byte, origin string) string {
	return `{"type":"` + kind + `","challenge":"` + base64.RawURLEncoding.EncodeToString(what) + `","origin":"` + origin + `"`
}

// endsAlone tells whether the rest of a browser's account says that the page was
// no part of another site's.
func endsAlone(rest string) bool {
	const own = `,"crossOrigin":false`
	return rest == "}" || strings.HasPrefix(rest, own+",") || rest == own+"}"
}

// siteOf is the host of an origin, if passkeys work there: over TLS, or on the
// reader's own machine.
func siteOf(origin string) (site string, secure bool) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin || strings.ContainsAny(origin, `"\`) {
		return "", false
	}
	site = u.Hostname()
	return site, u.Scheme == "https" || u.Scheme == "http" && site == "localhost"
}

// passkey is the key of a passkey: for what site it is and how it signs.
type passkey struct {
	site, format string
	holds        func(data, signature []byte) bool
}

type (
	ecdsaPasskey   struct{ Type, Curve, Point, Site string }
	ed25519Passkey struct{ Type, Key, Site string }
	ecdsaSignature struct{ R, S *big.Int }
)

// parsePasskey reads a key in SSH's wire format. One of RSA names no site: it is
// for the one at which it signs, for no authenticator has it sign at two.
func parsePasskey(blob []byte, site string) (*passkey, error) {
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, fmt.Errorf("its key can't be read: %w", err)
	}
	switch key.Type() {
	case ssh.KeyAlgoSKECDSA256:
		var k ecdsaPasskey
		if err := ssh.Unmarshal(blob, &k); err != nil {
			return nil, err
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), []byte(k.Point))
		if err != nil {
			return nil, fmt.Errorf("its key can't be read: %w", err)
		}
		return &passkey{k.Site, passkeyECDSA, func(data, signature []byte) bool {
			var s ecdsaSignature
			digest := sha256.Sum256(data)
			return ssh.Unmarshal(signature, &s) == nil && ecdsa.Verify(public, digest[:], s.R, s.S)
		}}, nil
	case ssh.KeyAlgoSKED25519:
		var k ed25519Passkey
		if err := ssh.Unmarshal(blob, &k); err != nil {
			return nil, err
		}
		return &passkey{k.Site, passkeyEd25519, func(data, signature []byte) bool {
			return len(k.Key) == ed25519.PublicKeySize && ed25519.Verify(ed25519.PublicKey(k.Key), data, signature)
		}}, nil
	case ssh.KeyAlgoRSA:
		public, ok := key.(ssh.CryptoPublicKey)
		if !ok {
			break
		}
		k, ok := public.CryptoPublicKey().(*rsa.PublicKey)
		if !ok || k.N.BitLen() < minRSA {
			return nil, fmt.Errorf("its RSA key has less than %d bits", minRSA)
		}
		return &passkey{site, passkeyRSA, func(data, signature []byte) bool {
			digest := sha256.Sum256(data)
			return rsa.VerifyPKCS1v15(k, crypto.SHA256, digest[:], signature) == nil
		}}, nil
	}
	return nil, fmt.Errorf("a key of the type %.40q is not that of a passkey", key.Type())
}

// ofSite tells whether a key in a security key is one of a site, and none that OpenSSH
// made, whose applications begin with "ssh:". A browser says where one of a site signed
// and that it made sure of the person, a program that talks to the device does not.
func ofSite(blob []byte) bool {
	var e ecdsaPasskey
	var d ed25519Passkey
	switch {
	case ssh.Unmarshal(blob, &e) == nil && e.Type == ssh.KeyAlgoSKECDSA256:
		return !strings.HasPrefix(e.Site, "ssh:")
	case ssh.Unmarshal(blob, &d) == nil && d.Type == ssh.KeyAlgoSKED25519:
		return !strings.HasPrefix(d.Site, "ssh:")
	default:
		return false
	}
}

// isPasskeyFormat tells whether a signature is one of a passkey.
func isPasskeyFormat(format string) bool { return strings.HasPrefix(format, "webauthn-") }

// CounterOf is how often the passkey had signed that made a signature, without a
// look at whether it holds; 0 of what is no passkey's.
func CounterOf(armored []byte) uint32 {
	var inner ssh.Signature
	var a assertion
	s, err := open(armored)
	if err != nil || ssh.Unmarshal([]byte(s.Signature), &inner) != nil || !isPasskeyFormat(inner.Format) || ssh.Unmarshal(inner.Rest, &a) != nil {
		return 0
	}
	return a.Counter
}

// PasskeyOf is the key of a passkey for a site, of a public key as browsers give
// it: of package crypto/x509.
func PasskeyOf(public crypto.PublicKey, site string) (*Key, error) {
	var blob []byte
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil || k.Curve != elliptic.P256() {
			return nil, errors.New("its curve is none of those of passkeys")
		}
		blob = ssh.Marshal(ecdsaPasskey{ssh.KeyAlgoSKECDSA256, "nistp256", string(point), site})
	case ed25519.PublicKey:
		blob = ssh.Marshal(ed25519Passkey{ssh.KeyAlgoSKED25519, string(k), site})
	case *rsa.PublicKey:
		key, err := ssh.NewPublicKey(k)
		if err != nil {
			return nil, err
		}
		blob = key.Marshal()
	default:
		return nil, fmt.Errorf("a key of the type %T is not that of a passkey", public)
	}
	if _, err := parsePasskey(blob, site); err != nil {
		return nil, err
	}
	return keyOf(blob)
}

// keyOf is the key of that wire format.
func keyOf(blob []byte) (*Key, error) {
	key, err := ssh.ParsePublicKey(blob)
	if err != nil {
		return nil, err
	}
	return &Key{Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), Blob: key.Marshal()}, nil
}

func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}

// Line is the key as files of SSH's have it: its type and base64.
func (k *Key) Line() string { return k.Type + " " + base64.StdEncoding.EncodeToString(k.Blob) }

// ParseKey reads what [Key.Line] wrote.
func ParseKey(line string) (*Key, error) {
	key, _, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 || len(rest) > 0 {
		return nil, errors.New("that is no key as files of SSH's have it")
	}
	return keyOf(key.Marshal())
}

// Assertion is what a browser answers when a passkey has signed, byte for byte.
type Assertion struct {
	AuthenticatorData, ClientData, Signature []byte
}

// Armor makes of it a signature as [Verify] takes it, of a message in a namespace by
// a key. It checks no more than it needs: Verify does.
func (a *Assertion) Armor(key *Key, message []byte, namespace string) ([]byte, error) {
	var client struct {
		Origin string `json:"origin"`
	}
	if len(a.AuthenticatorData) < authDataSize || len(a.AuthenticatorData) > authDataSize+maxExtensions || len(a.ClientData) > maxClientData {
		return nil, fmt.Errorf("%w: what the browser answered has not the size of such an answer", ErrInvalid)
	}
	if err := json.Unmarshal(a.ClientData, &client); err != nil {
		return nil, fmt.Errorf("%w: what the browser answered can't be read", ErrInvalid)
	}
	site, _ := siteOf(client.Origin)
	k, err := parsePasskey(key.Blob, site)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	of := sha256.Sum256([]byte(k.site))
	if !bytes.HasPrefix(a.AuthenticatorData, of[:]) {
		return nil, fmt.Errorf("%w: the passkey signed for another site than %.80q", ErrInvalid, k.site)
	}
	signature := a.Signature
	if k.format == passkeyECDSA {
		var s ecdsaSignature
		if rest, err := asn1.Unmarshal(a.Signature, &s); err != nil || len(rest) > 0 || s.R == nil || s.S == nil {
			return nil, fmt.Errorf("%w: the signature can't be read", ErrInvalid)
		}
		signature = ssh.Marshal(s)
	}
	said := a.AuthenticatorData[len(of):]
	inner := ssh.Marshal(ssh.Signature{Format: k.format, Blob: signature, Rest: ssh.Marshal(assertion{
		Flags: said[0], Counter: binary.BigEndian.Uint32(said[1:5]), Origin: client.Origin, ClientData: string(a.ClientData), Extensions: string(said[5:]),
	})})
	outer := ssh.Marshal(blob{Version: 1, PublicKey: string(key.Blob), Namespace: namespace, Hash: "sha256", Signature: string(inner)})
	return pem.EncodeToMemory(&pem.Block{Type: pemType, Bytes: append([]byte(magic), outer...)}), nil
}

// Registration is what an authenticator says of a passkey that it just made.
type Registration struct {
	// Site is what it is for.
	Site string
	// Credential is its id.
	Credential []byte
	Counter    uint32
	// BackedUp says that there are copies of it.
	BackedUp bool
}

// ParseRegistration reads what a browser at an origin answers when it was asked to have
// a passkey made, with a challenge: that a person was there, showed it, and got a key.
// The key itself browsers tell apart, and no signature is in it.
func ParseRegistration(data, client, challenge []byte, origin string) (*Registration, error) {
	const head = authDataSize + 16 + 2 // the model's id, and how long the key's is
	site, secure := siteOf(origin)
	rest, ours := strings.CutPrefix(string(client), clientData("webauthn.create", challenge, origin))
	if !secure || !ours || len(client) > maxClientData || !endsAlone(rest) {
		return nil, errors.New("the browser answered another question, or at another site")
	}
	of := sha256.Sum256([]byte(site))
	if len(data) < head || len(data) > 8<<10 {
		return nil, errors.New("what the authenticator said has not the size of such an answer")
	}
	flags, length := data[sha256.Size], int(binary.BigEndian.Uint16(data[head-2:]))
	switch {
	case !bytes.HasPrefix(data, of[:]):
		return nil, fmt.Errorf("the passkey is for another site than %s", site)
	case flags&flagPresent == 0 || flags&flagVerified == 0:
		return nil, errors.New("the authenticator did not make sure who was there")
	case flags&flagAttested == 0 || length == 0 || length > 1023 || len(data) < head+length:
		return nil, errors.New("there is no passkey in what the authenticator said")
	}
	return &Registration{
		Site: site, Credential: bytes.Clone(data[head : head+length]), Counter: binary.BigEndian.Uint32(data[sha256.Size+1:]), BackedUp: flags&flagBackedUp != 0,
	}, nil
}
