package dossier

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/sshsig"
)

// Trust is what a verifier trusts. It comes from elsewhere than what it checks:
// a key that comes with a proof is only the claim of whoever made the proof.
// The zero value trusts nobody.
type Trust struct {
	// Keys are those of logs.
	Keys proof.Keys
	// Witnesses cosign checkpoints.
	Witnesses []proof.Witness
	// Quorum says which of them must have cosigned a checkpoint for it to be one that
	// everybody sees; the zero value asks for none.
	Quorum proof.Quorum
	// Authorities are the root certificates of those who stamp checkpoints with the
	// time.
	Authorities []*x509.Certificate
	// Signers says whose keys may sign decisions on approvals; nil if that is
	// not known.
	Signers *sshsig.AllowedSigners
	// Seen are checkpoints that the verifier knows, signed by a trusted key.
	Seen []proof.Checkpoint
}

// trustFile is the JSON of what a verifier trusts. Names are only ever added.
type trustFile struct {
	Keys            []string `json:"keys"`
	Witnesses       []string `json:"witnesses"`
	Quorum          int      `json:"quorum"`
	TimeAuthorities []string `json:"time_authorities"`
	AllowedSigners  []string `json:"allowed_signers"`
	Checkpoints     []string `json:"checkpoints"`
}

// ParseTrust reads what a verifier trusts, and other keys of logs besides.
func ParseTrust(text []byte, keys ...string) (*Trust, error) {
	var f trustFile
	if len(text) > 0 {
		if err := json.Unmarshal(text, &f); err != nil {
			return nil, err
		}
	}
	keys = append(keys, f.Keys...)
	if len(keys) == 0 {
		return nil, errors.New(`there are no trusted keys in it: it must look like {"keys": ["origin+hash+base64"]}`)
	}
	t := new(Trust)
	var err error
	if t.Keys, err = proof.ParseKeys(keys...); err != nil {
		return nil, err
	}
	for _, text := range f.Witnesses {
		w, err := proof.ParseWitness(text)
		if err != nil {
			return nil, err
		}
		for i := range t.Witnesses {
			if t.Witnesses[i].Same(&w) {
				return nil, fmt.Errorf("the witness %s is there twice: it would count twice", w.Name())
			}
		}
		t.Witnesses = append(t.Witnesses, w)
	}
	if f.Quorum < 0 || f.Quorum > len(t.Witnesses) {
		return nil, fmt.Errorf("quorum %d: there are %d witnesses in it", f.Quorum, len(t.Witnesses))
	}
	if f.Quorum > 0 {
		t.Quorum = proof.AtLeast(f.Quorum, len(t.Witnesses))
	}
	if t.Authorities, err = readRoots(f.TimeAuthorities); err != nil {
		return nil, err
	}
	if len(f.AllowedSigners) > 0 {
		if t.Signers, err = sshsig.ParseAllowedSigners([]byte(strings.Join(f.AllowedSigners, "\n"))); err != nil {
			return nil, err
		}
	}
	for _, signed := range f.Checkpoints {
		c, err := t.Keys.Open(signed)
		if err != nil {
			return nil, fmt.Errorf("a checkpoint in it does not hold: %w", err)
		}
		t.Seen = append(t.Seen, c)
	}
	return t, nil
}

// Follow takes the witnesses and the quorum of a policy. Its logs are keys for
// [ParseTrust].
func (t *Trust) Follow(p *proof.Policy) error {
	if len(t.Witnesses) > 0 {
		return errors.New("witnesses are named twice: by what you trust, and by the policy")
	}
	t.Witnesses, t.Quorum = p.Witnesses, p.Quorum
	return nil
}

// readRoots reads the root certificates of authorities, each text one or more in PEM.
func readRoots(texts []string) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, text := range texts {
		n := len(out)
		for rest := []byte(text); ; {
			var block *pem.Block
			if block, rest = pem.Decode(rest); block == nil {
				break
			}
			c, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				return nil, fmt.Errorf("couldn't read the certificate of an authority: %w", err)
			}
			out = append(out, c)
		}
		if len(out) == n {
			return nil, errors.New("there is no certificate in PEM in one of the time_authorities")
		}
	}
	return out, nil
}
