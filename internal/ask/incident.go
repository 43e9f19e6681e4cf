package ask

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
)

// Incident is an incident as it stands.
type Incident struct {
	// IncidentID is the event that opened it.
	IncidentID string `json:"incident_id"`
	// State is open or closed.
	State    string `json:"state"`
	Title    string `json:"title"`
	Severity string `json:"severity"`
	// Subject is what it is about: line:FILE:LINE, commit:ID, pull_request:NAME,
	// execution:ID or time:FROM..UNTIL.
	Subject    string `json:"subject"`
	Repository string `json:"repository"`
	// From and Until bound what was looked at when it was opened.
	From  *time.Time `json:"from"`
	Until *time.Time `json:"until"`
	// OpenedBy is who opened it, as an actor.
	OpenedBy   string    `json:"opened_by"`
	OpenedAuth string    `json:"opened_auth"`
	OpenedAt   time.Time `json:"opened_at"`
	// TreeSize is how long the log was then.
	TreeSize uint64 `json:"tree_size"`
	// Suspects are the runs that were suspected when it was opened, the likeliest
	// first, and Sure how sure the first of them was.
	Suspects []string `json:"suspects"`
	Sure     string   `json:"sure"`
	// Follows is the earlier incident that it goes on from; empty if none.
	Follows     string     `json:"follows"`
	ClosedBy    string     `json:"closed_by"`
	ClosedAt    *time.Time `json:"closed_at"`
	CloseReason string     `json:"close_reason"`
	// Notes is how many there are.
	Notes int `json:"notes"`

	holds []string
}

// The states of an incident.
const (
	IncidentOpen   = "open"
	IncidentClosed = "closed"
)

// IncidentList lists incidents, the last opened first.
type IncidentList struct {
	Incidents []Incident `json:"incidents"`
}

// IncidentFilter selects incidents. Zero fields select everything.
type IncidentFilter struct {
	State string
	// Since and Until select by overlap: an incident is meant if it was open at any
	// moment between them.
	Since, Until time.Time
	// Squads are the only squads whose incidents are shown: those of which a run
	// was suspected. None is all of them.
	Squads []string
	Limit  int
}

func newIncident(x *whodid.Incident) Incident {
	state := IncidentOpen
	if !x.Open() {
		state = IncidentClosed
	}
	return Incident{
		IncidentID: x.ID, State: state, Title: x.Title, Severity: x.Severity, Subject: x.Subject, Repository: x.Repository, From: moment(x.From), Until: moment(x.Until),
		OpenedBy: x.OpenedBy, OpenedAuth: x.OpenedAuth, OpenedAt: x.OpenedAt.UTC(), TreeSize: x.TreeSize, Suspects: orEmpty(x.Suspects), Sure: x.Sure,
		Follows: x.Follows, ClosedBy: x.ClosedBy, ClosedAt: moment(x.ClosedAt), CloseReason: x.CloseReason, Notes: len(x.Notes), holds: x.Holds,
	}
}

// incidents reads all incidents and the rows that they are made of.
func (a *Asker) incidents(ctx context.Context) ([]whodid.Incident, []store.Row, error) {
	rows, err := a.store.IncidentEvents(ctx, a.org)
	if err != nil {
		return nil, nil, err
	}
	events := make([]whodid.Event, len(rows))
	for i := range rows {
		events[i] = rows[i].Event
	}
	return whodid.FoldIncidents(events), rows, nil
}

// Incidents answers which incidents there are.
func (a *Asker) Incidents(ctx context.Context, f IncidentFilter) (*IncidentList, error) {
	found, _, err := a.incidents(ctx)
	if err != nil {
		return nil, err
	}
	list := &IncidentList{Incidents: []Incident{}}
	for i := range found {
		x := newIncident(&found[i])
		switch {
		case f.State != "" && x.State != f.State,
			!f.Since.IsZero() && x.ClosedAt != nil && x.ClosedAt.Before(f.Since),
			!f.Until.IsZero() && !x.OpenedAt.Before(f.Until):
			continue
		}
		if seen, err := a.incidentOf(ctx, &x, f.Squads); err != nil {
			return nil, err
		} else if !seen {
			continue
		}
		list.Incidents = append(list.Incidents, x)
		if f.Limit > 0 && len(list.Incidents) == f.Limit {
			break
		}
	}
	return list, nil
}

// incidentOf tells whether an incident is the business of one of the squads: a run
// of theirs was suspected. Other suspects are left out of it.
func (a *Asker) incidentOf(ctx context.Context, x *Incident, squads []string) (bool, error) {
	if len(squads) == 0 {
		return true, nil
	}
	runs, err := a.store.ExecutionsByID(ctx, a.org, x.Suspects)
	if err != nil {
		return false, err
	}
	theirs := map[string]bool{}
	for i := range runs {
		theirs[runs[i].ID] = slices.Contains(squads, runs[i].Squad)
	}
	x.Suspects = slices.DeleteFunc(slices.Clone(x.Suspects), func(id string) bool { return !theirs[id] })
	return len(x.Suspects) > 0, nil
}

// IncidentOfSquads answers one incident to who may see the work of some squads
// only: not what was found out about it, which may be about others.
func (a *Asker) IncidentOfSquads(ctx context.Context, prefix string, squads []string) (*IncidentShow, error) {
	x, err := a.IncidentByID(ctx, prefix)
	if err != nil {
		return nil, unseen("incident", prefix, err)
	}
	seen, err := a.incidentOf(ctx, x, squads)
	if err == nil && !seen {
		err = ErrNotFound
	}
	if err != nil {
		return nil, unseen("incident", prefix, err)
	}
	return &IncidentShow{
		Incident: *x, Missing: "what was found out may be about other squads than yours", NoteList: []IncidentNote{}, Holds: []Hold{}, Custody: []IncidentAct{},
	}, nil
}

// IncidentByID answers one incident as it stands, without looking into it. The id
// may be a unique beginning.
func (a *Asker) IncidentByID(ctx context.Context, prefix string) (*Incident, error) {
	found, _, err := a.incidents(ctx)
	if err != nil {
		return nil, err
	}
	x, err := oneIncident(found, prefix)
	if err != nil {
		return nil, err
	}
	out := newIncident(x)
	return &out, nil
}

func oneIncident(all []whodid.Incident, prefix string) (*whodid.Incident, error) {
	var found []*whodid.Incident
	for i := range all {
		if id := all[i].ID; prefix != "" && (strings.HasPrefix(id, prefix) || strings.HasPrefix(id, whodid.PrefixEvent+"-"+prefix)) {
			found = append(found, &all[i])
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("incident %q: %w", prefix, store.ErrNotFound)
	case 1:
		return found[0], nil
	default:
		return nil, &store.AmbiguousError{Prefix: prefix, IDs: []string{found[0].ID, found[1].ID}}
	}
}

// IncidentNote is a note on an incident.
type IncidentNote struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	By      string    `json:"by"`
	Text    string    `json:"text"`
}

// IncidentAct is a link of an incident's chain of custody: who did what with it.
type IncidentAct struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	// By is who, as an actor, and ByAuth how that is known.
	By     string `json:"by"`
	ByAuth string `json:"by_auth"`
	// What is incident.open, incident.note, incident.view, incident.export,
	// incident.close, hold.place or hold.release.
	What   string `json:"what"`
	Detail string `json:"detail"`
	// Seq is its place in the log: nothing can be put between, or taken out.
	Seq uint64 `json:"seq"`
}

// IncidentShow is an incident with all that is known of it now.
type IncidentShow struct {
	Incident
	// Analysis is what the trail and git tell of it, as of the moment that it names;
	// null if it can't be looked into any more, and Missing says why.
	Analysis *IncidentAnalysis `json:"analysis"`
	Missing  string            `json:"missing"`
	// Changed says what is different from what was suspected when it was opened;
	// empty if nothing is.
	Changed string `json:"changed"`
	// NoteList are the notes, the first first.
	NoteList []IncidentNote `json:"note_list"`
	Holds    []Hold         `json:"holds"`
	// Custody is who did what with it, in the order of the log.
	Custody []IncidentAct `json:"custody"`
}

// ShowIncident answers everything about an incident: what it is, and what is known
// of it now. known is what was just found out about it; nil looks into it.
func (g *Git) ShowIncident(ctx context.Context, prefix string, o IncidentOptions, known *IncidentAnalysis) (*IncidentShow, error) {
	a := g.Trail
	found, rows, err := a.incidents(ctx)
	if err != nil {
		return nil, err
	}
	x, err := oneIncident(found, prefix)
	if err != nil {
		return nil, err
	}
	s := &IncidentShow{Incident: newIncident(x), NoteList: []IncidentNote{}, Holds: []Hold{}, Custody: []IncidentAct{}}
	for _, n := range x.Notes {
		s.NoteList = append(s.NoteList, IncidentNote{EventID: n.Event, At: n.At.UTC(), By: n.By, Text: n.Text})
	}
	if err := a.custody(ctx, s, rows); err != nil {
		return nil, err
	}
	if s.Analysis = known; known == nil {
		if s.Analysis, err = g.reopen(ctx, x, o); err != nil {
			s.Missing = err.Error()
			if ctx.Err() != nil {
				return nil, err
			}
		}
	}
	if s.Analysis != nil {
		s.Changed = s.changed()
		s.Analysis.addActs(s.Custody)
	}
	return s, nil
}

// changed says how the likeliest suspect differs from that at the opening.
func (s *IncidentShow) changed() string {
	then, now := "", ""
	if len(s.Suspects) > 0 {
		then = s.Suspects[0]
	}
	if x := s.Analysis.Suspects; len(x) > 0 && x[0].Sure != string(incident.Weak) {
		now = x[0].ExecutionID
	}
	switch {
	case then == now:
		return ""
	case then == "":
		return "when it was opened no run was suspected"
	case now == "":
		return "when it was opened " + then + " was suspected; now no run is"
	default:
		return "when it was opened " + then + " was suspected first"
	}
}

// custody gathers who did what with an incident, and its holds.
func (a *Asker) custody(ctx context.Context, s *IncidentShow, rows []store.Row) error {
	for i := range rows {
		r := &rows[i]
		if r.ID != s.IncidentID && r.Target != s.IncidentID {
			continue
		}
		s.Custody = append(s.Custody, IncidentAct{
			EventID: r.ID, At: r.RecordedAt.UTC(), By: r.Actor, ByAuth: r.ActorAuth, What: r.What, Detail: actDetail(r), Seq: r.Seq,
		})
	}
	held, err := a.store.RetentionEvents(ctx, a.org)
	if err != nil {
		return err
	}
	mine := map[string]bool{}
	for _, id := range s.holds {
		mine[id] = true
	}
	var events []whodid.Event
	for i := range held {
		r := &held[i]
		if !mine[r.ID] && !mine[r.Target] {
			continue
		}
		events = append(events, r.Event)
		s.Custody = append(s.Custody, IncidentAct{EventID: r.ID, At: r.RecordedAt.UTC(), By: r.Actor, ByAuth: r.ActorAuth, What: r.What, Detail: r.Target, Seq: r.Seq})
	}
	for _, h := range whodid.FoldHolds(events) {
		s.Holds = append(s.Holds, newHold(&h))
	}
	sortActs(s.Custody)
	return nil
}

func actDetail(r *store.Row) string {
	switch r.What {
	case "incident.export":
		return r.Data.String("digest")
	case "incident.open":
		return r.Target
	case "incident.close":
		return r.Why
	default:
		return ""
	}
}
