package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/githook"
	"github.com/whodid/whodid/internal/hook"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/retention"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
	"github.com/whodid/whodid/proof"
)

// retentionCommand is the parent of everything about how long events are kept.
func (p *Program) retentionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "retention",
		GroupID: "keep",
		Short:   "Say how long events are kept, and remove what is due",
		Long: `Runs and actions are kept for a period after the trail took them, and sessions for
another; decisions, approvals and everything about the trail itself are kept for
ever. What is due is removed by a sweep: a run as a whole, with its log, unless a
hold stands (see "whodid hold"). Its hashes stay in the signed log, so that
"whodid verify" still proves what is left, and every sweep leaves a certificate.

Nothing is removed before somebody said how long events are kept. From then on a
server sweeps every day; without one, run "whodid retention apply".`,
		Example: `  whodid retention show
  whodid retention set eu-ai-act --reason "AI Act, article 26"
  whodid retention preview --at +91d
  whodid retention apply`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(p.retentionShowCommand(), p.retentionSetCommand(), p.retentionPreviewCommand(), p.retentionApplyCommand(), p.retentionCertificateCommand())
	return c
}

func (p *Program) retentionShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "Show the policy, the holds, and what was swept",
		Example: `  whodid retention show
  whodid retention show --json | jq .tallies`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return answer(c.Context(), p, (*ask.Asker).Retention, p.printRetention)
		},
	}
}

func (p *Program) printRetention(r *ask.Retention) error {
	o := p.out()
	p.printPolicy(o, &r.Policy)
	if len(r.Holds) > 0 {
		o.Printf("\n")
		if err := printHolds(o, r.Holds); err != nil {
			return err
		}
	}
	if len(r.Sweeps) > 0 {
		o.Printf("\n")
		t := o.Table(
			term.Column{Title: "SWEPT", Whole: true}, term.Column{Title: "CLASS", Whole: true}, term.Column{Title: "EVENTS", Whole: true, Right: true},
			term.Column{Title: "RUNS", Whole: true, Right: true}, term.Column{Title: "POLICY", Whole: true}, term.Column{Title: "CERTIFICATE", Whole: true},
		)
		for i := range r.Sweeps {
			s := &r.Sweeps[i]
			t.Row(term.Text(o.Time(&s.At)), term.Text(s.Class), term.Text(strconv.FormatInt(s.Events, 10)), term.Text(strconv.FormatInt(s.Executions, 10)),
				term.Text(s.Policy), term.Text(shortID(o, s.Certificate, whodid.PrefixEvent)))
		}
		if err := t.Write(); err != nil {
			return err
		}
	}
	if len(r.Tallies) == 0 {
		return nil
	}
	o.Printf("\n")
	t := o.Table(
		term.Column{Title: "MONTH", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "RUNS", Whole: true, Right: true},
		term.Column{Title: "SUCCESS", Whole: true, Right: true}, term.Column{Title: "COST", Whole: true, Right: true}, term.Column{Title: "UNKNOWN", Whole: true, Right: true},
	)
	for i := range r.Tallies {
		y := &r.Tallies[i]
		t.Row(term.Text(orUnknown(y.Month)), term.Text(orUnknown(y.Agent)), term.Text(strconv.FormatInt(y.Runs, 10)),
			term.Text(strconv.FormatInt(y.ByStatus[string(whodid.StatusSuccess)], 10)), term.Text(fmt.Sprintf("$%d.%06d", y.CostMicros/1_000_000, y.CostMicros%1_000_000)),
			term.Text(strconv.FormatInt(y.CostUnknown, 10)))
	}
	return t.Write()
}

func (p *Program) printPolicy(o *term.Output, r *ask.RetentionPolicy) {
	state := "not confirmed by anybody: nothing is swept"
	if r.Confirmed {
		state = "set by " + actorName(r.SetBy) + " " + o.Moment(r.SetAt)
	}
	o.Facts(
		term.Fact{Name: "Policy", Cell: term.Text(r.Profile)},
		term.Fact{Name: "Runs", Cell: term.Text(fmt.Sprintf("%d days", r.RunDays))},
		term.Fact{Name: "Sessions", Cell: term.Text(fmt.Sprintf("%d days", r.SessionDays))},
		term.Fact{Name: "State", Cell: term.Text(state)},
	)
	if !r.Confirmed {
		p.advise(o, "To confirm these periods: whodid retention set %s --reason REASON", r.Profile)
	}
}

// retentionSet is one call of "retention set".
type retentionSet struct {
	runs, sessions int
	reason         string
}

func (p *Program) retentionSetCommand() *cobra.Command {
	var s retentionSet
	c := &cobra.Command{
		Use:   "set PROFILE",
		Short: "Say how long events are kept",
		Long: `Sets the policy of the organisation, or confirms it. The profiles:

  seed        runs 90 days, sessions 30 (the default)
  eu-ai-act   at least 183 days
  sec-17a-4   at least 2192 days, which are six years
  own         what --runs and --sessions say

A profile can be prolonged with --runs and --sessions, and not made shorter. No
agent sets a policy.`,
		Example: `  whodid retention set seed --reason "as our handbook says"
  whodid retention set own --runs 400d --sessions 60d --reason "decided by the works council"`,
		Args: oneArgument("a profile: seed, eu-ai-act, sec-17a-4 or own"),
		RunE: func(c *cobra.Command, args []string) error { return p.setRetention(c.Context(), args[0], &s) },
	}
	c.Flags().Var(&days{&s.runs}, "runs", "how long runs and actions are kept, such as 400d")
	c.Flags().Var(&days{&s.sessions}, "sessions", "how long sessions are kept, such as 60d")
	c.Flags().StringVar(&s.reason, "reason", "", "why")
	return c
}

// days is a flag that counts days: 90d, or 90.
type days struct{ n *int }

func (d *days) String() string {
	if d.n == nil || *d.n == 0 {
		return ""
	}
	return strconv.Itoa(*d.n) + "d"
}

func (d *days) Type() string { return "DAYS" }

func (d *days) Set(s string) error {
	n, err := strconv.Atoi(strings.TrimSuffix(s, "d"))
	if err != nil || n < 1 || n > whodid.MaxRetentionDays {
		return fmt.Errorf("%q is not a number of days such as 90d", s)
	}
	*d.n = n
	return nil
}

func (p *Program) setRetention(ctx context.Context, profile string, s *retentionSet) error {
	r, ok := whodid.RetentionProfile(profile)
	if !ok && profile != whodid.OwnProfile {
		return misuse(fmt.Errorf("there is no profile %q", profile), "it is seed, eu-ai-act, sec-17a-4 or own")
	}
	if !ok {
		r = whodid.Retention{Profile: profile}
	}
	if s.runs > 0 {
		r.RunDays = s.runs
	}
	if s.sessions > 0 {
		r.SessionDays = s.sessions
	}
	if err := r.Check(); err != nil {
		return misuse(err, "see: whodid retention set --help")
	}
	w, who, err := p.personPen(ctx, "sets how long events are kept")
	if err != nil {
		return err
	}
	defer w.close()
	e := *who
	e.Key, e.What, e.Target, e.Why = freshKey("retention"), "retention.set", r.Profile, s.reason
	e.Data = whodid.Data{"run_days": int64(r.RunDays), "session_days": int64(r.SessionDays)}
	if _, err := w.trail.recorder.Record(ctx, e); err != nil {
		return err
	}
	policy, err := w.trail.asker.RetentionPolicy(ctx)
	if err != nil {
		return err
	}
	answer := ask.NewRetentionPolicy(&policy)
	if p.json {
		return p.printJSON(answer)
	}
	p.printPolicy(p.out(), &answer)
	return nil
}

// personPen opens the trail for what people do and agents don't, and says who does
// it.
func (p *Program) personPen(ctx context.Context, does string) (*pen, *whodid.Event, error) {
	w, err := p.newPen()
	if err != nil {
		return nil, nil, err
	}
	if err := w.open(ctx); err != nil {
		return nil, nil, err
	}
	e := &whodid.Event{Source: "cli"}
	err = w.drain(ctx)
	if err == nil {
		err = w.sign(ctx, e)
	}
	if err == nil {
		agent, inside := agentAbove(githook.Self())
		if name := whodid.AgentOf(e.Actor); name != "" {
			agent, inside = name, true
		}
		if inside {
			err = &exitError{code: ExitNotAllowed, err: withHint(fmt.Errorf("no agent %s, and this runs below %s", does, agent), "do it in a terminal of your own")}
		}
	}
	if err != nil {
		w.close()
		return nil, nil, err
	}
	return w, e, nil
}

func (p *Program) retentionPreviewCommand() *cobra.Command {
	var at string
	c := &cobra.Command{
		Use:   "preview",
		Short: "Say what a sweep would remove, and remove nothing",
		Example: `  whodid retention preview
  whodid retention preview --at +91d     # what would go in 91 days, as things stand`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			when, err := p.moment(at)
			if err != nil {
				return err
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.RetentionPreview, error) {
				return a.RetentionPreview(ctx, when)
			}, p.printPreview)
		},
	}
	c.Flags().StringVar(&at, "at", "", "at this `TIME` instead of now: +91d, or 2027-01-01")
	return c
}

// moment reads a time that may be ahead.
func (p *Program) moment(at string) (time.Time, error) {
	ahead, isAhead := strings.CutPrefix(at, "+")
	if !isAhead {
		t, err := p.since("at", at)
		if t.IsZero() {
			t = p.Now()
		}
		return t, err
	}
	d, err := whodid.ParseDuration(ahead)
	if err != nil {
		return time.Time{}, usageError("--at: %w", err)
	}
	return p.Now().Add(d), nil
}

func (p *Program) printPreview(v *ask.RetentionPreview) error {
	o := p.out()
	t := o.Table(
		term.Column{Title: "CLASS", Whole: true}, term.Column{Title: "RECORDED BEFORE", Whole: true}, term.Column{Title: "EVENTS", Whole: true, Right: true},
		term.Column{Title: "RUNS", Whole: true, Right: true}, term.Column{Title: "HELD", Whole: true, Right: true}, term.Column{Title: "HELD RUNS", Whole: true, Right: true},
	)
	for i := range v.Classes {
		d := &v.Classes[i]
		t.Row(term.Text(d.Class), term.Text(o.Moment(&d.Cutoff)), term.Text(strconv.Itoa(d.Events)), term.Text(strconv.Itoa(d.Executions)),
			term.Text(strconv.Itoa(d.HeldEvents)), term.Text(strconv.Itoa(d.HeldExecutions)))
	}
	if err := t.Write(); err != nil {
		return err
	}
	if !v.Policy.Confirmed {
		p.advise(o, "Nothing is swept before somebody confirms the policy: whodid retention set %s --reason REASON", v.Policy.Profile)
	}
	return nil
}

func (p *Program) retentionApplyCommand() *cobra.Command {
	var clock bool
	c := &cobra.Command{
		Use:   "apply",
		Short: "Remove what is due",
		Long: `Removes everything whose period is over by the policy in force, unless a hold
stands, together with the logs of the runs. Each sweep is recorded in the same
transaction, and "whodid retention certificate" makes its certificate.

A clock that jumped ahead would make everything due. So nothing is removed unless
the trail was written between a day and a week ago; --clock-is-right says that you
looked at the clock.`,
		Example: `  whodid retention preview && whodid retention apply`,
		Args:    arguments(cobra.NoArgs),
		RunE:    func(c *cobra.Command, _ []string) error { return p.applyRetention(c.Context(), clock) },
	}
	c.Flags().BoolVar(&clock, "clock-is-right", false, "sweep even if the trail was not written lately")
	return c
}

func (p *Program) applyRetention(ctx context.Context, clock bool) error {
	w, _, err := p.personPen(ctx, "removes events")
	if err != nil {
		return err
	}
	defer w.close()
	k := &retention.Keeper{Org: p.org, Store: w.trail.store, Recorder: w.trail.recorder, Asker: w.trail.asker, Now: p.Now}
	a, err := k.Apply(ctx, clock)
	if a != nil {
		// Even if it did not get to the end: what is gone is gone.
		p.sweepDisk(&w.trail.place, p.org, a)
	}
	switch {
	case errors.Is(err, retention.ErrUnconfirmed):
		return &exitError{code: ExitNotAllowed, err: withHint(err, "see what would go with: whodid retention preview; confirm with: whodid retention set %s --reason REASON", a.Policy.Profile)}
	case errors.Is(err, retention.ErrClock):
		return &exitError{code: ExitNotAllowed, err: withHint(err, "if it is right all the same, say --clock-is-right")}
	case err != nil:
		return err
	}
	if err := p.pin(ctx, w.trail); err != nil {
		return err
	}
	if p.json {
		return p.printJSON(a)
	}
	for _, s := range a.Sweeps {
		fmt.Fprintf(p.Stdout, "%s\t%s\t%d events\t%d runs\n", s.Certificate, s.Class, s.Events, s.Executions)
	}
	if len(a.Sweeps) == 0 {
		p.advise(p.out(), "Nothing is due.")
	}
	return nil
}

// sweepDisk removes what is kept beside the trail of what was swept: the logs of
// runs, and what hooks noted of sessions. What can't be removed is told of.
func (p *Program) sweepDisk(where *place.Trail, org string, a *retention.Applied) {
	var failed []error
	for _, id := range a.Gone {
		if !whodid.ValidID(id) {
			continue
		}
		if err := os.Remove(filepath.Join(where.Logs, id+".log")); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = append(failed, fmt.Errorf("couldn't remove the log of a run that was swept: %w", err))
		}
	}
	if org == p.org && !a.Sessions.IsZero() { // hooks tell of this user's own organisation
		failed = append(failed, hook.ForgetBefore(where.Calls, a.Sessions))
	}
	if err := errors.Join(failed...); err != nil {
		fmt.Fprintf(p.Stderr, "whodid: %v\n", err)
	}
}

func (p *Program) retentionCertificateCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "certificate SWEEP",
		Short: "Print the certificate of a sweep, to be checked by somebody who trusts nobody",
		Long: `Prints the proof of the event that tells of a sweep: by which policy it was, how
many events it took and where they were in the log, the root over their hashes,
and the root of the whole log before. The checkpoint in it is the root of the
log after. whodid-verify checks it offline.

SWEEP is the id of its event ("whodid retention show" lists them), or its
beginning.`,
		Example: `  whodid retention certificate 7k2m -o certificate.json
  whodid-verify certificate.json --key "$(whodid log key)"`,
		Args: oneArgument("the id of a sweep"),
		RunE: func(c *cobra.Command, args []string) error {
			b, err := p.certificate(c.Context(), args[0])
			if err != nil {
				return err
			}
			text, err := b.JSON()
			if err != nil {
				return err
			}
			return p.hand(out, text, 0o644, "certificate")
		},
	}
	c.Flags().StringVarP(&out, "out", "o", "", "write the certificate to this file")
	return c
}

func (p *Program) certificate(ctx context.Context, prefix string) (*proof.Bundle, error) {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return nil, err
	}
	defer t.close()
	b, err := t.asker.Prove(ctx, prefix)
	if err != nil {
		return nil, unresolvedAmong(err, "whodid retention show")
	}
	e, err := b.Event()
	if err != nil {
		return nil, err
	}
	if e.What != "retention.sweep" {
		return nil, withHint(fmt.Errorf("%s is no sweep: %w", e.ID, store.ErrNotFound), "see: whodid retention show")
	}
	return b, nil
}
