package page

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
)

// incidentsPage is which incidents there are, and where another is opened.
type incidentsPage struct {
	All  bool
	List []ask.Incident
	// At and Follows are what the form to open one begins with, Once tells one
	// sending of it from another.
	At, Follows, Once string
	Severities        []string
	// MayOpen tells whether who looks may open one, and Lines whether a line can be
	// asked about.
	MayOpen, Lines bool
}

func (r *request) incidents() (*answer, error) {
	page := &incidentsPage{All: r.query("all") != ""}
	f := ask.IncidentFilter{Squads: r.id.Squads, Limit: 4 * pageRows}
	if !page.All {
		f.State = "open"
	}
	list, err := r.t.Asker.Incidents(r.ctx, f)
	if err != nil {
		return nil, err
	}
	page.List = list.Incidents
	if page.MayOpen = r.mayRespond(); page.MayOpen {
		page.At, page.Follows, page.Once, page.Lines = r.query("at"), r.query("follows"), whodid.NewID(whodid.PrefixEvent), r.pages.options.Git != nil
		page.Severities = whodid.Severities()
	}
	return &answer{title: "Incidents", page: page, value: list, rows: list.Incidents}, nil
}

// incidentPage is one incident with what who asks may do about it.
type incidentPage struct {
	*ask.IncidentShow
	MayNote, MayBundle, MayClose bool
	// Standing is how many of its holds stand.
	Standing int
	// Where is what to ask why about; empty if it is a time.
	Where string
	// Again is where another is opened that goes on from it.
	Again string
	Said  string
}

// incident is one incident, looked into with what is known now. That somebody looked
// belongs to its chain of custody.
func (r *request) incident() (*answer, error) {
	id := r.r.PathValue("id")
	if len(r.id.Squads) > 0 {
		s, err := r.t.Asker.IncidentOfSquads(r.ctx, id, r.id.Squads)
		if err != nil {
			return nil, err
		}
		return &answer{title: "Incident " + cut(cmp.Or(s.Title, s.Subject), 80), page: &incidentPage{IncidentShow: s}, value: s}, nil
	}
	x, err := r.t.Asker.IncidentByID(r.ctx, id)
	if err != nil {
		return nil, err
	}
	if id != x.IncidentID && r.query("format") == "" {
		return &answer{redirect: "/incidents/" + x.IncidentID}, nil
	}
	if err := r.looked(x.IncidentID); err != nil {
		return nil, err
	}
	g, options, err := r.investigator()
	if err != nil {
		return nil, err
	}
	s, err := g.ShowIncident(r.ctx, x.IncidentID, options, nil)
	if err != nil {
		return nil, err
	}
	page := &incidentPage{IncidentShow: s, MayNote: r.mayRespond()}
	if !strings.HasPrefix(s.Subject, ask.IncidentOfTime+":") {
		page.Where = whereOf(s.Subject)
	}
	page.MayClose = page.MayNote && s.State == ask.IncidentOpen && whodid.IsHuman(r.id.Actor)
	page.MayBundle = r.id.Role.May(auth.Audit) && r.t.Recorder != nil && r.pages.options.Bundle != nil
	if page.MayNote && s.State == ask.IncidentClosed {
		page.Again = "/incidents?follows=" + s.IncidentID + "&at=" + escapeQuery(whereOf(s.Subject)) + "#open"
	}
	for i := range s.Holds {
		if s.Holds[i].ReleasedAt == nil {
			page.Standing++
		}
	}
	switch r.query("done") {
	case "opened":
		page.Said = "The incident is open. Whatever is suspected is held from now on: no sweep and no erasure touches it."
	case "closed":
		page.Said = "The incident is closed."
	}
	a := &answer{title: "Incident " + cut(cmp.Or(s.Title, s.Subject), 80), page: page, value: s}
	if s.Analysis != nil {
		a.rows = s.Analysis.Timeline
	}
	return a, nil
}

// looked records that somebody looked at an incident, once a minute.
func (r *request) looked(id string) error {
	if r.t.Recorder == nil {
		return nil // without the trail's key nothing can be recorded
	}
	minute := r.now.UTC().Truncate(time.Minute).Format(time.RFC3339)
	sum := sha256.Sum256([]byte(strings.Join([]string{id, r.id.Actor, r.id.Credential, minute}, "\x00")))
	_, err := r.t.Recorder.Record(r.ctx, whodid.Event{
		Key: "incident-view/page/" + hex.EncodeToString(sum[:16]), What: "incident.view", Target: id, Actor: r.id.Actor, ActorAuth: r.id.ActorAuth, At: r.now, Source: "page",
	})
	return err
}

// severityClass is how bad an incident looks.
func severityClass(severity string) string {
	switch severity {
	case "critical", "high":
		return "bad"
	case "medium":
		return "warn"
	default:
		return "off"
	}
}

// sureClass is how sure a suspicion looks.
func sureClass(sure string) string {
	switch sure {
	case "sure":
		return "bad"
	case "likely":
		return "warn"
	default:
		return "off"
	}
}
