package page_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/api/apitest"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/auth"
	"github.com/whodid/whodid/internal/policy"
)

// everyPage lists the pages of a trail that [world.fill] filled, each with words
// that it must show.
func everyPage() map[string][]string {
	return map[string][]string{
		"/executions":                           {"Executions", "eng/", "success"},
		"/executions?since=all&q=status:failed": {"failed"},
		"/executions/" + runID(3):               {"Timeline", "tool calls that the transcript knows", "explore", "internal/shop/cart.go", "rounding of money", "whodid prove"},
		"/views":                                {"No view is saved yet"},
		"/agents":                               {"ops/deployer", "growth"},
		"/agents/eng/issue-solver":              {"What it did", "Last runs"},
		"/cost":                                 {"Per confirmed outcome", "This month"},
		"/cost?by=squad,model&since=all":        {"claude-opus-4"},
		"/search?q=rounding":                    {"<mark>rounding</mark>"},
		"/why":                                  {"Ask why"},
		"/why?q=" + runID(3):                    {"The run"},
		"/why?q=no-such-thing":                  {"Nothing known of it"},
		"/files":                                {"docs/cart.md"},
		"/files?path=docs/cart.md":              {"What agents did with it", "Commits that changed it", "6e340b9cff", "&#43;40", "whodid blame docs/cart.md"},
		"/files?path=it's+%3B+rm":               {"whodid blame &#39;it&#39;\\&#39;&#39;s ; rm&#39;", "whodid git index"},
		"/memory":                               {"amounts are whole cents everywhere"},
		"/memory?q=retries&all=1":               {"made their outage worse"},
		"/approvals":                            {"deploy version 1.4.2", "merge pull request 44"},
		"/approvals?state=all":                  {"publish release 1.4.1"},
		"/passkeys":                             {"Passkeys", "There is none yet", "oidc.url"},
		"/incidents":                            {"discounts lose a cent"},
		"/reports":                              {"whodid report weekly"},
		"/integrity":                            {"The head", "98.41 %", "tool calls that the transcript knows"},
		"/integrity?verify=1":                   {"Executions rebuilt", "conditional"},
		"/retention":                            {"Nobody has set a policy"},
		"/access":                               {"Nobody looked yet"},
		"/settings":                             {"whodid init", "tok-1"},
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 12)
	w.requests(t)
	list, err := w.tenant.Asker.Incidents(t.Context(), ask.IncidentFilter{})
	if err != nil || len(list.Incidents) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	all := everyPage()
	all["/retention"] = []string{"Requests of people", "overdue", ">-3<", ">40<", "human pada", "whodid privacy erase --request ", ">refused<", "not known who asks"}
	all["/retention?table=requests"] = []string{"/retention?format=csv&amp;table=requests"}
	p, err := policy.Parse([]byte("version = \"1\"\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"file.*\"]\n"), "test")
	if err != nil {
		t.Fatal(err)
	}
	w.tenant.Policies = func() policy.Rules { return policy.Together(p) }
	all["/executions/"+runID(3)+"?"] = []string{"Done without the approval that it needed", "OPS-010"}
	all["/incidents/"+list.Incidents[0].IncidentID] = []string{"discounts lose a cent", "Who did it", "What happened", "incident.view"}
	for path, words := range all {
		a := w.get(t, "admin", path)
		body := a.Body.String()
		if a.Code != http.StatusOK || !strings.Contains(body, "</html>") {
			t.Errorf("%s: %d\n%.600s", path, a.Code, body)
			continue
		}
		if !strings.Contains(body, "per outcome") && strings.Contains(path, "/cost") {
			words = words[1:] // there is none of it where no forge confirms anything
		}
		for _, word := range words {
			if !strings.Contains(body, word) {
				t.Errorf("%s does not say %q", path, word)
			}
		}
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy"} {
			if a.Header().Get(name) == "" {
				t.Errorf("%s has no %s", path, name)
			}
		}
		for _, never := range []string{"<script>", " style=", " onclick=", "ZgotmplZ", "http://", "<no value>", "%!"} {
			if strings.Contains(body, never) {
				t.Errorf("%s has %q in it", path, never)
			}
		}
	}
}

// requests records requests of people: one overdue, one with time, and one refused.
func (w *world) requests(t *testing.T) {
	t.Helper()
	now := time.Now()
	day := func(n int) string {
		return now.Add(time.Duration(n)*24*time.Hour + time.Hour).UTC().Format(time.RFC3339)
	}
	var events []whodid.Event
	for i, due := range []int{-3, 40, 9} {
		events = append(events, whodid.Event{
			Key: fmt.Sprint("asked/", i), What: "privacy.request", At: now.AddDate(0, 0, -20), Actor: "human:padmin", Source: "cli",
			Target: "human:pada", Data: whodid.Data{"asked": whodid.PrivacyAsks()[i%2], "due": day(due)},
		})
	}
	rows, err := w.tenant.Recorder.Record(t.Context(), events...)
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d, %v", len(rows), err)
	}
	if _, err := w.tenant.Recorder.Record(t.Context(), whodid.Event{
		Key: "refused", What: "privacy.refuse", At: now, Actor: "human:padmin", Source: "cli", Target: "human:pada", Why: "not known who asks", Data: whodid.Data{"request": rows[2].ID},
	}); err != nil {
		t.Fatal(err)
	}
}

// TestRequestsAsTable asks for requests of people as CSV and JSON.
func TestRequestsAsTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.requests(t)
	for path, want := range map[string]string{
		"/retention?format=csv&table=requests": "days_left", "/retention?format=json": `"days_left": -3`,
	} {
		if a := w.get(t, "admin", path); a.Code != http.StatusOK || !strings.Contains(strings.ReplaceAll(a.Body.String(), `":-3`, `": -3`), want) || !strings.Contains(a.Body.String(), "human:pada") {
			t.Errorf("%s: %d\n%s", path, a.Code, a.Body)
		}
	}
}

// TestEveryPageIsLookedAt holds that what the tests look at, with their budgets of
// weight and their rules of accessibility, is every page that there is.
func TestEveryPageIsLookedAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	looked, missed := map[string]bool{}, http.NewServeMux()
	var patterns []string
	for _, route := range w.pages.Routes() {
		if !strings.HasPrefix(route.Pattern, "GET ") {
			continue
		}
		missed.HandleFunc(route.Pattern, func(http.ResponseWriter, *http.Request) {})
		patterns = append(patterns, route.Pattern)
	}
	for _, path := range w.everyPath(t) {
		_, pattern := missed.Handler(httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		looked[pattern] = true
	}
	noPages := []string{"GET /assets/{name}", "GET /{$}", "GET /executions/{id}/proof", "GET /events/{id}/proof", "GET /integrity/head"}
	for _, pattern := range patterns {
		if !looked[pattern] && !slices.Contains(noPages, pattern) {
			t.Errorf("nothing looks at %s", pattern)
		}
	}
}

// TestWaiting says on every page how much waits for who looks.
func TestWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	w.Identities["engapprover"] = auth.Identity{Org: apitest.Org, Role: auth.RoleApprover, Actor: "human:peng", ActorAuth: "oidc", Squads: []string{"eng"}}
	for as, want := range map[string][2]string{"admin": {"2", "1"}, "approver": {"2", "1"}, "engapprover": {"1", ""}, "reader": {}, "deciding": {"", "1"}} {
		for _, path := range []string{"/executions", "/cost"} {
			body := w.get(t, as, path).Body.String()
			for i, name := range []string{"Approvals", "Incidents"} {
				_, rest, _ := strings.Cut(body, ">"+name)
				rest, _, _ = strings.Cut(rest, "</a>")
				waits, _, _ := strings.Cut(strings.TrimPrefix(rest, ` <span class="chip warn">`), "<")
				if waits != want[i] {
					t.Errorf("%s is told at %s that %q %s wait, want %q", as, path, waits, name, want[i])
				}
			}
		}
	}
}

// TestNothingRecorded shows every page before there is anything: each teaches what
// to do next, and none is an error.
func TestNothingRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	for path := range everyPage() {
		if strings.Contains(path, "exec-") {
			continue
		}
		a := w.get(t, "admin", path)
		if body := a.Body.String(); a.Code != http.StatusOK || !strings.Contains(body, "<code>") {
			t.Errorf("%s: %d\n%.300s", path, a.Code, body)
		}
	}
}

// TestForms asks for the same answers as JSON and CSV.
func TestForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 12)
	for path := range everyPage() {
		u, err := url.Parse(path)
		if err != nil {
			t.Fatal(err)
		}
		page := w.get(t, "admin", path).Body.String()
		for format, media := range map[string]string{"json": "application/json", "csv": "text/csv; charset=utf-8"} {
			q := u.Query()
			q.Set("format", format)
			link := u.Path + "?" + q.Encode()
			if !strings.Contains(page, strings.ReplaceAll(link, "&", "&amp;")) {
				continue
			}
			a := w.get(t, "admin", link)
			if a.Code != http.StatusOK || a.Header().Get("Content-Type") != media || a.Body.Len() < 2 {
				t.Errorf("%s: %d %s\n%.200s", link, a.Code, a.Header().Get("Content-Type"), a.Body)
			}
		}
	}
	a := w.get(t, "admin", "/executions?format=csv&since=all")
	if lines := strings.Count(a.Body.String(), "\n"); lines != 13 || !strings.HasPrefix(a.Body.String(), "execution_id,agent,") {
		t.Errorf("%d lines:\n%.300s", lines, a.Body)
	}
	if a := w.get(t, "admin", "/executions?format=xml"); a.Code != http.StatusBadRequest {
		t.Errorf("another form: %d", a.Code)
	}
}

// TestWho asks as people of every role.
func TestWho(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 12)
	tests := []struct {
		as, path string
		want     int
	}{
		{"", "/executions", http.StatusUnauthorized},
		{"recorder", "/executions", http.StatusForbidden},
		{"reader", "/integrity", http.StatusForbidden},
		{"reader", "/access", http.StatusForbidden},
		{"reader", "/executions/" + runID(3) + "/proof", http.StatusForbidden},
		{"auditor", "/integrity", http.StatusOK},
		{"auditor", "/executions/" + runID(3) + "/proof", http.StatusOK},
		{"eng", "/executions", http.StatusOK},
		{"eng", "/memory", http.StatusForbidden},
		{"eng", "/retention", http.StatusForbidden},
		{"eng", "/agents/ops/deployer", http.StatusNotFound},
		{"other", "/executions/" + runID(3), http.StatusNotFound},
		{"reader", "/nothing/here", http.StatusNotFound},
		{"reader", "/executions?q=nofield:x", http.StatusBadRequest},
		{"reader", "/executions?since=whenever", http.StatusBadRequest},
		{"reader", "/executions?after=nonsense", http.StatusBadRequest},
		{"reader", "/executions/none", http.StatusNotFound},
		{"reader", "/cost?by=shoe-size", http.StatusBadRequest},
		{"reader", "/approvals?state=undecided", http.StatusBadRequest},
		{"reader", "/executions/" + runID(3) + "?from=9000", http.StatusBadRequest},
	}
	for _, test := range tests {
		a := w.get(t, test.as, test.path)
		if a.Code != test.want {
			t.Errorf("%s asks for %s: %d, want %d", test.as, test.path, a.Code, test.want)
		}
		if a.Code >= 400 && !strings.Contains(a.Body.String(), "<h1>") && !strings.Contains(test.path, "/proof") {
			t.Errorf("%s asks for %s: the error is no page: %.200s", test.as, test.path, a.Body)
		}
	}
	// Who may see one squad sees nothing of the others, wherever they look.
	for path := range everyPage() {
		if body := w.get(t, "eng", path).Body.String(); strings.Contains(body, "ops/deployer") || strings.Contains(body, "growth/") {
			t.Errorf("%s shows another squad's work", path)
		}
	}
	// An event leads to its run, and to nothing for who may not see that.
	for _, test := range []struct {
		as   string
		run  int
		told bool
	}{
		{"admin", 3, true}, {"eng", 3, false}, {"eng", 0, true},
	} {
		event := regexp.MustCompile(`evt-[0-9a-z]{20,}`).FindString(w.get(t, "admin", "/executions/"+runID(test.run)).Body.String())
		if body := w.get(t, test.as, "/why?q="+event).Body.String(); event == "" || strings.Contains(body, runID(test.run)) != test.told {
			t.Errorf("%s asks why %q: is that told? it should be %t", test.as, event, test.told)
		}
	}
	// A program is told as before.
	if a := w.get(t, "", "/executions", "Accept", "application/json"); a.Header().Get("Content-Type") != "application/problem+json" {
		t.Errorf("a program gets %s", a.Header().Get("Content-Type"))
	}
}

// post sends a form.
func (w *world) post(t testing.TB, as, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer "+as)
	r.Header.Set("Accept", "text/html")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, r)
	return a
}

func TestDecide(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.fill(t, 5)
	list, err := w.tenant.Asker.Approvals(t.Context(), ask.ApprovalFilter{State: "pending"})
	if err != nil || len(list.Approvals) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	a := list.Approvals[0]
	path := "/approvals/" + a.ApprovalID
	form := func(reason, digest string) url.Values {
		return url.Values{"reason": {reason}, "digest": {digest}, "valid": {"15m"}}
	}
	for _, test := range []struct {
		name, as string
		form     url.Values
		header   []string
		want     int
	}{
		{"a reader", "reader", form("go", a.Digest), nil, http.StatusForbidden},
		{"a token with the role", "deciding", form("go", a.Digest), nil, http.StatusForbidden},
		{"another site", "approver", form("go", a.Digest), []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
		{"another origin", "approver", form("go", a.Digest), []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"no reason", "approver", form(" ", a.Digest), nil, http.StatusUnprocessableEntity},
		{"something else than was shown", "approver", form("go", "sha256:0"), nil, http.StatusConflict},
		{"no time", "approver", url.Values{"reason": {"go"}, "digest": {a.Digest}, "valid": {"for ever"}}, nil, http.StatusUnprocessableEntity},
		{"an approver", "approver", form("reviewed it", a.Digest), []string{"Sec-Fetch-Site", "same-origin"}, http.StatusSeeOther},
		{"again", "approver", form("reviewed it", a.Digest), nil, http.StatusConflict},
	} {
		if got := w.post(t, test.as, path+"/approve", test.form, test.header...); got.Code != test.want {
			t.Errorf("%s: %d, want %d\n%.900s", test.name, got.Code, test.want, got.Body)
		}
	}
	shown, err := w.tenant.Asker.ApprovalByID(t.Context(), a.ApprovalID)
	if err != nil || shown.State != "approved" || shown.DecidedBy != "human:papprover" || shown.Reason != "reviewed it" || shown.ValidUntil.Sub(*shown.DecidedAt) > 16*time.Minute {
		t.Errorf("%+v, %v", shown, err)
	}
	other := list.Approvals[1]
	if got := w.post(t, "approver", "/approvals/"+other.ApprovalID+"/reject", url.Values{"reason": {"not now"}, "digest": {other.Digest}}); got.Code != http.StatusSeeOther {
		t.Errorf("rejecting: %d", got.Code)
	}
	// Who may not decide is told how, and has no form.
	if body := w.get(t, "reader", path).Body.String(); strings.Contains(body, "<form method=\"post\" class") {
		t.Error("a reader has a form to decide with")
	}
}
