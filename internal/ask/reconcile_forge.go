package ask

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

func isNoLog(err error) bool { return errors.Is(err, store.ErrNoLog) }

// reconcileForge compares what forges say that agents did with what the trail saw
// them do: merges, pushes, releases and deployments of an agent's account, or that
// name a run or an agent.
func (a *Asker) reconcileForge(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceForge, "acts of agents that forges tell of")
	from, to := in.Since, in.Until
	if !from.IsZero() {
		from = from.Add(-outcomeSlack)
	}
	if !to.IsZero() {
		to = to.Add(outcomeSlack)
	}
	rows, err := a.store.Outcomes(ctx, a.org, from, to)
	if err != nil {
		return nil, err
	}
	told := map[string][]*store.Row{}
	var facts []*store.Row
	var ids []string
	heard := false
	for i := range rows {
		r := &rows[i]
		if !strings.HasPrefix(r.What, "forge.") {
			if r.Execution != "" {
				told[outcomeKey(r)] = append(told[outcomeKey(r)], r)
			}
			continue
		}
		if r.At.Before(in.Since) || !in.Until.IsZero() && !r.At.Before(in.Until) {
			continue
		}
		heard = true
		if ofAgent(r) && r.Result != whodid.ResultFailed && r.What != "forge.issue.close" {
			facts = append(facts, r)
			ids = append(ids, r.Data.List("executions")...)
		}
	}
	if !heard {
		return s.unchecked(false, "no forge told of anything in this time: docs/forges.md says how to let one"), nil
	}
	s.Checked = true
	agents, err := a.runsNamed(ctx, ids)
	if err != nil {
		return nil, err
	}
	seen, err := a.commitsSeen(ctx, in.Since)
	if err != nil {
		return nil, err
	}
	for _, r := range facts {
		u, err := a.forgeMissing(ctx, r, agents, told, seen)
		if err != nil {
			return nil, err
		}
		s.thing(u)
	}
	s.Notes = append(s.Notes, "what an agent does with a person's account, and without a trailer, can't be told from what the person does")
	return s, nil
}

// ofAgent tells whether a forge's fact is an agent's: by the account, or by what
// its commits or its text name.
func ofAgent(r *store.Row) bool {
	return whodid.AgentOf(r.Actor) != "" || len(r.Data.List("executions")) > 0 || len(r.Data.List("agents")) > 0
}

var forgeWords = map[string]string{
	"forge.pr.merge": "pull_request", "forge.commit.push": "push", "forge.deploy.status": "deployment", "forge.release.publish": "release",
}

// forgeMissing says what of a forge's fact the trail does not explain; nil if it
// does.
func (a *Asker) forgeMissing(ctx context.Context, r *store.Row, agents map[string]string, told map[string][]*store.Row, seen shasSeen) (*Unexplained, error) {
	u := &Unexplained{Kind: forgeWords[r.What], Subject: r.Target, At: moment(r.At), Agent: whodid.AgentOf(r.Actor), Detail: strings.TrimPrefix(r.What, "forge.") + ", event " + r.ID}
	if list := r.Data.List("agents"); u.Agent == "" && len(list) > 0 {
		u.Agent = list[0]
	}
	var gone []string
	named := r.Data.List("executions")
	for _, id := range named {
		if _, ok := agents[id]; !ok {
			gone = append(gone, id)
		}
	}
	if len(gone) > 0 {
		u.ExecutionID = gone[0]
		u.Reason = "it names " + strings.Join(gone, ", ") + ", which the trail does not have: recorded elsewhere and not sent, or removed, or made up"
		u.Next = "whodid sync where it ran; whodid verify"
		return u, nil
	}
	if len(named) > 0 {
		return nil, nil
	}
	var known bool
	switch r.What {
	case "forge.pr.merge":
		runs, err := a.runsOfPull(ctx, r.Target)
		if err != nil {
			return nil, err
		}
		known = len(runs) > 0
	case "forge.commit.push":
		known = seen.has(strings.ToLower(r.Data.String("sha"))) || slices.ContainsFunc(r.Data.List("shas"), func(sha string) bool { return seen.has(strings.ToLower(sha)) })
	default:
		known = slices.ContainsFunc(told[outcomeKey(r)], func(t *store.Row) bool {
			d := t.At.Sub(r.At)
			return d <= outcomeSlack && d >= -outcomeSlack
		})
	}
	if known {
		return nil, nil
	}
	u.Reason = "an agent did it, says the forge, and no run of the trail tells of it: it ran where nothing records it"
	u.Next = "whodid init where that agent runs; whodid doctor"
	return u, nil
}

// reconcileTelemetry compares the numbers that clients give their records with
// those that arrived.
func (a *Asker) reconcileTelemetry(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceTelemetry, "numbered records of telemetry")
	sessions, err := a.telemetryOf(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, t := range sessions {
		if !t.within {
			continue
		}
		s.Checked = true
		next := int64(0) // the first record of a session has the number 0
		for _, p := range t.spans {
			lo, hi := max(p.first, next), p.last
			if p.first > next && p.inPeriod {
				hole := p.first - next
				s.Total += hole
				at := p.at
				s.add(&Unexplained{
					Kind: "records", Subject: t.session + " " + fromTo(next, p.first-1), At: &at, ExecutionID: t.execution, Count: hole,
					Detail: "the client numbers its records, and these did not arrive", Reason: "the exporter dropped them, the server refused them, or somebody took them out",
					Next: "look for export errors of that client; whodid import has what its transcript tells",
				})
			}
			if p.inPeriod && hi >= lo {
				s.Total += hi - lo + 1
				s.Explained += hi - lo + 1
			}
			next = max(next, p.last+1)
		}
	}
	if !s.Checked {
		return s.unchecked(false, "no client sent numbered records of telemetry: docs/otlp.md"), nil
	}
	s.Notes = append(s.Notes, "the last records of a session can't be missed: nothing says how many there were")
	return s, nil
}

// reconcileHooks compares the sessions that telemetry tells of with what their
// clients said of the hooks that they call.
func (a *Asker) reconcileHooks(ctx context.Context, in *ReconcileInput) (*Reconciled, error) {
	s := newReconciled(SourceHooks, "sessions whose client tells which hooks it calls")
	sessions, err := a.telemetryOf(ctx, in)
	if err != nil {
		return nil, err
	}
	for _, t := range sessions {
		if !t.within {
			continue
		}
		s.Checked = true
		if t.hooked {
			s.thing(nil)
			continue
		}
		at := t.at
		s.thing(&Unexplained{
			Kind: "session", Subject: t.session, At: &at, ExecutionID: t.execution, Detail: "its client registered no hook on what its tools do",
			Reason: "the hooks are not installed there, or are switched off", Next: "whodid init there; whodid doctor; whodid import",
		})
	}
	if !s.Checked {
		return s.unchecked(false, "no client sent telemetry that tells which hooks it calls: docs/otlp.md"), nil
	}
	return s, nil
}

// toldSession is what telemetry tells of a session.
type toldSession struct {
	session, execution string
	at                 time.Time // when it is first heard of
	within             bool      // in the time that is looked at
	hooked             bool
	spans              []toldSpan
}

type toldSpan struct {
	first, last int64
	at          time.Time
	inPeriod    bool
}

// telemetryOf are the sessions that telemetry tells of, by name. A month before
// belongs to it, so that a session that began then is whole.
func (a *Asker) telemetryOf(ctx context.Context, in *ReconcileInput) ([]*toldSession, error) {
	from, to := in.Since, in.Until
	if !from.IsZero() {
		from = from.Add(-reconcileSlack)
	}
	if !to.IsZero() {
		to = to.Add(reconcileSlack)
	}
	rows, err := a.store.TelemetryRecords(ctx, a.org, from, to)
	if err != nil {
		return nil, err
	}
	by := map[string]*toldSession{}
	var out []*toldSession
	for i := range rows {
		r := &rows[i]
		t := by[r.Session]
		if t == nil {
			t = &toldSession{session: r.Session, at: r.At.UTC()}
			by[r.Session] = t
			out = append(out, t)
		}
		if r.Execution != "" {
			t.execution = r.Execution
		}
		if r.What == "hook.register" {
			event := r.Data.String("event")
			t.hooked = t.hooked || event == "PreToolUse" || event == "PostToolUse"
			continue
		}
		first, _ := r.Data.Int("first")
		last, _ := r.Data.Int("last")
		p := toldSpan{first: first, last: last, at: r.At.UTC(), inPeriod: !r.At.Before(in.Since) && (in.Until.IsZero() || r.At.Before(in.Until))}
		t.within = t.within || p.inPeriod
		t.spans = append(t.spans, p)
	}
	slices.SortFunc(out, func(x, y *toldSession) int { return strings.Compare(x.session, y.session) })
	for _, t := range out {
		slices.SortFunc(t.spans, func(x, y toldSpan) int { return int(x.first - y.first) })
	}
	return out, nil
}

// outcomeSlack is how far apart the times may be at which an agent and a forge
// tell of the same; see the relation confirmations.
const outcomeSlack = time.Hour

// outcomeKey is what an action and what confirms it have in common.
func outcomeKey(r *store.Row) string {
	what := strings.TrimPrefix(r.What, "forge.")
	if what == "deploy.status" {
		what = "deploy." + strings.ToLower(r.Data.String("environment"))
	}
	return what + " " + strings.ToLower(r.Target)
}

// runsOfPull are the runs that opened or merged a pull request, and those that it
// names.
func (a *Asker) runsOfPull(ctx context.Context, target string) ([]string, error) {
	rows, err := a.store.FactsOf(ctx, a.org, target)
	if err != nil {
		return nil, err
	}
	var runs []string
	for i := range rows {
		r := &rows[i]
		if (r.What == "pr.create" || r.What == "pr.merge") && r.Result == whodid.ResultSuccess && r.Execution != "" {
			runs = append(runs, r.Execution)
		}
		if strings.HasPrefix(r.What, "forge.pr.") {
			runs = append(runs, r.Data.List("executions")...)
		}
	}
	return runs, nil
}
