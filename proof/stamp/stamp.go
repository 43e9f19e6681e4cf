// Package stamp reads and checks time stamps of RFC 3161: that an authority says that
// something was there at a time. It knows what such a stamp must be to count as
// evidence, and refuses everything else. It is pure and works offline.
package stamp

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// MaxToken is the largest token that is read, in bytes. It holds a few certificates.
const MaxToken = 64 << 10

// ErrStamp is wrapped by every error about a token or an answer.
var ErrStamp = errors.New("not a time stamp that counts")

// Stamp is what a token says.
type Stamp struct {
	// At is when the authority stamped it, by its own clock.
	At time.Time
	// Authority is the name of the one who signed.
	Authority string
	// Nonce is the number of the request that it answers; nil if it has none.
	Nonce *big.Int
}

// NewRequest is the request to stamp a message: the authority sees its SHA-256, and
// is asked for its certificates.
func NewRequest(message []byte, nonce *big.Int) ([]byte, error) {
	digest := sha256.Sum256(message)
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidSHA256)
				b.AddASN1NULL()
			})
			b.AddASN1OctetString(digest[:])
		})
		b.AddASN1BigInt(nonce)
		b.AddASN1Boolean(true)
	})
	out, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("couldn't write the request for a time stamp: %w", err)
	}
	return out, nil
}

// statuses are the words for what an authority answers instead of a stamp.
var statuses = []string{2: "rejection", 3: "waiting", 4: "revocation warning", 5: "revocation notification"}

// Token takes the token out of an authority's answer.
func Token(response []byte) ([]byte, error) {
	if len(response) > MaxToken {
		return nil, fmt.Errorf("%w: the answer is longer than %d bytes", ErrStamp, MaxToken)
	}
	in := cryptobyte.String(response)
	var answer, status cryptobyte.String
	var code int
	if !in.ReadASN1(&answer, cbasn1.SEQUENCE) || !in.Empty() || !answer.ReadASN1(&status, cbasn1.SEQUENCE) || !status.ReadASN1Integer(&code) {
		return nil, fmt.Errorf("%w: the answer can't be read", ErrStamp)
	}
	if code != 0 && code != 1 { // granted, or granted with modifications
		word := "an unknown status"
		if code > 1 && code < len(statuses) {
			word = statuses[code]
		}
		return nil, fmt.Errorf("%w: the authority answered with %s (%d)", ErrStamp, word, code)
	}
	token := []byte(answer)
	var whole cryptobyte.String
	if !answer.ReadASN1Element(&whole, cbasn1.SEQUENCE) || !answer.Empty() {
		return nil, fmt.Errorf("%w: the authority granted it, and sent none", ErrStamp)
	}
	return token, nil
}

// Check checks that a token stamps the message, and is signed by an authority whose
// certificate led to one of the roots at that time. It says nothing of the nonce: who
// asked for the stamp compares it.
func Check(token, message []byte, roots []*x509.Certificate) (*Stamp, error) {
	t, err := parse(token)
	if err == nil {
		err = t.check(message, roots)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrStamp, err)
	}
	return &Stamp{At: t.at, Authority: nameOf(t.signer), Nonce: t.nonce}, nil
}

func (t *token) check(message []byte, roots []*x509.Certificate) error {
	digest := sha256.Sum256(message)
	if !t.algorithm.Equal(oidSHA256) || !bytes.Equal(t.imprint, digest[:]) {
		return errors.New("it stamps something else")
	}
	if err := t.checkSignature(); err != nil {
		return err
	}
	if err := checkPurpose(t.signer); err != nil {
		return err
	}
	o := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), CurrentTime: t.at, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	}
	for _, c := range roots {
		o.Roots.AddCert(c)
	}
	for _, c := range t.certificates {
		o.Intermediates.AddCert(c)
	}
	if _, err := t.signer.Verify(o); err != nil {
		return fmt.Errorf("its authority does not lead to a trusted root at %s: %w", t.at.Format(time.RFC3339), err)
	}
	return nil
}

// checkSignature checks that the signer signed what the token says, and named its own
// certificate in it, so that no other one with that key can be put in its place.
func (t *token) checkSignature() error {
	h, ok := hashOf(t.digest)
	if !ok {
		return fmt.Errorf("it uses the hash %s, which is not taken", t.digest)
	}
	w := h.New()
	w.Write(t.info)
	if !t.kind.Equal(oidTSTInfo) || !bytes.Equal(t.messageDigest, w.Sum(nil)) {
		return errors.New("what it says is not what was signed")
	}
	if !t.namesSigner() {
		return errors.New("its signature names another certificate")
	}
	algorithm, ok := t.signatureAlgorithm()
	if !ok {
		return fmt.Errorf("it is signed by a method that is not taken (%s)", t.method)
	}
	if err := t.signer.CheckSignature(algorithm, t.signed, t.signature); err != nil {
		return fmt.Errorf("its signature does not hold: %w", err)
	}
	return nil
}

// namesSigner tells whether the signed attributes name the signer's certificate.
func (t *token) namesSigner() bool {
	h, ok := hashOf(t.certAlgorithm)
	if t.certAlgorithm.Equal(oidSHA1) {
		h, ok = crypto.SHA1, true // it names a certificate, which is signed besides
	}
	if !ok {
		return false
	}
	w := h.New()
	w.Write(t.signer.Raw)
	return bytes.Equal(w.Sum(nil), t.certHash)
}

// oidEKU is the extension that says what a key is for.
var oidEKU = asn1.ObjectIdentifier{2, 5, 29, 37}

// checkPurpose checks that the certificate is for time stamps and for nothing else,
// and says so in a way that nobody may overlook (RFC 3161, section 2.3).
func checkPurpose(c *x509.Certificate) error {
	if !slices.Equal(c.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(c.UnknownExtKeyUsage) > 0 {
		return errors.New("its certificate is not one for time stamps alone")
	}
	for i := range c.Extensions {
		if c.Extensions[i].Id.Equal(oidEKU) && c.Extensions[i].Critical {
			return nil
		}
	}
	return errors.New("its certificate does not insist on being for time stamps alone")
}

// nameOf is how an authority calls itself.
func nameOf(c *x509.Certificate) string {
	if c.Subject.CommonName != "" {
		return c.Subject.CommonName
	}
	return c.Subject.String()
}
