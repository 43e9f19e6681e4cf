package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/term"
)

// incidentView is an incident on one page: the answer first, then what to do, then
// the evidence, and at the end what is not known.
type incidentView struct {
	out  *term.Output
	show *ask.IncidentShow
}

func (p *Program) incidentPage(s *ask.IncidentShow) *incidentView {
	return &incidentView{out: p.out(), show: s}
}

// The most rows of each part that a person is shown.
const (
	maxMomentsShown = 40
	maxRadiusShown  = 12
	maxReasonsShown = 4
)

func (v *incidentView) print() error {
	v.head()
	a := v.show.Analysis
	if a == nil {
		v.lines("Not known any more", "missing", []string{v.show.Missing})
		v.record()
		return nil
	}
	v.first()
	v.steps()
	for _, part := range []func() error{v.suspects, v.people, v.normal, v.timeline, v.radius} {
		if err := part(); err != nil {
			return err
		}
	}
	v.missing()
	v.record()
	return nil
}

// head says which incident it is.
func (v *incidentView) head() {
	o, s := v.out, v.show
	if !o.Terminal() {
		o.Facts(fact("incident", s.IncidentID), fact("state", s.State), fact("severity", s.Severity), fact("title", s.Title), fact("about", s.Subject))
		return
	}
	o.Printf("%s  %s", o.Paint(term.Bold, "INCIDENT "+term.Clean(s.IncidentID)), strings.ToUpper(s.State))
	if s.Severity != "" {
		c := severityCell(s.Severity)
		o.Printf("  %s", o.Paint(c.Style, term.Clean(c.Text)))
	}
	if s.Title != "" {
		o.Printf("  %s", term.Clean(s.Title))
	}
	o.Printf("\n")
}

// title begins a part of the page.
func (v *incidentView) title(text string) {
	if v.out.Terminal() {
		v.out.Printf("\n%s\n", v.out.Paint(term.Bold, text))
	}
}

// facts are told below a title, those without text not at all.
func (v *incidentView) facts(title string, facts ...term.Fact) {
	v.title(title)
	v.out.Facts(slices.DeleteFunc(facts, func(f term.Fact) bool { return f.Text == "" })...)
}

// first is the answer: who did it, for whom, who approved.
func (v *incidentView) first() {
	a := v.show.Analysis
	answer := term.Fact{Name: "Answer", NameStyle: term.Bold, Cell: term.Cell{Text: a.Answer, Style: term.Bold}}
	if len(a.Suspects) == 0 || a.Verdict != string(incident.AnAgent) {
		v.facts("Who did it", answer, fact("Looked at", v.span()))
		return
	}
	s := &a.Suspects[0]
	facts := []term.Fact{answer, {Name: "How sure", Cell: term.Cell{Text: sureInWords(s), Style: sureCell(s.Sure).Style}}}
	if len(s.Parts) > 0 {
		facts = append(facts, fact("By its part", "sub-agent "+strings.Join(s.Parts, ", ")))
	}
	if x := s.Execution; x != nil {
		facts = append(facts,
			fact("Agent", agentName(x)),
			fact("On behalf of", orElse(x.OnBehalfOf, "nobody is recorded")),
			fact("Approved by", v.approved(s)),
			fact("Why it ran", strings.TrimSuffix(orUnknown(whodid.FormatTrigger(x.Trigger, x.TriggerDetail))+": "+orElse(x.Why, "nobody said"), ": ")),
			fact("When", v.ran(x)),
			term.Fact{Name: "Status", Cell: statusCell(x.Status)},
			fact("Model", orUnknown(x.Model)),
		)
	} else if c := s.Claimed; c != nil {
		facts = append(facts, fact("Agent, as told", c.Agent), fact("Trigger, as told", c.Trigger))
	}
	v.facts("Who did it", append(facts, fact("Looked at", v.span()))...)
}

// sureInWords says how sure it is, and why no more.
func sureInWords(s *ask.Suspect) string {
	switch incident.Sure(s.Sure) {
	case incident.Certain:
		return "sure: the trail and git tell it, each by itself"
	case incident.Likely:
		return "likely: strong evidence, of one kind"
	case incident.Possible:
		return "possible: it had a part in it, or could have"
	case incident.Weak:
	}
	return "weak: only the time or the file speaks for it"
}

// approved says who approved what a suspect did, and what had no approval.
func (v *incidentView) approved(s *ask.Suspect) string {
	var words []string
	for i := range s.Approvals {
		x := &s.Approvals[i]
		who := orElse(x.DecidedBy, "nobody yet")
		words = append(words, fmt.Sprintf("%s (%s %s: %s)", who, x.Type, x.Target, x.State))
	}
	for i := range v.show.Analysis.People {
		if x := &v.show.Analysis.People[i]; x.Did == "approved" {
			words = append(words, fmt.Sprintf("%s (reviewed %s)", x.Who, x.Target))
		}
	}
	if u := s.Unapproved; u != nil && len(u.Findings) > 0 {
		words = append(words, fmt.Sprintf("MISSING: %s needed one by the policy (%s %s)", term.Count(int64(len(u.Findings)), "action"), u.Findings[0].ActionType, u.Findings[0].Rule))
	}
	if len(words) == 0 {
		return "nobody: no approval is recorded"
	}
	return strings.Join(words, "; ")
}

func (v *incidentView) ran(x *ask.Execution) string {
	text := v.out.Moment(x.StartedAt)
	if x.CompletedAt != nil && x.StartedAt != nil {
		text += ", took " + took(x)
	}
	return text
}

// span is what was looked at, and as of when.
func (v *incidentView) span() string {
	a := v.show.Analysis
	text := fmt.Sprintf("%s to %s, as of %s (%d entries of the log)", a.From.Format(time.RFC3339), a.Until.Format(time.RFC3339), a.AsOf.Format(time.RFC3339), a.TreeSize)
	if a.TreeSize > v.show.TreeSize {
		text += fmt.Sprintf("; when it was opened the log had %d", v.show.TreeSize)
	}
	if v.show.Changed != "" {
		text += "; " + v.show.Changed
	}
	return text
}

// steps say what to do now.
func (v *incidentView) steps() {
	if len(v.show.Analysis.Steps) == 0 {
		return
	}
	v.title("Do now")
	for _, s := range v.show.Analysis.Steps {
		switch {
		case !v.out.Terminal():
			v.out.Facts(fact("step", strings.TrimSpace(s.What+"\t"+s.Command)))
		case s.Command == "":
			v.out.Printf("  %s\n", term.Clean(s.What))
		default:
			v.out.Printf("  %s\n      %s\n", term.Clean(s.What), v.out.Paint(term.Cyan, term.Clean(s.Command)))
		}
	}
}

// suspects are all that are suspected, with why.
func (v *incidentView) suspects() error {
	a := v.show.Analysis
	if len(a.Suspects) == 0 {
		return nil
	}
	v.title("Suspects, the likeliest first")
	t := v.out.Table(term.Column{Title: "SURE", Whole: true}, term.Column{Title: "RUN", Whole: true}, term.Column{Title: "AGENT", Whole: true}, term.Column{Title: "WHY"})
	for i := range a.Suspects {
		s := &a.Suspects[i]
		agent := s.Agent()
		for j, r := range s.Reasons {
			if j == maxReasonsShown && v.out.Terminal() {
				break
			}
			why := r.Detail
			if r.At != nil {
				why += " at " + r.At.UTC().Format("2006-01-02 15:04:05")
			}
			if r.Doubt != "" {
				why += "; BUT " + r.Doubt
			}
			if j == 0 || !v.out.Terminal() {
				t.Row(sureCell(s.Sure), term.Text(shortID(v.out, s.ExecutionID, whodid.PrefixExecution)), term.Text(orUnknown(agent)), term.Text(why))
			} else {
				t.Row(term.Text(""), term.Text(""), term.Text(""), term.Text(why))
			}
		}
	}
	if err := t.Write(); err != nil {
		return err
	}
	if a.Weak > 0 && v.out.Terminal() {
		v.out.Printf("  Left out: %s for which only the time or an earlier change of these files speaks\n", term.Count(int64(a.Weak), "run"))
	}
	return nil
}

func (v *incidentView) people() error {
	list := v.show.Analysis.People
	if len(list) == 0 {
		return nil
	}
	v.title("People")
	t := v.out.Table(term.Column{Title: "WHO"}, term.Column{Title: "DID", Whole: true}, term.Column{Title: "WHAT"}, term.Column{Title: "WHEN", Whole: true})
	for i := range list {
		x := &list[i]
		t.Row(term.Text(x.Who), term.Text(x.Did), term.Text(x.Target), term.Text(v.out.Time(x.At)))
	}
	return t.Write()
}

// normal says what of the first suspect was different from its agent's runs before.
func (v *incidentView) normal() error {
	a := v.show.Analysis
	if len(a.Suspects) == 0 || a.Suspects[0].Normal == nil || a.Verdict != string(incident.AnAgent) {
		return nil
	}
	s := &a.Suspects[0]
	n := s.Normal
	if !n.Enough {
		v.lines("What was different", "different", []string{fmt.Sprintf("not known: its agent has %s before it, too few to say what is normal", term.Count(int64(n.Runs), "run"))})
		return nil
	}
	title := fmt.Sprintf("What was different from the agent's %d runs before it (%d of which did not succeed)", n.Runs, n.FailedBefore)
	var odd, usual []string
	for i := range n.Figures {
		f := &n.Figures[i]
		switch {
		case f.Value == nil:
			usual = append(usual, figureName(f.Name)+" not known")
		case f.Unusual:
			odd = append(odd, fmt.Sprintf("%s %s; usually %s, nine of ten from %s to %s (%d runs)", figureName(f.Name), figureOf(f, *f.Value), figureOf(f, f.Median), figureOf(f, f.Low), figureOf(f, f.High), f.Runs))
		default:
			usual = append(usual, fmt.Sprintf("%s %s", figureName(f.Name), figureOf(f, *f.Value)))
		}
	}
	for _, f := range n.Firsts {
		odd = append(odd, f.String())
	}
	for _, p := range s.NewFiles {
		odd = append(odd, fmt.Sprintf("file %s: written by none of %d runs before", p, n.Runs))
	}
	if u := s.Unapproved; u != nil && len(u.Findings) > 0 {
		odd = append(odd, fmt.Sprintf("%s done without the approval that the policy asks for", term.Count(int64(len(u.Findings)), "action")))
	}
	if len(odd) == 0 {
		odd = []string{"nothing that was measured"}
	}
	if len(usual) > 0 {
		odd = append(odd, "as usual: "+strings.Join(usual, ", "))
	}
	v.lines(title, "different", odd)
	return nil
}

func figureName(name string) string { return strings.ReplaceAll(name, "_", " ") }

func figureOf(f *incident.Measured, n float64) string {
	switch f.Unit {
	case "seconds":
		return term.Duration(time.Duration(n * float64(time.Second)))
	case "micros":
		return term.Money(int64(n))
	case "percent":
		return fmt.Sprintf("%.0f%%", n)
	default:
		return term.Tokens(int64(n))
	}
}

func (v *incidentView) timeline() error {
	a := v.show.Analysis
	list := a.Timeline
	if len(list) == 0 {
		return nil
	}
	shown := v.momentsShown()
	told := 0
	for i := range shown {
		told += shown[i].times
	}
	v.title(fmt.Sprintf("Timeline (UTC), %d of %d", told, len(list)+a.TimelineCut))
	t := v.out.Table(term.Column{Title: "TIME", Whole: true}, term.Column{Title: "WHO"}, term.Column{Title: "WHAT", Whole: true}, term.Column{Title: "TARGET"},
		term.Column{Title: "RESULT", Whole: true}, term.Column{Title: "RUN", Whole: true, Spare: true}, term.Column{Title: "FORGE", Whole: true, Spare: true})
	for i := range shown {
		m := &shown[i]
		at := m.At.Format(time.RFC3339)
		if v.out.Terminal() {
			at = m.At.Format("01-02 15:04:05")
		}
		run := ""
		if m.ExecutionID != "" {
			run = shortID(v.out, m.ExecutionID, whodid.PrefixExecution)
		}
		what := term.Text(m.What)
		if m.times > 1 {
			what.Text += fmt.Sprintf(" ×%d", m.times)
		}
		if m.Subject {
			what.Style = term.Bold
		}
		t.Row(term.Text(at), term.Text(actorName(m.Who)), what, term.Text(m.Target), resultCell(m.Result), term.Text(run), term.Text(m.Confirmation))
	}
	if err := t.Write(); err != nil {
		return err
	}
	if told < len(list) && v.out.Terminal() {
		v.out.Printf("  All of it: whodid incident show %s --json\n", shortID(v.out, v.show.IncidentID, whodid.PrefixEvent))
	}
	return nil
}

// shownMoment is a moment as it is shown: gaps that follow one another are one,
// with how many they are.
type shownMoment struct {
	*ask.IncidentMoment
	times int
}

// momentsShown leaves out for a person what is least about the matter. Who lost one
// event often lost many: told one by one, gaps would hide what happened.
func (v *incidentView) momentsShown() []shownMoment {
	var list []shownMoment
	for i := range v.show.Analysis.Timeline {
		m := &v.show.Analysis.Timeline[i]
		if last := len(list) - 1; v.out.Terminal() && last >= 0 && m.Kind == "gap" && list[last].Kind == "gap" && list[last].ExecutionID == m.ExecutionID {
			list[last].times++
			continue
		}
		list = append(list, shownMoment{m, 1})
	}
	over := len(list) - maxMomentsShown
	if !v.out.Terminal() || over <= 0 {
		return list
	}
	for _, drop := range []func(m *shownMoment) bool{
		func(m *shownMoment) bool { return !m.Subject && m.Kind == "action" },
		func(m *shownMoment) bool {
			return !m.Subject && (m.Kind == "ci" || m.Kind == "forge" || m.Kind == "gap")
		},
		func(m *shownMoment) bool { return m.Kind == "action" },
		func(*shownMoment) bool { return true },
	} {
		list = slices.DeleteFunc(list, func(m shownMoment) bool {
			if over > 0 && drop(&m) {
				over--
				return true
			}
			return false
		})
	}
	return list
}

func (v *incidentView) radius() error {
	r := &v.show.Analysis.Radius
	some := func(list []string, cut int) string {
		if v.out.Terminal() && len(list) > maxRadiusShown {
			cut += len(list) - maxRadiusShown
			list = list[:maxRadiusShown]
		}
		text := strings.Join(list, ", ")
		if cut > 0 {
			text += fmt.Sprintf(" and %d more", cut)
		}
		return text
	}
	var deploys []string
	for i := range r.Deploys {
		d := &r.Deploys[i]
		deploys = append(deploys, fmt.Sprintf("%s at %s (%s, by %s)", d.Environment, d.At.Format(time.RFC3339), orUnknown(d.Result), actorName(d.Who)))
	}
	facts := []term.Fact{
		fact("Files", some(r.Files, r.FilesCut)), fact("Pull requests", some(r.PullRequests, 0)), fact("Issues", some(r.Issues, 0)), fact("Deployed to", some(deploys, 0)),
		fact("Releases", some(r.Releases, 0)), fact("Later commits", some(shortened(r.Commits), 0)),
	}
	if !slices.ContainsFunc(facts, func(f term.Fact) bool { return f.Text != "" }) && len(r.Runs) == 0 {
		return nil
	}
	v.facts("What it touched", facts...)
	if len(r.Runs) == 0 {
		return nil
	}
	more := ""
	if r.RunsMore {
		more = " at least"
	}
	if v.out.Terminal() {
		v.out.Printf("  Later runs that read or built on it:%s %d\n", more, len(r.Runs))
	}
	t := v.out.Table(term.Column{Title: "RUN", Whole: true}, term.Column{Title: "WHO"}, term.Column{Title: "HOW", Whole: true}, term.Column{Title: "FILE"}, term.Column{Title: "WHEN", Whole: true})
	for i := range r.Runs {
		if i == maxRadiusShown && v.out.Terminal() {
			break
		}
		x := &r.Runs[i]
		how := x.How
		if !x.Certain {
			how += "?"
		}
		t.Row(term.Text(shortID(v.out, x.ExecutionID, whodid.PrefixExecution)), term.Text(actorName(x.Actor)), term.Text(how), term.Text(x.Path), term.Text(v.out.Time(&x.At)))
	}
	return t.Write()
}

func shortened(ids []string) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id[:min(len(id), 10)]
	}
	return out
}

func (v *incidentView) missing() {
	var lines []string
	for _, m := range v.show.Analysis.Missing {
		text := m.Link + ": " + m.Detail
		if m.Mend != "" {
			text += ". To mend it: " + m.Mend
		}
		lines = append(lines, text)
	}
	v.lines("Not established", "missing", lines)
}

// lines are told below a title.
func (v *incidentView) lines(title, kind string, lines []string) {
	if len(lines) == 0 {
		return
	}
	v.title(title)
	for _, line := range lines {
		if v.out.Terminal() {
			v.out.Printf("  - %s\n", term.Clean(line))
		} else {
			v.out.Facts(fact(kind, line))
		}
	}
}

// record is what is kept of the incident itself.
func (v *incidentView) record() {
	s := v.show
	facts := []term.Fact{
		fact("Opened", v.out.Moment(&s.OpenedAt)+" by "+s.OpenedBy), fact("Follows", s.Follows),
	}
	if s.ClosedAt != nil {
		facts = append(facts, fact("Closed", v.out.Moment(s.ClosedAt)+" by "+s.ClosedBy+": "+s.CloseReason))
	}
	for i := range s.Holds {
		h := &s.Holds[i]
		state := "held, so that no sweep and no erasure touches it"
		if h.ReleasedAt != nil {
			state = "released " + v.out.Time(h.ReleasedAt) + " by " + h.ReleasedBy
		}
		facts = append(facts, fact("Hold", h.Scope+": "+state))
	}
	for i := range s.NoteList {
		n := &s.NoteList[i]
		facts = append(facts, fact("Note", n.Text+" ("+n.By+", "+v.out.Time(&n.At)+")"))
	}
	v.facts("The record", facts...)
	if v.out.Terminal() && s.State == ask.IncidentOpen {
		id := shortID(v.out, s.IncidentID, whodid.PrefixEvent)
		v.out.Printf("\nNext: whodid incident note %s \"…\"; whodid incident bundle %s -o incident.zip; whodid incident close %s --reason \"…\"\n", id, id, id)
	}
}
