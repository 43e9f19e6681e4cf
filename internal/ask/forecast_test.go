package ask

import (
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// spentOn is what an agent spent on so many days up to yesterday, the oldest first.
func spentOn(now time.Time, agent string, micros ...int64) []store.CostTally {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	var out []store.CostTally
	for i, n := range micros {
		day := today.AddDate(0, 0, i-len(micros))
		out = append(out, store.CostTally{
			Traits: []string{agent, strconv.FormatInt(day.Unix()/86400, 10)}, Status: whodid.StatusSuccess, State: whodid.CostMeasured, Runs: 1, CostMicros: n,
		})
	}
	return out
}

func forecastOf(now time.Time, tallies []store.CostTally) (*spending, time.Time) {
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	s := &spending{}
	s.fill(tallies, now, month, func(string) bool { return true })
	return s, month
}

func TestForecast(t *testing.T) {
	t.Parallel()
	// Noon of the 20th of a month of 30 days: ten and a half days are left. It is a
	// Friday.
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	s, _ := forecastOf(now, spentOn(now, "a/b", 100, 100, 100, 100, 100, 100))
	if p := s.project(s.linear()); p.Micros != nil || p.Reason != "not enough data: 6 whole days of 7" {
		t.Errorf("of six days it says %+v", p)
	}
	s, _ = forecastOf(now, spentOn(now, "a/b", 100, 100, 100, 100, 100, 100, 100))
	p := s.project(s.linear())
	if p.Micros == nil || *p.Micros != 700+1050 || *p.LowMicros != *p.Micros || *p.HighMicros != *p.Micros {
		t.Errorf("of seven equal days it says %v", p)
	}
	if p := s.project(s.seasonal()); p.Micros != nil {
		t.Error("seven days are no season")
	}
	// Weekends are free: four weeks of 700 on each working day.
	var weeks []int64
	for i := range 28 {
		day := now.AddDate(0, 0, i-28).Weekday()
		weeks = append(weeks, map[bool]int64{false: 700, true: 0}[day == time.Saturday || day == time.Sunday])
	}
	s, _ = forecastOf(now, spentOn(now, "a/b", weeks...))
	spent := s.spent
	// Half a Friday, Monday to Friday, and Monday the 30th.
	if p := s.project(s.seasonal()); *p.Micros != spent+350+5*700+700 || *p.LowMicros != *p.Micros {
		t.Errorf("by weekdays it says %d after %d", *p.Micros, spent)
	}
	p = s.project(s.linear())
	if *p.Micros != spent+int64(500*10.5) || *p.LowMicros >= *p.Micros || *p.HighMicros <= *p.Micros || *p.LowMicros < spent {
		t.Errorf("on average it says %d, from %d to %d, after %d", *p.Micros, *p.LowMicros, *p.HighMicros, spent)
	}
	// A day without runs is a day, if it came after the first run.
	s, _ = forecastOf(now, append(spentOn(now, "a/b", 70), spentOn(now.AddDate(0, 0, -6), "a/b", 70)...))
	if len(s.days) != 7 || average(s.days) != 20 {
		t.Errorf("the days are %v", s.days)
	}
}

func TestForecastOfBudgets(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	month := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	var tallies []store.CostTally
	tallies = append(tallies, spentOn(now, "a/quick", 100, 100, 100, 100, 100, 100, 100)...)
	tallies = append(tallies, spentOn(now, "b/slow", 10, 10, 10, 10, 10, 10, 10)...)
	tallies = append(tallies, spentOn(now, "c/new", 5)...)
	tallies = append(tallies, spentOn(now, "d/over", 5000)...)
	tallies = append(tallies, spentOn(now, "e/other", 5000)...)
	tallies[0].State = whodid.CostUnknown
	b := policy.Budget{ID: "BUD-001", Scope: policy.ScopeSquad, Per: policy.PerMonth, Agents: []string{"a/*", "b/*", "c/*", "d/*"}, CostMicros: 1000}
	got := map[string]BudgetForecast{}
	for _, f := range forecastBudget(&b, tallies, now, month) {
		got[f.Subject] = f
	}
	if len(got) != 4 {
		t.Fatalf("budgets of %v", got)
	}
	a := got["a"]
	if a.State != ForecastExceeds || a.UsedMicros != 700 || a.CostUnknown != 1 || a.DaysLeft == nil || math.Abs(*a.DaysLeft-3) > 0.01 ||
		!a.RunsOutAt.Equal(now.AddDate(0, 0, 3)) {
		t.Errorf("a budget that lasts three days: %+v", a)
	}
	if b := got["b"]; b.State != ForecastLasts || b.RunsOutAt != nil || *b.Expected.Micros != 70+105 {
		t.Errorf("a budget that lasts: %+v", b)
	}
	if c := got["c"]; c.State != ForecastUnclear || c.Expected.Reason == "" {
		t.Errorf("a budget of which little is known: %+v", c)
	}
	if d := got["d"]; d.State != BudgetExceeded {
		t.Errorf("a budget that is used up: %+v", d)
	}
}
