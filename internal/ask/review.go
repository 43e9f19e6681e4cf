package ask

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// The kinds of what needs eyes.
const (
	FoundFailed       = "run_failed"
	FoundTimeout      = "run_timeout"
	FoundLost         = "run_lost"
	FoundImportant    = "run_important" // tagged as important
	FoundContradicted = "action_contradicted"
	FoundUnconfirmed  = "action_unconfirmed"
	FoundException    = "exception_added"
	FoundExpiring     = "exception_expiring"
	FoundUnapproved   = "approval_missing" // it was done without the approval that it needed
	FoundRejected     = "approval_rejected"
	FoundExpired      = "approval_expired"
	FoundPending      = "approval_pending"
	FoundBudget       = "budget_exceeded"
	FoundGap          = "gap"
	FoundConflict     = "decision_conflict"
	FoundIncident     = "incident_open" // nobody has closed it yet
	FoundRequestLate  = "privacy_overdue"
	FoundRequestDue   = "privacy_due"
)

// ReviewState is when somebody signed off last, and whether it is time again.
type ReviewState struct {
	// SignedAt is when somebody signed off last, SignedBy who, as an actor; null
	// and empty if nobody ever did.
	SignedAt *time.Time `json:"signed_at"`
	SignedBy string     `json:"signed_by"`
	// DueAt is when the next review is due; null while nothing is recorded.
	DueAt   *time.Time `json:"due_at"`
	Overdue bool       `json:"overdue"`
}

// Review is the answer to "what needs eyes?".
type Review struct {
	State ReviewState `json:"state"`
	// Since and Until bound what is looked at.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Findings are what needs eyes, by kind, the last first.
	Findings []Finding `json:"findings"`
	// Costliest are the runs whose known cost is highest.
	Costliest []Execution `json:"costliest"`
	// Total is what the runs add up to.
	Total HistoryRow `json:"total"`
	// Reconciled is what comparing the trail with what agents do not control gave
	// last; null if that was never recorded.
	Reconciled *LastReconciliation `json:"reconciled"`
}

// Finding is one thing that needs eyes.
type Finding struct {
	Kind string `json:"kind"`
	// At is when it was; null where that is not one moment.
	At *time.Time `json:"at"`
	// Agent is whose it is; empty if nobody's.
	Agent string `json:"agent"`
	// Subject is what it is about: a run, an event, an approval, a subject of
	// decisions.
	Subject string `json:"subject"`
	// Detail says it in a few words.
	Detail string `json:"detail"`
}

// ReviewState answers when somebody signed off last. A trail in which nobody ever
// did counts from when it began.
func (a *Asker) ReviewState(ctx context.Context, every time.Duration) (*ReviewState, error) {
	s := &ReviewState{}
	signed, err := a.store.Reviews(ctx, a.org, 1)
	if err != nil {
		return nil, err
	}
	var from time.Time
	if len(signed) > 0 {
		s.SignedAt, s.SignedBy, from = moment(signed[0].At), signed[0].Actor, signed[0].At
	} else {
		log, err := a.store.Log(ctx, a.org)
		if errors.Is(err, store.ErrNoLog) {
			return s, nil
		}
		if err != nil {
			return nil, err
		}
		from = log.CreatedAt
	}
	s.DueAt = moment(from.Add(every))
	s.Overdue = a.now().After(*s.DueAt)
	return s, nil
}

const (
	// costliest is how many of the most expensive runs are shown.
	costliest = 5
	// soon is how long before its end an exception is told of, and a request to
	// answer.
	soon = 7 * 24 * time.Hour
)

// ReviewOptions say what a review looks at.
type ReviewOptions struct {
	// Since is from when on; zero is since somebody signed off last.
	Since time.Time
	// Every is how often somebody should sign off.
	Every time.Duration
	// Policy and Signature judge whether actions had the approvals that they
	// needed; without a policy none needed one. See [UnapprovedFilter].
	Policy    *policy.Policy
	Signature func(*whodid.Approval) error
}

// Review answers what needs eyes.
func (a *Asker) Review(ctx context.Context, o *ReviewOptions) (*Review, error) {
	state, err := a.ReviewState(ctx, o.Every)
	if err != nil {
		return nil, err
	}
	r := &Review{State: *state, Since: o.Since, Until: a.now().UTC(), Findings: []Finding{}, Costliest: []Execution{}}
	if r.Since.IsZero() {
		if r.Since = r.Until.Add(-o.Every); state.SignedAt != nil {
			r.Since = *state.SignedAt
		}
	}
	r.Since = r.Since.UTC()
	for _, look := range []func(context.Context, *Review) error{
		a.reviewIncidents, a.reviewPrivacy, a.reviewRuns, a.reviewActions,
		func(ctx context.Context, r *Review) error { return a.reviewUnapproved(ctx, r, o) },
		a.reviewExceptions, a.reviewApprovals, a.reviewBudgets, a.reviewGaps, a.reviewDecisions,
	} {
		if err := look(ctx, r); err != nil {
			return nil, err
		}
	}
	r.Reconciled, err = a.LastReconciliation(ctx)
	return r, err
}

func (r *Review) add(kind string, at *time.Time, agent, subject, detail string) {
	r.Findings = append(r.Findings, Finding{Kind: kind, At: at, Agent: agent, Subject: subject, Detail: detail})
}

// Kinds are how many findings of each kind there are, in their order.
func (r *Review) Kinds() []string {
	var kinds []string
	counts := map[string]int{}
	for i := range r.Findings {
		k := r.Findings[i].Kind
		if counts[k]++; counts[k] == 1 {
			kinds = append(kinds, k)
		}
	}
	for i, k := range kinds {
		kinds[i] = k + "=" + strconv.Itoa(counts[k])
	}
	return kinds
}

// reviewIncidents looks at all that are open: an incident does not grow old.
func (a *Asker) reviewIncidents(ctx context.Context, r *Review) error {
	list, err := a.Incidents(ctx, IncidentFilter{State: IncidentOpen})
	if err != nil {
		return err
	}
	for i := range list.Incidents {
		x := &list.Incidents[i]
		suspect := ""
		if len(x.Suspects) > 0 {
			suspect = x.Suspects[0]
		}
		r.add(FoundIncident, moment(x.OpenedAt), "", cmp.Or(suspect, x.IncidentID), strings.TrimSpace(x.Severity+" "+cmp.Or(x.Title, x.Subject)))
	}
	return nil
}

func (a *Asker) reviewRuns(ctx context.Context, r *Review) error {
	history, err := a.History(ctx, Selection{Filter: whodid.Filter{Since: r.Since}}, false)
	if err != nil {
		return err
	}
	r.Total = history.Total
	found, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Since: r.Since, RunsOnly: true})
	if err != nil {
		return err
	}
	kinds := map[whodid.Status]string{whodid.StatusFailed: FoundFailed, whodid.StatusTimeout: FoundTimeout, whodid.StatusLost: FoundLost}
	for _, kind := range []string{FoundFailed, FoundTimeout, FoundLost} {
		for i := range found {
			if x := &found[i]; kinds[x.Status] == kind {
				r.add(kind, moment(cmp.Or(x.CompletedAt, x.StartedAt)), x.Agent, x.ID, x.StatusReason)
			}
		}
	}
	for i := range found {
		x := &found[i]
		for _, name := range []string{"important", "importance", "priority"} {
			if v := x.Tags[name]; v != "" && v != "false" && v != "no" && v != "low" && v != "normal" {
				r.add(FoundImportant, moment(x.StartedAt), x.Agent, x.ID, name+"="+v)
				break
			}
		}
	}
	slices.SortStableFunc(found, func(x, y whodid.Execution) int { return cmp.Compare(y.Usage.CostMicros, x.Usage.CostMicros) })
	for i := range found[:min(costliest, len(found))] {
		if found[i].Usage.CostMicros > 0 {
			r.Costliest = append(r.Costliest, newExecution(&found[i]))
		}
	}
	return nil
}

func (a *Asker) reviewActions(ctx context.Context, r *Review) error {
	list, err := a.Actions(ctx, ActionFilter{Since: r.Since})
	if err != nil {
		return err
	}
	for _, kind := range []struct{ name, state string }{{FoundContradicted, Contradicted}, {FoundUnconfirmed, Unconfirmed}} {
		for i := range list.Actions {
			x := &list.Actions[i]
			if c := x.Confirmation; c != nil && c.State == kind.state {
				r.add(kind.name, moment(x.At), whodid.AgentOf(x.Actor), x.EventID, strings.TrimSpace(x.ActionType+" "+x.Target))
			}
		}
	}
	return nil
}

func (a *Asker) reviewExceptions(ctx context.Context, r *Review) error {
	rows, err := a.store.Exceptions(ctx, a.org)
	if err != nil {
		return err
	}
	for _, kind := range []string{FoundException, FoundExpiring} {
		for i := range rows {
			x := &rows[i]
			until, err := time.Parse(time.RFC3339, x.Data.String("expires"))
			agent := whodid.AgentOf(x.Actor)
			switch {
			case kind == FoundException && !x.At.Before(r.Since):
				r.add(kind, moment(x.At), agent, x.ID, x.Target+": "+x.Why)
			case kind == FoundExpiring && err == nil && until.After(r.Since) && until.Before(r.Until.Add(soon)):
				r.add(kind, moment(until), agent, x.ID, x.Target+": "+x.Why)
			}
		}
	}
	return nil
}

func (a *Asker) reviewUnapproved(ctx context.Context, r *Review, o *ReviewOptions) error {
	found, err := a.Unapproved(ctx, o.Policy, UnapprovedFilter{Since: r.Since, Signature: o.Signature})
	if err != nil {
		return err
	}
	for i := range found.Findings {
		x := &found.Findings[i]
		r.add(FoundUnapproved, moment(x.At), x.Agent, x.EventID, strings.TrimSpace(x.ActionType+" "+x.Target)+" ("+x.Rule+"): "+x.Reason)
	}
	return nil
}

func (a *Asker) reviewApprovals(ctx context.Context, r *Review) error {
	list, err := a.Approvals(ctx, ApprovalFilter{})
	if err != nil {
		return err
	}
	states := map[string]string{
		string(whodid.ApprovalRejected): FoundRejected, string(whodid.ApprovalExpired): FoundExpired, string(whodid.ApprovalPending): FoundPending,
	}
	for _, kind := range []string{FoundRejected, FoundExpired, FoundPending} {
		for i := range list.Approvals {
			x := &list.Approvals[i]
			at := cmp.Or(x.DecidedAt, &x.RequestedAt)
			if kind == FoundExpired && x.ExpiresAt != nil {
				at = x.ExpiresAt // it was asked for before
			}
			if states[x.State] != kind || kind != FoundPending && at.Before(r.Since) {
				continue
			}
			detail := strings.TrimSpace(x.Type + " " + x.Target)
			if x.Flaw != "" {
				detail += ": " + x.Flaw
			}
			r.add(kind, moment(*at), x.Agent, x.ApprovalID, detail)
		}
	}
	return nil
}

func (a *Asker) reviewBudgets(ctx context.Context, r *Review) error {
	list, err := a.store.Events(ctx, a.org, store.EventFilter{What: "budget.exceed", Since: r.Since, Newest: true})
	if err != nil {
		return err
	}
	for i := range list {
		x := &list[i]
		r.add(FoundBudget, moment(x.At), whodid.AgentOf(x.Actor), x.Data.String("subject"), budgetInWords(x))
	}
	return nil
}

func (a *Asker) reviewGaps(ctx context.Context, r *Review) error {
	list, err := a.store.Events(ctx, a.org, store.EventFilter{What: "record.gap", Since: r.Since, Newest: true})
	if err != nil {
		return err
	}
	for i := range list {
		x := &list[i]
		r.add(FoundGap, moment(x.At), "", cmp.Or(x.Execution, x.Target, x.ID), gapInWords(x))
	}
	return nil
}

// reviewDecisions looks at all decisions that stand: a disagreement does not grow
// old.
func (a *Asker) reviewDecisions(ctx context.Context, r *Review) error {
	list, err := a.Conflicts(ctx, "")
	if err != nil {
		return err
	}
	for i := range list.Conflicts {
		r.add(FoundConflict, nil, "", list.Conflicts[i].Subject, list.Conflicts[i].Explanation)
	}
	return nil
}

// ReviewList lists the reviews that people signed off on, the last first.
type ReviewList struct {
	State   ReviewState    `json:"state"`
	Reviews []SignedReview `json:"reviews"`
}

// SignedReview is a review that a person signed off on.
type SignedReview struct {
	EventID string    `json:"event_id"`
	At      time.Time `json:"at"`
	// Who signed, as an actor, and how that is known.
	Who     string `json:"who"`
	WhoAuth string `json:"who_auth"`
	Note    string `json:"note"`
	// Since and Until bound what was looked at (RFC 3339, UTC).
	Since string `json:"since"`
	Until string `json:"until"`
	// Findings is how many things needed eyes, Kinds how many of each kind, as
	// kind=count.
	Findings int64    `json:"findings"`
	Kinds    []string `json:"kinds"`
}

// Reviews answers who signed off, and when.
func (a *Asker) Reviews(ctx context.Context, every time.Duration) (*ReviewList, error) {
	state, err := a.ReviewState(ctx, every)
	if err != nil {
		return nil, err
	}
	rows, err := a.store.Reviews(ctx, a.org, 0)
	if err != nil {
		return nil, err
	}
	list := &ReviewList{State: *state, Reviews: make([]SignedReview, len(rows))}
	for i := range rows {
		x := &rows[i]
		n, _ := x.Data.Int("found")
		list.Reviews[i] = SignedReview{
			EventID: x.ID, At: x.At.UTC(), Who: x.Actor, WhoAuth: x.ActorAuth, Note: x.Why,
			Since: x.Data.String("from"), Until: x.Data.String("until"), Findings: n, Kinds: listOf(x, "kinds"),
		}
	}
	return list, nil
}
