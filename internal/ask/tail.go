package ask

import (
	"context"
	"errors"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// Event is one event of the trail, as it is in the log.
type Event struct {
	// Seq is the index of the event's leaf in the log, from 0.
	Seq     uint64 `json:"seq"`
	EventID string `json:"event_id"`
	// At is when it happened by its source's clock, RecordedAt when the trail
	// took it.
	At         time.Time   `json:"at"`
	RecordedAt time.Time   `json:"recorded_at"`
	Actor      string      `json:"actor"`
	OnBehalfOf string      `json:"on_behalf_of"`
	What       string      `json:"what"`
	Target     string      `json:"target"`
	Result     string      `json:"result"`
	Why        string      `json:"why"`
	Execution  string      `json:"execution_id"`
	Session    string      `json:"session_id"`
	Approval   string      `json:"approval_id"`
	Source     string      `json:"source"`
	Metadata   whodid.Data `json:"metadata"`
}

func newEvent(r *store.Row) Event {
	data := r.Data
	if data == nil {
		data = whodid.Data{}
	}
	return Event{
		Seq: r.Seq, EventID: r.ID, At: r.At.UTC(), RecordedAt: r.RecordedAt.UTC(), Actor: r.Actor, OnBehalfOf: r.OnBehalfOf,
		What: r.What, Target: r.Target, Result: string(r.Result), Why: r.Why, Execution: r.Execution,
		Session: r.Session, Approval: r.Approval, Source: r.Source, Metadata: data,
	}
}

// Size answers how many events the log has. Asked again and again it costs one
// row, so that following the log is cheap while nothing happens.
func (a *Asker) Size(ctx context.Context) (uint64, error) {
	head, err := a.store.Head(ctx, a.org)
	if errors.Is(err, store.ErrNoLog) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return head.Frontier.Size(), nil
}

// Events answers what the log holds from the index on, in its order, at most
// limit events. The log only grows at its end, so that who asks again from
// behind the last one misses nothing.
func (a *Asker) Events(ctx context.Context, from uint64, limit int) ([]Event, error) {
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{AfterSeq: from, Limit: limit})
	if err != nil {
		return nil, err
	}
	events := make([]Event, len(rows))
	for i := range rows {
		events[i] = newEvent(&rows[i])
	}
	return events, nil
}
