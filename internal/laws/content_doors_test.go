//go:build unix

package laws

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// TestNoContentAtTheDoors puts made-up secrets and people into what the server
// takes in, what is imported and what people decide and erase, and searches every
// byte that is written: the trail, its journal, the spool, logs, sinks, exports,
// metrics, copies, error texts and answers.
func TestNoContentAtTheDoors(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, w *world) {
		s := newSpy(t, w)
		s.flagless(t)
		s.imports(t)
		s.duties(t)
		s.server(t)
		s.takeOut(t)
		s.search(t)
	})
}

// flagless tells what the search looks for to see that it finds anything.
func (s *spy) flagless(t *testing.T) {
	t.Helper()
	s.whodid(t, "run", "--agent", "ops/backup", "--", "echo", "step jwt")
}

// imports gives files of clients' sessions and of decisions canaries.
func (s *spy) imports(t *testing.T) {
	t.Helper()
	ingest := filepath.Join("..", "ingest")
	home := s.w.home
	var links []string
	for from, to := range map[string]string{
		filepath.Join(ingest, "claude", "testdata", "2.1.330", "transcript.jsonl"): ".claude/projects/-srv-shop/1f019263-7565-4fbb-a510-341bddc8c92a.jsonl",
		filepath.Join(ingest, "codex", "testdata", "rollout-0.169.jsonl"):          ".codex/sessions/2026/11/23/rollout-2026-11-23T14-05-20-01a208b9-c055-7912-8e1e-3e1fdfded71d.jsonl",
		filepath.Join(ingest, "gemini", "testdata", "chat-0.61.jsonl"):             ".gemini/tmp/shop/chats/session-2026-11-23T14-05-7d3e9f1a.jsonl",
		filepath.Join(ingest, "copilot", "testdata", "events-1.0.45.jsonl"):        ".copilot/session-state/7d3e9f1a-64d1-4f0b-9d2e-111111111111/events.jsonl",
	} {
		var text strings.Builder
		for _, v := range readLines(t, from) {
			text.WriteString(encode(t, plant(v, "", func(path, old string) string {
				if structural.MatchString(path) {
					return old
				}
				return s.secret().Text
			})) + "\n")
		}
		// What is imported lies outside of what is searched, for it holds canaries.
		path := filepath.Join(s.planted, to)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		client, _, _ := strings.Cut(to, "/")
		links = append(links, filepath.Join(home, client))
		if err := os.Symlink(filepath.Join(s.planted, client), filepath.Join(home, client)); err != nil {
			t.Fatal(err)
		}
	}
	s.whodid(t, "import", "--all", "--json")
	for _, link := range links {
		_ = os.Remove(link)
	}
	var notes strings.Builder
	for range 30 {
		fmt.Fprintf(&notes, "## %s\n\n%s\n\n", strings.ReplaceAll(s.secret().Text, "\n", " "), s.secret().Text)
	}
	path := filepath.Join(s.planted, "NOTES.md")
	if err := os.WriteFile(path, []byte(notes.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s.whodid(t, "memory", "import", path)
}

// structural are the fields without which nothing is read at all.
var structural = regexp.MustCompile(`(type|timestamp|role|\.kind|subtype|time|Time)$`)

// duties lets people decide on, name and erase what holds canaries.
func (s *spy) duties(t *testing.T) {
	t.Helper()
	for range 12 {
		text := s.secret().Text
		o := s.w.run(t, nil, "whodid", "approval", "request", "--type", "pr.merge", "--target", s.secret().Text, "--agent", "ops/backup", "--summary", text, "--why", s.secret().Text, "--arg", "a="+s.secret().Text)
		s.said.WriteString(o.stdout)
		s.echoed.WriteString(o.stderr)
		if id, _, ok := strings.Cut(o.stdout, "\t"); ok {
			s.given(t, "approval", "reject", id, "--reason", s.secret().Text)
		}
		s.given(t, "memory", "record", s.secret().Text, "--subject", "a/b", "--why", s.secret().Text, "--refused", s.secret().Text)
		s.given(t, "privacy", "erase", s.secret().Text, "--as", "path", "--reason", s.secret().Text, "--yes")
		s.given(t, "privacy", "export", s.secret().Text, "-o", filepath.Join(s.planted, "never"))
	}
}

// server sends canaries to every door of a server.
func (s *spy) server(t *testing.T) {
	t.Helper()
	w := s.w
	const secret = "a-secret-of-the-webhooks-of-the-shop"
	connections := filepath.Join(s.planted, "connections.toml")
	text := fmt.Sprintf("[[webhook]]\nname = \"shop\"\nforge = \"github\"\nsecret = \"env:HOOK_SECRET\"\n\n[[webhook]]\nname = \"lab\"\nforge = \"gitlab\"\nsecret = \"env:HOOK_SECRET\"\n\n"+
		"[[sink]]\nname = \"files\"\ntype = \"file\"\npath = %q\n", filepath.Join(w.home, "sink"))
	if err := os.WriteFile(connections, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.env = append(w.env, "HOOK_SECRET="+secret)
	token := w.token(t, "spy", "admin")
	server := w.serve(t, "--connections", connections)
	taken := map[string]int{}
	post := func(path, kind string, body []byte, headers ...string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.address+path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", kind)
		for i := 0; i+1 < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		said, _ := io.ReadAll(answer.Body)
		if answer.StatusCode/100 == 2 {
			taken[path]++
		}
		fmt.Fprintf(&s.said, "\nPOST %s: %s\n%s", path, answer.Status, said)
	}
	s.telemetry(t, post)
	s.hooks(t, post)
	s.webhooks(t, post, secret)
	s.api(t, post)
	for _, path := range []string{"/v1/logs", "/v1/traces", "/v1/metrics", "/hooks", "/webhooks/github/shop", "/webhooks/gitlab/lab", "/v1/events", "/v1/executions"} {
		if taken[path] == 0 {
			t.Errorf("nothing was taken in at %s", path)
		}
	}
	t.Logf("bodies taken in at the doors: %v", taken)
	for _, page := range []string{"/metrics", "/v1/executions", "/v1/actions", "/v1/events?from=0", "/readyz", "/v1/executions/" + "nothing"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.address+page, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		said, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		s.said.Write(said)
	}
	server.stop(t)
	s.said.WriteString(server.stderr.String())
	s.whodid(t, "sink", "run", "--once", "--connections", connections)
}

// telemetry sends captured telemetry in which every value is a canary, as JSON
// and as protobuf.
func (s *spy) telemetry(t *testing.T, post func(path, kind string, body []byte, headers ...string)) {
	t.Helper()
	for name, path := range map[string]string{
		"claude-code-2.1.330-logs-1.json.gz": "/v1/logs", "claude-code-2.1.330-logs-2.json.gz": "/v1/logs", "codex-0.169.0-logs.json.gz": "/v1/logs",
		"claude-code-2.1.330-traces.json.gz": "/v1/traces", "claude-code-2.1.330-metrics-1.json.gz": "/v1/metrics",
	} {
		f, err := os.Open(filepath.Join("..", "door", "otlp", "testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(f)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		err = json.NewDecoder(z).Decode(&v)
		_ = f.Close()
		if err != nil {
			t.Fatal(err)
		}
		planted := []byte(encode(t, s.plantTelemetry(v)))
		post(path, "application/json", planted)
		if pb := protobuf(t, path, planted); pb != nil {
			post(path, "application/x-protobuf", pb)
		}
	}
}

// plantTelemetry makes most values of attributes canaries: each second one where
// without the value nothing would be read.
func (s *spy) plantTelemetry(v any) any {
	n := 0
	return plant(v, "", func(path, old string) string {
		n++
		switch {
		case strings.HasSuffix(path, ".value.stringValue") && (n%3 > 0 || len(old) > 40), strings.HasSuffix(path, ".body.stringValue"):
			return s.secret().Text
		default:
			return old
		}
	})
}

func protobuf(t *testing.T, path string, text []byte) []byte {
	t.Helper()
	var out []byte
	var err error
	switch path {
	case "/v1/logs":
		var logs plog.Logs
		if logs, err = (&plog.JSONUnmarshaler{}).UnmarshalLogs(text); err == nil {
			out, err = (&plog.ProtoMarshaler{}).MarshalLogs(logs)
		}
	case "/v1/traces":
		var traces ptrace.Traces
		if traces, err = (&ptrace.JSONUnmarshaler{}).UnmarshalTraces(text); err == nil {
			out, err = (&ptrace.ProtoMarshaler{}).MarshalTraces(traces)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// hooks sends the hooks of every client over HTTP.
func (s *spy) hooks(t *testing.T, post func(path, kind string, body []byte, headers ...string)) {
	t.Helper()
	for _, name := range []string{"2.1.330/hooks.jsonl", "other/codex-hooks.jsonl", "other/gemini-hooks.jsonl", "other/copilot-hooks.jsonl", "other/copilot-camel-hooks.jsonl"} {
		for _, v := range readLines(t, filepath.Join("..", "ingest", "agent", "testdata", name)) {
			body := encode(t, plant(v, "", func(path, old string) string {
				if strings.HasSuffix(path, "hook_event_name") || strings.HasSuffix(path, "session_id") {
					return old
				}
				return s.secret().Text
			}))
			post("/hooks", "application/json", []byte(body))
		}
	}
}

// webhooks sends what forges send, signed.
func (s *spy) webhooks(t *testing.T, post func(path, kind string, body []byte, headers ...string), secret string) {
	t.Helper()
	for _, forge := range []string{"github", "gitlab"} {
		files, err := filepath.Glob(filepath.Join("..", "ingest", forge, "testdata", "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no payloads of %s: %v", forge, err)
		}
		for i, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var v any
			if err := json.Unmarshal(text, &v); err != nil {
				t.Fatal(err)
			}
			body := []byte(encode(t, plant(v, "", func(path, old string) string {
				if needed.MatchString(path) {
					return old
				}
				return s.secret().Text
			})))
			event, _, _ := strings.Cut(filepath.Base(file), ".")
			mac := hmac.New(sha256.New, []byte(secret))
			mac.Write(body)
			if forge == "github" {
				post("/webhooks/github/shop", "application/json", body, "X-GitHub-Event", event, "X-GitHub-Delivery", fmt.Sprintf("7d3e9f1a-64d1-4f0b-9d2e-%012d", i),
					"X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
				continue
			}
			post("/webhooks/gitlab/lab", "application/json", body, "X-Gitlab-Token", secret, "X-Gitlab-Event", gitlabEvents[event], "X-Gitlab-Event-UUID", fmt.Sprintf("7d3e9f1a-64d1-4f0b-9d2e-%012d", i))
		}
	}
}

// needed are the fields of webhooks by which they are told apart, and those that
// name what the trail is for.
var needed = regexp.MustCompile(`(action|state|full_name|path_with_namespace|object_kind|_at|sha|\.id|able_type|conclusion|status)$`)

var gitlabEvents = map[string]string{
	"issue_closed": "Issue Hook", "issue_create": "Issue Hook", "merge_request_comment_create": "Note Hook", "pipeline_hook": "Pipeline Hook", "pull_request_create": "Merge Request Hook",
}

// api records by the API.
func (s *spy) api(t *testing.T, post func(path, kind string, body []byte, headers ...string)) {
	t.Helper()
	for i := range 40 {
		post("/v1/events", "application/json", []byte(encode(t, []any{map[string]any{
			"key": fmt.Sprintf("spy/%d", i), "what": "report.send", "actor": "agent:ops/backup", "at": "2026-11-23T12:00:00Z", "result": "success",
			"target": s.secret().Text, "why": s.secret().Text, "metadata": map[string]any{"note": s.secret().Text},
		}})))
		post("/v1/executions", "application/json", []byte(encode(t, map[string]any{"agent": "ops/backup", "why": s.secret().Text, "trigger": "event", "trigger_detail": s.secret().Text})))
		post("/v1/events", "application/json", []byte(s.secret().Text))
	}
}

// takeOut writes everything that can be taken out of the trail into the world.
func (s *spy) takeOut(t *testing.T) {
	t.Helper()
	home := s.w.home
	s.whodid(t, "log", "export", filepath.Join(home, "tiles"))
	s.whodid(t, "privacy", "anonymize", "-o", filepath.Join(home, "shared.db"))
	if o := s.whodid(t, "export", "--from", "2000-01-01", "-o", filepath.Join(home, "population"), "--sample", "5"); o.code != 0 {
		t.Errorf("nothing was exported: %s", o.stderr)
	}
	var list struct {
		Approvals []struct {
			RequestedBy, OnBehalfOf string
		} `json:"approvals"`
	}
	out := s.whodid(t, "approval", "list", "--json").stdout
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`human:p[0-9a-z]{15}`).FindString(out); m != "" {
		s.whodid(t, "privacy", "export", m, "-o", filepath.Join(home, "person.zip"))
		s.whodid(t, "privacy", "export", m, "-o", filepath.Join(home, "person"))
	}
	for _, question := range [][]string{{"history"}, {"action", "list"}, {"memory", "list"}, {"approval", "list"}, {"session", "list"}, {"verify"}, {"doctor"}, {"forge", "list"}, {"token", "list"}, {"exec", "stats"}, {"privacy", "people"}} {
		s.whodid(t, append(question, "--json")...)
		s.whodid(t, question...)
	}
}
