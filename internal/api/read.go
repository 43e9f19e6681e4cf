package api

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
)

// The answers of lists: what the command line prints, and how to go on.
type (
	// EventPage is a part of the log.
	EventPage struct {
		ask.EventList
		// Cursor asks for the next page; null at the end.
		Cursor *string `json:"cursor"`
	}
	// ExecutionPage is a part of the runs.
	ExecutionPage struct {
		ask.ExecutionList
		// Cursor asks for the next page; null at the end.
		Cursor *string `json:"cursor"`
	}
	// SessionPage is a part of the sessions.
	SessionPage struct {
		ask.SessionList
		// Cursor asks for the next page; null at the end.
		Cursor *string `json:"cursor"`
	}
	// ActionPage is a part of what was done.
	ActionPage struct {
		ask.ActionList
		// Cursor asks for the next page; null at the end.
		Cursor *string `json:"cursor"`
	}
)

// How many rows a page has.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// place is a cursor as it is written. What is in it is ours alone, and may
// change.
type place struct {
	List string `json:"l"`
	At   int64  `json:"t,omitempty"` // microseconds since 1970; 0 is unknown
	ID   string `json:"i,omitempty"`
	Seq  uint64 `json:"s,omitempty"`
}

func writeCursor(list string, p *ask.Place) *string {
	if p == nil {
		return nil
	}
	out := place{List: list, ID: p.ID, Seq: p.Seq}
	if !p.At.IsZero() {
		out.At = whodid.Micros(p.At)
	}
	b, _ := json.Marshal(out) // numbers and text
	s := base64.RawURLEncoding.EncodeToString(b)
	return &s
}

// cursor reads the cursor of the request; nil is the beginning.
func (c *call) cursor() (*ask.Place, error) {
	s := c.r.URL.Query().Get("cursor")
	if s == "" {
		return nil, nil
	}
	var p place
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &p)
	}
	if err != nil || p.List != c.op.ID {
		return nil, wrong(http.StatusBadRequest, "the cursor is none of this list")
	}
	out := &ask.Place{ID: p.ID, Seq: p.Seq}
	if p.At != 0 {
		out.At = whodid.FromMicros(p.At)
	}
	return out, nil
}

// number reads a whole number of the query.
func (c *call) number(name string, or, largest uint64) (uint64, error) {
	s := c.r.URL.Query().Get(name)
	if s == "" {
		return or, nil
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n > largest {
		return 0, wrong(http.StatusBadRequest, "%s must be a whole number up to %d", name, largest)
	}
	return n, nil
}

// selection reads what is to be listed.
func (c *call) selection() (ask.Selection, error) {
	sel := ask.Selection{Squads: c.id.Squads}
	limit, err := c.number("limit", DefaultPage, MaxPage)
	if err != nil {
		return sel, err
	}
	sel.Limit = max(int(limit), 1)
	sel.Filter, err = whodid.ParseFilter(c.r.URL.Query().Get("q"), c.api.options.Now())
	return sel, err
}

func (c *call) listEvents() error {
	sel, err := c.selection()
	if err != nil {
		return err
	}
	after, err := c.cursor()
	if err != nil {
		return err
	}
	from, err := c.number("from", 0, 1<<62)
	if err != nil {
		return err
	}
	if after != nil {
		from = after.Seq
	}
	list, next, err := c.tenant.Asker.SelectEvents(c.ctx, sel, from)
	if err != nil {
		return err
	}
	return c.answer(EventPage{*list, writeCursor(c.op.ID, next)})
}

func (c *call) listExecutions() error {
	sel, err := c.selection()
	if err != nil {
		return err
	}
	after, err := c.cursor()
	if err != nil {
		return err
	}
	list, next, err := c.tenant.Asker.SelectExecutions(c.ctx, sel, after)
	if err != nil {
		return err
	}
	return c.answer(ExecutionPage{*list, writeCursor(c.op.ID, next)})
}

func (c *call) listActions() error {
	sel, err := c.selection()
	if err != nil {
		return err
	}
	before, err := c.cursor()
	if err != nil {
		return err
	}
	list, next, err := c.tenant.Asker.SelectActions(c.ctx, sel, before)
	if err != nil {
		return err
	}
	return c.answer(ActionPage{*list, writeCursor(c.op.ID, next)})
}

func (c *call) search() error {
	sel := ask.Selection{Squads: c.id.Squads}
	limit, err := c.number("limit", ask.DefaultHits, ask.MaxHits)
	if err != nil {
		return err
	}
	sel.Limit = max(int(limit), 1)
	q := c.r.URL.Query()
	if sel.Filter, err = whodid.ParseFilter(q.Get("q"), c.api.options.Now()); err != nil {
		return err
	}
	found, err := c.tenant.Asker.Search(c.ctx, sel, q.Get("cursor"))
	if errors.Is(err, ask.ErrCursor) {
		return wrong(http.StatusBadRequest, "%v", err)
	}
	if err != nil {
		return err
	}
	return c.answer(found)
}

func (c *call) showEvent() error {
	e, err := c.tenant.Asker.Event(c.ctx, c.r.PathValue("id"), c.id.Squads)
	if err != nil {
		return err
	}
	return c.answer(e)
}

func (c *call) showExecution() error {
	show, err := c.tenant.Asker.ShowTo(c.ctx, c.r.PathValue("id"), c.id.Squads)
	if err != nil {
		return err
	}
	// A policy that can't be read is no reason to show nothing.
	if rules, signature, err := c.rules(); err == nil {
		if err := c.tenant.Asker.Judge(c.ctx, show, rules.Policy, signature); err != nil {
			return err
		}
	}
	return c.answer(show)
}

// maySee tells whether who asks may see the work of a squad.
func (c *call) maySee(squad string) bool {
	return len(c.id.Squads) == 0 || slices.Contains(c.id.Squads, squad)
}

// zone is the time zone that the months and days of the request are of.
func (c *call) zone() (*time.Location, error) {
	zone, err := ask.ParseZone(c.r.URL.Query().Get("zone"))
	if err != nil {
		return nil, wrong(http.StatusBadRequest, "zone: %v", err)
	}
	return zone, nil
}

// period reads which runs are to be counted: a filter, and what else is said
// beside it. Who may see some squads only counts theirs.
func (c *call) period() (ask.Selection, error) {
	q := c.r.URL.Query()
	sel := ask.Selection{Squads: c.id.Squads}
	zone, err := c.zone()
	if err != nil {
		return sel, err
	}
	now := c.api.options.Now().In(zone)
	if sel.Filter, err = whodid.ParseFilter(q.Get("q"), now); err != nil {
		return sel, err
	}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"since", &sel.Filter.Since}, {"until", &sel.Filter.Until}} {
		s := q.Get(t.name)
		if s == "" {
			continue
		}
		if *t.to, err = whodid.ParseTime(s, now); err != nil {
			return sel, wrong(http.StatusBadRequest, "%s: %v", t.name, err)
		}
	}
	if s := q.Get("month"); s != "" {
		month, err := ask.ParseMonth(s, zone)
		if err != nil || q.Get("since")+q.Get("until") != "" {
			return sel, wrong(http.StatusBadRequest, "month must be such as 2026-10, and stand without since and until")
		}
		sel.Filter.Since, sel.Filter.Until = month.Since, month.Until
	}
	if sel.Filter.Since.IsZero() {
		sel.Filter.Since = now.Add(-ask.DefaultPeriod)
	}
	for _, t := range []struct {
		field whodid.FilterField
		value string
	}{{whodid.FilterAgent, q.Get("agent")}, {whodid.FilterSquad, q.Get("squad")}, {whodid.FilterStatus, q.Get("status")}} {
		if t.value != "" {
			sel.Filter.Terms = append(sel.Filter.Terms, whodid.Term{Field: t.field, Values: []string{t.value}})
		}
	}
	if squad := q.Get("squad"); squad != "" && !c.maySee(squad) {
		return sel, wrong(http.StatusForbidden, "not allowed: you may not see the squad %s", squad)
	}
	return sel, nil
}

func (c *call) history() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	runs := c.r.URL.Query().Get("runs")
	if runs != "" && runs != "true" && runs != "false" {
		return wrong(http.StatusBadRequest, "runs must be true or false")
	}
	sel.Limit = MaxPage // of the single runs; the sums are over all
	h, err := c.tenant.Asker.History(c.ctx, sel, runs == "true")
	if err != nil {
		return err
	}
	return c.answer(h)
}

func (c *call) stats() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	s, err := c.tenant.Asker.Stats(c.ctx, sel)
	if err != nil {
		return err
	}
	return c.answer(s)
}

func (c *call) why() error {
	id := strings.ToLower(c.r.PathValue("id"))
	if len(id) < 7 || len(id) > 64 || strings.Trim(id, "0123456789abcdef") != "" {
		return wrong(http.StatusBadRequest, "%q is not the hash of a commit", id)
	}
	w, err := c.tenant.Asker.WhyCommit(c.ctx, id, c.id.Squads)
	if err != nil {
		return err
	}
	return c.answer(w)
}

func (c *call) catalogue() error { return c.answer(Catalogue{Kinds: whodid.Catalogue()}) }

func (c *call) schema() error {
	text, ok := ask.Schema(c.r.PathValue("name"))
	if !ok {
		return wrong(http.StatusNotFound, "there is no such schema; there are: %s", strings.Join(ask.Schemas(), ", "))
	}
	return c.send("application/schema+json", "max-age=300", text)
}

func (c *call) listSessions() error {
	sel, err := c.period()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", DefaultPage, MaxPage)
	if err != nil {
		return err
	}
	after, err := c.cursor()
	if err != nil {
		return err
	}
	q := c.r.URL.Query()
	list, next, err := c.tenant.Asker.SelectSessions(c.ctx, ask.SessionFilter{
		Agent: q.Get("agent"), Client: q.Get("client"), Squads: sel.Squads, Since: sel.Filter.Since, Until: sel.Filter.Until, Limit: max(int(limit), 1),
	}, after)
	if err != nil {
		return err
	}
	return c.answer(SessionPage{*list, writeCursor(c.op.ID, next)})
}

func (c *call) showSession() error {
	s, err := c.tenant.Asker.SessionTo(c.ctx, c.r.PathValue("id"), c.id.Squads)
	if err != nil {
		return err
	}
	return c.answer(s)
}
