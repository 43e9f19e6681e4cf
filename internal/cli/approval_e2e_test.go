//go:build e2e && unix

package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/testenv/model"
)

// deploying is a session in which the agent deploys, and does nothing else.
func deploying(t *testing.T) model.Script {
	t.Helper()
	s, err := model.Parse([]byte(`{"prompt":"deploy the shop","model":"claude-sonnet-5","main":[
		{"tools":[{"name":"Bash","input":{"command":"fly deploy -a shop","description":"Deploy the shop"}}],"usage":{"input":10,"output":5}},
		{"text":"That is all.","usage":{"input":10,"output":5}}]}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The real client is refused what needs an approval; once a person has approved it,
// it may do it, once.
func TestClaudeCodeNeedsApproval(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.script = deploying(t)
	server, err := model.Start(c.script)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	c.server = server
	policy := filepath.Join(c.Repository, ".whodid", "policy.toml")
	if err := os.MkdirAll(filepath.Dir(policy), 0o700); err != nil {
		t.Fatal(err)
	}
	text := "version = \"1\"\n[approvals]\nrequired = true\n[[approval]]\nid = \"OPS-010\"\nlevel = \"approve\"\nactions = [\"deploy.*\"]\n"
	if err := os.WriteFile(policy, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c.ask("init", "--agent", "ops/deployer")
	states := func() string {
		var list ask.ApprovalList
		if err := json.Unmarshal(c.ask("approval", "list", "--json"), &list); err != nil {
			t.Fatal(err)
		}
		var s []string
		for i := range list.Approvals {
			s = append(s, list.Approvals[i].State)
		}
		return strings.Join(s, " ")
	}
	results := func() (blocked, ran int) {
		var list ask.ActionList
		if err := json.Unmarshal(c.ask("action", "list", "--json"), &list); err != nil {
			t.Fatal(err)
		}
		for i := range list.Actions {
			switch a := &list.Actions[i]; {
			case a.ActionType != "deploy.production":
			case a.Result == "blocked":
				blocked++
			default:
				ran++
			}
		}
		return blocked, ran
	}
	c.work(t.Context())
	if blocked, ran := results(); states() != "pending" || blocked != 1 || ran != 0 {
		t.Fatalf("at first: %s, %d blocked, %d ran", states(), blocked, ran)
	}
	var list ask.ApprovalList
	if err := json.Unmarshal(c.ask("approval", "list", "--json"), &list); err != nil {
		t.Fatal(err)
	}
	c.ask("approval", "approve", list.Approvals[0].ApprovalID, "--reason", "go")
	c.work(t.Context())
	if blocked, ran := results(); states() != "used" || blocked != 1 || ran != 1 {
		t.Fatalf("approved: %s, %d blocked, %d ran", states(), blocked, ran)
	}
	c.work(t.Context())
	if blocked, ran := results(); states() != "pending used" || blocked != 2 || ran != 1 {
		t.Fatalf("again: %s, %d blocked, %d ran", states(), blocked, ran)
	}
	var found ask.Unapproved
	if err := json.Unmarshal(c.ask("approval", "findings", "--json"), &found); err != nil {
		t.Fatal(err)
	}
	if found.Looked != 1 || len(found.Findings) != 0 {
		t.Errorf("findings: %+v", found)
	}
}
