package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// CostTrait is what runs are added up by.
type CostTrait string

// The traits of runs that the store adds up by. A day is counted in UTC from
// 1970 on; runs whose start is not known have none.
const (
	TraitSquad     CostTrait = "squad"
	TraitAgent     CostTrait = "agent"
	TraitTrigger   CostTrait = "trigger"
	TraitModel     CostTrait = "model"
	TraitDay       CostTrait = "day"
	TraitExecution CostTrait = "execution"
)

// costColumn is the trait as text.
func costColumn(t CostTrait) string {
	switch t {
	case TraitDay:
		return "COALESCE(CAST(started_at / 86400000000 AS TEXT), '')"
	case TraitExecution:
		return "id"
	default:
		return string(t)
	}
}

// CostTally is what runs that share the traits, how they ended and how their cost
// is known, used and cost together.
type CostTally struct {
	// Traits are in the order in which they were asked for.
	Traits []string
	Status whodid.Status
	State  whodid.CostState
	// Runs counts them. Where they are added up by model, a run counts for each of
	// its models, with what that model cost.
	Runs int64
	// CostMicros is what is known of the cost.
	CostMicros int64
	// The token counts are those known; TokensUnknown counts the runs without.
	TokensIn, TokensOut, TokensCacheRead, TokensCacheWrite int64
	TokensUnknown                                          int64
}

// Whether the total was stated at the end of a run, and whether its calls were
// priced anew. Both engines read folded alike.
const (
	statedTotal = "folded -> 'finish' -> 'stated' IS NOT NULL"
	pricedAnew  = "folded -> 'repriced' IS NOT NULL"
	hasCalls    = "folded -> 'calls' IS NOT NULL"
)

// CostTallies adds the selected runs up by traits. Sub-agents are in the runs
// that they are a part of.
func (s *Store) CostTallies(ctx context.Context, org string, sel Selection, by []CostTrait) ([]CostTally, error) {
	ctx = within(ctx, org)
	sel.RunsOnly, sel.Limit = true, 0
	columns := make([]string, len(by))
	model := -1
	for i, t := range by {
		if columns[i] = costColumn(t); t == TraitModel {
			model = i
		}
	}
	if model < 0 {
		return s.tallyRuns(ctx, org, &sel, columns, "")
	}
	// What a run stated, or nothing was told of, stands in its columns.
	out, err := s.tallyRuns(ctx, org, &sel, columns, "("+statedTotal+" OR NOT "+hasCalls+")")
	if err != nil {
		return nil, err
	}
	called, err := s.tallyCalls(ctx, org, &sel, columns, model)
	if err != nil {
		return nil, err
	}
	again, err := s.tallyRepriced(ctx, org, &sel, by)
	return append(append(out, called...), again...), err
}

func (s *Store) tallyRuns(ctx context.Context, org string, sel *Selection, columns []string, condition string) ([]CostTally, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, sel)
	if condition != "" {
		c.conditions = append(c.conditions, condition)
	}
	keys := strings.Join(append(columns[:len(columns):len(columns)], "status", "cost_state"), ", ")
	return s.costTallies(ctx, len(columns), `SELECT `+keys+`, COUNT(*), SUM(cost_known), COALESCE(SUM(tokens_in), 0), COALESCE(SUM(tokens_out), 0), `+
		`COALESCE(SUM(tokens_cache_read), 0), COALESCE(SUM(tokens_cache_write), 0), COUNT(*) - COUNT(tokens_in) `+
		`FROM execution `+c.where()+` GROUP BY `+keys+` ORDER BY `+keys, c.args)
}

// tallyCalls adds up what each model cost of the runs whose calls were told.
func (s *Store) tallyCalls(ctx context.Context, org string, sel *Selection, columns []string, model int) ([]CostTally, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, sel)
	c.conditions = append(c.conditions, "NOT "+statedTotal, "NOT "+pricedAnew)
	inner, outer := []string{"status", "folded"}, make([]string, len(columns))
	for i, column := range columns {
		outer[i] = fmt.Sprintf("k%d", i)
		if i == model {
			outer[i] = "c.key"
			continue
		}
		inner = append(inner, fmt.Sprintf("%s AS k%d", column, i))
	}
	number := func(name string) string { return "COALESCE(CAST(c.value ->> '" + name + "' AS BIGINT), 0)" }
	known := func(name, unknown string) string {
		return "COALESCE(SUM(CASE WHEN " + number(unknown) + " = 0 THEN " + number(name) + " END), 0)"
	}
	// As [whodid.Usage.CostState] has it.
	state := "CASE WHEN " + number("nc") + " > 0 THEN 'unknown' WHEN " + number("cc") + " > 0 THEN 'computed' ELSE 'measured' END"
	keys := strings.Join(append(outer, "x.status", state), ", ")
	return s.costTallies(ctx, len(columns), `SELECT `+keys+`, COUNT(*), SUM(`+number("cost")+`), `+known("in", "ni")+`, `+known("out", "no")+`, `+
		known("cr", "nr")+`, `+known("cw", "nw")+`, SUM(CASE WHEN `+number("ni")+` > 0 THEN 1 ELSE 0 END) `+
		`FROM (SELECT `+strings.Join(inner, ", ")+` FROM execution `+c.where()+`) AS x, json_each(x.folded -> 'calls') AS c `+
		`GROUP BY `+keys+` ORDER BY `+keys, c.args)
}

func (s *Store) costTallies(ctx context.Context, traits int, query string, args []any) ([]CostTally, error) {
	rows, err := s.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't add up what runs cost: %w", explain(err))
	}
	defer rows.Close()
	var out []CostTally
	for rows.Next() {
		t := CostTally{Traits: make([]string, traits)}
		into := make([]any, 0, traits+9)
		for i := range t.Traits {
			into = append(into, &t.Traits[i])
		}
		into = append(into, &t.Status, &t.State, &t.Runs, &t.CostMicros, &t.TokensIn, &t.TokensOut, &t.TokensCacheRead, &t.TokensCacheWrite, &t.TokensUnknown)
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("couldn't add up what runs cost: %w", err)
		}
		out = append(out, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("couldn't add up what runs cost: %w", explain(err))
	}
	return out, nil
}

// tallyRepriced adds up what each model cost of the runs whose calls were priced
// anew: what was recorded, and the difference.
func (s *Store) tallyRepriced(ctx context.Context, org string, sel *Selection, by []CostTrait) ([]CostTally, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, sel)
	c.conditions = append(c.conditions, "NOT "+statedTotal, hasCalls, pricedAnew)
	var out []CostTally
	err := eachExecution(ctx, s.read, c.where()+" ORDER BY id", c.args, func(x *executionRow) error {
		for model, u := range x.Models {
			t := CostTally{Traits: make([]string, len(by)), Status: x.Status, State: u.CostState(), Runs: 1, CostMicros: u.CostMicros}
			for i, trait := range by {
				t.Traits[i] = traitOf(&x.Execution, trait, model)
			}
			in, out4, read, write := u.Tokens()
			for _, n := range []struct {
				of *int64
				to *int64
			}{{in, &t.TokensIn}, {out4, &t.TokensOut}, {read, &t.TokensCacheRead}, {write, &t.TokensCacheWrite}} {
				if n.of != nil {
					*n.to = *n.of
				}
			}
			if in == nil {
				t.TokensUnknown = 1
			}
			out = append(out, t)
		}
		return nil
	})
	return out, err
}

func traitOf(x *whodid.Execution, t CostTrait, model string) string {
	switch t {
	case TraitSquad:
		return x.Squad
	case TraitAgent:
		return x.Agent
	case TraitTrigger:
		return x.Trigger
	case TraitExecution:
		return x.ID
	case TraitModel:
		return model
	case TraitDay:
		if !x.StartedAt.IsZero() {
			return fmt.Sprint(whodid.Micros(x.StartedAt) / (24 * time.Hour).Microseconds())
		}
	}
	return ""
}
