package page

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ask"
	"github.com/whodid/whodid/internal/term"
)

// executionPage is one run with all that hangs on it.
type executionPage struct {
	*ask.Show
	Now     time.Time
	Actions []actionRow
	// From is the number of the first action that is shown, counted from 0, of All.
	From, All int
	// Next and Before are where the others are; empty for none.
	Next, Before string
	Counts       []ask.Count
	Waterfall    *waterfall
	// Files and Forge are the first of AllFiles and AllForge.
	Files     []ask.SessionFile
	AllFiles  int
	AllForge  int
	Added     int64
	Removed   int64
	Approvals []ask.Approval
	Commits   []ask.Commit
	Decisions []ask.Decision
	Forge     []ask.Action
	LogLines  []string
	// ReadsLog tells whether output is shown here at all.
	ReadsLog bool
	Parent   *ask.Execution
	Failed   int64
}

// actionRow is an action with when in the run it was.
type actionRow struct {
	ask.Action
	// Number counts from 1.
	Number int
	After  string
	// Family is the kind of thing that was done, for the eye.
	Family string
	Took   string
}

// actionRows is how many actions are shown at once. Scripts fetch the next as the
// reader comes near the end.
const actionRows = 200

// aroundRows is how many files, and how many commits and pull requests, are shown of
// a run that has more of them: a page that lists thousands can't be read.
const aroundRows = 100

func (r *request) execution() (*answer, error) {
	show, err := r.t.Asker.ShowTo(r.ctx, r.r.PathValue("id"), r.id.Squads)
	if err != nil {
		return nil, err
	}
	rules, signature := r.judged()
	if err := r.t.Asker.Judge(r.ctx, show, rules.Policy, signature); err != nil {
		return nil, err
	}
	a := &answer{title: "Execution " + short(show.ExecutionID), value: show, rows: show.Actions}
	if r.query("format") != "" {
		return a, nil
	}
	if r.r.PathValue("id") != show.ExecutionID {
		a.redirect = "/executions/" + show.ExecutionID
		return a, nil
	}
	if show.Status == string(whodid.StatusRunning) {
		a.stream, a.from = "execution:"+show.ExecutionID, show.Proof.TreeSize
	}
	page := &executionPage{Show: show, Now: r.now, All: len(show.Actions)}
	a.page = page
	if err := r.actionsOf(page); err != nil || r.query("part") == "actions" {
		return a, err // the page's script asks for the next of them, and has the rest
	}
	page.Files = show.Files()
	for i := range page.Files {
		if f := &page.Files[i]; f.LinesAdded != nil {
			page.Added += *f.LinesAdded
		}
		if f := &page.Files[i]; f.LinesRemoved != nil {
			page.Removed += *f.LinesRemoved
		}
	}
	page.AllFiles = len(page.Files)
	page.Files = page.Files[:min(page.AllFiles, aroundRows)]
	if err := r.around(page); err != nil {
		return nil, err
	}
	lanes, err := r.lanesOf(show)
	if err != nil {
		return nil, err
	}
	page.Waterfall = newWaterfall(show, lanes, r.now)
	return a, nil
}

// actionsOf chooses the actions that are shown.
func (r *request) actionsOf(page *executionPage) error {
	if text := r.query("from"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > page.All {
			return wrong(400, "from is not the number of an action.", "This run has "+strconv.Itoa(page.All)+" of them.")
		}
		page.From = n
	}
	counts := map[string]int64{}
	for i := range page.Show.Actions {
		act := &page.Show.Actions[i]
		counts[act.ActionType]++
		if act.Result == string(whodid.ResultFailed) || act.Result == string(whodid.ResultBlocked) {
			page.Failed++
		}
		if family(act.ActionType) == familyForge {
			if page.AllForge++; page.AllForge <= aroundRows {
				page.Forge = append(page.Forge, *act)
			}
		}
		if i >= page.From && i < page.From+actionRows {
			page.Actions = append(page.Actions, newActionRow(act, i+1, page.StartedAt))
		}
	}
	for what, n := range counts {
		page.Counts = append(page.Counts, ask.Count{Value: what, Count: n})
	}
	slices.SortFunc(page.Counts, func(x, y ask.Count) int {
		if x.Count != y.Count {
			return int(y.Count - x.Count)
		}
		return strings.Compare(x.Value, y.Value)
	})
	if end := page.From + actionRows; end < page.All {
		page.Next = r.with(map[string]string{"from": strconv.Itoa(end)})
	}
	if page.From > 0 {
		page.Before = r.with(map[string]string{"from": strconv.Itoa(max(page.From-actionRows, 0))})
	}
	return nil
}

func newActionRow(a *ask.Action, number int, started *time.Time) actionRow {
	row := actionRow{Action: *a, Number: number, Family: family(a.ActionType)}
	if started != nil {
		row.After = offset(a.At.Sub(*started))
	}
	if ms, ok := a.Metadata.Int("duration_ms"); ok {
		row.Took = term.Duration(time.Duration(ms) * time.Millisecond)
	}
	return row
}

// around finds what belongs to a run beside its actions. Who may see some squads
// only is not shown what the questions can't hold to them.
func (r *request) around(page *executionPage) (err error) {
	var named []string
	for i := range page.Show.Actions {
		if id := page.Show.Actions[i].ApprovalID; id != "" && !slices.Contains(named, id) {
			named = append(named, id)
		}
	}
	const most = 50
	for _, id := range named[:min(len(named), most)] {
		found, err := r.t.Asker.ApprovalTo(r.ctx, id, r.id.Squads)
		switch {
		case errors.Is(err, ask.ErrNotFound):
			continue // an action may name what the trail does not know
		case err != nil:
			return err
		}
		page.Approvals = append(page.Approvals, found.Approval)
	}
	if page.Show.Parent != "" {
		parent, err := r.t.Asker.Execution(r.ctx, page.Show.Parent)
		if err == nil && r.maySee(parent.Squad) {
			page.Parent = parent
		}
	}
	commits, err := r.t.Asker.Commits(r.ctx, ask.CommitFilter{Execution: page.ExecutionID, Limit: most})
	if err != nil && !errors.Is(err, ask.ErrNotFound) {
		return err
	}
	if commits != nil {
		page.Commits = commits.Commits
	}
	decisions, err := r.t.Asker.Memory(r.ctx, ask.MemoryFilter{Execution: page.ExecutionID, Limit: most})
	if err != nil && !errors.Is(err, ask.ErrNotFound) {
		return err
	}
	if decisions != nil {
		page.Decisions = decisions.Decisions
	}
	if r.pages.options.Log != nil {
		page.ReadsLog = true
		if page.LogLines, err = r.pages.options.Log(r.ctx, r.t, page.ExecutionID); err != nil {
			return err
		}
	}
	return nil
}

// The families of actions.
const (
	familyRead  = "read"
	familyWrite = "write"
	familyShell = "shell"
	familyForge = "forge"
	familyAgent = "agent"
	familyWeb   = "web"
	familyRisk  = "risk"
	familyOther = "other"
)

// family is what kind of thing an action is, for the eye: the verbs are many.
func family(what string) string {
	noun, verb, _ := strings.Cut(what, ".")
	switch noun {
	case "file":
		if verb == "read" || verb == "search" {
			return familyRead
		}
		return familyWrite
	case "shell", "test", "build", "workflow":
		return familyShell
	case "commit", "branch", "tag", "pr", "issue":
		return familyForge
	case "deploy", "release", "infra", "schema", "secret", "budget":
		return familyRisk
	case "agent", "memory", "goal", "trigger":
		return familyAgent
	case "web", "mcp", "tool":
		return familyWeb
	default:
		return familyOther
	}
}

// offset is when in a run something was: "+1:02", "+2:03:04".
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "−", -d
	}
	const sixty = 60
	s := int64(d / time.Second)
	two := func(n int64) string {
		if n < 10 {
			return "0" + strconv.FormatInt(n, 10)
		}
		return strconv.FormatInt(n, 10)
	}
	if h := s / sixty / sixty; h > 0 {
		return sign + strconv.FormatInt(h, 10) + ":" + two(s/sixty%sixty) + ":" + two(s%sixty)
	}
	return sign + strconv.FormatInt(s/sixty, 10) + ":" + two(s%sixty)
}
