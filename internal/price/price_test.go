package price

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func builtIn(tb testing.TB) *Table {
	tb.Helper()
	t, err := Default()
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func load(tb testing.TB, table string) *Table {
	tb.Helper()
	t, err := Load(strings.NewReader(table))
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// table returns a table of one provider p with one model m at the given prices.
func table(prices string) string {
	return `[{"id":"p","models":[{"id":"m","match":{"equals":"m"},"prices":` + prices + `}]}]`
}

// The client of a real session reported 0.00569 USD for this request.
func TestCostIsWhatTheClientReported(t *testing.T) {
	t.Parallel()
	got, ok := builtIn(t).Cost("", "claude-sonnet-5", noon,
		Usage{Input: 10, Output: 74, CacheRead: 14_600, CacheWrite5m: 100, CacheWrite1h: 440})
	if !ok {
		t.Fatal("cost is unknown")
	}
	want := Quote{Micros: 5690, Provider: "anthropic", Model: "claude-sonnet-5", Table: "genai-prices@0.1.8"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCost(t *testing.T) {
	t.Parallel()
	const unknown = -1
	for _, tt := range []struct {
		name   string
		prices string
		usage  Usage
		at     time.Time
		want   int64
	}{
		{"half a micro-dollar rounds up", `{"input_mtok":0.5}`, Usage{Input: 1}, noon, 1},
		{"less rounds down", `{"input_mtok":0.499999999999}`, Usage{Input: 1}, noon, 0},
		{"rounding happens once", `{"input_mtok":0.25,"output_mtok":0.25}`, Usage{Input: 1, Output: 1}, noon, 1},
		{"decimal digits are exact", `{"input_mtok":0.1,"output_mtok":0.2}`, Usage{Input: 1_000_000_000_005, Output: 0}, noon, 100_000_000_001},
		{"exponents", `{"input_mtok":2.5E-1,"output_mtok":1e1}`, Usage{Input: 4, Output: 3}, noon, 31},
		{
			"what floating point left behind", `{"input_mtok":0.18000000000000002,"output_mtok":0.8999999999999999}`,
			Usage{Input: 1_000_000_000_000_000, Output: 1_000_000_000_000_000},
			noon, 1_080_000_000_000_000,
		},
		{"free is zero", `{"input_mtok":0,"output_mtok":0.0}`, Usage{Input: 7, Output: 7}, noon, 0},
		{"nothing used", `{"input_mtok":1}`, Usage{}, noon, 0},
		{"no prices", `{}`, Usage{}, noon, unknown},
		{"no price by tokens", `{"audio_hours":3}`, Usage{Input: 1}, noon, unknown},
		{"null is no price", `{"input_mtok":1,"output_mtok":null}`, Usage{Output: 1}, noon, unknown},
		{"no price for input", `{"output_mtok":1}`, Usage{Input: 1}, noon, unknown},
		{"no price for output", `{"input_mtok":1}`, Usage{Input: 1, Output: 1}, noon, unknown},
		{"no price for cache reads", `{"input_mtok":1,"output_mtok":1}`, Usage{CacheRead: 1}, noon, unknown},
		{"no price for cache writes", `{"input_mtok":1,"output_mtok":1}`, Usage{CacheWrite5m: 1}, noon, unknown},
		{"no price for hourly cache writes", `{"input_mtok":1,"cache_write_5m_mtok":1}`, Usage{CacheWrite1h: 1}, noon, unknown},
		{"hourly cache writes at the general price", `{"input_mtok":1,"cache_write_mtok":3}`, Usage{CacheWrite1h: 2}, noon, 6},
		{
			"each cache write at its own price", `{"input_mtok":1,"cache_write_mtok":3,"cache_write_1h_mtok":5,"cache_write_5m_mtok":7}`,
			Usage{CacheWrite5m: 1, CacheWrite1h: 1},
			noon, 12,
		},
		{"reasoning is priced apart", `{"input_mtok":1,"output_mtok":8,"output_reasoning_mtok":3}`, Usage{Output: 1}, noon, unknown},
		{"tool tokens are priced apart", `{"input_mtok":1,"input_tool_mtok":8,"output_mtok":3}`, Usage{Input: 1}, noon, unknown},
		{"a request has its own price", `{"input_mtok":1,"requests_kcount":12}`, Usage{Input: 1}, noon, 12_001},
		{"tier: at its start", `{"input_mtok":{"base":1,"tiers":[{"start":100,"price":2}]}}`, Usage{Input: 100}, noon, 100},
		{"tier: above its start, for the whole request", `{"input_mtok":{"base":1,"tiers":[{"start":100,"price":2}]}}`, Usage{Input: 101}, noon, 202},
		{
			"tier: the cache counts", `{"input_mtok":{"base":1,"tiers":[{"start":100,"price":2}]},"cache_read_mtok":0,"cache_write_mtok":0}`,
			Usage{Input: 1, CacheRead: 33, CacheWrite5m: 33, CacheWrite1h: 34},
			noon, 2,
		},
		{
			"tier: output follows the prompt", `{"input_mtok":0,"output_mtok":{"base":1,"tiers":[{"start":100,"price":2}]}}`,
			Usage{Input: 101, Output: 10},
			noon, 20,
		},
		{"tier: in any order", `{"input_mtok":{"base":1,"tiers":[{"start":20,"price":3},{"start":10,"price":2}]}}`, Usage{Input: 20}, noon, 40},
		{"negative count", `{"input_mtok":1,"output_mtok":1}`, Usage{Input: 5, Output: -1}, noon, unknown},
		{"negative cache count", `{"input_mtok":1,"cache_read_mtok":1}`, Usage{Input: 5, CacheRead: -1}, noon, unknown},
		{"prompt overflows", `{"input_mtok":0,"cache_read_mtok":0}`, Usage{Input: math.MaxInt64, CacheRead: 1}, noon, unknown},
		{"largest cost", `{"input_mtok":1}`, Usage{Input: math.MaxInt64}, noon, math.MaxInt64},
		{"cost overflows", `{"input_mtok":1.000000000001}`, Usage{Input: math.MaxInt64}, noon, unknown},
		{"sum overflows 128 bits", `{"input_mtok":10000,"output_mtok":10000}`, Usage{Input: math.MaxInt64, Output: math.MaxInt64}, noon, unknown},
		{
			"no time for a dated price", `[{"prices":{"input_mtok":1}},{"constraint":{"start_date":"2026-01-01"},"prices":{"input_mtok":2}}]`,
			Usage{Input: 1},
			time.Time{},
			unknown,
		},
		{"no time for the only price", `{"input_mtok":1}`, Usage{Input: 1}, time.Time{}, 1},
		{
			"night price across midnight", `[{"prices":{"input_mtok":1}},{"constraint":{"start_time":"22:00:00+01:00","end_time":"04:00:00Z"},"prices":{"input_mtok":2}}]`,
			Usage{Input: 1},
			time.Date(2026, 1, 1, 21, 0, 0, 0, time.UTC), 2,
		},
		{
			"the end is outside", `[{"prices":{"input_mtok":1}},{"constraint":{"start_time":"22:00:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":2}}]`,
			Usage{Input: 1},
			time.Date(2026, 1, 1, 4, 0, 0, 0, time.UTC), 1,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, ok := load(t, table(tt.prices)).Cost("p", "m", tt.at, tt.usage)
			if want := tt.want != unknown; ok != want {
				t.Fatalf("known: %t, want %t (%+v)", ok, want, got)
			}
			if ok && got.Micros != tt.want {
				t.Errorf("got %d micro-dollars, want %d", got.Micros, tt.want)
			}
			if !ok && got != (Quote{}) {
				t.Errorf("got %+v with an unknown cost", got)
			}
		})
	}
}

func TestUnknownModels(t *testing.T) {
	t.Parallel()
	prices := builtIn(t)
	for _, n := range []name{
		{"", ""},
		{"anthropic", ""},
		{"", " "},
		{"", "<synthetic>"},
		{"anthropic", "<synthetic>"},
		{"", "nobody-knows-1"},
		{"nobody", "claude-sonnet-5"},
		{"anthropic", "gpt-5"},
		{"", "gpt-6.1-terra"},
		{"litellm", "anthropic/"},
		{"", "/"},
		{"", "claude-sonnet-5" + strings.Repeat("-", maxName)},
		{strings.Repeat("anthropic", maxName), "claude-sonnet-5"},
	} {
		if got, ok := prices.Cost(n.provider, n.model, noon, Usage{Input: 1}); ok || got != (Quote{}) {
			t.Errorf("%+v costs %+v", n, got)
		}
	}
}

// Some table might well have a rule that accepts everything.
func TestSyntheticIsUnknownWhateverTheRules(t *testing.T) {
	t.Parallel()
	prices := load(t, `[{"id":"p","models":[{"id":"m","match":{"contains":""},"prices":{"input_mtok":1}}]}]`)
	if _, ok := prices.Cost("p", "anything", noon, Usage{Input: 1}); !ok {
		t.Error("the rule doesn't accept everything")
	}
	for _, model := range []string{"", "<synthetic>", " <SYNTHETIC> "} {
		if got, ok := prices.Cost("p", model, noon, Usage{Input: 1}); ok {
			t.Errorf("%q costs %+v", model, got)
		}
	}
}

// A caller may pass on names that somebody else chose.
func TestMemoryOfNamesIsBounded(t *testing.T) {
	t.Parallel()
	prices := load(t, table(`{"input_mtok":1}`))
	for i := range 3 * maxFound {
		prices.Cost("p", fmt.Sprint("m", i), noon, Usage{})
		if len(prices.found) > maxFound {
			t.Fatalf("%d names are kept", len(prices.found))
		}
	}
	if _, ok := prices.Cost("p", "m", noon, Usage{Input: 1}); !ok {
		t.Error("the model isn't found any more")
	}
}

// The answers are shared between goroutines; the race detector watches.
func TestCostIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	prices := load(t, table(`{"input_mtok":1}`))
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range maxFound {
				prices.Cost("p", fmt.Sprintf("%d-%d", i, j), noon, Usage{})
				if got, ok := prices.Cost("p", "m", noon, Usage{Input: 3}); !ok || got.Micros != 3 {
					t.Errorf("got %+v, %t", got, ok)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestVersion(t *testing.T) {
	t.Parallel()
	if got := builtIn(t).Version(); got != "genai-prices@0.1.8" {
		t.Errorf("built-in table is %q", got)
	}
	one, two := load(t, table(`{"input_mtok":1}`)), load(t, table(`{"input_mtok":2}`))
	if one.Version() == two.Version() || !strings.HasPrefix(one.Version(), "genai-prices@sha256:") {
		t.Errorf("loaded tables are %q and %q", one.Version(), two.Version())
	}
	if got, _ := one.Cost("p", "m", noon, Usage{Input: 1}); got.Table != one.Version() {
		t.Errorf("quote names table %q", got.Table)
	}
}
