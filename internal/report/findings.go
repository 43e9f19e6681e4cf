package report

import (
	"fmt"
	"strings"

	"github.com/whodid/whodid/internal/ask"
)

// kinds are the findings in words.
var kinds = map[string]string{
	ask.FoundException:    "Exceptions added",
	ask.FoundInForce:      "Exceptions in force at the end",
	ask.FoundRejected:     "Approvals refused",
	ask.FoundUnapproved:   "Done without the approval that it needed",
	ask.FoundExpired:      "Approvals that ran out undecided",
	ask.FoundPending:      "Approvals waiting at the end",
	ask.FoundBudget:       "Budget alarms",
	ask.FoundGap:          "Gaps in recording",
	ask.FoundUndated:      "Runs whose start nobody told",
	ask.FoundContradicted: "Claims that a forge contradicts",
	ask.FoundUnconfirmed:  "Claims that a forge should have confirmed",
	ask.FoundRequestLate:  "Requests about personal data overdue at the end",
	ask.FoundOverdue:      "Review overdue",
}

func kindOf(kind string) string {
	if words := kinds[kind]; words != "" {
		return words
	}
	return kind
}

// attention counts what did not go as it should.
func (b *builder) attention() Section {
	s := Section{Title: "What needs attention"}
	r := b.report
	var without []string
	if r.Policy == "" {
		without = append(without, "No policy was asked, so that no approval can be missing.")
	}
	if len(r.Findings) == 0 {
		s.Lead = strings.Join(append([]string{"Nothing: no exceptions, no approvals refused or missing, no budget alarms, no gaps, no request about personal data and no review overdue."}, without...), " ")
		return s
	}
	s.Lead = strings.Join(without, " ")
	s.Table = &Table{Columns: []Column{{Title: "What", Wide: true}, {Title: "Count", Right: true}, {Title: "Before", Right: true}}}
	for i := range r.Findings {
		f := &r.Findings[i]
		c := Cell{Text: number(f.Count.Value), Trace: &f.Count.Trace, Tone: Warning}
		if f.Count.Value == 0 {
			c.Tone = Quiet
		}
		s.Table.Rows = append(s.Table.Rows, []Cell{{Text: kindOf(f.Kind)}, c, {Text: number(f.Count.Before), Tone: Quiet, Trace: &f.Count.Trace}})
	}
	return s
}

func (b *builder) findings(f *ask.ReportFindings) Section {
	s := Section{Title: kindOf(f.Kind)}
	s.Table = &Table{Columns: []Column{{Title: "When"}, {Title: "Agent"}, {Title: "About"}, {Title: "What", Wide: true}, {Title: "Rests on"}}}
	for i := range f.Items[:min(len(f.Items), mostRows)] {
		x := &f.Items[i]
		when := ""
		if x.At != nil {
			when = x.At.In(b.zone).Format("2 Jan 15:04")
		}
		s.Table.Rows = append(s.Table.Rows, []Cell{
			{Text: when, Tone: Quiet}, {Text: shorten(x.Agent, mostName)}, {Text: shorten(x.Subject, mostName)}, {Text: shorten(x.Detail, mostText)}, {Text: shorten(x.ID, mostName), Tone: Quiet},
		})
	}
	if more := len(f.Items) - mostRows; more > 0 {
		s.Table.More = fmt.Sprintf("%s more are in the JSON.", number(int64(more)))
	}
	return s
}

// claims compare what agents say with what forges say.
func (b *builder) claims() Section {
	s := Section{Title: "What agents say, and what forges say", Lead: "Only what a forge confirms is an outcome. Unknown is what no webhook tells of."}
	s.Table = &Table{Columns: []Column{
		{Title: "Action", Wide: true},
		{Title: "Claimed", Right: true},
		{Title: "Confirmed", Right: true},
		{Title: "Contradicted", Right: true},
		{Title: "Unconfirmed", Right: true},
		{Title: "Unknown", Right: true},
	}}
	for i := range b.report.Claims {
		c := &b.report.Claims[i]
		cell := func(f *ask.Figure, tone Tone) Cell {
			if f.Value == 0 {
				tone = Quiet
			}
			return Cell{Text: number(f.Value), Sub: moved(f.Value - f.Before), Tone: tone, Trace: &f.Trace}
		}
		s.Table.Rows = append(s.Table.Rows, []Cell{
			{Text: c.Type}, cell(&c.Claimed, Plain), cell(&c.Confirmed, Good), cell(&c.Contradicted, Bad), cell(&c.Unconfirmed, Warning), cell(&c.Unknown, Warning),
		})
	}
	return s
}

// latest are the last outcomes.
func (b *builder) latest() Section {
	s := Section{Title: "Latest outcomes"}
	s.Table = &Table{Columns: []Column{{Title: "When"}, {Title: "Agent"}, {Title: "Outcome"}, {Title: "Target", Wide: true}, {Title: "Put down to it by"}, {Title: "Forge's event"}}}
	for i := range b.report.Latest[:min(len(b.report.Latest), mostRows)] {
		o := &b.report.Latest[i]
		s.Table.Rows = append(s.Table.Rows, []Cell{
			{Text: o.At.In(b.zone).Format("2 Jan 15:04"), Tone: Quiet}, {Text: shorten(o.Agent, mostName)}, {Text: o.Type}, {Text: shorten(o.Target, mostText)}, {Text: by[o.By]}, {Text: o.EventID, Tone: Quiet},
		})
	}
	if more := b.report.Total.Outcomes.Value - int64(len(s.Table.Rows)); more > 0 {
		s.Table.More = number(more) + " more: " + b.report.Total.Outcomes.Trace.Command
	}
	return s
}

// by is what outcomes are put down to agents by, in words.
var by = map[string]string{
	ask.ByOpened: "opened it", ask.ByRun: "commits name the run", ask.ByDone: "did it", ask.ByAgent: "commits name it", ask.ByAuthor: "its account opened it", ask.ByAccount: "its account did it",
}

// notes say how the numbers are meant.
func (b *builder) notes() []string {
	r := b.report
	notes := []string{
		"An outcome is what a forge says was achieved in this time and what leads to an agent: a pull request that was merged, an issue that was closed as done and stayed closed, a release, a deployment to production that succeeded.",
		"Runs are those that began in this time, without sub-agents, which are parts of their runs. Cost is of all of them, failed ones included. What is not known is counted beside it and never zero; ≥ marks a sum of which a part is not known.",
		"Small numbers compare with " + b.period() + ", from " + r.BeforeSince.In(b.zone).Format("2006-01-02 15:04") + " on. Days begin at midnight in " + r.Zone + ".",
	}
	return notes
}
