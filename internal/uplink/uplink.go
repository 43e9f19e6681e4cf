// Package uplink sends a trail to a server, event by event in the order of its
// log, and keeps the receipts: proofs under the server's signature that its log
// holds what was sent. It can be stopped at any moment and goes on where it
// stood; what is sent twice is recorded once.
package uplink

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Trail is the trail that is sent. internal/store is the implementation.
type Trail interface {
	Log(ctx context.Context, org string) (store.Log, error)
	Head(ctx context.Context, org string) (store.Head, error)
	LogPage(ctx context.Context, org string, s store.Selection, from uint64) ([]store.Row, error)
}

// Server takes a part of a trail and proves that its log holds it. [client.Client]
// is the implementation; it tries again by itself.
type Server interface {
	Server() string
	Sync(ctx context.Context, batch *client.SyncBatch) (*client.SyncAnswer, error)
}

// Options are what an uplink needs.
type Options struct {
	Trail  Trail
	Org    string
	Server Server
	// Dir is the folder of the uplinks of this user.
	Dir string
	// Key is the server's public key as the user knows it; empty trusts the one
	// that the server shows at the first contact, and none but that from then on.
	Key string
	// Person is the trail's own user, as an actor.
	Person string
	// Progress is called after each part that the server has taken.
	Progress func(sent, total uint64)
	Now      func() time.Time
}

// Uplink sends one trail to one server. It is for one goroutine.
type Uplink struct {
	options Options
	origin  string // of the log that is sent
	folder  folder
	state   State
}

var (
	// ErrReceipt means that the server did not prove that it holds what was sent.
	// Nothing counts as sent then.
	ErrReceipt = errors.New("the server's receipt does not hold")
	// ErrCutShort means that the trail has fewer events than were sent of it.
	ErrCutShort = errors.New("the trail is shorter than what was sent of it")
)

// Open opens the uplink of a trail to a server.
func Open(ctx context.Context, o Options) (*Uplink, error) {
	log, err := o.Trail.Log(ctx, o.Org)
	if err != nil {
		return nil, err
	}
	u := &Uplink{options: o, origin: log.Origin, folder: folderOf(o.Dir, o.Server.Server(), log.Origin)}
	if u.state, err = u.folder.state(); err != nil {
		return nil, err
	}
	u.state.Server, u.state.Origin = o.Server.Server(), log.Origin
	if o.Key != "" {
		if u.state.Key != "" && u.state.Key != o.Key {
			return nil, fmt.Errorf("%w: the server's key that is known from earlier is another than the one given", ErrReceipt)
		}
		u.state.Key = o.Key
	}
	return u, nil
}

// Kept opens what is kept of a trail's uplinks to all servers, to be checked
// without any of them.
func Kept(ctx context.Context, trail Trail, org, dir string) ([]*Uplink, error) {
	log, err := trail.Log(ctx, org)
	if err != nil {
		return nil, err
	}
	states, err := filepath.Glob(filepath.Join(dir, "*", stateFile))
	if err != nil {
		return nil, fmt.Errorf("couldn't look for receipts: %w", err)
	}
	var kept []*Uplink
	for _, path := range states {
		u := &Uplink{options: Options{Trail: trail, Org: org}, origin: log.Origin, folder: folder(filepath.Dir(path))}
		if u.state, err = u.folder.state(); err != nil {
			return nil, err
		}
		if u.state.Origin == log.Origin {
			kept = append(kept, u)
		}
	}
	return kept, nil
}

// Sent says what was sent.
type Sent struct {
	Server string `json:"server"`
	// Events is how many events were sent, New how many the server did not hold
	// yet; of the others it was told by somebody else, or earlier.
	Events int `json:"events"`
	New    int `json:"new"`
	// Refused is how many the server did not take; each is a gap of its trail.
	Refused int `json:"refused"`
	// Differing is how many new ones it recorded with other words, such as those
	// that its own rules clean.
	Differing int `json:"differing"`
	// Skipped is how many are only of this trail, or erased, and were not sent.
	Skipped int `json:"skipped"`
	// Next is the index of the first event that is not sent yet.
	Next uint64 `json:"next"`
	// ServerSize is how many events the server's log had at the last receipt.
	ServerSize uint64 `json:"server_size"`
}

// The bounds of one part. Many small ones would wait for the network, and a
// large one is lost as a whole when that breaks.
const (
	partEvents = 1000
	partBytes  = 4 << 20
)

// Send sends everything that is not sent yet.
func (u *Uplink) Send(ctx context.Context) (Sent, error) {
	sent := Sent{Server: u.state.Server, Next: u.state.Next, ServerSize: u.seen().Size}
	head, err := u.options.Trail.Head(ctx, u.options.Org)
	if err != nil {
		return sent, err
	}
	size := head.Frontier.Size()
	if u.state.Next > size {
		return sent, fmt.Errorf("%w: it has %d events, %d were sent", ErrCutShort, size, u.state.Next)
	}
	for u.state.Next < size {
		rows, err := u.options.Trail.LogPage(ctx, u.options.Org, store.Selection{Limit: int(min(partEvents, size-u.state.Next))}, u.state.Next)
		if err != nil {
			return sent, err
		}
		if len(rows) == 0 {
			return sent, fmt.Errorf("event %d is missing from the trail: run whodid verify", u.state.Next)
		}
		if err := u.sendPart(ctx, rows, &sent); err != nil {
			return sent, err
		}
		if u.options.Progress != nil {
			u.options.Progress(u.state.Next, size)
		}
	}
	return sent, nil
}

// part is a part of the trail on its way.
type part struct {
	rows    []store.Row
	batch   client.SyncBatch
	skipped []uint64
	end     uint64 // the index behind its last event
}

func (u *Uplink) part(rows []store.Row) *part {
	p := &part{batch: client.SyncBatch{Origin: u.origin, Person: u.options.Person, Seen: u.seen().Size}, end: u.state.Next}
	size := 0
	for i := range rows {
		r := &rows[i]
		if size += len(r.DataText) + len(r.Why) + len(r.Target) + 512; size > partBytes && len(p.rows) > 0 {
			break
		}
		p.end = r.Seq + 1
		if !sendable(r) {
			p.skipped = append(p.skipped, r.Seq)
			continue
		}
		e := r.Event
		e.Org, e.ID = "", "" // the server has its own
		p.rows = append(p.rows, *r)
		p.batch.Events = append(p.batch.Events, client.SyncEvent{Index: r.Seq, Event: e})
	}
	return p
}

func (u *Uplink) sendPart(ctx context.Context, rows []store.Row, sent *Sent) error {
	p := u.part(rows)
	next := u.state
	next.Next, next.At = p.end, u.options.Now().UTC()
	if len(p.rows) > 0 {
		answer, err := u.options.Server.Sync(ctx, &p.batch)
		if err != nil {
			return fmt.Errorf("couldn't send events from %d on: %w", u.state.Next, err)
		}
		checked, err := u.check(p, answer, &next)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrReceipt, err)
		}
		if err := u.folder.putReceipt(u.receipt(p, answer)); err != nil {
			return err
		}
		sent.Events += len(p.rows)
		sent.New += checked.added
		sent.Differing += checked.differing
		sent.Refused += len(answer.Refused)
		next.Refused += len(answer.Refused)
		next.Differing += checked.differing
	}
	sent.Skipped += len(p.skipped)
	// The receipt is on disk before the place: a crash between them sends again.
	if err := u.folder.putState(&next); err != nil {
		return err
	}
	u.state = next
	sent.Next, sent.ServerSize = next.Next, u.seen().Size
	return nil
}

// seen is the checkpoint of the server that was seen last; zero if none was.
func (u *Uplink) seen() proof.Checkpoint {
	c, err := proof.PeekCheckpoint(u.state.Checkpoint)
	if err != nil {
		return proof.Checkpoint{}
	}
	return c
}

func (u *Uplink) receipt(p *part, answer *client.SyncAnswer) *Receipt {
	r := &Receipt{Format: receiptFormat, Origin: u.origin, First: u.state.Next, End: p.end, Skipped: p.skipped, Receipt: answer.Receipt.Receipt}
	for _, e := range answer.Entries {
		r.Entries = append(r.Entries, Entry{Index: e.Index, Seq: e.Seq})
	}
	for _, e := range answer.Refused {
		r.Refused = append(r.Refused, Refusal{Index: e.Index, Detail: e.Detail})
	}
	return r
}

// sendable tells whether an event is for others: what was erased is not, nor
// what a trail says of itself.
func sendable(r *store.Row) bool { return r.Salt != nil && whodid.Travels(r.What) }
