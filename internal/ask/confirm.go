package ask

import (
	"context"
	"time"

	"github.com/whodid/whodid/internal/store"
)

// The states of a confirmation.
const (
	// Confirmed means that the forge says so too.
	Confirmed = "confirmed"
	// Contradicted means that the forge says what can't be if it were so.
	Contradicted = "contradicted"
	// Unconfirmed means that a webhook of the repository should have told of
	// it by now, and did not. Where there is no webhook, nothing is known.
	Unconfirmed = "unconfirmed"
)

// Confirmation is what a forge says of an action that an agent told of.
type Confirmation struct {
	State string `json:"state"`
	// EventID is the event of the forge that says so, What its verb; empty
	// for what is unconfirmed.
	EventID string `json:"event_id"`
	What    string `json:"what"`
	// Actor is who did it, as the forge says.
	Actor string `json:"actor"`
	// Source told it, and Delivery is the forge's id of the delivery; empty if
	// it was read from the forge's API.
	Source   string     `json:"source"`
	Delivery string     `json:"delivery"`
	At       *time.Time `json:"at"`
}

// patience is how long a forge may be silent before an action counts as
// unconfirmed. Deliveries take seconds; the forges repeat them for an hour.
const patience = time.Hour

// confirm adds to actions what forges say of them.
func (a *Asker) confirm(ctx context.Context, lists ...[]Action) error {
	var seqs []uint64
	for _, list := range lists {
		for i := range list {
			if store.Confirmable(list[i].ActionType) {
				seqs = append(seqs, list[i].Seq)
			}
		}
	}
	if len(seqs) == 0 {
		return nil
	}
	if silent, err := a.store.ForgesAreSilent(ctx, a.org); err != nil || silent {
		return err
	}
	found, err := a.store.Confirmations(ctx, a.org, seqs)
	if err != nil {
		return err
	}
	for _, list := range lists {
		for i := range list {
			if c, ok := found[list[i].Seq]; ok {
				list[i].Confirmation = a.confirmation(&c, list[i].At)
			}
		}
	}
	return nil
}

func (a *Asker) confirmation(c *store.Confirmation, at time.Time) *Confirmation {
	switch {
	case c.State != "":
		return &Confirmation{
			State: c.State, EventID: c.FactID, What: c.Fact, Actor: c.Actor, Source: c.Source, Delivery: c.Delivery, At: moment(c.At),
		}
	case c.Expected && at.Add(patience).Before(a.now()):
		return &Confirmation{State: Unconfirmed}
	default:
		return nil
	}
}
