package api

import (
	"fmt"
	"slices"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/auth"
)

// vouched stands before how the credential was established that gave its word for
// somebody else.
const vouched = "vouched:"

// vouch holds an event against who tells it, and writes into the event how its
// actor is known. The actor is who acted, so:
//
//   - a token that is bound to an agent tells of that agent only ("token");
//   - any other token tells of agents by its word ("vouched:token"), and of those
//     of its squads only if it is held to squads;
//   - nobody tells of a person but that person, signed in ("oidc"): with a token
//     a person's deed is refused. Who stands behind an agent, a token may claim.
//
// An event that names no actor gets the identity's own. It returns an error that
// wraps ErrForbidden for an event that may not be told like that.
func vouch(id *auth.Identity, e *whodid.Event) error {
	if e.Actor == "" {
		e.Actor = id.Actor
	}
	switch {
	case e.Actor == id.Actor:
		e.ActorAuth = id.ActorAuth
	case whodid.AgentOf(id.Actor) != "":
		return fmt.Errorf("%w: this token records what %s did, and nobody else", auth.ErrForbidden, id.Actor)
	case whodid.IsHuman(e.Actor):
		return fmt.Errorf("%w: what a person did is told by that person, signed in", auth.ErrForbidden)
	case whodid.AgentOf(e.Actor) != "":
		if squad := whodid.Squad(whodid.AgentOf(e.Actor)); len(id.Squads) > 0 && !slices.Contains(id.Squads, squad) {
			return fmt.Errorf("%w: this token records what agents of %v did", auth.ErrForbidden, id.Squads)
		}
		e.ActorAuth = vouched + id.ActorAuth
	default:
		// What the product does by itself, such as telling of a gap.
		e.ActorAuth = vouched + id.ActorAuth
	}
	if e.OnBehalfOf != "" {
		e.OnBehalfAuth = vouched + id.ActorAuth
		if e.OnBehalfOf == id.Actor {
			e.OnBehalfAuth = id.ActorAuth
		}
	}
	return nil
}
