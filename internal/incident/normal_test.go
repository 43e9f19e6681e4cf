package incident

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

func samples(n int) []Sample {
	var out []Sample
	for i := range n {
		seconds, cost := float64(300+i*10), int64(100_000+i*1000)
		status := "success"
		if i%5 == 4 {
			status = "failed"
		}
		out = append(out, Sample{
			Started: time.Date(2026, 11, 1+i%20, 9+i%3, 0, 0, 0, time.UTC), Seconds: &seconds, CostMicros: &cost, Actions: 20, Failed: 1, Files: 3,
			Model: "sonnet", Trigger: "event", Repository: "acme/shop", Status: status, Tools: []string{"Bash", "Edit"},
		})
	}
	return out
}

func TestCompareSaysWhatIsUnusual(t *testing.T) {
	t.Parallel()
	seconds, cost := 3000.0, int64(105_000)
	odd := Sample{
		Started: time.Date(2026, 11, 27, 3, 10, 0, 0, time.UTC), Seconds: &seconds, CostMicros: &cost, Actions: 21, Failed: 9, Files: 40,
		Model: "opus", Trigger: "event", Repository: "acme/bank", Tools: []string{"Bash", "WebFetch"},
	}
	n := Compare(&odd, samples(20))
	if !n.Enough || n.Runs != 20 || n.FailedBefore != 4 || !n.Since.Equal(time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", n)
	}
	var unusual, firsts []string
	for _, f := range n.Figures {
		if f.Unusual {
			unusual = append(unusual, f.Name)
		}
	}
	for _, f := range n.Firsts {
		firsts = append(firsts, f.String())
	}
	if want := []string{"duration", "files", "failed_share"}; !slices.Equal(unusual, want) {
		t.Errorf("unusual are %v, want %v: %+v", unusual, want, n.Figures)
	}
	want := []string{
		"model opus: in none of 20 runs before", "repository acme/bank: in none of 20 runs before", "tool WebFetch: in none of 20 runs before",
		"began at 03:10 UTC: none of 20 runs before began within 90 minutes of that hour",
	}
	if !slices.Equal(firsts, want) {
		t.Errorf("firsts are %q, want %q", firsts, want)
	}
	d := n.Figures[0]
	if d.Median != 390 || d.Low != 300 || d.High != 480 || d.Runs != 20 || *d.Value != 3000 {
		t.Errorf("duration is %+v", d)
	}
}

// TestCompareDoesNotGuess sees to it that few runs, and what is not known, say
// nothing.
func TestCompareDoesNotGuess(t *testing.T) {
	t.Parallel()
	long := 1e6
	n := Compare(&Sample{Started: time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC), Seconds: &long, Model: "opus"}, samples(7))
	if n.Enough || len(n.Firsts) > 0 || slices.ContainsFunc(n.Figures, func(f Measured) bool { return f.Unusual }) {
		t.Errorf("seven runs say %+v", n)
	}
	if n := Compare(&Sample{}, nil); n.Runs != 0 || n.Since != nil || len(n.Firsts) > 0 {
		t.Errorf("no runs say %+v", n)
	}
	before := samples(20)
	for i := range before {
		before[i].CostMicros, before[i].Model = nil, ""
	}
	cost := int64(1 << 40)
	n = Compare(&Sample{CostMicros: &cost, Model: "opus"}, before)
	for _, f := range n.Figures {
		if f.Name == "cost" && (f.Unusual || f.Runs != 0) || f.Name == "duration" && f.Value != nil {
			t.Errorf("what is not known says %+v", f)
		}
	}
	for _, f := range n.Firsts {
		t.Errorf("what is not known says %s", f)
	}
	usual := before[3]
	if n := Compare(&usual, before); len(n.Firsts) > 0 || slices.ContainsFunc(n.Figures, func(f Measured) bool { return f.Unusual }) {
		t.Errorf("a run like the others is %s", fmt.Sprint(n))
	}
}
