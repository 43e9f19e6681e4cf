package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

const executionColumns = `org, id, agent, squad, trigger, trigger_detail, why, started_at, completed_at, status, status_reason, model, ` +
	`tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, cost_micros, cost_known, cost_state, session, parent, subagent, ` +
	`on_behalf_of, on_behalf_auth, source, lease_until, tags, folded, repository, calls, parts`

// fold applies the rows to the executions that they change, and returns the
// columns of each of these.
func (b *before) fold(org string, rows []*Row) ([][]any, error) {
	changed := map[string]bool{}
	for _, r := range rows {
		for _, id := range r.Folds() {
			x := b.executions[id]
			if x == nil {
				x = &whodid.Execution{Org: org, ID: id, Status: whodid.StatusRunning}
				b.executions[id] = x
			}
			x.Apply(&r.Event)
			changed[id] = true
		}
	}
	out := make([][]any, 0, len(changed))
	for _, id := range slices.Sorted(maps.Keys(changed)) {
		args, err := executionArgs(b.executions[id])
		if err != nil {
			return nil, err
		}
		out = append(out, args)
	}
	return out, nil
}

func executionArgs(x *whodid.Execution) ([]any, error) {
	folded, err := json.Marshal(&x.Folded)
	if err != nil {
		return nil, fmt.Errorf("couldn't write execution %s: %w", x.ID, err)
	}
	tags, err := json.Marshal(x.Tags)
	if err != nil || x.Tags == nil {
		tags = []byte("{}")
	}
	u := x.Usage
	in, out, cacheRead, cacheWrite := u.Tokens()
	cost := nullUnless(u.CostState() != whodid.CostUnknown, u.CostMicros)
	return []any{
		x.Org, x.ID, x.Agent, x.Squad, x.Trigger, x.TriggerDetail, x.Why, nullTime(x.StartedAt), nullTime(x.CompletedAt),
		string(x.Status), x.StatusReason, x.Model, nullInt(in), nullInt(out), nullInt(cacheRead), nullInt(cacheWrite),
		cost, u.CostMicros, string(u.CostState()), x.Session, x.Parent, x.Subagent, x.OnBehalfOf, x.OnBehalfAuth, x.Source,
		nullTime(x.LeaseUntil), string(tags), string(folded), x.Repository, u.Calls, partsText(x.Parts()),
	}, nil
}

// partsText is what several models used, as triggers read it to add it up.
func partsText(parts map[string]whodid.Usage) string {
	if len(parts) == 0 {
		return ""
	}
	var b []byte
	number := func(name string, n *int64) {
		b = append(append(append(b, `,"`...), name...), `":`...)
		if n == nil {
			b = append(b, "null"...)
		} else {
			b = strconv.AppendInt(b, *n, 10)
		}
	}
	for _, model := range slices.Sorted(maps.Keys(parts)) {
		u := parts[model]
		b = whodid.AppendJSONString(append(b, `,{"model":`...), model)
		b = whodid.AppendJSONString(append(b, `,"state":`...), string(u.CostState()))
		in, out, read, written := u.Tokens()
		number("calls", &u.Calls)
		number("cost", &u.CostMicros)
		number("in", in)
		number("out", out)
		number("cr", read)
		number("cw", written)
		b = append(b, '}')
	}
	b[0] = '['
	return string(append(b, ']'))
}

func nullInt(n *int64) any {
	if n == nil {
		return nil
	}
	return *n
}

func nullUnless(known bool, n int64) any {
	if !known {
		return nil
	}
	return n
}

func nullTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return whodid.Micros(t)
}

// executionRow is an execution's columns as they are stored.
type executionRow struct {
	whodid.Execution
	stored storedNumbers
}

// storedNumbers are the columns that are derived from Folded. verify compares
// them with what the events add up to.
type storedNumbers struct {
	in, out, cacheRead, cacheWrite, cost sql.NullInt64
	costKnown                            int64
	costState                            string
	tags                                 string
	calls                                int64
	parts                                string
}

func queryExecutions(ctx context.Context, q querier, where string, args ...any) ([]whodid.Execution, error) {
	var out []whodid.Execution
	err := eachExecution(ctx, q, where, args, func(x *executionRow) error {
		out = append(out, x.Execution)
		return nil
	})
	return out, err
}

func eachExecution(ctx context.Context, q querier, where string, args []any, yield func(*executionRow) error) error {
	rows, err := q.QueryContext(ctx, `SELECT `+executionColumns+` FROM execution `+where, args...)
	if err != nil {
		return fmt.Errorf("couldn't read executions: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		x, err := scanExecution(rows)
		if err != nil {
			return fmt.Errorf("couldn't read executions: %w", err)
		}
		if err := yield(x); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("couldn't read executions: %w", err)
	}
	return nil
}

func scanExecution(rows interface{ Scan(into ...any) error }) (*executionRow, error) {
	var x executionRow
	var started, completed, lease sql.NullInt64
	var status, folded string
	n := &x.stored
	err := rows.Scan(&x.Org, &x.ID, &x.Agent, &x.Squad, &x.Trigger, &x.TriggerDetail, &x.Why, &started, &completed,
		&status, &x.StatusReason, &x.Model, &n.in, &n.out, &n.cacheRead, &n.cacheWrite, &n.cost, &n.costKnown, &n.costState,
		&x.Session, &x.Parent, &x.Subagent, &x.OnBehalfOf, &x.OnBehalfAuth, &x.Source, &lease, &n.tags, &folded,
		&x.Repository, &n.calls, &n.parts)
	if err != nil {
		return nil, err
	}
	x.Status = whodid.Status(status)
	x.StartedAt, x.CompletedAt, x.LeaseUntil = fromNull(started), fromNull(completed), fromNull(lease)
	if err := json.Unmarshal([]byte(folded), &x.Folded); err != nil {
		return nil, fmt.Errorf("%w: execution %q: %w", ErrDamaged, x.ID, err)
	}
	if err := json.Unmarshal([]byte(n.tags), &x.Tags); err != nil {
		return nil, fmt.Errorf("%w: the tags of execution %q: %w", ErrDamaged, x.ID, err)
	}
	if len(x.Tags) == 0 {
		x.Tags = nil // as Apply leaves it
	}
	x.Models, x.Usage = x.Folded.Usage()
	return &x, nil
}

func fromNull(us sql.NullInt64) time.Time {
	if !us.Valid {
		return time.Time{}
	}
	return whodid.FromMicros(us.Int64)
}

// Difference compares the stored execution with what its events add up to and
// returns the names of the columns that differ.
func (x *executionRow) difference(want *whodid.Execution) ([]string, error) {
	args, err := executionArgs(want)
	if err != nil {
		return nil, err
	}
	n := &x.stored
	have := []any{
		x.Org, x.ID, x.Agent, x.Squad, x.Trigger, x.TriggerDetail, x.Why, nullTime(x.StartedAt), nullTime(x.CompletedAt),
		string(x.Status), x.StatusReason, x.Model, nullable(n.in), nullable(n.out), nullable(n.cacheRead), nullable(n.cacheWrite),
		nullable(n.cost), n.costKnown, n.costState, x.Session, x.Parent, x.Subagent, x.OnBehalfOf, x.OnBehalfAuth, x.Source,
		nullTime(x.LeaseUntil), n.tags,
	}
	folded, err := json.Marshal(&x.Folded)
	if err != nil {
		return nil, err
	}
	have = append(have, string(folded), x.Repository, n.calls, n.parts)
	var differ []string
	for i, name := range executionColumnNames() {
		if have[i] != args[i] {
			differ = append(differ, name)
		}
	}
	return differ, nil
}

func executionColumnNames() []string { return strings.Split(executionColumns, ", ") }

func nullable(n sql.NullInt64) any { return nullUnless(n.Valid, n.Int64) }

// ErrNotFound means that nothing in the trail has the id.
var ErrNotFound = errors.New("not found")

// AmbiguousError means that a prefix fits several ids.
type AmbiguousError struct {
	Prefix string
	IDs    []string // the first few
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%q is not unique: it could be %v", e.Prefix, e.IDs)
}

// Execution returns one execution by its id.
func (s *Store) Execution(ctx context.Context, org, id string) (*whodid.Execution, error) {
	ctx = within(ctx, org)
	if !storable(id) {
		return nil, fmt.Errorf("execution %q: %w", id, ErrNotFound)
	}
	found, err := queryExecutions(ctx, s.read, `WHERE org = $1 AND id = $2`, org, id)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("execution %s: %w", id, ErrNotFound)
	}
	return &found[0], nil
}

// ResolveExecution returns the id that begins with the prefix, which may leave
// "exec-" out.
func (s *Store) ResolveExecution(ctx context.Context, org, prefix string) (string, error) {
	ctx = within(ctx, org)
	return s.resolve(ctx, `SELECT id FROM execution`, org, prefix, whodid.PrefixExecution)
}

// ResolveEvent returns the event id that begins with the prefix, which may
// leave "evt-" out.
func (s *Store) ResolveEvent(ctx context.Context, org, prefix string) (string, error) {
	ctx = within(ctx, org)
	return s.resolve(ctx, `SELECT id FROM event_id`, org, prefix, whodid.PrefixEvent)
}

func (s *Store) resolve(ctx context.Context, from, org, prefix, kind string) (string, error) {
	candidates := []string{prefix, kind + "-" + prefix}
	if !storable(prefix) {
		candidates = nil
	}
	for _, p := range candidates {
		ids, err := queryColumn[string](ctx, s.read, from+` WHERE org = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 5`, org, p, p+"\x7f")
		if err != nil {
			return "", fmt.Errorf("couldn't look up %s: %w", prefix, err)
		}
		switch {
		case len(ids) == 1 || len(ids) > 1 && ids[0] == p:
			return ids[0], nil
		case len(ids) > 1:
			return "", &AmbiguousError{Prefix: prefix, IDs: ids}
		}
	}
	return "", fmt.Errorf("no %s of the trail begins with %q: %w", map[string]string{
		whodid.PrefixExecution: "execution", whodid.PrefixEvent: "event",
	}[kind], prefix, ErrNotFound)
}
