package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/whodid/whodid"
)

// vouched stands before how the credential was established that gave its word for
// somebody else.
const vouched = "vouched:"

// Vouched is how somebody is known for whom the credential gave its word.
func (id *Identity) Vouched() string {
	if id.ActorAuth == MethodToken {
		return vouched + MethodToken // the common case, known to the compiler
	}
	return vouched + id.ActorAuth
}

// Vouch holds an event against who tells it, and writes into the event how its
// actor is known. It is the one rule of every door at which events come in. The
// actor is who acted, so:
//
//   - a token that is bound to an agent tells of that agent only ("token");
//   - any other token tells of agents by its word ("vouched:token"), and of those
//     of its squads only if it is held to squads;
//   - nobody tells of a person but that person, signed in ("oidc"): with a token
//     a person's deed is refused. Who stands behind an agent, a token may claim.
//
// An event that names no actor gets the identity's own. It returns an error that
// wraps ErrForbidden for an event that may not be told like that.
func (id *Identity) Vouch(e *whodid.Event) error {
	if e.Actor == "" {
		e.Actor = id.Actor
	}
	switch {
	case e.Actor == id.Actor:
		e.ActorAuth = id.ActorAuth
	case whodid.AgentOf(id.Actor) != "":
		return fmt.Errorf("%w: this token records what %s did, and nobody else", ErrForbidden, id.Actor)
	case whodid.IsHuman(e.Actor):
		return fmt.Errorf("%w: what a person did is told by that person, signed in", ErrForbidden)
	case whodid.AgentOf(e.Actor) != "":
		if squad := whodid.Squad(whodid.AgentOf(e.Actor)); len(id.Squads) > 0 && !slices.Contains(id.Squads, squad) {
			return fmt.Errorf("%w: this token records what agents of %v did", ErrForbidden, id.Squads)
		}
		e.ActorAuth = id.Vouched()
	default:
		// What the product does by itself, such as telling of a gap.
		e.ActorAuth = id.Vouched()
	}
	id.vouchBehalf(e)
	return nil
}

func (id *Identity) vouchBehalf(e *whodid.Event) {
	switch e.OnBehalfOf {
	case "":
	case id.Actor:
		e.OnBehalfAuth = id.ActorAuth
	default:
		e.OnBehalfAuth = id.Vouched()
	}
}

// VouchRead is [Identity.Vouch] for events that an adapter of this server read
// from what was sent: what the server itself says of it, such as that something is
// missing, is its own word, and what a client's program tells of itself
// ("system:claude-code") may come with any token. It returns those that may be told,
// in place, and the error of the last that may not.
func (id *Identity) VouchRead(events []whodid.Event) (kept []whodid.Event, refused error) {
	kept = events[:0]
	for i := range events {
		e := &events[i]
		switch {
		case e.Actor == whodid.System:
		case strings.HasPrefix(e.Actor, "system:") && e.Actor != id.Actor:
			e.ActorAuth = id.Vouched()
			id.vouchBehalf(e)
		default:
			if err := id.Vouch(e); err != nil {
				refused = err
				continue
			}
		}
		kept = append(kept, *e)
	}
	return kept, refused
}
