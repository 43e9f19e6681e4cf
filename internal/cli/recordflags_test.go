package cli

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/whodid/whodid"
)

func TestParseUSD(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]int64{
		"0": 0, "0.0345": 34_500, "1": 1_000_000, "$12.5": 12_500_000, "007.1": 7_100_000,
		"0.0000005": 1, "0.00000049": 0, "0.00569125": 5_691, "5.69e-3": 5_690, "1E2": 100_000_000,
		"1000000": 1_000_000_000_000, "0.1": 100_000, "0.30000000000000000000000000000000004": 300_000,
	} {
		if got, err := parseUSD(s); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "-1", "+1", "1/3", "0x10", "1_000", "1,5", "1.", ".5", "NaN", "Inf", "1e999999999", "1000000.000001", "1e15", "12 USD",
		strings.Repeat("9", 100), "0." + strings.Repeat("0", 100),
	} {
		if got, err := parseUSD(s); err == nil {
			t.Errorf("%q was read as %d", s, got)
		}
	}
}

// TestParseUSDIsExact reads every amount of micro-dollars as what it is.
func TestParseUSDIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		micros := rapid.Int64Range(0, maxCost).Draw(t, "micros")
		s := rapid.SampledFrom([]string{"", "$"}).Draw(t, "sign") + dollars(micros)
		if got, err := parseUSD(s); err != nil || got != micros {
			t.Fatalf("%s: %d, %v", s, got, err)
		}
	})
}

func dollars(micros int64) string {
	digits := strings.Repeat("0", 7)
	n := []byte(digits)
	rest := micros
	for i := len(n) - 1; i > 0; i-- {
		n[i] = byte('0' + rest%10)
		rest /= 10
	}
	whole := ""
	for ok := true; ok; ok = rest > 0 {
		whole = string(rune('0'+rest%10)) + whole
		rest /= 10
	}
	return whole + "." + string(n[1:])
}

func FuzzParseUSD(f *testing.F) {
	f.Add("0.0345")
	f.Add("1e99")
	f.Fuzz(func(t *testing.T, s string) {
		if n, err := parseUSD(s); err == nil && (n < 0 || n > maxCost) {
			t.Errorf("%q is %d", s, n)
		}
	})
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	got, err := metadata("issue.create", []string{
		"count=3", "force=true", "version=2", "draft=false", "size=-12", "code=007", "sign=+5", "huge=9007199254740993",
		"url=https://x.example/?a=b", "empty=", "count=4", "ratio=0.5",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := whodid.Data{
		"count": int64(4), "force": true, "version": "2", "draft": false, "size": int64(-12), "code": "007", "sign": "+5",
		"huge": "9007199254740993", "url": "https://x.example/?a=b", "empty": "", "ratio": "0.5",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("metadata (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"count", "=x", "count=many", "force=yes"} {
		if _, err := metadata("issue.create", []string{wrong}); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}
