package ask

import (
	"context"
	"strings"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// HookList is the answer to "which forges tell the trail?".
type HookList struct {
	Hooks []Hook `json:"hooks"`
}

// Hook is a webhook of a repository.
type Hook struct {
	Forge      string `json:"forge"`
	Hook       string `json:"hook"`
	Repository string `json:"repository"`
	// Since is when it was first heard of.
	Since time.Time `json:"since"`
	// LastAt is when the last fact of the repository was recorded that a
	// webhook told, LastWhat which it was; null and empty if none was.
	LastAt   *time.Time `json:"last_at"`
	LastWhat string     `json:"last_what"`
	// GoneAt is when it was taken away; null while it is there.
	GoneAt *time.Time `json:"gone_at"`
}

// is tells whether an event is about the hook.
func (h *Hook) is(r *store.Row) bool {
	return h.Forge == strings.TrimPrefix(r.Source, "webhook:") && h.Hook == r.Data.String("hook") && strings.EqualFold(h.Repository, r.Target)
}

// Hooks answers which webhooks were heard of, and when last.
func (a *Asker) Hooks(ctx context.Context) (*HookList, error) {
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{What: "forge.hook"})
	if err != nil {
		return nil, err
	}
	gone, err := a.store.Events(ctx, a.org, store.EventFilter{What: "forge.unhook"})
	if err != nil {
		return nil, err
	}
	list := &HookList{Hooks: []Hook{}}
	for i := range rows {
		r := &rows[i]
		h := Hook{
			Forge: strings.TrimPrefix(r.Source, "webhook:"), Hook: r.Data.String("hook"), Repository: r.Target, Since: r.At.UTC(),
		}
		last, err := a.store.LastFact(ctx, a.org, r.Target, r.Source)
		if err != nil {
			return nil, err
		}
		if last != nil {
			h.LastAt, h.LastWhat = moment(last.RecordedAt), last.What
		}
		for i := range gone {
			// One that was heard again was set up again.
			if g := &gone[i]; h.is(g) && !g.At.Before(r.At) && (last == nil || !last.RecordedAt.After(g.RecordedAt)) {
				h.GoneAt = moment(g.At)
			}
		}
		list.Hooks = append(list.Hooks, h)
	}
	return list, nil
}
