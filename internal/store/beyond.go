package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/whodid/whodid"
)

// termBeyond is the field of a term that people don't write, see [Beyond].
const termBeyond whodid.FilterField = "beyond"

// The terms of executions that all fit, and that none does.
const (
	beyondAll  = "all"
	beyondNone = "none"
)

// Beyond is the term of executions of which an event is in the log at a place or
// behind it; with not, of those of which none is. It reads the events from there on,
// however many runs there are: a run does not know its last place in the log.
func Beyond(place uint64, not bool) whodid.Term {
	return whodid.Term{Not: not, Field: termBeyond, Values: []string{strconv.FormatUint(min(place, 1<<62), 10)}}
}

// Anything is the term that every execution fits, or with not, none.
func Anything(not bool) whodid.Term {
	if not {
		return whodid.Term{Field: termBeyond, Values: []string{beyondNone}}
	}
	return whodid.Term{Field: termBeyond, Values: []string{beyondAll}}
}

// beyond is the condition of a value of [termBeyond]. $1 is the organisation.
func (c *clause) beyond(v string) string {
	if v == beyondAll {
		return "1 = 1"
	}
	place, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return "1 = 0"
	}
	return "id IN (SELECT later.execution FROM event AS later WHERE " + laterEvents(c.arg(place)) + ")"
}

// laterEvents are the conditions of events of executions from a place on.
func laterEvents(place string) string {
	return "later.org = $1 AND later.seq >= " + place + " AND later.execution <> ''"
}

// CountBeyond counts the selected runs of which an event is in the log at a place or
// behind it.
func (s *Store) CountBeyond(ctx context.Context, org string, sel Selection, place uint64) (int64, error) {
	sel.RunsOnly = true
	c := clause{dialect: s.dialect}
	query := c.countBeyond(org, &sel, place)
	var n int64
	if err := s.read.QueryRowContext(within(ctx, org), query, c.args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("couldn't count the runs of later events: %w", explain(err))
	}
	return n, nil
}

// countBeyond goes from the events to their runs: the join keeps SQLite from reading
// all runs of the time instead.
func (c *clause) countBeyond(org string, sel *Selection, place uint64) string {
	c.executions(org, sel)
	later := laterEvents(c.arg(int64(min(place, 1<<62))))
	return `SELECT COUNT(*) FROM (SELECT DISTINCT later.execution AS late FROM event AS later WHERE ` + later + `) AS tail CROSS JOIN execution ` +
		c.where() + ` AND id = tail.late`
}

// AreBeyond tells of which of the executions an event is in the log at a place or
// behind it, by one look into the index for each.
func (s *Store) AreBeyond(ctx context.Context, org string, executions []string, place uint64) (map[string]bool, error) {
	beyond := map[string]bool{}
	if len(executions) == 0 {
		return beyond, nil
	}
	query, args := areBeyond(s.dialect, org, executions, place)
	ids, err := queryColumn[string](within(ctx, org), s.read, query, args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't look for later events of runs: %w", explain(err))
	}
	for _, id := range ids {
		beyond[id] = true
	}
	return beyond, nil
}

func areBeyond(d dialect, org string, executions []string, place uint64) (query string, args []any) {
	in, arg := d.among("execution", 2, executions)
	return `SELECT DISTINCT execution FROM event WHERE org = $1 AND execution <> '' AND ` + in + ` AND seq >= $3`, []any{org, arg, int64(min(place, 1<<62))}
}
