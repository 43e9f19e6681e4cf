package dossier_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
	"github.com/whodid/whodid/proof/dossier"
)

// The keys of these tests are made of one byte, 32 times: anybody can see that
// they are none to trust.
func seed(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

// textKey is a key in the text form of signed-note.
func textKey(name string, kind byte, key []byte, public []byte) string {
	sum := sha256.Sum256(append([]byte(name+"\n"+string(kind)), public...))
	return fmt.Sprintf("%s+%08x+%s", name, binary.BigEndian.Uint32(sum[:]), base64.StdEncoding.EncodeToString(append([]byte{kind}, key...)))
}

func public(k ed25519.PrivateKey) []byte { return k.Public().(ed25519.PublicKey) }

// trail is a log of events that a test can write as it likes.
type trail struct {
	t       testing.TB
	origin  string
	key     byte
	records []proof.Record
	leaves  []string
	hashes  []proof.Hash
}

const origin = "test.invalid/log"

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newTrail(t testing.TB, origin string, key byte, events []whodid.Event) *trail {
	t.Helper()
	l := &trail{t: t, origin: origin, key: key}
	for i := range events {
		e := events[i]
		e.Identify()
		salt := proof.Salt{byte(i), 7}
		r := proof.Record{Event: &e, Data: e.Data.Canonical(), Salt: &salt, Index: uint64(i)}
		leaf, err := r.Leaf()
		if err != nil {
			t.Fatal(err)
		}
		l.records, l.leaves, l.hashes = append(l.records, r), append(l.leaves, string(leaf)), append(l.hashes, proof.LeafHash(leaf))
	}
	return l
}

func (l *trail) publicKey() string {
	return textKey(l.origin, 1, public(seed(l.key)), append([]byte{}, public(seed(l.key))...))
}

func (l *trail) checkpoint() string {
	l.t.Helper()
	var f proof.Frontier
	for _, h := range l.hashes {
		f.Append(h)
	}
	k := seed(l.key)
	signer, err := proof.NewSigner("PRIVATE+KEY+" + textKey(l.origin, 1, k.Seed(), public(k)))
	if err != nil {
		l.t.Fatal(err)
	}
	signed, err := signer.Sign(proof.Checkpoint{Origin: l.origin, Size: f.Size(), Root: f.Root()})
	if err != nil {
		l.t.Fatal(err)
	}
	return signed
}

func (l *trail) tiles(_ int, n uint64, width int) ([]proof.Hash, error) {
	return l.hashes[n*256:][:width], nil
}

// cosign adds the cosignature of a witness.
func cosign(signed, name string, key byte, at time.Time) string {
	text, _, _ := strings.Cut(signed, "\n\n")
	k := seed(key)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s\n", at.Unix(), text)
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), public(k)...))
	blob := binary.BigEndian.AppendUint64(slices.Clone(sum[:4]), uint64(at.Unix()))
	blob = append(blob, ed25519.Sign(k, []byte(message))...)
	return signed + "— " + name + " " + base64.StdEncoding.EncodeToString(blob) + "\n"
}

// dossier proves the events of an execution, and all entries of the span.
func (l *trail) dossier(execution string, span *dossier.Span) *dossier.Dossier {
	l.t.Helper()
	return l.prove(dossier.Subject{Kind: dossier.OfExecution, ID: execution}, span, func(e *whodid.Event) bool {
		return e.Execution == execution || e.Approval != ""
	})
}

func (l *trail) prove(s dossier.Subject, span *dossier.Span, answer func(*whodid.Event) bool) *dossier.Dossier {
	l.t.Helper()
	d := &dossier.Dossier{
		Manifest:   dossier.Manifest{Format: dossier.Format, Subject: s, Origin: l.origin, PublicKey: l.publicKey(), Complete: span, Events: []uint64{}},
		Checkpoint: l.checkpoint(),
	}
	show := map[uint64]bool{}
	for i := range l.records {
		if answer(l.records[i].Event) {
			if err := d.Add(&l.records[i]); err != nil {
				l.t.Fatal(err)
			}
			show[uint64(i)] = true
		}
	}
	if span != nil {
		for i := span.First; i < span.End; i++ {
			show[i] = true
		}
	}
	l.cover(d, show)
	return d
}

// cover puts the leaves into the dossier, those side by side together.
func (l *trail) cover(d *dossier.Dossier, show map[uint64]bool) {
	l.t.Helper()
	d.Entries = nil
	for first := uint64(0); first < uint64(len(l.leaves)); first++ {
		end := first
		for show[end] {
			end++
		}
		if end == first {
			continue
		}
		if err := d.Cover(uint64(len(l.leaves)), first, l.leaves[first:end], l.tiles); err != nil {
			l.t.Fatal(err)
		}
		first = end
	}
}

const (
	run      = "exec-aaaaaaaaaaaaaaaa"
	otherRun = "exec-bbbbbbbbbbbbbbbb"
	appr     = "appr-cccccccccccccccc"
	merge    = 6 // index of the action
)

// story is a run that merges with an approval, and another beside it.
func story() []whodid.Event {
	agent, person := whodid.AgentActor("engineering/issue-solver"), whodid.HumanActor("ab12")
	digest := whodid.ApprovalDigest("pr.merge", "acme/shop#44", "engineering/issue-solver", whodid.Data{"method": "squash"})
	expires := start.Add(time.Hour).Format(time.RFC3339)
	events := []whodid.Event{
		{Key: "x1/start", Actor: agent, What: "execution.start", Execution: run, Why: "issue 43"},
		{Key: "x2/start", Actor: agent, What: "execution.start", Execution: otherRun},
		{
			Key: whodid.ApprovalKey(appr, "request"), Actor: agent, What: "approval.request", Target: "acme/shop#44", Approval: appr, Execution: run,
			Data: whodid.Data{"type": "pr.merge", "for_agent": "engineering/issue-solver", "digest": digest, "signature_required": true, "expires": expires},
		},
		{Key: "x2/write", Actor: agent, What: "file.write", Target: "other.go", Execution: otherRun, Result: whodid.ResultSuccess},
		{
			Key: whodid.ApprovalKey(appr, "decision"), Actor: person, ActorAuth: "os-user", What: "approval.grant", Target: "acme/shop#44", Approval: appr, Why: "reviewed",
			Data: whodid.Data{"digest": digest, "expires": expires},
		},
		{Key: whodid.ApprovalKey(appr, "use"), Actor: agent, What: "approval.use", Approval: appr, Execution: run, Data: whodid.Data{"digest": digest}},
		{Key: "x1/merge", Actor: agent, ActorAuth: "hook", OnBehalfOf: person, What: "pr.merge", Target: "acme/shop#44", Approval: appr, Execution: run, Result: whodid.ResultSuccess, Data: whodid.Data{"number": int64(44)}},
		{Key: "x1/write", Actor: agent, What: "file.write", Target: "auth.go", Execution: run, Result: whodid.ResultSuccess},
		{Key: "x1/finish", Actor: agent, What: "execution.finish", Execution: run, Result: whodid.ResultSuccess},
		{Key: "x2/finish", Actor: agent, What: "execution.finish", Execution: otherRun, Result: whodid.ResultSuccess},
	}
	for i := range events {
		e := &events[i]
		e.Org, e.Source = "acme", "cli"
		e.At = start.Add(time.Duration(i) * time.Second)
		e.RecordedAt = e.At.Add(500 * time.Millisecond)
		if e.Data == nil {
			e.Data = whodid.Data{}
		}
	}
	sign(&events[4], 3)
	return events
}

// sign signs a decision as ssh-keygen -Y sign does.
func sign(e *whodid.Event, key byte) {
	until, _ := time.Parse(time.RFC3339, e.Data.String("expires"))
	statement := whodid.ApprovalStatement(e.Approval, e.What == "approval.grant", e.Data.String("digest"), e.Actor, until, e.Why)
	armored, fingerprint := sshSign(statement, key)
	e.Data["signature"], e.Data["signing_key"] = inParts(armored), fingerprint
}

func inParts(armored string) (parts []string) {
	for len(armored) > 0 {
		n := min(len(armored), 200)
		parts, armored = append(parts, armored[:n]), armored[n:]
	}
	return parts
}

func sshSign(message []byte, key byte) (armored, fingerprint string) {
	signer, err := ssh.NewSignerFromKey(seed(key))
	if err != nil {
		panic(err)
	}
	digest := sha512.Sum512(message)
	signature, err := signer.Sign(nil, append([]byte("SSHSIG"), ssh.Marshal(struct{ Namespace, Reserved, Hash, Digest string }{
		whodid.SSHNamespace, "", "sha512", string(digest[:]),
	})...))
	if err != nil {
		panic(err)
	}
	blob := append([]byte("SSHSIG"), ssh.Marshal(struct {
		Version                                   uint32
		Key, Namespace, Reserved, Hash, Signature string
	}{1, string(signer.PublicKey().Marshal()), whodid.SSHNamespace, "", "sha512", string(ssh.Marshal(signature))})...)
	return string(pem.EncodeToMemory(&pem.Block{Type: "SSH SIGNATURE", Bytes: blob})), ssh.FingerprintSHA256(signer.PublicKey())
}

// allowed is a line of an allowed signers file.
func allowed(name string, key byte) string {
	signer, err := ssh.NewSignerFromKey(seed(key))
	if err != nil {
		panic(err)
	}
	return name + ` namespaces="` + whodid.SSHNamespace + `" ` + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

// trustJSON is what a verifier trusts, as JSON.
type trustJSON struct {
	Keys            []string `json:"keys"`
	Witnesses       []string `json:"witnesses,omitempty"`
	Quorum          int      `json:"quorum,omitempty"`
	TimeAuthorities []string `json:"time_authorities,omitempty"`
	AllowedSigners  []string `json:"allowed_signers,omitempty"`
	Checkpoints     []string `json:"checkpoints,omitempty"`
}

func witnessKey(name string, key byte) string {
	k := public(seed(key))
	sum := sha256.Sum256(append([]byte(name+"\n\x04"), k...))
	return name + "+" + hex.EncodeToString(sum[:4]) + "+" + base64.StdEncoding.EncodeToString(append([]byte{4}, k...))
}
