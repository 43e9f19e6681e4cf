package ask

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
)

// compared is with how many runs before a run is compared.
const compared = 50

// lookClosely reads what the trail knows of the suspects, and looks closely at the
// first of them.
func (v *investigator) lookClosely(ctx context.Context) error {
	a := v.git.Trail
	for i := range v.Suspects {
		s := &v.Suspects[i]
		if s.Execution == nil {
			x, err := a.store.Execution(ctx, a.org, s.ExecutionID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			found := newExecution(x)
			s.Execution = &found
		}
		if i >= closely || s.Sure == string(incident.Weak) && v.Kind != IncidentOfTime {
			continue
		}
		for _, look := range []func(context.Context, *Suspect) error{v.deeds, v.normal} {
			if err := look(ctx, s); err != nil {
				return err
			}
		}
	}
	return nil
}

// family are a run and the sub-agents that are a part of it.
func (v *investigator) family(ctx context.Context, id string) ([]string, error) {
	a := v.git.Trail
	ids := []string{id}
	children, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Parent: id})
	for i := range children {
		if children[i].Subagent != "" {
			ids = append(ids, children[i].ID)
		}
	}
	return ids, err
}

// deeds puts what a suspect did on the timeline, and gathers its approvals and
// what of it had none.
func (v *investigator) deeds(ctx context.Context, s *Suspect) error {
	a := v.git.Trail
	family, err := v.family(ctx, s.ExecutionID)
	if err != nil {
		return err
	}
	approvals := map[string]bool{}
	for _, id := range family {
		rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id})
		if err != nil {
			return err
		}
		rows = settledOnly(rows)
		for i := range rows {
			r := &rows[i]
			if r.Approval != "" {
				approvals[r.Approval] = true
				if isAction(r.What) {
					v.deeded[r.Approval] = true
				}
			}
			v.moment(r)
			v.doubtRow(r)
		}
	}
	folded, err := a.foldApprovals(ctx, approvals)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(folded)) {
		one := folded[id]
		s.Approvals = append(s.Approvals, newApproval(&one))
	}
	if v.options.Policy == nil {
		return nil
	}
	s.Unapproved, err = a.Unapproved(ctx, v.options.Policy, UnapprovedFilter{Execution: s.ExecutionID, Signature: v.options.Signature})
	if err == nil && s.Unapproved.Policy == "" {
		s.Unapproved = nil
	}
	return err
}

// normal compares a suspect with its agent's runs before it.
func (v *investigator) normal(ctx context.Context, s *Suspect) error {
	x := s.Execution
	if x.StartedAt == nil || x.Agent == "" {
		return nil
	}
	a := v.git.Trail
	before, err := a.store.RunsBefore(ctx, a.org, x.Agent, *x.StartedAt, compared)
	if err != nil {
		return err
	}
	ids := []string{x.ExecutionID}
	for i := range before {
		ids = append(ids, before[i].ID)
	}
	deeds, err := a.store.Deeds(ctx, a.org, ids)
	if err != nil {
		return err
	}
	run := sample(x, deeds[x.ExecutionID])
	samples := make([]incident.Sample, len(before))
	for i := range before {
		one := newExecution(&before[i])
		samples[i] = sample(&one, deeds[before[i].ID])
	}
	n := incident.Compare(&run, samples)
	s.Normal = &n
	if !n.Enough {
		return nil
	}
	const files = 3
	for _, p := range v.paths[:min(len(v.paths), files)] {
		rows, err := a.store.FileActions(ctx, a.org, store.FileFilter{Path: p, Writes: true, Since: *n.Since, Until: *x.StartedAt, Newest: true, Limit: maxIncidentRun})
		if err != nil {
			return err
		}
		mine := slices.ContainsFunc(rows, func(r store.Row) bool { return r.Actor == whodid.AgentActor(x.Agent) })
		if !mine && len(rows) < maxIncidentRun {
			s.NewFiles = append(s.NewFiles, p)
		}
	}
	return nil
}

func sample(x *Execution, d *store.RunDeeds) incident.Sample {
	s := incident.Sample{
		CostMicros: x.CostMicros, TokensIn: x.TokensIn, TokensOut: x.TokensOut, Model: x.Model, Trigger: x.Trigger, Status: x.Status,
		Actions: d.Actions, Failed: d.Failed, Files: d.Files, Repository: d.Repository, Tools: slices.Sorted(maps.Keys(d.Tools)),
	}
	if x.StartedAt != nil {
		s.Started = *x.StartedAt
		if x.CompletedAt != nil {
			seconds := x.CompletedAt.Sub(*x.StartedAt).Seconds()
			s.Seconds = &seconds
		}
	}
	return s
}

// lateBy is how long after it happened an event may be recorded without a word.
const lateBy = time.Hour

// doubtRow says what of an event can't be relied on.
func (v *investigator) doubtRow(r *store.Row) {
	switch {
	case r.Salt == nil:
		v.miss("record", "values of events of "+r.Execution+" were erased ("+orString(r.ErasedBy, "nobody says by whom")+"): what they said is not known", "")
	case r.What == "record.gap":
		count, _ := r.Data.Int("count")
		v.miss("gap", fmt.Sprintf("%s of %s: %s", countedOr(count, "records", "something"), r.Execution, r.Data.String("reason")), "whodid doctor says what is not recorded, and why")
	case r.At.After(r.RecordedAt.Add(slack)):
		v.miss("clock", "events of "+r.Execution+" say that they happened after they were recorded: the clock of its machine was ahead, by "+inWords(r.At.Sub(r.RecordedAt)), "")
	case r.RecordedAt.Sub(r.At) > lateBy && !strings.HasPrefix(r.Source, "import:"):
		v.miss("clock", "events of "+r.Execution+" were recorded more than an hour after they happened: when they did, only their source says", "")
	}
}

func countedOr(n int64, noun, other string) string {
	if n <= 0 {
		return other
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// unknown says what could not be established.
func (v *investigator) unknown(ctx context.Context) error {
	a := v.git.Trail
	for i := range v.changes {
		r := &v.changes[i]
		if r.What == "record.gap" && r.Execution == "" {
			count, _ := r.Data.Int("count")
			v.miss("gap", fmt.Sprintf("%s at about %s: %s", countedOr(count, "records are missing", "something is missing"), r.At.UTC().Format(time.RFC3339), r.Data.String("reason")), "whodid doctor")
		}
	}
	if err := v.sweptAway(ctx); err != nil {
		return err
	}
	v.ofSuspects()
	if log, err := a.store.Log(ctx, a.org); err == nil && v.at.Before(log.CreatedAt.Truncate(time.Second)) {
		v.miss("history", "the trail begins at "+log.CreatedAt.UTC().Format(time.RFC3339)+": what was before is known only as far as it was imported", "")
	}
	if err := v.unattributed(ctx); err != nil {
		return err
	}
	if v.git.Repo == nil && v.Kind != WhyOfExecution {
		v.miss("commit", "this was looked into outside of its repository: what git tells is known only as far as it was indexed", "call it in a clone, after git fetch")
		return nil
	}
	state, err := v.git.State(ctx)
	if err != nil {
		return nil //nolint:nilerr // a repository that can't be read now is told of where it is read
	}
	switch {
	case state.Repository != "" && !state.Indexed:
		v.miss("commit", "the history of this repository is not in the trail's index: commits of other clones and rewritten ones are not known", "whodid git index")
	case state.Behind:
		v.miss("commit", "the trail's index of this repository is behind its refs", "whodid git index")
	}
	return nil
}

// sweptAway says that events of the time were removed.
func (v *investigator) sweptAway(ctx context.Context) error {
	a := v.git.Trail
	events, err := a.retentionEvents(ctx)
	if err != nil {
		return err
	}
	for i := len(events) - 1; i >= 0; i-- {
		e := &events[i]
		cutoff, err := time.Parse(time.RFC3339Nano, e.Data.String("cutoff"))
		if e.What == "retention.sweep" && err == nil && v.From.Before(cutoff) {
			v.miss("record", fmt.Sprintf("%s events of before %s were swept: what of that time was among them is gone", e.Data.String("class"), cutoff.UTC().Format(time.RFC3339)), "whodid retention certificate "+e.ID+" proves what was removed")
			return nil
		}
	}
	return nil
}

// ofSuspects says what is not known of the suspects.
func (v *investigator) ofSuspects() {
	for i := range v.Suspects {
		s := &v.Suspects[i]
		if s.Execution == nil {
			v.miss("run", "the trail does not hold "+s.ExecutionID, "whodid sync, or --store with the trail that recorded it; a commit that names it may be forged: whodid git check")
			continue
		}
		if i >= closely {
			continue
		}
		if s.Execution.Status == string(whodid.StatusLost) {
			v.miss("run", s.ExecutionID+" stopped reporting: what it did afterwards is not recorded", "")
		}
		if s.Execution.OnBehalfOf == "" {
			v.miss("person", "who stood behind "+s.ExecutionID+" is not recorded", "")
		}
		for j := range s.Reasons {
			if d := s.Reasons[j].Doubt; d != "" {
				v.miss("doubt", s.ExecutionID+": "+d, "")
			}
		}
	}
	for i := range v.Timeline {
		m := &v.Timeline[i]
		switch m.Confirmation {
		case Unconfirmed:
			v.miss("claim", fmt.Sprintf("%s says that it did %s %s, and the forge says nothing of it", m.Who, m.What, m.Target), "whodid forge backfill")
		case Contradicted:
			v.miss("claim", fmt.Sprintf("%s says that it did %s %s, and the forge contradicts it", m.Who, m.What, m.Target), "")
		}
	}
}

// unattributed tells of commits of the time that say that an agent had a part in
// them, and name no run.
func (v *investigator) unattributed(ctx context.Context) error {
	if v.Repository == "" {
		return nil
	}
	const most = 200
	a := v.git.Trail
	found, err := a.store.Commits(ctx, a.org, store.CommitFilter{Repository: v.Repository, Since: v.From, Until: v.Until, Limit: most})
	if err != nil {
		return err
	}
	n, first := 0, ""
	for i := range found {
		c := &found[i]
		if len(c.Origins) == 0 && (c.Kind == "agent" || c.Kind == "assisted") {
			n++
			first = c.ID
		}
	}
	if n > 0 {
		v.miss("commit", fmt.Sprintf("of %d commits of the time, %d are an agent's or were made with an agent's help and name no run, such as %s", len(found), n, short(first)), "whodid git install lets the commits of agents name their run from now on")
	}
	return nil
}
