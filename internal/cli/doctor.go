package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

func (p *Program) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "doctor",
		GroupID: "ask",
		Short:   "Is everything installed, reachable and in time, and what is not recorded?",
		Long: `Looks at everything that recording rests on, and changes nothing: the trail and
its key, the spool, the disk, the clock, the last checkpoint that somebody else
has seen, the hooks of each agent's client that is on this machine and when it
was last heard of, and what other agents do unrecorded. For each it says what it
found and, where something is to be done, the command that does it.

It ends with 1 if there is a problem; a warning alone is no failure.`,
		Example: `  whodid doctor
  whodid doctor --json | jq '.checks[] | select(.state != "ok")'`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return p.doctor(c.Context()) },
	}
}

func (p *Program) doctor(ctx context.Context) error {
	d, err := p.examine(ctx)
	if err != nil {
		return err
	}
	if p.json {
		err = p.printJSON(d)
	} else {
		err = printDoctor(p.out(), d)
	}
	if err == nil && d.State == ask.CheckProblem {
		return &exitError{code: ExitError}
	}
	return err
}

func (p *Program) examine(ctx context.Context) (*ask.Doctor, error) {
	where, err := p.find()
	if err != nil {
		return nil, err
	}
	var d ask.Doctor
	heard := p.examineTrail(ctx, &d, where)
	d.Add(p.examineSpool(where))
	d.Add(p.examineDisk(where))
	p.examineRedaction(&d)
	p.examineClaude(&d, heard)
	p.examineClients(&d, heard)
	p.examineMCP(&d)
	p.examineOtherAgents(&d)
	p.examineSessions(&d, where)
	return &d, nil
}

func fine(name, format string, args ...any) ask.Check {
	return ask.Check{Name: name, State: ask.CheckOK, Detail: fmt.Sprintf(format, args...)}
}

func warning(name, remedy, format string, args ...any) ask.Check {
	return ask.Check{Name: name, State: ask.CheckWarning, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

func problem(name, remedy, format string, args ...any) ask.Check {
	return ask.Check{Name: name, State: ask.CheckProblem, Detail: fmt.Sprintf(format, args...), Remedy: remedy}
}

func printDoctor(o *term.Output, d *ask.Doctor) error {
	if !o.Terminal() {
		t := o.Table(make([]term.Column, 4)...)
		for _, c := range d.Checks {
			t.Row(term.Text(c.State), term.Text(c.Name), term.Text(c.Detail), term.Text(c.Remedy))
		}
		return t.Write()
	}
	var facts []term.Fact
	counts := map[string]int64{}
	for _, c := range d.Checks {
		counts[c.State]++
		sign, style := "✓ ", term.Green
		switch c.State {
		case ask.CheckWarning:
			sign, style = "! ", term.Yellow
		case ask.CheckProblem:
			sign, style = "✗ ", term.Red
		}
		facts = append(facts, term.Fact{Name: sign + c.Name, NameStyle: style, Cell: term.Text(c.Detail)})
		if c.Remedy != "" {
			facts = append(facts, term.Fact{Cell: term.Cell{Text: "→ " + c.Remedy, Style: term.Bold}})
		}
	}
	o.Facts(facts...)
	switch d.State {
	case ask.CheckOK:
		o.Printf("\nAll is well.\n")
	default:
		o.Printf("\n%s, %s.\n", term.Count(counts[ask.CheckProblem], "problem"), term.Count(counts[ask.CheckWarning], "warning"))
	}
	return nil
}
