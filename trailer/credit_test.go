package trailer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/trailer"
)

func TestCredits(t *testing.T) {
	t.Parallel()
	msg := strings.Join([]string{
		"feat: x", "",
		"Co-authored-by: Ada Byron <ada@example.com>",
		"Co-Authored-By: Claude Opus 4.5 <NoReply@anthropic.com>",
		"Co-authored-by: copilot-swe-agent[bot] <198982749+Copilot@users.noreply.github.com>",
		"Co-authored-by: aider (openai/gpt-4o) <aider@aider.chat>", "",
		"Assisted-by: Claude:claude-3-opus coccinelle [sparse]",
		"Assisted-by: a chat bot",
		"Generated-by: Codex <codex@openai.com>",
		"Generated-by:", "Co-authored-by: nobody", "assisted by nothing",
	}, "\n")
	want := []trailer.Credit{
		{Key: "Co-authored-by", Agent: "Claude", Name: "Claude Opus 4.5", Email: "noreply@anthropic.com", Line: 4},
		{Key: "Co-authored-by", Agent: "Copilot", Name: "copilot-swe-agent[bot]", Email: "198982749+copilot@users.noreply.github.com", Line: 5},
		{Key: "Co-authored-by", Agent: "Aider", Name: "aider (openai/gpt-4o)", Email: "aider@aider.chat", Model: "openai/gpt-4o", Line: 6},
		{Key: "Assisted-by", Agent: "Claude", Model: "claude-3-opus", Tools: []string{"coccinelle", "sparse"}, Line: 8},
		{Key: "Assisted-by", Agent: "a chat bot", Line: 9},
		{Key: "Generated-by", Agent: "Codex", Name: "Codex", Email: "codex@openai.com", Line: 10},
	}
	if diff := cmp.Diff(want, trailer.Credits(msg)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestKnownAgent(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, email, want string }{
		{"", "cursoragent@cursor.com", "Cursor"},
		{"cursor[bot]", "1+x@example.com", "Cursor"},
		{"", "158243242+devin-ai-integration[bot]@users.noreply.github.com", "Devin"},
		{"", "1+factory-droid[bot]@users.noreply.github.com", "Droid"},
		{"", "codex@openai.com", "Codex"},
		{"", "noreply@codeium.com", "Windsurf"},
		{"", "roomote@roocode.com", "Roo"},
		{"Ada Byron (aider)", "ada@example.com", "Aider"},
		{"Claude Monet", "claude@example.com", ""},
		{"", "evil-noreply@anthropic.com", ""},
		{"", "noreply@anthropic.com.example.com", ""},
		{"", "copilot@users.noreply.github.com", ""},
	}
	for _, tt := range tests {
		if got, ok := trailer.KnownAgent(tt.name, tt.email); got != tt.want || ok != (tt.want != "") {
			t.Errorf("KnownAgent(%q, %q) = %q, %v; want %q", tt.name, tt.email, got, ok, tt.want)
		}
	}
}

func TestReferences(t *testing.T) {
	t.Parallel()
	msg := "Revert \"feat: x\"\n\nThis reverts commit 0123456789ABCDEF0123456789abcdef01234567, reversing\nchanges.\n\n" +
		"commit 0123456 is mentioned only\nThis reverts commit abc.\n(cherry picked from commit 89abcdef)\n"
	want := []trailer.Reference{
		{Relation: trailer.Reverts, Commit: "0123456789abcdef0123456789abcdef01234567", Line: 3},
		{Relation: trailer.CherryPicked, Commit: "89abcdef", Line: 8},
	}
	if diff := cmp.Diff(want, trailer.References(msg)); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestConventional(t *testing.T) {
	t.Parallel()
	tests := []struct {
		subject string
		types   []string
		want    string // part of the error, "" for none
	}{
		{"feat: add login", nil, ""},
		{"feat(api)!: drop v1\n", nil, ""},
		{"FIX(a/b, c): case", nil, ""},
		{"Revert \"feat: add login\"", nil, ""},
		{"Merge branch 'x'", nil, ""},
		{"fixup! feat: add login", nil, ""},
		{"deps: bump", []string{"deps"}, ""},
		{"feat: add login", []string{"deps"}, "none of deps"},
		{"", nil, "empty"},
		{"add login", nil, "has no type"},
		{"feature: add login", nil, "\"feature\""},
		{"feat:add login", nil, "space"},
		{"feat: ", nil, "description"},
		{"feat(: x", nil, "scope"},
		{"feat(): x", nil, "scope"},
		{"feat(a)b: x", nil, "scope"},
		{"feat : x", nil, "\"feat \""},
		{"a\nb: c", nil, "more than one line"},
	}
	for _, tt := range tests {
		err := trailer.Conventional(tt.subject, tt.types...)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("Conventional(%q): got %v, want %q", tt.subject, err, tt.want)
		}
	}
}
