package hook_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/hook"
)

// budgeted is a desk with a policy of the user's own.
func budgeted(t testing.TB, text string) *desk {
	t.Helper()
	d := newDesk(t)
	dir := filepath.Join(d.home, ".config", "whodid")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "policy.toml"), []byte("version = \"1\"\n"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	return d
}

// begin is a tool call that a client waits with, in the desk's home.
func begin(d *desk, n int) string {
	return fmt.Sprintf(`{"session_id":"s1","transcript_path":"/home/dev/.claude/projects/p/s1.jsonl","cwd":%q,"hook_event_name":"PreToolUse",`+
		`"tool_name":"Read","tool_use_id":"t%d","tool_input":{"file_path":"/home/dev/shop/a.go"}}`, d.home, n)
}

// refused reports whether a call is refused.
func refused(t testing.TB, d *desk, in string, change ...func(*hook.Call)) bool {
	t.Helper()
	var out strings.Builder
	code, said := d.call(strings.NewReader(in), append(change, func(c *hook.Call) { c.Stdout = &out })...)
	if code != 0 || said != "" {
		t.Fatalf("exit %d: %s", code, said)
	}
	return strings.Contains(out.String(), `"deny"`)
}

func exceeds(t testing.TB, d *desk) (n int) {
	t.Helper()
	for _, e := range d.told(t) {
		if e.What == "budget.exceed" {
			n++
		}
	}
	return n
}

func TestBudgetOfActions(t *testing.T) {
	t.Parallel()
	for _, hard := range []bool{false, true} {
		d := budgeted(t, fmt.Sprintf("[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nactions = 3\nhard = %t\n", hard))
		for n := range 6 {
			if got, want := refused(t, d, begin(d, n)), hard && n >= 3; got != want {
				t.Errorf("hard %t: call %d is refused: %t", hard, n+1, got)
			}
		}
		if n := exceeds(t, d); n != 1 {
			t.Errorf("hard %t: it is told %d times", hard, n)
		}
		other := strings.Replace(begin(d, 9), `"s1"`, `"s2"`, 1)
		if refused(t, d, other) {
			t.Error("another run is refused")
		}
	}
}

func TestBudgetOfMinutes(t *testing.T) {
	t.Parallel()
	d := budgeted(t, "[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nminutes = 30\nhard = true\n")
	at := func(minutes int) func(*hook.Call) {
		return func(c *hook.Call) {
			c.Now = func() time.Time { return epoch.Add(time.Duration(minutes) * time.Minute) }
		}
	}
	for minutes, want := range map[int]bool{29: false, 30: true} {
		refused(t, d, begin(d, 0), at(0))
		if got := refused(t, d, begin(d, minutes), at(minutes)); got != want {
			t.Errorf("after %d minutes it is refused: %t", minutes, got)
		}
	}
}

// What is known of costs is written by others, and a file that can't be read
// keeps nobody.
func TestBudgetThatTheTrailKnows(t *testing.T) {
	t.Parallel()
	d := budgeted(t, "[[budget]]\nid = \"BUD-001\"\nscope = \"org\"\nper = \"day\"\ncost_usd = 1\nhard = true\n")
	if refused(t, d, begin(d, 1)) {
		t.Fatal("it is refused before anything is known")
	}
	entries, err := filepath.Glob(filepath.Join(d.home, "trail", "*", "*.tally"))
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v %v", entries, err)
	}
	folder := filepath.Dir(entries[0])
	if err := os.WriteFile(filepath.Join(folder, "budgets.json"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, said := d.call(strings.NewReader(begin(d, 2))); code != 0 || !strings.Contains(said, "which budgets are exceeded") {
		t.Errorf("exit %d: %s", code, said)
	}
}

// BenchmarkBudget is what budgets cost a hook on top, in a session of a thousand
// actions.
func BenchmarkBudget(b *testing.B) {
	for _, budget := range []string{"", "[[budget]]\nid = \"BUD-001\"\nscope = \"run\"\nactions = 100000000\nloops = 5\ncost_usd = 5\nhard = true\n"} {
		b.Run(fmt.Sprintf("budget=%t", budget != ""), func(b *testing.B) {
			d := budgeted(b, "[[approval]]\nid = \"OPS-001\"\nlevel = \"notify\"\nactions = [\"deploy.*\"]\n"+budget)
			for n := range 1000 {
				refused(b, d, begin(d, n))
			}
			b.ResetTimer()
			for n := 0; b.Loop(); n++ {
				refused(b, d, begin(d, n))
			}
		})
	}
}
