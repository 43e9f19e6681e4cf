package store

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// level is a table of sums: each row is what the runs add up to that ended in one
// unit of time, began in one, and share the rest.
type level struct {
	table string
	unit  int64 // in microseconds
	// models tells whether it has what each model used.
	models bool
}

// levels are the tables of sums, the coarsest first.
var levels = []level{
	{"run_day", (24 * time.Hour).Microseconds(), true},
	{"run_hour", time.Hour.Microseconds(), false},
}

// undated is the unit of time in which runs began whose start nobody told.
const undated = -1_000_000_000

// sumsOf says what sums are asked for.
type sumsOf struct {
	// models asks for what each model used, as used and used_state, and not for
	// what a run did.
	models bool
	// runs asks for the id of each run.
	runs bool
	// times must be multiples of a level's unit, or it does not know of a run in
	// which stretch of time it began.
	times []int64
}

// The columns of sums, in the order of each SELECT.
const (
	sumColumns   = `agent, squad, status, trigger, model, cost_state, repository, began, runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros`
	modelColumns = `, used, used_state, calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown`
)

func (n *sumsOf) columns() []string {
	columns := sumColumns
	if n.models {
		columns += modelColumns
	}
	if n.runs {
		columns += `, id`
	}
	return strings.Split(columns, ", ")
}

// narrowed tells whether sums know all that the selection names: only runs, and only
// by what sums have.
func (n *sumsOf) narrowed(sel *Selection) bool {
	for i := range sel.Terms {
		switch t := &sel.Terms[i]; t.Field {
		case termBeyond:
			if t.Values[0] != beyondAll && t.Values[0] != beyondNone {
				return false
			}
		case whodid.FilterAgent, whodid.FilterSquad, whodid.FilterStatus, whodid.FilterModel, whodid.FilterCost, whodid.FilterRepository:
		case whodid.FilterTrigger:
			if slices.ContainsFunc(t.Values, func(v string) bool {
				_, detail, err := whodid.ParseTrigger(v)
				return err == nil && detail != ""
			}) {
				return false
			}
		default:
			return false
		}
	}
	return sel.RunsOnly && !sel.Undated && !n.runs
}

// has tells whether a level knows what is asked for.
func (n *sumsOf) has(l *level) bool {
	return (l.models || !n.models) && !slices.ContainsFunc(n.times, func(t int64) bool { return t%l.unit != 0 })
}

// sums is a query for what the selected runs add up to: out of the coarsest tables
// that know enough, and run by run where the selection cuts through their units, and
// for the runs at work, which are in none. summed tells whether tables have a part in
// it. exact are the conditions by which single runs are selected.
func (c *clause) sums(org string, sel *Selection, need sumsOf) (from, exact string, summed bool) {
	if place, rest, ok := withoutLater(sel); ok && need.narrowed(rest) {
		from, exact, summed = c.sums(org, rest, need)
		later := c.beyond(place)
		for _, runs := range c.runByRun(exact+` AND `+later, &need) {
			from += unionAll + need.less(runs)
		}
		return from, exact + ` AND NOT ` + later, summed
	}
	c.fitting(org, sel)
	fits := c.where()
	c.during(sel)
	exact = c.where()
	if !need.narrowed(sel) {
		return strings.Join(c.runByRun(exact, &need), unionAll), exact, false
	}
	rest := []box{boxOf(sel)}
	var parts []string
	for i := range levels {
		l := &levels[i]
		if !need.has(l) {
			continue
		}
		var finer []box
		for _, b := range rest {
			inner, edges := b.divide(l.unit)
			finer = append(finer, edges...)
			if !inner.empty() {
				parts = append(parts, c.level(l, fits, inner, &need))
			}
		}
		rest = finer
	}
	for _, b := range rest {
		parts = append(parts, c.runByRun(fits+` AND subagent = '' AND status <> 'running'`+c.within(b, 1, atWorkUntil, "started_at"), &need)...)
	}
	parts = append(parts, c.runByRun(exact+` AND `+runsAtWork, &need)...)
	if !sel.Until.IsZero() && sel.BeganSince.IsZero() && sel.BeganUntil.IsZero() {
		parts = append(parts, c.runByRun(exact+` AND started_at IS NULL AND status <> 'running'`, &need)...)
	}
	return strings.Join(parts, unionAll), exact, true
}

const unionAll = ` UNION ALL `

// addsUp is the condition of a group in which there is a run at all, for what sums
// take away again may leave nothing.
const addsUp = ` HAVING SUM(runs) > 0`

// runsAtWork selects the runs at work. The second condition is for the index.
const runsAtWork = `subagent = '' AND status = 'running' AND ` + atWorkUntil + ` = 9223372036854775807`

// level selects the rows of a table of sums that lie in a box.
func (c *clause) level(l *level, fits string, b box, need *sumsOf) string {
	columns := need.columns()
	for i, name := range columns {
		switch name {
		case "began":
			columns[i] = fmt.Sprintf("CASE WHEN began = %d THEN NULL ELSE began * %d END AS began", undated, l.unit)
		case "used":
			columns[i] = "CASE WHEN part = 2 THEN used ELSE model END AS used"
		case "used_state":
			columns[i] = "CASE WHEN part = 2 THEN used_state ELSE cost_state END AS used_state"
		}
	}
	where := fits + c.within(b, l.unit, "ended", "began")
	if b.began.from == math.MinInt64 && b.began.until != math.MaxInt64 {
		where += fmt.Sprintf(" AND began > %d", undated)
	}
	switch {
	case need.models:
		where += " AND part <> 1"
	case l.models:
		where += " AND part < 2"
	}
	return `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + l.table + ` ` + where
}

// within are the conditions that an end and a beginning lie in a box.
func (c *clause) within(b box, unit int64, ended, began string) string {
	var conditions strings.Builder
	for _, side := range []struct {
		span
		column string
	}{{b.ended, ended}, {b.began, began}} {
		if side.from != math.MinInt64 {
			conditions.WriteString(" AND " + side.column + " >= " + c.arg(side.from/unit))
		}
		if side.until != math.MaxInt64 {
			conditions.WriteString(" AND " + side.column + " < " + c.arg(side.until/unit))
		}
	}
	return conditions.String()
}

// eachRun are the columns of sums, of one run.
var eachRun = map[string]string{
	"began": "started_at", "runs": "1", "cost_micros": "cost_known", "tokens_in": "COALESCE(tokens_in, 0)", "tokens_out": "COALESCE(tokens_out, 0)",
	"tokens_cache_read": "COALESCE(tokens_cache_read, 0)", "tokens_cache_write": "COALESCE(tokens_cache_write, 0)", "tokens_unknown": one("tokens_in IS NULL"),
	"micros": "COALESCE(completed_at - started_at, 0)", "used": "model", "used_state": "cost_state", "uncalled": one("calls = 0"), "out_unknown": one("tokens_out IS NULL"),
	"cache_read_unknown": one("tokens_cache_read IS NULL"), "cache_write_unknown": one("tokens_cache_write IS NULL"), "part": one("parts <> ''"),
}

// eachPart are those that differ, of what one model used of a run; in braces is what
// is kept of that.
var eachPart = map[string]string{
	"cost_micros": "{cost}", "tokens_in": "COALESCE({in}, 0)", "tokens_out": "COALESCE({out}, 0)", "tokens_cache_read": "COALESCE({cr}, 0)",
	"tokens_cache_write": "COALESCE({cw}, 0)", "tokens_unknown": one("{in} IS NULL"), "micros": "0", "used": "{model}", "used_state": "{state}", "calls": "{calls}",
	"uncalled": one("{calls} = 0"), "out_unknown": one("{out} IS NULL"), "cache_read_unknown": one("{cr} IS NULL"), "cache_write_unknown": one("{cw} IS NULL"), "part": "2",
}

// one is 1 where the condition holds.
func one(condition string) string { return "CASE WHEN " + condition + " THEN 1 ELSE 0 END" }

// runByRun selects what single runs add, or what each model does that they used.
func (c *clause) runByRun(where string, need *sumsOf) []string {
	columns := need.columns()
	if !need.models {
		return []string{`SELECT ` + expressions("", columns, eachRun) + ` FROM execution ` + where}
	}
	return []string{
		`SELECT ` + expressions("", columns, eachRun) + ` FROM execution ` + where + ` AND parts = ''`,
		c.dialect.parts(expressions("x.", columns, eachPart, eachRun), `(SELECT * FROM execution `+where+` AND parts <> '')`),
	}
}

// added is a query for the rows of a level as the runs add up to them that a
// condition selects.
func (l *level) added(d dialect, where string) string {
	keys, sums := l.columns()
	at := map[string]string{"ended": floorOf(atWorkUntil, l.unit), "began": fmt.Sprintf("COALESCE(%s, %d)", floorOf("started_at", l.unit), undated)}
	columns := strings.Split(keys+", "+sums, ", ")
	where += ` AND subagent = '' AND status <> 'running'`
	each := `SELECT ` + expressions("", columns, at, map[string]string{"used": "''", "used_state": "''"}, eachRun) + ` FROM execution ` + where
	if l.models {
		each += unionAll + d.parts(expressions("x.", columns, at, eachPart, eachRun), `(SELECT * FROM execution `+where+` AND parts <> '')`)
	}
	return `SELECT ` + keys + `, SUM(` + strings.ReplaceAll(sums, ", ", "), SUM(") + `) FROM (` + each + `) AS x GROUP BY ` + keys
}

// kept is a query for the rows of a level.
func (l *level) kept() string {
	keys, sums := l.columns()
	return `SELECT ` + keys + `, ` + sums + ` FROM ` + l.table
}

// columns are by what a level adds up, and what.
func (l *level) columns() (keys, sums string) {
	keys = "ended, began, agent, squad, status, trigger, model, cost_state, repository"
	sums = "runs, cost_micros, tokens_in, tokens_out, tokens_cache_read, tokens_cache_write, tokens_unknown, micros"
	if l.models {
		keys += ", part, used, used_state"
		sums += ", calls, uncalled, out_unknown, cache_read_unknown, cache_write_unknown"
	}
	return keys, sums
}

// floorOf divides a time by a unit, before 1970 too.
func floorOf(at string, unit int64) string {
	return fmt.Sprintf("((%[1]s) - ((%[1]s) %% %[2]d + %[2]d) %% %[2]d) / %[2]d", at, unit)
}

// expressions are columns as the first of the lists has them that has them.
func expressions(prefix string, columns []string, lists ...map[string]string) string {
	out := make([]string, len(columns))
	for i, name := range columns {
		out[i] = prefix + name
		for _, list := range lists {
			if e, ok := list[name]; ok {
				out[i] = e + " AS " + name
				break
			}
		}
	}
	return strings.Join(out, ", ")
}

// partNames are what is kept of what a model used, see [partsText].
var partNames = []string{"model", "state", "calls", "cost", "in", "out", "cr", "cw"}

func (postgres) parts(columns, runs string) string {
	for _, name := range partNames {
		columns = strings.ReplaceAll(columns, "{"+name+"}", `p."`+name+`"`)
	}
	return `SELECT ` + columns + ` FROM ` + runs + ` AS x, json_to_recordset(x.parts::json) ` +
		`AS p(model text, state text, calls bigint, cost bigint, "in" bigint, "out" bigint, cr bigint, cw bigint)`
}

func (sqlite) parts(columns, runs string) string {
	for _, name := range partNames {
		columns = strings.ReplaceAll(columns, "{"+name+"}", `(p.value ->> '`+name+`')`)
	}
	return `SELECT ` + columns + ` FROM ` + runs + ` AS x, json_each(x.parts) AS p`
}
