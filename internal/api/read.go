package api

import (
	"encoding/base64"
	"encoding/json"
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

func (c *call) showEvent() error {
	e, err := c.tenant.Asker.Event(c.ctx, c.r.PathValue("id"), c.id.Squads)
	if err != nil {
		return err
	}
	return c.answer(e)
}

func (c *call) showExecution() error {
	show, err := c.tenant.Asker.Show(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if !c.maySee(show.Squad) {
		return wrong(http.StatusNotFound, "no execution of the trail begins with %q: not found", c.r.PathValue("id"))
	}
	return c.answer(show)
}

// maySee tells whether who asks may see the work of a squad.
func (c *call) maySee(squad string) bool {
	return len(c.id.Squads) == 0 || slices.Contains(c.id.Squads, squad)
}

// period reads which runs are to be counted. Who may see one squad only counts
// that one.
func (c *call) period() (ask.Filter, error) {
	q := c.r.URL.Query()
	now := c.api.options.Now()
	f := ask.Filter{Agent: q.Get("agent"), Squad: q.Get("squad"), Status: whodid.Status(q.Get("status")), Since: now.Add(-ask.DefaultPeriod)}
	for _, t := range []struct {
		name string
		to   *time.Time
	}{{"since", &f.Since}, {"until", &f.Until}} {
		s := q.Get(t.name)
		if s == "" {
			continue
		}
		at, err := whodid.ParseTime(s, now)
		if err != nil {
			return f, wrong(http.StatusBadRequest, "%s: %v", t.name, err)
		}
		*t.to = at
	}
	if f.Squad == "" && len(c.id.Squads) == 1 {
		f.Squad = c.id.Squads[0]
	}
	switch {
	case f.Squad == "" && len(c.id.Squads) > 1:
		return f, wrong(http.StatusForbidden, "not allowed: name one of the squads that you may see: squad=%s", strings.Join(c.id.Squads, ", squad="))
	case !c.maySee(f.Squad):
		return f, wrong(http.StatusForbidden, "not allowed: you may not see the squad %s", f.Squad)
	case len(c.id.Squads) > 0 && f.Agent != "" && !strings.HasPrefix(f.Agent, f.Squad+"/"):
		return f, wrong(http.StatusForbidden, "not allowed: %s is no agent of %s", f.Agent, f.Squad)
	}
	return f, nil
}

func (c *call) history() error {
	f, err := c.period()
	if err != nil {
		return err
	}
	runs := c.r.URL.Query().Get("runs")
	if runs != "" && runs != "true" && runs != "false" {
		return wrong(http.StatusBadRequest, "runs must be true or false")
	}
	f.Limit = MaxPage // of the single runs; the sums are over all
	h, err := c.tenant.Asker.History(c.ctx, f, runs == "true")
	if err != nil {
		return err
	}
	return c.answer(h)
}

func (c *call) stats() error {
	f, err := c.period()
	if err != nil {
		return err
	}
	s, err := c.tenant.Asker.Stats(c.ctx, f)
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
	if len(c.id.Squads) > 0 {
		return wrong(http.StatusForbidden, "not allowed: the runs behind a commit may be of squads that you may not see")
	}
	w, err := c.tenant.Asker.WhyCommit(c.ctx, id)
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
	f, err := c.period()
	if err != nil {
		return err
	}
	limit, err := c.number("limit", DefaultPage, MaxPage)
	if err != nil {
		return err
	}
	if f.Agent == "" && f.Squad != "" {
		f.Agent = f.Squad + "/*"
	}
	list, err := c.tenant.Asker.Sessions(c.ctx, ask.SessionFilter{
		Agent: f.Agent, Client: c.r.URL.Query().Get("client"), Since: f.Since, Until: f.Until, Limit: max(int(limit), 1),
	})
	if err != nil {
		return err
	}
	return c.answer(list)
}

func (c *call) showSession() error {
	s, err := c.tenant.Asker.Session(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return err
	}
	if !c.maySee(whodid.Squad(s.Agent)) {
		return wrong(http.StatusNotFound, "no session of the trail begins with %q: not found", c.r.PathValue("id"))
	}
	return c.answer(s)
}
