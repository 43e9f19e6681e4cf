package page

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
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

// incidentPage is one incident with what who asks may do about it.
type incidentPage struct {
	*ask.IncidentShow
	MayNote, MayBundle bool
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
		return &answer{title: "Incident " + cut(s.Title, 80), page: &incidentPage{IncidentShow: s}, value: s}, nil
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
	rules, signature := r.judged()
	s, err := (&ask.Git{Trail: r.t.Asker}).ShowIncident(r.ctx, x.IncidentID, ask.IncidentOptions{Policy: rules.Policy, Signature: signature}, nil)
	if err != nil {
		return nil, err
	}
	page := &incidentPage{IncidentShow: s, MayNote: r.id.Role.May(auth.Approve), MayBundle: r.id.Role.May(auth.Audit) && r.pages.options.Bundle != nil}
	if r.t.Recorder == nil {
		page.MayNote, page.MayBundle = false, false
	}
	a := &answer{title: "Incident " + cut(s.Title, 80), page: page, value: s}
	if s.Analysis != nil {
		a.rows = s.Analysis.Timeline
	}
	return a, nil
}

// incidentDeeds are what people do with an incident.
func (p *Pages) incidentDeeds() []server.Route {
	const form = 64 << 10
	out := []server.Route{{Pattern: "POST /incidents/{id}/notes", Needs: auth.Approve, MaxBody: form, Handle: p.deed((*request).noteIncident)}}
	if p.options.Bundle != nil {
		out = append(out, server.Route{Pattern: "POST /incidents/{id}/bundle", Needs: auth.Audit, MaxBody: form, Handle: p.reply((*request).bundleIncident)})
	}
	return out
}

// ofIncident is an event about an incident, in the name of who asks. Who may see
// some squads only has no part in it: an incident may be about any.
func (r *request) ofIncident(what string) (*whodid.Event, error) {
	if len(r.id.Squads) > 0 {
		return nil, wrong(http.StatusForbidden, "An incident may be about any squad, and you may see some of them only.", "Ask an administrator for a role without squads.")
	}
	if r.t.Recorder == nil {
		return nil, wrong(http.StatusForbidden, "The key of this trail is not on this machine.", "")
	}
	x, err := r.t.Asker.IncidentByID(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return &whodid.Event{
		Org: r.t.Org, Key: "page/" + what + "/" + whodid.NewID(whodid.PrefixEvent), What: what, Target: x.IncidentID, Actor: r.id.Actor, ActorAuth: r.id.ActorAuth, At: r.now, Source: "page",
	}, nil
}

func (r *request) noteIncident() (string, error) {
	e, err := r.ofIncident("incident.note")
	if err != nil {
		return "", err
	}
	if e.Why = r.form("text"); e.Why == "" || len(e.Why) > whodid.MaxWhy {
		return "", wrong(http.StatusUnprocessableEntity, "A note has 1 to "+digits(whodid.MaxWhy)+" bytes.", "Go back, and write it in fewer words.")
	}
	_, err = r.t.Recorder.Record(r.ctx, *e)
	return "/incidents/" + e.Target + "#notes", err
}

// bundleIncident sends the sealed bundle. That somebody took it is recorded.
func (r *request) bundleIncident(w http.ResponseWriter) error {
	e, err := r.ofIncident("incident.export")
	if err != nil {
		return err
	}
	archive, err := r.pages.options.Bundle(r.ctx, r.t, e.Target, e)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="incident-`+short(e.Target)+`.zip"`)
	send(w, r.r, "application/zip", http.StatusOK, archive)
	return nil
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
