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
	"github.com/whodid/whodid/internal/store"
)

// lookFurther looks for the runs of a commit that names none: in the trail, in
// what the commit was rewritten from, and in the commits that it speaks of.
func (w *whyer) lookFurther(ctx context.Context, c *WhyCommit) error {
	before := len(w.Runs)
	if err := w.byAction(ctx, c, c.Commit.Commit, c.CommittedAt, "the trail saw it being made"); err != nil {
		return err
	}
	if err := w.byVersion(ctx, c, before); err != nil {
		return err
	}
	if err := w.byReference(ctx, c); err != nil {
		return err
	}
	if len(w.Runs) > before {
		return nil
	}
	id := short(c.Commit.Commit)
	switch {
	case len(c.Related) > 0 && len(w.Commits) > 1:
	case c.Kind == string(gitlog.Human):
		w.miss("run", "nothing says that an agent had a part in "+id, "if one had: whodid git install lets the commits of agents say so from now on")
	case c.Kind == string(gitlog.Bot):
		w.miss("run", id+" was made by a program that is no agent", "")
	default:
		w.miss("run", fmt.Sprintf("%s names %s (%s), but no run", id, c.Who(), strings.Join(c.Evidence, ", ")), "whodid git install lets the commits of agents name their run from now on")
	}
	return nil
}

// The time before and after a commit in which the trail may tell of it: hooks
// tell when it is done, scripts maybe later.
const (
	actionBefore = 10 * time.Minute
	actionAfter  = time.Hour
)

// byAction finds the run that the trail saw make a commit, by its id.
func (w *whyer) byAction(ctx context.Context, c *WhyCommit, id string, at *time.Time, foundBy string) error {
	a := w.git.Trail
	if a == nil || at == nil {
		return nil
	}
	rows, err := a.store.GitActions(ctx, a.org, at.Add(-actionBefore), at.Add(actionAfter))
	if err != nil {
		return err
	}
	for i := range rows {
		sha := rows[i].Data.String("sha")
		if rows[i].What != "commit.create" || len(sha) < shortestSHA || !strings.HasPrefix(id, sha) {
			continue
		}
		if err := w.run(ctx, rows[i].Execution, foundBy, c, nil); err != nil {
			return err
		}
	}
	return w.byLink(ctx, c, id, at, foundBy)
}

// byLink finds the run whose client says by its telemetry that it made a commit.
// A commit that printed nothing is known by that only.
func (w *whyer) byLink(ctx context.Context, c *WhyCommit, id string, at *time.Time, foundBy string) error {
	a := w.git.Trail
	links, err := a.store.Events(ctx, a.org, store.EventFilter{
		What: "commit.link", Since: at.Add(-actionBefore), Until: at.Add(actionAfter),
	})
	if err != nil {
		return err
	}
	for i := range links {
		if links[i].Target != id {
			continue
		}
		if err := w.run(ctx, links[i].Execution, foundBy, c, nil); err != nil {
			return err
		}
	}
	return nil
}

// byVersion finds runs by the commits that a commit was rewritten from, if the
// index saw them.
func (w *whyer) byVersion(ctx context.Context, c *WhyCommit, before int) error {
	a := w.git.Trail
	pseudonym := strings.TrimPrefix(c.Author, whodid.HumanActor(""))
	if a == nil || len(w.Runs) > before || pseudonym == "" || c.AuthoredAt == nil {
		return nil
	}
	same, err := a.sameWriting(ctx, pseudonym, *c.AuthoredAt)
	if err != nil {
		return err
	}
	for i := range same {
		v := newCommit(&same[i])
		if v.Commit == c.Commit.Commit {
			continue
		}
		foundBy := "it was rewritten from " + short(v.Commit)
		for j := range v.Runs {
			if err := w.run(ctx, v.Runs[j].ExecutionID, foundBy, c, &v.Runs[j]); err != nil {
				return err
			}
		}
		if err := w.byAction(ctx, c, v.Commit, v.CommittedAt, foundBy); err != nil {
			return err
		}
	}
	return nil
}

// byReference goes on to the commits that a commit reverts, was picked from or
// squashes, and to those that a merge brought.
func (w *whyer) byReference(ctx context.Context, c *WhyCommit) error {
	for _, related := range c.Related {
		relation, id, ok := strings.Cut(related, " ")
		if !ok {
			continue
		}
		if g := w.git; g.Repo != nil {
			if full := g.Repo.Resolve(ctx, id); full != "" {
				id = full
			}
		}
		words := map[string]string{"reverts": " reverts it", "cherry-picked": " was picked from it", "squashed": " squashes it"}
		if err := w.commit(ctx, id, short(c.Commit.Commit)+words[relation], ""); err != nil {
			return err
		}
	}
	if len(c.parents) < 2 || w.Kind == WhyOfPullRequest {
		return nil
	}
	return w.merged(ctx, c)
}

// merged goes on to the commits that a merge brought.
func (w *whyer) merged(ctx context.Context, c *WhyCommit) error {
	out, err := w.git.Repo.Run(ctx, "rev-list", fmt.Sprint("--max-count=", maxWhy), c.Commit.Commit, "^"+c.parents[0])
	if err != nil {
		return err
	}
	for id := range strings.FieldsSeq(out) {
		if id == c.Commit.Commit {
			continue
		}
		if err := w.commit(ctx, id, short(c.Commit.Commit)+" merged it", ""); err != nil {
			return err
		}
	}
	return nil
}

// recently is how far back the trail is searched for who wrote what is not
// committed yet.
const recently = 14 * 24 * time.Hour

// uncommitted says who last wrote a file whose line is not committed yet, as far
// as the trail knows.
func (w *whyer) uncommitted(ctx context.Context, path string) error {
	w.miss("commit", "the line is not committed yet", "")
	a := w.git.Trail
	if a == nil {
		return nil
	}
	const most = 5000
	rows, err := a.store.Events(ctx, a.org, store.EventFilter{What: "file.*", Since: a.now().Add(-recently), ActionsOnly: true, Newest: true, Limit: most})
	if err != nil {
		return err
	}
	for i := range rows {
		if writes(rows[i].What) && rows[i].Execution != "" && w.wrote(&rows[i], nil) {
			return w.run(ctx, rows[i].Execution, "it wrote the file last", nil, nil)
		}
	}
	w.miss("run", "the trail knows no action that wrote "+path+" in the last fourteen days: a person may have, or a command", "")
	return nil
}

// pullRequest explains a pull request by the actions on it and by the commits
// that name it.
func (w *whyer) pullRequest(ctx context.Context, s *subject) error {
	repository := s.slug
	if repository == "" {
		repository = w.git.repository(ctx)
	}
	w.PullRequest = fmt.Sprintf("%s#%d", shortSlug(repository), s.number)
	if err := w.pullCommits(ctx, s, repository); err != nil {
		return err
	}
	if err := w.pullActions(ctx, s, repository); err != nil {
		return err
	}
	if len(w.Commits) == 0 && len(w.Runs) == 0 {
		return fmt.Errorf("%w: neither a commit nor the trail names pull request %s", ErrNoSubject, w.PullRequest)
	}
	if len(w.Commits) == 0 {
		w.miss("commit", "no commit at hand names the pull request", "git fetch, and whodid git index")
	}
	return nil
}

// shortSlug is "owner/name" of a repository.
func shortSlug(repository string) string {
	parts := strings.Split(repository, "/")
	if len(parts) < 2 || parts[0] == "root" {
		return ""
	}
	return strings.Join(parts[max(0, len(parts)-2):], "/")
}

// sameRepository tells whether two names, with or without a host, mean one
// repository. An empty one may be any.
func sameRepository(x, y string) bool {
	x, y = strings.ToLower(x), strings.ToLower(y)
	return x == "" || y == "" || x == y || strings.HasSuffix(x, "/"+y) || strings.HasSuffix(y, "/"+x)
}

// pullCommits finds the commits that name a pull request, in the index or else
// in git itself.
func (w *whyer) pullCommits(ctx context.Context, s *subject, repository string) error {
	var ids []string
	if a := w.git.Trail; a != nil {
		found, err := a.store.Commits(ctx, a.org, store.CommitFilter{Pull: s.number, Limit: 1000})
		if err != nil {
			return err
		}
		for i := range found {
			if sameRepository(found[i].Repository, repository) || strings.HasPrefix(found[i].Repository, "root/") && s.slug == "" {
				ids = append(ids, found[i].ID)
			}
		}
	}
	if g := w.git; len(ids) == 0 && g.Repo != nil && (s.slug == "" || sameRepository(g.repository(ctx), s.slug)) {
		found, err := g.grep(ctx, fmt.Sprintf("(#%d)", s.number), fmt.Sprintf("Merge pull request #%d ", s.number), fmt.Sprintf("!%d", s.number))
		if err != nil {
			return err
		}
		for _, c := range found {
			if c.PullRequest != nil && *c.PullRequest == s.number {
				ids = append(ids, c.Commit)
			}
		}
	}
	for _, id := range ids[:min(len(ids), maxWhy)] {
		if err := w.commit(ctx, id, "it names the pull request", ""); err != nil {
			return err
		}
		if c := &w.Commits[len(w.Commits)-1]; c.Commit.Commit == id && len(c.parents) > 1 {
			if err := w.merged(ctx, c); err != nil {
				return err
			}
		}
	}
	return nil
}

// grep finds the commits whose message has one of the texts.
func (g *Git) grep(ctx context.Context, texts ...string) ([]Commit, error) {
	args := []string{"rev-list", "--all", "--fixed-strings", fmt.Sprint("--max-count=", maxWhy*2)}
	for _, text := range texts {
		args = append(args, "--grep="+text)
	}
	out, err := g.Repo.Run(ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("couldn't search the messages: %w", err)
	}
	found, _, err := g.commits(ctx, strings.Fields(out))
	return found, err
}

// pullActions finds the runs that opened or merged a pull request.
func (w *whyer) pullActions(ctx context.Context, s *subject, repository string) error {
	a := w.git.Trail
	if a == nil {
		return nil
	}
	rows, err := a.pullRows(ctx, repository, s.number)
	if err != nil {
		return err
	}
	if len(rows) >= maxPullRows {
		w.miss("action", fmt.Sprintf("more than %d events tell of the pull request: not all of them were looked at", maxPullRows), "")
	}
	for i := range rows {
		r := &rows[i]
		if r.What != "pr.create" && r.What != "pr.merge" {
			continue
		}
		of, ok := pullRequestOf(r.Target)
		if !ok || of.number != s.number || !sameRepository(of.slug, repository) {
			continue
		}
		if err := w.run(ctx, r.Execution, "its action "+r.What, nil, nil); err != nil {
			return err
		}
		// One without a run is a person's, and is told all the same.
		if r.Execution == "" {
			w.Claims = append(w.Claims, WhyClaim{Source: "trail", Kind: r.What, Tool: r.Actor, Detail: string(r.Result)})
		}
	}
	return nil
}

// maxPullRows is how many events about one name of a pull request are looked at.
const maxPullRows = 1000

// pullRows are what is known of a pull request, by each way in which it may be
// named.
func (a *Asker) pullRows(ctx context.Context, repository string, number int64) ([]store.Row, error) {
	names := []string{fmt.Sprintf("#%d", number)}
	for _, slug := range []string{repository, shortSlug(repository)} {
		if slug == "" || strings.HasPrefix(slug, "root/") {
			continue
		}
		names = append(names, fmt.Sprintf("%s#%d", slug, number), fmt.Sprintf("%s!%d", slug, number))
		hosts := []string{slug}
		if strings.Count(slug, "/") == 1 {
			hosts = []string{"github.com/" + slug, "gitlab.com/" + slug}
		}
		for _, host := range hosts {
			names = append(names, fmt.Sprintf("https://%s/pull/%d", host, number), fmt.Sprintf("https://%s/-/merge_requests/%d", host, number))
		}
	}
	slices.Sort(names)
	var out []store.Row
	for _, name := range slices.Compact(names) {
		rows, err := a.store.SomeFacts(ctx, a.org, name, maxPullRows)
		if err != nil {
			return nil, err
		}
		out = append(out, rows...)
	}
	slices.SortFunc(out, func(x, y store.Row) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.Seq, y.Seq)) })
	return out, nil
}

// execution explains a run by what it did and by the commits that came of it.
func (w *whyer) execution(ctx context.Context, id string) error {
	var ids []string
	if a := w.git.Trail; a != nil {
		found, err := a.commitsOf(ctx, id, store.CommitFilter{})
		if err != nil {
			return err
		}
		for i := range found {
			ids = append(ids, found[i].ID)
		}
	}
	if g := w.git; len(ids) == 0 && g.Repo != nil {
		found, err := g.grep(ctx, id)
		if err != nil {
			return err
		}
		for _, c := range found {
			if slices.Contains(c.Executions(), id) {
				ids = append(ids, c.Commit)
			}
		}
	}
	for _, c := range ids[:min(len(ids), maxWhy)] {
		if err := w.commit(ctx, c, "it came of the run", ""); err != nil {
			return err
		}
	}
	if err := w.run(ctx, id, "asked for", nil, nil); err != nil {
		return err
	}
	// Other runs of a squash are the commits' story, not that of this run.
	w.Runs = slices.DeleteFunc(w.Runs, func(r WhyRun) bool { return r.ExecutionID != id })
	if len(w.Commits) == 0 {
		w.miss("commit", "no commit at hand names "+id, "git fetch, and whodid git index")
	}
	return nil
}
