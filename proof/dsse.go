package proof

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Envelope is a signed statement in a DSSE envelope
// (https://github.com/secure-systems-lab/dsse), as in-toto's attestations are.
type Envelope struct {
	PayloadType string              `json:"payloadType"`
	Payload     []byte              `json:"payload"`
	Signatures  []EnvelopeSignature `json:"signatures"`
}

// EnvelopeSignature is one signature of an envelope.
type EnvelopeSignature struct {
	// KeyID is the name and the hash of the log's key, as in its text form.
	KeyID string `json:"keyid"`
	Sig   []byte `json:"sig"`
}

// preAuth is what is signed. It begins with "DSSEv1 ", and no checkpoint does, for
// the name of a log has no space: the one can't be taken for the other.
func preAuth(kind string, payload []byte) []byte {
	return append([]byte("DSSEv1 "+strconv.Itoa(len(kind))+" "+kind+" "+strconv.Itoa(len(payload))+" "), payload...)
}

// SignEnvelope signs a payload of a type with the log's key.
func (s *Signer) SignEnvelope(kind string, payload []byte) (*Envelope, error) {
	sig, err := s.note.Sign(preAuth(kind, payload))
	if err != nil {
		return nil, fmt.Errorf("couldn't sign the envelope: %w", err)
	}
	return &Envelope{
		PayloadType: kind, Payload: payload,
		Signatures: []EnvelopeSignature{{KeyID: fmt.Sprintf("%s+%08x", s.note.Name(), s.note.KeyHash()), Sig: sig}},
	}, nil
}

// OpenEnvelope reads an envelope, checks that the log with the public key signed it,
// and returns it.
func OpenEnvelope(text []byte, public string) (*Envelope, error) {
	var e Envelope
	if err := json.Unmarshal(text, &e); err != nil {
		return nil, fmt.Errorf("couldn't read the envelope: %w", err)
	}
	if _, err := ParseKeys(public); err != nil {
		return nil, err
	}
	parts := strings.SplitN(strings.TrimSpace(public), "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize {
		return nil, errors.New("couldn't open the envelope: the key is no Ed25519 key")
	}
	for _, s := range e.Signatures {
		if s.KeyID == parts[0]+"+"+parts[1] && ed25519.Verify(key[1:], preAuth(e.PayloadType, e.Payload), s.Sig) {
			return &e, nil
		}
	}
	return nil, errors.New("the envelope is not signed by the key of its log")
}
