package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) reviewCommand() *cobra.Command {
	var since string
	c := &cobra.Command{
		Use:     "review",
		GroupID: "keep",
		Short:   "See what needs eyes since the last review, and sign off on it",
		Long: `Shows what a person should look at since somebody signed off last: open incidents,
requests of people that are due, runs that failed, were lost or took too long,
what forges do not confirm or contradict, what was done without the approval that
it needed, exceptions, approvals, budgets, gaps in recording, decisions in
conflict, what was tagged as important, and the most expensive runs.

A review is due every week, or as the policy says: [review] every = "14d". When it
is overdue, history and doctor say so.`,
		Example: `  whodid review
  whodid review --since 30d --json | jq '.findings[] | select(.kind == "gap")'
  whodid review sign --note "two flaky runs, nothing else"`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			from, err := p.since("since", since)
			if err != nil {
				return err
			}
			t, err := p.openToAsk(c.Context())
			if err != nil {
				return err
			}
			defer t.close()
			r, err := p.reviewed(c.Context(), t, from)
			if err != nil {
				return err
			}
			if p.json {
				return p.printJSON(r)
			}
			return p.printReview(r)
		},
	}
	c.Flags().StringVar(&since, "since", "", "from this `TIME` on: 7d, yesterday, 2026-11-01 (default: since the last review)")
	c.AddCommand(p.reviewSignCommand(), p.reviewListCommand())
	return c
}

func (p *Program) printReview(r *ask.Review) error {
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n%s\n\n", o.Paint(term.Bold, fmt.Sprintf("Review of %s to %s", r.Since.Format("2006-01-02 15:04"), r.Until.Format("2006-01-02 15:04 UTC"))), signedLine(&r.State))
		if len(r.Findings) == 0 {
			o.Printf("Nothing needs eyes.\n\n")
		}
	}
	t := o.Table(term.Column{Title: "WHAT", Whole: true}, term.Column{Title: "WHEN", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "SUBJECT"}, term.Column{Title: "DETAIL"})
	findings, times := gathered(r.Findings, o.Terminal())
	for i := range findings {
		f := &findings[i]
		when := ""
		if f.At != nil {
			when = o.Time(f.At)
		}
		kind := f.Kind
		if times[i] > 1 {
			kind += fmt.Sprintf(" ×%d", times[i])
		}
		subject := f.Subject
		if whodid.ValidID(subject) {
			subject = shortID(o, subject, "")
		}
		t.Row(term.Text(kind), term.Text(when), term.Text(f.Agent), term.Text(subject), term.Text(f.Detail))
	}
	for i := range r.Costliest {
		x := &r.Costliest[i]
		cost := term.Money(x.CostKnownMicros)
		if x.CostMicros == nil {
			cost = "at least " + cost
		}
		t.Row(term.Text("costly"), term.Text(o.Time(x.StartedAt)), term.Text(x.Agent), term.Text(shortID(o, x.ExecutionID, "")), term.Text(cost))
	}
	if err := t.Write(); err != nil {
		return err
	}
	if o.Terminal() {
		o.Printf("\n%s\n%s\n", historyTotal(&r.Total), reconciledLine(r.Reconciled))
		p.advise(o, "\nSign off with:\n\n  whodid review sign --note NOTE")
	}
	return nil
}

// gathered puts findings that say the same of events together for a person, with
// how often: a hook that fails fails often.
func gathered(list []ask.Finding, together bool) (found []ask.Finding, times []int) {
	for i := range list {
		f := &list[i]
		same := slices.IndexFunc(found, func(g ask.Finding) bool { return g.Kind == f.Kind && g.Agent == f.Agent && g.Detail == f.Detail })
		if together && same >= 0 && strings.HasPrefix(f.Subject, whodid.PrefixEvent+"-") { // of nothing that has a name
			times[same]++
			continue
		}
		found, times = append(found, *f), append(times, 1)
	}
	return found, times
}

// reconciledLine says how much of what is known outside of the trail it explains.
func reconciledLine(last *ask.LastReconciliation) string {
	switch {
	case last == nil:
		return "Coverage: not known; see whodid reconcile --record."
	case last.Coverage == "":
		return fmt.Sprintf("Coverage: on %s there was nothing to compare the trail with.", last.At.Format(time.DateOnly))
	default:
		return fmt.Sprintf("Coverage: %s%% at the lowest, %d unexplained, on %s.", last.Coverage, last.Unexplained, last.At.Format(time.DateOnly))
	}
}

// signedLine says when somebody signed off last.
func signedLine(s *ask.ReviewState) string {
	line := "Nobody has signed off yet"
	if s.SignedAt != nil {
		line = fmt.Sprintf("Signed off %s by %s", s.SignedAt.Format(time.DateOnly), term.Clean(s.SignedBy))
	}
	switch {
	case s.DueAt == nil:
		return line + "."
	case s.Overdue:
		return fmt.Sprintf("%s; a review is overdue since %s.", line, s.DueAt.Format(time.DateOnly))
	default:
		return fmt.Sprintf("%s; the next is due on %s.", line, s.DueAt.Format(time.DateOnly))
	}
}

// mindReview tells on standard error that a review is overdue.
func (p *Program) mindReview(ctx context.Context, t *trail) {
	s, err := t.asker.ReviewState(ctx, p.rules(p.org).ReviewEvery)
	if err == nil && s.Overdue {
		fmt.Fprintf(p.Stderr, "whodid: %s See: whodid review\n", signedLine(s))
	}
}

// signedOff is the answer of "review sign".
type signedOff struct {
	EventID string `json:"event_id"`
	// Who signed off, as an actor.
	Who      string    `json:"who"`
	Since    time.Time `json:"since"`
	Until    time.Time `json:"until"`
	Findings int       `json:"findings"`
	// DueAt is when the next review is due.
	DueAt time.Time `json:"due_at"`
}

func (p *Program) reviewSignCommand() *cobra.Command {
	var note string
	c := &cobra.Command{
		Use:   "sign --note NOTE",
		Short: "Sign off on what agents did since the last review",
		Long: `Records that you have looked at what agents did since somebody signed off last.
Only people sign off: inside of an agent's run or below its client it is refused.`,
		Example: `  whodid review sign --note "two flaky runs, nothing else"`,
		Args:    arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if note == "" {
				return misuse(errors.New("--note is missing"), "say in a sentence what you saw: a signature without a word can't be judged later")
			}
			return p.signReview(c.Context(), note)
		},
	}
	c.Flags().StringVar(&note, "note", "", "what you saw, in a sentence or two")
	return c
}

func (p *Program) signReview(ctx context.Context, note string) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if !whodid.IsHuman(who.Actor) {
		return &exitError{code: ExitNotAllowed, err: withHint(fmt.Errorf("only people sign off, and this is %s", who.Actor), "sign in a terminal of your own")}
	}
	if agent, inside := agentAbove(githook.Self()); inside {
		return &exitError{code: ExitNotAllowed, err: withHint(fmt.Errorf("no agent signs off, and this runs below %s", agent), "sign in a terminal of your own")}
	}
	if note, err = w.cleaned(note); err != nil {
		return err
	}
	r, err := p.reviewed(ctx, w.trail, time.Time{})
	if err != nil {
		return err
	}
	e := whodid.Event{
		Key: freshKey("review"), What: "review.sign", At: r.Until, Source: "cli", Why: note, Actor: who.Actor, ActorAuth: who.Auth,
		Data: whodid.Data{"from": r.Since.Format(time.RFC3339), "until": r.Until.Format(time.RFC3339), "found": int64(len(r.Findings))},
	}
	if kinds := r.Kinds(); len(kinds) > 0 {
		e.Data["kinds"] = kinds
	}
	if _, err := w.trail.recorder.Record(ctx, e); err != nil {
		return err
	}
	e.Org = p.org
	e.Identify()
	if p.json {
		return p.printJSON(signedOff{EventID: e.ID, Who: e.Actor, Since: r.Since, Until: r.Until, Findings: len(r.Findings), DueAt: r.Until.Add(p.rules(p.org).ReviewEvery)})
	}
	_, err = fmt.Fprintln(p.Stdout, e.ID)
	return err
}

func (p *Program) reviewListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the reviews that people signed off on",
		Example: `  whodid review list
  whodid review list --json | jq .state`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.ReviewList, error) {
				return a.Reviews(ctx, p.rules(p.org).ReviewEvery)
			}, p.printReviews)
		},
	}
}

func (p *Program) printReviews(list *ask.ReviewList) error {
	o := p.out()
	if len(list.Reviews) == 0 {
		p.advise(o, "%s Begin with: whodid review", signedLine(&list.State))
		return nil
	}
	table := o.Table(term.Column{Title: "REVIEW", Whole: true}, term.Column{Title: "SIGNED", Whole: true}, term.Column{Title: "WHO"}, term.Column{Title: "FINDINGS", Right: true, Whole: true}, term.Column{Title: "NOTE"})
	for i := range list.Reviews {
		r := &list.Reviews[i]
		table.Row(term.Text(r.EventID), term.Text(o.Time(&r.At)), term.Text(r.Who), term.Int(r.Findings), term.Text(r.Note))
	}
	return table.Write()
}

// reviewed answers what needs eyes by the policies that hold here.
func (p *Program) reviewed(ctx context.Context, t *trail, since time.Time) (*ask.Review, error) {
	rules, signature, err := p.approvalRules(ctx, t)
	if err != nil {
		return nil, err
	}
	return t.asker.Review(ctx, &ask.ReviewOptions{Since: since, Every: p.rules(p.org).ReviewEvery, Policy: rules, Signature: signature})
}
