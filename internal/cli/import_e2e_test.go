//go:build e2e

package cli

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/internal/testenv"
)

// tokens are the sums of one model.
type tokens struct{ In, Out, CacheRead, CacheWrite int64 }

// TestImportAgreesWithCcusage imports what clients left, captured and generated,
// and asks the real ccusage about the same files: the sums agree to the token.
func TestImportAgreesWithCcusage(t *testing.T) {
	t.Parallel()
	ccusage := testenv.Ccusage(t)
	home := t.TempDir()
	copyInto := func(from, to string) {
		text, err := os.ReadFile(filepath.FromSlash(from))
		if err != nil {
			t.Fatal(err)
		}
		to = filepath.Join(home, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const session = "bd7e51a9-0087-4997-a510-6860251776cc"
	const claude = "../ingest/claude/testdata/"
	copyInto(claude+"2.1.330/transcript.jsonl", ".claude/projects/-home-dev-repo2/1f019263-7565-4fbb-a510-341bddc8c92a.jsonl")
	copyInto(claude+"2.1.197/"+session+".jsonl", ".claude/projects/-home-dev-shop/"+session+".jsonl")
	subagents, err := filepath.Glob(claude + "2.1.197/" + session + "/subagents/*.jsonl")
	if err != nil || len(subagents) == 0 {
		t.Fatal(subagents, err)
	}
	for _, name := range subagents {
		copyInto(name, ".claude/projects/-home-dev-shop/"+session+"/subagents/"+filepath.Base(name))
	}
	copyInto("../ingest/codex/testdata/rollout-0.169.jsonl", ".codex/sessions/2026/11/23/rollout-2026-11-23T14-05-20-01a208b9-c055-7912-8e1e-3e1fdfded71d.jsonl")
	copyInto("../ingest/codex/testdata/rollout-0.169-pr.jsonl", ".codex/sessions/2026/11/23/rollout-2026-11-23T14-15-41-01a208c3-3a20-7ea0-a4e0-cb627637e383.jsonl")
	copyInto("../ingest/gemini/testdata/chat-0.61.jsonl", ".gemini/tmp/shop/chats/session-2026-11-23T14-18-e9be78b7.jsonl")
	if err := testenv.WriteSessions(filepath.Join(home, ".claude"), 40<<20, 1); err != nil {
		t.Fatal(err)
	}

	env := append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home+"/.config", "XDG_DATA_HOME="+home+"/.local", "CLAUDE_CONFIG_DIR="+home+"/.claude", "CODEX_HOME="+home+"/.codex")
	run := func(program string, args ...string) []byte {
		c := exec.CommandContext(t.Context(), program, args...)
		c.Env = env
		var stderr strings.Builder
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", program, args, err, stderr.String())
		}
		return out
	}
	whodid := filepath.Join(t.TempDir(), "whodid")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", whodid, "../../cmd/whodid").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	start := time.Now()
	run(whodid, "import", "--json")
	t.Logf("imported in %s", time.Since(start))
	var stats struct {
		Models []struct {
			Model            string `json:"model"`
			TokensIn         int64  `json:"tokens_in"`
			TokensOut        int64  `json:"tokens_out"`
			TokensCacheRead  int64  `json:"tokens_cache_read"`
			TokensCacheWrite int64  `json:"tokens_cache_write"`
		} `json:"models"`
	}
	if err := json.Unmarshal(run(whodid, "exec", "stats", "--since", "2020-01-01", "--json"), &stats); err != nil {
		t.Fatal(err)
	}
	ours := map[string]tokens{}
	for _, m := range stats.Models {
		ours[m.Model] = tokens{m.TokensIn, m.TokensOut, m.TokensCacheRead, m.TokensCacheWrite}
	}
	theirs := map[string]tokens{}
	for _, client := range []string{"claude", "codex", "gemini"} {
		for model, sum := range ccusageSums(t, client, run(ccusage, client, "session", "--json", "--offline")) {
			theirs[model] = sum
		}
	}
	// What Gemini thought is billed as output; ccusage counts it apart.
	const thoughts = 5 * 12
	gemini := theirs["gemini-3.1-pro-preview"]
	gemini.Out += thoughts
	theirs["gemini-3.1-pro-preview"] = gemini
	if diff := cmp.Diff(theirs, ours); diff != "" {
		t.Errorf("tokens by model (-ccusage +whodid):\n%s", diff)
	}
	if len(ours) < 5 || ours["claude-sonnet-5"].Out < 100_000 {
		t.Errorf("too little to compare: %v", ours)
	}
}

// ccusageSums adds up what ccusage says of each session.
func ccusageSums(t *testing.T, client string, out []byte) map[string]tokens {
	t.Helper()
	type counts struct {
		ModelName                                                       string
		InputTokens, OutputTokens, CacheReadTokens, CacheCreationTokens int64
	}
	var answer struct {
		Sessions, Session, Data []struct {
			ModelBreakdowns []counts
			Models          json.RawMessage
		}
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s: %v\n%.500s", client, err, out)
	}
	sums := map[string]tokens{}
	add := func(model string, c *counts) {
		s := sums[model]
		s.In += c.InputTokens
		s.Out += c.OutputTokens
		s.CacheRead += c.CacheReadTokens
		s.CacheWrite += c.CacheCreationTokens
		sums[model] = s
	}
	for _, s := range append(append(answer.Sessions, answer.Session...), answer.Data...) {
		for i := range s.ModelBreakdowns {
			add(s.ModelBreakdowns[i].ModelName, &s.ModelBreakdowns[i])
		}
		var byModel map[string]counts
		if len(s.ModelBreakdowns) == 0 && json.Unmarshal(s.Models, &byModel) == nil {
			for model, c := range byModel {
				add(model, &c)
			}
		}
	}
	if len(sums) == 0 {
		t.Fatalf("ccusage says nothing of %s:\n%.800s", client, out)
	}
	return sums
}
