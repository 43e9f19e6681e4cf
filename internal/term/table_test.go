package term

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/clipperhouse/displaywidth"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// environment is a user's environment, written as name=value.
func environment(variables ...string) func(string) string {
	return func(name string) string {
		for _, v := range variables {
			if value, ok := strings.CutPrefix(v, name+"="); ok {
				return value
			}
		}
		return ""
	}
}

func sample(o *Output) error {
	t := o.Table(Column{Title: "AGENT"}, Column{Title: "RUNS", Right: true, Whole: true}, Column{Title: "TARGET"})
	t.Row(Text("engineering/issue-solver"), Text("45"), Cell{"docs/名前/a very long path of a file.md", Green})
	t.Row(Text("ops/backup"), Text("7"), Text("evil\x1b[2J\tname\u202e"))
	t.Row(Text("ops/none"))
	return t.Write()
}

func TestTable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"pipe": {nil, "engineering/issue-solver\t45\tdocs/名前/a very long path of a file.md\n" +
			"ops/backup\t7\tevil\\x1b[2J\\tname\\u202e\n" + "ops/none\t\t\n"},
		"wide terminal": {[]string{"WHODID_FORCE_TTY=100", "NO_COLOR=1"}, `AGENT                     RUNS  TARGET
engineering/issue-solver    45  docs/名前/a very long path of a file.md
ops/backup                   7  evil\x1b[2J\tname\u202e
ops/none
`},
		"narrow terminal": {[]string{"WHODID_FORCE_TTY=44", "NO_COLOR=1"}, `AGENT               RUNS  TARGET
engineering/issue…    45  docs/名前/a very …
ops/backup             7  evil\x1b[2J\tname…
ops/none
`},
		"hardly a terminal": {[]string{"WHODID_FORCE_TTY=10", "NO_COLOR=1"}, "AGENT\nenginee…\nops/bac…\nops/none\n"},
		"colour": {[]string{"WHODID_FORCE_TTY=60"}, "\x1b[2mAGENT\x1b[0m                     \x1b[2mRUNS\x1b[0m  \x1b[2mTARGET\x1b[0m\n" +
			"engineering/issue-solver    45  \x1b[32mdocs/名前/a very long path …\x1b[0m\n" +
			"ops/backup                   7  evil\\x1b[2J\\tname\\u202e\nops/none\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			if err := sample(New(&b, environment(c.env...), noon)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("the table is not as wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestColour(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		env  string
		want bool
	}{
		{"WHODID_FORCE_TTY=80", true},
		{"WHODID_FORCE_TTY=80 TERM=dumb", false},
		{"WHODID_FORCE_TTY=80 NO_COLOR=1", false},
		{"WHODID_FORCE_TTY=80 TERM=dumb CLICOLOR_FORCE=1", true},
		{"CLICOLOR_FORCE=1", true},
		{"CLICOLOR_FORCE=0", false},
		{"CLICOLOR_FORCE=1 NO_COLOR=1", false},
		{"", false},
	} {
		o := New(&bytes.Buffer{}, environment(append(strings.Fields(c.env), "WT_SESSION=1")...), noon)
		if got := o.Paint(Red, "x") != "x"; got != c.want {
			t.Errorf("with %q colour is %t", c.env, got)
		}
	}
}

func TestSpareColumnsAreLeftOut(t *testing.T) {
	t.Parallel()
	for width, want := range map[string]string{
		"40": "AGENT       TRIGGER    MODEL  COST\nops/backup  scheduled  gpt-9  $0.50\n",
		"30": "AGENT       MODEL  COST\nops/backup  gpt-9  $0.50\n",
		"20": "AGENT       COST\nops/backup  $0.50\n",
		"15": "AGENT     COST\nops/bac…  $0.50\n",
	} {
		var b bytes.Buffer
		o := New(&b, environment("NO_COLOR=1", "WHODID_FORCE_TTY="+width), noon)
		table := o.Table(Column{Title: "AGENT"}, Column{Title: "TRIGGER", Whole: true, Spare: true}, Column{Title: "MODEL", Spare: true}, Column{Title: "COST", Whole: true})
		table.Row(Text("ops/backup"), Text("scheduled"), Text("gpt-9"), Text("$0.50"))
		if err := table.Write(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, b.String()); diff != "" {
			t.Errorf("at %s columns (-want +got):\n%s", width, diff)
		}
	}
}

// TestNothingLeavesItsCell writes whatever others may have written and checks
// that no line is wider than the terminal or more than its own.
func TestNothingLeavesItsCell(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 200).Draw(t, "width")
		rows := rapid.SliceOfN(rapid.SliceOfN(rapid.String(), 3, 3), 0, 6).Draw(t, "rows")
		var b bytes.Buffer
		o := &Output{w: &b, width: width, now: noon}
		table := o.Table(Column{Title: "ONE"}, Column{Title: "TWO", Right: true}, Column{Title: "THREE", Whole: true})
		for _, r := range rows {
			table.Row(Text(r[0]), Text(r[1]), Text(r[2]))
		}
		if err := table.Write(); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			o.Line([]int{10, 10}, Text(r[0]), Text(r[1]), Text(r[2]))
		}
		lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
		if want := 1 + 2*len(rows); len(lines) != want {
			t.Fatalf("%d lines, want %d: %q", len(lines), want, lines)
		}
		for _, line := range lines {
			if !harmless(line) {
				t.Fatalf("%q reached the terminal", line)
			}
			if w := displaywidth.String(line); w > width {
				t.Fatalf("%q has %d columns, the terminal %d", line, w, width)
			}
		}
	})
}

func TestFacts(t *testing.T) {
	t.Parallel()
	facts := []Fact{
		{Name: "Agent", Cell: Text("engineering/issue-solver")},
		{Name: "Why", Cell: Text("the issue was labelled and nobody looked at it for a very long while")},
		{Name: "Status", Cell: Cell{"failed", Red}},
		{Name: "Path", Cell: Text("at " + strings.Repeat("x", 50) + " now")},
	}
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"pipe": {nil, "agent\tengineering/issue-solver\nwhy\tthe issue was labelled and nobody looked at it for a very long while\n" +
			"status\tfailed\npath\tat " + strings.Repeat("x", 50) + " now\n"},
		"terminal": {[]string{"WHODID_FORCE_TTY=40", "NO_COLOR=1"}, `  Agent   engineering/issue-solver
  Why     the issue was labelled and
          nobody looked at it for a very
          long while
  Status  failed
  Path    at
          xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
          now
`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			New(&b, environment(c.env...), noon).Facts(facts...)
			if diff := cmp.Diff(c.want, b.String()); diff != "" {
				t.Errorf("the facts are not as wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	then := noon.Add(-2 * time.Hour).In(time.FixedZone("", 3600))
	pipe, terminal := New(&bytes.Buffer{}, environment(), noon), New(&bytes.Buffer{}, environment("WHODID_FORCE_TTY=80"), noon)
	for _, c := range []struct{ got, want string }{
		{pipe.Time(&then), "2026-11-23T10:00:00Z"},
		{pipe.Moment(&then), "2026-11-23T10:00:00Z"},
		{pipe.Time(nil), "unknown"},
		{terminal.Time(&then), "2h ago"},
		{terminal.Moment(&then), "2026-11-23 10:00:00 UTC (2h ago)"},
		{terminal.Moment(nil), "unknown"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func BenchmarkTable(b *testing.B) {
	for b.Loop() {
		o := &Output{w: &bytes.Buffer{}, width: 120, now: noon}
		for range 100 {
			if err := sample(o); err != nil {
				b.Fatal(err)
			}
		}
	}
}
