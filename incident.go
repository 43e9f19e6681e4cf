package whodid

import (
	"fmt"
	"slices"
	"time"
)

// Severities lists how bad an incident can be, the least first.
func Severities() []string { return []string{"low", "medium", "high", "critical"} }

// Incident is what its events add up to.
type Incident struct {
	// ID is that of the event which opened it.
	ID string
	// Subject is what it is about: line:FILE:LINE@COMMIT, commit:ID, pull_request:NAME,
	// execution:ID or time:FROM..UNTIL.
	Subject, Title, Severity, Repository string
	// Commit is the commit that it is about; empty if none is known.
	Commit string
	// From and Until bound what was looked at when it was opened.
	From, Until time.Time
	// OpenedBy is who opened it, as an actor, and OpenedAuth how that is known;
	// the time is that of the trail's clock.
	OpenedBy, OpenedAuth string
	OpenedAt             time.Time
	// TreeSize is how long the log was then.
	TreeSize uint64
	// Suspects are the runs that were suspected then, the likeliest first, and
	// Sure how sure the first of them was.
	Suspects []string
	Sure     string
	// Holds are the holds that were placed with it.
	Holds []string
	// Follows is the earlier incident that it goes on from.
	Follows string
	// ClosedBy is who closed it; empty, and ClosedAt zero, while it is open.
	ClosedBy, CloseReason string
	ClosedAt              time.Time
	// Notes are those on it, in the order of the log.
	Notes []IncidentNote
	// Events is how many events it is made of.
	Events int
}

// IncidentNote is a note on an incident.
type IncidentNote struct {
	Event, By, Text string
	At              time.Time
}

// Open reports whether nobody has closed it.
func (i *Incident) Open() bool { return i.ClosedAt.IsZero() }

// FoldIncidents adds up events, in the order of the log, to incidents, the last
// opened first. The first close counts; what is about an incident that was never
// opened says nothing.
func FoldIncidents(events []Event) []Incident {
	var out []Incident
	at := map[string]int{}
	for i := range events {
		e := &events[i]
		if e.What == "incident.open" {
			at[e.ID] = len(out)
			out = append(out, openedBy(e))
			continue
		}
		n, known := at[e.Target]
		if !known {
			continue
		}
		x := &out[n]
		x.Events++
		switch e.What {
		case "incident.note":
			x.Notes = append(x.Notes, IncidentNote{Event: e.ID, By: e.Actor, Text: e.Why, At: e.RecordedAt})
		case "incident.close":
			if x.Open() {
				x.ClosedBy, x.CloseReason, x.ClosedAt = e.Actor, e.Why, e.RecordedAt
			}
		}
	}
	slices.Reverse(out)
	return out
}

func openedBy(e *Event) Incident {
	size, _ := e.Data.Int("tree_size")
	moment := func(name string) time.Time {
		t, err := time.Parse(time.RFC3339Nano, e.Data.String(name))
		if err != nil {
			return time.Time{}
		}
		return t.UTC()
	}
	return Incident{
		ID: e.ID, Subject: e.Target, Title: e.Why, Severity: e.Data.String("severity"), Repository: e.Data.String("repository"),
		Commit: e.Data.String("commit"),
		From:   moment("from"), Until: moment("until"), OpenedBy: e.Actor, OpenedAuth: e.ActorAuth, OpenedAt: e.RecordedAt,
		TreeSize: uint64(max(size, 0)), Suspects: e.Data.List("suspects"), Sure: e.Data.String("sure"), Holds: e.Data.List("holds"), Follows: e.Data.String("follows"), Events: 1,
	}
}

// validateIncident sees to it that what is said about incidents can be followed,
// and that only people close one.
func (e *Event) validateIncident() error {
	switch e.What {
	case "incident.open":
		if s := e.Data.String("severity"); s != "" && !slices.Contains(Severities(), s) {
			return fmt.Errorf("severity %q is none of %v", s, Severities())
		}
		if e.Target == "" {
			return fmt.Errorf("%s has no subject", e.What)
		}
	case "incident.note", "incident.view", "incident.export", "incident.close":
		if !ValidID(e.Target) {
			return fmt.Errorf("%q is not the id of an incident", e.Target)
		}
		if e.What == "incident.close" && !IsHuman(e.Actor) {
			return fmt.Errorf("%s is for people; %s is none", e.What, e.Actor)
		}
	}
	return nil
}
