package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/whodid/whodid"
)

// EventFilter selects events. Zero fields select everything.
type EventFilter struct {
	Execution   string
	Agent       string   // full name, or a prefix ending in "*"
	What        string   // a verb, or a prefix ending in "*"
	Whats       []string // only these verbs, or beginnings followed by "*"
	Result      string
	Since       time.Time // by the event's own time
	Until       time.Time
	ActionsOnly bool   // actions, without attempts whose result is known
	AfterSeq    uint64 // events from this index on
	Newest      bool   // the newest first
	Limit       int    // 0 is no limit
}

// unsettledActions is the condition that an event is an action, and no attempt
// whose result is known.
const unsettledActions = `action = 1 AND NOT (id LIKE 'try-%' AND EXISTS ` +
	`(SELECT 1 FROM event_id AS settled WHERE settled.org = event.org AND settled.id = 'evt-' || substr(event.id, 5)))`

func (f *EventFilter) where(org string) (string, []any) {
	args := []any{org}
	var conditions []string
	add := func(condition string, arg any) {
		if !storable(arg) {
			conditions = append(conditions, "1 = 0")
			return
		}
		args = append(args, arg)
		conditions = append(conditions, strings.ReplaceAll(condition, "?", fmt.Sprintf("$%d", len(args))))
	}
	text := func(column, pattern string) {
		switch prefix, isPrefix := strings.CutSuffix(pattern, "*"); {
		case pattern == "":
		case isPrefix:
			add(column+" >= ?", prefix)
			add(column+" < ?", prefix+"\x7f")
		default:
			add(column+" = ?", pattern)
		}
	}
	if f.Execution != "" {
		add("execution <> '' AND execution = ?", f.Execution)
	}
	if f.Agent != "" {
		text("actor", whodid.AgentActor(f.Agent))
	}
	text("what", f.What)
	if len(f.Whats) > 0 {
		some := make([]string, len(f.Whats))
		quick := true
		for i, what := range f.Whats {
			quick = quick && Notable(what)
			prefix, isPrefix := strings.CutSuffix(what, "*")
			if args = append(args, prefix); !isPrefix {
				some[i] = fmt.Sprintf("what = $%d", len(args))
				continue
			}
			args = append(args, prefix+"\x7f")
			some[i] = fmt.Sprintf("what >= $%d AND what < $%d", len(args)-1, len(args))
		}
		conditions = append(conditions, "("+strings.Join(some, " OR ")+")")
		if quick {
			conditions = append(conditions, notable)
		}
	}
	text("result", f.Result)
	if !f.Since.IsZero() {
		add("at >= ?", whodid.Micros(f.Since))
	}
	if !f.Until.IsZero() {
		add("at < ?", whodid.Micros(f.Until))
	}
	if f.AfterSeq > 0 {
		add("seq >= ?", int64(f.AfterSeq))
	}
	if f.ActionsOnly {
		conditions = append(conditions, unsettledActions)
	}
	var where strings.Builder
	where.WriteString("WHERE org = $1")
	for _, c := range conditions {
		where.WriteString(" AND " + c)
	}
	order := " ORDER BY seq"
	switch {
	case len(f.Whats) > 0 && !f.Since.IsZero():
		// The sum keeps an engine from reading the whole log in its order in search
		// of a few verbs.
		order = " ORDER BY seq + 0"
	case f.Newest && f.Execution != "":
		// The sum keeps SQLite from reading all events of the trail in the order
		// of their time in search of those of one execution.
		order = " ORDER BY at + 0 DESC, seq DESC"
	case f.Newest:
		order = " ORDER BY at DESC, seq DESC"
	}
	if f.Limit > 0 {
		order += fmt.Sprintf(" LIMIT %d", f.Limit)
	}
	return where.String() + order, args
}

// storable tells whether a value that somebody asks for can be in the trail at
// all. Text that is not UTF-8 or holds a NUL can't, and PostgreSQL would not
// even look for it.
func storable(arg any) bool {
	s, isText := arg.(string)
	return !isText || utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// Events returns the selected events, in the order of the log.
func (s *Store) Events(ctx context.Context, org string, f EventFilter) ([]Row, error) {
	ctx = within(ctx, org)
	where, args := f.where(org)
	return s.collect(ctx, where, args)
}

// collect reads whole events, with their metadata.
func (s *Store) collect(ctx context.Context, where string, args []any) ([]Row, error) {
	return s.collectFrom(ctx, "event", where, args)
}

// collectFrom reads whole events from what stands for their table.
func (s *Store) collectFrom(ctx context.Context, from, where string, args []any) ([]Row, error) {
	var out []Row
	query := strings.Replace(selectEvent, "FROM event", "FROM "+from, 1) + where
	err := eachOf(ctx, s.read, query, args, func(r *Row, _ *scanner) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		copied := *r
		copied.DataText = bytes.Clone(r.DataText)
		out = append(out, copied)
		return nil
	})
	return out, err
}

// Event returns one event by its id.
func (s *Store) Event(ctx context.Context, org, id string) (*Row, error) {
	ctx = within(ctx, org)
	if !storable(id) {
		return nil, fmt.Errorf("event %q: %w", id, ErrNotFound)
	}
	var seq int64
	err := s.read.QueryRowContext(ctx, `SELECT seq FROM event_id WHERE org = $1 AND id = $2 AND seq >= 0`, org, id).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("event %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("couldn't look up event %s: %w", id, err)
	}
	var found *Row
	err = eachEvent(ctx, s.read, `WHERE org = $1 AND seq = $2`, []any{org, seq}, func(r *Row, _ *scanner) error {
		found = r
		return r.ParseData()
	})
	if err == nil && found == nil {
		err = fmt.Errorf("event %s: %w", id, ErrNotFound)
	}
	return found, err
}

// eachEvent calls yield with each selected event. The row is used again for
// the next one.
func eachEvent(ctx context.Context, q querier, where string, args []any, yield func(*Row, *scanner) error) error {
	return eachOf(ctx, q, selectEvent+where, args, yield)
}

// eachOf is eachEvent for a whole query.
func eachOf(ctx context.Context, q querier, query string, args []any, yield func(*Row, *scanner) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("couldn't read events: %w", err)
	}
	defer rows.Close()
	var r Row
	var s scanner
	for rows.Next() {
		if err := s.scan(rows, &r); err != nil {
			return fmt.Errorf("couldn't read events: %w", err)
		}
		if err := yield(&r, &s); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("couldn't read events: %w", err)
	}
	return nil
}

// LastSeen returns when an execution was last heard of by any event of it but
// its loss and the pricing of its calls, and the zero time if no event tells.
func (s *Store) LastSeen(ctx context.Context, org, execution string) (time.Time, error) {
	ctx = within(ctx, org)
	if !storable(execution) {
		return time.Time{}, nil
	}
	var at sql.NullInt64
	const q = `SELECT MAX(at) FROM event WHERE org = $1 AND execution <> '' AND execution = $2 AND what <> 'execution.lost' AND what <> 'model.reprice'`
	if err := s.read.QueryRowContext(ctx, q, org, execution).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("couldn't read when %s was last heard of: %w", execution, err)
	}
	return fromNull(at), nil
}

// KnownExecutions returns those of the ids that have a row.
func (s *Store) KnownExecutions(ctx context.Context, org string, ids []string) (map[string]bool, error) {
	ctx = within(ctx, org)
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !storable(id) })
	condition, arg := s.dialect.among("id", 2, ids)
	known, err := queryColumn[string](ctx, s.read, `SELECT id FROM execution WHERE org = $1 AND `+condition, org, arg)
	if err != nil {
		return nil, fmt.Errorf("couldn't look up executions: %w", err)
	}
	out := make(map[string]bool, len(known))
	for _, id := range known {
		out[id] = true
	}
	return out, nil
}

// Calls returns the clients' ids of the tool calls that an execution's events
// tell of.
func (s *Store) Calls(ctx context.Context, org, execution string) (map[string]bool, error) {
	ctx = within(ctx, org)
	calls := map[string]bool{}
	where, args := (&EventFilter{Execution: execution}).where(org)
	err := eachEvent(ctx, s.read, where, args, func(r *Row, _ *scanner) error {
		if err := r.ParseData(); err != nil {
			return err
		}
		if call := r.Data.String("call"); call != "" {
			calls[call] = true
		}
		return nil
	})
	return calls, err
}
