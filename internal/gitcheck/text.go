package gitcheck

import (
	"fmt"
	"strings"

	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/term"
)

// maxShown is how many commits a text shows: a hook's output goes to a person.
const maxShown = 50

// Text writes a report for a person, also behind a pipe: git forwards what a
// hook prints.
func Text(o *term.Output, r *Report) {
	shown := 0
	for i := range r.Commits {
		c := &r.Commits[i]
		if !worthTelling(c) {
			continue
		}
		if shown++; shown > maxShown {
			continue
		}
		writeCommit(o, c)
	}
	if shown > maxShown {
		o.Printf("… and %d more; --json lists all.\n\n", shown-maxShown)
	}
	writeSummary(o, r)
}

// worthTelling leaves out commits with which all is well.
func worthTelling(c *Commit) bool {
	for i := range c.Rules {
		if len(c.Rules[i].Findings) > 0 {
			return true
		}
	}
	return false
}

func writeCommit(o *term.Output, c *Commit) {
	name := "message"
	if c.ID != "" {
		name = short(c.ID)
	}
	o.Printf("%s %s\n", o.Paint(term.Bold, name), term.Clean(c.Subject))
	for i := range c.Rules {
		rule := &c.Rules[i]
		if len(rule.Findings) == 0 {
			continue
		}
		for _, f := range rule.Findings {
			label, style := string(f.Severity), term.Red
			switch {
			case rule.Outcome == policy.Excepted:
				label, style = "excepted", term.Dim
			case f.Severity == policy.Warning:
				style = term.Yellow
			}
			at := ""
			if f.Line > 0 {
				at = fmt.Sprintf(" (line %d)", f.Line)
			}
			o.Printf("  %s %s %s: %s%s\n", rule.ID, o.Paint(style, label), f.Code, term.Clean(f.Text), at)
		}
		writeExceptions(o, rule)
		if rule.Outcome != policy.Excepted {
			writeMend(o, rule)
		}
	}
	for _, open := range c.NotEstablished {
		o.Printf("  not established: %s\n", term.Clean(open))
	}
	o.Printf("\n")
}

func writeExceptions(o *term.Output, rule *Rule) {
	if x := rule.Exception; x != nil {
		o.Printf("  excepted until %s by %s (%s): %s\n", whenOf(x), term.Clean(x.Who), term.Clean(x.ID), term.Clean(x.Reason))
	}
	for i := range rule.Refused {
		x := &rule.Refused[i]
		o.Printf("  exception %s of %s does not count: %s (it held until %s)\n", term.Clean(x.ID), term.Clean(x.Who), x.Refused, whenOf(x))
	}
}

func whenOf(x *Exception) string { return x.Until.Format("2006-01-02 15:04 UTC") }

// writeMend writes the commands that mend the findings of a rule, each once.
func writeMend(o *term.Output, rule *Rule) {
	var commands []string
	for _, f := range rule.Findings {
		commands = appendNew(commands, f.Mend...)
	}
	for i, c := range commands {
		label := "  mend: "
		if i > 0 {
			label = "        "
		}
		o.Printf("%s%s\n", label, term.Clean(c))
	}
}

func writeSummary(o *term.Output, r *Report) {
	counts := []string{term.Count(int64(r.Agents), "commit") + " of agents"}
	for _, c := range []struct {
		outcome policy.Outcome
		words   string
	}{{policy.Violated, "violated"}, {policy.Warned, "warned"}, {policy.Excepted, "excepted"}} {
		if n := r.Counts[c.outcome]; n > 0 {
			counts = append(counts, fmt.Sprintf("%d %s", n, c.words))
		}
	}
	verdict, style := "PASS", term.Green
	if r.Outcome == policy.Violated {
		verdict, style = "VIOLATED", term.Red
	}
	o.Printf("%s %s checked, %s (policy %s, %s)\n", o.Paint(style, verdict), term.Count(int64(r.Checked), "commit"),
		strings.Join(counts, ", "), term.Clean(r.Policy.Version), term.Clean(r.Policy.Source))
	if !r.Trail.AtHand && r.Agents > 0 {
		o.Printf("Only what git alone can tell was checked: %s. Not established:\n", term.Clean(r.Trail.Note))
		for _, open := range r.NotEstablished {
			o.Printf("  %s\n", term.Clean(open))
		}
	}
}
