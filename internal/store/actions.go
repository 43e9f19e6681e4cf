package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/whodid/whodid"
)

// ActionCount is how often one kind of action had one result.
type ActionCount struct {
	What   string
	Result string
	Count  int64
}

// microsPerHour is how long the hours of action_hour are.
const microsPerHour = int64(time.Hour / time.Microsecond)

// actionHour is a row of action_hour.
type actionHour struct {
	hour int64 // hours since 1970
	ActionCount
}

const addActions = `ON CONFLICT (org, hour, what, result) DO UPDATE SET n = action_hour.n + excluded.n`

// ActionHours counts actions as action_hour does.
type ActionHours map[actionHour]int64

// Add counts an event, if it is an action and no attempt.
func (h ActionHours) Add(r *Row) {
	_, action := classOf(r.What)
	if _, attempt := whodid.SettledID(r.ID); action == 1 && !attempt {
		h[actionHour{whodid.Micros(r.At) / microsPerHour, ActionCount{What: r.What, Result: string(r.Result)}}]++
	}
}

// Join adds what others counted.
func (h ActionHours) Join(others ActionHours) {
	for a, n := range others {
		h[a] += n
	}
}

// actionsOf counts the actions among rows by hour, kind and result, without
// attempts.
func actionsOf(rows []*Row) []actionHour {
	counts := ActionHours{}
	for _, r := range rows {
		counts.Add(r)
	}
	out := make([]actionHour, 0, len(counts))
	for a, n := range counts {
		a.Count = n
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y actionHour) int {
		return cmp.Or(cmp.Compare(x.hour, y.hour), cmp.Compare(x.What, y.What), cmp.Compare(x.Result, y.Result))
	})
	return out
}

// insertActionHour adds to one row; actionHourArgs are its arguments.
const insertActionHour = `INSERT INTO action_hour (org, hour, what, result, n) VALUES ($1, $2, $3, $4, $5) ` + addActions

func actionHourArgs(org string, actions []actionHour) [][]any {
	out := make([][]any, len(actions))
	for i := range actions {
		a := &actions[i]
		out[i] = []any{org, a.hour, a.What, a.Result, a.Count}
	}
	return out
}

// countedHours is a condition for what action_hour counts.
const countedHours = `action = 1 AND NOT (id >= 'try-' AND id < 'try.')`

// CountActions counts the selected actions by kind and result. Where there are
// terms of runs, only what was done in a run that they fit is counted. Where nothing
// but a time selects, whole hours are added up.
func (s *Store) CountActions(ctx context.Context, org string, sel Selection, runs ...whodid.Term) ([]ActionCount, error) {
	sel.ActionsOnly = true
	c := clause{dialect: s.dialect}
	var from string
	if len(sel.Terms)+len(sel.Squads)+len(runs) == 0 {
		from = c.actionsByHour(org, sel.Since, sel.Until)
	} else {
		c.events(org, &sel)
		c.inRuns(runs)
		from = `SELECT what, result, 1 AS n FROM event ` + c.where()
	}
	query := `SELECT what, result, SUM(n) AS n FROM (` + from + `) AS a GROUP BY what, result ORDER BY 3 DESC, what, result`
	out, err := queryRows(within(ctx, org), s.read, query, c.args, func(rows *sql.Rows, a *ActionCount) error {
		return rows.Scan(&a.What, &a.Result, &a.Count)
	})
	if err != nil {
		return nil, fmt.Errorf("couldn't count the actions: %w", explain(err))
	}
	return out, nil
}

// actionsByHour are the whole hours of a time, the actions that are left of it at its
// edges, and the attempts of which no more is known.
func (c *clause) actionsByHour(org string, since, until time.Time) string {
	place := c.arg(org)
	from, to := int64(0), int64(1<<62)
	if !since.IsZero() {
		from = whodid.Micros(since)
	}
	if !until.IsZero() {
		to = whodid.Micros(until)
	}
	between := func(column string, low, high int64, bounded bool) string {
		condition := ""
		if bounded {
			condition = ` AND ` + column + ` >= ` + c.arg(low)
		}
		return condition + ` AND ` + column + ` < ` + c.arg(high)
	}
	events := func(low, high int64) string {
		return `SELECT what, result, 1 AS n FROM event WHERE org = ` + place + ` AND ` + countedHours + between("at", low, high, !since.IsZero())
	}
	attempts := ` UNION ALL SELECT what, result, 1 AS n FROM event WHERE org = ` + place + ` AND action = 1 AND id >= 'try-' AND id < 'try.'` +
		between("at", from, to, !since.IsZero()) +
		// Asked for one by one: few attempts have no result, and there are many ids.
		` AND (SELECT settled.seq FROM event_id AS settled WHERE settled.org = event.org AND settled.id = 'evt-' || substr(event.id, 5)) IS NULL`
	first, end := (from+microsPerHour-1)/microsPerHour, to/microsPerHour
	if from < 0 || first >= end { // hours before 1970 begin at another end
		return events(from, to) + attempts
	}
	hours := `SELECT what, result, n FROM action_hour WHERE org = ` + place + ` AND n <> 0` + between("hour", first, end, !since.IsZero())
	if !since.IsZero() {
		hours += ` UNION ALL ` + events(from, first*microsPerHour)
	}
	if !until.IsZero() {
		hours += ` UNION ALL SELECT what, result, 1 AS n FROM event WHERE org = ` + place + ` AND ` + countedHours + between("at", end*microsPerHour, to, true)
	}
	return hours + attempts
}
