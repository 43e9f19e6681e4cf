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
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/term"
)

// incidentCommand is the parent of everything about incidents.
func (p *Program) incidentCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "incident",
		GroupID: "ask",
		Short:   "Find out which run broke something, keep the evidence, and hand it on",
		Long: `When something is broken: open says which run most probably did it, why it thinks
so and how sure it is, who stood behind it and who approved, how to take it back,
what else was touched, and what could not be established. It places a hold, so
that nothing of it is swept. Everything about an incident is an event of the log.`,
		Example: `  whodid incident open --at auth.go:42 --title "nobody can sign in"
  whodid incident open --at 03:00..03:30 --severity critical
  whodid incident note 7k2m "rolled back at 03:40"
  whodid incident bundle 7k2m -o incident.zip
  whodid incident close 7k2m --reason "fixed by 1f2e3d4"`,
		Args: arguments(cobra.NoArgs),
		RunE: p.group,
	}
	c.AddCommand(p.incidentOpenCommand(), p.incidentListCommand(), p.incidentShowCommand(), p.incidentNoteCommand(), p.incidentCloseCommand(), p.incidentBundleCommand())
	return c
}

// incidentOpening is one call of "whodid incident open".
type incidentOpening struct {
	at, title, severity, revision, follows string
}

func (p *Program) incidentOpenCommand() *cobra.Command {
	var o incidentOpening
	c := &cobra.Command{
		Use:   "open --at WHAT [--title TITLE] [--severity SEVERITY]",
		Short: "Open an incident: who did it, what happened, what to do",
		Long: `Looks into what went wrong and opens an incident about it. WHAT is

  FILE:LINE          a line that is wrong
  COMMIT             a commit, or a name of one such as HEAD~2
  PR                 a pull request: #44, owner/name#44 or its URL
  EXECUTION          a run, by its id or its unique beginning
  FROM..UNTIL        a time, such as 2026-11-27T03:00:00Z..2026-11-27T03:30:00Z,
                     2h..30m (ago), 3h..now or 03:00..03:30

The runs that are suspected are held from now on: no sweep and no erasure touches
them. If none is, the time is. Agents may open an incident; only people close one.`,
		Example: `  whodid incident open --at auth.go:42 --title "nobody can sign in" --severity high
  whodid incident open --at 1f2e3d4
  whodid incident open --at 3h..now --title "checkout is down" --severity critical --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.openIncident(c.Context(), &o) },
	}
	f := c.Flags()
	f.StringVar(&o.at, "at", "", "what is wrong: `WHAT` as above")
	f.StringVar(&o.title, "title", "", "what is wrong, in a few words")
	f.StringVar(&o.severity, "severity", "", "how bad it is: "+strings.Join(whodid.Severities(), ", "))
	f.StringVar(&o.revision, "rev", "", "the commit in which FILE:LINE is meant (default: the working tree)")
	f.StringVar(&o.follows, "follows", "", "an earlier incident (`ID`) that this one goes on from")
	return c
}

func (p *Program) openIncident(ctx context.Context, o *incidentOpening) error {
	switch {
	case o.at == "":
		return misuse(errors.New("--at is missing"), "say where it is: --at FILE:LINE, a commit, #44, the id of a run, or FROM..UNTIL")
	case o.severity != "" && !slices.Contains(whodid.Severities(), o.severity):
		return usageError("--severity: %q is none of %s", o.severity, strings.Join(whodid.Severities(), ", "))
	}
	w, who, err := p.holdPen(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	g, options, err := p.incidentGit(ctx, w.trail)
	if err != nil {
		return err
	}
	options.At = o.at
	if o.revision != "" && g.Repo != nil {
		if options.Revision = g.Repo.Resolve(ctx, o.revision); options.Revision == "" {
			return usageError("--rev: %q is no commit", o.revision)
		}
	}
	if o.follows != "" {
		before, err := w.trail.asker.IncidentByID(ctx, o.follows)
		if err != nil {
			return unresolvedAmong(err, "whodid incident list")
		}
		o.follows = before.IncidentID
	}
	found, err := g.Investigate(ctx, &options)
	switch {
	case errors.Is(err, ask.ErrNoSubject) && g.Repo != nil:
		return withHint(err, "ask for FILE:LINE, a commit, #44, the id of a run, or a time such as 3h..now or 03:00..03:30")
	case err != nil:
		return unexplained(err, g)
	}
	who.Org = p.org
	events := ask.OpenIncident(found, who, freshKey("incident"), ask.Opening{Title: o.title, Severity: o.severity, Follows: o.follows})
	rows, err := w.trail.recorder.Record(ctx, events...)
	if err != nil {
		return err
	}
	s, err := g.ShowIncident(ctx, rows[0].ID, options, found)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(s)
	}
	return p.incidentPage(s).print()
}

// incidentGit is who to ask about an incident, and by what rules.
func (p *Program) incidentGit(ctx context.Context, t *trail) (*ask.Git, ask.IncidentOptions, error) {
	g := &ask.Git{Trail: t.asker}
	repo, err := gitlog.Open(ctx, p.Dir)
	if err == nil {
		g.Repo = repo
	} else if !errors.Is(err, gitlog.ErrNoRepository) {
		return nil, ask.IncidentOptions{}, err
	}
	if t.ring != nil {
		g.Pseudonym = t.ring.Pseudonym
	}
	var o ask.IncidentOptions
	if o.Policy, o.Signature, err = p.approvalRules(ctx, t); err != nil {
		// At night nobody mends a policy first.
		p.complain(err)
	}
	return g, o, nil
}

func (p *Program) incidentListCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the incidents that are open, the last opened first",
		Example: `  whodid incident list
  whodid incident list --all --json | jq -r '.incidents[].incident_id'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			f := ask.IncidentFilter{State: ask.IncidentOpen}
			if all {
				f.State = ""
			}
			return answer(c.Context(), p, func(a *ask.Asker, ctx context.Context) (*ask.IncidentList, error) {
				return a.Incidents(ctx, f)
			}, p.printIncidents)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "those that were closed, too")
	return c
}

func (p *Program) printIncidents(list *ask.IncidentList) error {
	o := p.out()
	if len(list.Incidents) == 0 {
		p.advise(o, "No incident is open.")
		return nil
	}
	t := o.Table(
		term.Column{Title: "INCIDENT", Whole: true}, term.Column{Title: "STATE", Whole: true}, term.Column{Title: "SEVERITY", Whole: true}, term.Column{Title: "OPENED", Whole: true},
		term.Column{Title: "ABOUT"}, term.Column{Title: "SUSPECT", Whole: true}, term.Column{Title: "SURE", Whole: true}, term.Column{Title: "TITLE"},
	)
	for i := range list.Incidents {
		x := &list.Incidents[i]
		suspect := ""
		if len(x.Suspects) > 0 {
			suspect = shortID(o, x.Suspects[0], whodid.PrefixExecution)
		}
		t.Row(term.Text(shortID(o, x.IncidentID, whodid.PrefixEvent)), term.Text(x.State), severityCell(x.Severity), term.Text(o.Time(&x.OpenedAt)),
			term.Text(x.Subject), term.Text(suspect), term.Text(x.Sure), term.Text(x.Title))
	}
	return t.Write()
}

func severityCell(severity string) term.Cell {
	c := term.Text(severity)
	switch severity {
	case "critical", "high":
		c.Style = term.Red
	case "medium":
		c.Style = term.Yellow
	}
	return c
}

func (p *Program) incidentShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show an incident, with what the trail and git tell of it now",
		Long: `Shows an incident, looked into anew with what is known now, and says if that is
different from when it was opened. That you looked is recorded, once a minute: it
is a part of the chain of custody.`,
		Example: `  whodid incident show 7k2m
  whodid incident show 7k2m --json | jq '.analysis.timeline[] | {at, who, what, target}'`,
		Args: oneArgument("the id of an incident"),
		RunE: func(c *cobra.Command, args []string) error { return p.showIncident(c.Context(), args[0]) },
	}
}

func (p *Program) showIncident(ctx context.Context, prefix string) error {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	x, err := t.asker.IncidentByID(ctx, prefix)
	if err != nil {
		return unresolvedAmong(err, "whodid incident list --all")
	}
	if err := p.lookedAt(ctx, t, x.IncidentID); err != nil {
		return err
	}
	g, o, err := p.incidentGit(ctx, t)
	if err != nil {
		return err
	}
	s, err := g.ShowIncident(ctx, x.IncidentID, o, nil)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(s)
	}
	return p.incidentPage(s).print()
}

// penOf is a pen to a trail that is open already.
func (p *Program) penOf(t *trail) *pen {
	return &pen{p: p, place: t.place, redactor: t.redactor, trail: t}
}

// lookedAt records that somebody looked at an incident. Who has not the trail's
// key can't, and is told.
func (p *Program) lookedAt(ctx context.Context, t *trail, id string) error {
	if t.recorder == nil {
		fmt.Fprintln(p.Stderr, "whodid: that you look at it is not recorded: the trail's key is not at hand")
		return nil
	}
	e := whodid.Event{Source: "cli", What: "incident.view", Target: id, At: p.Now()}
	if err := p.penOf(t).sign(ctx, &e); err != nil {
		return err
	}
	e.Key = factKey("incident-view", id, e.Actor, e.At.UTC().Truncate(time.Minute).Format(time.RFC3339))
	_, err := t.recorder.Record(ctx, e)
	return err
}

// aboutIncident is the answer of the commands that say something of an incident.
type aboutIncident struct {
	IncidentID string `json:"incident_id"`
	EventID    string `json:"event_id"`
	// Who says so, as an actor.
	Who string `json:"who"`
	// State is open or closed.
	State string `json:"state"`
	// Released are the holds that were released with it.
	Released []string `json:"released"`
}

func (p *Program) tellIncident(a *aboutIncident) error {
	if p.json {
		return p.printJSON(a)
	}
	_, err := fmt.Fprintln(p.Stdout, a.EventID)
	return err
}

func (p *Program) incidentNoteCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "note ID TEXT",
		Short:   "Note something about an incident",
		Example: `  whodid incident note 7k2m "rolled back at 03:40, sign-in works again"`,
		Args:    arguments(cobra.ExactArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if strings.TrimSpace(args[1]) == "" {
				return usageError("the note is empty")
			}
			w, who, err := p.holdPen(c.Context())
			if err != nil {
				return err
			}
			defer w.close()
			x, err := w.trail.asker.IncidentByID(c.Context(), args[0])
			if err != nil {
				return unresolvedAmong(err, "whodid incident list")
			}
			e := *who
			e.Key, e.What, e.Target, e.Why = freshKey("incident-note"), "incident.note", x.IncidentID, args[1]
			rows, err := w.trail.recorder.Record(c.Context(), e)
			if err != nil {
				return err
			}
			return p.tellIncident(&aboutIncident{IncidentID: x.IncidentID, EventID: rows[0].ID, Who: e.Actor, State: x.State, Released: []string{}})
		},
	}
}

func (p *Program) incidentCloseCommand() *cobra.Command {
	var reason string
	var release bool
	c := &cobra.Command{
		Use:   "close ID --reason REASON",
		Short: "Close an incident; no agent does",
		Long: `Closes an incident. What it holds stays held unless --release-hold is said. A
closed incident is not opened again: another goes on from it, with --follows.`,
		Example: `  whodid incident close 7k2m --reason "fixed by 1f2e3d4" --release-hold`,
		Args:    oneArgument("the id of an incident"),
		RunE: func(c *cobra.Command, args []string) error {
			return p.closeIncident(c.Context(), args[0], reason, release)
		},
	}
	c.Flags().StringVar(&reason, "reason", "", "why it is over")
	c.Flags().BoolVar(&release, "release-hold", false, "release its holds: what they held may go when it is due")
	return c
}

func (p *Program) closeIncident(ctx context.Context, prefix, reason string, release bool) error {
	if strings.TrimSpace(reason) == "" {
		return misuse(errNoReason, "an incident that was closed without a reason can't be judged later")
	}
	w, who, err := p.personPen(ctx, "closes an incident")
	if err != nil {
		return err
	}
	defer w.close()
	x, err := w.trail.asker.IncidentByID(ctx, prefix)
	if err != nil {
		return unresolvedAmong(err, "whodid incident list")
	}
	if x.State == ask.IncidentClosed {
		return withHint(fmt.Errorf("incident %s was closed before", x.IncidentID), "open another that goes on from it: whodid incident open --follows %s --at …", x.IncidentID)
	}
	events, released, err := w.trail.asker.CloseIncident(ctx, x, who, reason, release)
	if err != nil {
		return err
	}
	rows, err := w.trail.recorder.Record(ctx, events...)
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("incident %s was closed by somebody else just now", x.IncidentID)
	}
	return p.tellIncident(&aboutIncident{IncidentID: x.IncidentID, EventID: rows[0].ID, Who: who.Actor, State: ask.IncidentClosed, Released: released})
}

// sureCell shows how sure it is.
func sureCell(sure string) term.Cell {
	c := term.Text(sure)
	switch incident.Sure(sure) {
	case incident.Certain:
		c.Style = term.Red
	case incident.Likely:
		c.Style = term.Yellow
	case incident.Possible:
		c.Style = term.Plain
	case incident.Weak:
		c.Style = term.Dim
	}
	return c
}
