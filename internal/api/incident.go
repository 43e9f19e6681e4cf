package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
)

// NewIncident opens an incident.
type NewIncident struct {
	// At is what is wrong: a commit, a pull request such as acme/shop#44, a run or a
	// time as FROM..UNTIL. Lines can't be asked about here: the server has no clone.
	At    string `json:"at"`
	Title string `json:"title,omitempty"`
	// Severity is low, medium, high or critical.
	Severity string `json:"severity,omitempty"`
	// Follows is the earlier incident that it goes on from.
	Follows string `json:"follows,omitempty"`
}

// NewIncidentNote is a note on an incident.
type NewIncidentNote struct {
	Text string `json:"text"`
}

// IncidentEnd closes an incident.
type IncidentEnd struct {
	Reason string `json:"reason"`
	// ReleaseHold lets go what it holds.
	ReleaseHold bool `json:"release_hold,omitempty"`
}

// responding are the operations about incidents.
func responding() []Operation {
	id := inPath("id", "The incident's id, or a unique beginning of it.")
	return []Operation{
		{
			ID: "listIncidents", Method: http.MethodGet, Path: "/v1/incidents", Tag: "incident", Needs: auth.Read,
			Summary: "List incidents, the last opened first", Params: []Param{
				query("state", "string", "Only in this state: open or closed.", "open"),
				query("limit", "integer", "At most so many; 100 unless you say, 1000 at most.", ""),
			}, Out: ask.IncidentList{}, handle: (*call).listIncidents,
		},
		{
			ID: "showIncident", Method: http.MethodGet, Path: "/v1/incidents/{id}", Tag: "incident", Needs: auth.Read,
			Summary:     "Show one incident, with what the trail tells of it now",
			Description: "That somebody looked is recorded in the incident's chain of custody. Who may see some squads only is not told what was found out.",
			Params:      []Param{id}, Out: ask.IncidentShow{}, handle: (*call).showIncident,
		},
		{
			ID: "openIncident", Method: http.MethodPost, Path: "/v1/incidents", Tag: "incident", Needs: auth.Approve, Status: http.StatusCreated,
			Summary:     "Open an incident: who did it, what happened, what to do",
			Description: "The runs that are suspected are held from now on. Only who may see all squads may.",
			Params:      []Param{idempotency()}, In: NewIncident{}, Out: ask.IncidentShow{}, MaxBody: 64 << 10, handle: (*call).openIncident,
		},
		{
			ID: "noteIncident", Method: http.MethodPost, Path: "/v1/incidents/{id}/notes", Tag: "incident", Needs: auth.Approve, Status: http.StatusCreated,
			Summary: "Note something about an incident", Params: []Param{id, idempotency()}, In: NewIncidentNote{}, Out: RecordedEvent{}, MaxBody: 64 << 10, handle: (*call).noteIncident,
		},
		{
			ID: "closeIncident", Method: http.MethodPost, Path: "/v1/incidents/{id}/close", Tag: "incident", Needs: auth.Approve,
			Summary:     "Close an incident",
			Description: "Closed by the person who is signed in, and by no token. One that is closed already is answered 409.",
			Params:      []Param{id}, In: IncidentEnd{}, Out: ask.Incident{}, MaxBody: 64 << 10, handle: (*call).closeIncident,
		},
	}
}

func (c *call) listIncidents() error {
	limit, err := c.number("limit", DefaultPage, MaxPage)
	if err != nil {
		return err
	}
	state := c.r.URL.Query().Get("state")
	if state != "" && state != ask.IncidentOpen && state != ask.IncidentClosed {
		return wrong(http.StatusBadRequest, "state: there is no state %q", state)
	}
	list, err := c.tenant.Asker.Incidents(c.ctx, ask.IncidentFilter{State: state, Squads: c.id.Squads, Limit: max(int(limit), 1)})
	if err != nil {
		return err
	}
	return c.answer(list)
}

// git asks about incidents without a repository: the index of commits answers.
func (c *call) git() *ask.Git { return &ask.Git{Trail: c.tenant.Asker} }

func (c *call) showIncident() error {
	if len(c.id.Squads) > 0 {
		s, err := c.tenant.Asker.IncidentOfSquads(c.ctx, c.r.PathValue("id"), c.id.Squads)
		if err != nil {
			return err
		}
		return c.answer(s)
	}
	x, err := c.tenant.Asker.IncidentByID(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	now := c.api.options.Now()
	e, err := c.aboutIncident("incident.view", x.IncidentID)
	if err != nil {
		return err
	}
	e.Key = digestKey("incident-view", x.IncidentID, e.Actor, c.id.Credential, now.UTC().Truncate(time.Minute).Format(time.RFC3339))
	if _, err := c.tenant.Recorder.Record(c.ctx, *e); err != nil {
		return err
	}
	rules, signature, err := c.rules()
	if err != nil {
		return err
	}
	s, err := c.git().ShowIncident(c.ctx, x.IncidentID, ask.IncidentOptions{Policy: rules.Policy, Signature: signature}, nil)
	if err != nil {
		return err
	}
	return c.answer(s)
}

// aboutIncident begins an event about an incident, in the name of who asks.
func (c *call) aboutIncident(what, target string) (*whodid.Event, error) {
	e := &whodid.Event{Org: c.tenant.Org, What: what, Target: target, Source: source, At: c.api.options.Now()}
	return e, c.sign(e, c.id.Actor, "")
}

// whole refuses who may see some squads only.
func (c *call) whole() error {
	if len(c.id.Squads) > 0 {
		return wrong(http.StatusForbidden, "not allowed: an incident may be about any squad, and this credential is for %s only", strings.Join(c.id.Squads, ", "))
	}
	return nil
}

func (c *call) openIncident() error {
	var in NewIncident
	if err := c.in(&in); err != nil {
		return err
	}
	if err := c.whole(); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(in.At) == "":
		return wrong(http.StatusUnprocessableEntity, "at: say what is wrong: a commit, acme/shop#44, a run, or FROM..UNTIL")
	case in.Severity != "" && !slices.Contains(whodid.Severities(), in.Severity):
		return wrong(http.StatusUnprocessableEntity, "severity: %q is none of %s", in.Severity, strings.Join(whodid.Severities(), ", "))
	}
	if in.Follows != "" {
		before, err := c.tenant.Asker.IncidentByID(c.ctx, in.Follows)
		if err != nil {
			return err
		}
		in.Follows = before.IncidentID
	}
	who, err := c.aboutIncident("", "")
	if err != nil {
		return err
	}
	rules, signature, err := c.rules()
	if err != nil {
		return err
	}
	by := ask.IncidentOptions{At: in.At, Policy: rules.Policy, Signature: signature}
	found, err := c.git().Investigate(c.ctx, &by)
	if err != nil {
		return err
	}
	events := ask.OpenIncident(found, who, c.key("incident"), ask.Opening{Title: in.Title, Severity: in.Severity, Follows: in.Follows})
	id := events[0].ID
	if _, err := c.tenant.Recorder.Record(c.ctx, events...); err != nil {
		return invalidIncident(err)
	}
	s, err := c.git().ShowIncident(c.ctx, id, by, found)
	if err != nil {
		return err
	}
	return c.answer(s)
}

func (c *call) noteIncident() error {
	var in NewIncidentNote
	if err := c.in(&in); err != nil {
		return err
	}
	if err := c.whole(); err != nil {
		return err
	}
	if strings.TrimSpace(in.Text) == "" {
		return wrong(http.StatusUnprocessableEntity, "text: the note is empty")
	}
	x, err := c.tenant.Asker.IncidentByID(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	e, err := c.aboutIncident("incident.note", x.IncidentID)
	if err != nil {
		return err
	}
	e.Key, e.Why = c.key("incident-note", x.IncidentID), in.Text
	e.Identify()
	id := e.ID
	rows, err := c.tenant.Recorder.Record(c.ctx, *e)
	if err != nil {
		return invalidIncident(err)
	}
	return c.answer(RecordedEvent{EventID: id, New: len(rows) > 0})
}

func (c *call) closeIncident() error {
	var in IncidentEnd
	if err := c.in(&in); err != nil {
		return err
	}
	if err := c.whole(); err != nil {
		return err
	}
	if !whodid.IsHuman(c.id.Actor) {
		return wrong(http.StatusForbidden, "not allowed: people close incidents, and this credential is that of %s: sign in", c.id.Actor)
	}
	if strings.TrimSpace(in.Reason) == "" {
		return wrong(http.StatusUnprocessableEntity, "reason: an incident that was closed without one can't be judged later")
	}
	x, err := c.tenant.Asker.IncidentByID(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if x.State == ask.IncidentClosed {
		return wrong(http.StatusConflict, "%s was closed before: open another that follows it", x.IncidentID)
	}
	who, err := c.aboutIncident("", "")
	if err != nil {
		return err
	}
	events, _, err := c.tenant.Asker.CloseIncident(c.ctx, x, who, in.Reason, in.ReleaseHold)
	if err != nil {
		return err
	}
	if _, err := c.tenant.Recorder.Record(c.ctx, events...); err != nil {
		return invalidIncident(err)
	}
	if x, err = c.tenant.Asker.IncidentByID(c.ctx, x.IncidentID); err != nil {
		return err
	}
	return c.answer(x)
}

// invalidIncident is the answer to what can't be recorded.
func invalidIncident(err error) error {
	if errors.Is(err, whodid.ErrInvalid) {
		return wrong(http.StatusUnprocessableEntity, "%v", err)
	}
	return err
}
