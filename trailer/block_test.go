package trailer_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/trailer"
)

func message(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/messages/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// lines returns the five of sample, each line between two strings.
func lines(before, after string) string {
	var b strings.Builder
	for line := range strings.Lines(sample.String()) {
		b.WriteString(before + strings.TrimSuffix(line, "\n") + after + "\n")
	}
	return b.String()
}

func TestBlocks(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		msg  string
		want []trailer.Block
	}{
		{"git", "feat: x\n\n" + lines("", ""), []trailer.Block{{sample, trailer.Git, 3, 7}}},
		{"crlf", strings.ReplaceAll("feat: x\n\n"+lines("", ""), "\n", "\r\n"), []trailer.Block{{sample, trailer.Git, 3, 7}}},
		{"next to others", "feat: x\n\nSigned-off-by: A <a@b>\n" + lines("", "") + "Co-authored-by: B <b@c>\n", []trailer.Block{{sample, trailer.Git, 4, 8}}},
		{"divider above", "feat: x\n\n---\n" + lines("", ""), []trailer.Block{{sample, trailer.Buried | trailer.Divider, 4, 8}}},
		{"divider and blank line", "feat: x\n\n---\n\n" + lines("", ""), []trailer.Block{{sample, trailer.Git | trailer.Divider, 5, 9}}},
		{"buried", "feat: x\n\n" + lines("", "") + "\nCo-authored-by: B <b@c>\n", []trailer.Block{{sample, trailer.Buried, 3, 7}}},
		{"list", "x\n\n" + lines("- ", ""), []trailer.Block{{sample, trailer.List, 3, 7}}},
		{"loose numbered list", "x\n\n" + lines("1. ", "\n"), []trailer.Block{{sample, trailer.List, 3, 11}}},
		{"bold list", "x\n\n- **Agent:** a/b\n- **Execution**: `exec-1`\n", []trailer.Block{{trailer.Origin{Agent: "a/b", Execution: "exec-1"}, trailer.List | trailer.Bold, 3, 4}}},
		{"bold paragraphs", "x\n\n**Agent:** a/b\n\n__Execution__: [exec-1](https://example.com/1)\n\nend", []trailer.Block{{trailer.Origin{Agent: "a/b", Execution: "exec-1"}, trailer.Bold, 3, 5}}},
		{"quoted", "x\n\n" + lines("> ", ""), []trailer.Block{{sample, trailer.Quoted, 3, 7}}},
		{"fenced", "x\n\n```text\n" + lines("", "") + "```\n\nend\n", []trailer.Block{{sample, trailer.Fenced, 4, 8}}},
		{"squash of git merge", "Squashed commit\n\ncommit 0123456\n\n    feat: x\n\n" + lines("    ", "") + "\nend\n", []trailer.Block{{sample, trailer.Indented, 7, 11}}},
		{"table", message(t, "table.txt"), []trailer.Block{{sample, trailer.Table, 7, 11}}},
		{
			"wide table", "x\n\n| Execution | Agent | Cost |\n|:--|---|--:|\n| exec-1 | a/b | 3 |\n| exec-2 | `a/c` | 4 |\n",
			[]trailer.Block{{trailer.Origin{Agent: "a/b", Execution: "exec-1"}, trailer.Table, 5, 5}, {trailer.Origin{Agent: "a/c", Execution: "exec-2"}, trailer.Table, 6, 6}},
		},
		{"folded", "x\n\nAgent: a/b\nTrigger: event\n (push)\nExecution: exec-1\n\nend", []trailer.Block{{trailer.Origin{Agent: "a/b", Trigger: "event (push)", Execution: "exec-1"}, trailer.Buried, 3, 6}}},
		{"two in one paragraph", "x\n\n" + lines("", "") + "Agent: c/d\nExecution: exec-2\n", []trailer.Block{{sample, trailer.Git, 3, 7}, {trailer.Origin{Agent: "c/d", Execution: "exec-2"}, trailer.Git, 8, 9}}},
		{"another order", "x\n\nModel: opus\nExecution: exec-1\nSquad: a\nTrigger: manual\nAgent: a/b\n", []trailer.Block{{trailer.Origin{Agent: "a/b", Squad: "a", Trigger: "manual", Execution: "exec-1", Model: "opus"}, trailer.Git, 3, 7}}},
		{"two halves", "x\n\nTrigger: manual\nExecution: exec-1\nSquad: a\nAgent: a/b\nModel: opus\n", []trailer.Block{{trailer.Origin{Agent: "a/b", Squad: "a", Trigger: "manual", Execution: "exec-1", Model: "opus"}, trailer.Git, 3, 7}}},
		{"bar in a cell", "x\n\n| Execution | exec-1 |\n|---|---|\n| Model | a \\| b |\n", []trailer.Block{{trailer.Origin{Execution: "exec-1", Model: "a | b"}, trailer.Table, 3, 5}}},
		{"prose", "x\n\nModel: the T of 1908.\n\nAgent: somebody\n", nil},
		{"comments", "x\n\n" + lines("# ", ""), nil},
		{"below scissors", message(t, "template.txt"), []trailer.Block{{trailer.Origin{Agent: "engineering/issue-solver", Squad: "engineering"}, trailer.Git, 3, 4}}},
		{"after NUL", "x\n\x00\n" + lines("", ""), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, trailer.Blocks(tt.msg)); diff != "" {
				t.Errorf("message %q:\n-want +got\n%s", tt.msg, diff)
			}
		})
	}
}

func TestExecutionsOfSquash(t *testing.T) {
	t.Parallel()
	msg := message(t, "github-squash.txt")
	want := []string{"exec-one", "exec-two", "exec-three"}
	if diff := cmp.Diff(want, trailer.Executions(msg)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	fixed, changes := trailer.Fix(msg)
	if len(changes) == 0 || len(trailer.Check(fixed)) != 0 {
		t.Errorf("fixed %q: %v", fixed, trailer.Check(fixed))
	}
	var read []string
	for _, tr := range trailer.Parse(fixed) {
		if tr.Key == trailer.KeyExecution {
			read = append(read, tr.Value)
		}
	}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Errorf("git reads -want +got\n%s", diff)
	}
}

func TestFormString(t *testing.T) {
	t.Parallel()
	if got, want := (trailer.List | trailer.Divider | trailer.Bold).String(), "divider+list+bold"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
