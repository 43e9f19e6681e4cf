package ask

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
)

// IncidentRadius is what was touched, and what went on from there.
type IncidentRadius struct {
	Files []string `json:"files"`
	// FilesCut counts files that are left out.
	FilesCut     int      `json:"files_cut"`
	PullRequests []string `json:"pull_requests"`
	Issues       []string `json:"issues"`
	// Runs are later runs that read or wrote these files, or that a suspect
	// started.
	Runs []RadiusRun `json:"runs"`
	// RunsMore tells that there are more than are listed.
	RunsMore bool `json:"runs_more"`
	// Commits are later ones that changed these files, Releases the tags that have
	// the commit.
	Commits  []string        `json:"commits"`
	Releases []string        `json:"releases"`
	Deploys  []IncidentPlace `json:"deploys"`
}

// RadiusRun is a later run that has to do with what was touched.
type RadiusRun struct {
	ExecutionID string `json:"execution_id"`
	Actor       string `json:"actor"`
	// How is read, wrote or started.
	How  string    `json:"how"`
	Path string    `json:"path"`
	At   time.Time `json:"at"`
	// Certain is false if it may be a file of the same name somewhere else.
	Certain bool `json:"certain"`
}

// IncidentPlace is where a commit was brought to.
type IncidentPlace struct {
	Environment string    `json:"environment"`
	Commit      string    `json:"commit"`
	Result      string    `json:"result"`
	Who         string    `json:"who"`
	At          time.Time `json:"at"`
	EventID     string    `json:"event_id"`
}

// IncidentStep is something that stops an incident or takes it back.
type IncidentStep struct {
	What string `json:"what"`
	// Command is what does it; empty if no command does.
	Command string `json:"command"`
}

// The bounds of what a radius lists.
const (
	maxRadiusFiles   = 50
	maxRadiusLooked  = 10 // files whose later readers are looked for
	maxRadiusRuns    = 50
	maxRadiusCommits = 20
)

func (v *investigator) radius(ctx context.Context) error {
	r := &v.Radius
	*r = IncidentRadius{Files: []string{}, PullRequests: orEmpty(v.pulls), Issues: []string{}, Runs: []RadiusRun{}, Commits: []string{}, Releases: []string{}, Deploys: []IncidentPlace{}}
	first := v.strongest()
	v.touched(first)
	if first != nil {
		if err := v.started(ctx, first); err != nil {
			return err
		}
	}
	if err := v.laterRuns(ctx); err != nil {
		return err
	}
	v.places()
	v.laterCommits(ctx)
	return nil
}

// strongest is the first suspect, if it is more than a coincidence.
func (v *investigator) strongest() *Suspect {
	if len(v.Suspects) == 0 || v.Suspects[0].Sure == string(incident.Weak) {
		return nil
	}
	return &v.Suspects[0]
}

// touched gathers the files, issues and pull requests.
func (v *investigator) touched(first *Suspect) {
	r := &v.Radius
	file := func(p string) {
		switch {
		case slices.Contains(r.Files, p):
		case len(r.Files) < maxRadiusFiles:
			r.Files = append(r.Files, p)
		default:
			r.FilesCut++
		}
	}
	for _, p := range v.paths {
		file(p)
	}
	if first == nil {
		return
	}
	for i := range v.Timeline {
		m := &v.Timeline[i]
		if m.ExecutionID != first.ExecutionID && !slices.Contains(first.Parts, m.ExecutionID) || m.Result != string(whodid.ResultSuccess) {
			continue
		}
		switch {
		case writes(m.What):
			file(m.Target)
		case strings.HasPrefix(m.What, "issue.") && m.Target != "" && !slices.Contains(r.Issues, m.Target):
			r.Issues = append(r.Issues, m.Target)
		case strings.HasPrefix(m.What, "pr.") && m.Target != "" && !slices.Contains(r.PullRequests, m.Target):
			r.PullRequests = append(r.PullRequests, m.Target)
		}
	}
}

// started are the runs that a suspect started.
func (v *investigator) started(ctx context.Context, first *Suspect) error {
	a := v.git.Trail
	children, err := a.store.Executions(ctx, a.org, store.ExecutionFilter{Parent: first.ExecutionID, Limit: maxRadiusRuns})
	if err != nil {
		return err
	}
	for i := range children {
		if x := &children[i]; x.Subagent == "" {
			v.Radius.Runs = append(v.Radius.Runs, RadiusRun{ExecutionID: x.ID, Actor: whodid.AgentActor(x.Agent), How: "started", At: x.StartedAt.UTC(), Certain: true})
		}
	}
	return nil
}

// laterRuns are the runs that read or wrote the files afterwards.
func (v *investigator) laterRuns(ctx context.Context) error {
	a, r := v.git.Trail, &v.Radius
	from := v.at
	if x := v.askedRun(); x != nil && x.CompletedAt != nil {
		from = *x.CompletedAt
	}
	suspects := v.partsOfAll()
	for i := range v.Suspects {
		if v.Suspects[i].Sure != string(incident.Weak) {
			suspects = append(suspects, v.Suspects[i].ExecutionID)
		}
	}
	seen := map[[2]string]bool{}
	for _, p := range r.Files[:min(len(r.Files), maxRadiusLooked)] {
		rows, err := a.store.FileActions(ctx, a.org, store.FileFilter{Path: p, Since: from, Limit: maxIncidentRun})
		if err != nil {
			return err
		}
		r.RunsMore = r.RunsMore || len(rows) == maxIncidentRun
		for i := range rows {
			row := &rows[i]
			how := "read"
			if writes(row.What) {
				how = "wrote"
			}
			key := [2]string{row.Execution, how}
			if row.Execution == "" || row.Result != whodid.ResultSuccess || seen[key] || slices.Contains(suspects, row.Execution) {
				continue
			}
			seen[key] = true
			if len(r.Runs) == maxRadiusRuns {
				r.RunsMore = true
				break
			}
			r.Runs = append(r.Runs, RadiusRun{ExecutionID: row.Execution, Actor: row.Actor, How: how, Path: p, At: row.At.UTC()})
		}
	}
	if len(r.Files) > maxRadiusLooked {
		v.miss("radius", fmt.Sprintf("of %d files only the first %d were looked at for who read or wrote them later", len(r.Files)+r.FilesCut, maxRadiusLooked), "")
	}
	return v.sameFiles(ctx)
}

// sameFiles tells which of the later runs worked in the repository that is asked
// about, as far as they said where they did.
func (v *investigator) sameFiles(ctx context.Context) error {
	runs := v.Radius.Runs
	ids := make([]string, len(runs))
	for i := range runs {
		ids[i] = runs[i].ExecutionID
	}
	if len(ids) == 0 {
		return nil
	}
	deeds, err := v.git.Trail.store.Deeds(ctx, v.git.Trail.org, ids)
	if err != nil {
		return err
	}
	other := 0
	v.Radius.Runs = slices.DeleteFunc(runs, func(r RadiusRun) bool {
		where := deeds[r.ExecutionID].Repository
		gone := where != "" && v.Repository != "" && r.How != "started" && !sameRepository(where, v.Repository) && !strings.HasPrefix(v.Repository, "root/")
		if gone {
			other++
		}
		return gone
	})
	unsaid := 0
	for i := range v.Radius.Runs {
		r := &v.Radius.Runs[i]
		where := deeds[r.ExecutionID].Repository
		r.Certain = r.How == "started" || where != "" && v.Repository != "" && sameRepository(where, v.Repository)
		if !r.Certain {
			unsaid++
		}
	}
	if unsaid > 0 {
		v.miss("radius", fmt.Sprintf("%d of the later runs did not tell in which repository they worked: it may be a file of the same name elsewhere", unsaid), "")
	}
	return nil
}

// places are where the commits were deployed to.
func (v *investigator) places() {
	for i := range v.changes {
		r := &v.changes[i]
		if sha := r.Data.String("sha"); (strings.HasPrefix(r.What, "deploy.") || r.What == "forge.deploy.status") && (v.Kind == IncidentOfTime || v.asks(sha)) {
			v.Radius.Deploys = append(v.Radius.Deploys, IncidentPlace{
				Environment: orString(r.Data.String("environment"), strings.TrimPrefix(r.What, "deploy.")), Commit: sha, Result: string(r.Result), Who: r.Actor, At: r.At.UTC(), EventID: r.ID,
			})
		}
	}
	slices.Reverse(v.Radius.Deploys) // the first first
}

// laterCommits asks git for what was built on a commit. What can't be read is
// left out.
func (v *investigator) laterCommits(ctx context.Context) {
	g := v.git
	if g.Repo == nil || len(v.asked) == 0 || len(v.Radius.Files) == 0 || v.commitOf(v.asked[0]) == nil {
		return
	}
	id := v.asked[0]
	args := []string{"log", fmt.Sprint("--max-count=", maxRadiusCommits), "--format=%H", id + "..HEAD", "--"}
	for _, p := range v.commitPaths() {
		args = append(args, ":(top,literal)"+p)
	}
	if out, err := g.Repo.Run(ctx, args...); err == nil {
		v.Radius.Commits = append(v.Radius.Commits, strings.Fields(out)...)
	}
	if out, err := g.Repo.Run(ctx, "tag", "--contains", id, "--sort=creatordate"); err == nil {
		tags := strings.Fields(out)
		v.Radius.Releases = append(v.Radius.Releases, tags[:min(len(tags), maxRadiusCommits)]...)
	}
}

func (v *investigator) commitPaths() []string {
	return v.paths[:min(len(v.paths), maxRadiusFiles)]
}

// steps say what stops it and what takes it back.
func (v *investigator) steps(ctx context.Context) error {
	for i := range v.Suspects {
		s := &v.Suspects[i]
		if x := s.Execution; x != nil && x.Status == string(whodid.StatusRunning) && s.Sure != string(incident.Weak) {
			what := s.ExecutionID + " is still running, as " + orString(x.Source, "nobody") + " told: stop it where it runs"
			if x.SessionID != "" {
				what += ", its client's session is " + x.SessionID
			}
			v.Steps = append(v.Steps, IncidentStep{What: what})
		}
		for j := range s.Approvals {
			if a := &s.Approvals[j]; a.State == string(whodid.ApprovalPending) || a.State == string(whodid.ApprovalApproved) && !v.deeded[a.ApprovalID] {
				step := IncidentStep{What: "an approval of " + a.Type + " " + a.Target + " is " + a.State + " and not used yet: who runs it may still go on"}
				if a.State == string(whodid.ApprovalPending) {
					step.Command = "whodid approval reject " + a.ApprovalID + ` --reason "incident"`
				}
				v.Steps = append(v.Steps, step)
			}
		}
	}
	if err := v.revert(ctx); err != nil {
		return err
	}
	v.redeploy()
	return nil
}

// revert says by which commands of git the commits are taken back, the last first.
func (v *investigator) revert(ctx context.Context) error {
	a := v.git.Trail
	var plain []string
	for _, id := range v.asked {
		naming, err := a.store.Naming(ctx, a.org, id)
		if err != nil {
			return err
		}
		reverted := ""
		for by, relation := range naming {
			if relation == "reverts" {
				reverted = by
			}
		}
		c := v.commitOf(id)
		switch {
		case reverted != "":
			v.Steps = append(v.Steps, IncidentStep{What: short(id) + " was taken back by " + short(reverted) + " already"})
		case !isHex(id) || c == nil:
		case len(c.parents) > 1 || c.Parents > 1:
			v.Steps = append(v.Steps, IncidentStep{What: "take back the merge " + short(id), Command: "git revert -m 1 --no-edit " + id})
		default:
			plain = append(plain, id)
		}
	}
	const most = 10
	switch {
	case len(plain) == 1:
		v.Steps = append(v.Steps, IncidentStep{What: "take back the commit", Command: "git revert --no-edit " + plain[0]})
	case len(plain) > 1:
		v.byTime(plain)
		v.Steps = append(v.Steps, IncidentStep{
			What: fmt.Sprintf("take back the %d commits, the last first", len(plain)), Command: "git revert --no-edit " + strings.Join(plain[:min(len(plain), most)], " "),
		})
		if len(plain) > most {
			v.miss("commit", fmt.Sprintf("%d commits came of it, and the command to take them back names %d", len(plain), most), "whodid git log --execution lists all")
		}
	}
	if len(v.asked) == 0 && v.why != nil && v.why.Line != nil {
		v.Steps = append(v.Steps, IncidentStep{What: "the line is not committed: compare the file with HEAD before you take anything back", Command: "git diff HEAD -- " + shellQuoted(v.why.Line.Path)})
	}
	return nil
}

// byTime puts commits in the order of committing, the last first.
func (v *investigator) byTime(ids []string) {
	slices.SortStableFunc(ids, func(x, y string) int {
		a, b := v.commitOf(x), v.commitOf(y)
		if a == nil || b == nil || a.CommittedAt == nil || b.CommittedAt == nil {
			return 0
		}
		return b.CommittedAt.Compare(*a.CommittedAt)
	})
}

// redeploy says what was deployed before.
func (v *investigator) redeploy() {
	if len(v.Radius.Deploys) == 0 {
		return
	}
	first := v.Radius.Deploys[0]
	if v.Kind == IncidentOfTime {
		first = v.Radius.Deploys[len(v.Radius.Deploys)-1]
	}
	for i := range v.changes { // the last first
		r := &v.changes[i]
		if sha, ok := deployedSHA(r); ok && r.At.Before(first.At) && sha != first.Commit && !v.asks(sha) {
			v.Steps = append(v.Steps, IncidentStep{What: fmt.Sprintf("or deploy again what was deployed before, at %s: commit %s", r.At.UTC().Format(time.RFC3339), short(sha))})
			return
		}
	}
}

func isHex(s string) bool {
	return len(s) >= shortestSHA && strings.Trim(s, "0123456789abcdef") == ""
}

// shellQuoted is text as a shell takes it for one word.
func shellQuoted(s string) string {
	if s != "" && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-") == "" && !strings.HasPrefix(s, "-") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
