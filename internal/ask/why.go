package ask

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
)

// Why is the answer to "why is this so?": from a line of code, a commit, a pull
// request or a run to who did it, what started it, what was done, what was
// decided, who approved and what it cost.
type Why struct {
	Question string `json:"question"`
	// Kind is what was asked about: line, commit, pull_request or execution.
	Kind string `json:"kind"`
	// Line is set if a line was asked about.
	Line *WhyLine `json:"line"`
	// PullRequest is "owner/name#44" or "#44" if one was asked about.
	PullRequest string `json:"pull_request"`
	// Commits are those that the answer rests on, Runs the executions that made
	// them, the one that most likely did first.
	Commits []WhyCommit `json:"commits"`
	Runs    []WhyRun    `json:"runs"`
	// Claims are what other tools say. They are weaker: nobody signs them.
	Claims []WhyClaim `json:"claims"`
	// Doubts are where commit and trail contradict each other.
	Doubts []string `json:"doubts"`
	// Missing is what could not be established.
	Missing []WhyMissing `json:"missing"`
}

// The kinds of questions.
const (
	WhyOfLine        = "line"
	WhyOfCommit      = "commit"
	WhyOfPullRequest = "pull_request"
	WhyOfExecution   = "execution"
)

// WhyLine is the line that was asked about.
type WhyLine struct {
	Path     string `json:"path"`
	Line     int    `json:"line"`
	Revision string `json:"revision"`
	Text     string `json:"text"`
	// Commit is empty if the line is not committed yet; OriginalPath and
	// OriginalLine are where it was in that commit.
	Commit       string `json:"commit"`
	OriginalPath string `json:"original_path"`
	OriginalLine int    `json:"original_line"`
}

// WhyCommit is a commit of the answer.
type WhyCommit struct {
	Commit
	// Subject is read from git now and kept nowhere; empty if the commit is not
	// at hand.
	Subject string `json:"subject"`
	// FoundBy says how the answer came to it.
	FoundBy string `json:"found_by"`

	notes       gitlog.CommitNotes
	checkpoints []string
	parents     []string
}

// WhyRun is an execution of the answer.
type WhyRun struct {
	ExecutionID string `json:"execution_id"`
	// FoundBy says how the answer came to it: the evidence of the commit that
	// names it, or an action in the trail.
	FoundBy string `json:"found_by"`
	// Commit is the commit that led to it.
	Commit string `json:"commit"`
	// Claimed is what the commit says of it, Execution what the trail knows;
	// Execution is null if the trail does not hold it.
	Claimed   *CommitRun `json:"claimed"`
	Execution *Execution `json:"execution"`
	// Wrote are the actions that wrote what was asked about, Actions those on
	// its commits and pull requests, in the order of time.
	Wrote   []Action `json:"wrote"`
	Actions []Action `json:"actions"`
	// Decisions are what was decided meanwhile, Approvals what was approved.
	Decisions []WhyDecision `json:"decisions"`
	Approvals []WhyApproval `json:"approvals"`
}

// WhyDecision is a decision that was recorded during a run.
type WhyDecision struct {
	EventID string `json:"event_id"`
	What    string `json:"what"`
	Target  string `json:"target"`
	// Decided is what was decided, in words.
	Decided string `json:"decided"`
	Why     string `json:"why"`
}

// WhyApproval is an approval under which a run acted.
type WhyApproval struct {
	ApprovalID string `json:"approval_id"`
	// Action is what was done under it.
	Action string `json:"action"`
	// By is who decided and Result what; empty if the trail only names it.
	By     string `json:"by"`
	Result string `json:"result"`
}

// WhyClaim is what another tool says of the line or the commit.
type WhyClaim struct {
	// Source is git-ai, entire or agent-trace.
	Source  string `json:"source"`
	Kind    string `json:"kind"`
	Tool    string `json:"tool"`
	Session string `json:"session"`
	Model   string `json:"model"`
	Detail  string `json:"detail"`
}

// WhyMissing is a link of the chain that could not be established.
type WhyMissing struct {
	// Link is which: trail, commit, run, action, reason, decision, approval,
	// cost, history.
	Link   string `json:"link"`
	Detail string `json:"detail"`
	// Mend is what would establish it, now or from now on; empty if nothing.
	Mend string `json:"mend"`
}

// ErrNoSubject means that a question is about nothing that is known.
var ErrNoSubject = errors.New("this is no line, commit, pull request or execution that is known here")

// maxWhy bounds how many commits and how many runs are explained.
const maxWhy = 20

// Why answers why something is so. What is asked about is FILE:LINE, a commit or
// a name of one, #44, owner/name#44, the URL of a pull request, or the id of a
// run; o says how lines are followed.
func (g *Git) Why(ctx context.Context, question string, o gitlog.BlameOptions) (*Why, error) {
	w := &whyer{git: g, Why: Why{
		Question: question, Commits: []WhyCommit{}, Runs: []WhyRun{}, Claims: []WhyClaim{}, Doubts: []string{}, Missing: []WhyMissing{},
	}}
	s, err := g.subject(ctx, question, o.Revision)
	if err != nil {
		return nil, err
	}
	w.Kind = s.kind
	if g.Trail == nil {
		w.miss("trail", "there is no trail here, so that only git speaks: what a run did, why it was started, what it cost and who approved it can't be known",
			"open the trail that recorded it: --store or WHODID_STORE")
	}
	switch s.kind {
	case WhyOfLine:
		err = w.line(ctx, s, o)
	case WhyOfCommit:
		err = w.commit(ctx, s.commit, "asked for", "")
	case WhyOfPullRequest:
		err = w.pullRequest(ctx, s)
	default:
		err = w.execution(ctx, s.execution)
	}
	if err != nil {
		return nil, err
	}
	w.judge()
	return &w.Why, nil
}

// whyer gathers an answer.
type whyer struct {
	Why
	git   *Git
	about about // what the runs may have written
}

// about is what was asked about: a path, or the files of a commit.
type about struct{ paths []string }

func (w *whyer) miss(link, detail, mend string) {
	m := WhyMissing{Link: link, Detail: detail, Mend: mend}
	if !slices.Contains(w.Missing, m) {
		w.Missing = append(w.Missing, m)
	}
}

func (w *whyer) doubt(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !slices.Contains(w.Doubts, text) {
		w.Doubts = append(w.Doubts, text)
	}
}

// line follows a line to its commit.
func (w *whyer) line(ctx context.Context, s *subject, o gitlog.BlameOptions) error {
	o.First, o.Last = s.line, s.line
	var found *gitlog.Line
	err := w.git.Repo.Blame(ctx, s.path, o, func(l gitlog.Line) error {
		found = &l
		return nil
	})
	if err != nil {
		return err
	}
	if found == nil {
		return fmt.Errorf("%w: %s has no line %d", ErrNoSubject, s.path, s.line)
	}
	w.Line = &WhyLine{
		Path: s.path, Line: s.line, Revision: o.Revision, Text: found.Text,
		Commit: found.Commit, OriginalPath: found.Path, OriginalLine: found.OriginalNumber,
	}
	w.about.paths = []string{found.Path}
	if found.Path != s.path {
		w.about.paths = append(w.about.paths, s.path)
	}
	w.traces(ctx, s)
	if found.Commit == "" {
		return w.uncommitted(ctx, s.path)
	}
	if found.Boundary && w.git.Repo.Shallow {
		w.miss("history", "the clone is shallow and ends with this commit: the line may be older", "git fetch --unshallow")
	}
	return w.commit(ctx, found.Commit, "it last changed the line", found.Path)
}

// judge says what the answer as a whole lacks.
func (w *whyer) judge() {
	known := 0
	for i := range w.Runs {
		if w.Runs[i].Execution != nil {
			known++
			w.judgeRun(&w.Runs[i])
		}
	}
	if known == 0 {
		return
	}
	// The run that wrote what was asked about comes first.
	slices.SortStableFunc(w.Runs, func(x, y WhyRun) int { return min(len(y.Wrote), 1) - min(len(x.Wrote), 1) })
	wrote := slices.ContainsFunc(w.Runs, func(r WhyRun) bool { return len(r.Wrote) > 0 })
	if !wrote && len(w.about.paths) > 0 && w.Kind != WhyOfExecution {
		w.miss("action", "no action of these runs is recorded that wrote "+shortList(w.about.paths)+" before the commit: a command may have written it, or a person",
			"whodid exec show "+w.Runs[0].ExecutionID+" lists what was recorded")
	}
	decisions := slices.ContainsFunc(w.Runs, func(r WhyRun) bool { return len(r.Decisions) > 0 })
	if !decisions {
		w.miss("decision", "no decision is recorded of the time of these runs", "")
	}
	approvals := slices.ContainsFunc(w.Runs, func(r WhyRun) bool { return len(r.Approvals) > 0 })
	if !approvals {
		w.miss("approval", "no approval is recorded of these commits and runs", "whodid action record --type pr.merge --approval ID, where a person approves")
	}
}

func (w *whyer) judgeRun(r *WhyRun) {
	x := r.Execution
	if x.Why == "" && x.TriggerDetail == "" && x.Trigger != "" {
		w.miss("reason", fmt.Sprintf("%s was started as %s, and nobody said why", x.ExecutionID, x.Trigger), "from now on: whodid run --why TEXT, or exec start --why TEXT")
	}
	if x.Trigger == "" {
		w.miss("reason", "nobody told what started "+x.ExecutionID, "from now on: whodid run --trigger KIND[:DETAIL]")
	}
	if x.CostState == string(whodid.CostUnknown) {
		w.miss("cost", "what "+x.ExecutionID+" cost is not known as a whole", "whodid sync reads the transcripts of sessions that ended")
	}
}

func shortList(names []string) string {
	if len(names) > 1 {
		return fmt.Sprintf("%s or %d others", names[0], len(names)-1)
	}
	return names[0]
}
