package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// Gaps by the dozen, as of a full disk, leave on the screen what the suspect did.
func TestGapsDoNotHideTheTimeline(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	a := &ask.IncidentAnalysis{}
	gaps := func(n int, execution string) {
		for range n {
			a.Timeline = append(a.Timeline, ask.IncidentMoment{At: at, Kind: "gap", What: "record.gap", ExecutionID: execution})
		}
	}
	gaps(30, "")
	a.Timeline = append(a.Timeline, ask.IncidentMoment{At: at, Kind: "action", Who: "agent:ops/tuner", What: "file.write", Target: "prod.yaml"})
	gaps(30, "")
	gaps(2, "exec-00000000000000a1")
	for tty, want := range map[string][]string{
		"100": {"63 of 63", "record.gap ×30", "prod.yaml", "record.gap ×2 "},
		"":    {"\trecord.gap\t", "prod.yaml"},
	} {
		var b bytes.Buffer
		out := term.New(&b, func(name string) string { return map[string]string{"WHODID_FORCE_TTY": tty, "NO_COLOR": "1"}[name] }, at)
		v := incidentView{out: out, show: &ask.IncidentShow{Analysis: a}}
		if err := v.timeline(); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("at a terminal of %q columns there is no %q in\n%s", tty, w, b.String())
			}
		}
		if rows := strings.Count(b.String(), "record.gap"); rows != map[string]int{"100": 3, "": 62}[tty] {
			t.Errorf("gaps take %d rows", rows)
		}
	}
}
