package term

import (
	"math"
	"testing"
	"time"
)

func TestMoney(t *testing.T) {
	t.Parallel()
	for micros, want := range map[int64]string{
		0:               "$0.00",
		1:               "$0.000001",
		99:              "$0.000099",
		100:             "$0.0001",
		1_200:           "$0.0012",
		1_250:           "$0.0013",
		9_999:           "$0.0100",
		10_000:          "$0.01",
		1_230_000:       "$1.23",
		1_234_999:       "$1.23",
		1_235_000:       "$1.24",
		291_400_000:     "$291.40",
		1_999_995_000:   "$2000.00",
		-1_230_000:      "-$1.23",
		math.MaxInt64:   "$9223372036854.78",
		math.MinInt64:   "-$0.00", // no amount: it has no counterpart above zero
		999_999_999_999: "$1000000.00",
	} {
		if got := Money(micros); got != want {
			t.Errorf("Money(%d) = %q, want %q", micros, got, want)
		}
	}
}

func TestCostSaysWhatIsUnknown(t *testing.T) {
	t.Parallel()
	whole := int64(1_230_000)
	for _, c := range []struct{ got, want string }{
		{Cost(&whole, 1_230_000), "$1.23"},
		{Cost(nil, 0), "unknown"},
		{Cost(nil, 1_239_999), "≥ $1.23"}, // rounded up it would not be true
		{SumOf(1_230_000, 0), "$1.23"},
		{SumOf(1_230_000, 2), "≥ $1.23"},
		{SumOf(0, 2), "unknown"},
		{SumOf(0, 0), "$0.00"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0", 999: "999", 1_000: "1.0k", 12_345: "12.3k", 12_350: "12.4k", 999_949: "999.9k", 999_950: "1.0M",
		1_250_000: "1.3M", 2_000_000_000: "2.0B", math.MaxInt64: "9223372.0T",
	} {
		if got := Tokens(n); got != want {
			t.Errorf("Tokens(%d) = %q, want %q", n, got, want)
		}
	}
	if got := TokensOf(nil); got != "unknown" {
		t.Errorf("TokensOf(nil) = %q", got)
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, of int64
		want  string
	}{
		{42, 45, "42 (93%)"},
		{0, 0, "0 (0%)"},
		{0, 3, "0 (0%)"},
		{3, 3, "3 (100%)"},
		{999, 1000, "999 (99%)"}, // not all
		{1, 1000, "1 (1%)"},      // not none
		{1, 2, "1 (50%)"},
	} {
		if got := Share(c.n, c.of); got != c.want {
			t.Errorf("Share(%d, %d) = %q, want %q", c.n, c.of, got, c.want)
		}
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                              "0ms",
		340 * time.Millisecond:         "340ms",
		12*time.Second + 9e8:           "12s",
		4*time.Minute + 12*time.Second: "4m12s",
		time.Hour:                      "1h",
		2*time.Hour + 5*time.Minute:    "2h5m",
		76 * time.Hour:                 "3d4h",
		-90 * time.Second:              "-1m30s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]string{
		0:                   "just now",
		59 * time.Second:    "just now",
		-59 * time.Second:   "just now",
		time.Minute:         "1m ago",
		119 * time.Minute:   "1h ago",
		2 * time.Hour:       "2h ago",
		3 * 24 * time.Hour:  "3d ago",
		30 * 24 * time.Hour: "30d ago",
		31 * 24 * time.Hour: "2026-10-23",
		-2 * time.Hour:      "in 2h",
	} {
		if got := Ago(now.Add(-d), now); got != want {
			t.Errorf("%s before now is %q, want %q", d, got, want)
		}
	}
}
