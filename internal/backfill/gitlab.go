package backfill

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	gitlab "gitlab.com/gitlab-org/api/client-go/v2"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
	adapter "github.com/whodid/whodid/internal/ingest/gitlab"
)

// closeEnough is how far apart the two times may be that GitLab keeps of one
// closing: a webhook tells when the merge request changed, the API when the
// closing was noted.
const closeEnough = time.Minute

// labRun is a backfill from GitLab.
type labRun struct {
	run
	client  *gitlab.Client
	id      int64
	project map[string]any
}

// GitLab reads what happened in a project on GitLab: issues, merge requests and
// their approvals, pushes, pipelines and deployments.
func GitLab(ctx context.Context, o Options) (Counts, error) {
	parts := strings.Split(o.Repository, "/")
	if len(parts) < 2 || slices.Contains(parts, "") {
		return Counts{}, fmt.Errorf("%q is not a project such as group/shop", o.Repository)
	}
	options := []gitlab.ClientOptionFunc{gitlab.WithoutRetries(), gitlab.WithHTTPClient(&http.Client{ // we wait ourselves
		Timeout: time.Minute, Transport: o.Transport, CheckRedirect: sameHost,
	})}
	if o.API != "" {
		options = append(options, gitlab.WithBaseURL(o.API))
	}
	var source gitlab.AuthSource = gitlab.Unauthenticated{}
	if o.Token != "" {
		source = gitlab.AccessTokenAuthSource{Token: o.Token}
	}
	client, err := gitlab.NewAuthSourceClient(source, options...)
	if err != nil {
		return Counts{}, fmt.Errorf("couldn't make a client of GitLab: %w", err)
	}
	r := &labRun{client: client, run: run{Options: o, parse: func(_ string, body []byte, o forge.Options) (*forge.Delivery, error) {
		return adapter.Parse(body, o)
	}}}
	err = r.all(ctx)
	return r.Counts, err
}

// sameHost lets a project that was renamed be followed, but never takes the token
// to another host.
func sameHost(to *http.Request, via []*http.Request) error {
	if from := via[0].URL; len(via) > 5 || to.URL.Host != from.Host || to.URL.Scheme != from.Scheme {
		return fmt.Errorf("the forge sends us to %s, where the token is not for", to.URL.Host)
	}
	return nil
}

func (r *labRun) all(ctx context.Context) error {
	p, _, err := askLab(ctx, &r.run, func() (*gitlab.Project, *gitlab.Response, error) {
		return r.client.Projects.GetProject(r.Repository, nil, gitlab.WithContext(ctx))
	})
	if err != nil {
		return fmt.Errorf("couldn't read the project %s: %w", r.Repository, err)
	}
	r.id = p.ID
	r.project = map[string]any{"id": p.ID, "path_with_namespace": p.PathWithNamespace, "web_url": p.WebURL}
	for _, part := range []struct {
		name   string
		access gitlab.AccessControlValue
		read   func(context.Context) error
	}{
		{"issues", p.IssuesAccessLevel, r.issues},
		{"merge requests", p.MergeRequestsAccessLevel, r.merges},
		{"pushes", p.RepositoryAccessLevel, r.pushes},
		{"pipelines", p.BuildsAccessLevel, r.pipelines},
		{"deployments", p.EnvironmentsAccessLevel, r.deployments},
	} {
		if part.access == gitlab.DisabledAccessControl {
			continue // a project without them answers as if the token were wrong
		}
		if err := part.read(ctx); err != nil {
			return fmt.Errorf("couldn't read the %s: %w", part.name, err)
		}
	}
	return nil
}

// askLab makes a request, again if the forge says so or fails.
func askLab[T any](ctx context.Context, r *run, request func() (T, *gitlab.Response, error)) (T, *gitlab.Response, error) {
	for try := 1; ; try++ {
		v, res, err := request()
		if err == nil {
			return v, res, nil
		}
		status := 0
		if res != nil && res.Response != nil {
			status = res.StatusCode
		}
		switch {
		case try > maxWaits:
			return v, res, fmt.Errorf("%w: %w", ErrLimited, err)
		case status == http.StatusTooManyRequests:
			err = r.wait(ctx, retryAfter(res.Response))
		case status == http.StatusUnauthorized:
			err = fmt.Errorf("GitLab doesn't know the token, or it has expired: %w", err)
		case status == http.StatusForbidden:
			err = fmt.Errorf("the token may not read it, it needs the scope read_api and the role Reporter: %w", err)
		case status == http.StatusNotFound:
			err = fmt.Errorf("there is none, or the token may not see it: %w", err)
		case try < maxTries && (status == 0 || status >= 500) && ctx.Err() == nil:
			err = r.Sleep(ctx, time.Duration(try)*time.Second)
		}
		if err != nil {
			return v, res, err
		}
	}
}

// labPages calls take with each object of a list, until it says that the rest is
// too old or the list ends.
func labPages[T any](ctx context.Context, r *run, list func(o gitlab.ListOptions) ([]T, *gitlab.Response, error), take func(T) (more bool, err error)) error {
	o := gitlab.ListOptions{PerPage: pageSize, Page: 1}
	for o.Page != 0 {
		items, res, err := askLab(ctx, r, func() ([]T, *gitlab.Response, error) { return list(o) })
		if err != nil {
			return err
		}
		for _, item := range items {
			more, err := take(item)
			if err != nil || !more {
				return err
			}
		}
		o.Page = res.NextPage
	}
	return nil
}

// delivery begins a payload.
func (r *labRun) delivery(kind string, who map[string]any, attributes map[string]any) map[string]any {
	return map[string]any{"object_kind": kind, "project": r.project, "user": who, "object_attributes": attributes}
}

// account is what is read of one.
func account(id int64, login string) map[string]any {
	return map[string]any{"id": id, "username": login}
}

func basic(u *gitlab.BasicUser) map[string]any {
	if u == nil {
		return nil
	}
	return account(u.ID, u.Username)
}

// moment is a time that may be missing.
func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func (r *labRun) issues(ctx context.Context) error {
	return labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.Issue, *gitlab.Response, error) {
		return r.client.Issues.ListProjectIssues(r.id, &gitlab.ListProjectIssuesOptions{
			ListOptions: page, OrderBy: new("updated_at"), Sort: new("desc"), UpdatedAfter: &r.Since,
		}, gitlab.WithContext(ctx))
	}, func(i *gitlab.Issue) (bool, error) {
		a := map[string]any{"iid": i.IID, "url": i.WebURL, "description": i.Description, "created_at": i.CreatedAt}
		var author, closer map[string]any
		if i.Author != nil {
			author, a["author_id"] = account(i.Author.ID, i.Author.Username), i.Author.ID
		}
		if r.within(moment(i.CreatedAt)) {
			a["action"] = "open"
			if err := r.tell(ctx, "", r.delivery("issue", author, a)); err != nil {
				return false, err
			}
		}
		if i.State != "closed" || !r.within(moment(i.ClosedAt)) {
			return true, nil
		}
		if i.ClosedBy != nil {
			closer = account(i.ClosedBy.ID, i.ClosedBy.Username)
		}
		a["action"], a["closed_at"] = "close", i.ClosedAt
		return true, r.tell(ctx, "", r.delivery("issue", closer, a))
	})
}

func (r *labRun) merges(ctx context.Context) error {
	return labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.BasicMergeRequest, *gitlab.Response, error) {
		return r.client.MergeRequests.ListProjectMergeRequests(r.id, &gitlab.ListProjectMergeRequestsOptions{
			ListOptions: page, State: new("all"), Scope: new("all"), OrderBy: new("updated_at"), Sort: new("desc"), UpdatedAfter: &r.Since,
		}, gitlab.WithContext(ctx))
	}, func(m *gitlab.BasicMergeRequest) (bool, error) { return true, r.merge(ctx, m) })
}

func (r *labRun) merge(ctx context.Context, m *gitlab.BasicMergeRequest) error {
	known, err := r.Known(ctx, fmt.Sprintf("%s!%d", r.project["path_with_namespace"], m.IID))
	if err != nil {
		return err
	}
	versions, err := r.versions(ctx, m.IID)
	if err != nil {
		return err
	}
	d := func(action, head string, who *gitlab.BasicUser, more map[string]any) map[string]any {
		a := map[string]any{
			"action": action, "iid": m.IID, "url": m.WebURL, "description": m.Description, "draft": m.Draft,
			"source_branch": m.SourceBranch, "target_branch": m.TargetBranch, "last_commit": map[string]any{"id": head},
		}
		if m.Author != nil {
			a["author_id"] = m.Author.ID
		}
		maps.Copy(a, more)
		return r.delivery("merge_request", basic(who), a)
	}
	if r.within(moment(m.CreatedAt)) {
		if err := r.tell(ctx, "", d("open", first(versions), m.Author, map[string]any{"created_at": m.CreatedAt})); err != nil {
			return err
		}
	}
	// The list of what it stood at tells when it got other commits, but not by whom.
	if n := len(versions); n > 1 && versions[0].HeadCommitSHA != known.Head && r.within(moment(versions[0].CreatedAt)) {
		err := r.tell(ctx, "", d("update", versions[0].HeadCommitSHA, nil, map[string]any{"updated_at": versions[0].CreatedAt, "oldrev": versions[1].HeadCommitSHA}))
		if err != nil {
			return err
		}
	}
	if err := r.approvals(ctx, m, known, versions, d); err != nil {
		return err
	}
	switch at := moment(m.ClosedAt); {
	case m.State == "merged" && r.within(moment(m.MergedAt)):
		return r.tell(ctx, "", d("merge", m.SHA, m.MergeUser, map[string]any{"merged_at": m.MergedAt, "merge_commit_sha": m.MergeCommitSHA}))
	case m.State == "closed" && r.within(at) && (known.Closed.IsZero() || at.Sub(known.Closed).Abs() > closeEnough):
		return r.tell(ctx, "", d("close", m.SHA, m.ClosedBy, map[string]any{"closed_at": m.ClosedAt}))
	}
	return nil
}

// versions are what a merge request stood at, the newest first.
func (r *labRun) versions(ctx context.Context, number int64) ([]*gitlab.MergeRequestDiffVersion, error) {
	var all []*gitlab.MergeRequestDiffVersion
	err := labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.MergeRequestDiffVersion, *gitlab.Response, error) {
		return r.client.MergeRequests.GetMergeRequestDiffVersions(r.id, number, &gitlab.GetMergeRequestDiffVersionsOptions{ListOptions: page}, gitlab.WithContext(ctx))
	}, func(v *gitlab.MergeRequestDiffVersion) (bool, error) {
		all = append(all, v)
		return true, nil
	})
	slices.SortStableFunc(all, func(x, y *gitlab.MergeRequestDiffVersion) int {
		return moment(y.CreatedAt).Compare(moment(x.CreatedAt))
	})
	return all, err
}

// first is the commit at which a merge request was opened; empty if not known.
func first(versions []*gitlab.MergeRequestDiffVersion) string {
	if len(versions) == 0 {
		return ""
	}
	return versions[len(versions)-1].HeadCommitSHA
}

// approvals reads who approves a merge request now. A webhook's time of an
// approval is that of the last change, which the API does not tell: who is known
// to approve already is not told again.
func (r *labRun) approvals(ctx context.Context, m *gitlab.BasicMergeRequest, known Known, versions []*gitlab.MergeRequestDiffVersion,
	d func(action, head string, who *gitlab.BasicUser, more map[string]any) map[string]any,
) error {
	list, _, err := askLab(ctx, &r.run, func() (*gitlab.MergeRequestApprovals, *gitlab.Response, error) {
		return r.client.MergeRequestApprovals.GetConfiguration(r.id, m.IID, gitlab.WithContext(ctx))
	})
	if err != nil {
		return err
	}
	for _, a := range list.ApprovedBy {
		at := moment(a.ApprovedAt)
		if a.User == nil || !r.within(at) {
			continue // an older GitLab does not say when
		}
		// It is for the commit at which the merge request stood then.
		head := ""
		if i := slices.IndexFunc(versions, func(v *gitlab.MergeRequestDiffVersion) bool { return !moment(v.CreatedAt).After(at) }); i >= 0 {
			head = versions[i].HeadCommitSHA
		}
		facts, err := r.read("", d("approved", head, a.User, map[string]any{"updated_at": a.ApprovedAt}))
		if err != nil {
			return err
		}
		facts = slices.DeleteFunc(facts, func(e whodid.Event) bool { return slices.Contains(known.Approvers, e.Actor) })
		for i := range facts {
			if head == "" {
				delete(facts[i].Data, "sha")
			}
		}
		if err := r.take(ctx, facts); err != nil {
			return err
		}
	}
	return nil
}

// pushes are read newest first. One of many branches at once names none of them
// and is left out.
func (r *labRun) pushes(ctx context.Context) error {
	after := gitlab.ISOTime(r.Since.UTC().AddDate(0, 0, -2)) // it is a day, in the forge's own zone
	return labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.ProjectEvent, *gitlab.Response, error) {
		return r.client.Events.ListProjectVisibleEvents(r.id, &gitlab.ListProjectVisibleEventsOptions{
			ListOptions: page, Action: new(gitlab.PushedEventType), After: &after, Sort: new("desc"),
		}, gitlab.WithContext(ctx))
	}, func(v *gitlab.ProjectEvent) (bool, error) {
		at, err := time.Parse(time.RFC3339, v.CreatedAt)
		if err != nil {
			return false, fmt.Errorf("couldn't read the time of a push: %w", err)
		}
		if !r.within(at) {
			return false, nil
		}
		p := v.PushData
		if p.Ref == "" {
			return true, nil
		}
		kind, ref := "push", "refs/heads/"+p.Ref
		if p.RefType == "tag" {
			kind, ref = "tag_push", "refs/tags/"+p.Ref
		}
		d := r.delivery(kind, account(v.Author.ID, v.Author.Username), nil)
		d["ref"], d["before"], d["after"] = ref, orZeros(p.CommitFrom, p.CommitTo), orZeros(p.CommitTo, p.CommitFrom)
		d["total_commits_count"] = p.CommitCount
		return true, r.tell(ctx, "", d, func(e *whodid.Event) { e.At = at })
	})
}

// orZeros is how a webhook writes a commit id that there is none of, where the
// API has nothing.
func orZeros(sha, other string) string {
	if sha != "" {
		return sha
	}
	return strings.Repeat("0", max(40, len(other)))
}

func (r *labRun) pipelines(ctx context.Context) error {
	return labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.PipelineInfo, *gitlab.Response, error) {
		return r.client.Pipelines.ListProjectPipelines(r.id, &gitlab.ListProjectPipelinesOptions{
			ListOptions: page, Scope: new("finished"), OrderBy: new("updated_at"), Sort: new("desc"), UpdatedAfter: &r.Since,
		}, gitlab.WithContext(ctx))
	}, func(i *gitlab.PipelineInfo) (bool, error) {
		// The list tells neither when it ended nor who began it.
		p, _, err := askLab(ctx, &r.run, func() (*gitlab.Pipeline, *gitlab.Response, error) {
			return r.client.Pipelines.GetPipeline(r.id, i.ID, gitlab.WithContext(ctx))
		})
		if err != nil {
			return false, err
		}
		end := moment(p.FinishedAt)
		if end.IsZero() {
			end = moment(p.UpdatedAt)
		}
		if !r.within(end) {
			return true, nil
		}
		d := r.delivery("pipeline", basic(p.User), map[string]any{
			"id": p.ID, "status": p.Status, "sha": p.SHA, "source": p.Source, "url": p.WebURL, "finished_at": p.FinishedAt, "ref": p.Ref,
		})
		// That of a merge request has a ref of its own, and a webhook names the branch.
		if rest, ok := strings.CutPrefix(p.Ref, "refs/merge-requests/"); ok {
			number, _, _ := strings.Cut(rest, "/")
			iid, _ := strconv.ParseInt(number, 10, 64)
			d["merge_request"] = map[string]any{"iid": iid}
			delete(d["object_attributes"].(map[string]any), "ref")
		}
		return true, r.tell(ctx, "", d, func(e *whodid.Event) { e.At = end })
	})
}

func (r *labRun) deployments(ctx context.Context) error {
	return labPages(ctx, &r.run, func(page gitlab.ListOptions) ([]*gitlab.Deployment, *gitlab.Response, error) {
		return r.client.Deployments.ListProjectDeployments(r.id, &gitlab.ListProjectDeploymentsOptions{
			ListOptions: page, OrderBy: new("updated_at"), Sort: new("desc"), UpdatedAfter: &r.Since,
		}, gitlab.WithContext(ctx))
	}, func(v *gitlab.Deployment) (bool, error) {
		at := moment(v.UpdatedAt)
		if !r.within(at) {
			return false, nil
		}
		switch v.Status {
		case "success", "failed", "canceled":
			if end := moment(v.Deployable.FinishedAt); !end.IsZero() {
				at = end
			}
		case "running":
		default:
			return true, nil // no webhook tells of it
		}
		if !r.within(at) {
			return true, nil
		}
		var who map[string]any
		switch {
		case v.Deployable.User != nil:
			who = account(v.Deployable.User.ID, v.Deployable.User.Username)
		case v.User != nil:
			who = account(v.User.ID, v.User.Username)
		}
		d := r.delivery("deployment", who, nil)
		d["deployment_id"], d["status"], d["status_changed_at"], d["ref"], d["commit_url"] = v.ID, v.Status, at, v.Ref, "/commit/"+v.SHA
		if v.Environment != nil {
			d["environment"] = v.Environment.Name
		}
		return true, r.tell(ctx, "", d)
	})
}
