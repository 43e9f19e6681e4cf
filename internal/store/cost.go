package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
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
	if model >= 0 {
		return s.tallyModels(ctx, org, &sel, columns, model)
	}
	return s.tallyRuns(ctx, org, &sel, columns)
}

func (s *Store) tallyRuns(ctx context.Context, org string, sel *Selection, columns []string) ([]CostTally, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, sel)
	keys := strings.Join(append(slices.Clip(columns), "status", "cost_state"), ", ")
	return s.costTallies(ctx, len(columns), `SELECT `+keys+`, COUNT(*), SUM(cost_known), COALESCE(SUM(tokens_in), 0), COALESCE(SUM(tokens_out), 0), `+
		`COALESCE(SUM(tokens_cache_read), 0), COALESCE(SUM(tokens_cache_write), 0), COUNT(*) - COUNT(tokens_in) `+
		`FROM execution `+c.where()+` GROUP BY `+keys+` ORDER BY `+keys, c.args)
}

// tallyModels adds up what each model cost of each run. What a run used by model
// stands in what it remembers of its events, which the engines are slow to read.
func (s *Store) tallyModels(ctx context.Context, org string, sel *Selection, columns []string, model int) ([]CostTally, error) {
	c := clause{dialect: s.dialect}
	c.executions(org, sel)
	keys := strings.Join(append(slices.Clip(columns), "status", "model", "folded"), ", ")
	rows, err := s.read.QueryContext(ctx, `SELECT `+keys+` FROM execution `+c.where(), c.args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't add up what models cost: %w", explain(err))
	}
	defer rows.Close()
	sums := costSums{at: map[string]int{}}
	traits := make([]string, len(columns))
	into := make([]any, 0, len(columns)+3)
	for i := range traits {
		into = append(into, &traits[i])
	}
	var status, main string
	var folded sql.RawBytes
	into = append(into, &status, &main, &folded)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("couldn't add up what models cost: %w", err)
		}
		models, err := usageByModel(folded, main)
		if err != nil {
			return nil, err
		}
		if len(models) == 0 {
			models = map[string]whodid.Usage{main: {}}
		}
		for name, u := range models {
			traits[model] = name
			sums.add(traits, whodid.Status(status), u)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("couldn't add up what models cost: %w", explain(err))
	}
	return sums.list, nil
}

// costSums are tallies while they are added up.
type costSums struct {
	list []CostTally
	at   map[string]int
	key  []byte
}

func (c *costSums) add(traits []string, status whodid.Status, u whodid.Usage) {
	state := u.CostState()
	c.key = c.key[:0]
	for _, t := range traits {
		c.key = append(append(c.key, t...), 0)
	}
	c.key = append(append(append(c.key, status...), 0), state...)
	i, ok := c.at[string(c.key)]
	if !ok {
		i = len(c.list)
		c.at[string(c.key)] = i
		c.list = append(c.list, CostTally{Traits: slices.Clone(traits), Status: status, State: state})
	}
	t := &c.list[i]
	t.Runs++
	t.CostMicros += u.CostMicros
	in, out, read, written := u.Tokens()
	for _, n := range [...]struct{ of, to *int64 }{{in, &t.TokensIn}, {out, &t.TokensOut}, {read, &t.TokensCacheRead}, {written, &t.TokensCacheWrite}} {
		if n.of != nil {
			*n.to += *n.of
		}
	}
	if in == nil {
		t.TokensUnknown++
	}
}

// The names in what an execution remembers by which it is told whether its calls
// alone say what it used. In JSON they can't stand within a text: there the
// quotation marks would be escaped.
var (
	callsName  = []byte(`"calls":{`)
	otherNames = [...][]byte{[]byte(`"stated":{`), []byte(`"repriced":{`), []byte(`"restated":{`)}
)

// usageByModel reads what an execution used by model out of what it remembers:
// most have calls and nothing that changes them, and the rest need not be read. What
// one model used that nobody named, the run's own did, if it has one.
func usageByModel(folded []byte, main string) (map[string]whodid.Usage, error) {
	models, err := usageAsTold(folded)
	if u, ok := models[""]; ok && len(models) == 1 && main != "" {
		models = map[string]whodid.Usage{main: u}
	}
	return models, err
}

func usageAsTold(folded []byte) (map[string]whodid.Usage, error) {
	at := bytes.Index(folded, callsName)
	plain := true
	for _, name := range otherNames {
		plain = plain && !bytes.Contains(folded, name)
	}
	if plain {
		if at < 0 {
			return nil, nil
		}
		var models map[string]whodid.Usage
		err := json.NewDecoder(bytes.NewReader(folded[at+len(callsName)-1:])).Decode(&models)
		if err != nil {
			return nil, fmt.Errorf("couldn't read what an execution used: %w", err)
		}
		return models, nil
	}
	var f whodid.Folded
	if err := json.Unmarshal(folded, &f); err != nil {
		return nil, fmt.Errorf("couldn't read what an execution remembers: %w", err)
	}
	models, _ := f.Usage()
	return models, nil
}

// RunOutline is a run, as far as sums over many need to know it.
type RunOutline struct {
	Trigger string
	// Ended tells whether its start and its end are known, and Took how long it took.
	Ended bool
	Took  time.Duration
	// Models is what it used by model. It is good until the next run is told.
	Models map[string]whodid.Usage
}

// Outlines yields the selected runs in no order that matters.
func (s *Store) Outlines(ctx context.Context, org string, sel Selection, yield func(*RunOutline)) error {
	ctx = within(ctx, org)
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	c.executions(org, &sel)
	rows, err := s.read.QueryContext(ctx, `SELECT trigger, started_at, completed_at, model, folded FROM execution `+c.where(), c.args...)
	if err != nil {
		return fmt.Errorf("couldn't read runs: %w", explain(err))
	}
	defer rows.Close()
	var folded sql.RawBytes
	var trigger sql.RawBytes
	var main string
	var started, completed sql.NullInt64
	var o RunOutline
	for rows.Next() {
		if err := rows.Scan(&trigger, &started, &completed, &main, &folded); err != nil {
			return fmt.Errorf("couldn't read runs: %w", err)
		}
		if string(trigger) != o.Trigger {
			o.Trigger = string(trigger)
		}
		if o.Ended = started.Valid && completed.Valid; o.Ended {
			o.Took = fromNull(completed).Sub(fromNull(started))
		}
		if o.Models, err = usageByModel(folded, main); err != nil {
			return err
		}
		yield(&o)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("couldn't read runs: %w", explain(err))
	}
	return nil
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
