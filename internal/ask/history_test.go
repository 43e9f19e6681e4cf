package ask

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDurationsAreNearestRanks(t *testing.T) {
	t.Parallel()
	twenty := make([]float64, 20)
	for i := range twenty {
		twenty[i] = float64(20 - i)
	}
	for name, c := range map[string]struct {
		seconds []float64
		want    DurationStats
	}{
		"none":   {nil, DurationStats{}},
		"one":    {[]float64{7}, DurationStats{Runs: 1, P50: 7, P95: 7, Max: 7}},
		"two":    {[]float64{9, 1}, DurationStats{Runs: 2, P50: 1, P95: 9, Max: 9}},
		"twenty": {twenty, DurationStats{Runs: 20, P50: 10, P95: 19, Max: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(c.want, durations(c.seconds)); diff != "" {
				t.Errorf("the durations are not as wanted (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCountOfNothingIsAList(t *testing.T) {
	t.Parallel()
	if got := counts(nil); got == nil {
		t.Error("no run has a count of null, which is no list in JSON")
	}
}
