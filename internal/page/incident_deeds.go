package page

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/server"
)

// incidentDeeds are what people do with an incident.
func (p *Pages) incidentDeeds() []server.Route {
	const form = 64 << 10
	out := []server.Route{
		{Pattern: "POST /incidents", Needs: auth.Approve, MaxBody: form, Handle: p.deed((*request).openIncident)},
		{Pattern: "POST /incidents/{id}/notes", Needs: auth.Approve, MaxBody: form, Handle: p.deed((*request).noteIncident)},
		{Pattern: "POST /incidents/{id}/close", Needs: auth.Approve, MaxBody: form, Handle: p.deed(byPerson((*request).closeIncident))},
	}
	if p.options.Bundle != nil {
		out = append(out, server.Route{Pattern: "POST /incidents/{id}/bundle", Needs: auth.Audit, MaxBody: form, Handle: p.reply((*request).bundleIncident)})
	}
	return out
}

// mayRespond tells whether who looks may open incidents and say something of them.
// Who may see some squads only has no part in it: an incident may be about any.
func (r *request) mayRespond() bool {
	return r.id.Role.May(auth.Approve) && len(r.id.Squads) == 0 && r.t.Recorder != nil
}

// responding begins an event about incidents, in the name of who asks.
func (r *request) responding() (*whodid.Event, error) {
	switch {
	case len(r.id.Squads) > 0:
		return nil, wrong(http.StatusForbidden, "An incident may be about any squad, and you may see some of them only.", "Ask an administrator for a role without squads.")
	case r.t.Recorder == nil:
		return nil, wrong(http.StatusForbidden, "The key of this trail is not on this machine.", "")
	default:
		return &whodid.Event{Org: r.t.Org, Actor: r.id.Actor, ActorAuth: r.id.ActorAuth, At: r.now, Source: "page"}, nil
	}
}

// ofIncident is an event about the incident of the path.
func (r *request) ofIncident(what string) (*whodid.Event, error) {
	e, err := r.responding()
	if err != nil {
		return nil, err
	}
	x, err := r.t.Asker.IncidentByID(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	e.Key, e.What, e.Target = "page/"+what+"/"+whodid.NewID(whodid.PrefixEvent), what, x.IncidentID
	return e, nil
}

// investigator is who looks into incidents, with the repository if one is at hand.
func (r *request) investigator() (*ask.Git, ask.IncidentOptions, error) {
	rules, signature := r.judged()
	o := ask.IncidentOptions{Policy: rules.Policy, Signature: signature}
	if git := r.pages.options.Git; git != nil {
		g, err := git(r.ctx, r.t)
		return g, o, err
	}
	return &ask.Git{Trail: r.t.Asker}, o, nil
}

// openIncident looks into what somebody says is wrong, and opens an incident about it.
// The same form sent twice opens one.
func (r *request) openIncident() (to string, err error) {
	who, err := r.responding()
	if err != nil {
		return "", err
	}
	o := ask.Opening{Title: r.form("title"), Severity: r.form("severity"), Follows: r.form("follows")}
	at, once := r.form("at"), r.form("once")
	switch {
	case at == "" || len(at) > whodid.MaxWhy:
		return "", wrong(http.StatusUnprocessableEntity, "It does not say where it is.", "Go back, and name a commit, a pull request, a run or a time.")
	case len(o.Title) > whodid.MaxWhy:
		return "", wrong(http.StatusUnprocessableEntity, "The title is too long.", "Go back, and write it in fewer words.")
	case o.Severity != "" && !slices.Contains(whodid.Severities(), o.Severity):
		return "", wrong(http.StatusUnprocessableEntity, "There is no severity "+quoted(o.Severity)+".", "Choose one of the list.")
	case !whodid.ValidID(once):
		return "", wrong(http.StatusBadRequest, "This form is not one of ours.", "Go back, load the page again, and send it once more.")
	}
	if o.Follows != "" {
		before, err := r.t.Asker.IncidentByID(r.ctx, o.Follows)
		if err != nil {
			return "", err
		}
		o.Follows = before.IncidentID
	}
	g, options, err := r.investigator()
	if err != nil {
		return "", err
	}
	options.At = at
	found, err := g.Investigate(r.ctx, &options)
	if errors.Is(err, ask.ErrNoSubject) || errors.Is(err, ask.ErrNotFound) {
		return "", wrong(http.StatusUnprocessableEntity, "Nothing is known of "+quoted(at)+".", "Go back, and name a commit, a pull request such as acme/shop#44, the id of a run, or a time such as 3h..now.")
	}
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(r.id.Actor + "\x00" + once))
	events := ask.OpenIncident(found, who, "page/incident/"+hex.EncodeToString(sum[:16]), o)
	_, err = r.t.Recorder.Record(r.ctx, events...)
	return "/incidents/" + events[0].ID + "?done=opened", err
}

// whereOf is what to look into for an incident's subject.
func whereOf(subject string) string {
	kind, id, _ := strings.Cut(subject, ":")
	if kind == ask.WhyOfLine {
		_, id, _ = strings.Cut(id, "@") // the commit that wrote it, where the line stands still
	}
	return id
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

// closeIncident closes an incident, as the person who is signed in. Its holds stay
// unless they say otherwise.
func (r *request) closeIncident() (to string, err error) {
	who, err := r.responding()
	if err != nil {
		return "", err
	}
	reason := r.form("reason")
	if reason == "" || len(reason) > whodid.MaxWhy {
		return "", wrong(http.StatusUnprocessableEntity, "An incident that was closed without a reason can't be judged later: it has 1 to "+digits(whodid.MaxWhy)+" bytes.", "Go back, and write why it is over.")
	}
	x, err := r.t.Asker.IncidentByID(r.ctx, r.r.PathValue("id"))
	if err != nil {
		return "", err
	}
	if x.State == ask.IncidentClosed {
		return "", wrong(http.StatusConflict, "It was closed before, by "+person(x.ClosedBy)+": "+quoted(x.CloseReason)+".", "What you wrote is not kept. A closed incident is not opened again: open another that goes on from it.")
	}
	events, _, err := r.t.Asker.CloseIncident(r.ctx, x, who, reason, r.form("release") != "")
	if err != nil {
		return "", err
	}
	added, err := r.t.Recorder.Record(r.ctx, events...)
	closed := false
	for _, row := range added {
		closed = closed || row.What == "incident.close"
	}
	if err == nil && !closed {
		return "", wrong(http.StatusConflict, "Somebody else closed it just now.", "Look at it again: it shows what stands.")
	}
	return "/incidents/" + x.IncidentID + "?done=closed", err
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
