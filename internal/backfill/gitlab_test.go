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
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/backfill"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/gitlab"
)

// lab answers as GitLab's API does, with objects of the shapes that it documents.
type lab struct {
	t       testing.TB
	mu      sync.Mutex
	refused []func(w http.ResponseWriter) // the next answers, whatever is asked
	pages   []string
	tokens  map[string]bool
}

// content is what must not be kept, wherever the forge tells it.
const content = "Ada Lovelace <ada.lovelace@corp.example> glpat-0123456789abcdefghij"

const (
	labHead   = "c4c79227ed610f1151f05bbc5be33b4f340d39c8"
	labBefore = "2222222222222222222222222222222222222222"
	labPushed = "2adc9465c4edfc33834e173fe89436a7cb899a1d"
	labMerged = "78a76ee6b4992a6baf64c59fc4c44c7323d60438"
)

// labAnswers are JSON; %s is content, the account ada and the web address.
const labAnswers = `{
"": {"id": 4861503, "name": "%[1]s", "description": "%[1]s", "path_with_namespace": "gitlab-org/hello-world", "web_url": "%[3]s", "issues_access_level": "enabled", "builds_access_level": "private"},
"/issues": [{"id": 8131350, "iid": 1, "title": "%[1]s", "description": "%[1]s", "state": "closed", "author": %[2]s, "closed_by": %[2]s, "labels": ["%[1]s"], "web_url": "%[3]s/issues/1", "created_at": "2017-12-10T16:37:38.512Z", "updated_at": "2017-12-10T16:41:28.107Z", "closed_at": "2017-12-10T16:41:28.090Z"}],
"/merge_requests": [{"id": 1, "iid": 2, "title": "%[1]s", "description": "%[1]s", "state": "closed", "author": %[2]s, "closed_by": %[2]s, "source_branch": "other", "target_branch": "master", "sha": "` + labHead + `", "web_url": "%[3]s/merge_requests/2", "created_at": "2017-12-10T17:30:00Z", "updated_at": "2017-12-10T19:00:00Z", "closed_at": "2017-12-10T18:00:02Z"}],
"/merge_requests?page=2": [{"id": 6632669, "iid": 1, "title": "%[1]s", "description": "%[1]s", "state": "merged", "author": %[2]s, "merge_user": %[2]s, "source_branch": "feature", "target_branch": "master", "sha": "` + labHead + `", "merge_commit_sha": "` + labMerged + `", "web_url": "%[3]s/merge_requests/1", "created_at": "2017-12-10T17:01:11.031Z", "updated_at": "2017-12-10T17:08:07.900Z", "merged_at": "2017-12-10T17:08:07.455Z", "closed_at": null}],
"/merge_requests/1/versions": [{"id": 110, "head_commit_sha": "` + labHead + `", "created_at": "2017-12-10T17:01:11Z", "state": "collected"}],
"/merge_requests/2/versions": [{"id": 112, "head_commit_sha": "` + labHead + `", "created_at": "2017-12-10T17:40:00Z"}, {"id": 111, "head_commit_sha": "` + labBefore + `", "created_at": "2017-12-10T17:30:00Z"}],
"/merge_requests/1/approvals": {"iid": 1, "title": "%[1]s", "description": "%[1]s", "approved_by": []},
"/merge_requests/2/approvals": {"iid": 2, "title": "%[1]s", "approved_by": [{"user": {"id": 9, "username": "grace", "name": "%[1]s"}, "approved_at": "2017-12-10T17:35:00Z"}, {"user": {"id": 8, "username": "old", "name": "%[1]s"}}]},
"/events": [
  {"id": 4, "action_name": "pushed to", "author": %[2]s, "created_at": "2017-12-10T17:00:00.000Z", "push_data": {"commit_count": 0, "action": "pushed", "ref_type": "branch", "ref": null, "ref_count": 7}},
  {"id": 3, "action_name": "pushed to", "author": %[2]s, "created_at": "2017-12-10T16:30:00.000Z", "push_data": {"commit_count": 1, "action": "pushed", "ref_type": "branch", "commit_from": "9217710ce8c7e1eae7a5d1c45f6e43e1c769f866", "commit_to": "` + labPushed + `", "ref": "master", "commit_title": "%[1]s"}},
  {"id": 2, "action_name": "pushed new", "author": %[2]s, "created_at": "2017-12-10T16:29:00.000Z", "push_data": {"commit_count": 1, "action": "created", "ref_type": "tag", "commit_from": null, "commit_to": "` + labPushed + `", "ref": "v1", "commit_title": "%[1]s"}},
  {"id": 1, "action_name": "pushed new", "author": %[2]s, "created_at": "2017-12-09T23:00:00.000Z", "push_data": {"commit_count": 1, "action": "created", "ref_type": "tag", "commit_from": null, "commit_to": "` + labPushed + `", "ref": "v0"}}],
"/pipelines": [{"id": 31, "status": "success", "ref": "master", "updated_at": "2017-12-10T15:26:29.500Z"}],
"/pipelines/31": {"id": 31, "status": "success", "ref": "refs/merge-requests/15/head", "sha": "` + labHead + `", "source": "merge_request_event", "name": "%[1]s", "user": %[2]s, "web_url": "%[3]s/-/pipelines/31", "updated_at": "2017-12-10T15:26:29.500Z", "finished_at": "2017-12-10T15:26:29.300Z"},
"/deployments": [
  {"id": 15, "ref": "master", "sha": "` + labHead + `", "status": "success", "created_at": "2017-12-10T20:00:00Z", "updated_at": "2017-12-10T21:00:00Z", "user": %[2]s, "environment": {"id": 1, "name": "production"}, "deployable": {"finished_at": "2017-12-10T20:50:00Z", "user": %[2]s, "commit": {"title": "%[1]s", "author_email": "%[1]s"}}},
  {"id": 14, "ref": "master", "sha": "` + labHead + `", "status": "blocked", "created_at": "2017-12-10T20:00:00Z", "updated_at": "2017-12-10T20:00:00Z", "user": %[2]s}]
}`

func (l *lab) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tokens[r.Header.Get("Private-Token")] = true
	if len(l.refused) > 0 {
		refuse := l.refused[0]
		l.refused = l.refused[1:]
		refuse(w)
		return
	}
	var answers map[string]json.RawMessage
	text := fmt.Sprintf(labAnswers, content, `{"id": 51764, "username": "ada", "name": "`+content+`", "state": "active"}`, "https://gitlab.com/gitlab-org/hello-world")
	if err := json.Unmarshal([]byte(text), &answers); err != nil {
		l.t.Fatal(err)
	}
	path, ok := strings.CutPrefix(r.URL.EscapedPath(), "/api/v4/projects/4861503")
	if !ok {
		path = strings.TrimPrefix(r.URL.EscapedPath(), "/api/v4/projects/gitlab-org%2Fhello-world")
	}
	switch page := r.URL.Query().Get("page"); {
	case page == "2":
		path += "?page=2"
	case path == "/merge_requests":
		w.Header().Set("X-Next-Page", "2")
	}
	l.pages = append(l.pages, path)
	answer, ok := answers[path]
	if !ok {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

func newLab(t testing.TB) (*lab, *bench) {
	t.Helper()
	b := newBench(t)
	l := &lab{t: t, tokens: map[string]bool{}}
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	b.o.Repository, b.o.API, b.o.Since = "gitlab-org/hello-world", s.URL, time.Date(2017, 12, 10, 0, 0, 0, 0, time.UTC)
	return l, b
}

const labKey = "gitlab/4861503/"

func TestGitLab(t *testing.T) {
	t.Parallel()
	l, b := newLab(t)
	counts, err := backfill.GitLab(t.Context(), b.o)
	if err != nil {
		t.Fatal(err)
	}
	zeros := strings.Repeat("0", 40)
	want := []string{
		"deployment/15/success 2017-12-10T20:50:00Z human:gitlab-51764",
		"issue/1/closed/1512924088 2017-12-10T16:41:28Z human:gitlab-51764",
		"issue/1/created 2017-12-10T16:37:38Z human:gitlab-51764",
		"mr/1/created 2017-12-10T17:01:11Z human:gitlab-51764",
		"mr/1/merged 2017-12-10T17:08:07Z human:gitlab-51764",
		"mr/2/approved/" + forge.Digest("human:gitlab-9") + "/1512927300 2017-12-10T17:35:00Z human:gitlab-9",
		"mr/2/closed/1512928802 2017-12-10T18:00:02Z human:gitlab-51764",
		"mr/2/created 2017-12-10T17:30:00Z human:gitlab-51764",
		"mr/2/head/" + labHead + "/1512927600 2017-12-10T17:40:00Z system:gitlab",
		"pipeline/31/success/1512919589 2017-12-10T15:26:29Z human:gitlab-51764",
		"push/" + forge.Digest("refs/heads/master", "9217710ce8c7e1eae7a5d1c45f6e43e1c769f866", labPushed) + " 2017-12-10T16:30:00Z human:gitlab-51764",
		"push/" + forge.Digest("refs/tags/v1", zeros, labPushed) + " 2017-12-10T16:29:00Z human:gitlab-51764",
	}
	var got []string
	for key, e := range b.trail.facts {
		got = append(got, strings.TrimPrefix(key, labKey)+" "+e.At.Format(time.RFC3339)+" "+e.Actor)
		if e.Source != "import:gitlab" || e.ActorAuth != "" {
			t.Errorf("%s says that a webhook told it: %+v", key, e)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, part := range append(strings.Fields(content), "t0ken") {
			if text := fmt.Sprintf("%+v", e); strings.Contains(text, part) {
				t.Errorf("%s keeps %q: %s", key, part, text)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
	if counts.New != len(want) || counts.Read != len(want) {
		t.Errorf("%+v of %d facts", counts, len(want))
	}
	// An approval is of what it stood at then, not of what came later.
	for key, sha := range map[string]string{
		"mr/2/approved/" + forge.Digest("human:gitlab-9") + "/1512927300": labBefore, "mr/1/merged": labMerged,
		"deployment/15/success": labHead, "pipeline/31/success/1512919589": labHead,
	} {
		if got := b.trail.facts[labKey+key].Data.String("sha"); got != sha {
			t.Errorf("%s is of %q", key, got)
		}
	}
	if got := b.trail.facts[labKey+"mr/2/created"].Data.String("head"); got != labBefore {
		t.Errorf("it was opened at %q", got)
	}
	if !l.tokens["t0ken"] || len(l.tokens) != 1 {
		t.Errorf("it signs in with %v", l.tokens)
	}
	if !slices.Contains(l.pages, "/merge_requests?page=2") {
		t.Errorf("it asks for %v", l.pages)
	}
	counts, err = backfill.GitLab(t.Context(), b.o)
	if err != nil || counts.New != 0 {
		t.Errorf("the second time: %+v, %v", counts, err)
	}
}

// TestGitLabAfterWebhooks sees to it that what webhooks told is not told again.
func TestGitLabAfterWebhooks(t *testing.T) {
	t.Parallel()
	_, b := newLab(t)
	told := func(name string, changes ...string) {
		body, err := os.ReadFile(filepath.Join("..", "ingest", "gitlab", "testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		o := b.o.Forge
		o.Delivery = "d1"
		d, err := gitlab.Parse([]byte(strings.NewReplacer(changes...).Replace(string(body))), o)
		if err != nil {
			t.Fatal(err)
		}
		if b.trail.take(d.Facts) != 1 {
			t.Fatalf("%s tells nothing", name)
		}
	}
	second := []string{`"iid": 1`, `"iid": 2`, `"username": "ada"`, `"username": "ada", "id": 51764`}
	told("issue_create")
	told("issue_closed")
	told("pull_request_create")
	told("pull_request_merge")
	told("pull_request_create", second...)
	// The closing was noted two seconds after the merge request changed.
	told("pull_request_create", append(second, `"action": "open"`, `"action": "close"`, "2017-12-10 17:01:11 UTC", "2017-12-10 18:00:00 UTC")...)
	// An approval does not change a merge request: its key has an earlier time.
	told("pull_request_create", `"iid": 1`, `"iid": 2`, `"username": "ada"`, `"username": "grace", "id": 9`, `"action": "open"`, `"action": "approved"`)
	told("push")
	told("pipeline_hook", "2016-08-12 15:26:29", "2017-12-10 15:26:29", `"id": 1,
     "name": "Gitlab Test"`, `"id": 4861503`, "http://192.168.64.1:3005", "https://gitlab.com")
	already := len(b.trail.keys)
	b.o.Known = func(_ context.Context, target string) (backfill.Known, error) {
		if target == "gitlab-org/hello-world!2" {
			return backfill.Known{Head: labHead, Closed: time.Date(2017, 12, 10, 18, 0, 0, 0, time.UTC), Approvers: []string{"human:gitlab-9"}}, nil
		}
		return backfill.Known{Head: labHead}, nil
	}
	if _, err := backfill.GitLab(t.Context(), b.o); err != nil {
		t.Fatal(err)
	}
	want := []string{labKey + "push/" + forge.Digest("refs/tags/v1", strings.Repeat("0", 40), labPushed), labKey + "deployment/15/success"}
	if diff := cmp.Diff(want, b.trail.keys[already:]); diff != "" {
		t.Errorf("new (-want +got):\n%s", diff)
	}
}

func TestGitLabLimits(t *testing.T) {
	t.Parallel()
	answer := func(status int, header, value string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if header != "" {
				w.Header().Set(header, value)
			}
			w.WriteHeader(status)
		}
	}
	broken := answer(http.StatusBadGateway, "", "")
	for name, test := range map[string]struct {
		refused []func(http.ResponseWriter)
		slept   []time.Duration
		says    string
	}{
		"too many requests":     {[]func(http.ResponseWriter){answer(http.StatusTooManyRequests, "Retry-After", "9")}, []time.Duration{9 * time.Second}, ""},
		"without a time":        {[]func(http.ResponseWriter){answer(http.StatusTooManyRequests, "", "")}, []time.Duration{time.Minute}, ""},
		"a fault":               {[]func(http.ResponseWriter){broken, broken}, []time.Duration{time.Second, 2 * time.Second}, ""},
		"a fault that stays":    {slices.Repeat([]func(http.ResponseWriter){broken}, 9), []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, "502"},
		"a token that is wrong": {[]func(http.ResponseWriter){answer(http.StatusUnauthorized, "", "")}, nil, "doesn't know the token"},
		"a token for less":      {[]func(http.ResponseWriter){answer(http.StatusForbidden, "", "")}, nil, "read_api"},
		"no project":            {[]func(http.ResponseWriter){answer(http.StatusNotFound, "", "")}, nil, "couldn't read the project gitlab-org/hello-world: there is none"},
		"another host":          {slices.Repeat([]func(http.ResponseWriter){answer(http.StatusFound, "Location", "https://evil.example/")}, 9), []time.Duration{time.Second, 2 * time.Second, 3 * time.Second}, "evil.example"},
	} {
		l, b := newLab(t)
		l.refused = test.refused
		_, err := backfill.GitLab(t.Context(), b.o)
		if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: the error has the token: %v", name, err)
		}
		if diff := cmp.Diff(test.slept, b.slept); diff != "" {
			t.Errorf("%s: it waits (-want +got):\n%s", name, diff)
		}
	}
	l, b := newLab(t)
	b.o.Patience = time.Minute
	l.refused = []func(http.ResponseWriter){answer(http.StatusTooManyRequests, "Retry-After", "7200")}
	if _, err := backfill.GitLab(t.Context(), b.o); !errors.Is(err, backfill.ErrLimited) {
		t.Errorf("a long limit: %v", err)
	}
}

func TestNoProject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "shop", "acme/", "/shop", "acme//x"} {
		if _, err := backfill.GitLab(t.Context(), backfill.Options{Repository: name}); err == nil {
			t.Errorf("%q is a project", name)
		}
	}
}
