//go:build browser

package page_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/approval"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/page"
	"github.com/whodid/whodid/internal/server"
	"github.com/whodid/whodid/internal/store"
)

// evilTexts are what would run, mislead or break a page that took them for its own.
func evilTexts() []string {
	return []string{
		`<script>window.hacked=1;alert(1)</script>`, `"><img src=x onerror="window.hacked=1;alert(2)">`, `javascript:window.hacked=1`, `'-alert(3)-'`, `</title></style></textarea><svg onload="window.hacked=1">`,
		"ap\u202egnp.exe\u2066 a\u2069\u202d", `{{.Secret}} ${7*7} <%= 7*7 %>`, "\x1b[31mred\x07", "line\nbreak\ttab\r", strings.Repeat("W", 1000), strings.Repeat("<b>", 300), "=HYPERLINK(\"http://evil.example\")",
		"../../../etc/passwd", "https://evil.example/\" onclick=\"alert(4)", strings.Repeat("ﷺ", 300), "Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢", "-->", "]]>", "\u0000nul",
	}
}

// evilTokens has tokens whose names nobody checked.
func evilTokens(o *page.Options) {
	o.Tokens = func(context.Context, *server.Tenant) ([]auth.Token, error) {
		var out []auth.Token
		for i, x := range evilTexts() {
			out = append(out, auth.Token{ID: fmt.Sprint("tok-", i), Name: x, Role: auth.RoleReader, Squads: []string{x}, Agent: x, State: auth.TokenActive, CreatedBy: x, CreatedAt: time.Now()})
		}
		return out, nil
	}
}

// attack records what would run, mislead or break a page that took it for its own,
// in every field, and lists the pages that show it.
func (w *world) attack(t *testing.T) []string {
	t.Helper()
	evil := evilTexts()
	now := time.Now()
	var runs []string
	for i, x := range evil {
		agent := "squad/" + strings.Repeat("very-long-name-", 4) + fmt.Sprint(i)
		m := &madeRun{n: 900 + i, agent: agent, began: now.Add(-time.Duration(i+1) * time.Minute), trigger: "event", detail: x, why: x, model: x, end: whodid.ResultFailed, took: time.Minute, actions: 4}
		events := m.events()
		for j := range events {
			e := &events[j]
			e.Session = "session-" + fmt.Sprint(i)
			if e.What != "execution.start" && e.What != "execution.finish" && e.What != "model.call" {
				e.Target, e.Why = x, x
				e.Data = whodid.Data{"tool": x, "reason": x, "url": x, "branch": x, "package": x, "environment": x}
			}
		}
		events = append(events,
			whodid.Event{Key: fmt.Sprint("evil/tag/", i), What: "execution.tag", Actor: whodid.AgentActor(agent), At: now, Source: "cli", Execution: runID(900 + i), Data: whodid.Data{"env": x, "note": strings.Repeat(x, 3)}},
			whodid.Event{Key: fmt.Sprint("evil/gap/", i), What: "record.gap", Actor: whodid.System, At: now, Source: "cli", Execution: runID(900 + i), Data: whodid.Data{"reason": x}},
			whodid.Event{Key: fmt.Sprint("evil/decision/", i), What: "decision.record", Actor: whodid.AgentActor(agent), At: now, Source: "cli", Execution: runID(900 + i), Target: x + " subject", Why: x, Data: whodid.Data{"decided": x, "alternatives": []string{x}, "issue": x, "expected": x}},
		)
		// 10 MB of metadata: what does not fit is refused, and what fits is shown.
		if i == 0 {
			events = append(events, whodid.Event{Key: "evil/large", What: "tool.call", Actor: whodid.AgentActor(agent), At: now, Source: "cli", Execution: runID(900), Result: whodid.ResultSuccess, Data: large()})
		}
		for j := range events {
			// Some is refused at the door, which is as well: the rest must be shown.
			_, _ = w.tenant.Recorder.Record(t.Context(), events[j])
		}
		runs = append(runs, runID(900+i))
		w.attackBeside(t, i, x, agent)
	}
	pages := []string{
		"/executions?since=all&cols=trigger&cols=model&cols=why&cols=source&cols=who", "/agents", "/cost", "/cost?by=model", "/files", "/memory", "/memory?q=script", "/search?q=alert", "/integrity", "/settings", "/access",
		"/executions?q=%3Cscript%3Ealert(1)%3C/script%3E", "/executions?q=%22", "/why?q=%3Cimg+src=x+onerror=alert(1)%3E", "/files?path=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/search?q=%3Cscript%3E", "/%3Cscript%3Ealert(1)%3C/script%3E",
		"/approvals", "/approvals?state=all", "/incidents?all=1", "/reports", "/retention", "/views", "/why?q=" + runID(900), "/agents/squad/" + strings.Repeat("very-long-name-", 4) + "1", "/files?path=" + url.QueryEscape(evil[0]),
		"/approvals?state=%3Cscript%3E", "/cost?by=%3Cscript%3E", "/incidents/%3Cscript%3E", "/memory/%3Cscript%3E", "/reports?week=%3Cscript%3E",
	}
	pages = append(pages, w.attacked(t)...)
	found := 0
	for _, id := range runs {
		if a := w.get(t, "admin", "/executions/"+id); a.Code == http.StatusOK {
			pages = append(pages, "/executions/"+id)
			found++
			if strings.Contains(a.Body.String(), "<script>window") || strings.Contains(a.Body.String(), "<img") {
				t.Errorf("%s has a tag of the trail's", id)
			}
		}
	}
	if found < len(evil)/2 {
		t.Errorf("only %d of %d runs were recorded", found, len(evil))
	}
	return pages
}

// large is more metadata than an event may have.
func large() whodid.Data {
	d := whodid.Data{}
	for _, name := range []string{"tool", "call", "reason", "url", "server", "branch", "package", "environment", "field_8", "field_9"} {
		d[name] = strings.Repeat("0123456789abcdef", 1<<16)
	}
	return d
}

// attackBeside records the same text in what hangs on runs. What a door refuses is as
// well.
func (w *world) attackBeside(t *testing.T, i int, x, agent string) {
	t.Helper()
	now := time.Now()
	_, _ = approval.New(apitest.Org, w.tenant.Recorder, w.tenant.Asker, time.Now).Request(t.Context(), &approval.Request{
		Type: "deploy.production", Target: x, Agent: agent, Summary: x, Why: x, TTL: time.Hour, Level: "approve", Rule: x, Arguments: whodid.Data{"x": x},
	}, approval.Who{Actor: whodid.AgentActor(agent), Auth: x, Execution: runID(900 + i), Source: "cli"})
	for what, data := range map[string]whodid.Data{
		"hold.place": {"scope": "execution:" + runID(900+i)}, "privacy.export": {"file": x, "events": int64(3)}, "view.read": {"role": x, "credential": x, "route": x, "filter": x},
		"record.gap": {"reason": x}, "forge.hook": {"hook": x},
	} {
		_, _ = w.tenant.Recorder.Record(t.Context(), whodid.Event{Key: fmt.Sprint("evil/", what, i), What: what, Actor: "human:p1", At: now, Source: "cli", Target: "execution:" + runID(900+i), Why: x, Data: data})
	}
	_ = w.Store.SaveView(t.Context(), apitest.Org, &whodid.SavedView{Owner: "human:padmin", Name: x, Query: url.Values{"q": {x}, "since": {x}, "cols": {x}}.Encode(), Shared: true, SavedAt: now})
	_ = w.Store.PutCommits(t.Context(), apitest.Org, []store.Commit{{
		ID: fmt.Sprintf("%040x", i+1), Repository: x, AuthoredAt: now, CommittedAt: now, Kind: "agent", Evidence: []string{"trailers"}, Agent: agent, Squad: "squad", Credits: []string{x}, Related: []string{x},
		Origins: []store.CommitOrigin{{Agent: agent, Squad: "squad", Trigger: x, Execution: runID(900 + i), Model: x}}, Files: []store.CommitFile{{Path: x, Added: 1, Removed: 1}},
	}})
	if i > 2 {
		return
	}
	found, err := (&ask.Git{Trail: w.tenant.Asker}).Investigate(t.Context(), &ask.IncidentOptions{At: runID(900 + i)})
	if err != nil {
		t.Fatal(err)
	}
	who := whodid.Event{Org: apitest.Org, Actor: "human:papprover", ActorAuth: "oidc", At: now, Source: "api"}
	events := ask.OpenIncident(found, &who, fmt.Sprint("evil/incident/", i), ask.Opening{Title: x, Severity: "high"})
	w.record(t, append(events, whodid.Event{Key: fmt.Sprint("evil/note/", i), What: "incident.note", Actor: "human:p1", At: now, Source: "api", Target: events[0].ID, Why: x})...)
}

// attacked lists the pages of what hangs on the runs: some of each.
func (w *world) attacked(t *testing.T) []string {
	t.Helper()
	const some = 3
	var pages []string
	approvals, err := w.tenant.Asker.Approvals(t.Context(), ask.ApprovalFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range approvals.Approvals[:some] {
		pages = append(pages, "/approvals/"+a.ApprovalID)
	}
	incidents, err := w.tenant.Asker.Incidents(t.Context(), ask.IncidentFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range incidents.Incidents[:some] {
		pages = append(pages, "/incidents/"+x.IncidentID)
	}
	memory, err := w.tenant.Asker.Memory(t.Context(), ask.MemoryFilter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range memory.Decisions[:some] {
		pages = append(pages, "/memory/"+d.DecisionID)
	}
	return pages
}
