package page

import (
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// waterfall is a run over time: a lane for each family of actions, one for each
// sub-agent, and what is known to be missing.
type waterfall struct {
	Start, End time.Time
	Lanes      []lane
	// Gaps are where something is missing, across all lanes.
	Gaps  []gapMark
	Ticks []string
	// Left is how many sub-agents have no lane.
	Left int
}

// lane is one row of the waterfall, 1000 wide.
type lane struct {
	Name, Link, Class string
	Hue               int
	// X and W are the stretch of the whole lane; 0 wide for a family.
	X, W  float64
	Marks []mark
	Count int
}

// mark is an action, or several that lie too close to be told apart.
type mark struct {
	X, W  float64
	Class string
	// Link is the action's own place on the page; empty for several.
	Link, Says string
}

type gapMark struct {
	X    float64
	Says string
}

// Bounds of what is drawn: beyond them marks are drawn together, and sub-agents
// are only listed.
const (
	laneWidth  = 1000.0
	laneSlots  = 250
	maxLanes   = 12
	laneEvents = 600
)

// laneOf is what a sub-agent did.
type laneOf struct {
	run     *ask.Execution
	actions []ask.Action
}

// lanesOf reads what sub-agents did.
func (r *request) lanesOf(show *ask.Show) ([]laneOf, error) {
	var out []laneOf
	for i := range show.Children {
		x := &show.Children[i]
		if len(out) == maxLanes {
			break
		}
		term := whodid.Term{Field: whodid.FilterExecution, Values: []string{x.ExecutionID}}
		done, _, err := r.t.Asker.SelectActions(r.ctx, ask.Selection{Filter: whodid.Filter{Terms: []whodid.Term{term}}, Squads: r.id.Squads, Limit: laneEvents}, nil)
		if err != nil {
			return nil, err
		}
		out = append(out, laneOf{x, done.Actions})
	}
	return out, nil
}

// familyNames are the lanes of a run itself, in their order.
func familyNames() [][2]string {
	return [][2]string{
		{familyRead, "Reading"},
		{familyWrite, "Writing"},
		{familyShell, "Commands"},
		{familyForge, "Git, forge"},
		{familyRisk, "Releases"},
		{familyWeb, "Tools, web"},
		{familyAgent, "Agents"},
		{familyOther, "Other"},
	}
}

func newWaterfall(show *ask.Show, children []laneOf, now time.Time) *waterfall {
	w := &waterfall{Left: max(len(show.Children)-len(children), 0)}
	if !w.bounds(show, children, now) {
		return nil
	}
	by := map[string][]*ask.Action{}
	for i := range show.Actions {
		a := &show.Actions[i]
		by[family(a.ActionType)] = append(by[family(a.ActionType)], a)
	}
	for _, f := range familyNames() {
		if list := by[f[0]]; len(list) > 0 {
			w.Lanes = append(w.Lanes, lane{Name: f[1], Class: f[0], Marks: w.marks(list, true), Count: len(list)})
		}
	}
	for _, c := range children {
		list := make([]*ask.Action, len(c.actions))
		for i := range c.actions {
			list[len(list)-1-i] = &c.actions[i]
		}
		l := lane{Name: childName(c.run), Link: "/executions/" + c.run.ExecutionID, Class: "child", Hue: hue(c.run.Agent + c.run.Subagent), Count: len(list), Marks: w.marks(list, false)}
		if c.run.StartedAt != nil {
			end := w.End
			if c.run.CompletedAt != nil {
				end = *c.run.CompletedAt
			}
			l.X = w.x(*c.run.StartedAt)
			l.W = max(w.x(end)-l.X, 2)
		}
		w.Lanes = append(w.Lanes, l)
	}
	for _, g := range show.Gaps {
		says := g.Reason
		if g.Count > 0 {
			says = term.Count(g.Count, "record") + ": " + says
		}
		w.Gaps = append(w.Gaps, gapMark{X: w.x(g.At), Says: "missing: " + term.Clean(says)})
	}
	const ticks = 4
	for i := range ticks + 1 {
		w.Ticks = append(w.Ticks, offset(w.End.Sub(w.Start)*time.Duration(i)/ticks))
	}
	return w
}

func childName(x *ask.Execution) string {
	if x.Subagent != "" {
		return term.Clean(x.Subagent)
	}
	return label(x.Agent)
}

// bounds finds the first and the last moment of all that is drawn; false if none is
// known.
func (w *waterfall) bounds(show *ask.Show, children []laneOf, now time.Time) bool {
	see := func(t *time.Time) {
		if t == nil || t.IsZero() {
			return
		}
		if w.Start.IsZero() || t.Before(w.Start) {
			w.Start = *t
		}
		if t.After(w.End) {
			w.End = *t
		}
	}
	see(show.StartedAt)
	see(show.CompletedAt)
	for i := range show.Actions {
		see(&show.Actions[i].At)
	}
	for i := range show.Gaps {
		see(&show.Gaps[i].At)
	}
	for _, c := range children {
		see(c.run.StartedAt)
		see(c.run.CompletedAt)
	}
	if show.Status == string(whodid.StatusRunning) {
		see(&now)
	}
	return w.Start.Before(w.End)
}

// x is where a moment is.
func (w *waterfall) x(t time.Time) float64 {
	share := float64(t.Sub(w.Start)) / float64(w.End.Sub(w.Start))
	return min(max(share, 0), 1) * laneWidth
}

// marks draws actions in the order of time. An action's time is that of its end
// where it tells how long it took.
func (w *waterfall) marks(list []*ask.Action, own bool) []mark {
	const least = 3.0
	if len(list) > laneSlots {
		return w.slots(list)
	}
	out := make([]mark, len(list))
	for i, a := range list {
		end := w.x(a.At)
		m := mark{X: end, W: least, Class: resultClass(a.Result), Says: term.Clean(cut(a.ActionType+" "+a.Target, 160)) + ", " + label(a.Result)}
		if ms, ok := a.Metadata.Int("duration_ms"); ok && ms > 0 {
			m.X = w.x(a.At.Add(-time.Duration(ms) * time.Millisecond))
			m.W = max(end-m.X, least)
			m.Says += ", took " + term.Duration(time.Duration(ms)*time.Millisecond)
		}
		m.X = min(m.X, laneWidth-m.W)
		if own {
			m.Link = "#" + a.EventID
		}
		out[i] = m
	}
	return out
}

// slots draws many actions together: each slot of the lane says how many, and
// looks like the worst of them.
func (w *waterfall) slots(list []*ask.Action) []mark {
	const width = laneWidth / laneSlots
	type slot struct {
		n     int64
		worst string
	}
	all := make([]slot, laneSlots)
	rank := []string{"ok", "off", "warn", "bad"}
	for _, a := range list {
		s := &all[min(int(w.x(a.At)/width), laneSlots-1)]
		s.n++
		if class := resultClass(a.Result); s.worst == "" || slices.Index(rank, class) > slices.Index(rank, s.worst) {
			s.worst = class
		}
	}
	var out []mark
	for i, s := range all {
		if s.n > 0 {
			out = append(out, mark{X: float64(i) * width, W: width, Class: s.worst, Says: term.Count(s.n, "action")})
		}
	}
	return out
}

// resultClass is how the result of an action looks.
func resultClass(result string) string {
	switch whodid.Result(result) {
	case whodid.ResultSuccess, whodid.ResultApproved:
		return "ok"
	case whodid.ResultFailed, whodid.ResultRejected, whodid.ResultBlocked:
		return "bad"
	case whodid.ResultTimeout, whodid.ResultAttempted, whodid.ResultCancelled:
		return "warn"
	default:
		return "off"
	}
}

// statusClass is how the status of a run looks.
func statusClass(status string) string {
	switch whodid.Status(status) {
	case whodid.StatusSuccess:
		return "ok"
	case whodid.StatusFailed:
		return "bad"
	case whodid.StatusTimeout, whodid.StatusLost:
		return "warn"
	case whodid.StatusRunning:
		return "run"
	default:
		return "off"
	}
}
