package incident

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Sample is what one run of an agent was like. What is not known is nil or empty.
type Sample struct {
	Started                            time.Time
	Seconds                            *float64
	CostMicros                         *int64
	TokensIn, TokensOut                *int64
	Actions, Failed, Files             int64
	Model, Trigger, Repository, Status string
	Tools                              []string
}

// Measured is a number of a run beside what it was in the agent's runs before.
type Measured struct {
	// Name is duration, cost, tokens_in, tokens_out, actions, files or failed_share.
	Name string `json:"name"`
	// Unit is seconds, micros (millionths of a US dollar), count or percent.
	Unit string `json:"unit"`
	// Value is that of the run, null if it is not known.
	Value *float64 `json:"value"`
	// Median is that of the runs before, Low and High bound nine tenths of them.
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	// Runs is of how many runs before it is known.
	Runs    int  `json:"runs"`
	Unusual bool `json:"unusual"`
}

// First is something that the agent did for the first time, as far as its runs
// before tell.
type First struct {
	// Kind is model, tool, repository, trigger or hour.
	Kind  string `json:"kind"`
	Value string `json:"value"`
	// Seen is in how many of the runs before it was, Runs how many told of it.
	Seen int `json:"seen"`
	Runs int `json:"runs"`
}

// Normal is a run beside its agent's runs before.
type Normal struct {
	// Runs is how many runs before were looked at, Since when the first of them
	// began; null if there are none.
	Runs  int        `json:"runs"`
	Since *time.Time `json:"since"`
	// Enough is false if they are too few to say what is normal.
	Enough  bool       `json:"enough"`
	Figures []Measured `json:"figures"`
	Firsts  []First    `json:"firsts"`
	// FailedBefore is how many of the runs before failed, timed out or were lost.
	FailedBefore int `json:"failed_before"`
}

// enough is how many runs it takes to say what is normal.
const enough = 8

// Compare says what of a run was different from its agent's runs before it.
func Compare(run *Sample, before []Sample) Normal {
	n := Normal{Runs: len(before), Enough: len(before) >= enough, Figures: []Measured{}, Firsts: []First{}}
	for i := range before {
		if s := before[i].Started.UTC(); n.Since == nil || s.Before(*n.Since) {
			n.Since = &s
		}
		switch before[i].Status {
		case "failed", "timeout", "lost":
			n.FailedBefore++
		}
	}
	for _, m := range measures() {
		if f, ok := figure(m, run, before); ok {
			n.Figures = append(n.Figures, f)
		}
	}
	if n.Enough {
		n.Firsts = firsts(run, before)
	}
	return n
}

// measure is a number of a run; ok is false where it is not known.
type measure struct {
	name, unit string
	of         func(*Sample) (v float64, ok bool)
}

func measures() []measure {
	number := func(n *int64) (float64, bool) {
		if n == nil {
			return 0, false
		}
		return float64(*n), true
	}
	return []measure{
		{"duration", "seconds", func(s *Sample) (float64, bool) {
			if s.Seconds == nil {
				return 0, false
			}
			return *s.Seconds, true
		}},
		{"cost", "micros", func(s *Sample) (float64, bool) { return number(s.CostMicros) }},
		{"tokens_in", "count", func(s *Sample) (float64, bool) { return number(s.TokensIn) }},
		{"tokens_out", "count", func(s *Sample) (float64, bool) { return number(s.TokensOut) }},
		{"actions", "count", func(s *Sample) (float64, bool) { return float64(s.Actions), true }},
		{"files", "count", func(s *Sample) (float64, bool) { return float64(s.Files), true }},
		{"failed_share", "percent", func(s *Sample) (float64, bool) {
			if s.Actions == 0 {
				return 0, false
			}
			return math.Round(float64(s.Failed) / float64(s.Actions) * 100), true
		}},
	}
}

func figure(m measure, run *Sample, before []Sample) (Measured, bool) {
	f := Measured{Name: m.name, Unit: m.unit}
	if v, ok := m.of(run); ok {
		f.Value = &v
	}
	var known []float64
	for i := range before {
		if v, ok := m.of(&before[i]); ok {
			known = append(known, v)
		}
	}
	if f.Runs = len(known); f.Runs == 0 {
		return f, f.Value != nil
	}
	slices.Sort(known)
	f.Median, f.Low, f.High = quantile(known, 0.5), quantile(known, 0.05), quantile(known, 0.95)
	if f.Value != nil && f.Runs >= enough {
		// A little beyond is normal too.
		f.Unusual = *f.Value > f.High*1.25 && *f.Value-f.High >= 1 || *f.Value < f.Low*0.75 && f.Low-*f.Value >= 1
	}
	return f, true
}

// quantile is the smallest of the sorted values with at least that share of all at
// or below it.
func quantile(sorted []float64, q float64) float64 {
	return sorted[min(max(int(math.Ceil(q*float64(len(sorted))))-1, 0), len(sorted)-1)]
}

// firsts are what none of the runs before did, of what they told.
func firsts(run *Sample, before []Sample) []First {
	out := []First{}
	words := func(kind, value string, of func(*Sample) []string) {
		f := First{Kind: kind, Value: value}
		for i := range before {
			told := of(&before[i])
			if len(told) == 0 {
				continue
			}
			f.Runs++
			if slices.Contains(told, value) {
				f.Seen++
			}
		}
		if value != "" && f.Seen == 0 && f.Runs >= enough {
			out = append(out, f)
		}
	}
	one := func(of func(*Sample) string) func(*Sample) []string {
		return func(s *Sample) []string {
			if v := of(s); v != "" {
				return []string{v}
			}
			return nil
		}
	}
	words("model", run.Model, one(func(s *Sample) string { return s.Model }))
	words("trigger", run.Trigger, one(func(s *Sample) string { return s.Trigger }))
	words("repository", run.Repository, one(func(s *Sample) string { return s.Repository }))
	for _, tool := range run.Tools {
		words("tool", tool, func(s *Sample) []string { return s.Tools })
	}
	if f, ok := unusualHour(run, before); ok {
		out = append(out, f)
	}
	return out
}

// unusualHour tells whether none of the runs before began within an hour and a
// half of the run's time of day.
func unusualHour(run *Sample, before []Sample) (First, bool) {
	if run.Started.IsZero() {
		return First{}, false
	}
	f := First{Kind: "hour", Value: run.Started.UTC().Format("15:04") + " UTC"}
	minute := func(t time.Time) int { t = t.UTC(); return t.Hour()*60 + t.Minute() }
	const day, near = 24 * 60, 90
	for i := range before {
		if before[i].Started.IsZero() {
			continue
		}
		f.Runs++
		d := minute(run.Started) - minute(before[i].Started)
		if d < 0 {
			d = -d
		}
		if min(d, day-d) <= near {
			f.Seen++
		}
	}
	return f, f.Runs >= enough && f.Seen == 0
}

// String says it in words.
func (f First) String() string {
	switch f.Kind {
	case "hour":
		return fmt.Sprintf("began at %s: none of %d runs before began within 90 minutes of that hour", f.Value, f.Runs)
	default:
		return fmt.Sprintf("%s %s: in none of %d runs before", f.Kind, f.Value, f.Runs)
	}
}
