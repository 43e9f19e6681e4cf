package ask

import (
	"context"
	"time"
)

// SinkList is the answer to "how far have the sinks come?".
type SinkList struct {
	Sinks []Sink `json:"sinks"`
}

// Sink is how far a sink has come.
type Sink struct {
	Sink string `json:"sink"`
	// Next is the place of the event that it sends next, Lag how many events
	// wait.
	Next uint64 `json:"next"`
	Lag  uint64 `json:"lag"`
	// SentAt is when it sent something last; null if it never did.
	SentAt *time.Time `json:"sent_at"`
	// Failures counts those since then, Reason is the last one's.
	Failures int64      `json:"failures"`
	FailedAt *time.Time `json:"failed_at"`
	Reason   string     `json:"reason"`
}

// Sinks answers how far the sinks of the organisation have come.
func (a *Asker) Sinks(ctx context.Context) (*SinkList, error) {
	found, err := a.store.Sinks(ctx, a.org)
	if err != nil {
		return nil, err
	}
	size, err := a.Size(ctx)
	if err != nil {
		return nil, err
	}
	list := &SinkList{Sinks: make([]Sink, len(found))}
	for i := range found {
		k := &found[i]
		list.Sinks[i] = Sink{
			Sink: k.Name, Next: k.Next, Lag: size - min(k.Next, size), SentAt: moment(k.SentAt),
			Failures: k.Failures, FailedAt: moment(k.FailedAt), Reason: k.Reason,
		}
	}
	return list, nil
}
