package api_test

import (
	"net/http"
	"testing"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/ask"
)

// A person opens an incident over the API, is told who did it, notes, and closes
// it, once; each look is recorded.
func TestIncidents(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		var started api.Started
		w.ok(&started, "recorder", http.MethodPost, "/v1/executions", `{"agent":"eng/fixer","trigger":"manual","why":"issue 43"}`)
		run := started.ExecutionID
		w.ok(nil, "recorder", http.MethodPost, "/v1/events", `{"what":"deploy.production","actor":"agent:eng/fixer","execution_id":"`+run+`","target":"shop","result":"success","key":"d1"}`)
		var s ask.IncidentShow
		w.ok(&s, "approver", http.MethodPost, "/v1/incidents", `{"at":"1h..now","title":"checkout is down, says ann@corp.example.net","severity":"critical"}`, "Idempotency-Key", "one")
		if s.Analysis == nil || s.Analysis.Verdict != "agent" || len(s.Suspects) == 0 || s.Suspects[0] != run || s.OpenedBy != "human:papprover" || s.Title != "checkout is down, says [redacted:email]" {
			t.Fatalf("opened: %+v", s)
		}
		if len(s.Holds) != 1 || s.Holds[0].Scope != "execution:"+run {
			t.Errorf("held: %+v", s.Holds)
		}
		path := "/v1/incidents/" + s.IncidentID
		for name, test := range map[string]struct {
			token, method, path, body string
			want                      int
		}{
			"a reader opens":         {"reader", "POST", "/v1/incidents", `{"at":"` + run + `"}`, 403},
			"a recorder opens":       {"recorder", "POST", "/v1/incidents", `{"at":"` + run + `"}`, 403},
			"a recorder looks":       {"recorder", "GET", path, "", 403},
			"about nothing":          {"approver", "POST", "/v1/incidents", `{"at":" "}`, 422},
			"about what is not":      {"approver", "POST", "/v1/incidents", `{"at":"exec-0000000000000000"}`, 404},
			"a file of the server":   {"approver", "POST", "/v1/incidents", `{"at":"/etc/passwd:1"}`, 404},
			"an unheard-of severity": {"approver", "POST", "/v1/incidents", `{"at":"` + run + `","severity":"bad"}`, 422},
			"an empty note":          {"approver", "POST", path + "/notes", `{"text":" "}`, 422},
			"a token closes":         {"deciding", "POST", path + "/close", `{"reason":"r"}`, 403},
			"closed without reason":  {"approver", "POST", path + "/close", `{"reason":""}`, 422},
			"another organisation":   {"other", "GET", path, "", 404},
			"an event that says so":  {"recorder", "POST", "/v1/events", `{"what":"incident.close","target":"` + s.IncidentID + `","key":"x"}`, 403},
			"another squad looks":    {"eng", "GET", path, "", 200},
			"a state that is none":   {"reader", "GET", "/v1/incidents?state=maybe", "", 400},
		} {
			if got := w.call(test.token, test.method, test.path, test.body); got.status != test.want {
				t.Errorf("%s: %d %s, want %d", name, got.status, got.body, test.want)
			}
		}
		var note api.RecordedEvent
		w.ok(&note, "approver", http.MethodPost, path+"/notes", `{"text":"rolled back"}`, "Idempotency-Key", "n")
		w.ok(&note, "approver", http.MethodPost, path+"/notes", `{"text":"rolled back"}`, "Idempotency-Key", "n")
		if note.New {
			t.Error("a note that was sent twice is new twice")
		}
		w.ok(&s, "reader", http.MethodGet, path, "")
		w.ok(&s, "reader", http.MethodGet, path, "")
		views := 0
		for _, act := range s.Custody {
			if act.What == "incident.view" {
				views++
			}
		}
		if views != 1 || len(s.NoteList) != 1 || s.NoteList[0].Text != "rolled back" {
			t.Errorf("%d looks, notes %+v", views, s.NoteList)
		}
		var x ask.Incident
		w.ok(&x, "approver", http.MethodPost, path+"/close", `{"reason":"fixed","release_hold":true}`)
		if x.State != "closed" || x.ClosedBy != "human:papprover" || x.CloseReason != "fixed" {
			t.Errorf("closed: %+v", x)
		}
		if got := w.call("approver", http.MethodPost, path+"/close", `{"reason":"again"}`); got.status != 409 {
			t.Errorf("closed twice: %d %s", got.status, got.body)
		}
		var list ask.IncidentList
		w.ok(&list, "reader", http.MethodGet, "/v1/incidents?state=open", "")
		if len(list.Incidents) != 0 {
			t.Errorf("open are %+v", list.Incidents)
		}
	})
}
