package trailer_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid/trailer"
)

// pieces are the lines that messages are generated from: each rule of git's is
// tripped by some of them.
var pieces = []string{
	"", "", "", "", "", " ", "\t", "\r", " \r",
	"feat: add login", "Fix the session", "prose that is no trailer", "another line, of prose: with a colon",
	"Agent: engineering/issue-solver", "Squad: engineering", "Trigger: event (issue.labeled)",
	"Execution: exec-abc123", "Model: opus", "agent: x", "Agent : spaced", "Agent:tight", "Agent:", "Agent: \t",
	"Signed-off-by: Ada Byron <ada@example.com>", "Signed-off-by:nospace", "signed-off-by: lower case",
	"(cherry picked from commit 0123456789abcdef0123456789abcdef01234567)",
	"Co-authored-by: Claude <noreply@anthropic.com>", "Co-Authored-By: B <b@example.com>",
	"https://example.com/issues/1", "Note: this is prose", "BREAKING CHANGE: no more v1", "Fixes #12", "Closes=#4",
	"# a comment", "#Agent: commented", ";semicolon", " folded value", "\tfolded by a tab", "  Agent: folded?",
	"---", "--- ", "--- a/file.go", "----", "---------", "-- ", " ---",
	"Conflicts:", "\tpath/in/conflict.go", "# ------------------------ >8 ------------------------",
	"; ------------------------ >8 ------------------------",
	"- Agent: list", "* Agent: list", "**Agent:** bold", "> Agent: quoted", "| Agent | table |",
	": no key", "-: dash", "--x: y", "K\u00e9y: not ascii", "A-9: x: y", "Key\t: tab", "a b: two words", "\xff\xfe: invalid",
	"Ag: abbreviated", "Tick #7", "Ticket: 7", "t: short", "🤖 Generated with a tool", "\v", "\f x: y", "value\rwith cr: x",
}

// messageGen draws messages of up to twenty lines with mixed line breaks.
func messageGen() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		lines := rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 20).Draw(t, "lines")
		eol := rapid.SampledFrom([]string{"\n", "\n", "\n", "\r\n"}).Draw(t, "eol")
		msg := strings.Join(lines, eol)
		if rapid.IntRange(0, 2).Draw(t, "head") > 0 {
			msg = "subject" + eol + eol + msg
		}
		if rapid.Bool().Draw(t, "final") {
			msg += eol
		}
		return msg
	})
}

// shapedGen draws messages that look like real ones, so that most have trailers.
func shapedGen() *rapid.Generator[string] {
	trailers := pieces[13:31]
	return rapid.Custom(func(t *rapid.T) string {
		block := rapid.SliceOfN(rapid.SampledFrom(trailers), 1, 8).Draw(t, "block")
		for range rapid.IntRange(0, 2).Draw(t, "noise") {
			at := rapid.IntRange(0, len(block)).Draw(t, "at")
			block = append(block[:at:at], append([]string{rapid.SampledFrom(pieces).Draw(t, "line")}, block[at:]...)...)
		}
		foot := rapid.SampledFrom([]string{"", "\n", "\n# comment\n", "\n\n# a\n#b\n\n", "\nConflicts:\n\ta.go\n"}).Draw(t, "foot")
		return "subject\n\nbody\n\n" + strings.Join(block, "\n") + foot
	})
}

// corpus returns the hand-made messages and n generated ones.
func corpus(t *testing.T, n int) []string {
	t.Helper()
	var msgs []string
	files, err := filepath.Glob("testdata/messages/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no messages in testdata (%v)", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, string(b), strings.ReplaceAll(string(b), "\n", "\r\n"))
	}
	for i := range n {
		msgs = append(msgs, messageGen().Example(2*i), shapedGen().Example(2*i+1))
	}
	return msgs
}

func TestParseAgreesWithGitLog(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		rules trailer.Rules
		args  []string
	}{
		{name: "default"},
		{
			name:  "configured keys",
			rules: trailer.Rules{Keys: []trailer.ConfiguredKey{{Alias: "agent", Key: "Agent"}, {Alias: "tick", Key: "Ticket"}, {Alias: "note"}}},
			args:  []string{"-c", "trailer.agent.key=Agent", "-c", "trailer.tick.key=Ticket", "-c", "trailer.note.where=end"},
		},
		{
			name:  "separators and comments",
			rules: trailer.Rules{Separators: "=#:", Comment: ';'},
			args:  []string{"-c", "trailer.separators==#:", "-c", "core.commentChar=;"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			msgs := corpus(t, 2000)
			found := 0
			for i, want := range newRepo(t).logTrailers(msgs, tt.args...) {
				got := join(tt.rules.Parse(msgs[i]), "\x1e")
				if want != "" {
					found++
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("message %q:\n-git +ours\n%s", msgs[i], diff)
				}
			}
			if found < len(msgs)/10 {
				t.Errorf("only %d of %d messages had trailers: the corpus tests little", found, len(msgs))
			}
		})
	}
}

func TestParseAgreesWithInterpretTrailers(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	msgs := corpus(t, 150)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 4)
	for _, msg := range msgs {
		// Git 2.39 loops for ever when scissors stand below a divider.
		reading, args := trailer.Interpret, []string{"interpret-trailers", "--parse"}
		if strings.Contains(msg, "---\n") || strings.Contains(msg, "--- ") {
			if strings.Contains(msg, ">8") {
				reading, args = trailer.InterpretNoDivider, append(args, "--no-divider")
			}
		}
		wg.Add(1)
		slots <- struct{}{}
		go func() {
			defer func() { <-slots; wg.Done() }()
			want, err := r.try(msg, nil, args...)
			if err != nil {
				t.Errorf("git on %q: %v", msg, err)
				return
			}
			got := join(trailer.Rules{Reading: reading}.Parse(msg), ": ")
			if diff := cmp.Diff(strings.TrimSuffix(want, "\n"), got); diff != "" {
				t.Errorf("message %q:\n-git +ours\n%s", msg, diff)
			}
		}()
	}
	wg.Wait()
}

func join(ts []trailer.Trailer, sep string) string {
	lines := make([]string, len(ts))
	for i, t := range ts {
		lines[i] = t.Key + sep + t.Value
	}
	return strings.Join(lines, "\n")
}
