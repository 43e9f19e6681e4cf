package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/ledger"
	"github.com/whodid/whodid/internal/store"
	"github.com/whodid/whodid/internal/term"
)

// answer asks the trail one question and shows the answer: as JSON to who wants that,
// else as show does.
func answer[T any](ctx context.Context, p *Program, question func(*ask.Asker, context.Context) (T, error), show func(T) error) error {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	a, err := question(t.asker, ctx)
	if err != nil {
		return err
	}
	if p.json {
		return p.printJSON(a)
	}
	return show(a)
}

// openToAsk opens the trail for a question and takes in what waits first. Who
// has not the trail's key may ask all the same: they are told if anything waits
// that the answer lacks.
func (p *Program) openToAsk(ctx context.Context) (*trail, error) {
	if err := p.namesNone(); err != nil {
		return nil, err
	}
	t, err := p.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.hasOrg(ctx, t); err != nil {
		t.close()
		return nil, err
	}
	switch err := p.openPen(ctx, t); {
	case errors.Is(err, errNoKey), errors.Is(err, ledger.ErrForeignKey):
		if waiting, lookErr := t.spool.Waiting(); lookErr != nil || waiting.Records > 0 {
			fmt.Fprintf(p.Stderr, "whodid: what waits in the spool is not in this answer: %v\n", err)
		}
		return t, nil
	case err != nil:
		t.close()
		return nil, err
	}
	if _, err := p.drain(ctx, t); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

// namesNone is an error if --store names a file that is not there: whoever asks it
// has misspelt it, and is not told that nothing happened by a trail made just now.
func (p *Program) namesNone() error {
	where, err := p.find()
	if err != nil || p.store == "" || !isMissing(where) {
		return err
	}
	if _, err := os.Stat(where.Spool); err == nil {
		return nil // hooks have written to it already
	}
	return withHint(fmt.Errorf("there is no trail at %s (%s)", where.Location, where.Why), "what records makes one, such as: whodid run --store %s …", p.store)
}

// hasOrg is an error if --org names an organisation that the trail does not have,
// while it has others.
func (p *Program) hasOrg(ctx context.Context, t *trail) error {
	if p.org == store.DefaultOrg {
		return nil
	}
	orgs, err := t.store.Orgs(ctx)
	if err != nil || len(orgs) == 0 || slices.Contains(orgs, p.org) {
		return err
	}
	return withHint(fmt.Errorf("the trail has no organisation %q (--org)", p.org), "it has %s; what records makes one", strings.Join(orgs, ", "))
}

// out is where the answer goes, for a person or for a program.
func (p *Program) out() *term.Output { return term.New(p.Stdout, p.Env, p.Now()) }

// advise tells a person what to do next: on standard output if they read it,
// else where it does not get between the rows of an answer.
func (p *Program) advise(o *term.Output, format string, args ...any) {
	if o.Terminal() {
		o.Printf(format+"\n", args...)
		return
	}
	fmt.Fprintf(p.Stderr, format+"\n", args...)
}

// unresolved adds to the error of an id that was not found, or that was found
// twice, what to do next.
func unresolved(err error) error { return unresolvedAmong(err, "whodid exec list") }

func unresolvedAmong(err error, list string) error {
	var many *store.AmbiguousError
	switch {
	case errors.As(err, &many):
		return withHint(fmt.Errorf("%q is the beginning of several ids", many.Prefix), "write more of one of these: %s", strings.Join(many.IDs, " "))
	case errors.Is(err, store.ErrNotFound):
		return withHint(err, "see: %s", list)
	default:
		return err
	}
}

// selection are the flags by which a question selects executions or actions.
type selection struct {
	agent, squad string
	status       string
	trigger      string
	tags         []string
	since, until string
	limit        int
	limited      *pflag.Flag // the flag of limit; nil where there is none
}

func (s *selection) bindWho(c *cobra.Command) {
	s.bindAgent(c)
	c.Flags().StringVar(&s.squad, "squad", "", "only agents of this `SQUAD`")
}

func (s *selection) bindAgent(c *cobra.Command) {
	c.Flags().StringVar(&s.agent, "agent", "", "only this agent: `SQUAD/NAME`, or a beginning followed by *")
}

func (s *selection) bindWhen(c *cobra.Command, since string) {
	c.Flags().StringVar(&s.since, "since", since, "from this `TIME` on: 7d, 30m, yesterday, 2026-11-01 or 2026-11-01T08:00:00Z")
	c.Flags().StringVar(&s.until, "until", "", "up to this `TIME`, written like --since")
}

// defaultLimit is how many rows a list shows unless it is told.
const defaultLimit = 100

func (s *selection) bindLimit(c *cobra.Command) {
	c.Flags().IntVar(&s.limit, "limit", defaultLimit, "at most `N`, 0 for all; with --json all unless you say")
	s.limited = c.Flags().Lookup("limit")
}

// filter reads the flags against the program's clock.
func (s *selection) filter(p *Program) (ask.Filter, error) {
	f := ask.Filter{Agent: s.agent, Squad: s.squad, Status: whodid.Status(s.status), Limit: s.rows(p)}
	if s.status != "" && !slices.Contains(whodid.Statuses(), f.Status) {
		return f, usageError("--status: %q is none of %s", s.status, joined(whodid.Statuses()))
	}
	if s.limit < 0 {
		return f, usageError("--limit: %d is less than none", s.limit)
	}
	var err error
	if f.Since, err = p.since("since", s.since); err != nil {
		return f, err
	}
	if f.Until, err = p.since("until", s.until); err != nil {
		return f, err
	}
	if !f.Since.IsZero() && !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, usageError("--since %s is not before --until %s", s.since, s.until)
	}
	return f, nil
}

// limitGiven tells whether the limit is the caller's own and no default.
func (s *selection) limitGiven() bool { return s.limited != nil && s.limited.Changed }

// rows is how many rows to ask for; 0 is all. Where the default limits, it is
// one more than is shown, so that it can be told that there are more. A program
// that asks for JSON gets all.
func (s *selection) rows(p *Program) int {
	switch {
	case s.limited == nil || p.json && !s.limitGiven():
		return 0
	case s.limitGiven():
		return s.limit
	default:
		return defaultLimit + 1
	}
}

// shown is how many of the n rows that were found to show, and whether there
// are more.
func (s *selection) shown(p *Program, n int) (int, bool) {
	if s.rows(p) == defaultLimit+1 && !s.limitGiven() && n > defaultLimit {
		return defaultLimit, true
	}
	return n, false
}

// printSome prints as many rows of a list as are to be shown, and tells its reader
// if it does not end there.
func printSome[T any](p *Program, s *selection, rows []T, print func(*term.Output, []T) error) error {
	o := p.out()
	shown, more := s.shown(p, len(rows))
	if err := print(o, rows[:shown]); err != nil {
		return err
	}
	if more {
		p.advise(o, "\nThese are the last %d. --limit 0 shows all, --since 7d those of a time.", defaultLimit)
	}
	return nil
}

// match reads the flags that narrow a selection further.
func (s *selection) match() (ask.Match, error) {
	var m ask.Match
	if s.trigger != "" {
		kind, detail, err := whodid.ParseTrigger(s.trigger)
		if err != nil || detail != "" {
			return m, usageError("--trigger: %q is none of manual, scheduled, event, smart", s.trigger)
		}
		m.Trigger = kind
	}
	var err error
	m.Tags, err = pairs("--tag", s.tags)
	return m, err
}

// joined lists words, the empty one excepted.
func joined[S ~string](words []S) string {
	var b strings.Builder
	for _, w := range words {
		if w == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		b.WriteString(string(w))
	}
	return b.String()
}

// shortChars is how much of an id a person is shown: 40 bits, which two of a
// million ids share with a probability of one in a million.
const shortChars = 8

// shortID is the beginning of an id that a person would type: without the
// prefix that goes without saying.
func shortID(o *term.Output, id, prefix string) string {
	if !o.Terminal() {
		return id
	}
	rest, ok := strings.CutPrefix(id, prefix+"-")
	kept := ""
	if !ok {
		name, after, found := strings.Cut(id, "-")
		if !found {
			return id
		}
		rest, kept = after, name+"-"
	}
	if len(rest) > shortChars {
		rest = rest[:shortChars]
	}
	return kept + rest
}

// statusCell shows where an execution stands.
func statusCell(status string) term.Cell {
	style := term.Plain
	switch whodid.Status(status) {
	case whodid.StatusSuccess:
		style = term.Green
	case whodid.StatusFailed:
		style = term.Red
	case whodid.StatusTimeout, whodid.StatusLost:
		style = term.Yellow
	case whodid.StatusRunning:
		style = term.Cyan
	case whodid.StatusCancelled:
		style = term.Dim
	}
	return term.Cell{Text: status, Style: style}
}

// resultCell shows what came of an action.
func resultCell(result string) term.Cell {
	style := term.Plain
	switch whodid.Result(result) {
	case whodid.ResultFailed, whodid.ResultRejected, whodid.ResultBlocked:
		style = term.Red
	case whodid.ResultTimeout, whodid.ResultAttempted, whodid.ResultCancelled:
		style = term.Yellow
	case whodid.ResultSuccess, whodid.ResultApproved, whodid.ResultNone:
	}
	return term.Cell{Text: result, Style: style}
}

// agentName is an agent's full name, with the kind of sub-agent behind it.
func agentName(x *ask.Execution) string {
	name := x.Agent
	if name == "" {
		name = term.Unknown
	}
	if x.Subagent != "" {
		name += " › " + x.Subagent
	}
	return name
}

func orUnknown(s string) string {
	if s == "" {
		return term.Unknown
	}
	return s
}

// filterHelp ends the help of commands that take a filter.
const filterHelp = `
What is listed can also be said in the filter language, alike here and in the
API: agent:engineering/* status:failed since:7d word '"free text"'. Terms hold
together with the flags; docs/filter.md has all of them.`

// filtered reads the filter that stands behind a command, and puts what its flags
// say beside it.
func (p *Program) filtered(args []string, f *ask.Filter, more ...whodid.Term) (ask.Selection, error) {
	filter, err := whodid.ParseFilter(strings.Join(args, " "), p.Now())
	if err != nil {
		return ask.Selection{}, usageError("%w", err)
	}
	for _, t := range []struct {
		field whodid.FilterField
		value string
	}{{whodid.FilterAgent, f.Agent}, {whodid.FilterSquad, f.Squad}, {whodid.FilterStatus, string(f.Status)}} {
		if t.value != "" {
			more = append(more, whodid.Term{Field: t.field, Values: []string{t.value}})
		}
	}
	filter.Terms = append(filter.Terms, more...)
	if f.Since.After(filter.Since) {
		filter.Since = f.Since
	}
	if !f.Until.IsZero() && (filter.Until.IsZero() || f.Until.Before(filter.Until)) {
		filter.Until = f.Until
	}
	return ask.Selection{Filter: filter, Limit: f.Limit}, nil
}

// misfiltered tells an error of the filter as one of usage.
func misfiltered(err error) error {
	if errors.Is(err, whodid.ErrFilter) {
		return &exitError{code: ExitUsage, err: err}
	}
	return unresolved(err)
}

// tallied reads the flags and the filter of a question that adds up. A time that
// the filter says takes the place of the flags', which has a default.
func (s *selection) tallied(p *Program, args []string) (ask.Selection, error) {
	filter, err := whodid.ParseFilter(strings.Join(args, " "), p.Now())
	if err != nil {
		return ask.Selection{}, usageError("%w", err)
	}
	if !filter.Since.IsZero() {
		s.since = filter.Since.Format(time.RFC3339Nano)
	}
	if !filter.Until.IsZero() {
		s.until = filter.Until.Format(time.RFC3339Nano)
	}
	f, err := s.filter(p)
	if err != nil {
		return ask.Selection{}, err
	}
	return p.filtered(args, &f)
}

// termsApart puts a space before the terms of a filter that must not hold, such
// as -status:failed, up to "--": they would pass for flags.
func termsApart(args []string) []string {
	fields := append(whodid.ExecutionFields(), whodid.EventFields()...)
	out := slices.Clone(args)
	for i, arg := range out {
		if arg == "--" {
			break
		}
		field, _, isTerm := strings.Cut(strings.TrimPrefix(arg, "-"), ":")
		if isTerm && strings.HasPrefix(arg, "-") && field != "" && slices.Contains(fields, whodid.FilterField(field)) {
			out[i] = " " + arg
		}
	}
	return out
}
