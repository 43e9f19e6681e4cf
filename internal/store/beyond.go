package store

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"

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
	return c.dialect.hasLater(cmp.Or(c.runs, "execution"), laterEvents(c.arg(place)))
}

// hasLater has the events read once, however many runs are asked for.
func (sqlite) hasLater(runs, later string) string {
	return runs + ".id IN (SELECT later.execution FROM event AS later WHERE " + later + ")"
}

// hasLater is written so that PostgreSQL joins the two. Of a list it would make a table
// in memory, and where it guesses that there is no room for that, read all of the
// events again for each run.
func (postgres) hasLater(runs, later string) string {
	return "EXISTS (SELECT 1 FROM event AS later WHERE " + later + " AND later.execution = " + runs + ".id)"
}

// withoutLater is the selection without the terms that no event of a run is in the log
// at a place or behind it, and the first such place. Those that these leave out are
// few, and are taken away from what the others add up to.
func withoutLater(sel *Selection) (place string, rest *Selection, ok bool) {
	var first int64
	left := *sel
	left.Terms = nil
	for _, t := range sel.Terms {
		if t.Field == termBeyond && t.Not {
			if n, err := strconv.ParseInt(t.Values[0], 10, 64); err == nil {
				if !ok || n < first {
					first = n
				}
				ok = true
				continue
			}
		}
		left.Terms = append(left.Terms, t)
	}
	return strconv.FormatInt(first, 10), &left, ok
}

// less is what single runs take away again.
func (n *sumsOf) less(runs string) string {
	columns := n.columns()
	for i, name := range columns {
		switch name {
		case "agent", "squad", "status", "trigger", "model", "cost_state", "repository", "began", "used", "used_state":
		default:
			columns[i] = "-" + name
		}
	}
	return `SELECT ` + strings.Join(columns, ", ") + ` FROM (` + runs + `) AS less`
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
