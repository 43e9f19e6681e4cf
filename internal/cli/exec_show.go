package cli

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) execShowCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show one run: who, when, why, what it did, what it cost, and where its proof is",
		Long: `Shows one execution: who ran and who stood behind it, what started it, how it
ended and what that rests on, tokens and cost and how they are known, every
action with its own result, the runs that it started, what is known to be
missing, and where its events are in the signed log.

ID is the id of an execution or its unique beginning; "exec-" may be left out.`,
		Example: `  whodid exec show 7k2m
  whodid exec show exec-7k2m9q4tz8w1c3ab --json | jq '.actions[] | {action_type, target, result}'`,
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: p.completeExecutions,
		RunE:              func(c *cobra.Command, args []string) error { return p.execShow(c.Context(), args[0]) },
	}
}

func (p *Program) execShow(ctx context.Context, prefix string) error {
	t, err := p.openToAsk(ctx)
	if err != nil {
		return err
	}
	defer t.close()
	s, err := t.asker.Show(ctx, prefix)
	if err != nil {
		return unresolved(err)
	}
	rules, signature, err := p.approvalRules(ctx, t)
	if err == nil {
		err = t.asker.Judge(ctx, s, rules, signature)
	}
	if err != nil {
		// A policy that can't be read is no reason to show nothing.
		p.complain(err)
	}
	if p.json {
		return p.printJSON(s)
	}
	v := showPage{out: p.out(), show: s}
	if s.Log != "" {
		v.log = filepath.Join(t.place.Logs, s.Log)
	}
	return v.print()
}

// showPage is "exec show" for a person, or line by line for a program.
type showPage struct {
	out  *term.Output
	show *ask.Show
	log  string // path of the run's output
}

// maxShown is how many actions a person is shown on one page.
const maxShown = 100

func (v *showPage) print() error {
	v.identity()
	for _, section := range []func() error{v.models, v.actions, v.children, v.unapproved, v.gaps} {
		if err := section(); err != nil {
			return err
		}
	}
	v.proof()
	return nil
}

func (v *showPage) identity() {
	o, x := v.out, &v.show.Execution
	if o.Terminal() {
		o.Printf("%s  %s  %s\n\n", o.Paint(term.Bold, term.Clean(x.ExecutionID)), term.Clean(agentName(x)),
			o.Paint(statusCell(x.Status).Style, x.Status))
	}
	facts := []term.Fact{
		fact("Execution", x.ExecutionID),
		fact("Agent", agentName(x)),
		fact("Trigger", orUnknown(whodid.FormatTrigger(x.Trigger, x.TriggerDetail))),
		fact("Why", x.Why),
		fact("On behalf of", x.OnBehalfOf),
		fact("Started", o.Moment(x.StartedAt)),
		fact("Ended", v.ended()),
		{Name: "Status", Cell: v.status()},
		fact("Model", orUnknown(x.Model)),
		fact("Tokens", v.tokens()),
		fact("Cost", v.cost()),
		fact("Cost before", v.before()),
		fact("Session", x.SessionID),
		fact("Started by", x.Parent),
		fact("Told by", x.Source),
		fact("Tags", tagsInWords(x.Tags)),
		fact("Log", v.log),
	}
	// Only what is there is shown; what is unknown and matters says so itself.
	o.Facts(slices.DeleteFunc(facts, func(f term.Fact) bool {
		return f.Text == "" || o.Terminal() && (f.Name == "Execution" || f.Name == "Agent")
	})...)
}

func fact(name, text string) term.Fact { return term.Fact{Name: name, Cell: term.Text(text)} }

func (v *showPage) ended() string {
	x := &v.show.Execution
	switch {
	case x.CompletedAt == nil && x.Status == string(whodid.StatusRunning):
		return ""
	case x.CompletedAt == nil:
		return term.Unknown
	case v.out.Terminal() && x.StartedAt != nil:
		return v.out.Moment(x.CompletedAt) + ", took " + took(x)
	default:
		return v.out.Moment(x.CompletedAt)
	}
}

// status says where the run stands and what that rests on.
func (v *showPage) status() term.Cell {
	c := statusCell(v.show.Status)
	if v.show.StatusReason != "" {
		c.Text += ": " + v.show.StatusReason
	}
	return c
}

func (v *showPage) tokens() string {
	x := &v.show.Execution
	if x.TokensIn == nil && x.TokensOut == nil {
		return term.Unknown
	}
	return fmt.Sprintf("%s in, %s out, %s read from cache, %s written to cache",
		term.TokensOf(x.TokensIn), term.TokensOf(x.TokensOut), term.TokensOf(x.TokensCacheRead), term.TokensOf(x.TokensCacheWrite))
}

// cost is the amount and how it is known.
func (v *showPage) cost() string {
	x := &v.show.Execution
	amount := term.Cost(x.CostMicros, x.CostKnownMicros)
	switch whodid.CostState(x.CostState) {
	case whodid.CostMeasured:
		return amount + " (measured: its source said so)"
	case whodid.CostComputed:
		return amount + " (computed from tokens by a price table)"
	case whodid.CostUnknown:
		if x.CostKnownMicros > 0 {
			return amount + " (a part is not known)"
		}
	}
	return amount
}

// before is what the run cost until its calls were priced anew.
func (v *showPage) before() string {
	if v.show.PriceTable == "" {
		return ""
	}
	return term.Cost(v.show.RecordedCostMicros, 0) + " (until " + v.show.PriceTable + " priced it anew)"
}

func tagsInWords(tags map[string]string) string {
	var words []string
	for _, name := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, name+"="+tags[name])
	}
	return strings.Join(words, " ")
}

// section begins a table below a title. Behind a pipe each of its rows begins
// with its kind instead.
func (v *showPage) section(title, kind string, columns ...term.Column) (*term.Table, func(cells ...term.Cell)) {
	if v.out.Terminal() {
		v.out.Printf("\n%s\n", v.out.Paint(term.Bold, title))
		t := v.out.Table(columns...)
		return t, t.Row
	}
	t := v.out.Table(append([]term.Column{{}}, columns...)...)
	return t, func(cells ...term.Cell) { t.Row(append([]term.Cell{term.Text(kind)}, cells...)...) }
}

// models are shown where there were several; one is among the facts.
func (v *showPage) models() error {
	if len(v.show.Models) < 2 {
		return nil
	}
	t, row := v.section("Models", "model", modelColumns()...)
	for i := range v.show.Models {
		row(modelCells(&v.show.Models[i])...)
	}
	return t.Write()
}

func modelColumns() []term.Column {
	return []term.Column{
		{Title: "MODEL"},
		{Title: "CALLS", Right: true, Whole: true},
		{Title: "IN", Right: true, Whole: true},
		{Title: "OUT", Right: true, Whole: true},
		{Title: "CACHE READ", Right: true, Whole: true},
		{Title: "CACHE WRITE", Right: true, Whole: true},
		{Title: "COST", Right: true, Whole: true},
	}
}

func modelCells(m *ask.ModelUsage) []term.Cell {
	return []term.Cell{
		term.Text(orUnknown(m.Model)), term.Int(m.Calls), term.Text(term.TokensOf(m.TokensIn)), term.Text(term.TokensOf(m.TokensOut)),
		term.Text(term.TokensOf(m.TokensCacheRead)), term.Text(term.TokensOf(m.TokensCacheWrite)), term.Text(term.Cost(m.CostMicros, 0)),
	}
}

func (v *showPage) actions() error {
	all := v.show.Actions
	if len(all) == 0 {
		if v.out.Terminal() {
			v.out.Printf("\nNo action of it is recorded.\n")
		}
		return nil
	}
	shown := all
	if v.out.Terminal() && len(all) > maxShown {
		shown = all[len(all)-maxShown:]
	}
	told := forgeTold(v.out, shown)
	t, row := v.section(term.Count(int64(len(all)), "action"), "action", actionColumns(told)...)
	for i := range shown {
		row(actionCells(v.out, &shown[i], told)...)
	}
	if err := t.Write(); err != nil {
		return err
	}
	if len(shown) < len(all) {
		v.out.Printf("These are the last %d. All: whodid action list --execution %s --limit 0\n", maxShown, v.id())
	}
	return nil
}

func actionColumns(told bool) []term.Column {
	columns := []term.Column{
		{Title: "TIME", Whole: true},
		{Title: "ACTION", Whole: true},
		{Title: "TARGET"},
		{Title: "RESULT", Whole: true},
		{Title: "APPROVAL"},
		{Title: "EVENT", Whole: true},
	}
	if told {
		columns = append(columns, forgeColumn)
	}
	return columns
}

func actionCells(o *term.Output, a *ask.Action, told bool) []term.Cell {
	at := o.Time(&a.At)
	if o.Terminal() {
		at = a.At.Format("15:04:05")
	}
	cells := []term.Cell{
		term.Text(at), term.Text(a.ActionType), term.Text(a.Target), resultCell(a.Result), term.Text(a.ApprovalID),
		term.Text(shortID(o, a.EventID, whodid.PrefixEvent)),
	}
	if told {
		cells = append(cells, forgeCell(a))
	}
	return cells
}

func (v *showPage) children() error {
	if len(v.show.Children) == 0 {
		return nil
	}
	t, row := v.section("Started by it", "child",
		term.Column{Title: "ID", Whole: true}, term.Column{Title: "AGENT"}, term.Column{Title: "STATUS", Whole: true},
		term.Column{Title: "TOOK", Right: true, Whole: true}, term.Column{Title: "COST", Right: true, Whole: true})
	for i := range v.show.Children {
		x := &v.show.Children[i]
		row(term.Text(shortID(v.out, x.ExecutionID, whodid.PrefixExecution)), term.Text(agentName(x)), statusCell(x.Status),
			term.Text(took(x)), term.Text(term.Cost(x.CostMicros, x.CostKnownMicros)))
	}
	return t.Write()
}

func (v *showPage) gaps() error {
	if len(v.show.Gaps) == 0 {
		return nil
	}
	t, row := v.section("Known to be missing", "gap",
		term.Column{Title: "SINCE", Whole: true}, term.Column{Title: "WHAT"}, term.Column{Title: "HOW MANY", Right: true, Whole: true})
	for i := range v.show.Gaps {
		g := &v.show.Gaps[i]
		count := term.Text(term.Unknown)
		if g.Count > 0 {
			count = term.Int(g.Count)
		}
		row(term.Text(v.out.Time(&g.At)), term.Text(g.Reason), count)
	}
	return t.Write()
}

// proof says where the run's events are in the log, and how to prove one to
// somebody else.
func (v *showPage) proof() {
	where := &v.show.Proof
	o := v.out
	if o.Terminal() {
		o.Printf("\n%s\n", o.Paint(term.Bold, "Proof"))
	}
	facts := []term.Fact{
		fact("Events", eventsInWords(where)),
		{Name: "Log size", Cell: term.Int(where.TreeSize)},
		fact("Log root", where.Root),
		fact("Proved", provedInWords(where)),
	}
	if n := len(v.show.Actions); n > 0 {
		facts = append(facts, fact("Prove one", "whodid prove "+shortID(o, v.show.Actions[n-1].EventID, whodid.PrefixEvent)))
	}
	if v.log != "" && o.Terminal() {
		facts = append(facts, fact("Read its log", "whodid exec logs "+v.id()))
	}
	o.Facts(slices.DeleteFunc(facts, func(f term.Fact) bool { return f.Text == "" })...)
}

// provedInWords says what witnesses confirmed of the events.
func provedInWords(where *ask.ShowProof) string {
	switch state := whodid.ProvedState(where.Proved); {
	case state == whodid.ProvedUnwitnessed:
		return "unwitnessed: there is nobody whose word counts"
	case state == whodid.ProvedWitnessed:
		return fmt.Sprintf("witnessed: all are among the first %d of the log, which witnesses confirmed", where.WitnessedSize)
	case state == whodid.ProvedWaiting && where.WitnessedSize == 0:
		return "waiting: no witness has confirmed anything of the log yet"
	case state == whodid.ProvedWaiting:
		return fmt.Sprintf("waiting: witnesses confirmed the first %d of the log, and more was recorded since", where.WitnessedSize)
	default:
		return ""
	}
}

// eventsInWords says how many events there are and where.
func eventsInWords(where *ask.ShowProof) string {
	if where.Events == 1 {
		return fmt.Sprintf("1, with index %d in the log", where.FirstSeq)
	}
	return fmt.Sprintf("%d, with indices %d to %d in the log", where.Events, where.FirstSeq, where.LastSeq)
}

func (v *showPage) id() string { return shortID(v.out, v.show.ExecutionID, whodid.PrefixExecution) }
