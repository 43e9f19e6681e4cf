//go:build e2e && unix

package cli

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/testenv/model"
	"github.com/whodid/whodid/trailer"
)

// committing is a session in which a commit is made by the session itself, one
// by a sub-agent with another model, and one is amended.
func committing(t *testing.T) model.Script {
	t.Helper()
	bash := func(command string) []model.ToolUse {
		input, err := json.Marshal(map[string]string{"command": command, "description": "Commit"})
		if err != nil {
			t.Fatal(err)
		}
		return []model.ToolUse{{Name: "Bash", Input: input}}
	}
	return model.Script{
		Prompt: "Add OAuth2 login", Model: "claude-sonnet-5",
		Main: []model.Turn{
			{Text: "I write it.", Tools: bash("echo login > login.txt && git add -A && git commit -q -F - <<'END'\nfeat(auth): add login\n\nWhy.\n\nCo-Authored-By: Claude Sonnet 5 <noreply@anthropic.com>\nEND")},
			{Text: "It was not all.", Tools: bash("echo more >> login.txt && git commit -q -a --amend --no-edit")},
			{Text: "Another one.", Tools: []model.ToolUse{{Name: "Agent", Input: json.RawMessage(`{"description":"Docs","prompt":"DOCS-MARKER write the docs","subagent_type":"general-purpose","run_in_background":false}`)}}},
			{Text: "Done."},
		},
		Agents: []model.Agent{{Marker: "DOCS-MARKER", Turns: []model.Turn{
			{Text: "I document it.", Model: "claude-haiku-4-5", Tools: bash("echo docs > docs.txt && git add -A && git commit -q -m 'docs: describe login'")},
			{Text: "Documented.", Model: "claude-haiku-4-5"},
		}}},
	}
}

// TestClaudeCodeCommits drives the real client in a repository that only "whodid
// init" has prepared: its commits say where they come from, as both of git's
// readers see, and what they say is what the trail says.
func TestClaudeCodeCommits(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	server, err := model.Start(committing(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	c.server, c.script = server, committing(t)
	c.ask("init", "--agent", "engineering/issue-solver")
	c.work(t.Context())

	var run ask.Execution
	for _, x := range askFor[ask.ExecutionList](c, "exec", "list", "--json").Executions {
		if x.Parent == "" {
			run = x
		}
	}
	for subject, model := range map[string]string{"feat(auth): add login": "claude-sonnet-5", "docs: describe login": "claude-haiku-4-5"} {
		hash, err := c.Git(t.Context(), "log", "--format=%H", "--fixed-strings", "--grep="+subject)
		if err != nil || hash == "" || strings.Contains(hash, "\n") {
			t.Errorf("commits with %q: %q, %v", subject, hash, err)
			continue
		}
		want := trailer.Origin{
			Agent: "engineering/issue-solver", Squad: "engineering", Trigger: "manual", Execution: run.ExecutionID, Model: model,
		}.String()
		logged, err := c.Git(t.Context(), "log", "-1", "--format=%(trailers:only,unfold)", hash)
		if err != nil || !strings.HasSuffix(logged+"\n", want) {
			t.Errorf("git log reads\n%s\nwant\n%s%v", logged, want, err)
		}
		message, err := c.Git(t.Context(), "log", "-1", "--format=%B", hash)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := c.Git(t.Context(), "-c", "alias.read=!git log -1 --format=%B "+hash+" | git interpret-trailers --parse", "read")
		if err != nil || parsed != logged {
			t.Errorf("git interpret-trailers reads\n%s\nwant\n%s%v", parsed, logged, err)
		}
		if problems := trailer.Check(message); len(problems) > 0 || strings.Contains(message, "Signed-off-by") {
			t.Errorf("%v in\n%s", problems, message)
		}
	}
	if human, err := c.Git(t.Context(), "log", "-1", "--format=%B", "HEAD~2"); err != nil || strings.Contains(human, "Agent:") {
		t.Errorf("the person's commit says\n%s%v", human, err)
	}
}
