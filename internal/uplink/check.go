package uplink

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/client"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/proof"
)

// checked is what a receipt that holds says.
type checked struct{ added, differing int }

// check checks that the server's log holds the part, under the key that is
// known, and that it goes on where it was seen. It notes in the state what was
// seen of the server now.
func (u *Uplink) check(p *part, answer *client.SyncAnswer, next *State) (checked, error) {
	var out checked
	if next.Key == "" {
		next.Key = answer.Receipt.PublicKey // the first contact
	}
	c, leaves, err := answer.Receipt.Check(next.Key)
	if err != nil {
		return out, err
	}
	seen := u.seen()
	if err := proof.CheckConsistency(answer.Receipt.Consistency, seen.Size, rootOf(seen), c.Size, c.Root); err != nil {
		return out, fmt.Errorf("the server's log does not go on where it was seen: %w", err)
	}
	next.Checkpoint = answer.Receipt.Checkpoint
	bySeq := make(map[uint64]*proof.Received, len(leaves))
	for i := range leaves {
		bySeq[leaves[i].Index] = &leaves[i]
	}
	entries := make(map[uint64]*client.SyncEntry, len(answer.Entries))
	for i := range answer.Entries {
		entries[answer.Entries[i].Index] = &answer.Entries[i]
	}
	refused := make(map[uint64]bool, len(answer.Refused))
	for _, r := range answer.Refused {
		refused[r.Index] = true
	}
	for i := range p.rows {
		row := &p.rows[i]
		entry := entries[row.Seq]
		if entry == nil {
			if !refused[row.Seq] {
				return out, fmt.Errorf("it says nothing of event %d", row.Seq)
			}
			continue
		}
		differs, err := compare(row, bySeq[entry.Seq], entry)
		if err != nil {
			return out, fmt.Errorf("event %d: %w", row.Seq, err)
		}
		if entry.New {
			out.added++
		}
		if differs {
			out.differing++
		}
	}
	return out, nil
}

func rootOf(c proof.Checkpoint) proof.Hash {
	if c.Size == 0 {
		return proof.EmptyRoot()
	}
	return c.Root
}

// compare compares an event with the server's leaf of it. That it is the same
// fact is a must; that a new one was recorded in the same words is told.
func compare(row *store.Row, got *proof.Received, entry *client.SyncEntry) (differs bool, err error) {
	if got == nil {
		return false, errors.New("its leaf is not there")
	}
	if got.Event.Key != row.Key {
		return false, errors.New("the leaf is of another fact")
	}
	if !entry.New {
		return false, nil // whoever told it first chose the words
	}
	e := &got.Event
	switch {
	case e.What != row.What, !e.At.Equal(row.At), e.Result != row.Result, e.Execution != row.Execution:
		return false, errors.New("the leaf says something else of it")
	case !whodid.IsHuman(row.Actor) && e.Actor != row.Actor:
		return false, errors.New("the leaf says that somebody else did it")
	}
	b, err := hex.DecodeString(entry.Salt)
	if err != nil || len(b) != proof.SaltSize {
		return false, errors.New("nothing opens its leaf")
	}
	salt := proof.Salt(b)
	for field, c := range map[string]struct {
		value []byte
		leaf  proof.Commitment
	}{
		proof.FieldTarget: {[]byte(row.Target), got.Commitments.Target},
		proof.FieldWhy:    {[]byte(row.Why), got.Commitments.Why},
		proof.FieldData:   {row.DataText, got.Commitments.Data},
	} {
		key := salt.FieldKey(field)
		if key.Commit(c.value) != c.leaf {
			differs = true
		}
	}
	return differs, nil
}
