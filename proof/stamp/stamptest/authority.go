// Package stamptest is an authority for time stamps of RFC 3161 that a test can have
// err as it likes. Its keys are made of one byte, so that anybody can see that they
// are none to trust, and all that it signs is the same each time.
package stamptest

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Authority stamps messages.
type Authority struct {
	// Root leads to Signer; both are certificates.
	Root, Signer *x509.Certificate
	key          ed25519.PrivateKey
}

// Fault is what is wrong with an authority's certificate.
type Fault int

// The faults that there are.
const (
	None        Fault = iota
	OtherUse          // it is for web servers
	MoreUses          // it is for web servers, too
	NotCritical       // what it is for may be overlooked
)

func seed(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// New makes an authority of that name whose certificate is valid from one time to
// another. Its keys are made of the byte, and of the next one.
func New(t testing.TB, name string, key byte, from, until time.Time, fault Fault) *Authority {
	t.Helper()
	rootKey, signerKey := seed(key), seed(key+1)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name + " root"}, NotBefore: from.AddDate(-10, 0, 0), NotAfter: until.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &Authority{key: signerKey, Root: sign(t, root, root, rootKey, rootKey)}
	uses := []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}
	server := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	switch fault {
	case OtherUse:
		uses[0] = server
	case MoreUses:
		uses = append(uses, server)
	default:
	}
	value, err := asn1.Marshal(uses)
	if err != nil {
		t.Fatal(err)
	}
	signer := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: fault != NotCritical, Value: value}},
	}
	a.Signer = sign(t, signer, a.Root, signerKey, rootKey)
	return a
}

func sign(t testing.TB, c, parent *x509.Certificate, key, by ed25519.PrivateKey) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(nil, c, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

// RootPEM is the certificate that a verifier trusts.
func (a *Authority) RootPEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Root.Raw}))
}

// Edit changes what an authority signs; nil changes nothing.
type Edit struct {
	// Imprint is what is stamped in the place of the message's hash, Kind what the
	// content is said to be, Digest what is signed in the place of its hash.
	Imprint, Digest []byte
	Kind            asn1.ObjectIdentifier
	// Named is the certificate that the signature names, Sent the ones that come with
	// it; its own if there are none.
	Named *x509.Certificate
	Sent  []*x509.Certificate
	// Extension is one that nobody may overlook.
	Extension bool
	// Twice puts the hash of what is signed there twice.
	Twice bool
	// Unsigned leaves the signed attributes out.
	Unsigned bool
}

func oid(arcs ...int) asn1.ObjectIdentifier { return arcs }

// Stamp makes a token for the message.
func (a *Authority) Stamp(t testing.TB, message []byte, at time.Time, nonce *big.Int, e *Edit) []byte {
	t.Helper()
	if e == nil {
		e = &Edit{}
	}
	imprint := sha256.Sum256(message)
	info := build(t, func(b *cryptobyte.Builder) { writeInfo(b, or(e.Imprint, imprint[:]), at, nonce, e.Extension) })
	digest := sha512.Sum512(info)
	named := a.Signer
	if e.Named != nil {
		named = e.Named
	}
	name := sha512.Sum512(named.Raw)
	kind := e.Kind
	if kind == nil {
		kind = oid(1, 2, 840, 113549, 1, 9, 16, 1, 4)
	}
	attributes := build(t, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			attribute(b, oid(1, 2, 840, 113549, 1, 9, 3), func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(kind) })
			attribute(b, oid(1, 2, 840, 113549, 1, 9, 4), func(b *cryptobyte.Builder) { b.AddASN1OctetString(or(e.Digest, digest[:])) })
			if e.Twice {
				attribute(b, oid(1, 2, 840, 113549, 1, 9, 4), func(b *cryptobyte.Builder) { b.AddASN1OctetString(digest[:]) })
			}
			attribute(b, oid(1, 2, 840, 113549, 1, 9, 16, 2, 47), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
							sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid(2, 16, 840, 1, 101, 3, 4, 2, 3)) })
							b.AddASN1OctetString(name[:])
						})
					})
				})
			})
		})
	})
	signature := ed25519.Sign(a.key, attributes)
	attributes[0] = 0xa0
	if e.Unsigned {
		signature, attributes = ed25519.Sign(a.key, info), nil
	}
	sent := e.Sent
	if sent == nil {
		sent = []*x509.Certificate{a.Signer}
	}
	return build(t, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid(1, 2, 840, 113549, 1, 7, 2))
			explicit(b, func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) { a.writeSigned(b, info, attributes, signature, sent) })
			})
		})
	})
}

func (a *Authority) writeSigned(b *cryptobyte.Builder, info, attributes, signature []byte, sent []*x509.Certificate) {
	sha := func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid(2, 16, 840, 1, 101, 3, 4, 2, 3)) }
	b.AddASN1Int64(3)
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { sequence(b, sha) })
	sequence(b, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid(1, 2, 840, 113549, 1, 9, 16, 1, 4))
		explicit(b, func(b *cryptobyte.Builder) { b.AddASN1OctetString(info) })
	})
	explicit(b, func(b *cryptobyte.Builder) {
		for _, c := range sent {
			b.AddBytes(c.Raw)
		}
	})
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			sequence(b, func(b *cryptobyte.Builder) {
				b.AddBytes(a.Signer.RawIssuer)
				b.AddASN1BigInt(a.Signer.SerialNumber)
			})
			sequence(b, sha)
			b.AddBytes(attributes)
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid(1, 3, 101, 112)) })
			b.AddASN1OctetString(signature)
		})
	})
}

func writeInfo(b *cryptobyte.Builder, imprint []byte, at time.Time, nonce *big.Int, extension bool) {
	sequence(b, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1ObjectIdentifier(oid(1, 2, 3, 4))
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oid(2, 16, 840, 1, 101, 3, 4, 2, 1)) })
			b.AddASN1OctetString(imprint)
		})
		b.AddASN1Int64(7)
		b.AddASN1(cbasn1.GeneralizedTime, func(b *cryptobyte.Builder) { b.AddBytes([]byte(at.UTC().Format("20060102150405Z"))) })
		if nonce != nil {
			b.AddASN1BigInt(nonce)
		}
		if extension {
			b.AddASN1(cbasn1.Tag(1).Constructed().ContextSpecific(), func(b *cryptobyte.Builder) {
				sequence(b, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oid(1, 2, 3, 5))
					b.AddASN1Boolean(true)
					b.AddASN1OctetString(nil)
				})
			})
		}
	})
}

func sequence(b *cryptobyte.Builder, f func(b *cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }

func explicit(b *cryptobyte.Builder, f func(b *cryptobyte.Builder)) {
	b.AddASN1(cbasn1.Tag(0).Constructed().ContextSpecific(), f)
}

func attribute(b *cryptobyte.Builder, name asn1.ObjectIdentifier, value func(b *cryptobyte.Builder)) {
	sequence(b, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(name)
		b.AddASN1(cbasn1.SET, value)
	})
}

func build(t testing.TB, f func(b *cryptobyte.Builder)) []byte {
	t.Helper()
	var b cryptobyte.Builder
	f(&b)
	out, err := b.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func or(given, otherwise []byte) []byte {
	if given != nil {
		return given
	}
	return otherwise
}

// Response is an authority's answer with that status, and the token if there is one.
func Response(t testing.TB, status int64, token []byte) []byte {
	t.Helper()
	return build(t, func(b *cryptobyte.Builder) {
		sequence(b, func(b *cryptobyte.Builder) {
			sequence(b, func(b *cryptobyte.Builder) { b.AddASN1Int64(status) })
			b.AddBytes(token)
		})
	})
}
