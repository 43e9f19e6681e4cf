//go:build unix

package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
)

// serve runs the server over the shop's trail; it returns where it listens, and
// a token of the role.
func (s *gitShop) serve(role string) (address, token string) {
	s.t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(s.must("whodid", "token", "create", "--name", "t", "--role", role, "--json")), &made); err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	var program string
	for _, v := range s.env {
		if path, ok := strings.CutPrefix(v, "PATH="); ok {
			program = filepath.Join(filepath.SplitList(path)[0], "whodid")
		}
	}
	c := exec.CommandContext(ctx, program, "serve", "--listen", "127.0.0.1:0")
	c.Dir, c.Env = s.work, s.env
	out, err := c.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		cancel()
		_ = c.Wait() // it was killed
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		s.t.Fatalf("the server said %q, %v", line, err)
	}
	return address, made.Token
}

// A commit that printed nothing and bears no trailer is known by what the
// client's telemetry says of it, and by nothing else.
func TestWhyByTelemetry(t *testing.T) {
	t.Parallel()
	onStores(t, func(s *gitShop) {
		run := s.must("whodid", "exec", "start", "--agent", "engineering/issue-solver")
		address, token := s.serve("recorder")
		sha := s.commit("auth.go", "package auth\n", "feat: auth")
		// The hook saw the call begin, and no proof of its end.
		s.must("whodid", "action", "record", "--execution", run, "--type", "commit.create", "--result", "attempted")
		attribute := func(name, value string) string {
			return fmt.Sprintf(`{"key":%q,"value":{"stringValue":%q}}`, name, value)
		}
		body := fmt.Sprintf(`{"resourceLogs":[{"resource":{"attributes":[%s]},"scopeLogs":[{"logRecords":[{"attributes":[%s]}]}]}]}`,
			attribute("service.name", "claude-code"), strings.Join([]string{
				attribute("event.name", "tool_result"), attribute("session.id", "s-1"), attribute("whodid.execution", run), attribute("tool_name", "Skill"),
				attribute("tool_use_id", "toolu_1"), attribute("success", "true"), attribute("vcs.ref.head.revision", sha),
			}, ","))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/logs", strings.NewReader(body))
		if err != nil {
			s.t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			s.t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			s.t.Fatal(answer.Status)
		}
		s.must("whodid", "git", "index")
		var why ask.Why
		if err := json.Unmarshal([]byte(s.must("whodid", "why", "--json", sha)), &why); err != nil {
			s.t.Fatal(err)
		}
		if len(why.Runs) != 1 || why.Runs[0].ExecutionID != run {
			s.t.Errorf("it is known to be of %+v", why.Runs)
		}
	})
}
