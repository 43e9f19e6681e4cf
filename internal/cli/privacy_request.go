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
	"github.com/whodid/whodid/internal/privacy"
	"github.com/whodid/whodid/internal/term"
)

// requestOptions are the flags of "privacy request".
type requestOptions struct{ to, received, due, note string }

func (p *Program) privacyRequestCommand() *cobra.Command {
	var o requestOptions
	c := &cobra.Command{
		Use:   "request PERSON --to erase|export",
		Short: "Note that a person asked for their data, or to be forgotten",
		Long: `Records the request and starts its clock: an answer is due by the end of the
same day of the next month (GDPR article 12(3)), or when --due says. "privacy
erase" and "privacy export" answer it with --request, "privacy refuse" refuses
it; until then review, doctor and the page tell when it is due.

The trail has the person's pseudonyms and the note, which go when they are
erased.`,
		Example: `  whodid privacy request ada@example.com --to erase --received 2026-11-03
  whodid privacy request @ada --to export --note "ticket 4711"
  whodid privacy erase ada@example.com --request evt-7k2m --yes`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error { return p.noteRequest(c.Context(), args[0], &o) },
	}
	f := c.Flags()
	f.StringVar(&o.to, "to", "", "what they ask for: erase or export")
	f.StringVar(&o.received, "received", "now", "when it was received: a `DATE` or time")
	f.StringVar(&o.due, "due", "", "the last `DATE` for an answer (default: a month after)")
	f.StringVar(&o.note, "note", "", "what to remember of it")
	return c
}

func (p *Program) noteRequest(ctx context.Context, given string, o *requestOptions) error {
	if !slices.Contains(whodid.PrivacyAsks(), o.to) {
		return usageError("--to: %q is none of %s", o.to, strings.Join(whodid.PrivacyAsks(), ", "))
	}
	received, err := p.since("received", o.received)
	if err != nil {
		return err
	}
	due := whodid.PrivacyDue(received)
	if o.due != "" {
		if due, err = p.since("due", o.due); err != nil {
			return err
		}
		due = whodid.EndOfDay(due)
	}
	switch {
	case received.After(p.Now()):
		return usageError("--received: %s is yet to come", received.Format(time.RFC3339))
	case due.Before(received):
		return usageError("--due: %s is before it was received", due.Format(time.DateOnly))
	}
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	sel, err := p.personSelector(w.trail, given)
	if err != nil {
		return err
	}
	note, err := w.cleaned(o.note)
	if err != nil {
		return err
	}
	var people []string
	for _, pseudonym := range sel.Pseudonyms {
		people = append(people, whodid.HumanActor(pseudonym))
	}
	return p.recordRequest(ctx, w, &whodid.Event{
		Key: freshKey("privacy.request"), What: "privacy.request", At: received, Actor: who.Actor, ActorAuth: who.Auth, OnBehalfOf: who.OnBehalfOf, OnBehalfAuth: who.OnBehalfAuth,
		Execution: who.Execution, Target: strings.Join(people, " "), Why: note, Source: "cli", Data: whodid.Data{"asked": o.to, "due": due.UTC().Format(time.RFC3339)},
	}, "")
}

// recordRequest records what happened to a request, and shows how it stands; no id
// is that of the event.
func (p *Program) recordRequest(ctx context.Context, w *pen, e *whodid.Event, id string) error {
	rows, err := w.trail.recorder.Record(ctx, *e)
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return errors.New("it was not recorded")
	}
	if id == "" {
		id = rows[0].ID
	}
	if !p.json {
		_, err = fmt.Fprintln(p.Stdout, rows[0].ID)
		return err
	}
	r, err := w.trail.asker.PrivacyRequest(ctx, id)
	if err != nil {
		return err
	}
	return p.printJSON(r)
}

func (p *Program) privacyRequestsCommand() *cobra.Command {
	var overdueAt string
	c := &cobra.Command{
		Use:   "requests",
		Short: "List what people asked about their data, and what is due",
		Example: `  whodid privacy requests
  whodid privacy requests --overdue-at now
  whodid privacy requests --overdue-at 2026-11-23 --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			question := (*ask.Asker).PrivacyRequests
			if overdueAt != "" {
				at, err := p.since("overdue-at", overdueAt)
				if err != nil {
					return err
				}
				question = func(a *ask.Asker, ctx context.Context) (*ask.PrivacyRequestList, error) {
					return a.PrivacyOverdue(ctx, at)
				}
			}
			return answer(c.Context(), p, question, p.printPrivacyRequests)
		},
	}
	c.Flags().StringVar(&overdueAt, "overdue-at", "", "only those that were overdue at this `TIME`, as it stood then")
	return c
}

func (p *Program) printPrivacyRequests(list *ask.PrivacyRequestList) error {
	o := p.out()
	if len(list.Requests) == 0 {
		p.advise(o, "Nobody asked for anything. Note a request with: whodid privacy request PERSON --to erase|export")
		return nil
	}
	table := o.Table(term.Column{Title: "REQUEST", Whole: true}, term.Column{Title: "ASKED", Whole: true}, term.Column{Title: "STATE", Whole: true}, term.Column{Title: "LEFT", Whole: true},
		term.Column{Title: "DUE", Whole: true}, term.Column{Title: "PERSON"}, term.Column{Title: "ANSWER"}, term.Column{Title: "NOTE"})
	for i := range list.Requests {
		r := &list.Requests[i]
		table.Row(term.Text(shortID(o, r.RequestID, "")), term.Text(r.Asked), term.Text(r.State), term.Text(leftOf(r)), term.Text(r.DueAt.Format(time.DateOnly)),
			term.Text(strings.Join(r.People, " ")), term.Text(shortID(o, r.AnswerID, "")), term.Text(r.Note+r.Reason))
	}
	return table.Write()
}

// leftOf says how much time there is to answer, or when it was answered.
func leftOf(r *ask.PrivacyRequest) string {
	switch {
	case r.DaysLeft == nil:
		return "on " + r.AnsweredAt.Format(time.DateOnly)
	case r.Overdue:
		return term.Count(int64(-*r.DaysLeft), "day") + " late"
	default:
		return term.Count(int64(*r.DaysLeft), "day")
	}
}

func (p *Program) privacyRefuseCommand() *cobra.Command {
	var why string
	c := &cobra.Command{
		Use:     "refuse REQUEST --why TEXT",
		Short:   "Refuse what a person asked about their data",
		Example: `  whodid privacy refuse evt-7k2m --why "it could not be known who asks"`,
		Args:    arguments(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			if why == "" {
				return misuse(errors.New("--why is missing"), "who is refused has a right to the reason (GDPR article 12(4))")
			}
			return p.refuseRequest(c.Context(), args[0], why)
		},
	}
	c.Flags().StringVar(&why, "why", "", "the reason")
	return c
}

func (p *Program) refuseRequest(ctx context.Context, id, why string) error {
	w, who, err := p.approvalPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	if !whodid.IsHuman(who.Actor) {
		return &exitError{code: ExitNotAllowed, err: withHint(errors.New("only people refuse; "+who.Actor+" is none"), "refuse in a terminal of your own")}
	}
	r, err := openRequest(ctx, w.trail, id)
	if err != nil {
		return err
	}
	if why, err = w.cleaned(why); err != nil {
		return err
	}
	return p.recordRequest(ctx, w, &whodid.Event{
		Key: freshKey("privacy.refuse"), What: "privacy.refuse", Actor: who.Actor, ActorAuth: who.Auth, Target: strings.Join(r.People, " "), Why: why, Source: "cli",
		Data: whodid.Data{"request": r.RequestID},
	}, r.RequestID)
}

// openRequest returns a request that nobody has answered.
func openRequest(ctx context.Context, t *trail, id string) (*ask.PrivacyRequest, error) {
	r, err := t.asker.PrivacyRequest(ctx, id)
	if err != nil {
		return nil, unresolvedAmong(err, "whodid privacy requests")
	}
	if r.State != ask.RequestOpen {
		return nil, fmt.Errorf("the request %s is %s since %s", r.RequestID, r.State, r.AnsweredAt.Format(time.DateOnly))
	}
	return r, nil
}

// whom is who or what an answer is about: the argument, or else the request's person.
func whom(args []string, request string) (string, error) {
	switch {
	case len(args) > 0:
		return args[0], nil
	case request == "":
		return "", misuse(errors.New("nobody is named"), "say whom it is about, or which request it answers: --request ID")
	default:
		return "", nil
	}
}

// answering returns the id of the request that is answered, and adds its person to
// the selector, who must be the same if somebody is named. No id is no request.
func answering(ctx context.Context, t *trail, id, asked string, sel *privacy.Selector) (string, error) {
	if id == "" {
		return "", nil
	}
	r, err := openRequest(ctx, t, id)
	if err != nil {
		return "", err
	}
	if r.Asked != asked {
		return "", fmt.Errorf("the request %s asks for something else: %s", r.RequestID, r.Asked)
	}
	named := sel.Value != "" || len(sel.Pseudonyms) > 0
	if named && !isOf(r, sel) {
		return "", fmt.Errorf("the request %s is somebody else's", r.RequestID)
	}
	sel.Kind = privacy.ByPerson
	for _, person := range r.People {
		if name := strings.TrimPrefix(person, "human:"); !slices.Contains(sel.Pseudonyms, name) {
			sel.Pseudonyms = append(sel.Pseudonyms, name)
		}
	}
	if len(sel.Pseudonyms) == 0 {
		return "", withHint(fmt.Errorf("the person of the request %s was erased", r.RequestID), "close it with: whodid privacy refuse %s --why REASON", r.RequestID)
	}
	return r.RequestID, nil
}

// noneOpen refuses to erase a person who asked for it, without a word of that: the
// request would stay open for ever, for nobody would know whose it is.
func noneOpen(ctx context.Context, t *trail, sel *privacy.Selector) error {
	list, err := t.asker.PrivacyRequests(ctx)
	if err != nil {
		return err
	}
	for _, r := range list.Open() {
		if r.Asked == "erase" && isOf(&r, sel) {
			return misuse(errors.New("this person asked for it, and the request is open"), "answer it: --request %s", r.RequestID)
		}
	}
	return nil
}

// isOf tells whether a request is the selected person's.
func isOf(r *ask.PrivacyRequest, sel *privacy.Selector) bool {
	return sel.Kind == privacy.ByPerson && slices.ContainsFunc(sel.Pseudonyms, func(name string) bool { return slices.Contains(r.People, whodid.HumanActor(name)) })
}
