package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/term"
)

// whyPage is the answer of "why" in words, on one screen.
type whyPage struct {
	out *term.Output
	why *ask.Why
}

// maxWhyShown is how many commits and how many runs a person is shown.
const maxWhyShown = 5

func (v *whyPage) print() {
	v.head()
	for i := range v.why.Commits {
		if i == maxWhyShown && v.out.Terminal() {
			v.out.Printf("  … and %s more: --json shows all\n", term.Count(int64(len(v.why.Commits)-i), "commit"))
			break
		}
		v.commit(&v.why.Commits[i])
	}
	for i := range v.why.Runs {
		if i == maxWhyShown && v.out.Terminal() {
			v.out.Printf("  … and %s more: --json shows all\n", term.Count(int64(len(v.why.Runs)-i), "run"))
			break
		}
		v.run(&v.why.Runs[i])
	}
	v.claims()
	v.list("Contradictions", "doubt", v.why.Doubts)
	var missing []string
	for _, m := range v.why.Missing {
		text := m.Link + ": " + m.Detail
		if m.Mend != "" {
			text += ". To mend it: " + m.Mend
		}
		missing = append(missing, text)
	}
	v.list("Not established", "missing", missing)
}

// head repeats the question with what is there.
func (v *whyPage) head() {
	o, w := v.out, v.why
	if !o.Terminal() {
		o.Facts(fact("question", w.Question), fact("kind", w.Kind))
		return
	}
	text := w.Question
	if w.PullRequest != "" {
		text = "pull request " + w.PullRequest
	}
	o.Printf("%s", o.Paint(term.Bold, term.Clean(text)))
	if w.Line != nil {
		o.Printf("  %s", o.Paint(term.Dim, term.Clean(strings.TrimSpace(strings.ReplaceAll(w.Line.Text, "\t", " ")))))
	}
	o.Printf("\n")
}

// section begins a part of the page. Behind a pipe the names of facts tell it.
func (v *whyPage) section(title string, facts ...term.Fact) {
	facts = slices.DeleteFunc(facts, func(f term.Fact) bool { return f.Text == "" })
	if v.out.Terminal() {
		v.out.Printf("\n%s\n", v.out.Paint(term.Bold, term.Clean(title)))
	} else {
		for i := range facts {
			facts[i].Name = strings.ToLower(strings.Fields(title)[0] + " " + facts[i].Name)
		}
	}
	v.out.Facts(facts...)
}

func (v *whyPage) commit(c *ask.WhyCommit) {
	facts := []term.Fact{
		fact("Id", c.Commit.Commit),
		fact("Subject", c.Subject),
		fact("Because", c.FoundBy),
		fact("Repository", c.Repository),
		{Name: "Whose", Cell: term.Cell{Text: whoseCommit(c), Style: kindCell(c.Kind).Style}},
		fact("Written", v.out.Moment(c.AuthoredAt)),
		fact("Runs named", strings.Join(c.Executions(), " ")),
	}
	if l := v.why.Line; l != nil && c.Commit.Commit == l.Commit && (l.OriginalPath != l.Path || l.OriginalLine != l.Line) {
		facts = append(facts, fact("There", fmt.Sprintf("%s:%d", l.OriginalPath, l.OriginalLine)))
	}
	if len(c.Related) > 0 {
		facts = append(facts, fact("Speaks of", strings.Join(c.Related, ", ")))
	}
	v.section("Commit "+c.Commit.Commit[:min(len(c.Commit.Commit), 10)], facts...)
}

// whoseCommit says whose a commit is and what that rests on.
func whoseCommit(c *ask.WhyCommit) string {
	switch gitlog.Kind(c.Kind) {
	case gitlog.Agent, gitlog.Assisted:
		text := "an agent's"
		if gitlog.Kind(c.Kind) == gitlog.Assisted {
			text = "a person's, with an agent's help"
		}
		return fmt.Sprintf("%s, %s, says its evidence: %s", text, c.Who(), strings.Join(c.Evidence, ", "))
	case gitlog.Bot:
		return "a program's that is no agent"
	case gitlog.Human:
	}
	if c.Author == "" {
		return "a person's, as far as git tells"
	}
	return "a person's, as far as git tells: " + c.Author
}

func (v *whyPage) run(r *ask.WhyRun) {
	title := "Run " + shortID(v.out, r.ExecutionID, whodid.PrefixExecution)
	if r.Execution == nil {
		facts := []term.Fact{fact("Id", r.ExecutionID), fact("Because", "of "+r.FoundBy)}
		if c := r.Claimed; c != nil {
			facts = append(facts, fact("Agent, as told", c.Agent), fact("Trigger, as told", c.Trigger), fact("Model, as told", c.Model))
		}
		v.section(title, facts...)
		return
	}
	x := r.Execution
	v.section(title,
		fact("Id", r.ExecutionID),
		fact("Because", foundBy(r)),
		fact("Agent", agentName(x)),
		fact("Trigger", orUnknown(whodid.FormatTrigger(x.Trigger, x.TriggerDetail))),
		fact("Why", orElse(x.Why, "nobody said")),
		fact("On behalf of", x.OnBehalfOf),
		fact("When", v.when(x)),
		term.Fact{Name: "Status", Cell: statusCell(x.Status)},
		fact("Wrote it", orElse(v.actions(r.Wrote), "no action is recorded that did")),
		fact("Then", v.actions(r.Actions)),
		fact("Decisions", orElse(decisionsInWords(r.Decisions), "none recorded")),
		fact("Approval", orElse(approvalsInWords(r.Approvals), "none recorded")),
		fact("Model", orUnknown(x.Model)),
		fact("Cost", costInWords(x)),
	)
}

func foundBy(r *ask.WhyRun) string {
	if r.Claimed != nil {
		return "the commit names it: " + r.FoundBy
	}
	return r.FoundBy
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func (v *whyPage) when(x *ask.Execution) string {
	text := v.out.Moment(x.StartedAt)
	if x.CompletedAt != nil && x.StartedAt != nil && v.out.Terminal() {
		text += ", took " + took(x)
	}
	return text
}

// actions are told with their time and their event, by which they are proved.
func (v *whyPage) actions(list []ask.Action) string {
	var words []string
	for i := range list {
		a := &list[i]
		result := a.Result
		if a.Confirmation != nil {
			result += ", " + a.Confirmation.State + " by the forge"
			if a.Confirmation.State == ask.Unconfirmed {
				result = a.Result + ", the forge says nothing of it"
			}
		}
		words = append(words, fmt.Sprintf("%s %s at %s (%s, %s)", a.ActionType, a.Target, a.At.Format(time.RFC3339), result,
			shortID(v.out, a.EventID, whodid.PrefixEvent)))
	}
	return strings.Join(words, "; ")
}

func decisionsInWords(list []ask.WhyDecision) string {
	var words []string
	for _, d := range list {
		text := d.Target + ": " + d.Decided
		if d.Decided == "" {
			text = d.What + " " + d.Target
		}
		if d.Why != "" {
			text += ", because " + d.Why
		}
		words = append(words, text)
	}
	return strings.Join(words, "; ")
}

func approvalsInWords(list []ask.WhyApproval) string {
	var words []string
	for _, a := range list {
		text := a.ApprovalID + " for " + a.Action
		if a.By != "" {
			text += " by " + a.By
		}
		if a.Result != "" {
			text += ": " + a.Result
		}
		words = append(words, text)
	}
	return strings.Join(words, "; ")
}

func costInWords(x *ask.Execution) string {
	amount := term.Cost(x.CostMicros, x.CostKnownMicros)
	if x.CostState != string(whodid.CostUnknown) {
		amount += " (" + x.CostState + ")"
	}
	return amount
}

// claims are what other tools say.
func (v *whyPage) claims() {
	var lines []string
	for _, c := range v.why.Claims {
		words := slices.DeleteFunc([]string{c.Kind, c.Tool, c.Model, c.Session, c.Detail}, func(word string) bool { return word == "" })
		lines = append(lines, c.Source+": "+strings.Join(words, ", "))
	}
	v.list("Others say", "claim", lines)
}

// list writes lines below a title.
func (v *whyPage) list(title, kind string, lines []string) {
	if len(lines) == 0 {
		return
	}
	if v.out.Terminal() {
		v.out.Printf("\n%s\n", v.out.Paint(term.Bold, title))
	}
	for _, line := range lines {
		if v.out.Terminal() {
			v.out.Printf("  - %s\n", term.Clean(line))
		} else {
			v.out.Facts(fact(kind, line))
		}
	}
}
