package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

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
	// TraitRepository is where runs worked as their starts tell.
	TraitRepository CostTrait = "repository"
)

// costColumn is the trait as text.
func costColumn(t CostTrait) string {
	switch t {
	case TraitDay:
		return fmt.Sprintf("COALESCE(CAST((began - (began %% %[1]d + %[1]d) %% %[1]d) / %[1]d AS TEXT), '')", levels[0].unit)
	case TraitExecution:
		return "id"
	case TraitModel:
		return "used"
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

// CostTallies adds the selected runs up by traits. Sub-agents are in the runs
// that they are a part of.
func (s *Store) CostTallies(ctx context.Context, org string, sel Selection, by []CostTrait) ([]CostTally, error) {
	sel.RunsOnly, sel.Limit = true, 0
	need := sumsOf{models: slices.Contains(by, TraitModel), runs: slices.Contains(by, TraitExecution)}
	keys := make([]string, 0, len(by)+2)
	for _, t := range by {
		keys = append(keys, costColumn(t))
	}
	state := "cost_state"
	if need.models {
		state = "used_state"
	}
	key := strings.Join(append(keys, "status", state), ", ")
	c := clause{dialect: s.dialect}
	sums, _, _ := c.sums(org, &sel, need)
	return s.costTallies(within(ctx, org), len(by), `SELECT `+key+`, SUM(runs), SUM(cost_micros), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), SUM(tokens_unknown) `+
		`FROM (`+sums+`) AS t GROUP BY `+key+addsUp+` ORDER BY `+key, c.args)
}

// UsageByModel returns what the models did that the selected runs called.
func (s *Store) UsageByModel(ctx context.Context, org string, sel Selection) (map[string]whodid.Usage, error) {
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	sums, _, _ := c.sums(org, &sel, sumsOf{models: true})
	// A run that called no model has nothing unknown about it here.
	query := `SELECT used, SUM(calls), SUM(cost_micros), SUM(tokens_in), SUM(tokens_out), SUM(tokens_cache_read), SUM(tokens_cache_write), ` +
		`SUM(tokens_unknown - uncalled), SUM(out_unknown - uncalled), SUM(cache_read_unknown - uncalled), SUM(cache_write_unknown - uncalled), ` +
		`SUM(CASE WHEN used_state = 'unknown' THEN runs - uncalled ELSE 0 END), SUM(CASE WHEN used_state = 'computed' THEN runs ELSE 0 END) ` +
		`FROM (` + sums + `) AS t GROUP BY used HAVING SUM(calls) > 0`
	out := map[string]whodid.Usage{}
	err := eachRow(within(ctx, org), s.read, query, c.args, func(rows *sql.Rows) error {
		var model string
		var u whodid.Usage
		err := rows.Scan(&model, &u.Calls, &u.CostMicros, &u.Input, &u.Output, &u.CacheRead, &u.CacheWrite, &u.NoInput, &u.NoOutput, &u.NoCacheRead, &u.NoCacheWrite, &u.NoCost, &u.Computed)
		out[model] = u
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't add up what models did: %w", explain(err))
	}
	return out, nil
}

// Durations returns how many seconds the selected runs took whose start and end are
// known, in no order.
func (s *Store) Durations(ctx context.Context, org string, sel Selection) ([]float64, error) {
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	c.executions(org, &sel)
	query := `SELECT completed_at - started_at FROM execution ` + c.where() + ` AND completed_at IS NOT NULL AND started_at IS NOT NULL`
	var out []float64
	add := func(micros int64) { out = append(out, float64(micros)/1e6) } // a time.Duration ends at 292 years
	var err error
	if ctx = within(ctx, org); s.pool != nil {
		err = s.eachRaw(ctx, query, c.args, func(v [][]byte) error {
			if len(v) != 1 || len(v[0]) != 8 {
				return errors.New("the time that a run took is no number")
			}
			add(int64(binary.BigEndian.Uint64(v[0])))
			return nil
		})
	} else {
		err = eachRow(ctx, s.read, query, c.args, func(rows *sql.Rows) error {
			var micros int64
			err := rows.Scan(&micros)
			add(micros)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't read how long runs took: %w", explain(err))
	}
	return out, nil
}

func (s *Store) costTallies(ctx context.Context, traits int, query string, args []any) ([]CostTally, error) {
	out, err := queryRows(ctx, s.read, query, args, func(rows *sql.Rows, t *CostTally) error {
		t.Traits = make([]string, traits)
		into := make([]any, 0, traits+9)
		for i := range t.Traits {
			into = append(into, &t.Traits[i])
		}
		into = append(into, &t.Status, &t.State, &t.Runs, &t.CostMicros, &t.TokensIn, &t.TokensOut, &t.TokensCacheRead, &t.TokensCacheWrite, &t.TokensUnknown)
		return rows.Scan(into...)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't add up what runs cost: %w", explain(err))
	}
	return out, nil
}
