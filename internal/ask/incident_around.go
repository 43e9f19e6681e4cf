package ask

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/incident"
	"github.com/whodid/whodid/internal/store"
)

// looked finds the runs that wrote the same files before, and, where nothing else
// is known, those that were at work.
func (v *investigator) looked(ctx context.Context) error {
	if v.at.IsZero() {
		// Nothing is committed: what a run did is all that there is.
		v.at = v.AsOf
		if len(v.why.Runs) > 0 && v.why.Runs[0].Execution != nil && v.why.Runs[0].Execution.StartedAt != nil {
			v.at = v.why.Runs[0].Execution.StartedAt.UTC()
		}
	}
	v.From, v.Until = v.at.Add(-lookBack), v.at.Add(afterCommit)
	if x := v.askedRun(); x != nil {
		if x.StartedAt != nil {
			v.From = x.StartedAt.Add(-lookBack)
		}
		if x.CompletedAt != nil {
			v.Until = x.CompletedAt.Add(afterCommit)
		}
	}
	if v.Until.After(v.AsOf) {
		v.Until = v.AsOf
	}
	const files = 5
	for _, p := range v.paths[:min(len(v.paths), files)] {
		if err := v.wroteBefore(ctx, p); err != nil {
			return err
		}
	}
	strong := slices.ContainsFunc(v.order, func(id string) bool {
		return slices.ContainsFunc(v.candidates[id].Reasons, func(r incident.Reason) bool { return r.Clue != incident.Before })
	})
	if strong || v.Kind == WhyOfExecution {
		return nil
	}
	return v.atWork(ctx, v.at.Add(-30*time.Minute), v.at)
}

// askedRun is the run that is asked about, if one is.
func (v *investigator) askedRun() *Execution {
	if v.Kind != WhyOfExecution || len(v.why.Runs) == 0 {
		return nil
	}
	return v.why.Runs[0].Execution
}

func (v *investigator) wroteBefore(ctx context.Context, file string) error {
	a := v.git.Trail
	rows, err := a.store.FileActions(ctx, a.org, store.FileFilter{Path: file, Writes: true, Until: v.at.Add(slack), Newest: true, Limit: maxBefore})
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if r.Result != whodid.ResultSuccess || r.Execution == "" || slices.Contains(v.partsOfAll(), r.Execution) {
			continue
		}
		if c := v.candidates[r.Execution]; c != nil && slices.ContainsFunc(c.Reasons, func(x incident.Reason) bool {
			return x.Clue == incident.Wrote || x.Clue == incident.Asked || x.Clue == incident.Before
		}) {
			continue
		}
		v.add(r.Execution, incident.Reason{Clue: incident.Before, Detail: "it wrote " + file + " before (" + r.What + ")", At: moment(r.At), EventID: r.ID})
	}
	return nil
}

func (v *investigator) partsOfAll() []string {
	var all []string
	for _, parts := range v.parts {
		all = append(all, parts...)
	}
	return all
}

// atWork finds the runs that were at work at any moment of a time.
func (v *investigator) atWork(ctx context.Context, from, until time.Time) error {
	a := v.git.Trail
	// By when they began, for those that ended since may be all that there are.
	found, err := a.store.ExecutionPage(ctx, a.org, store.Selection{
		Since: from, BeganSince: from.Add(-afterCommit), BeganUntil: until, RunsOnly: true, Limit: maxAtWork + 1,
	}, nil)
	if err != nil {
		return err
	}
	if len(found) > maxAtWork {
		found = found[:maxAtWork]
		v.miss("run", fmt.Sprintf("more than %d runs were at work then, and only those that began last were looked at", maxAtWork), "ask about a shorter time")
	}
	for i := range found {
		x := &found[i]
		detail := "it was at work then"
		if x.Status != whodid.StatusSuccess {
			detail += " (" + string(x.Status) + ")"
		}
		v.add(x.ID, incident.Reason{Clue: incident.Then, Detail: detail, At: moment(x.StartedAt)})
	}
	return nil
}

// around gathers what changed the world around a commit or a run, and what of it
// brought the commit to where it did harm.
func (v *investigator) around(ctx context.Context) error {
	a := v.git.Trail
	var err error
	if v.changes, err = a.store.Changes(ctx, a.org, v.From, v.Until, maxChanges); err != nil {
		return err
	}
	v.full()
	for i := range v.changes {
		r := &v.changes[i]
		if !v.ofSubject(r) {
			continue
		}
		if r.Execution != "" && isAction(r.What) && r.Result == whodid.ResultSuccess && released(r.What) && v.Kind != WhyOfExecution {
			v.add(r.Execution, incident.Reason{Clue: incident.Released, Detail: "it brought it there: " + r.What + " " + r.Target, At: moment(r.At), EventID: r.ID})
		}
		v.factPerson(r)
	}
	return v.pullFacts(ctx)
}

func released(what string) bool {
	return strings.HasPrefix(what, "deploy.") || what == "release.publish" || what == "pr.merge" || what == "branch.merge"
}

func isAction(what string) bool {
	kind, ok := whodid.KindOf(what)
	return ok && kind.Action
}

// full leaves out attempts whose result is known, and says that more changed the world than was looked at.
func (v *investigator) full() {
	defer func() { v.changes = settledOnly(v.changes) }()
	if len(v.changes) == maxChanges {
		first := v.changes[len(v.changes)-1].At.UTC()
		v.miss("history", fmt.Sprintf("more than %d deploys, merges, pushes and the like are recorded of that time: those before %s were not looked at", maxChanges, first.Format(time.RFC3339)), "ask about a shorter time")
	}
}

// settledOnly leaves out attempts whose result is among the events too.
func settledOnly(rows []store.Row) []store.Row {
	known := map[string]bool{}
	for i := range rows {
		known[rows[i].ID] = true
	}
	return slices.DeleteFunc(rows, func(r store.Row) bool {
		of, attempt := whodid.SettledID(r.ID)
		return attempt && known[of]
	})
}

// ofSubject tells whether a change is about a commit or a pull request that is
// asked about, or was made by a run that is.
func (v *investigator) ofSubject(r *store.Row) bool {
	if sha := r.Data.String("sha"); sha != "" && (v.asks(sha) || slices.Contains(v.shas, sha)) {
		return true
	}
	for _, sha := range listOf(r, "shas") {
		if slices.Contains(v.asked, sha) {
			return true
		}
	}
	return r.Target != "" && slices.ContainsFunc(v.pulls, func(p string) bool { return strings.EqualFold(p, r.Target) })
}

// factPerson notes who did on a forge what is asked about.
func (v *investigator) factPerson(r *store.Row) {
	did := map[string]string{
		"forge.pr.merge": "merged", "forge.deploy": "deployed", "forge.commit.push": "pushed", "forge.release.publish": "released",
		"forge.pr.review": "reviewed", "forge.pr.create": "opened",
	}[r.What]
	if r.What == "forge.pr.review" && r.Result == whodid.ResultApproved {
		did = "approved"
	}
	if did == "" && whodid.IsHuman(r.Actor) && released(r.What) {
		did = r.What
	}
	v.person(r.Actor, did, r.Target, moment(r.At), r.ID, did != "")
}

// pullFacts are what forges say of the pull requests.
func (v *investigator) pullFacts(ctx context.Context) error {
	a := v.git.Trail
	const pulls, most = 5, 500
	for _, name := range v.pulls[:min(len(v.pulls), pulls)] {
		rows, err := a.store.SomeFacts(ctx, a.org, name, most)
		if err != nil {
			return err
		}
		if len(rows) >= most {
			v.miss("history", fmt.Sprintf("more than %d events tell of %s: not all of them were looked at", most, name), "")
		}
		for i := range rows {
			r := &rows[i]
			if strings.HasPrefix(r.What, "forge.") {
				v.factPerson(r)
				v.moment(r)
			} else if r.Execution == "" && whodid.IsHuman(r.Actor) {
				v.person(r.Actor, r.What, r.Target, moment(r.At), r.ID, r.Result == whodid.ResultSuccess)
				v.moment(r)
			}
		}
	}
	return nil
}

// findInTime finds the runs that changed the world in a time, whose commits were
// deployed in it, that changed settings, and that were at work.
func (v *investigator) findInTime(ctx context.Context, from, until time.Time) error {
	v.Kind, v.From, v.Until, v.at = IncidentOfTime, from, until, from
	v.Subject = "time:" + from.Format(time.RFC3339Nano) + ".." + until.Format(time.RFC3339Nano) // to the microsecond, so that it is found again
	a := v.git.Trail
	var err error
	if v.changes, err = a.store.Changes(ctx, a.org, from.Add(-lookBack), until, maxChanges); err != nil {
		return err
	}
	v.full()
	for i := range v.changes {
		v.fromChange(&v.changes[i])
	}
	if err := v.shipped(ctx); err != nil {
		return err
	}
	if err := v.pushed(ctx, from, until); err != nil {
		return err
	}
	if err := v.atWork(ctx, from.Add(-lookBack/4), until); err != nil {
		return err
	}
	return v.settings(ctx)
}

// pushed finds the runs that pushed in the time: where nobody tells of deploys, that
// may be all that is known.
func (v *investigator) pushed(ctx context.Context, from, until time.Time) error {
	const longest, most = 6 * time.Hour, 200
	if until.Sub(from) > longest {
		v.miss("action", "who pushed in that time was not looked at", "ask about a time of no more than six hours")
		return nil
	}
	rows, err := v.git.Trail.store.GitActions(ctx, v.git.Trail.org, from, until)
	if err != nil {
		return err
	}
	rows = slices.DeleteFunc(settledOnly(rows), func(r store.Row) bool {
		return r.What != "commit.push" || r.Execution == "" || r.Result != whodid.ResultSuccess
	})
	for i := max(0, len(rows)-most); i < len(rows); i++ {
		r := &rows[i]
		v.add(r.Execution, incident.Reason{Clue: incident.Opened, Detail: "it pushed to " + r.Target, At: moment(r.At), EventID: r.ID})
	}
	return nil
}

// fromChange makes a reason of what changed the world.
func (v *investigator) fromChange(r *store.Row) {
	v.moment(r)
	v.factPerson(r)
	if r.Execution == "" || !isAction(r.What) {
		return
	}
	reason := incident.Reason{At: moment(r.At), EventID: r.ID, Detail: "it did " + strings.TrimSpace(r.What+" "+r.Target)}
	if r.Result != whodid.ResultSuccess {
		reason.Doubt = "its result is " + string(r.Result)
	}
	if r.At.Before(v.From) {
		reason.Detail += ", " + inWords(v.From.Sub(r.At)) + " before"
	}
	switch {
	case strings.HasPrefix(r.What, "deploy."):
		reason.Clue = incident.Deployed
		if sha := r.Data.String("sha"); sha != "" {
			reason.Detail, reason.Commit = reason.Detail+" at "+short(sha), sha
		}
	case r.What == "infra.change", r.What == "schema.migrate", r.What == "secret.rotate":
		reason.Clue = incident.Changed
	case r.What == "pr.merge", r.What == "branch.merge", r.What == "release.publish", r.What == "workflow.run":
		reason.Clue = incident.Released
	default:
		return
	}
	v.add(r.Execution, reason)
}

// deployed is one deployment.
type deployed struct {
	sha string
	at  time.Time
}

// shipped finds the runs whose commits were deployed in the time.
func (v *investigator) shipped(ctx context.Context) error {
	a := v.git.Trail
	var now []deployed
	var earlier []store.Row
	for i := range v.changes {
		r := &v.changes[i]
		if sha, ok := deployedSHA(r); ok && !slices.ContainsFunc(now, func(d deployed) bool { return d.sha == sha }) {
			now = append(now, deployed{sha, r.At})
		}
	}
	if len(now) == 0 {
		return nil
	}
	var err error
	if earlier, err = a.store.Changes(ctx, a.org, v.From.Add(-afterCommit), v.From.Add(-lookBack), maxChanges); err != nil {
		return err
	}
	const most = 3
	for _, d := range now[:min(len(now), most)] {
		older := v.olderThan(ctx, d, now, earlier)
		if older != "" {
			v.tookBack(d.sha, older)
		}
		w, err := v.git.Why(ctx, d.sha, gitlog.BlameOptions{})
		if err != nil {
			v.miss("commit", "the commit "+short(d.sha)+", which was deployed, is neither in this repository nor in the index", "git fetch, or whodid git index in a clone that has it")
			continue
		}
		v.Commits = append(v.Commits, w.Commits...)
		v.shas = append(v.shas, d.sha)
		for i := range w.Commits {
			v.Repository = orString(v.Repository, w.Commits[i].Repository)
		}
		for i := range w.Runs {
			r := &w.Runs[i]
			v.runs[r.ExecutionID] = r
			reason := incident.Reason{Clue: incident.Shipped, Detail: "its commit " + short(d.sha) + " was deployed", At: moment(d.at), Commit: d.sha}
			if older != "" {
				reason.Doubt = "the commit is older than " + short(older) + ", which was deployed before it"
			}
			v.add(r.ExecutionID, reason)
		}
	}
	return nil
}

// tookBack notes of who deployed a commit that it is older than what was there.
func (v *investigator) tookBack(sha, newer string) {
	for _, c := range v.candidates {
		for i := range c.Reasons {
			if r := &c.Reasons[i]; r.Clue == incident.Deployed && r.Commit == sha {
				r.Detail += ", a commit older than " + short(newer) + ", which was deployed before it"
			}
		}
	}
}

// deployedSHA is the commit that an event says was deployed.
func deployedSHA(r *store.Row) (string, bool) {
	sha := r.Data.String("sha")
	is := strings.HasPrefix(r.What, "deploy.") || r.What == "forge.deploy.status"
	return sha, is && r.Result == whodid.ResultSuccess && len(sha) >= shortestSHA
}

// olderThan is the commit that was deployed before a deployment and is newer than
// what it deployed, or "".
func (v *investigator) olderThan(ctx context.Context, d deployed, now []deployed, earlier []store.Row) string {
	var before *deployed
	take := func(x deployed) {
		if x.at.Before(d.at) && x.sha != d.sha && (before == nil || x.at.After(before.at)) {
			before = &x
		}
	}
	for _, x := range now {
		take(x)
	}
	for i := range earlier {
		if sha, ok := deployedSHA(&earlier[i]); ok {
			take(deployed{sha, earlier[i].At})
		}
	}
	if before == nil {
		return ""
	}
	this, that := v.committed(ctx, d.sha), v.committed(ctx, before.sha)
	if !this.IsZero() && !that.IsZero() && this.Before(that) {
		return before.sha
	}
	return ""
}

// committed is when a commit was made, by git or else the index.
func (v *investigator) committed(ctx context.Context, sha string) time.Time {
	if g := v.git; g.Repo != nil {
		if id := g.Repo.Resolve(ctx, sha); id != "" {
			if found, err := g.Repo.Commits(ctx, []string{id}); err == nil && found[id] != nil {
				return found[id].CommittedAt
			}
		}
	}
	a := v.git.Trail
	if found, err := a.store.Commits(ctx, a.org, store.CommitFilter{ID: sha, Limit: 1}); err == nil && len(found) > 0 {
		return found[0].CommittedAt
	}
	return time.Time{}
}

// settings finds, among the runs that were at work, those that wrote files that
// configure how something runs.
func (v *investigator) settings(ctx context.Context) error {
	a := v.git.Trail
	for _, id := range v.order[:min(len(v.order), maxAtWork)] {
		rows, err := a.store.Events(ctx, a.org, store.EventFilter{Execution: id, What: "file.*", Since: v.From.Add(-lookBack), Until: v.Until, ActionsOnly: true})
		if err != nil {
			return err
		}
		for i := range rows {
			r := &rows[i]
			if writes(r.What) && r.Result == whodid.ResultSuccess && configures(r.Target) {
				v.add(id, incident.Reason{
					Clue: incident.Changed, Detail: "it wrote the settings " + r.Target + " (" + r.What + "); whether they were rolled out is not recorded", At: moment(r.At), EventID: r.ID,
				})
				break
			}
		}
	}
	return nil
}

// configures tells whether a file says how something runs, by its name.
func configures(file string) bool {
	file = strings.ToLower(strings.ReplaceAll(file, `\`, "/"))
	base := path.Base(file)
	switch {
	case base == ".env", strings.HasPrefix(base, ".env."), strings.HasPrefix(base, "dockerfile"), strings.HasPrefix(base, "docker-compose"), base == "compose.yaml", base == "compose.yml":
		return true
	}
	switch path.Ext(base) {
	case ".conf", ".cnf", ".ini", ".tf", ".tfvars", ".env", ".properties":
		return true
	case ".yml", ".yaml", ".toml", ".json":
		for part := range strings.SplitSeq(path.Dir(file), "/") {
			switch part {
			case "config", "configs", "conf", "deploy", "deployment", "k8s", "kubernetes", "helm", "charts", "infra", "terraform", "ansible", "workflows", "settings":
				return true
			}
		}
		return strings.HasPrefix(base, "config.") || strings.HasPrefix(base, "settings.") || strings.HasPrefix(base, "values.")
	}
	return false
}
