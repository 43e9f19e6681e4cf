package ask

import (
	"context"

	"github.com/whodid/whodid/proof"
)

// Prove makes the bundle that proves one event to somebody who trusts nobody.
// The id may be a unique prefix.
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
	return proof.NewBundle(row.Record(), head.Checkpoint, log.PublicKey, a.store.Tiles(ctx, a.org))
}
