package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/trailer"
)

// judge gathers what is wrong with one commit.
type judge struct {
	policy *Policy
	commit *Commit
	around Surroundings
	open   []string
}

// maxFindings is how many findings of each severity are kept of one commit by
// one rule. No number of warnings hides a blocker.
const maxFindings = 200

// findings are what a rule finds wrong.
func (j *judge) findings(r *Rule) []Finding {
	var found []Finding
	kept := map[Severity]int{}
	report := func(f Finding) {
		if f.Severity == "" || r.Severity == Warning {
			f.Severity = r.Severity
		}
		if kept[f.Severity]++; kept[f.Severity] > maxFindings {
			return // nobody reads on, and the verdict stands
		}
		if f.Remedy.Execution == "" && len(j.commit.MadeBy) > 0 {
			f.Remedy.Execution = j.commit.MadeBy[0].ID
		}
		found = append(found, f)
	}
	for _, check := range Checks() { // in one order, whatever the file's
		if !slices.Contains(r.Checks, check) {
			continue
		}
		switch check {
		case Presence:
			j.presence(report)
		case Form:
			j.form(report)
		case Ownership:
			j.each(report, j.ownership)
		case Execution:
			j.each(report, j.execution)
		case Model:
			j.each(report, j.model)
		case Replay:
			j.each(report, j.replay)
		case Subject:
			if err := trailer.Conventional(j.commit.Subject, r.Types...); err != nil {
				report(Finding{Code: BadSubject, Text: sentence(err.Error()), Line: 1, Remedy: Remedy{Kind: Edit}})
			}
		}
	}
	return found
}

func (j *judge) each(report func(Finding), check func(*Claim, func(Finding))) {
	for i := range j.commit.Claims {
		check(&j.commit.Claims[i], report)
	}
}

// leaveOpen notes once what could not be established.
func (j *judge) leaveOpen(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(j.open, text) {
		j.open = append(j.open, text)
	}
}

func (j *judge) presence(report func(Finding)) {
	c := j.commit
	if len(c.Claims) > 0 {
		return
	}
	if len(c.MadeBy) > 0 {
		run := c.MadeBy[0]
		report(Finding{
			Code: Missing, Text: fmt.Sprintf("The trail knows that %s made this commit in %s, and it has none of the five trailers.", run.Agent, run.ID),
			Remedy: Remedy{Kind: Write},
		})
		return
	}
	if agent, as := c.signed(); agent != "" {
		report(Finding{
			Code: Unattributed, Text: fmt.Sprintf("%s is its %s, and it has none of the five trailers.", agent, as),
			Remedy: Remedy{Kind: Write},
		})
	}
}

// form reports what is wrong with how the trailers are written. What a forge's
// squash did to their place is told, and is no reason to refuse: the words are
// all there, and who pressed the button could not have them otherwise.
func (j *judge) form(report func(Finding)) {
	if len(j.commit.Claims) == 0 {
		return
	}
	squash := j.commit.squash()
	for _, p := range j.commit.Faults {
		f := Finding{Code: Malformed, Text: p.Text, Line: p.Line, Remedy: Remedy{Kind: Edit}}
		if p.Fixable {
			f.Remedy.Kind = Repair
		}
		switch p.Code {
		case trailer.Missing, trailer.Hearsay, trailer.SquadMismatch:
			continue // presence and ownership tell
		case trailer.Incomplete:
			f.Code = Incomplete
			if !p.Fixable {
				f.Remedy.Kind = Rewrite
			}
		case trailer.BuriedBlock, trailer.WrongParagraph, trailer.NotLast, trailer.AfterDivider, trailer.Duplicate:
			if squash {
				f.Severity = Warning
			}
		default: // malformed, for a person or "git trailers --fix"
		}
		report(f)
	}
}

func (j *judge) ownership(c *Claim, report func(Finding)) {
	if c.Squad == "" || c.Agent == "" {
		return // form tells
	}
	finding := Finding{Code: SquadMismatch, Line: c.Line, Remedy: Remedy{Kind: Rewrite}}
	if len(j.policy.Squads) == 0 {
		if whodid.Squad(c.Agent) != c.Squad {
			finding.Text = fmt.Sprintf("Squad %s does not own agent %s.", c.Squad, c.Agent)
			report(finding)
		}
		return
	}
	var owners []string
	for _, s := range j.policy.Squads {
		if matchAny(s.Agents, c.Agent) {
			owners = append(owners, s.Name)
		}
	}
	if slices.Contains(owners, c.Squad) {
		return
	}
	by := "no squad of the policy does"
	if len(owners) > 0 {
		by = strings.Join(owners, " and ") + " does"
	}
	finding.Text = fmt.Sprintf("Squad %s does not own agent %s: %s.", c.Squad, c.Agent, by)
	report(finding)
}

// execution reports whether the claim is about a run that there was.
func (j *judge) execution(c *Claim, report func(Finding)) {
	if c.Execution == "" {
		return // form tells
	}
	remedy := Remedy{Kind: Rewrite}
	if c.Rival != "" {
		report(Finding{
			Code: OtherAgent, Line: c.Line, Remedy: remedy,
			Text: fmt.Sprintf("Execution %s is said to be %s's here and another agent's by commit %.12s.", c.Execution, c.Agent, c.Rival),
		})
	}
	if !j.around.Trail {
		j.leaveOpen("Whether the execution exists, whose it was and when it ran: there is no trail at hand.")
		return
	}
	run := c.Run
	if run == nil {
		report(Finding{
			Code: UnknownExecution, Line: c.Line, Remedy: remedy,
			Text: fmt.Sprintf("Execution %s is not known to the trail.", c.Execution),
		})
		return
	}
	if run.Agent == "" {
		j.leaveOpen("Whose execution %s was: the trail does not know its agent.", run.ID)
	} else if c.Agent != "" && c.Agent != run.Agent {
		report(Finding{
			Code: OtherAgent, Line: c.Line, Remedy: remedy,
			Text: fmt.Sprintf("Execution %s was a run of %s, not of %s.", run.ID, run.Agent, c.Agent),
		})
	}
	kind, _, err := whodid.ParseTrigger(c.Trigger)
	if err == nil && run.Trigger != "" && kind != run.Trigger {
		report(Finding{
			Code: OtherTrigger, Line: c.Line, Remedy: Remedy{Kind: Rewrite, Execution: run.ID},
			Text: fmt.Sprintf("Execution %s was triggered by %s, not by %s.", run.ID, run.Trigger, kind),
		})
	}
	j.time(c, run, report)
}

// time reports a commit that was made when its run did not run. The author's
// time counts as well as the committer's: a rebase or a cherry-pick keeps the
// first and renews the second.
func (j *judge) time(c *Claim, run *Run, report func(Finding)) {
	author, committer := j.commit.Author.At, j.commit.Committer.At
	if author.IsZero() && committer.IsZero() {
		j.leaveOpen("When the commit was made: it has no sound time.")
		return
	}
	if run.Started.IsZero() {
		j.leaveOpen("When execution %s began.", run.ID)
		return
	}
	from, to := run.Started.Add(-j.policy.Tolerance), run.Ended.Add(j.policy.Tolerance)
	if run.Ended.IsZero() {
		to = j.around.Now.Add(j.policy.Tolerance)
	}
	for _, at := range []time.Time{author, committer} {
		if !at.IsZero() && !at.Before(from) && !at.After(to) {
			return
		}
	}
	// The time of a squash is that of the gathering: all it can show is that
	// the run was not still to come.
	if j.commit.squash() && committer.After(from) && j.touched(run) != apart {
		return
	}
	ended := "is still running"
	if !run.Ended.IsZero() {
		ended = "ended at " + whodid.FormatTime(run.Ended)[:19] + "Z"
	}
	report(Finding{
		Code: OutOfTime, Line: c.Line, Remedy: Remedy{Kind: Rewrite},
		Text: fmt.Sprintf("Execution %s was not running when the commit was made at %sZ: it began at %sZ and %s.",
			run.ID, whodid.FormatTime(j.commit.Author.At)[:19], whodid.FormatTime(run.Started)[:19], ended),
	})
}

// model reports a model that the run did not use.
func (j *judge) model(c *Claim, report func(Finding)) {
	if c.Model == "" {
		return // form tells
	}
	run := c.Run
	switch {
	case !j.around.Trail:
		j.leaveOpen("Which models the execution used: there is no trail at hand.")
	case run == nil: // execution tells
	case c.Model == unknownModel:
		j.leaveOpen("Which model made the commit: its trailers say that it was not known.")
	case len(run.Models) == 0:
		j.leaveOpen("Which models execution %s used.", run.ID)
	case slices.ContainsFunc(run.Models, func(m string) bool { return sameModel(m, c.Model) }):
	case !run.ModelsSettled:
		j.leaveOpen("Whether execution %s used model %s: the trail knows only of %s so far.", run.ID, c.Model, strings.Join(run.Models, ", "))
	default:
		report(Finding{
			Code: UnusedModel, Line: c.Line, Remedy: Remedy{Kind: Rewrite, Execution: run.ID},
			Text: fmt.Sprintf("Execution %s did not use model %s but %s.", run.ID, c.Model, strings.Join(run.Models, ", ")),
		})
	}
}

// unknownModel is what is written where no model is known at the time.
const unknownModel = "unknown"

// sameModel reports whether two names can be of one model: "opus" is what
// people and settings call "claude-opus-4-5-20251101". The words of one must
// stand in the other, in order and without a gap.
func sameModel(a, b string) bool {
	x, y := modelWords(a), modelWords(b)
	if len(x) > len(y) {
		x, y = y, x
	}
	for i := 0; len(x) > 0 && i+len(x) <= len(y); i++ {
		if slices.Equal(x, y[i:i+len(x)]) {
			return true
		}
	}
	return false
}

func modelWords(s string) []string {
	return strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}
