package backfill

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-github/v92/github"

	"github.com/whodid/whodid"
	adapter "github.com/whodid/whodid/internal/ingest/github"
)

// maxTries is how often a request that failed on the forge's side is made.
const maxTries = 4

// maxWaits is how often a limit is waited for in one request.
const maxWaits = 20

// pageSize is how much is asked for at once, the most that GitHub gives.
const pageSize = 100

// hubRun is a backfill from GitHub.
type hubRun struct {
	run
	client      *github.Client
	owner, name string
	repository  map[string]any
}

// GitHub reads what happened in a repository on GitHub: issues, pull requests and
// their reviews, comments, pushes, workflow runs, deployments and releases.
func GitHub(ctx context.Context, o Options) (Counts, error) {
	owner, name, ok := strings.Cut(o.Repository, "/")
	if !ok || owner == "" || name == "" || strings.Contains(name, "/") {
		return Counts{}, fmt.Errorf("%q is not a repository such as acme/shop", o.Repository)
	}
	options := []github.ClientOptionsFunc{github.WithTimeout(time.Minute), github.WithDisableRateLimitCheck()} // we wait ourselves
	if o.Transport != nil {
		options = append(options, github.WithTransport(o.Transport))
	}
	if o.Token != "" {
		options = append(options, github.WithAuthToken(o.Token))
	}
	if o.API != "" {
		api := strings.TrimSuffix(o.API, "/") + "/"
		options = append(options, github.WithURLs(&api, nil))
	}
	client, err := github.NewClient(options...)
	if err != nil {
		return Counts{}, fmt.Errorf("couldn't make a client of GitHub: %w", err)
	}
	r := &hubRun{run: run{Options: o, parse: adapter.Parse}, client: client, owner: owner, name: name}
	err = r.all(ctx)
	return r.Counts, err
}

func (r *hubRun) all(ctx context.Context) error {
	repo, _, err := call(ctx, &r.run, func() (*github.Repository, *github.Response, error) {
		return r.client.Repositories.Get(ctx, r.owner, r.name)
	})
	if err != nil {
		return err
	}
	r.repository = map[string]any{"id": repo.GetID(), "full_name": repo.GetFullName(), "html_url": repo.GetHTMLURL()}
	for _, part := range []struct {
		name string
		read func(context.Context) error
	}{
		{"issues", r.issues},
		{"pull requests", r.pulls},
		{"comments", r.comments},
		{"pushes", r.pushes},
		{"workflow runs", r.runs},
		{"deployments", r.deployments},
		{"releases", r.releases},
	} {
		if err := part.read(ctx); err != nil {
			return fmt.Errorf("couldn't read the %s: %w", part.name, err)
		}
	}
	return nil
}

// call makes a request, again if the forge says so or fails.
func call[T any](ctx context.Context, r *run, request func() (T, *github.Response, error)) (T, *github.Response, error) {
	for try := 1; ; try++ {
		v, res, err := request()
		if err != nil && try > maxWaits {
			return v, res, fmt.Errorf("%w: %w", ErrLimited, err)
		}
		var limit *github.RateLimitError
		var abuse *github.AbuseRateLimitError
		switch {
		case err == nil:
			return v, res, nil
		case errors.As(err, &limit):
			err = r.wait(ctx, limit.Rate.Reset.Sub(r.Now())+time.Second)
		case errors.As(err, &abuse):
			pause := time.Minute
			if abuse.RetryAfter != nil {
				pause = *abuse.RetryAfter
			}
			err = r.wait(ctx, pause)
		case res != nil && res.StatusCode == http.StatusTooManyRequests:
			err = r.wait(ctx, retryAfter(res.Response))
		case try < maxTries && (res == nil || res.StatusCode >= 500) && ctx.Err() == nil:
			err = r.Sleep(ctx, time.Duration(try)*time.Second)
		}
		if err != nil {
			return v, res, err
		}
	}
}

// retryAfter is how long a response asks to wait.
func retryAfter(res *http.Response) time.Duration {
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	return time.Minute
}

// pages calls take with each object of a list, until it says that the rest is
// too old or the list ends.
func pages[T any](ctx context.Context, r *run, list func(page int) ([]T, *github.Response, error), take func(T) (more bool, err error)) error {
	for page := 1; page != 0; {
		items, res, err := call(ctx, r, func() ([]T, *github.Response, error) { return list(page) })
		if err != nil {
			return err
		}
		for _, item := range items {
			more, err := take(item)
			if err != nil || !more {
				return err
			}
		}
		page = res.NextPage
	}
	return nil
}

// delivery begins a payload.
func (r *hubRun) delivery(action string, sender any) map[string]any {
	return map[string]any{"action": action, "repository": r.repository, "sender": sender}
}

func (r *hubRun) issues(ctx context.Context) error {
	o := &github.IssueListByRepoOptions{State: "all", Sort: "updated", Direction: "desc", Since: r.Since}
	o.ListOptions.PerPage = pageSize
	return pages(ctx, &r.run, func(page int) ([]*github.Issue, *github.Response, error) {
		o.ListOptions.Page = page
		return r.client.Issues.ListByRepo(ctx, r.owner, r.name, o)
	}, func(i *github.Issue) (bool, error) {
		if i.IsPullRequest() {
			return true, nil
		}
		if r.within(i.GetCreatedAt().Time) {
			d := r.delivery("opened", i.GetUser())
			d["issue"] = i
			if err := r.tell(ctx, "issues", d); err != nil {
				return false, err
			}
		}
		if r.within(i.GetClosedAt().Time) {
			d := r.delivery("closed", i.ClosedBy)
			d["issue"] = i
			return true, r.tell(ctx, "issues", d)
		}
		return true, nil
	})
}

func (r *hubRun) pulls(ctx context.Context) error {
	o := &github.PullRequestListOptions{State: "all", Sort: "updated", Direction: "desc"}
	o.PerPage = pageSize
	return pages(ctx, &r.run, func(page int) ([]*github.PullRequest, *github.Response, error) {
		o.Page = page
		return r.client.PullRequests.List(ctx, r.owner, r.name, o)
	}, func(p *github.PullRequest) (bool, error) {
		if !r.within(p.GetUpdatedAt().Time) {
			return false, nil
		}
		// The list tells neither who merged nor how much changed.
		whole, _, err := call(ctx, &r.run, func() (*github.PullRequest, *github.Response, error) {
			return r.client.PullRequests.Get(ctx, r.owner, r.name, p.GetNumber())
		})
		if err != nil {
			return false, err
		}
		return true, r.pull(ctx, whole)
	})
}

func (r *hubRun) pull(ctx context.Context, p *github.PullRequest) error {
	d := func(action string, sender any) map[string]any {
		d := r.delivery(action, sender)
		d["pull_request"] = p
		return d
	}
	if r.within(p.GetCreatedAt().Time) {
		// Where it stands now need not be where it was opened.
		err := r.tell(ctx, "pull_request", d("opened", p.GetUser()), func(e *whodid.Event) { delete(e.Data, "head") })
		if err != nil {
			return err
		}
	}
	known, err := r.Known(ctx, fmt.Sprintf("%s#%d", r.repository["full_name"], p.GetNumber()))
	if err != nil {
		return err
	}
	if head := p.GetHead().GetSHA(); head != known.Head {
		if err := r.tell(ctx, "pull_request", d("synchronize", nil)); err != nil {
			return err
		}
	}
	if r.within(p.GetClosedAt().Time) {
		if err := r.tell(ctx, "pull_request", d("closed", p.MergedBy)); err != nil {
			return err
		}
	}
	return pages(ctx, &r.run, func(page int) ([]*github.PullRequestReview, *github.Response, error) {
		return r.client.PullRequests.ListReviews(ctx, r.owner, r.name, p.GetNumber(), &github.ListOptions{Page: page, PerPage: pageSize})
	}, func(v *github.PullRequestReview) (bool, error) {
		if !r.within(v.GetSubmittedAt().Time) {
			return true, nil
		}
		action := "submitted"
		if strings.EqualFold(v.GetState(), "dismissed") {
			action = "dismissed"
		}
		body := d(action, nil)
		body["review"] = v
		return true, r.tell(ctx, "pull_request_review", body)
	})
}

func (r *hubRun) comments(ctx context.Context) error {
	o := &github.IssueListCommentsOptions{Since: &r.Since}
	o.PerPage = pageSize
	return pages(ctx, &r.run, func(page int) ([]*github.IssueComment, *github.Response, error) {
		o.Page = page
		return r.client.Issues.ListComments(ctx, r.owner, r.name, 0, o)
	}, func(c *github.IssueComment) (bool, error) {
		// What it is about, only its address says.
		before, _, _ := strings.Cut(c.GetHTMLURL(), "#")
		number, err := strconv.ParseInt(before[strings.LastIndexByte(before, '/')+1:], 10, 64)
		if err != nil || !r.within(c.GetCreatedAt().Time) {
			return true, nil //nolint:nilerr // a comment on nothing that we know
		}
		issue := map[string]any{"number": number}
		if strings.Contains(before, "/pull/") {
			issue["pull_request"] = map[string]any{}
		}
		d := r.delivery("created", c.GetUser())
		d["comment"], d["issue"] = c, issue
		return true, r.tell(ctx, "issue_comment", d)
	})
}

// pushes are read newest first. The list is paged by a cursor.
func (r *hubRun) pushes(ctx context.Context) error {
	o := &github.ListRepositoryActivityOptions{Direction: "desc", PerPage: pageSize}
	for {
		list, res, err := call(ctx, &r.run, func() ([]*github.RepositoryActivity, *github.Response, error) {
			return r.client.Repositories.ListRepositoryActivities(ctx, r.owner, r.name, o)
		})
		if err != nil {
			return err
		}
		for _, a := range list {
			at := a.Timestamp
			if at == nil || !r.within(at.Time) {
				return nil
			}
			repository := map[string]any{"pushed_at": at.Unix()}
			maps.Copy(repository, r.repository)
			d := r.delivery("", a.Actor)
			d["repository"], d["ref"], d["before"], d["after"] = repository, a.Ref, a.Before, a.After
			d["forced"], d["created"], d["deleted"] = a.ActivityType == "force_push", a.ActivityType == "branch_creation", a.ActivityType == "branch_deletion"
			// How many commits it had, the list does not tell.
			if err := r.tell(ctx, "push", d, func(e *whodid.Event) { delete(e.Data, "count") }); err != nil {
				return err
			}
		}
		if o.After = res.After; o.After == "" {
			return nil
		}
	}
}

func (r *hubRun) runs(ctx context.Context) error {
	o := &github.ListWorkflowRunsOptions{Status: "completed", Created: ">=" + r.Since.UTC().Format(time.RFC3339)}
	o.PerPage = pageSize
	return pages(ctx, &r.run, func(page int) ([]*github.WorkflowRun, *github.Response, error) {
		o.Page = page
		list, res, err := r.client.Actions.ListRepositoryWorkflowRuns(ctx, r.owner, r.name, o)
		if err != nil {
			return nil, res, err
		}
		return list.WorkflowRuns, res, nil
	}, func(w *github.WorkflowRun) (bool, error) {
		d := r.delivery("completed", w.GetActor())
		d["workflow_run"] = w
		return true, r.tell(ctx, "workflow_run", d)
	})
}

func (r *hubRun) deployments(ctx context.Context) error {
	o := &github.DeploymentsListOptions{}
	o.PerPage = pageSize
	return pages(ctx, &r.run, func(page int) ([]*github.Deployment, *github.Response, error) {
		o.Page = page
		return r.client.Repositories.ListDeployments(ctx, r.owner, r.name, o)
	}, func(v *github.Deployment) (bool, error) {
		if !r.within(v.GetCreatedAt().Time) {
			return false, nil
		}
		d := r.delivery("created", v.GetCreator())
		d["deployment"] = v
		if err := r.tell(ctx, "deployment", d); err != nil {
			return false, err
		}
		return true, pages(ctx, &r.run, func(page int) ([]*github.DeploymentStatus, *github.Response, error) {
			return r.client.Repositories.ListDeploymentStatuses(ctx, r.owner, r.name, v.GetID(), &github.ListOptions{Page: page, PerPage: pageSize})
		}, func(s *github.DeploymentStatus) (bool, error) {
			d := r.delivery("created", s.GetCreator())
			d["deployment"], d["deployment_status"] = v, s
			return true, r.tell(ctx, "deployment_status", d)
		})
	})
}

func (r *hubRun) releases(ctx context.Context) error {
	return pages(ctx, &r.run, func(page int) ([]*github.RepositoryRelease, *github.Response, error) {
		return r.client.Repositories.ListReleases(ctx, r.owner, r.name, &github.ListOptions{Page: page, PerPage: pageSize})
	}, func(v *github.RepositoryRelease) (bool, error) {
		if v.GetDraft() || !r.within(v.GetPublishedAt().Time) {
			return true, nil
		}
		d := r.delivery("published", v.GetAuthor())
		d["release"] = v
		return true, r.tell(ctx, "release", d)
	})
}
