package page

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// incidentsPage is which incidents there are.
type incidentsPage struct {
	All  bool
	List []ask.Incident
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
	return &answer{title: "Incidents", page: page, value: list, rows: list.Incidents}, nil
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
		return &answer{title: "Incident " + cut(s.Title, 80), page: s, value: s}, nil
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
	s, err := (&ask.Git{Trail: r.t.Asker}).ShowIncident(r.ctx, x.IncidentID, ask.IncidentOptions{}, nil)
	if err != nil {
		return nil, err
	}
	return &answer{title: "Incident " + cut(s.Title, 80), page: s, value: s}, nil
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
