package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/api"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/store/storetest"
)

func TestRecordEvents(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		const one = `{"key":"ci/build/1","actor":"agent:eng/builder","what":"test.run","target":"shop","result":"success","execution_id":"exec-ci1","metadata":{"duration_ms":1200}}`
		var first, again api.Recorded
		w.ok(&first, "recorder", http.MethodPost, "/v1/events", one)
		w.ok(&again, "recorder", http.MethodPost, "/v1/events", "["+one+","+one+`,{"what":"report.send","result":"failed","target":"weekly"}]`)
		if first.New != 1 || !first.Events[0].New || again.New != 1 || again.Events[0].New || again.Events[1].New || !again.Events[2].New {
			t.Fatalf("first %+v, again %+v", first, again)
		}
		var e ask.Event
		w.ok(&e, "reader", http.MethodGet, "/v1/events/"+first.Events[0].EventID, "")
		if e.Actor != "agent:eng/builder" || e.Source != "api" || e.Execution != "exec-ci1" || e.Result != "success" {
			t.Errorf("event %+v", e)
		}
		w.ok(&e, "reader", http.MethodGet, "/v1/events/"+again.Events[2].EventID, "")
		if e.Actor != "system:ci" {
			t.Errorf("an event without an actor is by %q", e.Actor)
		}
		var page api.EventPage
		w.ok(&page, "reader", http.MethodGet, "/v1/events", "")
		if len(page.Events) != 3 || page.Events[0].What != "execution.start" || page.Cursor != nil {
			t.Errorf("the log is %+v", page)
		}
		storetest.Check(t, w.store, org)
	})
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		const two = `[{"what":"report.send","result":"success"},{"what":"report.send","result":"success"}]`
		var first, again, another api.Recorded
		w.ok(&first, "recorder", http.MethodPost, "/v1/events", two, "Idempotency-Key", "k1")
		w.ok(&again, "recorder", http.MethodPost, "/v1/events", two, "Idempotency-Key", "k1")
		w.ok(&another, "admin", http.MethodPost, "/v1/events", two, "Idempotency-Key", "k1")
		if first.New != 2 || again.New != 0 || again.Events[0].EventID != first.Events[0].EventID || another.New != 2 {
			t.Errorf("first %+v, again %+v, another credential %+v", first, again, another)
		}
		var x, y api.Started
		w.ok(&x, "recorder", http.MethodPost, "/v1/executions", `{"agent":"eng/solver"}`, "Idempotency-Key", "k1")
		w.ok(&y, "recorder", http.MethodPost, "/v1/executions", `{"agent":"eng/solver"}`, "Idempotency-Key", "k1")
		if x.ExecutionID != y.ExecutionID || !x.New || y.New {
			t.Errorf("started %+v, then %+v", x, y)
		}
		// An end that was corrected since may be sent again: it changes nothing.
		var ends [3]api.Finished
		at := "/v1/executions/" + x.ExecutionID + "/finish"
		w.ok(&ends[0], "recorder", http.MethodPost, at, `{"status":"success"}`, "Idempotency-Key", "k2")
		w.ok(&ends[1], "recorder", http.MethodPost, at, `{"status":"failed","correct":true}`)
		w.ok(&ends[2], "recorder", http.MethodPost, at, `{"status":"success"}`, "Idempotency-Key", "k2")
		if !ends[0].Changed || !ends[1].Changed || ends[2].Changed || ends[2].Status != "failed" {
			t.Errorf("ends %+v", ends)
		}
	})
}

// TestAllOrNothing sends lists of which one event can't be recorded.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		const good = `{"actor":"agent:eng/solver","what":"test.run","result":"success"}`
		for name, c := range map[string]struct {
			token, event string
			status       int
			says         string
		}{
			"no verb":                {"recorder", `{"result":"success"}`, 422, "verb"},
			"no result":              {"recorder", `{"what":"test.run"}`, 422, "result"},
			"metadata":               {"recorder", `{"what":"model.call","metadata":{"colour":"red"}}`, 422, "colour"},
			"a time of no clock":     {"recorder", `{"what":"test.run","result":"success","at":"1970-01-01T00:00:00Z"}`, 422, "time"},
			"another agent":          {"bound", `{"actor":"agent:ops/backup","what":"test.run","result":"success"}`, 403, "nobody else"},
			"a person":               {"recorder", `{"actor":"human:padmin","what":"test.run","result":"success"}`, 403, "signed in"},
			"another person":         {"admin", `{"actor":"human:preader","what":"test.run","result":"success"}`, 403, "signed in"},
			"the product itself":     {"recorder", `{"actor":"system:whodid","what":"test.run","result":"success"}`, 403, "speaks for"},
			"what only whodid tells": {"admin", `{"what":"execution.lost","execution_id":"exec-1"}`, 403, "product itself"},
			"a witness":              {"admin", `{"what":"checkpoint.witness"}`, 403, "product itself"},
		} {
			a := w.call(c.token, http.MethodPost, "/v1/events", "["+good+","+c.event+"]")
			var p api.Problem
			if err := json.Unmarshal(a.body, &p); err != nil {
				t.Fatalf("%s: %v: %s", name, err, a.body)
			}
			if a.status != c.status || p.Status != c.status || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s: status %d (%s), want %d", name, a.status, a.body, c.status)
			}
			if len(p.Errors) == 0 || p.Errors[len(p.Errors)-1].Index != 1 || !strings.Contains(p.Errors[len(p.Errors)-1].Detail, c.says) {
				t.Errorf("%s: %s", name, a.body)
			}
		}
		if events := storetest.Check(t, w.store, org); len(events) != 0 {
			t.Errorf("%d events were recorded", len(events))
		}
	})
}

// TestBadBodies sends what is no request.
func TestBadBodies(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct {
			body, media string
			status      int
		}{
			"no JSON":          {`what=test.run`, "application/json", 400},
			"a form":           {`what=test.run`, "application/x-www-form-urlencoded", 415},
			"no media type":    {`{}`, "", 415},
			"cut off":          {`{"what":"test.run"`, "application/json", 400},
			"two documents":    {`{"what":"a.b","result":"success"}{}`, "application/json", 400},
			"an unknown field": {`{"what":"a.b","result":"success","excution_id":"exec-1"}`, "application/json", 400},
			"a wrong type":     {`{"what":7}`, "application/json", 400},
			"deep":             {strings.Repeat("[", 100_000), "application/json", 400},
			"deep metadata":    {`{"what":"a.b","result":"success","metadata":{"a":{"b":1}}}`, "application/json", 400},
			"a fraction":       {`{"what":"a.b","result":"success","metadata":{"a":1.5}}`, "application/json", 400},
			"an empty list":    {`[]`, "application/json", 422},
			"null":             {`null`, "application/json", 422},
			"too many":         {"[" + strings.Repeat(`{},`, api.MaxEvents) + "{}]", "application/json", 413},
			"not UTF-8":        {"{\"what\":\"a.b\",\"result\":\"success\",\"target\":\"\xff\"}", "application/json", 200},
			"a NUL":            {`{"what":"a.b","result":"success","target":"a\u0000b"}`, "application/json", 422},
			"too large":        {`{"what":"a.b","target":"` + strings.Repeat("x", 17<<20) + `"}`, "application/json", 413},
		} {
			a := w.call("recorder", http.MethodPost, "/v1/events", c.body, "Content-Type", c.media)
			if a.status != c.status {
				t.Errorf("%s: status %d, want %d: %.200s", name, a.status, c.status, a.body)
			}
		}
		storetest.Check(t, w.store, org)
	})
}

// TestExecution tells a run from its beginning to its end.
func TestExecution(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, w *world) {
		var started api.Started
		w.ok(&started, "bound", http.MethodPost, "/v1/executions", `{"agent":"eng/solver","trigger":"event:issues.labeled","why":"issue 42","model":"claude-sonnet-5","tags":{"ticket":"OPS-17"}}`)
		at := "/v1/executions/" + started.ExecutionID
		w.ok(nil, "bound", http.MethodPost, at+"/renew", `{"lease_seconds":600}`)
		w.ok(nil, "bound", http.MethodPost, at+"/tags", `{"tags":{"env":"staging"}}`)
		const model = `,"model":"claude-sonnet-5","provider":"anthropic","request":"req_1","tokens_in":1000,"tokens_out":200}`
		var calls [2]api.RecordedEvent
		for i := range calls {
			w.ok(&calls[i], "bound", http.MethodPost, "/v1/model-calls", `{"execution_id":"`+started.ExecutionID+`"`+model)
		}
		if !calls[0].New || calls[1].New {
			t.Errorf("one call told twice: %+v", calls)
		}
		var ends [5]api.Finished
		for i, end := range []string{`"success"`, `"success"`, `"failed","correct":true`, `"failed"`, `"success","correct":true`} {
			w.ok(&ends[i], "bound", http.MethodPost, at+"/finish", `{"status":`+end+`}`)
			if end = strings.Split(end, `"`)[1]; ends[i].Status != end {
				t.Errorf("the run ended as %s, and is told as %+v", end, ends[i])
			}
		}
		if !ends[0].Changed || ends[1].Changed || !ends[2].Changed || ends[3].Changed || !ends[4].Changed {
			t.Errorf("ends %+v", ends)
		}
		a := w.call("bound", http.MethodPost, at+"/finish", `{"status":"failed"}`)
		for _, said := range []string{started.ExecutionID + " has ended as success at 20", "did not end as failed", `\"correct\": true`} {
			if a.status != http.StatusConflict || !strings.Contains(string(a.body), said) {
				t.Errorf("an end that contradicts the one before: %d %s, want %q", a.status, a.body, said)
			}
		}
		var show ask.Show
		w.ok(&show, "reader", http.MethodGet, at, "")
		if show.Status != "success" || show.Agent != "eng/solver" || show.Trigger != "event" || show.TriggerDetail != "issues.labeled" ||
			show.Tags["env"] != "staging" || show.Tags["ticket"] != "OPS-17" || show.TokensIn == nil || *show.TokensIn != 1000 || show.CostMicros == nil {
			t.Errorf("the run is %+v", show.Execution)
		}
		for name, c := range map[string]struct {
			token, path, body string
			status            int
		}{
			"another's run":   {"recorder", "/v1/executions", `{"agent":"ops/backup","execution_id":"evt-1"}`, 422},
			"not its agent":   {"bound", "/v1/executions", `{"agent":"ops/backup"}`, 403},
			"no agent":        {"recorder", "/v1/executions", `{}`, 422},
			"an unknown run":  {"recorder", "/v1/executions/exec-none/finish", `{"status":"success"}`, 404},
			"a prefix":        {"recorder", "/v1/executions/exec/finish", `{"status":"success"}`, 404},
			"a status":        {"bound", at + "/finish", `{"status":"lost"}`, 422},
			"another end":     {"bound", at + "/finish", `{"status":"timeout"}`, 409},
			"less than none":  {"bound", at + "/finish", `{"status":"success","tokens_in":-1}`, 422},
			"no tag":          {"bound", at + "/tags", `{}`, 422},
			"no model":        {"bound", "/v1/model-calls", `{"execution_id":"` + started.ExecutionID + `"}`, 422},
			"a reader writes": {"reader", at + "/tags", `{"tags":{"a":"b"}}`, 403},
		} {
			if a := w.call(c.token, http.MethodPost, c.path, c.body); a.status != c.status {
				t.Errorf("%s: status %d, want %d: %s", name, a.status, c.status, a.body)
			}
		}
		storetest.Check(t, w.store, org)
	})
}
