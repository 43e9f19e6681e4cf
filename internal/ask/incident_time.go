package ask

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
)

// IncidentMoment is one thing on the timeline.
type IncidentMoment struct {
	At time.Time `json:"at"`
	// Kind is git, run, action, approval, ci, deploy, forge, gap, retention or
	// incident.
	Kind string `json:"kind"`
	// Who acted, as an actor; empty where nobody is known.
	Who         string `json:"who"`
	What        string `json:"what"`
	Target      string `json:"target"`
	Result      string `json:"result"`
	ExecutionID string `json:"execution_id"`
	// EventID is the event that tells it, Source who told; empty where git tells.
	EventID string `json:"event_id"`
	Source  string `json:"source"`
	Commit  string `json:"commit"`
	// Confirmation is what the forge says of it: confirmed, contradicted or
	// unconfirmed; empty if nothing is known.
	Confirmation string `json:"confirmation"`
	// Subject is set where it is about what is asked about.
	Subject bool `json:"subject"`

	seq uint64
}

// maxTimeline is how much a timeline holds.
const maxTimeline = 300

// moment puts an event on the timeline, if it tells what happened.
func (v *investigator) moment(r *store.Row) {
	kind := momentKind(r.What)
	if kind == "" || slices.ContainsFunc(v.Timeline, func(m IncidentMoment) bool { return m.EventID == r.ID }) {
		return
	}
	if len(v.Timeline) >= 4*maxTimeline {
		v.TimelineCut++
		return
	}
	target := r.Target
	if kind == "run" {
		target = r.Execution
	}
	v.Timeline = append(v.Timeline, IncidentMoment{
		At: r.At.UTC(), Kind: kind, Who: r.Actor, What: r.What, Target: target, Result: string(r.Result), ExecutionID: r.Execution, EventID: r.ID,
		Source: r.Source, Commit: r.Data.String("sha"), Subject: v.ofSubject(r) || writes(r.What) && slices.ContainsFunc(v.paths, func(p string) bool { return samePath(r.Target, p) }), seq: r.Seq,
	})
}

// momentKind sorts events for the timeline; what only looks is left out.
func momentKind(what string) string {
	noun, verb, _ := strings.Cut(what, ".")
	switch {
	case what == "file.read", what == "file.search", noun == "web", noun == "model", noun == "turn", noun == "session", what == "tool.call", what == "execution.renew", what == "execution.tag":
		return ""
	case noun == "execution":
		return "run"
	case noun == "approval":
		return "approval"
	case noun == "deploy", strings.HasPrefix(what, "forge.deploy"):
		return "deploy"
	case strings.HasPrefix(what, "forge.ci"), noun == "test", noun == "build", noun == "workflow":
		return "ci"
	case noun == "forge" && verb != "hook":
		return "forge"
	case noun == "commit", noun == "branch":
		return "git"
	case noun == "record" && verb == "gap":
		return "gap"
	case noun == "retention", noun == "privacy":
		return "retention"
	case isAction(what), noun == "decision", noun == "exception":
		return "action"
	default:
		return ""
	}
}

// timeline adds commits, the ends of workflows and what changed the world to what
// the suspects did, and puts all of it in order.
func (v *investigator) timeline(ctx context.Context) error {
	a := v.git.Trail
	for i := range v.Commits {
		c := &v.Commits[i]
		who := c.Author
		if names := c.Executions(); c.Kind == string(gitlog.Agent) && c.Who() != "" && len(names)+len(c.Credits) > 0 {
			who = c.Who()
		}
		m := IncidentMoment{Kind: "git", Who: who, What: "commit", Target: short(c.Commit.Commit), Commit: c.Commit.Commit, Subject: true, Source: "git"}
		if c.CommittedAt != nil {
			m.At = c.CommittedAt.UTC()
			v.Timeline = append(v.Timeline, m)
		}
		const whole = 40
		if len(c.Commit.Commit) < whole {
			continue
		}
		runs, err := a.store.RunsOf(ctx, a.org, c.Commit.Commit)
		if err != nil {
			return err
		}
		for j := range runs {
			v.moment(&runs[j])
		}
	}
	for i := range v.changes {
		if v.Kind == IncidentOfTime || v.ofSubject(&v.changes[i]) || v.near(&v.changes[i]) {
			v.moment(&v.changes[i])
		}
	}
	sortMoments(v.Timeline)
	v.cutTimeline()
	return v.confirmTimeline(ctx)
}

// near tells whether a change is one that is told even if it is about something
// else: a deploy, a change of infrastructure or a gap close to the time.
func (v *investigator) near(r *store.Row) bool {
	if r.At.Before(v.at.Add(-lookBack)) || r.At.After(v.at.Add(lookBack)) {
		return false
	}
	return strings.HasPrefix(r.What, "deploy.") || r.What == "infra.change" || r.What == "schema.migrate" || r.What == "secret.rotate" || r.What == "record.gap" || r.What == "forge.deploy.status"
}

// cutTimeline leaves out what is least about the matter if there is too much.
func (v *investigator) cutTimeline() {
	over := len(v.Timeline) - maxTimeline
	gap := false
	v.Timeline = slices.DeleteFunc(v.Timeline, func(m IncidentMoment) bool {
		again := gap && m.Kind == "gap" && over > 0 // one of several gaps tells that there are some
		if gap = m.Kind == "gap"; again {
			over--
			v.TimelineCut++
		}
		return again
	})
	for _, kinds := range [][]string{{"action", "ci"}, {"forge", "git", "approval"}, nil} {
		if over <= 0 {
			return
		}
		v.Timeline = slices.DeleteFunc(v.Timeline, func(m IncidentMoment) bool {
			if over > 0 && (kinds == nil || !m.Subject && slices.Contains(kinds, m.Kind)) {
				over--
				v.TimelineCut++
				return true
			}
			return false
		})
	}
}

// confirmTimeline adds what forges say of the actions on it.
func (v *investigator) confirmTimeline(ctx context.Context) error {
	list := make([]Action, 0, len(v.Timeline))
	for i := range v.Timeline {
		if m := &v.Timeline[i]; store.Confirmable(m.What) {
			list = append(list, Action{ActionType: m.What, Seq: m.seq, At: m.At, EventID: m.EventID})
		}
	}
	if err := v.git.Trail.confirm(ctx, list); err != nil {
		return err
	}
	for i := range list {
		if c := list[i].Confirmation; c != nil {
			for j := range v.Timeline {
				if v.Timeline[j].EventID == list[i].EventID {
					v.Timeline[j].Confirmation = c.State
				}
			}
		}
	}
	return nil
}

// addActs puts what was done about the incident on the timeline.
func (a *IncidentAnalysis) addActs(acts []IncidentAct) {
	for i := range acts {
		x := &acts[i]
		if x.What == "incident.view" {
			continue
		}
		a.Timeline = append(a.Timeline, IncidentMoment{At: x.At, Kind: "incident", Who: x.By, What: x.What, Target: x.Detail, EventID: x.EventID, seq: x.Seq})
	}
	sortMoments(a.Timeline)
}

// sortMoments puts a timeline in order. Git tells no more than the second: what it
// tells stands behind what the trail tells of the same second.
func sortMoments(list []IncidentMoment) {
	at := func(m *IncidentMoment) int64 {
		if m.Source == "git" {
			return m.At.Unix()*1_000_000 + 999_999
		}
		return m.At.UnixMicro()
	}
	slices.SortStableFunc(list, func(x, y IncidentMoment) int {
		return cmp.Or(cmp.Compare(at(&x), at(&y)), cmp.Compare(x.seq, y.seq))
	})
}

func sortActs(acts []IncidentAct) {
	slices.SortFunc(acts, func(x, y IncidentAct) int { return cmp.Compare(x.Seq, y.Seq) })
}

// answer says in a sentence who it was.
func (v *investigator) answer() {
	first := (*Suspect)(nil)
	if len(v.Suspects) > 0 {
		first = &v.Suspects[0]
	}
	switch incident.Verdict(v.Verdict) {
	case incident.AnAgent:
		agent := orString(first.Agent(), "an agent whose name is not known")
		v.Answer = fmt.Sprintf("%s: run %s of %s; %s", map[string]string{
			string(incident.Certain): "Sure", string(incident.Likely): "Most probably", string(incident.Possible): "Possibly", string(incident.Weak): "At a guess",
		}[first.Sure], first.ExecutionID, agent, first.Reasons[0].Detail)
	case incident.NoAgent:
		who := "a person"
		if len(v.People) > 0 {
			who = v.People[0].Who
		}
		v.Answer = "No agent, as far as git and the trail tell: " + who + " committed it"
	default:
		v.Answer = "Not known: nothing in the trail or in git says who it was"
		if v.Kind == IncidentOfTime {
			v.Answer = "Not known: nothing in the trail changed what runs, in that time or shortly before"
		}
	}
}

// reopen looks into an incident again that was opened before.
func (g *Git) reopen(ctx context.Context, x *whodid.Incident, o IncidentOptions) (*IncidentAnalysis, error) {
	kind, id, _ := strings.Cut(x.Subject, ":")
	o.At = id
	if kind == WhyOfLine {
		if at := strings.LastIndex(id, "@"); at > 0 {
			o.At, o.Revision = id[:at], id[at+1:]
		}
		if g.Repo == nil {
			// The line can't be followed, and its commit was found when it was opened.
			o.At, o.Revision = x.Commit, ""
		}
	}
	if o.At == "" {
		return nil, fmt.Errorf("its subject %q can't be looked into any more", x.Subject)
	}
	v, err := g.Investigate(ctx, &o)
	if err == nil {
		v.Subject = x.Subject
	}
	return v, err
}
