// Attestation checks an attestation as others do: with the DSSE library of
// secure-systems-lab and the types of in-toto. It shares no code with what it checks,
// and is no part of what is shipped.
//
//	attestation KEY FILE    KEY is the log's, origin+hash+base64, FILE the envelope
package main

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	attestation "github.com/in-toto/attestation/go/v1"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	"google.golang.org/protobuf/encoding/protojson"
)

// verifier is the log's key as the library wants it.
type verifier struct {
	id  string
	key ed25519.PublicKey
}

func (v verifier) Verify(_ context.Context, data, sig []byte) error {
	if !ed25519.Verify(v.key, data, sig) {
		return errors.New("the signature does not hold")
	}
	return nil
}

func (v verifier) KeyID() (string, error)   { return v.id, nil }
func (v verifier) Public() crypto.PublicKey { return v.key }

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	if len(os.Args) != 3 {
		return errors.New("usage: attestation KEY FILE")
	}
	parts := strings.SplitN(os.Args[1], "+", 3)
	if len(parts) != 3 {
		return errors.New("the key is not origin+hash+base64")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	if len(key) != 1+ed25519.PublicKeySize {
		return errors.New("the key is no Ed25519 key")
	}
	v, err := dsse.NewEnvelopeVerifier(verifier{id: parts[0] + "+" + parts[1], key: key[1:]})
	if err != nil {
		return err
	}
	text, err := os.ReadFile(os.Args[2])
	if err != nil {
		return err
	}
	var e dsse.Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return err
	}
	if _, err := v.Verify(context.Background(), &e); err != nil {
		return err
	}
	payload, err := e.DecodeB64Payload()
	if err != nil {
		return err
	}
	var s attestation.Statement
	if err := protojson.Unmarshal(payload, &s); err != nil {
		return err
	}
	if err := s.Validate(); err != nil {
		return err
	}
	fmt.Printf("%s %s\n", e.PayloadType, s.GetPredicateType())
	for _, subject := range s.GetSubject() {
		fmt.Printf("%s %v\n", subject.GetName(), subject.GetDigest())
	}
	return nil
}
