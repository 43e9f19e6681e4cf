package trailer_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/whodid/whodid/trailer"
)

var sample = trailer.Origin{
	Agent: "engineering/issue-solver", Squad: "engineering", Trigger: "event (issue.labeled)",
	Execution: "exec-abc123", Model: "opus",
}

func seed(f *testing.F) {
	f.Helper()
	files, err := filepath.Glob("testdata/messages/*.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	f.Add(strings.Join(pieces, "\n"))
	f.Add(strings.Join(pieces, "\r\n"))
}

// checkParse proves what must hold of any message that is read.
func checkParse(t errorer, msg string) {
	for _, reading := range []trailer.Reading{trailer.Log, trailer.Interpret, trailer.InterpretNoDivider} {
		lines := strings.Count(msg, "\n") + 1
		last := 0
		for _, tr := range (trailer.Rules{Reading: reading}).Parse(msg) {
			if strings.ContainsAny(tr.Key+tr.Value, "\n\x00") || tr.Line <= last || tr.Line > lines {
				t.Errorf("reading %d of %q: impossible trailer %+v", reading, msg, tr)
			}
			last = tr.Line
		}
	}
	for _, b := range trailer.Blocks(msg) {
		if b.Form.Has(trailer.Git) && b.Form.Has(trailer.Buried) || b.Line > b.End {
			t.Errorf("impossible block %+v in %q", b, msg)
		}
		if b.Form == trailer.Git {
			for _, line := range strings.Split(strings.TrimSpace(b.String()), "\n") {
				key, _, _ := strings.Cut(line, ":")
				if !slices.ContainsFunc(trailer.Parse(msg), func(tr trailer.Trailer) bool { return strings.EqualFold(tr.Key, key) }) {
					t.Errorf("git does not read %s of %+v in %q", key, b, msg)
				}
			}
		}
	}
}

// checkAdd proves that Add makes git read exactly the five, once.
func checkAdd(t errorer, msg string) {
	out, err := trailer.Add(msg, sample)
	if err != nil {
		if hasSubject(msg) {
			t.Errorf("Add(%q): %v", msg, err)
		}
		return
	}
	if n := countBlocks(trailer.Parse(out), sample); n != 1 {
		t.Errorf("after Add(%q) git reads the five %d times in %q", msg, n, out)
	}
	if again, err := trailer.Add(out, sample); err != nil || again != out {
		t.Errorf("Add is not idempotent on %q:\nfirst  %q\nsecond %q (%v)", msg, out, again, err)
	}
	for _, id := range trailer.Executions(msg) {
		if !slices.Contains(trailer.Executions(out), id) {
			t.Errorf("Add lost %s: %q became %q", id, msg, out)
		}
	}
}

// countBlocks counts the places in ts where the five of o stand in a row.
func countBlocks(ts []trailer.Trailer, o trailer.Origin) (n int) {
	want := trailer.Parse("subject\n\n" + o.String())
	for i := 0; i+len(want) <= len(ts); i++ {
		if slices.EqualFunc(want, ts[i:i+len(want)], func(a, b trailer.Trailer) bool {
			return a.Key == b.Key && a.Value == b.Value
		}) {
			n++
		}
	}
	return n
}

// hasSubject reports whether msg has a first line that is surely a subject: no
// comment, and none of the lines that Add or Fix may take away.
func hasSubject(msg string) bool {
	if strings.Contains(msg, "\x00") {
		return false
	}
	for line := range strings.Lines(msg) {
		if line[0] == '#' && !strings.HasPrefix(line, "# ---") || strings.Trim(line, " \t\r\n") == "" {
			continue
		}
		return line[0]|0x20 == 'f' // "feat: x", as the generators have it
	}
	return false
}

// checkFix proves that Fix mends all that it says it can, and loses nothing.
func checkFix(t errorer, msg string) {
	out, changes := trailer.Fix(msg)
	if (len(changes) == 0) != (out == msg) {
		t.Errorf("Fix(%q) = %q with %d changes", msg, out, len(changes))
	}
	for _, p := range trailer.Check(out) {
		if p.Fixable {
			t.Errorf("after Fix(%q) there is still %+v in %q", msg, p, out)
		}
	}
	if again, more := trailer.Fix(out); again != out || len(more) > 0 {
		t.Errorf("Fix is not idempotent on %q:\nfirst  %q\nsecond %q", msg, out, again)
	}
	for _, id := range trailer.Executions(msg) {
		if !slices.Contains(trailer.Executions(out), id) {
			t.Errorf("Fix lost %s: %q became %q", id, msg, out)
		}
	}
	if len(trailer.Check(out)) > 0 {
		return
	}
	for _, b := range trailer.Blocks(out) {
		if b.Form != trailer.Git && b.Form&(trailer.Quoted|trailer.Fenced) == 0 {
			t.Errorf("Check finds nothing wrong with %q, but git does not read %+v", out, b)
		}
		if err := b.Validate(); b.Form == trailer.Git && err != nil {
			t.Errorf("Check finds nothing wrong with %q, but: %v", out, err)
		}
	}
}

type errorer interface {
	Errorf(format string, args ...any)
}

func FuzzParse(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, msg string) { checkParse(t, msg) })
}

func FuzzAdd(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, msg string) { checkAdd(t, msg) })
}

func FuzzFix(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, msg string) { checkFix(t, msg) })
}

// TestLaws runs the laws of the fuzz tests over messages that are made of the
// lines that matter, which blind fuzzing rarely puts together.
func TestLaws(t *testing.T) {
	t.Parallel()
	lines := slices.Concat(pieces, pieces[13:18], pieces[13:18], []string{
		"Execution: exec-abc123", "Execution: exec-two", "Agent: quality/tester", "Squad: quality", "trigger: Event:push",
		"- **Agent:** a/b", "- Execution: exec-list", "| Agent | Squad | Trigger | Execution | Model |",
		"| a/b | a | manual | exec-table | opus |", "|---|---|", "| Execution | exec-row |", "| Model | x |",
		"> Execution: exec-quoted", "    Agent: a/b", "    Execution: exec-indented", "```", "**Model**: `opus`",
		"Model:\t[opus](https://example.com)", "Execution:exec-abc123", "* Execution: exec-abc123", "1. Agent: a/b",
	})
	block := strings.Split(strings.TrimSpace(sample.String()), "\n")
	gen := rapid.Custom(func(t *rapid.T) string {
		var out []string
		for range rapid.IntRange(0, 6).Draw(t, "chunks") {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				prefix := rapid.SampledFrom([]string{"", "", "", "    ", "> ", "- ", "* **", "\t"}).Draw(t, "prefix")
				for _, l := range block {
					out = append(out, prefix+strings.Replace(l, "abc123", rapid.SampledFrom([]string{"abc123", "b", "c"}).Draw(t, "id"), 1))
				}
			default:
				out = append(out, rapid.SliceOfN(rapid.SampledFrom(lines), 0, 6).Draw(t, "lines")...)
			}
			if rapid.Bool().Draw(t, "blank") {
				out = append(out, "")
			}
		}
		eol := rapid.SampledFrom([]string{"\n", "\n", "\r\n"}).Draw(t, "eol")
		msg := strings.Join(out, eol)
		if rapid.IntRange(0, 3).Draw(t, "head") > 0 {
			msg = "feat: x" + eol + eol + msg
		}
		return msg
	})
	for range 40 { // times the 100 that are usual
		rapid.Check(t, func(t *rapid.T) {
			msg := gen.Draw(t, "msg")
			checkParse(t, msg)
			checkAdd(t, msg)
			checkFix(t, msg)
		})
	}
}
