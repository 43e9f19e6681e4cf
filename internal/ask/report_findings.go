package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/store"
)

// ReportClaim counts what agents say they achieved, of one kind, by what forges
// say to that. Where no webhook tells of a repository nothing is known of it.
type ReportClaim struct {
	Type         string `json:"type"`
	Claimed      Figure `json:"claimed"`
	Confirmed    Figure `json:"confirmed"`
	Contradicted Figure `json:"contradicted"`
	Unconfirmed  Figure `json:"unconfirmed"`
	Unknown      Figure `json:"unknown"`
}

// ReportFindings are the findings of one kind.
type ReportFindings struct {
	// Kind is as in a review: exception_added, approval_missing, gap …
	Kind  string          `json:"kind"`
	Count Figure          `json:"count"`
	Items []ReportFinding `json:"items"`
}

// ReportFinding is one thing that did not go as it should.
type ReportFinding struct {
	At *time.Time `json:"at"`
	// Agent is whose it is; empty if nobody's.
	Agent string `json:"agent"`
	// Subject is what it is about: a run, an approval, a budget's owner.
	Subject string `json:"subject"`
	Detail  string `json:"detail"`
	// ID is the event, or the approval, that it rests on.
	ID string `json:"id"`
}

// The findings that a review does not have.
const (
	FoundInForce = "exception_in_force"
	FoundUndated = "run_undated"
	FoundOverdue = "review_overdue"
)

// claimed asks forges what they say to the claims that nothing they told fits.
func (b *reportBuilder) claimed(ctx context.Context) error {
	now, err := b.judgeClaims(ctx, b.claims)
	if err != nil {
		return err
	}
	before, err := b.judgeClaims(ctx, b.claimsBefore)
	if err != nil {
		return err
	}
	for _, kind := range []string{OutcomePull, OutcomeIssue, OutcomeRelease, OutcomeDeploy} {
		figure := func(states ...string) Figure {
			var f Figure
			for _, state := range states {
				f.Trace.IDs = append(f.Trace.IDs, now[kind+state]...)
				f.Trace.IDsBefore = append(f.Trace.IDsBefore, before[kind+state]...)
			}
			return traced(f.Trace.IDs, f.Trace.IDsBefore)
		}
		c := ReportClaim{
			Type: kind, Claimed: figure(Confirmed, Contradicted, Unconfirmed, ""), Confirmed: figure(Confirmed), Contradicted: figure(Contradicted),
			Unconfirmed: figure(Unconfirmed), Unknown: figure(""),
		}
		if c.Claimed.Value+c.Claimed.Before > 0 {
			c.Claimed.Trace = b.tracer(who{}, false).actions("type:"+kind, "result:success", "actor:agent:*")
			b.report.Claims = append(b.report.Claims, c)
		}
	}
	b.contradictions(now, before)
	return nil
}

// contradictions are the claims that forges do not bear out.
func (b *reportBuilder) contradictions(now, before map[string][]string) {
	rows := map[string]*store.Row{}
	for i := range b.claims {
		rows[b.claims[i].row.ID] = b.claims[i].row
	}
	for _, kind := range []struct{ name, state string }{{FoundContradicted, Contradicted}, {FoundUnconfirmed, Unconfirmed}} {
		var items []ReportFinding
		var earlier []string
		for _, what := range []string{OutcomePull, OutcomeIssue, OutcomeRelease, OutcomeDeploy} {
			for _, id := range now[what+kind.state] {
				r := rows[id]
				items = append(items, ReportFinding{At: moment(r.At), Agent: whodid.AgentOf(r.Actor), Subject: r.Execution, Detail: strings.TrimSpace(r.What + " " + r.Target), ID: r.ID})
			}
			earlier = append(earlier, before[what+kind.state]...)
		}
		b.found(kind.name, items, earlier)
	}
}

// judgeClaims are the ids of the claims by kind and what the forge says.
func (b *reportBuilder) judgeClaims(ctx context.Context, claims []claim) (map[string][]string, error) {
	var seqs []uint64
	for i := range claims {
		if !claims[i].confirmed {
			seqs = append(seqs, claims[i].row.Seq)
		}
	}
	found, err := b.asker.store.Confirmations(ctx, b.asker.org, seqs)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for i := range claims {
		r, state := claims[i].row, ""
		if claims[i].confirmed {
			state = Confirmed
		} else if c, ok := found[r.Seq]; ok {
			if told := b.asker.confirmation(&c, r.At); told != nil {
				state = told.State
			}
		}
		out[r.What+state] = append(out[r.What+state], r.ID)
	}
	return out, nil
}

// traced is a figure that its ids make up.
func traced(ids, before []string) Figure {
	return Figure{
		Value: int64(len(ids)), Before: int64(len(before)),
		Trace: Trace{Count: CountRows, IDs: append([]string{}, ids...), IDsBefore: append([]string{}, before...)},
	}
}

// found adds the findings of a kind, the last first, if there are any or were.
func (b *reportBuilder) found(kind string, items []ReportFinding, before []string) {
	if len(items)+len(before) == 0 {
		return
	}
	slices.SortStableFunc(items, func(x, y ReportFinding) int {
		if x.At == nil || y.At == nil {
			return cmp.Compare(y.ID, x.ID)
		}
		return cmp.Or(y.At.Compare(*x.At), cmp.Compare(x.ID, y.ID))
	})
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].ID
	}
	b.report.Findings = append(b.report.Findings, ReportFindings{Kind: kind, Count: traced(ids, before), Items: append([]ReportFinding{}, items...)})
}

func (b *reportBuilder) findings(ctx context.Context) error {
	for _, look := range []func(context.Context) error{b.exceptions, b.approvals, b.unapproved, b.events, b.undated, b.requests, b.reviews} {
		if err := look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// when tells in which of the two times a moment is.
func (b *reportBuilder) when(t time.Time) (now, before bool) {
	p := &b.options.Period
	now = !t.Before(p.Since) && t.Before(p.Until)
	return now, !now && !t.Before(p.BeforeSince) && t.Before(p.Since)
}

func (b *reportBuilder) exceptions(ctx context.Context) error {
	if len(b.options.Squads) > 0 {
		return nil // they are the organisation's
	}
	rows, err := b.asker.store.Exceptions(ctx, b.asker.org)
	if err != nil {
		return err
	}
	var added, inForce []ReportFinding
	var addedBefore, inForceBefore []string
	p := &b.options.Period
	for i := range rows {
		x := &rows[i]
		until, err := time.Parse(time.RFC3339, x.Data.String("expires"))
		holds := func(end time.Time) bool { return x.At.Before(end) && (err != nil || !until.Before(end)) }
		f := ReportFinding{At: moment(x.At), Agent: whodid.AgentOf(x.Actor), Subject: x.Target, Detail: x.Why, ID: x.ID}
		now, before := b.when(x.At)
		if now {
			added = append(added, f)
		}
		if before {
			addedBefore = append(addedBefore, x.ID)
		}
		if holds(p.Until) {
			inForce = append(inForce, f)
		}
		if holds(p.Since) {
			inForceBefore = append(inForceBefore, x.ID)
		}
	}
	b.found(FoundException, added, addedBefore)
	b.found(FoundInForce, inForce, inForceBefore)
	return nil
}

// approvals are those that were refused or ran out, and those that waited when the
// time was over: as it stood then.
func (b *reportBuilder) approvals(ctx context.Context) error {
	p := &b.options.Period
	now, before := map[whodid.ApprovalState][]ReportFinding{}, map[whodid.ApprovalState][]string{}
	ids, err := b.asker.store.ApprovalsNotGranted(ctx, b.asker.org, p.BeforeSince, p.Since, p.Until)
	if err != nil {
		return err
	}
	for list := range slices.Chunk(ids, approvalPage) {
		parts, err := b.asker.store.ApprovalParts(ctx, b.asker.org, list)
		if err != nil {
			return err
		}
		for _, id := range list {
			if x, at, ok := b.approvalAt(parts[id], p.Since, p.Until); ok {
				detail := strings.TrimSpace(x.Type + " " + x.Target)
				if note := cmp.Or(x.Flaw, x.Reason); note != "" {
					detail += ": " + note
				}
				now[x.State] = append(now[x.State], ReportFinding{At: moment(at), Agent: x.Agent, Subject: cmp.Or(x.Execution, x.ID), Detail: detail, ID: x.ID})
			}
			if x, _, ok := b.approvalAt(parts[id], p.BeforeSince, p.Since); ok {
				before[x.State] = append(before[x.State], x.ID)
			}
		}
	}
	b.found(FoundRejected, now[whodid.ApprovalRejected], before[whodid.ApprovalRejected])
	b.found(FoundExpired, now[whodid.ApprovalExpired], before[whodid.ApprovalExpired])
	b.found(FoundPending, now[whodid.ApprovalPending], before[whodid.ApprovalPending])
	return nil
}

// approvalAt is an approval as it stood at the end of a time, if it was refused or
// ran out in that time, or still waited.
func (b *reportBuilder) approvalAt(parts []whodid.Event, since, until time.Time) (x whodid.Approval, at time.Time, ok bool) {
	known := slices.DeleteFunc(slices.Clone(parts), func(e whodid.Event) bool { return !e.RecordedAt.Before(until) })
	x, ok = whodid.FoldApproval(known, until)
	if !ok || !within(b.options.Squads, whodid.Squad(x.Agent)) {
		return x, at, false
	}
	switch x.State {
	case whodid.ApprovalPending:
		return x, x.RequestedAt, true
	case whodid.ApprovalRejected:
		at = x.DecidedAt
	case whodid.ApprovalExpired:
		if at = x.ExpiresAt; !x.ValidUntil.IsZero() {
			return x, at, false // it was granted, and not used
		}
		if !x.DecidedAt.IsZero() && (at.IsZero() || x.DecidedAt.Before(at)) {
			at = x.DecidedAt
		}
	default:
		return x, at, false
	}
	return x, at, !at.Before(since) && at.Before(until)
}

// unapproved is what was done without the approval that it needed.
func (b *reportBuilder) unapproved(ctx context.Context) error {
	o, p := b.options, &b.options.Period
	now, err := b.asker.Unapproved(ctx, o.Policy, UnapprovedFilter{Since: p.Since, Until: p.Until, Signature: o.Signature})
	if err != nil {
		return err
	}
	earlier, err := b.asker.Unapproved(ctx, o.Policy, UnapprovedFilter{Since: p.BeforeSince, Until: p.Since, Signature: o.Signature})
	if err != nil {
		return err
	}
	b.report.Policy = now.Policy
	var items []ReportFinding
	var before []string
	for i := range now.Findings {
		if x := &now.Findings[i]; within(o.Squads, whodid.Squad(x.Agent)) {
			items = append(items, ReportFinding{
				At: moment(x.At), Agent: x.Agent, Subject: x.ExecutionID, ID: x.EventID,
				Detail: strings.TrimSpace(x.ActionType+" "+x.Target) + " (" + x.Rule + "): " + x.Reason,
			})
		}
	}
	for i := range earlier.Findings {
		if x := &earlier.Findings[i]; within(o.Squads, whodid.Squad(x.Agent)) {
			before = append(before, x.EventID)
		}
	}
	b.found(FoundUnapproved, items, before)
	return nil
}

// events are budgets that were exceeded, and gaps.
func (b *reportBuilder) events(ctx context.Context) error {
	p := &b.options.Period
	rows, err := b.asker.store.Happened(ctx, b.asker.org, store.Selection{Since: p.BeforeSince, Until: p.Until, Squads: b.options.Squads}, "budget.exceed", "record.gap")
	if err != nil {
		return err
	}
	items, before := map[string][]ReportFinding{}, map[string][]string{}
	for i := range rows {
		x := &rows[i]
		if now, _ := b.when(x.At); !now {
			before[x.What] = append(before[x.What], x.ID)
			continue
		}
		f := ReportFinding{At: moment(x.At), Agent: whodid.AgentOf(x.Actor), ID: x.ID}
		if x.What == "record.gap" {
			f.Subject, f.Detail = cmp.Or(x.Execution, x.Target), gapInWords(x)
		} else {
			f.Subject, f.Detail = x.Data.String("subject"), budgetInWords(x)
		}
		items[x.What] = append(items[x.What], f)
	}
	b.found(FoundBudget, items["budget.exceed"], before["budget.exceed"])
	b.found(FoundGap, items["record.gap"], before["record.gap"])
	return nil
}

func budgetInWords(x *store.Row) string {
	used, _ := x.Data.Int("used")
	most, _ := x.Data.Int("most")
	s := fmt.Sprintf("%s %s: %d of %d", x.Target, x.Data.String("limited"), used, most)
	if period := x.Data.String("period"); period != "" {
		s += " in " + period
	}
	return s
}

func gapInWords(x *store.Row) string {
	s := x.Data.String("reason")
	if n, ok := x.Data.Int("count"); ok {
		s += fmt.Sprintf(" (%d)", n)
	}
	return s
}

// undated are runs whose start nobody told: they are in no sum.
func (b *reportBuilder) undated(ctx context.Context) error {
	p := &b.options.Period
	count := func(since, until time.Time) (int64, error) {
		return b.asker.store.CountExecutions(ctx, b.asker.org, store.Selection{
			Squads: b.options.Squads, Since: since, Until: until, RunsOnly: true,
			Terms: []whodid.Term{{Field: whodid.FilterStarted, Values: []string{whodid.StartedUnknown}}},
		})
	}
	now, err := count(p.Since, p.Until)
	if err != nil {
		return err
	}
	before, err := count(p.BeforeSince, p.Since)
	if err != nil || now+before == 0 {
		return err
	}
	trace := b.tracer(who{}, false).trace("exec list", CountRows, func(since, until string) []string {
		return []string{"is:run", "started:" + whodid.StartedUnknown, "since:" + since, "until:" + until}
	})
	b.report.Findings = append(b.report.Findings, ReportFindings{Kind: FoundUndated, Count: Figure{now, before, trace}, Items: []ReportFinding{}})
	return nil
}

// requests are those of people about their data that were overdue when the time was
// over.
func (b *reportBuilder) requests(ctx context.Context) error {
	if len(b.options.Squads) > 0 {
		return nil // they are the organisation's
	}
	p := &b.options.Period
	end := p.Until
	if now := b.asker.now(); now.Before(end) {
		end = now
	}
	now, err := b.asker.PrivacyOverdue(ctx, end)
	if err != nil {
		return err
	}
	before, err := b.asker.PrivacyOverdue(ctx, p.Since)
	if err != nil || len(now.Requests)+len(before.Requests) == 0 {
		return err
	}
	list := func(at time.Time) string {
		return "whodid privacy requests --json --overdue-at '" + at.UTC().Format(time.RFC3339Nano) + "'"
	}
	found := ReportFindings{Kind: FoundRequestLate, Items: []ReportFinding{}, Count: Figure{
		Value: int64(len(now.Requests)), Before: int64(len(before.Requests)),
		Trace: Trace{Command: list(end), Before: list(p.Since), Count: CountRows, IDs: []string{}, IDsBefore: []string{}},
	}}
	for i := range now.Requests {
		x := &now.Requests[i]
		found.Items = append(found.Items, ReportFinding{At: x.DueAt, Subject: x.Asked, Detail: "received on " + x.ReceivedAt.Format(time.DateOnly), ID: x.RequestID})
	}
	b.report.Findings = append(b.report.Findings, found)
	return nil
}

// reviews is when somebody had signed off last when the time was over.
func (b *reportBuilder) reviews(ctx context.Context) error {
	if len(b.options.Squads) > 0 {
		return nil // they are the organisation's
	}
	log, err := b.asker.store.Log(ctx, b.asker.org)
	if err != nil {
		return err
	}
	signed, err := b.asker.store.Reviews(ctx, b.asker.org, 0)
	if err != nil {
		return err
	}
	end := b.options.Period.Until
	if now := b.asker.now(); now.Before(end) {
		end = now
	}
	s, from, last := &b.report.Review, log.CreatedAt, ""
	for i := range signed {
		if x := &signed[i]; x.At.Before(end) {
			s.SignedAt, s.SignedBy, from, last = moment(x.At), x.Actor, x.At, x.ID
			break
		}
	}
	if s.DueAt = moment(from.Add(b.options.Every)); !end.After(*s.DueAt) || !log.CreatedAt.Before(end) {
		return nil
	}
	s.Overdue = true
	detail := "nobody has signed off yet"
	if last != "" {
		detail = "the last was signed " + s.SignedAt.Format(time.DateOnly)
	}
	// It is no count of rows: it rests on what is not there.
	b.report.Findings = append(b.report.Findings, ReportFindings{
		Kind: FoundOverdue, Count: Figure{Value: 1, Trace: Trace{Command: "whodid review list --json", IDs: []string{}, IDsBefore: []string{}}},
		Items: []ReportFinding{{At: s.DueAt, Subject: s.SignedBy, Detail: detail, ID: last}},
	})
	return nil
}
