package ask

import (
	"context"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/proof"
)

// Prove makes the bundle that proves one event to somebody who trusts nobody.
// The id may be a unique prefix. If it names an approval, that one's events are
// proved beside it.
func (a *Asker) Prove(ctx context.Context, prefix string) (*proof.Bundle, error) {
	id, err := a.store.ResolveEvent(ctx, a.org, prefix)
	if err != nil {
		return nil, err
	}
	row, err := a.store.Event(ctx, a.org, id)
	if err != nil {
		return nil, err
	}
	log, err := a.store.Log(ctx, a.org)
	if err != nil {
		return nil, err
	}
	head, err := a.store.Head(ctx, a.org)
	if err != nil {
		return nil, err
	}
	b, err := proof.NewBundle(row.Record(), head.Checkpoint, log.PublicKey, a.store.Tiles(ctx, a.org))
	if err != nil || row.Approval == "" || strings.HasPrefix(row.Key, whodid.ApprovalKey(row.Approval, "")) {
		return b, err
	}
	parts, err := a.store.ApprovalRows(ctx, a.org, row.Approval)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		if parts[i].Seq >= b.TreeSize {
			continue // it was added since the head was read
		}
		part, err := proof.NewBundle(parts[i].Record(), head.Checkpoint, log.PublicKey, a.store.Tiles(ctx, a.org))
		if err != nil {
			return nil, err
		}
		b.Approval = append(b.Approval, part)
	}
	return b, nil
}
