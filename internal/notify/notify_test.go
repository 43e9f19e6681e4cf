package notify_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/notify"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/sink"
)

const rules = `version = "1"
[[approval]]
id = "OPS-012"
level = "notify"
actions = ["deploy.*"]
[[approval]]
id = "OPS-013"
level = "approve"
actions = ["schema.migrate"]
`

func batch(records ...string) *sink.Batch {
	b := &sink.Batch{Org: "default"}
	for _, r := range records {
		b.Records = append(b.Records, []byte(r))
	}
	return b
}

// A webhook and a command are told of requests, of their end, and of what a rule
// says to tell of; of nothing else, and what a name holds is no markup.
func TestSend(t *testing.T) {
	t.Parallel()
	p, err := policy.Parse([]byte(rules), "test")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	status := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Text string }
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		texts = append(texts, in.Text)
		w.WriteHeader(status)
	}))
	defer server.Close()
	file := filepath.Join(t.TempDir(), "told")
	s := &notify.Sender{Webhook: server.URL, Command: []string{"sh", "-c", "cat >> '" + file + "'"}, Rules: p}
	for name, test := range map[string]struct{ record, want string }{
		"a request":            {`{"what":"approval.request","actor":"agent:ops/x","approval_id":"appr-1","metadata":{"for_agent":"ops/x","summary":"deploy <!channel>"}}`, "ops/x wants to do: deploy &lt;!channel&gt;. Decide with: whodid approval approve appr-1"},
		"a request ran out":    {`{"what":"approval.expire","actor":"system:whodid","approval_id":"appr-1"}`, "appr-1 ran out"},
		"a rule says so":       {`{"what":"deploy.production","actor":"agent:ops/x","target":"shop","result":"success"}`, "ops/x did: deploy.production shop (success, rule OPS-012)"},
		"it was refused":       {`{"what":"deploy.production","actor":"agent:ops/x","target":"shop","result":"blocked"}`, ""},
		"a person did it":      {`{"what":"deploy.production","actor":"human:p1","target":"shop","result":"success"}`, ""},
		"it was approved":      {`{"what":"schema.migrate","actor":"agent:ops/x","target":"db","result":"success"}`, ""},
		"nobody wants to know": {`{"what":"file.read","actor":"agent:ops/x","target":"a.go","result":"success"}`, ""},
	} {
		texts = nil
		if err := s.Send(t.Context(), batch(test.record)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := strings.Join(texts, "|"); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: told %q, want %q", name, got, test.want)
		}
	}
	if told, err := os.ReadFile(file); err != nil || strings.Count(string(told), "\n") != 3 {
		t.Errorf("the command was told %q, %v", told, err)
	}
	status = http.StatusInternalServerError
	request := `{"what":"approval.request","actor":"agent:ops/x","approval_id":"appr-1","metadata":{}}`
	if err := s.Send(t.Context(), batch(request)); err == nil || strings.Contains(err.Error(), server.URL) {
		t.Errorf("a webhook that fails: %v", err)
	}
	for name, bad := range map[string]*notify.Sender{
		"a command that is not there": {Command: []string{"/does/not/exist"}},
		"a command that fails":        {Command: []string{"false"}},
		"an address that is none":     {Webhook: "://secret"},
		"nobody there":                {Webhook: "http://127.0.0.1:1/secret", Client: &http.Client{Timeout: time.Second}},
	} {
		if err := bad.Send(t.Context(), batch(request)); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
