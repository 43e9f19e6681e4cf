package ask

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// The kinds of outcomes, called like the actions that bring them about.
const (
	OutcomePull    = "pr.merge"
	OutcomeIssue   = "issue.close"
	OutcomeRelease = "release.publish"
	OutcomeDeploy  = "deploy.production"
)

// What an outcome is put down to an agent by, the strongest first: who did the work
// comes before who took the last step.
const (
	ByOpened  = "opened"  // the agent's own action opened the pull request
	ByRun     = "run"     // the commits or the text name the run
	ByAgent   = "agent"   // the commits or the text name the agent
	ByAuthor  = "author"  // an account of the agent opened it
	ByDone    = "done"    // the agent's own action did it
	ByAccount = "account" // an account of the agent did it
)

// Achievement is an outcome: something that a forge says was achieved, and the
// agent that it is put down to.
type Achievement struct {
	// EventID is the forge's event, Source who told it.
	EventID string `json:"event_id"`
	// Type is pr.merge, issue.close, release.publish or deploy.production.
	Type   string    `json:"type"`
	Target string    `json:"target"`
	At     time.Time `json:"at"`
	Agent  string    `json:"agent"`
	Squad  string    `json:"squad"`
	// ExecutionID is the run; empty where only the agent is known.
	ExecutionID string `json:"execution_id"`
	// By is what it is put down to the agent by: opened, run, agent, author,
	// done or account. ByEvent is the event that says so, where that is another one.
	By      string `json:"by"`
	ByEvent string `json:"by_event"`
	Source  string `json:"source"`

	// runs are all that had a part in it, maybe more than once.
	runs []string
}

// AchievementList lists outcomes, the last first.
type AchievementList struct {
	Outcomes []Achievement `json:"outcomes"`
}

// outcomeFields are the fields by which outcomes are selected.
func outcomeFields() []whodid.FilterField {
	return []whodid.FilterField{
		whodid.FilterAgent, whodid.FilterSquad, whodid.FilterType, whodid.FilterTarget, whodid.FilterExecution, whodid.FilterSource,
	}
}

// Outcomes answers what forges say agents achieved, the last first: pull requests
// that were merged, issues that were closed as done and stayed so, releases, and
// deployments to production that succeeded. What leads to no agent is a person's,
// and not among them. They stand or not as of a moment: asOf, or the end of the
// time where that is later.
func (a *Asker) Outcomes(ctx context.Context, s Selection, asOf time.Time) (*AchievementList, error) {
	if err := s.Filter.Check("outcomes", outcomeFields()); err != nil {
		return nil, err
	}
	until := s.Filter.Until
	if asOf.After(until) && !until.IsZero() {
		until = asOf
	}
	found, err := a.outcomes(ctx, s.Filter.Since, until, s.Squads)
	if err != nil {
		return nil, err
	}
	list := &AchievementList{Outcomes: []Achievement{}}
	for i := len(found) - 1; i >= 0; i-- {
		if o := &found[i]; s.Filter.MatchEvent(o.event()) && (s.Limit == 0 || len(list.Outcomes) < s.Limit) {
			list.Outcomes = append(list.Outcomes, *o)
		}
	}
	return list, nil
}

// event is the outcome as the filter language sees it.
func (o *Achievement) event() *whodid.Event {
	return &whodid.Event{What: o.Type, Actor: whodid.AgentActor(o.Agent), Target: o.Target, Execution: o.ExecutionID, Source: o.Source, At: o.At}
}

// endOfTime is later than anything that was recorded.
var endOfTime = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// always puts the bounds of all time in the place of those that are zero.
func always(since, until time.Time) (from, to time.Time) {
	if since.IsZero() {
		since = time.Unix(0, 0)
	}
	if until.IsZero() {
		until = endOfTime
	}
	return since, until
}

// claim is what an agent says it achieved.
type claim struct {
	row *store.Row
	// confirmed tells that a forge's event fits it.
	confirmed bool
}

// outcomes are those of a time, the first first.
func (a *Asker) outcomes(ctx context.Context, since, until time.Time, squads []string) ([]Achievement, error) {
	since, until = always(since, until)
	e, err := a.testimony(ctx, since, until)
	if err != nil {
		return nil, err
	}
	return e.outcomes(since, until, squads), nil
}

// testimony is what forges and agents say of what was achieved in a time.
type testimony struct {
	facts []store.Row // by time
	*credits
}

func (a *Asker) testimony(ctx context.Context, since, until time.Time) (*testimony, error) {
	facts, err := a.store.Happened(ctx, a.org, store.Selection{Since: since, Until: until}, append([]string{"forge.pr.merge"}, factsBesideMerges...)...)
	if err != nil {
		return nil, err
	}
	e := &testimony{facts: facts}
	if e.credits, err = a.claims(ctx, since, until); err != nil {
		return nil, err
	}
	if e.openers, err = a.store.Openers(ctx, a.org, since, until); err != nil {
		return nil, err
	}
	e.agents, err = a.agentsNamed(ctx, facts, e.openers)
	return e, err
}

// factsBesideMerges are the verbs of what forges say was achieved, or was not after
// all, beside forge.pr.merge.
var factsBesideMerges = []string{"forge.issue.close", "forge.issue.reopen", "forge.release.publish", "forge.deploy.status"}

// claims are what agents say of a time, or of what was near it.
func (a *Asker) claims(ctx context.Context, since, until time.Time) (*credits, error) {
	rows, err := a.store.Happened(ctx, a.org, store.Selection{Since: since.Add(-patience), Until: until.Add(patience), ActionsOnly: true},
		OutcomePull, OutcomeIssue, OutcomeRelease, OutcomeDeploy)
	if err != nil {
		return nil, err
	}
	return newCredits(rows), nil
}

// outcomes are those of a part of the time, as they stood at its end, the first
// first.
func (e *testimony) outcomes(since, until time.Time, squads []string) []Achievement {
	var facts []store.Row
	for i := range e.facts {
		if at := e.facts[i].At; !at.Before(since) && at.Before(until) {
			facts = append(facts, e.facts[i])
		}
	}
	facts = achieved(facts)
	var found []Achievement
	for i := range facts {
		if o, ok := e.credit(&facts[i]); ok && within(squads, o.Squad) {
			found = append(found, o)
		}
	}
	return found
}

// claimed is what agents say they achieved in a part of the time. Those that the
// outcomes confirm which were asked for before say so.
func (e *testimony) claimed(since, until time.Time, squads []string) []claim {
	var out []claim
	for _, c := range e.claims {
		r := c.row
		if !r.At.Before(since) && r.At.Before(until) && r.Result == whodid.ResultSuccess && within(squads, whodid.Squad(whodid.AgentOf(r.Actor))) {
			out = append(out, c)
		}
	}
	return out
}

// achieved leaves of the facts, which are in the order of time, those that stand
// at the end: an issue that was closed twice was resolved once, and one that was
// opened again was not.
func achieved(facts []store.Row) []store.Row {
	last := map[string]int{}
	for i := range facts {
		f := &facts[i]
		switch f.What {
		case "forge.issue.close", "forge.issue.reopen":
			last["issue "+fold(f.Target)] = i
		case "forge.pr.merge", "forge.release.publish":
			last[f.What+" "+fold(f.Target)] = i
		default:
			last[f.ID] = i
		}
	}
	var out []store.Row
	for _, i := range slices.Sorted(maps.Values(last)) {
		f := &facts[i]
		switch state := f.Data.String("state"); f.What {
		case "forge.issue.reopen":
			continue
		case "forge.issue.close":
			if state != "" && state != "completed" {
				continue // not planned, or a duplicate
			}
		case "forge.deploy.status":
			if f.Result != whodid.ResultSuccess || fold(f.Data.String("environment")) != "production" {
				continue
			}
		}
		out = append(out, *f)
	}
	return out
}

// fold is how names of forges compare.
func fold(s string) string { return whodid.LowerASCII(s) }

// credits knows what outcomes can be put down to.
type credits struct {
	claims  []claim
	of      map[string][]int // claims by verb and target
	openers map[uint64]store.Opener
	agents  map[string]string // of executions that facts name
}

func newCredits(rows []store.Row) *credits {
	c := &credits{of: map[string][]int{}}
	for i := range rows {
		r := &rows[i]
		if whodid.AgentOf(r.Actor) == "" || r.Result != whodid.ResultSuccess && r.Result != whodid.ResultAttempted {
			continue
		}
		key := r.What + " " + fold(r.Target)
		c.of[key] = append(c.of[key], len(c.claims))
		c.claims = append(c.claims, claim{row: r})
	}
	return c
}

// agentsNamed are the agents of the executions that facts name.
func (a *Asker) agentsNamed(ctx context.Context, facts []store.Row, known map[uint64]store.Opener) (map[string]string, error) {
	var ids []string
	for i := range facts {
		if _, ok := known[facts[i].Seq]; !ok {
			ids = append(ids, facts[i].Data.List("executions")...)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return a.store.AgentsOf(ctx, a.org, ids)
}

// credit puts a fact down to an agent, if one is behind it.
func (c *credits) credit(f *store.Row) (Achievement, bool) {
	o := Achievement{EventID: f.ID, Type: strings.TrimPrefix(f.What, "forge."), Target: f.Target, At: f.At.UTC(), Source: f.Source}
	if f.What == "forge.deploy.status" {
		o.Type = OutcomeDeploy
	}
	done := c.done(&o, f)
	is := func(agent, execution, by, event string) {
		if agent != "" && o.Agent == "" {
			o.Agent, o.Squad, o.ExecutionID, o.By, o.ByEvent = agent, whodid.Squad(agent), execution, by, event
		}
	}
	opener := c.openers[f.Seq]
	if opener.Execution != "" {
		o.runs = append(o.runs, opener.Execution)
	}
	o.runs = append(o.runs, f.Data.List("executions")...)
	is(whodid.AgentOf(opener.Actor), opener.Execution, ByOpened, opener.ID)
	for _, id := range f.Data.List("executions") {
		is(c.agents[id], id, ByRun, "")
	}
	for _, agent := range f.Data.List("agents") {
		is(agent, "", ByAgent, "")
	}
	if o.Type != OutcomeIssue { // who reported an issue did not resolve it
		is(whodid.AgentOf(f.Data.String("author")), "", ByAuthor, "")
	}
	if done != nil {
		is(whodid.AgentOf(done.Actor), done.Execution, ByDone, done.ID)
	}
	is(whodid.AgentOf(f.Actor), "", ByAccount, "")
	if o.ExecutionID == "" && done != nil && whodid.AgentOf(done.Actor) == o.Agent {
		o.ExecutionID = done.Execution
	}
	return o, o.Agent != ""
}

// done is the agent's own action that a fact confirms, the nearest in time.
func (c *credits) done(o *Achievement, f *store.Row) *store.Row {
	var nearest *store.Row
	for _, i := range c.of[o.Type+" "+fold(f.Target)] {
		r := c.claims[i].row
		apart := f.At.Sub(r.At)
		fits := apart.Abs() <= patience
		switch o.Type {
		case OutcomeRelease:
			fits = true
		case OutcomePull:
			fits = fits || r.Result == whodid.ResultAttempted && apart > 0
		}
		if !fits {
			continue
		}
		c.claims[i].confirmed = true
		if r.Execution != "" {
			o.runs = append(o.runs, r.Execution)
		}
		if nearest == nil || cmp.Less(apart.Abs(), f.At.Sub(nearest.At).Abs()) {
			nearest = r
		}
	}
	return nearest
}
