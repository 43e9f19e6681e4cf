package ask

import (
	"context"
	"fmt"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/incident"
)

// Opening is what somebody says of an incident when they open it.
type Opening struct {
	Title, Severity string
	// Follows is the earlier incident that it goes on from.
	Follows string
}

// OpenIncident makes the events that open an incident and place its holds: the
// first opens it. who has the one who opens it, their source and organisation;
// they are recorded together, or none is.
func OpenIncident(found *IncidentAnalysis, who *whodid.Event, key string, o Opening) []whodid.Event {
	open := *who
	open.Key, open.What, open.Target, open.Why, open.At = key, "incident.open", found.Subject, o.Title, found.AsOf
	open.Data = whodid.Data{"from": found.From.Format(time.RFC3339Nano), "until": found.Until.Format(time.RFC3339Nano), "tree_size": int64(found.TreeSize)}
	for name, value := range map[string]string{"severity": o.Severity, "follows": o.Follows, "repository": found.Repository} {
		if value != "" {
			open.Data[name] = value
		}
	}
	if len(found.Commits) > 0 {
		open.Data["commit"] = found.Commits[0].Commit.Commit
	}
	var suspects, scopes []string
	for i := range found.Suspects {
		s := &found.Suspects[i]
		if s.Sure == string(incident.Weak) {
			continue
		}
		suspects = append(suspects, s.ExecutionID)
		if s.Execution != nil {
			scopes = append(scopes, whodid.HoldExecution+":"+s.ExecutionID)
		}
	}
	if len(suspects) > 0 {
		open.Data["suspects"], open.Data["sure"] = suspects, found.Suspects[0].Sure
	}
	if len(scopes) == 0 {
		span := whodid.HoldScope{Kind: whodid.HoldTime, From: found.From, Until: found.Until.Add(time.Second)}
		if found.Kind != IncidentOfTime && found.Until.Sub(found.From) > 2*lookBack {
			span.Until = found.From.Add(2 * lookBack)
		}
		scopes = []string{span.String()}
	}
	open.Identify()
	events := []whodid.Event{open}
	var holds []string
	for i, scope := range scopes {
		hold := *who
		hold.Key, hold.What, hold.Target, hold.At = fmt.Sprintf("%s/hold/%d", key, i), "hold.place", scope, found.AsOf
		hold.Why = "incident " + open.ID
		hold.Identify()
		holds = append(holds, hold.ID)
		events = append(events, hold)
	}
	events[0].Data["holds"] = holds
	return events
}

// CloseIncident makes the events that close an incident and, if that is wanted,
// release its holds that stand; the first closes it. The second answer names these
// holds.
func (a *Asker) CloseIncident(ctx context.Context, x *Incident, who *whodid.Event, reason string, release bool) ([]whodid.Event, []string, error) {
	closing := *who
	closing.Key, closing.What, closing.Target, closing.Why = "incident/"+x.IncidentID+"/close", "incident.close", x.IncidentID, reason
	released := []string{}
	if !release {
		return []whodid.Event{closing}, released, nil
	}
	standing, err := a.StandingHolds(ctx)
	if err != nil {
		return nil, nil, err
	}
	events := []whodid.Event{closing}
	for i := range standing {
		for _, id := range x.holds {
			if standing[i].ID != id {
				continue
			}
			e := *who
			e.Key, e.What, e.Target, e.Why = "hold/"+id+"/release", "hold.release", id, "incident "+x.IncidentID+" was closed: "+reason
			released = append(released, id)
			events = append(events, e)
		}
	}
	if len(released) > 0 {
		events[0].Data = whodid.Data{"holds": released}
	}
	return events, released, nil
}
