package ask

import (
	"context"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
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
	var parts []store.Row
	if row.Approval != "" && !strings.HasPrefix(row.Key, whodid.ApprovalKey(row.Approval, "")) {
		if parts, err = a.store.ApprovalRows(ctx, a.org, row.Approval); err != nil {
			return nil, err
		}
	}
	size, need, read := head.Frontier.Size(), row.Seq+1, a.store.Tiles(ctx, a.org)
	parts = slices.DeleteFunc(parts, func(r store.Row) bool { return r.Seq >= size }) // it was added since the head was read
	for i := range parts {
		need = max(need, parts[i].Seq+1)
	}
	signed := head.Checkpoint
	if seen, err := a.mostWitnessed(ctx, need, size, log.PublicKey, read); err != nil {
		return nil, err
	} else if seen != nil {
		signed = seen.Signed
	}
	b, err := proof.NewBundle(row.Record(), signed, log.PublicKey, read)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		part, err := proof.NewBundle(parts[i].Record(), signed, log.PublicKey, read)
		if err != nil {
			return nil, err
		}
		b.Approval = append(b.Approval, part)
	}
	return b, nil
}
