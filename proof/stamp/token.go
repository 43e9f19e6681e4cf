package stamp

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" //nolint:gosec // by it older authorities name their certificate, which a signature protects
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The names of RFC 3161, 5652 and 5816.
var (
	oidSHA1           = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256         = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidSHA384         = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}
	oidSHA512         = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}
	oidSignedData     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidTSTInfo        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidContentType    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidCertificate    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidCertificateV2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidRSA            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	oidSHA256WithRSA  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	oidSHA384WithRSA  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 12}
	oidSHA512WithRSA  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}
	oidPSS            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}
	oidECDSAAndSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidECDSAAndSHA384 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}
	oidECDSAAndSHA512 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}
	oidEd25519        = asn1.ObjectIdentifier{1, 3, 101, 112}
)

// hashOf is the hash of that name, if a token may use it.
func hashOf(name asn1.ObjectIdentifier) (crypto.Hash, bool) {
	switch {
	case name.Equal(oidSHA256):
		return crypto.SHA256, true
	case name.Equal(oidSHA384):
		return crypto.SHA384, true
	case name.Equal(oidSHA512):
		return crypto.SHA512, true
	default:
		return 0, false
	}
}

// signatureAlgorithm is how the token is signed, if that is a method that is taken with
// its hash.
func (t *token) signatureAlgorithm() (x509.SignatureAlgorithm, bool) {
	var of [3]x509.SignatureAlgorithm // with SHA-256, SHA-384, SHA-512
	switch {
	case t.method.Equal(oidRSA):
		of = [3]x509.SignatureAlgorithm{x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA}
	case t.method.Equal(oidPSS):
		of = [3]x509.SignatureAlgorithm{x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS}
	case t.method.Equal(oidSHA256WithRSA):
		of[0] = x509.SHA256WithRSA
	case t.method.Equal(oidSHA384WithRSA):
		of[1] = x509.SHA384WithRSA
	case t.method.Equal(oidSHA512WithRSA):
		of[2] = x509.SHA512WithRSA
	case t.method.Equal(oidECDSAAndSHA256):
		of[0] = x509.ECDSAWithSHA256
	case t.method.Equal(oidECDSAAndSHA384):
		of[1] = x509.ECDSAWithSHA384
	case t.method.Equal(oidECDSAAndSHA512):
		of[2] = x509.ECDSAWithSHA512
	case t.method.Equal(oidEd25519):
		of[2] = x509.PureEd25519
	}
	var a x509.SignatureAlgorithm
	switch {
	case t.digest.Equal(oidSHA256):
		a = of[0]
	case t.digest.Equal(oidSHA384):
		a = of[1]
	case t.digest.Equal(oidSHA512):
		a = of[2]
	}
	return a, a != x509.UnknownSignatureAlgorithm
}

// token is a token that was taken apart. Nothing in it is checked yet.
type token struct {
	// info is the signed content, as it is hashed.
	info []byte
	// What the content says.
	algorithm asn1.ObjectIdentifier
	imprint   []byte
	at        time.Time
	nonce     *big.Int
	// The signer and what it signed.
	certificates   []*x509.Certificate
	signer         *x509.Certificate
	digest, method asn1.ObjectIdentifier
	signed         []byte // the signed attributes as a SET
	signature      []byte
	kind           asn1.ObjectIdentifier // content type, as it was signed
	messageDigest  []byte
	certAlgorithm  asn1.ObjectIdentifier
	certHash       []byte
}

var errShape = errors.New("it can't be read")

// The tags of CMS that depend on their place.
var (
	tag0       = cbasn1.Tag(0).Constructed().ContextSpecific()
	tag1       = cbasn1.Tag(1).Constructed().ContextSpecific()
	tag0Simple = cbasn1.Tag(0).ContextSpecific()
)

// parse takes a token apart: a ContentInfo with SignedData, whose content is TSTInfo.
func parse(b []byte) (*token, error) {
	if len(b) > MaxToken {
		return nil, fmt.Errorf("it is longer than %d bytes", MaxToken)
	}
	in := cryptobyte.String(b)
	var outer, content, data cryptobyte.String
	var kind asn1.ObjectIdentifier
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidSignedData) ||
		!outer.ReadASN1(&content, tag0) || !outer.Empty() || !content.ReadASN1(&data, cbasn1.SEQUENCE) || !content.Empty() {
		return nil, errShape
	}
	var version int
	var info, wrapped, eContent, certificates, signers, signer cryptobyte.String
	var hasCertificates bool
	if !data.ReadASN1Integer(&version) || !data.SkipASN1(cbasn1.SET) || !data.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!info.ReadASN1ObjectIdentifier(&kind) || !kind.Equal(oidTSTInfo) || !info.ReadASN1(&wrapped, tag0) || !info.Empty() ||
		!wrapped.ReadASN1(&eContent, cbasn1.OCTET_STRING) || !wrapped.Empty() ||
		!data.ReadOptionalASN1(&certificates, &hasCertificates, tag0) || !data.SkipOptionalASN1(tag1) ||
		!data.ReadASN1(&signers, cbasn1.SET) || !data.Empty() {
		return nil, errShape
	}
	// A token has one signature (RFC 3161, section 2.4.2).
	if !signers.ReadASN1(&signer, cbasn1.SEQUENCE) || !signers.Empty() {
		return nil, errors.New("it has another number of signatures than one")
	}
	t := &token{info: eContent}
	if err := t.readInfo(eContent); err != nil {
		return nil, err
	}
	if err := t.readCertificates(certificates); err != nil {
		return nil, err
	}
	return t, t.readSigner(signer)
}

// readInfo reads what the token says: TSTInfo.
func (t *token) readInfo(in cryptobyte.String) error {
	var info, imprint, algorithm, at, hashed cryptobyte.String
	var version int
	var policy asn1.ObjectIdentifier
	serial := new(big.Int)
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !in.Empty() || !info.ReadASN1Integer(&version) || version != 1 ||
		!info.ReadASN1ObjectIdentifier(&policy) || !info.ReadASN1(&imprint, cbasn1.SEQUENCE) ||
		!imprint.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&t.algorithm) ||
		!imprint.ReadASN1(&hashed, cbasn1.OCTET_STRING) || !imprint.Empty() ||
		!info.ReadASN1Integer(serial) || !info.ReadASN1(&at, cbasn1.GeneralizedTime) {
		return errShape
	}
	t.imprint = hashed
	var err error
	if t.at, err = readTime(string(at)); err != nil {
		return err
	}
	if !info.SkipOptionalASN1(cbasn1.SEQUENCE) || !info.SkipOptionalASN1(cbasn1.BOOLEAN) { // accuracy, ordering
		return errShape
	}
	if info.PeekASN1Tag(cbasn1.INTEGER) {
		t.nonce = new(big.Int)
		if !info.ReadASN1Integer(t.nonce) {
			return errShape
		}
	}
	var extensions cryptobyte.String
	if !info.SkipOptionalASN1(tag0) || !info.ReadOptionalASN1(&extensions, nil, tag1) || !info.Empty() { // tsa
		return errShape
	}
	return readExtensions(extensions)
}

// readExtensions refuses a token that says something that nobody may overlook, for
// none of it is known here.
func readExtensions(in cryptobyte.String) error {
	for !in.Empty() {
		var extension, value cryptobyte.String
		var name asn1.ObjectIdentifier
		var critical bool
		if !in.ReadASN1(&extension, cbasn1.SEQUENCE) || !extension.ReadASN1ObjectIdentifier(&name) ||
			extension.PeekASN1Tag(cbasn1.BOOLEAN) && !extension.ReadASN1Boolean(&critical) ||
			!extension.ReadASN1(&value, cbasn1.OCTET_STRING) || !extension.Empty() {
			return errShape
		}
		if critical {
			return fmt.Errorf("it has an extension that is not known here (%s)", name)
		}
	}
	return nil
}

// readTime reads a GeneralizedTime in UTC, which may have fractions of a second.
func readTime(text string) (time.Time, error) {
	t, err := time.Parse("20060102150405Z", text)
	if err != nil || t.Year() < 2000 {
		return time.Time{}, errors.New("its time can't be read")
	}
	return t.UTC(), nil
}

// maxCertificates is how many certificates a token may bring along.
const maxCertificates = 16

func (t *token) readCertificates(in cryptobyte.String) error {
	for !in.Empty() {
		var raw cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1Element(&raw, &tag) {
			return errShape
		}
		if tag != cbasn1.SEQUENCE {
			continue // of an older kind, which proves nothing
		}
		if len(t.certificates) == maxCertificates {
			return fmt.Errorf("it brings more than %d certificates along", maxCertificates)
		}
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return fmt.Errorf("a certificate in it can't be read: %w", err)
		}
		t.certificates = append(t.certificates, c)
	}
	return nil
}

// readSigner reads the signature, and finds the signer's certificate.
func (t *token) readSigner(in cryptobyte.String) error {
	var version int
	if !in.ReadASN1Integer(&version) {
		return errShape
	}
	if err := t.findSigner(&in); err != nil {
		return err
	}
	var digest, attributes, method cryptobyte.String
	if !in.ReadASN1(&digest, cbasn1.SEQUENCE) || !digest.ReadASN1ObjectIdentifier(&t.digest) || !in.ReadASN1Element(&attributes, tag0) ||
		!in.ReadASN1(&method, cbasn1.SEQUENCE) || !method.ReadASN1ObjectIdentifier(&t.method) ||
		!in.ReadASN1((*cryptobyte.String)(&t.signature), cbasn1.OCTET_STRING) || !in.SkipOptionalASN1(tag1) || !in.Empty() {
		return errShape
	}
	// What is signed is a SET, whatever stands in its place (RFC 5652, section 5.4).
	t.signed = bytes.Clone(attributes)
	t.signed[0] = byte(cbasn1.SET)
	var set cryptobyte.String
	if !attributes.ReadASN1(&set, tag0) {
		return errShape
	}
	return t.readAttributes(set)
}

func (t *token) findSigner(in *cryptobyte.String) error {
	if in.PeekASN1Tag(tag0Simple) {
		var id cryptobyte.String
		if !in.ReadASN1(&id, tag0Simple) || len(id) == 0 {
			return errShape
		}
		for _, c := range t.certificates {
			if bytes.Equal(c.SubjectKeyId, id) {
				t.signer = c
				return nil
			}
		}
		return errors.New("it lacks the certificate of its authority")
	}
	var id, issuer cryptobyte.String
	serial := new(big.Int)
	if !in.ReadASN1(&id, cbasn1.SEQUENCE) || !id.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !id.ReadASN1Integer(serial) || !id.Empty() {
		return errShape
	}
	for _, c := range t.certificates {
		if bytes.Equal(c.RawIssuer, issuer) && c.SerialNumber.Cmp(serial) == 0 {
			t.signer = c
			return nil
		}
	}
	return errors.New("it lacks the certificate of its authority")
}

// readAttributes reads the signed attributes. Each that matters is there once.
func (t *token) readAttributes(set cryptobyte.String) error {
	seen := map[string]bool{}
	for !set.Empty() {
		var attribute, values cryptobyte.String
		var name asn1.ObjectIdentifier
		if !set.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&name) || !attribute.ReadASN1(&values, cbasn1.SET) || !attribute.Empty() {
			return errShape
		}
		if seen[name.String()] {
			return errors.New("a signed attribute is there twice")
		}
		seen[name.String()] = true
		var err error
		switch {
		case name.Equal(oidContentType):
			if !values.ReadASN1ObjectIdentifier(&t.kind) || !values.Empty() {
				err = errShape
			}
		case name.Equal(oidMessageDigest):
			if !values.ReadASN1((*cryptobyte.String)(&t.messageDigest), cbasn1.OCTET_STRING) || !values.Empty() {
				err = errShape
			}
		case name.Equal(oidCertificateV2):
			err = t.readName(values, oidSHA256)
		case name.Equal(oidCertificate) && t.certHash == nil:
			err = t.readName(values, oidSHA1)
		}
		if err != nil {
			return err
		}
	}
	if t.kind == nil || t.messageDigest == nil || t.certHash == nil {
		return errors.New("its signature does not cover what it must")
	}
	return nil
}

// readName reads which certificate the signer names first: its own.
func (t *token) readName(values cryptobyte.String, algorithm asn1.ObjectIdentifier) error {
	var names, list, first, hash cryptobyte.String
	if !values.ReadASN1(&names, cbasn1.SEQUENCE) || !values.Empty() || !names.ReadASN1(&list, cbasn1.SEQUENCE) || !list.ReadASN1(&first, cbasn1.SEQUENCE) {
		return errShape
	}
	t.certAlgorithm = algorithm
	if first.PeekASN1Tag(cbasn1.SEQUENCE) {
		var other cryptobyte.String
		if algorithm.Equal(oidSHA1) || !first.ReadASN1(&other, cbasn1.SEQUENCE) || !other.ReadASN1ObjectIdentifier(&t.certAlgorithm) {
			return errShape
		}
	}
	if !first.ReadASN1(&hash, cbasn1.OCTET_STRING) {
		return errShape
	}
	t.certHash = hash
	return nil
}
