package github_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
	"github.com/whodid/whodid/internal/ingest/github"
	"github.com/whodid/whodid/internal/redact/canary"
)

// options are those of a hook whose people have plain names.
func options() forge.Options {
	return forge.Options{
		Hook: "shop", Delivery: "d1", Pseudonym: func(identity string) string { return "p-" + strings.ReplaceAll(identity, ":", "-") },
		Agents: map[string]string{"acme-solver": "engineering/issue-solver"},
	}
}

// line is a fact as tests compare it.
func line(e *whodid.Event) string {
	data := e.Data.Canonical()
	return fmt.Sprintf("%s %s %s result=%s at=%s by=%s %s", e.Key, e.What, e.Target, e.Result, e.At.Format("2006-01-02T15:04:05Z"), e.Actor, data)
}

// facts are all facts of a delivery but that of its hook.
func facts(t testing.TB, d *forge.Delivery) []whodid.Event {
	t.Helper()
	if len(d.Facts) == 0 || d.Facts[0].What != "forge.hook" || d.Facts[0].Actor != whodid.System {
		t.Fatalf("the hook is not told: %+v", d.Facts)
	}
	for i := range d.Facts {
		e := d.Facts[i]
		if e.Data.String("delivery") != "d1" || e.Data.String("hook") != "shop" || e.Source != "webhook:github" || e.ActorAuth != "webhook" {
			t.Errorf("%s does not say who told it: %+v", e.Key, e)
		}
		if e.At.IsZero() {
			e.At = whodid.FromMicros(1e15)
		}
		if err := e.Validate(); err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
		delete(d.Facts[i].Data, "delivery")
		delete(d.Facts[i].Data, "hook")
		delete(d.Facts[i].Data, "repository")
		delete(d.Facts[i].Data, "url")
	}
	return d.Facts[1:]
}

const (
	person = "by=human:p-github-21031067"
	pullOf = `"author":"human:p-github-21031067","base":"master",`
	head   = "ec26c3e57ca3a959ca5aad62de7213c562f8c821"
)

func TestDeliveries(t *testing.T) {
	t.Parallel()
	rest := `"branch":"changes","commits":1,"files":1,"head":"` + head + `","lines_added":1,"lines_removed":1,"number":2}`
	for name, want := range map[string][]string{
		"issues.opened":                {"github/186853002/issue/1/created forge.issue.create Codertocat/Hello-World#1 result= at=2019-05-15T15:20:18Z " + person + ` {"author":"human:p-github-21031067","number":1}`},
		"issues.edited":                {},
		"issue_comment.created":        {"github/186853002/comment/492700400 forge.issue.comment Codertocat/Hello-World#1 result= at=2019-05-15T15:20:21Z " + person + ` {"forge_id":492700400,"number":1}`},
		"pull_request.opened":          {"github/186853002/pull/2/created forge.pr.create Codertocat/Hello-World#2 result= at=2019-05-15T15:20:33Z " + person + " {" + pullOf + rest},
		"pull_request.synchronize":     {"github/186853002/pull/2/head/" + head + "/1557933633 forge.pr.update Codertocat/Hello-World#2 result= at=2019-05-15T15:20:33Z " + person + " {" + pullOf + `"before":"f95f852bd8fca8fcc58a9a2d6c842781e32a215e",` + rest},
		"pull_request.closed_unmerged": {"github/186853002/pull/2/closed/1557933678 forge.pr.close Codertocat/Hello-World#2 result= at=2019-05-15T15:21:18Z " + person + " {" + pullOf + rest},
		"pull_request_review.submitted_commented": {"github/186853002/review/237895671/submitted forge.pr.review Codertocat/Hello-World#2 result= at=2019-05-15T15:20:38Z " + person +
			` {"author":"human:p-github-21031067","forge_id":237895671,"head":"` + head + `","number":2,"sha":"` + head + `","state":"commented"}`},
		"pull_request_review.dismissed_dismissed": {"github/186853002/review/237895671/dismissed forge.pr.dismiss Codertocat/Hello-World#2 result= at=2019-05-15T15:20:38Z " + person +
			` {"author":"human:p-github-21031067","forge_id":237895671,"head":"` + head + `","number":2,"sha":"` + head + `","state":"dismissed"}`},
		"push.default":                      {"github/186853002/push/" + forge.Digest("refs/tags/simple-tag", "0000000000000000000000000000000000000000", "6113728f27ae82c7b1a177c8d03f9e96e0adf246") + " forge.commit.push Codertocat/Hello-World@simple-tag result= at=2019-05-15T15:20:57Z " + person + ` {"created":true,"sha":"6113728f27ae82c7b1a177c8d03f9e96e0adf246","tag":"simple-tag"}`},
		"deployment.created":                {"github/186853002/deployment/145988746 forge.deploy Codertocat/Hello-World result= at=2019-05-15T15:20:53Z " + person + ` {"branch":"master","environment":"production","forge_id":145988746,"sha":"f95f852bd8fca8fcc58a9a2d6c842781e32a215e"}`},
		"deployment_status.created_success": {"github/186853002/deployment/145988746/status/209916254 forge.deploy.status Codertocat/Hello-World result=success at=2019-05-15T15:20:55Z " + person + ` {"branch":"master","environment":"production","forge_id":145988746,"sha":"f95f852bd8fca8fcc58a9a2d6c842781e32a215e","state":"success","status":209916254}`},
		"workflow_run.completed_success":    {"github/300029405/run/289782451/1 forge.ci.run octo-org/octo-repo@master result=success at=2020-10-05T16:33:49Z by=human:p-github-15669918 " + `{"attempt":1,"branch":"master","forge_id":289782451,"name":".github/workflows/test.yml","sha":"3484a3fb816e0859fd6e1cea078d76385ff50625","state":"success","trigger":"repository_dispatch"}`},
		"check_run.completed":               {"github/186853002/check/128620228/1557933672 forge.ci.check Codertocat/Hello-World@changes result=failed at=2019-05-15T15:21:12Z " + person + ` {"branch":"changes","forge_id":128620228,"name":"Octocoders-linter","number":2,"sha":"` + head + `","state":"failure"}`},
	} {
		body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		event, _, _ := strings.Cut(name, ".")
		d, err := github.Parse(event, body, options())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		got := []string{}
		for _, e := range facts(t, d) {
			got = append(got, line(&e))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// change reads a sample and sets fields in it, each by its path.
func change(t testing.TB, name string, fields map[string]any) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	for path, v := range fields {
		at := m
		parts := strings.Split(path, ".")
		for _, p := range parts[:len(parts)-1] {
			next, ok := at[p].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[p] = next
			}
			at = next
		}
		at[parts[len(parts)-1]] = v
	}
	b, err = json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func one(t testing.TB, event string, body []byte) *whodid.Event {
	t.Helper()
	d, err := github.Parse(event, body, options())
	if err != nil {
		t.Fatal(err)
	}
	got := facts(t, d)
	if len(got) != 1 {
		t.Fatalf("%d facts of one delivery: %+v", len(got), got)
	}
	return &got[0]
}

func TestMerge(t *testing.T) {
	t.Parallel()
	sha := strings.Repeat("ab", 20)
	body := change(t, "pull_request.closed_unmerged", map[string]any{
		"pull_request.merged": true, "pull_request.merged_at": "2019-05-15T15:21:18Z", "pull_request.merge_commit_sha": sha,
		"pull_request.merged_by": map[string]any{"id": 7, "login": "acme-solver", "type": "User"},
		"pull_request.body":      "What it does\n\nAgent: engineering/issue-solver\nSquad: engineering\nTrigger: event (issue.labeled)\nExecution: exec-abc123\nModel: opus\n",
	})
	e := one(t, "pull_request", body)
	if e.What != "forge.pr.merge" || e.Key != "github/186853002/pull/2/merged" || e.Data.String("sha") != sha || e.Data.String("head") != head {
		t.Errorf("a merge is %s", line(e))
	}
	if e.Actor != "agent:engineering/issue-solver" {
		t.Errorf("it was merged by %s", e.Actor)
	}
	if diff := cmp.Diff([]string{"exec-abc123"}, e.Data["executions"]); diff != "" {
		t.Errorf("runs: %s", diff)
	}
	if diff := cmp.Diff([]string{"engineering/issue-solver"}, e.Data["agents"]); diff != "" {
		t.Errorf("agents: %s", diff)
	}
}

func TestActors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		login, kind string
		id          int
		want        string
	}{
		"a person":                {"ada", "User", 9, "human:p-github-9"},
		"an own agent":            {"Acme-Solver", "User", 9, "agent:engineering/issue-solver"},
		"Copilot":                 {"copilot-swe-agent[bot]", "Bot", 9, "agent:github/copilot"},
		"Copilot's app":           {"Copilot", "Bot", 9, "agent:github/copilot"},
		"Cursor":                  {"cursor[bot]", "Bot", 9, "agent:github/cursor"},
		"Devin":                   {"devin-ai-integration[bot]", "Bot", 9, "agent:github/devin"},
		"Claude":                  {"claude[bot]", "Bot", 9, "agent:github/claude"},
		"a person called so":      {"Copilot", "User", 9, "human:p-github-9"},
		"another program":         {"dependabot[bot]", "Bot", 9, "system:dependabot"},
		"one with a strange name": {"../x y[bot]", "Bot", 9, "system:x-y"},
		"nobody":                  {"", "", 0, "system:github"},
	} {
		e := one(t, "issues", change(t, "issues.opened", map[string]any{"issue.user": map[string]any{"login": test.login, "type": test.kind, "id": test.id}}))
		if e.Actor != test.want {
			t.Errorf("%s: %s, want %s", name, e.Actor, test.want)
		}
	}
}

func TestSameFactFromTwoHooks(t *testing.T) {
	t.Parallel()
	body := change(t, "pull_request.opened", nil)
	a, err := github.Parse("pull_request", body, options())
	if err != nil {
		t.Fatal(err)
	}
	other := options()
	other.Hook, other.Delivery = "another", "d2"
	b, err := github.Parse("pull_request", body, other)
	if err != nil {
		t.Fatal(err)
	}
	if a.Facts[1].Key != b.Facts[1].Key {
		t.Errorf("one fact has two keys: %s, %s", a.Facts[1].Key, b.Facts[1].Key)
	}
	if a.Facts[0].Key == b.Facts[0].Key {
		t.Errorf("two hooks are one fact: %s", a.Facts[0].Key)
	}
	elsewhere, err := github.Parse("pull_request", change(t, "pull_request.opened", map[string]any{"repository.html_url": "https://github.acme.example/x/y"}), options())
	if err != nil {
		t.Fatal(err)
	}
	if a.Facts[1].Key == elsewhere.Facts[1].Key || strings.Contains(elsewhere.Facts[1].Key, "acme") {
		t.Errorf("another server's fact has the key %s", elsewhere.Facts[1].Key)
	}
}

// sign signs as GitHub does.
func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func TestVerify(t *testing.T) {
	t.Parallel()
	// GitHub's own example, docs.github.com "Validating webhook deliveries".
	const known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
	if !github.Verify([]byte("It's a Secret to Everybody"), []byte("Hello, World!"), known) {
		t.Error("the signature of the documentation does not hold")
	}
	good := sign("a secret", []byte("body"))
	for name, test := range map[string]struct{ secret, body, signature string }{
		"another secret": {"a secreT", "body", good},
		"another body":   {"a secret", "body ", good},
		"no signature":   {"a secret", "body", ""},
		"no secret":      {"", "body", sign("", []byte("body"))},
		"of SHA-1":       {"a secret", "body", "sha1=" + good[7:]},
		"cut":            {"a secret", "body", good[:len(good)-2]},
		"no hexadecimal": {"a secret", "body", "sha256=" + strings.Repeat("zz", 32)},
		"without a name": {"a secret", "body", good[7:]},
	} {
		if github.Verify([]byte(test.secret), []byte(test.body), test.signature) {
			t.Errorf("%s: it is let in", name)
		}
	}
}

func TestForm(t *testing.T) {
	t.Parallel()
	got, err := github.Payload("application/x-www-form-urlencoded", []byte("payload=%7B%22a%22%3A1%7D"))
	if err != nil || string(got) != `{"a":1}` {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := github.Payload("application/x-www-form-urlencoded", []byte("%zz")); err == nil {
		t.Error("a form that can't be read is no error")
	}
}

// TestNoContent puts secrets and personal data into every text of a delivery
// that is content, and looks for them in what comes out.
func TestNoContent(t *testing.T) {
	t.Parallel()
	for _, c := range canary.All() {
		for event, body := range map[string][]byte{
			"issues":       change(t, "issues.opened", map[string]any{"issue.title": c.Text, "issue.body": c.Text, "issue.user.name": c.Text, "issue.labels": []any{c.Text}, "sender.email": c.Text}),
			"pull_request": change(t, "pull_request.opened", map[string]any{"pull_request.title": c.Text, "pull_request.body": c.Text, "pull_request.user.email": c.Text}),
			"push": change(t, "push.default", map[string]any{"pusher": map[string]any{"name": c.Text, "email": c.Text}, "commits": []any{map[string]any{
				"id": head, "message": c.Text, "author": map[string]any{"name": c.Text, "email": c.Text}, "added": []any{c.Text},
			}}}),
			"issue_comment":       change(t, "issue_comment.created", map[string]any{"comment.body": c.Text, "issue.body": c.Text, "issue.title": c.Text}),
			"pull_request_review": change(t, "pull_request_review.submitted_commented", map[string]any{"review.body": c.Text}),
			"deployment":          change(t, "deployment.created", map[string]any{"deployment.description": c.Text, "deployment.payload": c.Text}),
			"workflow_run":        change(t, "workflow_run.completed_success", map[string]any{"workflow_run.display_title": c.Text, "workflow_run.head_commit.message": c.Text}),
			"check_run":           change(t, "check_run.completed", map[string]any{"check_run.output": map[string]any{"title": c.Text, "summary": c.Text, "text": c.Text}}),
		} {
			d, err := github.Parse(event, body, options())
			if err != nil {
				t.Fatal(err)
			}
			if len(d.Facts) < 2 {
				t.Errorf("%s tells nothing", event)
			}
			text := fmt.Sprintf("%+v", d.Facts)
			for _, must := range c.Must {
				if strings.Contains(text, must) {
					t.Errorf("%s: %s comes out of %s", c.Kind, must, event)
				}
			}
		}
	}
}

func TestHostile(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":    "",
		"a list":     "[]",
		"cut":        `{"action":"opened","issue":{`,
		"deep":       strings.Repeat(`{"issue":`, 20000) + "1" + strings.Repeat("}", 20000),
		"no text":    "\xff\xfe",
		"two values": `{} {}`,
	} {
		if d, err := github.Parse("issues", []byte(body), options()); err == nil && len(d.Facts) > 0 {
			t.Errorf("%s: %+v", name, d.Facts)
		}
	}
	// A field of another type loses itself and not the fact.
	e := one(t, "pull_request", change(t, "pull_request.opened", map[string]any{"pull_request.additions": "many", "pull_request.draft": 3, "pull_request.updated_at": []any{}}))
	if e.What != "forge.pr.create" {
		t.Errorf("it is %s", line(e))
	}
	// A push of a thousand commits fits into an event.
	var commits []any
	for i := range 2000 {
		commits = append(commits, map[string]any{"id": fmt.Sprintf("%040x", i+1), "message": fmt.Sprintf("x\n\nExecution: exec-%d\n", i)})
	}
	e = one(t, "push", change(t, "push.default", map[string]any{"commits": commits, "ref": "refs/heads/main", "after": fmt.Sprintf("%040x", 2000)}))
	if n, _ := e.Data.Int("count"); n != 2000 || e.Data.String("branch") != "main" {
		t.Errorf("a large push: %s", line(e))
	}
	if shas, _ := e.Data["shas"].([]string); len(shas) != 100 || shas[99] != fmt.Sprintf("%040x", 2000) {
		t.Errorf("the last commits are not listed: %v", shas)
	}
}

func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		event, _, _ := strings.Cut(filepath.Base(name), ".")
		f.Add(event, b)
	}
	f.Fuzz(func(t *testing.T, event string, body []byte) {
		d, err := github.Parse(event, body, options())
		if err != nil {
			return
		}
		for i := range d.Facts {
			e := d.Facts[i]
			// What the recorder does before it takes an event in.
			e.Trim(false)
			if err := e.Data.Normalize(); err != nil {
				t.Fatalf("%s: %v", e.What, err)
			}
			if e.At.IsZero() || e.At.Year() < 2000 || e.At.Year() > 2199 {
				e.At = whodid.FromMicros(1e15)
			}
			if err := e.Validate(); err != nil {
				t.Fatalf("%s: %v", e.What, err)
			}
		}
	})
}

func FuzzPayload(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", []byte("payload=%7B%7D"))
	f.Fuzz(func(_ *testing.T, contentType string, body []byte) {
		_, _ = github.Payload(contentType, body)
	})
}
