// Package ledger puts leaves in order and signs the checkpoints over them. It
// alone holds the signing key of a log.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Ledger is the pen of one organisation's log.
type Ledger struct {
	org    string
	signer *proof.Signer
	store  *store.Store
}

// ErrForeignKey means that the log is signed with a key that is not at hand.
var ErrForeignKey = errors.New("this trail is signed with another key")

// Open opens the log for appending, and creates it if the organisation has
// none. The key's name is the log's origin.
func Open(ctx context.Context, s *store.Store, org, privateKey, publicKey string, now time.Time) (*Ledger, error) {
	signer, err := proof.NewSigner(privateKey)
	if err != nil {
		return nil, err
	}
	log, err := s.Log(ctx, org)
	if errors.Is(err, store.ErrNoLog) {
		log, err = create(ctx, s, org, publicKey, signer, now)
	}
	if err != nil {
		return nil, err
	}
	// A private key that is not that of the public one would sign heads that
	// nobody can check.
	empty, err := sign(signer, proof.Frontier{})
	if err != nil {
		return nil, err
	}
	if _, err := proof.OpenCheckpoint(empty.Checkpoint, publicKey); err != nil {
		return nil, fmt.Errorf("%w: the private key at hand is not that of the public key", ErrForeignKey)
	}
	if log.PublicKey != publicKey {
		return nil, fmt.Errorf("%w: its origin is %s; the key at hand is of %s", ErrForeignKey, log.Origin, signer.Origin())
	}
	return &Ledger{org: org, signer: signer, store: s}, nil
}

func create(ctx context.Context, s *store.Store, org, publicKey string, signer *proof.Signer, now time.Time) (store.Log, error) {
	empty, err := sign(signer, proof.Frontier{})
	if err != nil {
		return store.Log{}, err
	}
	return s.CreateLog(ctx, store.Log{Org: org, Origin: signer.Origin(), PublicKey: publicKey, CreatedAt: now}, empty)
}

// Append adds the rows that are new to the end of the log and returns them.
// When it returns they are durable, in the tree and under a signed checkpoint.
func (l *Ledger) Append(ctx context.Context, rows []*store.Row) ([]*store.Row, error) {
	return l.store.Append(ctx, l.org, rows, l.extend)
}

func (l *Ledger) extend(head store.Head, leaves []proof.Hash) (store.Head, error) {
	for _, leaf := range leaves {
		head.Frontier.Append(leaf)
	}
	return sign(l.signer, head.Frontier)
}

func sign(signer *proof.Signer, f proof.Frontier) (store.Head, error) {
	checkpoint, err := signer.Sign(proof.Checkpoint{Origin: signer.Origin(), Size: f.Size(), Root: f.Root()})
	if err != nil {
		return store.Head{}, err
	}
	return store.Head{Frontier: f, Checkpoint: checkpoint}, nil
}

// SignText signs a text that is no checkpoint, such as the sums of an export;
// see [proof.Signer.SignText].
func (l *Ledger) SignText(text string) (string, error) { return l.signer.SignText(text) }

// SignEnvelope signs a statement about the log's events, see
// [proof.Signer.SignEnvelope].
func (l *Ledger) SignEnvelope(kind string, payload []byte) (*proof.Envelope, error) {
	return l.signer.SignEnvelope(kind, payload)
}

// Origin is the name of the log.
func (l *Ledger) Origin() string { return l.signer.Origin() }

// NewKey makes the key of a new log. The log's origin, the name that tells it
// from all others, is random: it says nothing of whose log it is.
func NewKey() (private, public string, err error) {
	id := strings.TrimPrefix(whodid.NewID("log"), "log-")
	return proof.GenerateKey("whodid/" + id)
}

// Sweep removes what is due from the trail, and appends what tells of it in the
// same transaction; see [store.Store.Sweep].
func (l *Ledger) Sweep(ctx context.Context, r store.SweepRequest, certify store.Certify) (*store.Swept, error) {
	return l.store.Sweep(ctx, l.org, r, certify, l.extend)
}
