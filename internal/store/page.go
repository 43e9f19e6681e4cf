package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
)

// Selection selects a part of the trail for a list that is read page by page.
// Zero fields select everything.
type Selection struct {
	// Terms are those of the filter language; what a list does not have, no row
	// of it fits.
	Terms []whodid.Term
	// Squads are the only squads whose work is shown; none is all of them.
	Squads []string
	// Since and Until select executions by overlap and events by their own time.
	Since, Until time.Time
	// BeganSince and BeganUntil select executions by when they began.
	BeganSince, BeganUntil time.Time
	// Undated selects executions whose start is not known.
	Undated bool
	// RunsOnly leaves out sub-agents.
	RunsOnly bool
	// ActionsOnly leaves actions, without attempts whose result is known.
	ActionsOnly bool
	// Limit is the most rows of a page.
	Limit int

	// agents are the only ones with runs that fit, where that helps to find them.
	agents []string
}

// ExecutionPlace is where a page of executions ended: behind the execution
// with that start and id.
type ExecutionPlace struct {
	// StartedAt is zero where the start is not known.
	StartedAt time.Time
	ID        string
}

// EventPlace is where a page of events ended.
type EventPlace struct {
	At  time.Time
	Seq uint64
}

// clause gathers conditions and their arguments.
type clause struct {
	dialect    dialect
	conditions []string
	args       []any
	// runs is what the executions that conditions are about are called; empty is
	// "execution".
	runs string
}

// arg adds an argument and returns its place.
func (c *clause) arg(v any) string {
	c.args = append(c.args, v)
	return fmt.Sprintf("$%d", len(c.args))
}

// add adds a condition with one argument in the place of the question mark.
func (c *clause) add(condition string, v any) {
	if !storable(v) {
		c.conditions = append(c.conditions, "1 = 0")
		return
	}
	c.conditions = append(c.conditions, strings.ReplaceAll(condition, "?", c.arg(v)))
}

func (c *clause) where() string { return "WHERE " + strings.Join(c.conditions, " AND ") }

// like is the condition that a column fits a pattern.
func (c *clause) like(column, pattern string) string {
	parts := whodid.Pattern(pattern)
	switch {
	case !storable(pattern):
		return "1 = 0"
	case len(parts) == 1:
		return column + " = " + c.arg(parts[0])
	case len(parts) == 2 && parts[1] == "" && after(parts[0]) != "":
		// Said as a range, an engine knows from what it has counted how many there are.
		column = c.dialect.byBytes(column)
		return "(" + column + " >= " + c.arg(parts[0]) + " AND " + column + " < " + c.arg(after(parts[0])) + ")"
	default:
		condition, arg := c.dialect.glob(column, len(c.args)+1, parts)
		c.args = append(c.args, arg)
		return condition
	}
}

// contains is the condition that one of the columns holds a text, in letters
// of either case.
func (c *clause) contains(text string, columns ...string) string {
	if !storable(text) {
		return "1 = 0"
	}
	escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(whodid.LowerASCII(text))
	place := c.arg("%" + escaped + "%")
	some := make([]string, len(columns))
	for i, column := range columns {
		some[i] = c.dialect.lowerASCII(column) + " LIKE " + place + ` ESCAPE '\'`
	}
	return "(" + strings.Join(some, " OR ") + ")"
}

// term adds one term; value makes the condition of one of its values.
func (c *clause) term(t *whodid.Term, value func(v string) string) {
	some := make([]string, len(t.Values))
	for i, v := range t.Values {
		some[i] = value(v)
	}
	condition := "(" + strings.Join(some, " OR ") + ")"
	if t.Not {
		condition = "NOT " + condition
	}
	c.conditions = append(c.conditions, condition)
}

// executionColumn names the columns of plain fields of executions.
func executionColumn(f whodid.FilterField) string {
	return map[whodid.FilterField]string{
		whodid.FilterAgent: "agent", whodid.FilterSquad: "squad", whodid.FilterStatus: "status", whodid.FilterModel: "model",
		whodid.FilterExecution: "id", whodid.FilterSession: "session", whodid.FilterParent: "parent", whodid.FilterSource: "source",
		whodid.FilterCost: "cost_state", whodid.FilterRepository: "repository",
	}[f]
}

func (c *clause) executions(org string, sel *Selection) {
	c.fitting(org, sel)
	if len(sel.agents) > 0 {
		condition, arg := c.dialect.among("agent", len(c.args)+1, sel.agents)
		c.conditions, c.args = append(c.conditions, condition), append(c.args, arg)
	}
	c.during(sel)
}

// fitting are the conditions that do not ask for a time.
func (c *clause) fitting(org string, sel *Selection) {
	c.add("org = ?", org)
	if len(sel.Squads) > 0 {
		condition, arg := c.dialect.among("squad", len(c.args)+1, sel.Squads)
		c.conditions, c.args = append(c.conditions, condition), append(c.args, arg)
	}
	for i := range sel.Terms {
		t := &sel.Terms[i]
		c.term(t, func(v string) string { return c.executionValue(t, v) })
	}
}

// during are those that do, and whether sub-agents are left out.
func (c *clause) during(sel *Selection) {
	if !sel.Since.IsZero() {
		c.add(atWorkUntil+" >= ?", whodid.Micros(sel.Since))
	}
	if !sel.Until.IsZero() {
		c.add("COALESCE(started_at, completed_at, 0) < ?", whodid.Micros(sel.Until))
	}
	if !sel.BeganSince.IsZero() {
		c.add("started_at >= ?", whodid.Micros(sel.BeganSince))
	}
	if !sel.BeganUntil.IsZero() {
		c.add("started_at < ?", whodid.Micros(sel.BeganUntil))
	}
	if sel.Undated {
		c.conditions = append(c.conditions, "started_at IS NULL")
	}
	if sel.RunsOnly {
		c.conditions = append(c.conditions, "subagent = ''")
	}
}

func (c *clause) executionValue(t *whodid.Term, v string) string {
	switch t.Field {
	case whodid.FilterText:
		return c.contains(v, "agent", "trigger_detail", "why", "status_reason")
	case whodid.FilterTag:
		if !tagName(t.Name) {
			return "1 = 0"
		}
		return c.like("COALESCE(tags ->> CAST("+c.arg(t.Name)+" AS TEXT), '')", v)
	case whodid.FilterIs:
		switch v {
		case whodid.IsRun:
			return "subagent = ''"
		case whodid.IsSubagent:
			return "subagent <> ''"
		default:
			return c.like("CASE WHEN subagent = '' THEN '"+whodid.IsRun+"' ELSE '"+whodid.IsSubagent+"' END", v)
		}
	case whodid.FilterStarted:
		return c.startedIn(v)
	case termBeyond:
		return c.beyond(v)
	case whodid.FilterTrigger:
		kind, detail, err := whodid.ParseTrigger(v)
		switch {
		case err != nil:
			return c.like("trigger", v)
		case detail == "":
			return c.like("trigger", kind)
		default:
			return "(" + c.like("trigger", kind) + " AND " + c.like("trigger_detail", detail) + ")"
		}
	default:
		column := executionColumn(t.Field)
		if column == "" {
			return "1 = 0"
		}
		return c.like(column, v)
	}
}

// startedIn is the condition that an execution began in a span.
func (c *clause) startedIn(span string) string {
	if span == whodid.StartedUnknown {
		return "started_at IS NULL"
	}
	from, until, ok := whodid.ParseSpan(span)
	if !ok {
		return "1 = 0"
	}
	condition := "started_at IS NOT NULL"
	if !from.IsZero() {
		condition += " AND started_at >= " + c.arg(whodid.Micros(from))
	}
	if !until.IsZero() {
		condition += " AND started_at < " + c.arg(whodid.Micros(until))
	}
	return "(" + condition + ")"
}

func (c *clause) events(org string, sel *Selection) {
	c.add("org = ?", org)
	for i := range sel.Terms {
		t := &sel.Terms[i]
		c.term(t, func(v string) string { return c.eventValue(t, v) })
	}
	if len(sel.Squads) > 0 {
		c.conditions = append(c.conditions, c.ofSquads(sel.Squads))
	}
	if !sel.Since.IsZero() {
		c.add("at >= ?", whodid.Micros(sel.Since))
	}
	if !sel.Until.IsZero() {
		c.add("at < ?", whodid.Micros(sel.Until))
	}
	if sel.ActionsOnly {
		c.conditions = append(c.conditions, unsettledActions)
	}
}

// ofSquads is the condition that an event is the work of a squad: one of its
// agents acted, or a run of theirs was acted upon.
func (c *clause) ofSquads(squads []string) string {
	some := make([]string, 0, len(squads)+1)
	for _, squad := range squads {
		some = append(some, c.like("actor", whodid.AgentActor(squad+"/*")))
	}
	condition, arg := c.dialect.among("x.squad", len(c.args)+1, squads)
	c.args = append(c.args, arg)
	some = append(some, "execution <> '' AND EXISTS (SELECT 1 FROM execution AS x WHERE x.org = event.org AND x.id = event.execution AND "+condition+")")
	return "(" + strings.Join(some, " OR ") + ")"
}

// inRuns adds the condition that an event belongs to a run that the terms fit.
func (c *clause) inRuns(terms []whodid.Term) {
	if len(terms) == 0 {
		return
	}
	of := clause{dialect: c.dialect, args: c.args, runs: "x"}
	of.conditions = []string{"x.org = event.org", "x.id = event.execution"}
	for i := range terms {
		t := &terms[i]
		of.term(t, func(v string) string { return of.executionValue(t, v) })
	}
	// The columns of the inner table are meant: it stands nearer.
	c.args = of.args
	c.conditions = append(c.conditions, "execution <> '' AND EXISTS (SELECT 1 FROM execution AS x "+of.where()+")")
}

func (c *clause) eventValue(t *whodid.Term, v string) string {
	column := map[whodid.FilterField]string{
		whodid.FilterActor: "actor", whodid.FilterType: "what", whodid.FilterResult: "result", whodid.FilterTarget: "target",
		whodid.FilterExecution: "execution", whodid.FilterSession: "session", whodid.FilterApproval: "approval", whodid.FilterSource: "source",
	}[t.Field]
	switch {
	case t.Field == whodid.FilterText:
		return c.contains(v, "target", "why")
	case t.Field == whodid.FilterAgent:
		return c.like("actor", whodid.AgentActor(v))
	case t.Field == whodid.FilterSquad:
		return c.like("actor", whodid.AgentActor(v+"/*"))
	case t.Field == whodid.FilterKind:
		return "(" + c.like("what", v+".*") + " OR " + c.like("what", "forge."+v+".*") + ")"
	case column == "":
		return "1 = 0"
	case t.Field == whodid.FilterType:
		return c.ofKind(v)
	case column == "execution" && len(whodid.Pattern(v)) == 1:
		// The index is of those that have one.
		return "(execution <> '' AND " + c.like(column, v) + ")"
	default:
		return c.like(column, v)
	}
}

// ofKind is the condition that an event is of the kinds that a pattern fits. What all
// of these have in common by which few events are found, it says too: that they are
// notable, or kept longer or shorter than runs are.
func (c *clause) ofKind(pattern string) string {
	is := c.like("what", pattern)
	if len(whodid.Pattern(pattern)) == 1 && Notable(pattern) {
		return "(" + notable + " AND " + is + ")"
	}
	fits := whodid.Filter{Terms: []whodid.Term{{Field: whodid.FilterType, Values: []string{pattern}}}}
	var class whodid.Class
	for _, k := range whodid.Catalogue() {
		if !fits.MatchEvent(&whodid.Event{What: k.Name}) {
			continue
		}
		if k.Class == whodid.ClassRun || class != "" && class != k.Class {
			return is
		}
		class = k.Class
	}
	if class == "" {
		return is
	}
	return "(class = '" + string(class) + "' AND " + is + ")"
}

func (sel *Selection) limit() string {
	if sel.Limit <= 0 {
		return ""
	}
	return fmt.Sprintf(" LIMIT %d", sel.Limit)
}

// newestFirst are the ends of the queries for executions whose start is known, one
// after the other: those that began in the time that is asked for are found by their
// start, as many as are needed, and those that had begun before by their end.
func newestFirst(sel *Selection) []func(*clause) string {
	// The order says where those are that are not known even though none is asked
	// for, because that of the index does.
	const order = ` ORDER BY started_at DESC NULLS LAST, id`
	if sel.Since.IsZero() {
		return []func(*clause) string{func(c *clause) string { return c.where() + ` AND started_at IS NOT NULL` + order }}
	}
	since := whodid.Micros(sel.Since)
	return []func(*clause) string{
		func(c *clause) string { return byStart(c.where()) + ` AND started_at >= ` + c.arg(since) + order },
		func(c *clause) string { return c.where() + ` AND +started_at < ` + c.arg(since) + order },
	}
}

// byStart keeps the engines from an index over ends.
func byStart(where string) string {
	return strings.ReplaceAll(where, atWorkUntil, `+(`+atWorkUntil+`)`)
}

// fewRuns asks sums how many runs a filter selects, which an engine would read all
// runs of a time for if they are few: then it looks for them among those of their
// agents. It is -1 where they are many, or not known.
func (s *Store) fewRuns(ctx context.Context, org string, sel *Selection) (int, error) {
	const few = 1000
	if len(sel.Terms) == 0 || sel.Limit == 0 {
		return -1, nil
	}
	c := clause{dialect: s.dialect}
	sums, _, summed := c.sums(org, sel, sumsOf{})
	if !summed {
		return -1, nil
	}
	runs, err := s.countBy(ctx, org, `SELECT agent, SUM(runs) FROM (`+sums+`) AS t GROUP BY agent`, c.args...)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, n := range runs {
		total += n
	}
	if total > few {
		return -1, nil
	}
	sel.agents = slices.Sorted(maps.Keys(runs))
	return int(total), nil
}

// ExecutionPage returns the selected executions behind the place, the last
// started first and those whose start is not known at the end. nil is the
// beginning. What is recorded meanwhile moves nothing from one page to another.
func (s *Store) ExecutionPage(ctx context.Context, org string, sel Selection, after *ExecutionPlace) ([]whodid.Execution, error) {
	ctx = within(ctx, org)
	few, err := s.fewRuns(ctx, org, &sel)
	if err != nil || few == 0 {
		return nil, err
	}
	var out []whodid.Execution
	if after == nil || !after.StartedAt.IsZero() {
		for _, where := range newestFirst(&sel) {
			c := clause{dialect: s.dialect}
			c.executions(org, &sel)
			if after != nil {
				// The first bound is a range of the index, the second is exact.
				at := c.arg(whodid.Micros(after.StartedAt))
				c.conditions = append(c.conditions, "started_at <= "+at, "NOT (started_at = "+at+" AND id <= "+c.arg(after.ID)+")")
			}
			known, err := queryExecutions(ctx, s.read, where(&c)+sel.limit(), c.args...)
			out = append(out, known...)
			if err != nil || sel.Limit > 0 && len(known) == sel.Limit || after == nil && len(out) == few {
				return out, err
			}
			if sel.Limit > 0 {
				sel.Limit -= len(known)
			}
		}
		after = nil
	}
	c := clause{dialect: s.dialect}
	c.executions(org, &sel)
	c.conditions = append(c.conditions, "started_at IS NULL")
	if after != nil {
		c.add("id > ?", after.ID)
	}
	unknown, err := queryExecutions(ctx, s.read, c.where()+" ORDER BY id"+sel.limit(), c.args...)
	return append(out, unknown...), err
}

// NewestPage returns the selected events before the place in time, the newest
// first; nil is the end of time.
func (s *Store) NewestPage(ctx context.Context, org string, sel Selection, before *EventPlace) ([]Row, error) {
	ctx = within(ctx, org)
	c := clause{dialect: s.dialect}
	c.events(org, &sel)
	if before != nil {
		c.conditions = append(c.conditions, "(at, seq) < ("+c.arg(whodid.Micros(before.At))+", "+c.arg(int64(before.Seq))+")")
	}
	return s.collect(ctx, c.where()+" ORDER BY at DESC, seq DESC"+sel.limit(), c.args)
}

// LogPage returns the selected events from the index on, in the order of the
// log.
func (s *Store) LogPage(ctx context.Context, org string, sel Selection, from uint64) ([]Row, error) {
	ctx = within(ctx, org)
	c := clause{dialect: s.dialect}
	c.events(org, &sel)
	c.add("seq >= ?", int64(min(from, 1<<62)))
	return s.collect(ctx, c.where()+" ORDER BY seq"+sel.limit(), c.args)
}

// OfSquads reports whether an event, by its index, is the work of one of the
// squads.
func (s *Store) OfSquads(ctx context.Context, org string, seq uint64, squads []string) (bool, error) {
	ctx = within(ctx, org)
	c := clause{dialect: s.dialect}
	c.events(org, &Selection{Squads: squads})
	c.add("seq = ?", int64(min(seq, 1<<62)))
	found, err := s.collect(ctx, c.where(), c.args)
	return len(found) > 0, err
}
