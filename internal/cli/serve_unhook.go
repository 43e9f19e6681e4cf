package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/connections"
	"github.com/whodid/whodid/internal/store"
)

// unhook records once for each organisation which of its webhooks the server's file
// of connections no longer names: from then on their silence says nothing. A server
// without such a file knows nothing of webhooks, and another one may.
func (c *chores) unhook(ctx context.Context, org string, t *tenant) error {
	if c.connected == nil || c.unhooked[org] {
		return nil
	}
	list, err := t.Asker.Hooks(ctx)
	if err != nil {
		return err
	}
	var gone []whodid.Event
	for i := range list.Hooks {
		h := &list.Hooks[i]
		named := slices.ContainsFunc(c.connected.Webhooks, func(w connections.Webhook) bool {
			return w.Name == h.Hook && w.Forge == h.Forge && cmp.Or(w.Org, store.DefaultOrg) == org
		})
		if named || h.GoneAt != nil {
			continue
		}
		last := h.Since
		if h.LastAt != nil {
			last = *h.LastAt
		}
		gone = append(gone, whodid.Event{
			// The same webhook may be taken away again after it was heard again.
			Key:  factKey("unhook", h.Forge, h.Hook, h.Repository, strconv.FormatInt(whodid.Micros(last), 10)),
			What: "forge.unhook", Target: h.Repository, At: c.p.Now(), Actor: whodid.System, Source: "webhook:" + h.Forge,
			Data: whodid.Data{"hook": h.Hook, "repository": h.Repository},
		})
	}
	if len(gone) > 0 {
		if _, err := t.Recorder.Record(ctx, gone...); err != nil {
			return err
		}
		c.log.InfoContext(ctx, "webhooks were taken away", "org", org, "repositories", len(gone))
	}
	c.unhooked[org] = true
	return nil
}
