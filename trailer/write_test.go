package trailer_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/whodid/whodid/trailer"
)

func TestAdd(t *testing.T) {
	t.Parallel()
	five := sample.String()
	older := strings.Replace(five, "opus", "haiku", 1)
	other := strings.Replace(five, "exec-abc123", "exec-other", 1)
	const scissors = "# ------------------------ >8 ------------------------\n# below\ndiff --git a/x b/x\n"
	tests := []struct{ name, msg, want string }{
		{"subject only", "feat: x", "feat: x\n\n" + five},
		{"body", "feat: x\n\nbody\n", "feat: x\n\nbody\n\n" + five},
		{"joins trailers", "feat: x\n\nSigned-off-by: A <a@b>\n", "feat: x\n\nSigned-off-by: A <a@b>\n" + five},
		{"present", "feat: x\n\n" + five + "Signed-off-by: A <a@b>\n", "feat: x\n\n" + five + "Signed-off-by: A <a@b>\n"},
		{"replaces", "feat: x\n\n" + older, "feat: x\n\n" + five},
		{"replaces what is buried", "feat: x\n\n" + older + "\nSigned-off-by: A <a@b>\n", "feat: x\n\nSigned-off-by: A <a@b>\n" + five},
		{"replaces a table", "feat: x\n\n| Agent | a/b |\n|---|---|\n| Execution | exec-abc123 |\n\nend\n", "feat: x\n\nend\n\n" + five},
		{"keeps other executions", "feat: x\n\n" + other, "feat: x\n\n" + other + five},
		{"template", "feat: x\n\n# Please enter\n#\n", "feat: x\n\n" + five + "\n# Please enter\n#\n"},
		{"scissors", "feat: x\n" + scissors, "feat: x\n\n" + five + scissors},
		{"crlf", "feat: x\r\n\r\nbody\r\n", "feat: x\r\n\r\nbody\r\n\r\n" + strings.ReplaceAll(five, "\n", "\r\n")},
		{"frees attributions from prose", "feat: x\n\nGenerated with a tool\nCo-Authored-By: C <c@d>\n", "feat: x\n\nGenerated with a tool\n\nCo-Authored-By: C <c@d>\n" + five},
		{"not joined to a link", "feat: x\n\nhttps://example.com\n", "feat: x\n\nhttps://example.com\n\n" + five},
		{"not joined to a subject below a comment", "# squash\n\nfeat: x\n", "# squash\n\nfeat: x\n\n" + five},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := trailer.Add(tt.msg, sample)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestAddRefuses(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{"", "\n\n", "# only\n# comments\n"} {
		if _, err := trailer.Add(msg, sample); !errors.Is(err, trailer.ErrNoSubject) {
			t.Errorf("Add(%q): got %v, want ErrNoSubject", msg, err)
		}
	}
	if _, err := trailer.Add("feat: x\x00", sample); !errors.Is(err, trailer.ErrNUL) {
		t.Errorf("got %v, want ErrNUL", err)
	}
	if _, err := (trailer.Rules{Separators: "="}).Add("feat: x", sample); err == nil {
		t.Error("no error although git reads no colon")
	}
	for _, spoil := range []func(*trailer.Origin){
		func(o *trailer.Origin) { o.Agent = "solver" },
		func(o *trailer.Origin) { o.Agent = "engineering/a\nSigned-off-by: x" },
		func(o *trailer.Origin) { o.Squad = "quality" },
		func(o *trailer.Origin) { o.Trigger = "cron" },
		func(o *trailer.Origin) { o.Trigger = "event ()" },
		func(o *trailer.Origin) { o.Execution = "abc123" },
		func(o *trailer.Origin) { o.Execution = "exec-ABC" },
		func(o *trailer.Origin) { o.Model = "" },
		func(o *trailer.Origin) { o.Model = "a\xff" },
		func(o *trailer.Origin) { o.Model = strings.Repeat("m", 201) },
	} {
		o := sample
		spoil(&o)
		if got, err := trailer.Add("feat: x", o); err == nil {
			t.Errorf("Add accepted %+v: %q", o, got)
		}
	}
}

func TestCheckAndFix(t *testing.T) {
	t.Parallel()
	five := sample.String()
	head := "feat: x\n\n"
	replace := func(old, with string) string { return head + strings.Replace(five, old, with, 1) }
	tests := []struct {
		name, msg string
		codes     string // of Check; a code that a person must mend in capitals
		want      string // of Fix; "" if nothing changes
	}{
		{"clean", head + five, "", ""},
		{"missing", head + "body\n", "MISSING", ""},
		{"no agent", replace("Agent: engineering/issue-solver\n", ""), "INCOMPLETE", ""},
		{"empty value", replace("opus", ""), "INCOMPLETE", ""},
		{"no squad", replace("Squad: engineering\n", ""), "incomplete", head + five},
		{"other squad", replace("Squad: engineering", "Squad: quality"), "SQUAD-MISMATCH", ""},
		{"bad agent", replace("engineering/issue-solver", "issue solver"), "BAD-AGENT", ""},
		{"bad trigger", replace("event (issue.labeled)", "whim"), "BAD-TRIGGER", ""},
		{"other spelling of trigger", replace("event (issue.labeled)", "Event:issue.labeled"), "bad-trigger", head + five},
		{"bad execution", replace("exec-abc123", "abc"), "BAD-EXECUTION", ""},
		{"upper-case execution", replace("exec-abc123", "EXEC-ABC123"), "bad-execution", head + five},
		{"case of key", replace("Agent:", "AGENT:"), "malformed", head + five},
		{"back quotes", replace("exec-abc123", "`exec-abc123`"), "malformed", head + five},
		{"line twice", replace("Model: opus\n", "Model: opus\nModel: opus\n"), "duplicate", head + five},
		{"line twice, different", replace("Model: opus\n", "Model: opus\nModel: haiku\n"), "CONFLICT", ""},
		{"block twice", head + five + "\n" + five, "buried duplicate", head + five},
		{"block twice, different", head + five + strings.Replace(five, "opus", "haiku", 1), "CONFLICT", ""},
		{"divider", head + "body\n\n---\n" + five, "after-divider wrong-paragraph", head + "body\n\n" + five},
		{"divider far above", head + "one\n---\ntwo\n\n" + five, "after-divider", head + "one\n ---\ntwo\n\n" + five},
		{"patch above", head + "diff --git a/x b/x\n--- a/x\n\n" + five, "after-divider", head + " diff --git a/x b/x\n --- a/x\n\n" + five},
		{"buried", head + five + "\nCo-authored-by: C <c@d>\n", "buried", head + "Co-authored-by: C <c@d>\n" + five},
		{"not last", head + five + "\nend\n", "not-last", head + "end\n\n" + five},
		{"prose in its paragraph", head + "See below.\n" + five, "wrong-paragraph", head + "See below.\n\n" + five},
		{"subject's paragraph", "feat: x\n" + five, "wrong-paragraph", head + five},
		{"nothing else", five, "NO-SUBJECT WRONG-PARAGRAPH", ""},
		{"list", head + lines("- ", "") + "- Tests: pass\n\nend\n", "malformed", head + "- Tests: pass\n\nend\n\n" + five},
		{"table", message(t, "table.txt"), "malformed", "feat: add login\n\n## Origin\n\nCloses #4\n\n" + five},
		{"quoted", head + lines("> ", ""), "HEARSAY", ""},
		{"NUL", head + five + "\x00", "NUL-BYTE", ""},
		{"crlf", strings.ReplaceAll(head+five+"\nend\n", "\n", "\r\n"), "not-last", strings.ReplaceAll(head+"end\n\n"+five, "\n", "\r\n")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var codes []string
			for _, p := range trailer.Check(tt.msg) {
				code := string(p.Code)
				if !p.Fixable {
					code = strings.ToUpper(code)
				}
				if len(codes) == 0 || codes[len(codes)-1] != code {
					codes = append(codes, code)
				}
				if p.Text == "" || !strings.HasSuffix(p.Text, ".") {
					t.Errorf("%s is explained by %q", p.Code, p.Text)
				}
			}
			if diff := cmp.Diff(tt.codes, strings.Join(codes, " ")); diff != "" {
				t.Errorf("Check: -want +got\n%s%v", diff, trailer.Check(tt.msg))
			}
			want := tt.want
			if want == "" {
				want = tt.msg
			}
			got, changes := trailer.Fix(tt.msg)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("Fix: -want +got\n%s", diff)
			}
			if (len(changes) > 0) != (tt.want != "") {
				t.Errorf("Fix told of %v", changes)
			}
		})
	}
}

// TestGitReadsFixed hands what Fix made to git itself, which must read the five
// with and without its divider.
func TestGitReadsFixed(t *testing.T) {
	t.Parallel()
	r := newRepo(t)
	five := sample.String()
	forms := map[string]string{
		"divider": "feat: x\n\nbody\n\n---\n" + five,
		"rule":    "feat: x\n\none\n---\ntwo\n\n" + five + "\nCo-authored-by: C <c@d>\n",
		"table":   message(t, "table.txt"),
		"list":    "feat: x\n\n" + strings.NewReplacer("- ", "- **", ": ", ":** ").Replace(lines("- ", "")) + "\nend\n",
		"squash":  "feat: x\n\n" + lines("    ", ""),
		"crlf":    strings.ReplaceAll("feat: x\n\n"+five+"\nend\n", "\n", "\r\n"),
	}
	for name, msg := range forms {
		fixed, _ := trailer.Fix(msg)
		if problems := trailer.Check(fixed); len(problems) > 0 {
			t.Errorf("%s: %v", name, problems)
		}
		for _, args := range [][]string{{"interpret-trailers", "--parse"}, {"interpret-trailers", "--parse", "--no-divider"}} {
			if got := r.gitWith(fixed, nil, args...); !strings.HasSuffix(got, five) {
				t.Errorf("%s: git %v reads %q of %q", name, args, got, fixed)
			}
		}
		if got := r.logTrailers([]string{fixed}); !strings.HasSuffix(strings.ReplaceAll(got[0], "\x1e", ": ")+"\n", five) {
			t.Errorf("%s: git log reads %q of %q", name, got, fixed)
		}
	}
}
