// Package sshsig checks signatures that OpenSSH makes (ssh-keygen -Y sign) with
// keys in files, agents and hardware, and those that passkeys make in browsers
// (WebAuthn), which it keeps in the same form; and it reads the files that say
// whose keys count. It is pure: bytes in, values out.
//
// The formats are those of PROTOCOL.sshsig and of ALLOWED SIGNERS in
// ssh-keygen(1), of OpenSSH 8.1 and newer.
package sshsig

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/pem"
	"errors"
	"fmt"

	"golang.org/x/crypto/ssh"
)

// ErrInvalid is wrapped by the errors of signatures that don't hold.
var ErrInvalid = errors.New("the signature does not hold")

const (
	magic    = "SSHSIG"
	pemType  = "SSH SIGNATURE"
	maxArmor = 64 << 10
)

// blob is a signature after the magic, as PROTOCOL.sshsig has it.
type blob struct {
	Version   uint32
	PublicKey string
	Namespace string
	Reserved  string
	Hash      string
	Signature string
}

// signed is what is signed, after the magic.
type signed struct {
	Namespace string
	Reserved  string
	Hash      string
	Digest    string
}

// Key is the key that made a signature.
type Key struct {
	// Type is its type as SSH names it, such as ssh-ed25519 or
	// sk-ssh-ed25519@openssh.com for one in a security key.
	Type string
	// Fingerprint is as ssh-keygen -l shows it: "SHA256:…".
	Fingerprint string
	// Blob is the key in SSH's wire format.
	Blob []byte
	// Passkey is what is known of a signature that a passkey made in a browser;
	// nil of others.
	Passkey *Passkey
}

// Verify checks an armored signature over a message and returns the key that
// made it. It says nothing of whose key that is: ask [AllowedSigners].
func Verify(message, armored []byte, namespace string) (*Key, error) {
	invalid := func(format string, args ...any) (*Key, error) {
		return nil, fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	s, err := open(armored)
	if err != nil {
		return invalid("%v", err)
	}
	if s.Version != 1 {
		return invalid("its version %d is not known", s.Version)
	}
	if s.Namespace != namespace {
		return invalid("it was made for %.60q", s.Namespace)
	}
	digest, err := hash(s.Hash, message)
	if err != nil {
		return invalid("%v", err)
	}
	key, err := ssh.ParsePublicKey([]byte(s.PublicKey))
	if err != nil {
		return invalid("its key can't be read: %v", err)
	}
	var signature ssh.Signature
	if err := ssh.Unmarshal([]byte(s.Signature), &signature); err != nil {
		return invalid("it can't be read: %v", err)
	}
	if signature.Format == ssh.KeyAlgoRSA {
		return invalid("it is an RSA signature over SHA-1")
	}
	if key.Type() == ssh.InsecureKeyAlgoDSA { //nolint:staticcheck // it is named to be refused
		return invalid("DSA keys are not taken")
	}
	what := toSign(s.Namespace, s.Reserved, s.Hash, digest)
	k := &Key{Type: key.Type(), Fingerprint: ssh.FingerprintSHA256(key), Blob: key.Marshal()}
	if isPasskeyFormat(signature.Format) {
		if k.Passkey, err = verifyPasskey(k.Blob, &signature, what); err != nil {
			return invalid("%v", err)
		}
		return k, nil
	}
	if ofSite(k.Blob) {
		return invalid("the key %s is a passkey's, and that did not sign in a browser", k.Fingerprint)
	}
	if err := key.Verify(what, &signature); err != nil {
		return invalid("it is not of this message by the key %s", k.Fingerprint)
	}
	return k, nil
}

// open takes a signature out of its armor.
func open(armored []byte) (s blob, err error) {
	if len(armored) > maxArmor {
		return s, fmt.Errorf("it has %d bytes", len(armored))
	}
	block, rest := pem.Decode(armored)
	if block == nil || block.Type != pemType || len(bytes.TrimSpace(rest)) > 0 {
		return s, fmt.Errorf("it is no %s in PEM", pemType)
	}
	body, ok := bytes.CutPrefix(block.Bytes, []byte(magic))
	if !ok {
		return s, fmt.Errorf("it does not begin with %s", magic)
	}
	if err := ssh.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("it can't be read: %w", err)
	}
	return s, nil
}

func hash(algorithm string, message []byte) ([]byte, error) {
	switch algorithm {
	case "sha256":
		d := sha256.Sum256(message)
		return d[:], nil
	case "sha512":
		d := sha512.Sum512(message)
		return d[:], nil
	default:
		return nil, fmt.Errorf("its hash %.20q is not known", algorithm)
	}
}
