package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/importer"
	"github.com/whodid/whodid/internal/ingest/usage"
	"github.com/whodid/whodid/internal/place"
	"github.com/whodid/whodid/internal/term"
)

// reconcile is one call of "whodid reconcile".
type reconcile struct {
	period
	repos       []string
	sessions    []string
	noSessions  bool
	bills       []string
	minCoverage float64
	tolerance   float64
	markdown    bool
	record      bool
}

func (p *Program) reconcileCommand() *cobra.Command {
	var q reconcile
	c := &cobra.Command{
		Use:     "reconcile",
		GroupID: "prove",
		Short:   "Compare the trail with what agents do not control, and list what it lacks",
		Long: `Compares the trail with what the agents that it tells of do not control, and lists
one by one what it does not explain, with the probable reason and what to do:

  log          the numbering of the trail's own log
  commits      commits of agents in git: by trailers, co-authors and addresses
  forge        merges, pushes, releases and deployments of agents, as forges tell
  telemetry    the numbers that Claude Code gives its records
  hooks        sessions whose client said which hooks it calls
  transcripts  tool calls in the files that clients keep of their sessions
  usage        what a bill or an export of Anthropic or OpenAI says (--usage)

What could not be looked at is not checked, says why, and is no coverage. With
--min-coverage N it ends with exit status 6 if a source is covered to less than N
per cent, if one that was asked for could not be read, or if nothing outside of
the trail was checked.
--record keeps the result, and each hole as a gap, for reports and reviews.`,
		Example: `  whodid reconcile --month 2026-10
  whodid reconcile --since 30d --repo ~/src/shop --repo ~/src/site
  whodid reconcile --month 2026-10 --usage cost.csv --usage usage.json
  whodid reconcile --month 2026-10 --min-coverage 99 --json
  whodid reconcile --month 2026-10 --markdown --record > coverage.md`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.reconcile(c.Context(), &q) },
	}
	q.bind(c)
	f := c.Flags()
	f.StringArrayVar(&q.repos, "repo", nil, "a repository in `DIR`, once for each (default: the one here)")
	f.StringArrayVar(&q.sessions, "sessions", nil, "files of sessions in `PATH` (default: where clients keep them)")
	f.BoolVar(&q.noSessions, "no-sessions", false, "look at no files of sessions: they are of another machine")
	f.StringArrayVar(&q.bills, "usage", nil, "an export or a bill in `FILE`, once for each: docs/reconcile.md")
	f.Float64Var(&q.minCoverage, "min-coverage", 0, "end with exit status 6 under `N` per cent")
	f.Float64Var(&q.tolerance, "tolerance", 0.5, "a day and model of a bill may differ by `N` per cent")
	f.BoolVar(&q.markdown, "markdown", false, "print Markdown")
	f.BoolVar(&q.record, "record", false, "keep the result and the gaps in the trail")
	return c
}

func (p *Program) reconcile(ctx context.Context, q *reconcile) error {
	in := &ask.ReconcileInput{Tolerance: q.tolerance, Model: usage.Model}
	var err error
	switch {
	case q.minCoverage < 0 || q.minCoverage > 100:
		return usageError("--min-coverage: %v is not between 0 and 100", q.minCoverage)
	case q.tolerance < 0 || q.tolerance > 100:
		return usageError("--tolerance: %v is not between 0 and 100", q.tolerance)
	case q.noSessions && len(q.sessions) > 0:
		return usageError("--no-sessions and --sessions contradict each other")
	}
	if in.Since, in.Until, err = q.times(p); err != nil {
		return err
	}
	if !q.given() {
		in.Since = p.Now().Add(-costBack)
	}
	open := p.openToAsk
	if q.record {
		open = p.open
	}
	t, err := open(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	if t.ring != nil {
		in.Pseudonym = t.ring.Pseudonym
	}
	in.Repos = p.reposToReconcile(ctx, q.repos)
	in.Bills = p.readBills(q.bills)
	if err := p.sessionsToReconcile(ctx, t, q, in); err != nil {
		return err
	}
	answer, err := t.asker.Reconcile(ctx, in)
	if err != nil {
		return err
	}
	if q.record {
		if _, err := t.recorder.Record(ctx, answer.Events()...); err != nil {
			return fmt.Errorf("couldn't record the result: %w", err)
		}
		if err := p.pin(ctx, t); err != nil {
			return err
		}
	}
	switch {
	case p.json:
		err = p.printJSON(answer)
	case q.markdown:
		p.printReconciledMarkdown(answer)
	default:
		err = p.printReconciled(answer)
	}
	if err != nil {
		return err
	}
	if why := answer.Short(q.minCoverage); q.minCoverage > 0 && len(why) > 0 {
		return &exitError{code: ExitIncomplete, err: fmt.Errorf("the coverage is under %v%%: %s", q.minCoverage, strings.Join(why, "; "))}
	}
	return nil
}

// reposToReconcile opens the repositories that were named, or the one here.
func (p *Program) reposToReconcile(ctx context.Context, dirs []string) []ask.ReconcileRepo {
	if len(dirs) == 0 {
		repo, err := gitlog.Open(ctx, p.Dir)
		if err != nil {
			return nil
		}
		return []ask.ReconcileRepo{{Dir: p.Dir, Repo: repo}}
	}
	out := make([]ask.ReconcileRepo, len(dirs))
	for i, dir := range dirs {
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(p.Dir, dir)
		}
		out[i].Dir = dir
		out[i].Repo, out[i].Err = gitlog.Open(ctx, dir)
	}
	return out
}

// readBills reads the files that were named.
func (p *Program) readBills(paths []string) []ask.Billed {
	out := make([]ask.Billed, len(paths))
	for i, path := range paths {
		out[i].Name = filepath.Base(path)
		if !filepath.IsAbs(path) {
			path = filepath.Join(p.Dir, path)
		}
		bill, err := readBill(path)
		if err != nil {
			out[i].Err = err
			continue
		}
		out[i].Format, out[i].More = bill.Format, bill.More
		for j := range bill.Lines {
			l := &bill.Lines[j]
			line := ask.BilledLine{Day: l.Day, Model: l.Model}
			if l.Cost {
				line.Micros = &l.CostMicros
			}
			if l.Tokens {
				n := l.Input + l.Output + l.CacheRead + l.CacheWrite
				line.Tokens = &n
			}
			out[i].Lines = append(out[i].Lines, line)
		}
	}
	return out
}

func readBill(path string) (*usage.Bill, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > usage.MaxBytes {
		return nil, fmt.Errorf("it is no file of at most %d bytes", usage.MaxBytes)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return usage.Parse(b)
}

// sessionsToReconcile reads what clients keep of their sessions.
func (p *Program) sessionsToReconcile(ctx context.Context, t *trail, q *reconcile, in *ask.ReconcileInput) error {
	switch {
	case q.noSessions:
		in.NoSessions = "the files of sessions were left out"
		return nil
	case t.ring == nil:
		in.NoSessions = "without the trail's key files of sessions can't be compared"
		return nil
	}
	im := p.importer(t, &importFlags{dry: true}, in.Since)
	files, err := p.sessionFiles(q.sessions, &importFlags{}, func(path string, err error) {
		in.Sessions = append(in.Sessions, ask.DiskSession{Path: path, Err: err})
	})
	if err != nil {
		in.Sessions = append(in.Sessions, ask.DiskSession{Path: strings.Join(q.sessions, " "), Err: err})
		return nil
	}
	examined, err := im.Examine(ctx, files, in.Since, in.Until)
	if err != nil {
		return err
	}
	for i := range examined {
		in.Sessions = append(in.Sessions, diskSession(&examined[i], place.Home(p.Env)))
	}
	return nil
}

func diskSession(x *importer.Examined, home string) ask.DiskSession {
	d := ask.DiskSession{Client: x.Client, Session: x.Session, Path: x.Path, Known: x.Known, Err: x.Err}
	if rest, ok := strings.CutPrefix(x.Path, home+string(filepath.Separator)); ok && home != "" {
		d.Path = filepath.Join("~", rest)
	}
	for i := range x.Calls {
		d.Calls = append(d.Calls, ask.DiskCall(x.Calls[i]))
	}
	return d
}

func (p *Program) printReconciled(r *ask.Reconciliation) error {
	o := p.out()
	if o.Terminal() {
		o.Printf("%s\n\n", o.Paint(term.Bold, "The trail against what agents do not control, "+inPeriod(r.Since, r.Until)))
	}
	t := o.Table(term.Column{Title: "SOURCE"}, term.Column{Title: "COVERAGE"}, term.Column{Title: "FOUND"})
	var facts []term.Fact
	for i := range r.Sources {
		s := &r.Sources[i]
		cell := term.Text(coverage(s.Coverage, s.Checked))
		switch {
		case s.Coverage != nil && *s.Coverage < 100, s.Failed:
			cell.Style = term.Red
		case s.Coverage != nil:
			cell.Style = term.Green
		}
		words := s.Reason
		if s.Checked {
			words = strings.TrimSuffix(s.Sentence()+"; "+s.Reason, "; ")
		}
		t.Row(term.Text(s.Source), cell, term.Text(words))
		facts = append(facts, term.Fact{Name: s.Source, NameStyle: cell.Style, Cell: term.Text(cell.Text + ": " + words)})
	}
	if o.Terminal() {
		o.Facts(facts...) // sentences, which a table would cut
	} else if err := t.Write(); err != nil {
		return err
	}
	if c := r.Usage; c != nil {
		if words := compared(c); words != "" {
			p.advise(o, "\n%s", words)
		}
	}
	for i := range r.Sources {
		for j := range r.Sources[i].Items {
			u := &r.Sources[i].Items[j]
			o.Printf("\n%s %s%s\n", u.Kind, term.Clean(u.Subject), when(u))
			o.Facts(fact("What", term.Clean(agentFirst(u)+u.Detail)), fact("Why", term.Clean(u.Reason)), fact("Next", term.Clean(u.Next)))
		}
	}
	for i := range r.Sources {
		for _, note := range r.Sources[i].Notes {
			p.advise(o, "\n%s: %s.", r.Sources[i].Source, term.Clean(note))
		}
	}
	return nil
}

func agentFirst(u *ask.Unexplained) string {
	if u.Agent == "" {
		return ""
	}
	return u.Agent + ", "
}

func when(u *ask.Unexplained) string {
	if u.At == nil {
		return ""
	}
	return ", " + u.At.UTC().Format("2006-01-02 15:04")
}

// coverage is a share in per cent as people read it.
func coverage(share *float64, checked bool) string {
	switch {
	case !checked:
		return "not checked"
	case share == nil:
		return "–"
	default:
		return strconv.FormatFloat(*share, 'f', -1, 64) + "%"
	}
}

// compared says how far bills and the trail differ.
func compared(c *ask.UsageComparison) string {
	var words []string
	if c.BilledMicros != nil {
		trail := "an unknown cost"
		if c.TrailMicros != nil {
			trail = term.Money(*c.TrailMicros)
		}
		words = append(words, fmt.Sprintf("Bills say %s, the trail %s%s", term.Money(*c.BilledMicros), trail, byPercent(c.DifferencePercent)))
	}
	if c.BilledTokens != nil {
		trail := int64(0)
		if c.TrailTokens != nil {
			trail = *c.TrailTokens
		}
		words = append(words, fmt.Sprintf("Bills count %d tokens, the trail %d%s", *c.BilledTokens, trail, byPercent(c.TokensPercent)))
	}
	if len(words) == 0 {
		return ""
	}
	return strings.Join(words, ". ") + "."
}

func byPercent(p *float64) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf(" (%+.2f%%)", *p)
}

func (p *Program) printReconciledMarkdown(r *ask.Reconciliation) {
	o := p.out()
	cell := func(s string) string {
		return strings.NewReplacer("|", "\\|", "<", "&lt;", "`", "'").Replace(term.Clean(s))
	}
	o.Printf("# The trail against what agents do not control\n\n%s.\n\n| source | coverage | found |\n|---|---:|---|\n", strings.ToUpper(inPeriod(r.Since, r.Until)[:1])+inPeriod(r.Since, r.Until)[1:])
	for i := range r.Sources {
		s := &r.Sources[i]
		o.Printf("| %s | %s | %s |\n", s.Source, coverage(s.Coverage, s.Checked), cell(s.Sentence()))
	}
	if r.Usage != nil {
		if words := compared(r.Usage); words != "" {
			o.Printf("\n%s\n", words)
		}
	}
	first := true
	for i := range r.Sources {
		for j := range r.Sources[i].Items {
			if first {
				o.Printf("\n## Unexplained\n\n| what | when | detail | probable reason | next |\n|---|---|---|---|---|\n")
				first = false
			}
			u := &r.Sources[i].Items[j]
			o.Printf("| %s %s | %s | %s | %s | %s |\n", u.Kind, cell(u.Subject), strings.TrimPrefix(when(u), ", "), cell(agentFirst(u)+u.Detail), cell(u.Reason), cell(u.Next))
		}
	}
	first = true
	for i := range r.Sources {
		for _, note := range r.Sources[i].Notes {
			if first {
				o.Printf("\n## What the figures leave out\n\n")
				first = false
			}
			o.Printf("- %s: %s\n", r.Sources[i].Source, cell(note))
		}
	}
}
