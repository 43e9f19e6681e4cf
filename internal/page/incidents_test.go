package page_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
)

func TestIncident(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	list, err := w.tenant.Asker.Incidents(t.Context(), ask.IncidentFilter{})
	if err != nil || len(list.Incidents) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	path := "/incidents/" + list.Incidents[0].IncidentID
	note := url.Values{"text": {"rolled back at <b>03:40</b>"}}
	for _, step := range []struct {
		name, as, path string
		form           url.Values
		header         []string
		want           int
	}{
		{"a reader notes", "reader", "/notes", note, nil, http.StatusForbidden},
		{"another site notes", "approver", "/notes", note, []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"nothing is noted", "approver", "/notes", url.Values{"text": {" "}}, nil, http.StatusUnprocessableEntity},
		{"much is noted", "approver", "/notes", url.Values{"text": {strings.Repeat("x", 2049)}}, nil, http.StatusUnprocessableEntity},
		{"an approver notes", "approver", "/notes", note, nil, http.StatusSeeOther},
		{"a reader takes the bundle", "reader", "/bundle", nil, nil, http.StatusForbidden},
		{"an auditor takes the bundle", "auditor", "/bundle", nil, nil, http.StatusOK},
	} {
		a := w.post(t, step.as, path+step.path, step.form, step.header...)
		if a.Code != step.want {
			t.Errorf("%s: %d, want %d\n%.600s", step.name, a.Code, step.want, a.Body)
		}
		if step.want == http.StatusOK && (a.Header().Get("Content-Type") != "application/zip" || !strings.HasPrefix(a.Header().Get("Content-Disposition"), `attachment; filename="incident-`)) {
			t.Errorf("%s: %v", step.name, a.Header())
		}
	}
	if a := w.post(t, "approver", "/incidents/evt-none/notes", note); a.Code != http.StatusNotFound {
		t.Errorf("a note on none: %d", a.Code)
	}
	body := w.get(t, "admin", path).Body.String()
	for _, want := range []string{"rolled back at &lt;b&gt;03:40", "human papprover", "incident.export", "Download the bundle", "Add the note"} {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if body := w.get(t, "reader", path).Body.String(); strings.Contains(body, "Add the note") || strings.Contains(body, "Download the bundle") {
		t.Error("a reader is offered what is not theirs")
	}
	if lines := strings.Count(w.get(t, "admin", path+"?format=csv").Body.String(), "\n"); lines < 5 {
		t.Errorf("its timeline has %d lines as CSV", lines)
	}
}

// open opens an incident by the form of the page, and returns where that leads.
func (w *world) open(t *testing.T, as string, form url.Values) string {
	t.Helper()
	if form.Get("once") == "" {
		form.Set("once", whodid.NewID(whodid.PrefixEvent))
	}
	a := w.post(t, as, "/incidents", form)
	to, done, _ := strings.Cut(a.Header().Get("Location"), "?")
	if a.Code != http.StatusSeeOther || done != "done=opened" {
		t.Fatalf("%v: %d\n%.900s", form, a.Code, a.Body)
	}
	return to
}

func TestIncidentIsOpened(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.Identities["engapprover"] = auth.Identity{Org: apitest.Org, Role: auth.RoleApprover, Actor: "human:peng", ActorAuth: "oidc", Squads: []string{"eng"}}
	w.fill(t, 5)
	once := whodid.NewID(whodid.PrefixEvent)
	good := func(change ...string) url.Values {
		v := url.Values{"at": {runID(3)}, "title": {"it <i>leaks</i>"}, "severity": {"high"}, "once": {once}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	for _, step := range []struct {
		name, as string
		form     url.Values
		header   []string
		want     int
	}{
		{"a reader", "reader", good(), nil, http.StatusForbidden},
		{"who sees one squad", "engapprover", good(), nil, http.StatusForbidden},
		{"another site", "approver", good(), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"nowhere", "approver", good("at", " "), nil, http.StatusUnprocessableEntity},
		{"at nothing known", "approver", good("at", "exec-nothing"), nil, http.StatusUnprocessableEntity},
		{"at a line without a repository", "approver", good("at", "a.go:1"), nil, http.StatusUnprocessableEntity},
		{"in a time that ends before it begins", "approver", good("at", "1h..2h"), nil, http.StatusUnprocessableEntity},
		{"very bad", "approver", good("severity", "terrible"), nil, http.StatusUnprocessableEntity},
		{"a long title", "approver", good("title", strings.Repeat("x", 2049)), nil, http.StatusUnprocessableEntity},
		{"after none", "approver", good("follows", "evt-none"), nil, http.StatusNotFound},
		{"another form", "approver", good("once", ""), nil, http.StatusBadRequest},
	} {
		if a := w.post(t, step.as, "/incidents", step.form, step.header...); a.Code != step.want {
			t.Errorf("%s: %d, want %d\n%.600s", step.name, a.Code, step.want, a.Body)
		}
	}
	all := func() []ask.Incident {
		list, err := w.tenant.Asker.Incidents(t.Context(), ask.IncidentFilter{})
		if err != nil {
			t.Fatal(err)
		}
		return list.Incidents
	}
	if n := len(all()); n != 1 {
		t.Fatalf("%d incidents after what was refused", n)
	}
	// The same form sent twice opens one.
	first := w.open(t, "approver", good())
	if again := w.open(t, "approver", good()); again != first || len(all()) != 2 {
		t.Errorf("%s and %s: %d incidents", first, again, len(all()))
	}
	x := all()[0]
	if x.OpenedBy != "human:papprover" || x.Title != "it <i>leaks</i>" || x.Severity != "high" || x.Subject != "execution:"+runID(3) || !slices.Contains(x.Suspects, runID(3)) {
		t.Errorf("%+v", x)
	}
	holds, err := w.tenant.Asker.StandingHolds(t.Context())
	if err != nil || !slices.ContainsFunc(holds, func(h whodid.Hold) bool { return h.Reason == "incident "+x.IncidentID }) {
		t.Errorf("it is not held: %+v, %v", holds, err)
	}
	later := w.open(t, "admin", url.Values{"at": {"2h..now"}, "follows": {x.IncidentID}})
	if x := all()[0]; "/incidents/"+x.IncidentID != later || x.Follows != strings.TrimPrefix(first, "/incidents/") || x.Title != "" {
		t.Errorf("%s: %+v", later, x)
	}
	// One without a title goes by its subject, and each page where it may have begun leads to the form.
	for path, want := range map[string]string{
		"/incidents": ">time:", later + "?done=opened": "The incident is open", "/executions/" + runID(3): "/incidents?at=" + runID(3) + "#open", "/incidents?at=x%3E&follows=" + x.IncidentID: `value="x&gt;"`,
	} {
		if body := w.get(t, "approver", path).Body.String(); !strings.Contains(body, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
	for _, path := range []string{"/incidents", "/executions/" + runID(3)} {
		if body := w.get(t, "reader", path).Body.String(); strings.Contains(body, "Open an incident") {
			t.Errorf("%s offers a reader what is not theirs", path)
		}
	}
}

func TestIncidentIsClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	paths := map[string]string{}
	for _, release := range []string{"", "1"} {
		paths[release] = w.open(t, "approver", url.Values{"at": {runID(4)}, "title": {"broke"}})
	}
	over := func(change ...string) url.Values {
		v := url.Values{"reason": {"fixed by <b>1f2e3d4</b>"}}
		for i := 0; i < len(change); i += 2 {
			v.Set(change[i], change[i+1])
		}
		return v
	}
	standing := func(path string) (n int) {
		t.Helper()
		holds, err := w.tenant.Asker.StandingHolds(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range holds {
			if "/incidents/"+strings.TrimPrefix(h.Reason, "incident ") == path {
				n++
			}
		}
		return n
	}
	held := standing(paths["1"])
	for _, step := range []struct {
		name, as, release string
		form              url.Values
		header            []string
		want              int
		says              string
	}{
		{"a reader", "reader", "", over(), nil, http.StatusForbidden, ""},
		{"a token with the role", "deciding", "", over(), nil, http.StatusForbidden, "People decide"},
		{"another site", "approver", "", over(), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, ""},
		{"another origin", "approver", "", over(), []string{"Origin", "https://evil.example"}, http.StatusForbidden, ""},
		{"without a reason", "approver", "", over("reason", "  "), nil, http.StatusUnprocessableEntity, "judged later"},
		{"with a long reason", "approver", "", over("reason", strings.Repeat("x", 2049)), nil, http.StatusUnprocessableEntity, ""},
		{"an approver, and it stays held", "approver", "", over(), nil, http.StatusSeeOther, ""},
		{"once more", "admin", "", over("release", "1"), nil, http.StatusConflict, "closed before, by human papprover: &#34;fixed by"},
		{"an approver, and it is released", "approver", "1", over("release", "1"), nil, http.StatusSeeOther, ""},
	} {
		a := w.post(t, step.as, paths[step.release]+"/close", step.form, step.header...)
		if a.Code != step.want || !strings.Contains(a.Body.String(), step.says) {
			t.Errorf("%s: %d, want %d and %q\n%.900s", step.name, a.Code, step.want, step.says, a.Body)
		}
	}
	if a := w.post(t, "approver", "/incidents/evt-none/close", over()); a.Code != http.StatusNotFound {
		t.Errorf("one that is none: %d", a.Code)
	}
	if kept, gone := standing(paths[""]), standing(paths["1"]); held == 0 || kept != held || gone != 0 {
		t.Errorf("of %d holds %d stay and %d are not released", held, kept, gone)
	}
	for _, path := range paths {
		x, err := w.tenant.Asker.IncidentByID(t.Context(), strings.TrimPrefix(path, "/incidents/"))
		if err != nil || x.State != ask.IncidentClosed || x.ClosedBy != "human:papprover" || x.CloseReason != "fixed by <b>1f2e3d4</b>" {
			t.Errorf("%+v, %v", x, err)
		}
		body := w.get(t, "approver", path).Body.String()
		if strings.Contains(body, "Close the incident") || !strings.Contains(body, "goes on from it") || strings.Contains(body, "<b>1f2e") || !strings.Contains(body, "incident.close") {
			t.Errorf("the page of a closed one is\n%s", body)
		}
	}
	open := w.open(t, "approver", url.Values{"at": {"1h..now"}})
	if body := w.get(t, "approver", open).Body.String(); !strings.Contains(body, "Close the incident") || !strings.Contains(body, "1 legal hold stands for it") {
		t.Errorf("the page of an open one does not offer to close it:\n%s", body)
	}
	if body := w.get(t, "reader", open).Body.String(); strings.Contains(body, "Close the incident") || !strings.Contains(body, "whodid incident close") {
		t.Error("a reader is offered to close it, or is not told how")
	}
}
