package ask

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDurationsAreNearestRanks(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	runs := func(seconds ...int) []Execution {
		var out []Execution
		for _, s := range seconds {
			end := start.Add(time.Duration(s) * time.Second)
			out = append(out, Execution{StartedAt: &start, CompletedAt: &end})
		}
		return append(out, Execution{StartedAt: &start}) // one that still runs
	}
	twenty := make([]int, 20)
	for i := range twenty {
		twenty[i] = 20 - i
	}
	for name, c := range map[string]struct {
		seconds []int
		want    DurationStats
	}{
		"none":   {nil, DurationStats{}},
		"one":    {[]int{7}, DurationStats{Runs: 1, P50: 7, P95: 7, Max: 7}},
		"two":    {[]int{9, 1}, DurationStats{Runs: 2, P50: 1, P95: 9, Max: 9}},
		"twenty": {twenty, DurationStats{Runs: 20, P50: 10, P95: 19, Max: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, durations(runs(c.seconds...))); diff != "" {
				t.Errorf("the durations are not as wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountOfNothingIsAList(t *testing.T) {
	t.Parallel()
	if got := countBy(nil, func(x *Execution) string { return x.Trigger }); got == nil {
		t.Error("no run has a count of null, which is no list in JSON")
	}
}
