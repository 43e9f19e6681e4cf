package uplink

import (
	"context"
	"fmt"

	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// Verified is what the receipts that are kept prove, without asking the server.
type Verified struct {
	Server string `json:"server"`
	Origin string `json:"origin"`
	// ServerOrigin is the name of the server's log.
	ServerOrigin string `json:"server_origin"`
	// Sent is how many events of the trail count as sent, Waiting how many don't
	// yet.
	Sent    uint64 `json:"sent"`
	Waiting uint64 `json:"waiting"`
	// Receipts is how many are kept, Proved how many events they prove, Refused
	// and Skipped how many they say were not taken or not sent.
	Receipts int    `json:"receipts"`
	Proved   uint64 `json:"proved"`
	Refused  uint64 `json:"refused"`
	Skipped  uint64 `json:"skipped"`
	// Problems are everything that does not hold.
	Problems []string `json:"problems"`
}

// maxProblems bounds how many problems are told one by one.
const maxProblems = 100

// Status says how far the trail is sent, without checking anything.
func (u *Uplink) Status(ctx context.Context) (*Verified, error) {
	head, err := u.options.Trail.Head(ctx, u.options.Org)
	if err != nil {
		return nil, err
	}
	v := &Verified{
		Server: u.state.Server, Origin: u.origin, ServerOrigin: u.seen().Origin, Sent: u.state.Next,
		Waiting: head.Frontier.Size() - min(u.state.Next, head.Frontier.Size()), Problems: []string{},
	}
	if u.state.Next > head.Frontier.Size() {
		v.problem("%v: it has %d events, %d were sent", ErrCutShort, head.Frontier.Size(), u.state.Next)
	}
	names, err := u.folder.receipts()
	v.Receipts = len(names)
	v.Refused = uint64(u.state.Refused)
	return v, err
}

func (v *Verified) problem(format string, args ...any) {
	if len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify checks every receipt against the server's key and the trail itself.
func (u *Uplink) Verify(ctx context.Context) (*Verified, error) {
	v, err := u.Status(ctx)
	if err != nil {
		return nil, err
	}
	v.Refused = 0
	names, err := u.folder.receipts()
	if err != nil {
		return nil, err
	}
	var next uint64 // everything before it is accounted for
	for _, name := range names {
		r, err := u.folder.receipt(name)
		if err != nil {
			v.problem("the receipt %s can't be read: %v", name, err)
			continue
		}
		// What only this trail tells of itself has no receipt, if it came alone.
		if err := u.verifySkipped(ctx, next, r.First, v); err != nil {
			return nil, err
		}
		// One that was interrupted may overlap with the next.
		next = max(next, r.End)
		if err := u.verifyReceipt(ctx, r, v); err != nil {
			v.problem("the receipt of the events from %d to %d: %v", r.First, r.End-1, err)
		}
	}
	return v, u.verifySkipped(ctx, next, u.state.Next, v)
}

// verifyReceipt checks one receipt, and counts what it proves.
func (u *Uplink) verifyReceipt(ctx context.Context, r *Receipt, v *Verified) error {
	if r.Origin != u.origin {
		return fmt.Errorf("it is of the log %q", r.Origin)
	}
	_, leaves, err := r.Receipt.Check(u.state.Key)
	if err != nil {
		return err
	}
	bySeq := make(map[uint64]*proof.Received, len(leaves))
	for i := range leaves {
		bySeq[leaves[i].Index] = &leaves[i]
	}
	accounted := make(map[uint64]bool, r.End-min(r.First, r.End))
	rows, err := u.options.Trail.LogPage(ctx, u.options.Org, store.Selection{Limit: int(min(r.End-min(r.First, r.End), 1<<20))}, r.First)
	if err != nil {
		return err
	}
	keys := make(map[uint64]string, len(rows))
	for i := range rows {
		keys[rows[i].Seq] = rows[i].Key
	}
	for _, e := range r.Entries {
		leaf := bySeq[e.Seq]
		switch {
		case leaf == nil:
			return fmt.Errorf("it does not prove event %d", e.Index)
		case leaf.Event.Key != keys[e.Index]:
			return fmt.Errorf("event %d of the trail is not the fact that it proves", e.Index)
		}
		accounted[e.Index] = true
	}
	v.Proved += uint64(len(r.Entries))
	for _, e := range r.Refused {
		accounted[e.Index] = true
	}
	v.Refused += uint64(len(r.Refused))
	for _, index := range r.Skipped {
		accounted[index] = true
	}
	v.Skipped += uint64(len(r.Skipped))
	for i := range rows {
		if index := rows[i].Seq; index < r.End && !accounted[index] {
			return fmt.Errorf("it says nothing of event %d", index)
		}
	}
	return nil
}

// verifySkipped looks at the events that count as sent and have no receipt.
func (u *Uplink) verifySkipped(ctx context.Context, next, end uint64, v *Verified) error {
	for next < end {
		rows, err := u.options.Trail.LogPage(ctx, u.options.Org, store.Selection{Limit: int(min(partEvents, end-next))}, next)
		if err != nil || len(rows) == 0 {
			return err
		}
		for i := range rows {
			if sendable(&rows[i]) {
				v.problem("of event %d there is no receipt", rows[i].Seq)
				continue
			}
			v.Skipped++
		}
		next = rows[len(rows)-1].Seq + 1
	}
	return nil
}
