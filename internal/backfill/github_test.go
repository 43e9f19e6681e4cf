package backfill_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/backfill"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/github"
)

// hub answers as GitHub's API does, with the objects of its own examples.
type hub struct {
	t       testing.TB
	mu      sync.Mutex
	now     time.Time
	refused []func(w http.ResponseWriter) // the next answers, whatever is asked
	asked   []string
	tokens  map[string]bool
}

// object is a part of a sample, for it has the same shape in the API.
func object(t testing.TB, sample, name string) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "ingest", "github", "testdata", sample+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m[name].(map[string]any)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r.URL.Path+"?"+r.URL.RawQuery)
	h.tokens[r.Header.Get("Authorization")] = true
	if len(h.refused) > 0 {
		refuse := h.refused[0]
		h.refused = h.refused[1:]
		refuse(w)
		return
	}
	pull := object(h.t, "pull_request.closed_unmerged", "pull_request")
	other := object(h.t, "pull_request.opened", "pull_request")
	other["number"], other["html_url"], other["created_at"], other["updated_at"] = 3, "https://github.com/Codertocat/Hello-World/pull/3", "2019-05-15T15:30:00Z", "2019-05-15T15:30:00Z"
	issue := object(h.t, "issues.opened", "issue")
	answers := map[string]any{
		"":                                object(h.t, "issues.opened", "repository"),
		"/pulls/2":                        pull,
		"/pulls/3":                        other,
		"/pulls/2/reviews":                []any{object(h.t, "pull_request_review.submitted_commented", "review")},
		"/pulls/3/reviews":                []any{},
		"/issues/comments":                []any{object(h.t, "issue_comment.created", "comment")},
		"/deployments":                    []any{object(h.t, "deployment.created", "deployment")},
		"/releases":                       []any{},
		"/actions/runs":                   map[string]any{"total_count": 0, "workflow_runs": []any{}},
		"/issues":                         []any{issue, map[string]any{"number": 2, "created_at": "2019-05-15T15:20:33Z", "pull_request": map[string]any{"url": "x"}}},
		"/activity":                       []any{map[string]any{"id": 1, "before": strings.Repeat("0", 40), "after": "6113728f27ae82c7b1a177c8d03f9e96e0adf246", "ref": "refs/tags/simple-tag", "timestamp": "2019-05-15T15:20:57Z", "activity_type": "branch_creation", "actor": map[string]any{"login": "Codertocat", "id": 21031067, "type": "User"}}},
		"/deployments/145988746/statuses": []any{object(h.t, "deployment_status.created_success", "deployment_status")},
	}
	path := strings.TrimPrefix(r.URL.Path, "/repos/Codertocat/Hello-World")
	if path == "/pulls" {
		// Two pages, the newest first.
		if r.URL.Query().Get("page") != "2" {
			w.Header().Set("Link", fmt.Sprintf(`<http://%s%s?page=2>; rel="next"`, r.Host, r.URL.Path))
			answers[path] = []any{other}
		} else {
			answers[path] = []any{pull}
		}
	}
	answer, ok := answers[path]
	if !ok {
		h.t.Errorf("it asks for %s", r.URL)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// trail takes each fact once, by its key.
type trail struct {
	keys  []string
	facts map[string]whodid.Event
}

func (tr *trail) take(facts []whodid.Event) int {
	added := 0
	for i := range facts {
		if _, ok := tr.facts[facts[i].Key]; !ok {
			tr.facts[facts[i].Key] = facts[i]
			tr.keys = append(tr.keys, facts[i].Key)
			added++
		}
	}
	return added
}

type bench struct {
	hub   *hub
	trail *trail
	slept []time.Duration
	o     backfill.Options
}

func newBench(t testing.TB) *bench {
	t.Helper()
	b := &bench{hub: &hub{t: t, now: time.Unix(1_800_000_000, 0), tokens: map[string]bool{}}, trail: &trail{facts: map[string]whodid.Event{}}}
	s := httptest.NewServer(b.hub)
	t.Cleanup(s.Close)
	b.o = backfill.Options{
		Repository: "Codertocat/Hello-World", Since: time.Date(2019, 5, 15, 0, 0, 0, 0, time.UTC), API: s.URL, Token: "t0ken",
		Forge: forge.Options{Pseudonym: func(identity string) string { return strings.ReplaceAll(identity, ":", "-") }},
		Known: func(context.Context, string) (backfill.Known, error) { return backfill.Known{}, nil },
		Take:  func(_ context.Context, facts []whodid.Event) (int, error) { return b.trail.take(facts), nil },
		Now:   func() time.Time { return b.hub.now },
		Sleep: func(_ context.Context, d time.Duration) error {
			b.slept = append(b.slept, d)
			return nil
		},
		Patience: time.Hour,
	}
	return b
}

const head = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"

func TestGitHub(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	counts, err := backfill.GitHub(t.Context(), b.o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"github/186853002/comment/492700400",
		"github/186853002/deployment/145988746",
		"github/186853002/deployment/145988746/status/209916254",
		"github/186853002/issue/1/created",
		"github/186853002/pull/2/closed/1557933678",
		"github/186853002/pull/2/created",
		"github/186853002/pull/2/head/" + head + "/1557933678",
		"github/186853002/pull/3/created",
		"github/186853002/pull/3/head/" + head + "/1557934200",
		"github/186853002/push/" + forge.Digest("refs/tags/simple-tag", strings.Repeat("0", 40), "6113728f27ae82c7b1a177c8d03f9e96e0adf246"),
		"github/186853002/review/237895671/submitted",
	}
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(b.trail.keys))); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if counts.New != len(want) || counts.Read != len(want) {
		t.Errorf("%+v of %d facts", counts, len(want))
	}
	for key, e := range b.trail.facts {
		if e.Source != "import:github" || e.Data.String("delivery") != "" || e.ActorAuth != "" {
			t.Errorf("%s says that a webhook told it: %+v", key, e)
		}
		if e.At.IsZero() {
			t.Errorf("%s has no time", key)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
	}
	if !b.hub.tokens["Bearer t0ken"] || len(b.hub.tokens) != 1 {
		t.Errorf("it signs in with %v", b.hub.tokens)
	}
	// Again: nothing is new.
	counts, err = backfill.GitHub(t.Context(), b.o)
	if err != nil || counts.New != 0 {
		t.Errorf("the second time: %+v, %v", counts, err)
	}
}

// TestGitHubAfterWebhooks sees to it that what webhooks told is not told again.
func TestGitHubAfterWebhooks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, name := range []string{"pull_request.opened", "pull_request.closed_unmerged", "issues.opened", "push.default", "deployment.created", "deployment_status.created_success", "issue_comment.created", "pull_request_review.submitted_commented"} {
		body, err := os.ReadFile(filepath.Join("..", "ingest", "github", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		event, _, _ := strings.Cut(name, ".")
		o := b.o.Forge
		o.Delivery = "d1"
		d, err := github.Parse(event, body, o)
		if err != nil {
			t.Fatal(err)
		}
		b.trail.take(d.Facts)
	}
	told := len(b.trail.keys)
	b.o.Known = func(_ context.Context, target string) (backfill.Known, error) {
		if target == "Codertocat/Hello-World#2" {
			return backfill.Known{Head: head}, nil
		}
		return backfill.Known{}, nil
	}
	if _, err := backfill.GitHub(t.Context(), b.o); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"github/186853002/pull/3/created", "github/186853002/pull/3/head/" + head + "/1557934200"}, b.trail.keys[told:]); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	limited := func(b *bench, in time.Duration) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("X-RateLimit-Limit", "60")
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(time.Now().Add(in).Unix(), 10))
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"message":"API rate limit exceeded"}`)
		}
	}
	secondary := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"message":"You have exceeded a secondary rate limit","documentation_url":"https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`)
	}
	tooMany := func(w http.ResponseWriter) {
		w.Header().Set("Retry-After", "9")
		w.WriteHeader(http.StatusTooManyRequests)
	}
	broken := func(w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) }
	denied := func(w http.ResponseWriter) { w.WriteHeader(http.StatusUnauthorized) }

	for name, test := range map[string]struct {
		refused []func(http.ResponseWriter)
		slept   []time.Duration
		bad     bool
	}{
		"a secondary limit":     {[]func(http.ResponseWriter){secondary}, []time.Duration{7 * time.Second}, false},
		"too many requests":     {[]func(http.ResponseWriter){tooMany}, []time.Duration{9 * time.Second}, false},
		"a fault":               {[]func(http.ResponseWriter){broken, broken}, []time.Duration{time.Second, 2 * time.Second}, false},
		"a fault that stays":    {slices.Repeat([]func(http.ResponseWriter){broken}, 9), []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, true},
		"a token that is wrong": {[]func(http.ResponseWriter){denied}, nil, true},
	} {
		b := newBench(t)
		b.hub.refused = test.refused
		_, err := backfill.GitHub(t.Context(), b.o)
		if (err != nil) != test.bad {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: the error has the token: %v", name, err)
		}
		if diff := cmp.Diff(test.slept, b.slept); diff != "" {
			t.Errorf("%s: it waits (-want +got):\n%s", name, diff)
		}
	}
	// A limit that lasts longer than we care to wait ends it; what was read stays.
	b := newBench(t)
	b.o.Now, b.o.Patience = time.Now, time.Minute
	b.hub.refused = []func(http.ResponseWriter){limited(b, 2*time.Hour)}
	if _, err := backfill.GitHub(t.Context(), b.o); !errors.Is(err, backfill.ErrLimited) {
		t.Errorf("a long limit: %v", err)
	}
}

func TestNoRepository(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "shop", "acme/", "/shop", "acme/shop/x"} {
		if _, err := backfill.GitHub(t.Context(), backfill.Options{Repository: name}); err == nil {
			t.Errorf("%q is a repository", name)
		}
	}
}
