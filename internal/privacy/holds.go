package privacy

import (
	"context"

	"github.com/whodid/whodid"
)

// Holds tells whether somebody has to keep an event, and by which hold.
type Holds func(e *whodid.Event) (hold string, held bool)

// standing are the holds that were not released.
func standing(ctx context.Context, trail Trail, org string) ([]whodid.Hold, error) {
	rows, err := trail.RetentionEvents(ctx, org)
	if err != nil {
		return nil, err
	}
	events := make([]whodid.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].Event
	}
	return whodid.StandingHolds(whodid.FoldHolds(events)), nil
}

// placed adds the events that placed holds which stand: without their target
// nobody would know any more what they keep.
func (h Holds) placed(holds []whodid.Hold) Holds {
	ids := make(map[string]bool, len(holds))
	for i := range holds {
		ids[holds[i].ID] = true
	}
	return func(e *whodid.Event) (string, bool) {
		if ids[e.ID] {
			return e.ID, true
		}
		if h == nil {
			return "", false
		}
		return h(e)
	}
}

// holdPerson tells whether a hold is on one of these people.
func holdPerson(holds []whodid.Hold, actors map[string]bool) bool {
	for i := range holds {
		if s := &holds[i].Scope; s.Kind == whodid.HoldPerson && actors[s.Value] {
			return true
		}
	}
	return false
}
