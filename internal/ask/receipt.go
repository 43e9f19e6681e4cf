package ask

import (
	"context"
	"fmt"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// SyncReceipt is what proves to who sent events that the log holds them.
type SyncReceipt struct {
	proof.Receipt
	// PublicKey is the log's own word for its key.
	PublicKey string `json:"public_key"`
	// Seq is the index of each event that was asked for, by its id.
	Seq map[string]uint64 `json:"-"`
	// Consistency proves that the tree goes on where the asker saw it.
	Consistency []proof.Hash `json:"consistency"`
}

// maxRanges bounds how many separate places of the log one receipt proves.
const maxRanges = 10_000

// Receipt answers with the proof that the log holds the events, under its
// newest checkpoint, and that it goes on where it had the size seen. An attempt
// whose result is known is proved by its result.
func (a *Asker) Receipt(ctx context.Context, ids []string, seen uint64) (*SyncReceipt, error) {
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	wanted := make([]string, 0, len(ids))
	for _, id := range ids {
		wanted = append(wanted, id)
		if settled, attempt := whodid.SettledID(id); attempt {
			wanted = append(wanted, settled)
		}
	}
	rows, err := a.store.EventsByID(ctx, a.org, wanted)
	if err != nil {
		return nil, err
	}
	head, err := a.store.Head(ctx, a.org) // after the rows, so that it is over them
	if err != nil {
		return nil, err
	}
	size := head.Frontier.Size()
	if seen > size {
		return nil, fmt.Errorf("%w: the log has %d events, and %d were seen of it", ErrRolledBack, size, seen)
	}
	r := &SyncReceipt{
		Receipt:   proof.Receipt{Format: proof.ReceiptFormat, Origin: log.Origin, Checkpoint: head.Checkpoint, Ranges: []proof.ReceiptRange{}},
		PublicKey: log.PublicKey, Seq: make(map[string]uint64, len(ids)),
	}
	at := make(map[string]uint64, len(rows))
	for i := range rows {
		at[rows[i].ID] = rows[i].Seq
	}
	for _, id := range ids {
		settled, _ := whodid.SettledID(id)
		if seq, ok := at[settled]; ok {
			r.Seq[id] = seq
		} else if seq, ok := at[id]; ok {
			r.Seq[id] = seq
		}
	}
	read := remember(a.store.Tiles(ctx, a.org))
	if r.Consistency, err = proof.Consistency(seen, size, read); err != nil {
		return nil, err
	}
	err = eachStretch(rows, func(first uint64, leaves []string) error {
		if len(r.Ranges) == maxRanges {
			return fmt.Errorf("the events lie at more than %d places of the log", maxRanges)
		}
		return r.AddRange(size, first, leaves, read)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// remember keeps the tiles that were read: many proofs of one tree share them.
func remember(read proof.TileReader) proof.TileReader {
	type key struct {
		level int
		n     uint64
	}
	known := map[key][]proof.Hash{}
	return func(level int, n uint64, width int) ([]proof.Hash, error) {
		k := key{level, n}
		if hashes := known[k]; len(hashes) >= width {
			return hashes[:width], nil
		}
		hashes, err := read(level, n, width)
		if err == nil {
			known[k] = hashes
		}
		return hashes, err
	}
}
