package proof

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/whodid/whodid"
)

// ReceiptFormat is the format of the receipts that this package writes and
// reads.
const ReceiptFormat = "whodid-receipt/1"

// MaxReceipt is the largest receipt that [ParseReceipt] reads, in bytes.
const MaxReceipt = 64 << 20

// Receipt proves offline that a log holds leaves: those that it took from
// somebody who keeps the receipt. docs/sync.md specifies it.
type Receipt struct {
	// Format is [ReceiptFormat].
	Format string `json:"format"`
	// Origin is the name of the log.
	Origin string `json:"origin"`
	// Checkpoint is the signed note over origin, size and root.
	Checkpoint string `json:"checkpoint"`
	// Ranges are the leaves, those that lie side by side together.
	Ranges []ReceiptRange `json:"ranges"`
}

// ReceiptRange is leaves that lie side by side, and what proves them.
type ReceiptRange struct {
	RangeProof
	// Leaves are the leaves as they were hashed, in their order.
	Leaves []string `json:"leaves"`
}

// Received is one leaf that a receipt proves.
type Received struct {
	// Index is the leaf's place in the log, from 0.
	Index uint64
	// Event is what the leaf shows of its event, Commitments what it commits to.
	Event       whodid.Event
	Commitments Commitments
}

// AddRange adds the proof of leaves that lie side by side from first on, under
// the checkpoint's tree of the size.
func (r *Receipt) AddRange(size, first uint64, leaves []string, read TileReader) error {
	p, err := NewRangeProof(size, first, first+uint64(len(leaves)), read)
	if err != nil {
		return fmt.Errorf("couldn't make the receipt: %w", err)
	}
	r.Ranges = append(r.Ranges, ReceiptRange{RangeProof: *p, Leaves: leaves})
	return nil
}

// ErrReceipt is wrapped by every error of [ParseReceipt] and [Receipt.Check].
var ErrReceipt = errors.New("the receipt does not hold")

// ParseReceipt reads a receipt's JSON, at most [MaxReceipt] bytes of it.
func ParseReceipt(in io.Reader) (*Receipt, error) {
	text, err := io.ReadAll(io.LimitReader(in, MaxReceipt+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("couldn't read the receipt: %w", err)
	case len(text) > MaxReceipt:
		return nil, fmt.Errorf("%w: it is larger than %d bytes", ErrReceipt, MaxReceipt)
	}
	r := new(Receipt)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	return r, nil
}

// Check checks that the checkpoint is signed with the public key and that every
// leaf is in its tree, and returns the checkpoint and the leaves.
func (r *Receipt) Check(public string) (Checkpoint, []Received, error) {
	if r.Format != ReceiptFormat {
		return Checkpoint{}, nil, fmt.Errorf("%w: its format is %q; this program knows %q", ErrReceipt, short(r.Format), ReceiptFormat)
	}
	c, err := OpenCheckpoint(r.Checkpoint, public)
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	if c.Origin != r.Origin {
		return Checkpoint{}, nil, fmt.Errorf("%w: it says that it is of the log %q, its checkpoint is of %q", ErrReceipt, short(r.Origin), short(c.Origin))
	}
	var out []Received
	for i := range r.Ranges {
		g := &r.Ranges[i]
		hashes := make([]Hash, len(g.Leaves))
		for j, leaf := range g.Leaves {
			hashes[j] = LeafHash([]byte(leaf))
			e, commitments, err := ParseLeaf([]byte(leaf))
			if err != nil {
				return Checkpoint{}, nil, fmt.Errorf("%w: leaf %d: %w", ErrReceipt, g.First+uint64(j), err)
			}
			out = append(out, Received{Index: g.First + uint64(j), Event: e, Commitments: commitments})
		}
		root, err := g.Root(c.Size, hashes)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("%w: %w", ErrReceipt, err)
		}
		if root != c.Root {
			return Checkpoint{}, nil, fmt.Errorf("%w: the leaves from %d on are not in the tree that was signed", ErrReceipt, g.First)
		}
	}
	return c, out, nil
}
