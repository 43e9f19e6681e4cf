package price

import (
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sample is a request with what the reference implementation says about it.
type sample struct {
	provider, model string
	at              time.Time
	usage           Usage
	answer          *answer // nil: it knows no price
}

type answer struct {
	provider, model string
	usd             float64
	lacks           []string // kinds of tokens that were used and have no price
}

// list reads a JSON array into targets, one for each element.
func list(data []byte, targets ...any) error {
	n := len(targets)
	if err := json.Unmarshal(data, &targets); err != nil {
		return err
	}
	if len(targets) != n {
		return fmt.Errorf("%d elements instead of %d", len(targets), n)
	}
	return nil
}

func (a *answer) UnmarshalJSON(data []byte) error {
	return list(data, &a.provider, &a.model, &a.usd, &a.lacks)
}

func (s *sample) UnmarshalJSON(data []byte) error {
	u := &s.usage
	return list(data, &s.provider, &s.model, &s.at, &u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h, &s.answer)
}

func TestCostAgreesWithReference(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/oracle.json")
	if err != nil {
		t.Fatal(err)
	}
	var samples []sample
	if err := json.Unmarshal(data, &samples); err != nil {
		t.Fatal(err)
	}
	prices := builtIn(t)
	var known, unpriced, unknown int
	for _, s := range samples {
		got, ok := prices.Cost(s.provider, s.model, s.at, s.usage)
		switch {
		case s.answer == nil:
			unknown++
			if ok {
				t.Errorf("%+v: reference knows no price, got %+v", s, got)
			}
		case len(s.answer.lacks) > 0:
			unpriced++
			if ok {
				t.Errorf("%+v: no price for %v, got %+v", s, s.answer.lacks, got)
			}
		default:
			known++
			if !ok || got.Provider != s.answer.provider || got.Model != s.answer.model {
				t.Errorf("%+v: got %+v, %t, want %+v", s, got, ok, *s.answer)
				continue
			}
			// The reference computes in floating point and doesn't round.
			if diff := math.Abs(s.answer.usd*1e6 - float64(got.Micros)); diff > 0.5+1e-6 {
				t.Errorf("%+v: got %d micro-dollars, want %f", s, got.Micros, s.answer.usd*1e6)
			}
		}
	}
	t.Logf("%d samples with a price, %d without one for what was used, %d unknown", known, unpriced, unknown)
	if known < 500 || unpriced < 50 || unknown < 50 {
		t.Error("too few samples of a sort")
	}
}

// Rational arithmetic has the same answer to the last digit.
func TestCostIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price := rapid.StringMatching(`(0|[1-9][0-9]{0,3})(\.[0-9]{1,12})?`)
		count := rapid.OneOf(rapid.Int64Range(0, 1_000_000), rapid.Int64Range(0, math.MaxInt64/4))
		kinds := []string{"input_mtok", "output_mtok", "cache_read_mtok", "cache_write_5m_mtok", "cache_write_1h_mtok"}
		var u Usage
		sum, fields := new(big.Rat), ""
		for i, n := range []*int64{&u.Input, &u.Output, &u.CacheRead, &u.CacheWrite5m, &u.CacheWrite1h} {
			*n = count.Draw(t, "count")
			p := price.Draw(t, "price")
			fields += fmt.Sprintf("%q:%s,", kinds[i], p)
			r, _ := new(big.Rat).SetString(p)
			sum.Add(sum, r.Mul(r, new(big.Rat).SetInt64(*n)))
		}
		perRequest := price.Draw(t, "per thousand requests")
		fields += `"requests_kcount":` + perRequest
		r, _ := new(big.Rat).SetString(perRequest)
		sum.Add(sum, r.Mul(r, big.NewRat(1_000, 1)))
		// Half up: floor(sum + 1/2).
		sum.Add(sum, big.NewRat(1, 2))
		want := new(big.Int).Quo(sum.Num(), sum.Denom())

		prices, err := Load(strings.NewReader(table("{" + fields + "}")))
		if err != nil {
			t.Fatal(err)
		}
		got, ok := prices.Cost("p", "m", noon, u)
		_, fits := u.prompt()
		if wantOK := want.IsInt64() && fits; ok != wantOK {
			t.Fatalf("known: %t, want %t (%s)", ok, wantOK, want)
		}
		if ok && got.Micros != want.Int64() {
			t.Fatalf("got %d, want %s", got.Micros, want)
		}
	})
}

func FuzzCost(f *testing.F) {
	f.Add("", "claude-sonnet-5[1m]", int64(1_790_000_000), int64(10), int64(74), int64(14_600))
	f.Add("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", int64(0), int64(-1), int64(1), int64(0))
	f.Add("litellm", "openrouter/anthropic/claude-sonnet-4.5", int64(-1<<62), int64(math.MaxInt64), int64(1), int64(math.MaxInt64))
	f.Add("", "<synthetic>", int64(1), int64(1), int64(1), int64(1))
	prices := builtIn(f)
	f.Fuzz(func(t *testing.T, provider, model string, at, input, output, cached int64) {
		u := Usage{Input: input, Output: output, CacheRead: cached}
		got, ok := prices.Cost(provider, model, time.Unix(at, 0), u)
		switch {
		case !ok && got != Quote{}:
			t.Errorf("unknown, but %+v", got)
		case ok && (input < 0 || output < 0 || cached < 0 || got.Micros < 0 || got.Model == "" || got.Provider == ""):
			t.Errorf("%+v costs %+v", u, got)
		case ok && model == "":
			t.Errorf("no model costs %+v", got)
		}
	})
}

func BenchmarkCost(b *testing.B) {
	prices := builtIn(b)
	u := Usage{Input: 10, Output: 74, CacheRead: 14_600, CacheWrite5m: 100, CacheWrite1h: 440}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := prices.Cost("", "claude-sonnet-5", noon, u); !ok {
			b.Fatal("cost is unknown")
		}
	}
}

// What a name costs that hasn't been asked for before.
func BenchmarkSearch(b *testing.B) {
	prices := builtIn(b)
	for b.Loop() {
		prices.search("openrouter", "nobody/knows-20260901")
	}
}

// What the first quote of a process waits for.
func BenchmarkFirstUse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := unpack(embeddedTable); err != nil {
			b.Fatal(err)
		}
	}
}
