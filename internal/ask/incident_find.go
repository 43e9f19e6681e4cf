package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/policy"
	"github.com/whodid/whodid/internal/store"
)

// IncidentOptions say what is to be looked into, and by what rules.
type IncidentOptions struct {
	// At is FILE:LINE, a commit, a pull request, the id of a run, or FROM..UNTIL.
	At string
	// Revision is where FILE:LINE is meant; empty is the working tree.
	Revision string
	// Policy and Signature judge whether actions had the approvals that they
	// needed; see [UnapprovedFilter].
	Policy    *policy.Policy
	Signature func(*whodid.Approval) error
}

// IncidentAnalysis is what the trail and git tell of what went wrong.
type IncidentAnalysis struct {
	// AsOf is when it was looked into, TreeSize how long the log was then.
	AsOf     time.Time `json:"as_of"`
	TreeSize uint64    `json:"tree_size"`
	// Subject is what was looked into, Kind line, commit, pull_request, execution
	// or time.
	Subject    string `json:"subject"`
	Kind       string `json:"kind"`
	Repository string `json:"repository"`
	// From and Until bound the time that was looked at.
	From  time.Time `json:"from"`
	Until time.Time `json:"until"`
	// Verdict is agent (the first suspect most probably did it), no_agent or
	// unknown; Answer says it in a sentence.
	Verdict string `json:"verdict"`
	Answer  string `json:"answer"`
	// Suspects are runs, the likeliest first; Weak counts those that only were at
	// work then or wrote the same file before, and are left out where there are
	// better ones.
	Suspects []Suspect `json:"suspects"`
	Weak     int       `json:"weak"`
	// Commits are those that are asked about.
	Commits []WhyCommit `json:"commits"`
	// People are those who committed, merged, reviewed, approved or deployed.
	People []IncidentPerson `json:"people"`
	// Steps are what stops it or takes it back.
	Steps []IncidentStep `json:"steps"`
	// Timeline is what happened, the first first; TimelineCut counts what was left
	// out of it.
	Timeline    []IncidentMoment `json:"timeline"`
	TimelineCut int              `json:"timeline_cut"`
	Radius      IncidentRadius   `json:"radius"`
	// Missing is what could not be established.
	Missing []WhyMissing `json:"missing"`

	why *Why // nil where a time is asked about
}

// IncidentOfTime is the kind of an incident that is about a time.
const IncidentOfTime = "time"

// Suspect is a run that may have caused an incident.
type Suspect struct {
	ExecutionID string `json:"execution_id"`
	// Sure is sure, likely, possible or weak; Score is by what the suspects are in
	// their order, and says nothing by itself.
	Sure  string `json:"sure"`
	Score int    `json:"score"`
	// Reasons are what speaks for it, the strongest first.
	Reasons []incident.Reason `json:"reasons"`
	// Execution is null if the trail does not hold it, Claimed what a commit says
	// of it, null if none does.
	Execution *Execution `json:"execution"`
	Claimed   *CommitRun `json:"claimed"`
	// Parts are its sub-agents that did what is asked about.
	Parts []string `json:"parts"`
	// Approvals are those that it acted under, Unapproved what of it needed one and
	// had none; null if no policy was asked.
	Approvals  []Approval  `json:"approvals"`
	Unapproved *Unapproved `json:"unapproved"`
	// Normal is the run beside its agent's runs before; null where it was not
	// compared. NewFiles are files asked about that none of these runs wrote.
	Normal   *incident.Normal `json:"normal"`
	NewFiles []string         `json:"new_files"`
}

// Agent is the suspect's agent, as the trail or else a commit tells it.
func (s *Suspect) Agent() string {
	if s.Execution != nil {
		return s.Execution.Agent
	}
	if s.Claimed != nil {
		return s.Claimed.Agent
	}
	return ""
}

// IncidentPerson is what a person, or a program that is no agent, had to do with
// it.
type IncidentPerson struct {
	Who    string     `json:"who"`
	Did    string     `json:"did"`
	Target string     `json:"target"`
	At     *time.Time `json:"at"`
	// EventID is the event that tells it; empty if git does.
	EventID string `json:"event_id"`
}

// The bounds of what is looked at.
const (
	maxSuspects    = 8   // are told of
	closely        = 3   // are looked at closely
	maxChanges     = 500 // events that changed the world
	maxAtWork      = 50  // runs that were at work
	lookBack       = 2 * time.Hour
	afterCommit    = 7 * 24 * time.Hour
	maxBefore      = 20 // actions on a file before
	maxIncidentRun = 200
)

// investigator gathers an analysis.
type investigator struct {
	IncidentAnalysis
	git     *Git
	options *IncidentOptions
	at      time.Time
	paths   []string
	shas    []string // the commits that are asked about
	asked   []string // those of them that were meant, not found on the way
	changes []store.Row
	pulls   []string

	candidates map[string]*incident.Candidate
	order      []string
	runs       map[string]*WhyRun
	parts      map[string][]string
	byPeople   bool
	deeded     map[string]bool // approvals under which something was done
}

// Investigate looks into an incident: who most probably caused it, what happened,
// what it touched, and what could not be established. It writes nothing.
func (g *Git) Investigate(ctx context.Context, o *IncidentOptions) (*IncidentAnalysis, error) {
	if g.Trail == nil {
		return nil, errors.New("there is no trail here to look into")
	}
	v := &investigator{
		git: g, options: o, candidates: map[string]*incident.Candidate{}, runs: map[string]*WhyRun{}, parts: map[string][]string{}, deeded: map[string]bool{},
		IncidentAnalysis: IncidentAnalysis{
			AsOf: g.Trail.now().UTC().Truncate(time.Microsecond), Suspects: []Suspect{}, Commits: []WhyCommit{}, People: []IncidentPerson{}, Steps: []IncidentStep{},
			Timeline: []IncidentMoment{}, Missing: []WhyMissing{},
		},
	}
	if head, err := g.Trail.store.Head(ctx, g.Trail.org); err == nil {
		v.TreeSize = head.Frontier.Size()
	} else if !errors.Is(err, store.ErrNoLog) {
		return nil, err
	}
	if err := v.find(ctx); err != nil {
		return nil, err
	}
	v.rank()
	for _, step := range []func(context.Context) error{v.lookClosely, v.timeline, v.radius, v.steps, v.unknown} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	v.answer()
	return &v.IncidentAnalysis, nil
}

func (v *investigator) miss(link, detail, mend string) {
	m := WhyMissing{Link: link, Detail: detail, Mend: mend}
	if !slices.Contains(v.Missing, m) {
		v.Missing = append(v.Missing, m)
	}
}

// find gathers what is asked about and the runs that have to do with it.
func (v *investigator) find(ctx context.Context) error {
	from, until, isTime, err := parsePeriod(v.options.At, v.AsOf)
	if err != nil {
		return err
	}
	if isTime {
		return v.findInTime(ctx, from, until)
	}
	if v.why, err = v.git.Why(ctx, v.options.At, gitlog.BlameOptions{Revision: v.options.Revision}); err != nil {
		return err
	}
	if x := v.why; x.Kind == WhyOfExecution && len(x.Commits) == 0 && (len(x.Runs) == 0 || x.Runs[0].Execution == nil) {
		return fmt.Errorf("%w: neither the trail nor a commit knows the run %s", ErrNoSubject, v.options.At)
	}
	v.fromWhy()
	if err := v.looked(ctx); err != nil {
		return err
	}
	return v.around(ctx)
}

// parsePeriod reads FROM..UNTIL. A range of anything but times is none.
func parsePeriod(at string, now time.Time) (from, until time.Time, ok bool, err error) {
	first, last, ok := strings.Cut(at, "..")
	if !ok {
		return from, until, false, nil
	}
	if from, err = whodid.ParseTime(first, now); err != nil {
		return from, until, false, nil //nolint:nilerr // it is something else then
	}
	until = now
	if last != "" && last != "now" {
		if until, err = whodid.ParseTime(last, now); err != nil {
			return from, until, false, fmt.Errorf("%w: %q is no time range: %w", ErrNoSubject, at, err)
		}
	}
	if !from.Before(until) {
		return from, until, false, fmt.Errorf("%w: the time range %q must end after it begins", ErrNoSubject, at)
	}
	return from.UTC(), until.UTC(), true, nil
}

// add notes a reason for suspecting a run.
func (v *investigator) add(run string, r incident.Reason) {
	if run == "" {
		return
	}
	c := v.candidates[run]
	if c == nil {
		c = &incident.Candidate{Run: run}
		v.candidates[run] = c
		v.order = append(v.order, run)
	}
	if !slices.ContainsFunc(c.Reasons, func(x incident.Reason) bool { return x.Clue == r.Clue && x.Detail == r.Detail }) {
		c.Reasons = append(c.Reasons, r)
	}
}

// fromWhy takes over what is known of the commits and of the runs behind them.
func (v *investigator) fromWhy() {
	w := v.why
	v.Kind, v.Commits = w.Kind, w.Commits
	switch {
	case w.Line != nil:
		v.paths = []string{w.Line.Path}
		if w.Line.OriginalPath != "" && w.Line.OriginalPath != w.Line.Path {
			v.paths = append(v.paths, w.Line.OriginalPath)
		}
		v.Subject = fmt.Sprintf("line:%s:%d", w.Line.Path, w.Line.Line)
		if w.Line.Commit != "" {
			// Where the line was written it stays, wherever it goes to.
			v.Subject = fmt.Sprintf("line:%s:%d@%s", w.Line.OriginalPath, w.Line.OriginalLine, w.Line.Commit)
		}
	case w.Kind == WhyOfPullRequest:
		v.Subject = "pull_request:" + w.PullRequest
		v.pulls = append(v.pulls, w.PullRequest)
	case w.Kind == WhyOfCommit && len(w.Commits) > 0:
		v.Subject = "commit:" + w.Commits[0].Commit.Commit
	case w.Kind == WhyOfExecution && len(w.Runs) > 0:
		v.Subject = "execution:" + w.Runs[0].ExecutionID
	default:
		v.Subject = w.Kind + ":" + w.Question
	}
	people := len(w.Commits) > 0
	for i := range w.Commits {
		c := &w.Commits[i]
		v.Repository = orString(v.Repository, c.Repository)
		v.shas = append(v.shas, c.Commit.Commit)
		if meant(c) || w.Kind == WhyOfExecution {
			v.asked = append(v.asked, c.Commit.Commit)
		}
		if c.CommittedAt != nil && (v.at.IsZero() || i == 0) {
			v.at = c.CommittedAt.UTC()
		}
		if w.Line == nil && len(v.paths) < maxIncidentRun {
			for _, f := range c.Files {
				if !slices.Contains(v.paths, f.Path) {
					v.paths = append(v.paths, f.Path)
				}
			}
		}
		if c.PullRequest != nil && *c.PullRequest > 0 {
			v.pull(fmt.Sprintf("%s#%d", shortSlug(c.Repository), *c.PullRequest))
		}
		personal := c.Kind == string(gitlog.Human) || c.Kind == string(gitlog.Bot)
		people = people && (personal || !meant(c))
		v.person(c.Author, "committed", short(c.Commit.Commit), c.CommittedAt, "", personal)
	}
	v.byPeople = people && w.Kind != WhyOfExecution
	for i := range w.Runs {
		v.fromRun(&w.Runs[i])
	}
	for _, m := range w.Missing {
		v.miss(m.Link, m.Detail, m.Mend)
	}
}

// meant tells whether a commit was asked about, and not only found on the way.
func meant(c *WhyCommit) bool {
	return c.FoundBy == "asked for" || c.FoundBy == "it last changed the line" || c.FoundBy == "it names the pull request"
}

func orString(s, other string) string {
	if s != "" {
		return s
	}
	return other
}

func (v *investigator) pull(name string) {
	if !slices.Contains(v.pulls, name) {
		v.pulls = append(v.pulls, name)
	}
}

func (v *investigator) person(who, did, target string, at *time.Time, event string, wanted bool) {
	p := IncidentPerson{Who: who, Did: did, Target: target, At: at, EventID: event}
	if !wanted || who == "" || whodid.AgentOf(who) != "" || slices.ContainsFunc(v.People, func(x IncidentPerson) bool { return x.Who == who && x.Did == did && x.Target == target }) {
		return
	}
	v.People = append(v.People, p)
}

// fromRun makes reasons of what is known of a run.
func (v *investigator) fromRun(r *WhyRun) {
	id := r.ExecutionID
	v.runs[id] = r
	doubt := ""
	for _, d := range v.why.Doubts {
		if strings.Contains(d, id) {
			doubt = d
		}
	}
	if r.Execution == nil {
		doubt = "the trail does not hold that run"
	}
	var at *time.Time
	if c := v.commitOf(r.Commit); c != nil {
		at = c.CommittedAt
	}
	switch {
	case v.Kind == WhyOfExecution && "execution:"+id == v.Subject:
		v.add(id, incident.Reason{Clue: incident.Asked, Detail: "the incident is about this run"})
	case v.commitOf(r.Commit) != nil && strings.HasSuffix(v.commitOf(r.Commit).FoundBy, " reverts it"):
		v.add(id, incident.Reason{Clue: incident.Before, Detail: "the commit takes back one of it: " + v.commitOf(r.Commit).FoundBy, Commit: r.Commit, At: at, Doubt: doubt})
	case v.commitOf(r.Commit) != nil && !meant(v.commitOf(r.Commit)):
		v.add(id, incident.Reason{Clue: incident.Rewritten, Detail: v.commitOf(r.Commit).FoundBy, Commit: r.Commit, At: at, Doubt: doubt})
	case r.Claimed != nil && strings.HasPrefix(r.FoundBy, "it was rewritten"):
		v.add(id, incident.Reason{Clue: incident.Rewritten, Detail: "the commit " + strings.TrimPrefix(r.FoundBy, "it ") + ", which names it", Commit: r.Commit, At: at, Doubt: doubt})
	case r.Claimed != nil:
		v.add(id, incident.Reason{Clue: incident.Named, Detail: "the commit names it (" + r.FoundBy + ")", Commit: r.Commit, At: at, Doubt: doubt})
	case r.FoundBy == "the trail saw it being made":
		v.add(id, incident.Reason{Clue: incident.Made, Detail: "the trail saw it make the commit", Commit: r.Commit, At: at})
	case strings.HasPrefix(r.FoundBy, "it was rewritten"):
		v.add(id, incident.Reason{Clue: incident.Rewritten, Detail: "the trail saw it make a commit that this one was rewritten from", Commit: r.Commit, At: at})
	}
	v.fromDeeds(r)
}

func (v *investigator) fromDeeds(r *WhyRun) {
	id := r.ExecutionID
	for i := range r.Wrote {
		w := &r.Wrote[i]
		who := "it wrote "
		if w.ExecutionID != id {
			who = "its sub-agent " + w.ExecutionID + " wrote "
			if !slices.Contains(v.parts[id], w.ExecutionID) {
				v.parts[id] = append(v.parts[id], w.ExecutionID)
			}
		}
		before := ""
		if !v.at.IsZero() && w.At.Before(v.at) {
			before = ", " + inWords(v.at.Sub(w.At)) + " before the commit"
		}
		if v.Kind != WhyOfExecution {
			v.add(id, incident.Reason{Clue: incident.Wrote, Detail: who + w.Target + " (" + w.ActionType + ")" + before, At: moment(w.At), EventID: w.EventID})
		}
	}
	for i := range r.Actions {
		x := &r.Actions[i]
		if x.Result != string(whodid.ResultSuccess) {
			continue
		}
		doubt := ""
		if x.Confirmation != nil && x.Confirmation.State == Contradicted {
			doubt = "the forge contradicts it (" + x.Confirmation.What + ")"
		}
		reason := incident.Reason{At: moment(x.At), EventID: x.EventID, Doubt: doubt}
		switch x.ActionType {
		case "commit.create":
			if v.asks(x.Metadata.String("sha")) {
				reason.Clue, reason.Detail = incident.Made, "the trail saw it make the commit"
			}
		case "pr.merge":
			reason.Clue, reason.Detail = incident.Released, "it merged "+x.Target
		case "pr.create":
			reason.Clue, reason.Detail = incident.Opened, "it opened "+x.Target
		case "commit.push":
			reason.Clue, reason.Detail = incident.Opened, "it pushed to "+x.Target
		}
		if reason.Clue != "" && v.Kind != WhyOfExecution {
			v.add(id, reason)
		}
		if strings.HasPrefix(x.ActionType, "pr.") && strings.Contains(x.Target, "#") && len(x.Target) < 100 {
			v.pull(x.Target)
		}
	}
}

// asks tells whether a commit, by the beginning of its id, is asked about.
func (v *investigator) asks(sha string) bool {
	return len(sha) >= shortestSHA && slices.ContainsFunc(v.asked, func(id string) bool { return strings.HasPrefix(id, strings.ToLower(sha)) })
}

func (v *investigator) commitOf(id string) *WhyCommit {
	i := slices.IndexFunc(v.Commits, func(c WhyCommit) bool { return id != "" && c.Commit.Commit == id })
	if i < 0 {
		return nil
	}
	return &v.Commits[i]
}

// inWords is a length of time for people.
func inWords(d time.Duration) string {
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d minutes", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	default:
		return fmt.Sprintf("%d days", int(d.Hours()/24))
	}
}

// rank puts the suspects in order.
func (v *investigator) rank() {
	candidates := make([]incident.Candidate, 0, len(v.order))
	for _, id := range v.order {
		candidates = append(candidates, *v.candidates[id])
	}
	ranked := incident.Rank(candidates)
	v.Verdict = string(incident.Judge(ranked, v.byPeople))
	for _, r := range ranked {
		if r.Sure == incident.Weak && len(v.Suspects) > 0 && v.Suspects[0].Sure != string(incident.Weak) || len(v.Suspects) == maxSuspects {
			v.Weak++
			continue
		}
		s := Suspect{
			ExecutionID: r.Run, Sure: string(r.Sure), Score: r.Score, Reasons: r.Reasons, Parts: orEmpty(v.parts[r.Run]), Approvals: []Approval{}, NewFiles: []string{},
		}
		if known := v.runs[r.Run]; known != nil {
			s.Execution, s.Claimed = known.Execution, known.Claimed
		}
		v.Suspects = append(v.Suspects, s)
	}
}
