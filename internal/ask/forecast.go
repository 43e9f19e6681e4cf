package ask

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// How many whole days of the past a forecast looks at, and below how many it says
// nothing.
const (
	linearDays      = 28
	linearAtLeast   = 7
	seasonalDays    = 56
	seasonalAtLeast = 14
)

// spread is how many standard deviations to either side hold four of five outcomes
// of a normal distribution.
const spread = 1.2816

// Forecast is what this month cost so far, and what it may cost in all. It is no
// measurement: of runs that do not tell their cost it knows nothing.
type Forecast struct {
	At    time.Time `json:"at"`
	Month string    `json:"month"`
	// Spent is what the runs that began in this month, in UTC, cost so far.
	Spent CostSums `json:"spent"`
	// Observed is how many whole days of the past there are to go by, at most 56:
	// days on which nothing ran, since the first run, are days too.
	Observed int `json:"observed_days"`
	// UnknownRuns is how many runs of those days did not tell all of their cost: what
	// is forecast is then too low.
	UnknownRuns int64 `json:"unknown_runs"`
	// Linear goes on as the last 28 days did on average, Seasonal as each day of the
	// week did.
	Linear   Projection `json:"linear"`
	Seasonal Projection `json:"seasonal"`
	// Budgets are those of a month that limit cost, by whose they are.
	Budgets []BudgetForecast `json:"budgets"`
}

// Projection is a forecast by one method.
type Projection struct {
	// Micros is what the month is expected to cost in all; LowMicros and HighMicros
	// hold four of five months, if days go on to differ as they did. All are null if
	// there are not enough days to go by, and Reason says so.
	Micros     *int64 `json:"micros"`
	LowMicros  *int64 `json:"low_micros"`
	HighMicros *int64 `json:"high_micros"`
	Reason     string `json:"reason"`
}

// BudgetForecast is how long a budget lasts.
type BudgetForecast struct {
	Budget  string `json:"budget"`
	Scope   string `json:"scope"`
	Subject string `json:"subject"`
	Hard    bool   `json:"hard"`
	Period  string `json:"period"`
	// LimitMicros is the limit, UsedMicros what is known to be used of it, and
	// CostUnknown of how many runs it is not known.
	LimitMicros int64 `json:"limit_micros"`
	UsedMicros  int64 `json:"used_micros"`
	CostUnknown int64 `json:"cost_unknown"`
	// State is exceeded, will_exceed, will_last, or unclear: there are not enough
	// days to go by.
	State string `json:"state"`
	// Expected is what will be used by the end of the month.
	Expected Projection `json:"expected"`
	// DaysLeft is in how many days it is used up, and RunsOutAt when; null unless
	// that is expected in this month.
	DaysLeft  *float64   `json:"days_left"`
	RunsOutAt *time.Time `json:"runs_out_at"`
}

// The states of a budget's forecast, besides [BudgetExceeded].
const (
	ForecastExceeds = "will_exceed"
	ForecastLasts   = "will_last"
	ForecastUnclear = "unclear"
)

// spending is what was spent on each whole day of the past.
type spending struct {
	days    []float64 // the oldest first, yesterday last; from the first run on
	weekday []time.Weekday
	now     time.Time
	end     time.Time // of the month
	spent   int64     // in this month so far
}

// Forecast answers what this month cost so far and may cost in all, and how long
// the budgets last.
func (a *Asker) Forecast(ctx context.Context, q CostQuestion, budgets []policy.Budget) (*Forecast, error) {
	if err := q.Filter.Check("runs", whodid.ExecutionFields()); err != nil {
		return nil, err
	}
	var err error
	if q.Filter, err = a.placed(ctx, q.Filter); err != nil {
		return nil, err
	}
	now := a.now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	from := today.AddDate(0, 0, -seasonalDays)
	if month.Before(from) {
		from = month
	}
	f := &Forecast{At: now, Month: month.Format("2006-01"), Budgets: []BudgetForecast{}}
	sel := store.Selection{Terms: q.Filter.Terms, Squads: q.Squads, BeganSince: from}
	tallies, err := a.store.CostTallies(ctx, a.org, sel, []store.CostTrait{store.TraitAgent, store.TraitDay})
	if err != nil {
		return nil, err
	}
	all := &spending{}
	all.fill(tallies, now, month, func(string) bool { return true })
	for i := range tallies {
		day, ok := dayOf(&tallies[i])
		if ok && !day.Before(month) && !day.After(today) {
			f.Spent.tally(&tallies[i], false)
		}
		if ok && day.Before(today) && !day.Before(today.AddDate(0, 0, -seasonalDays)) && tallies[i].State == whodid.CostUnknown {
			f.UnknownRuns += tallies[i].Runs
		}
	}
	f.Observed = len(all.days)
	f.Linear, f.Seasonal = all.project(all.linear()), all.project(all.seasonal())
	for i := range budgets {
		if b := &budgets[i]; b.Per == policy.PerMonth && b.CostMicros > 0 {
			f.Budgets = append(f.Budgets, forecastBudget(b, tallies, now, month)...)
		}
	}
	return f, nil
}

// dayOf is the day of a tally by agent and day.
func dayOf(t *store.CostTally) (time.Time, bool) {
	var n int64
	_, err := fmt.Sscan(t.Traits[1], &n)
	return time.Unix(n*24*60*60, 0).UTC(), err == nil
}

// fill takes in what agents spent.
func (s *spending) fill(tallies []store.CostTally, now, month time.Time, of func(agent string) bool) {
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	s.now, s.end = now, month.AddDate(0, 1, 0)
	byDay := map[int]float64{}
	first := 0
	for i := range tallies {
		day, ok := dayOf(&tallies[i])
		if !ok || !of(tallies[i].Traits[0]) || day.After(today) {
			continue
		}
		if !day.Before(month) {
			s.spent += tallies[i].CostMicros
		}
		if back := int(today.Sub(day) / (24 * time.Hour)); back >= 1 && back <= seasonalDays {
			byDay[back] += float64(tallies[i].CostMicros)
			first = max(first, back)
		}
	}
	for back := first; back >= 1; back-- {
		s.days = append(s.days, byDay[back])
		s.weekday = append(s.weekday, today.AddDate(0, 0, -back).Weekday())
	}
}

// method is what a day is expected to cost, and how much days differ from that.
type method struct {
	day    func(time.Weekday) float64
	sigma  float64
	reason string // why there is none
}

func notEnough(have, need int) method {
	return method{reason: fmt.Sprintf("not enough data: %d whole days of %d", have, need)}
}

func (s *spending) linear() method {
	if len(s.days) < linearAtLeast {
		return notEnough(len(s.days), linearAtLeast)
	}
	days := s.days[max(0, len(s.days)-linearDays):]
	mean := average(days)
	return method{day: func(time.Weekday) float64 { return mean }, sigma: deviation(days, func(int) float64 { return mean }, 1)}
}

func (s *spending) seasonal() method {
	if len(s.days) < seasonalAtLeast {
		return notEnough(len(s.days), seasonalAtLeast)
	}
	var of [7][]float64
	for i, d := range s.days {
		of[s.weekday[i]] = append(of[s.weekday[i]], d)
	}
	var means [7]float64
	for w := range of {
		means[w] = average(of[w])
	}
	return method{
		day:   func(w time.Weekday) float64 { return means[w] },
		sigma: deviation(s.days, func(i int) float64 { return means[s.weekday[i]] }, 7),
	}
}

func average(days []float64) float64 {
	sum := 0.0
	for _, d := range days {
		sum += d
	}
	return sum / float64(max(len(days), 1))
}

// deviation is the standard deviation from what was expected, of which so many
// numbers were taken from the days themselves.
func deviation(days []float64, expected func(i int) float64, taken int) float64 {
	sum := 0.0
	for i, d := range days {
		sum += (d - expected(i)) * (d - expected(i))
	}
	return math.Sqrt(sum / float64(max(len(days)-taken, 1)))
}

// ahead yields the rest of today and the days after it up to the end of the month:
// when each part begins, and how much of a day it is.
func (s *spending) ahead(yield func(begins time.Time, share float64) bool) {
	for at := s.now; at.Before(s.end); {
		next := time.Date(at.Year(), at.Month(), at.Day()+1, 0, 0, 0, 0, time.UTC)
		if !yield(at, float64(next.Sub(at))/float64(24*time.Hour)) {
			return
		}
		at = next
	}
}

// project is what the month will cost by a method.
func (s *spending) project(m method) Projection {
	if m.day == nil {
		return Projection{Reason: m.reason}
	}
	expected, days := 0.0, 0.0
	s.ahead(func(begins time.Time, share float64) bool {
		expected += m.day(begins.Weekday()) * share
		days += share
		return true
	})
	margin := spread * m.sigma * math.Sqrt(days)
	whole := func(more float64) *int64 {
		n := s.spent + int64(math.Round(max(more, 0)))
		return &n
	}
	return Projection{Micros: whole(expected), LowMicros: whole(expected - margin), HighMicros: whole(expected + margin)}
}

func forecastBudget(b *policy.Budget, tallies []store.CostTally, now, month time.Time) []BudgetForecast {
	unknown := map[string]int64{}
	var subjects []string
	for i := range tallies {
		t := &tallies[i]
		day, ok := dayOf(t)
		if !ok || day.Before(month) || !b.IsFor(t.Traits[0]) {
			continue
		}
		subject := b.Subject("", t.Traits[0])
		if _, known := unknown[subject]; !known {
			subjects = append(subjects, subject)
			unknown[subject] = 0
		}
		if t.State == whodid.CostUnknown {
			unknown[subject] += t.Runs
		}
	}
	slices.Sort(subjects)
	out := make([]BudgetForecast, 0, len(subjects))
	for _, subject := range subjects {
		var s spending
		s.fill(tallies, now, month, func(agent string) bool { return b.IsFor(agent) && b.Subject("", agent) == subject })
		f := BudgetForecast{
			Budget: b.ID, Scope: b.Scope, Subject: subject, Hard: b.Hard, Period: month.Format("2006-01"),
			LimitMicros: b.CostMicros, UsedMicros: s.spent, CostUnknown: unknown[subject],
		}
		s.judge(&f)
		out = append(out, f)
	}
	slices.SortFunc(out, func(x, y BudgetForecast) int { return cmp.Compare(x.Subject, y.Subject) })
	return out
}

// judge says how long the budget lasts: by the days of the week where there are
// enough days, else by their average.
func (s *spending) judge(f *BudgetForecast) {
	m := s.seasonal()
	if m.day == nil {
		m = s.linear()
	}
	f.Expected = s.project(m)
	switch {
	case f.UsedMicros > f.LimitMicros:
		f.State = BudgetExceeded
	case m.day == nil:
		f.State = ForecastUnclear
	default:
		f.State = ForecastLasts
		used := float64(f.UsedMicros)
		s.ahead(func(begins time.Time, share float64) bool {
			more := m.day(begins.Weekday()) * share
			if used+more > float64(f.LimitMicros) {
				part := time.Duration((float64(f.LimitMicros) - used) / more * share * float64(24*time.Hour))
				at := begins.Add(part).Truncate(time.Second)
				f.State, f.RunsOutAt = ForecastExceeds, &at
				f.DaysLeft = optional(true, math.Round(at.Sub(s.now).Hours()/24*10)/10)
				return false
			}
			used += more
			return true
		})
	}
}
