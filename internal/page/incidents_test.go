package page_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
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
