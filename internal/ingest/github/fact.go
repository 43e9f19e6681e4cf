package github

import (
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
)

// issue reads the opening and closing of an issue.
func (r *reader) issue() {
	i := r.Issue
	if i == nil || i.Number == 0 {
		return
	}
	data := whodid.Data{"number": i.Number, "url": i.HTMLURL, "author": r.Actor(Source, i.User.user())}
	key := func(parts ...string) string { return r.key(append([]string{"issue", number(i.Number)}, parts...)...) }
	switch r.Action {
	case "opened":
		forge.Origin(data, i.Body)
		r.add(key("created"), "issue.create", r.numbered(i.Number), i.CreatedAt, i.User, data)
	case "closed":
		data["state"] = i.StateReason
		r.add(key("closed", i.ClosedAt.Stamp()), "issue.close", r.numbered(i.Number), i.ClosedAt, r.Sender, data)
	case "reopened":
		r.add(key("reopened", i.UpdatedAt.Stamp()), "issue.reopen", r.numbered(i.Number), i.UpdatedAt, r.Sender, data)
	}
}

// pull reads what became of a pull request.
func (r *reader) pull() {
	p := r.PullRequest
	if p == nil || p.Number == 0 {
		return
	}
	switch r.Action {
	case "opened":
		r.addPull("pr.create", p.CreatedAt, p.User, "created")
	case "synchronize":
		e := r.addPull("pr.update", p.UpdatedAt, r.Sender, "head", forge.SHA(p.Head.SHA), p.UpdatedAt.Stamp())
		if before := forge.SHA(r.Before); before != "" {
			e.Data["before"] = before
		}
	case "ready_for_review":
		r.addPull("pr.ready", p.UpdatedAt, r.Sender, "ready", p.UpdatedAt.Stamp())
	case "reopened":
		r.addPull("pr.reopen", p.UpdatedAt, r.Sender, "reopened", p.UpdatedAt.Stamp())
	case "closed":
		r.closed(p)
	}
}

func (r *reader) closed(p *pull) {
	if !p.Merged && p.MergedAt.IsZero() {
		r.addPull("pr.close", p.ClosedAt, r.Sender, "closed", p.ClosedAt.Stamp())
		return
	}
	by := r.Sender
	if p.MergedBy != nil {
		by = *p.MergedBy
	}
	e := r.addPull("pr.merge", forge.Time{Time: forge.First(p.MergedAt, p.ClosedAt)}, by, "merged")
	if sha := forge.SHA(p.MergeCommitSHA); sha != "" {
		e.Data["sha"] = sha
	}
}

func (r *reader) addPull(what string, at forge.Time, who user, key ...string) *whodid.Event {
	p := r.PullRequest
	data := whodid.Data{
		"number": p.Number, "url": p.HTMLURL, "author": r.Actor(Source, p.User.user()), "head": forge.SHA(p.Head.SHA),
		"branch": p.Head.Ref, "base": p.Base.Ref, "draft": p.Draft, "commits": p.Commits, "files": p.ChangedFiles,
		"lines_added": p.Additions, "lines_removed": p.Deletions,
	}
	forge.Origin(data, p.Body)
	return r.add(r.key(append([]string{"pull", number(p.Number)}, key...)...), what, r.numbered(p.Number), at, who, data)
}

// review reads a review or its dismissal. What it says holds for its commit.
func (r *reader) review() {
	p, v := r.PullRequest, r.Review
	if p == nil || v == nil || p.Number == 0 || v.ID == 0 {
		return
	}
	state := strings.ToLower(v.State)
	data := whodid.Data{
		"number": p.Number, "url": v.HTMLURL, "forge_id": v.ID, "state": state, "sha": forge.SHA(v.CommitID),
		"head": forge.SHA(p.Head.SHA), "author": r.Actor(Source, p.User.user()),
	}
	switch r.Action {
	case "submitted":
		e := r.add(r.key("review", number(v.ID), "submitted"), "pr.review", r.numbered(p.Number), v.SubmittedAt, v.User, data)
		e.Result = forge.Result(state)
	case "dismissed":
		r.add(r.key("review", number(v.ID), "dismissed"), "pr.dismiss", r.numbered(p.Number), p.UpdatedAt, r.Sender, data)
	}
}

// comment reads a comment on an issue, on a pull request or on its lines.
func (r *reader) comment() {
	c := r.Comment
	if c == nil || c.ID == 0 || r.Action != "created" {
		return
	}
	what, n, kind := "issue.comment", int64(0), "comment"
	switch {
	case r.Issue != nil:
		n = r.Issue.Number
		if r.Issue.PullRequest != nil {
			what = "pr.comment"
		}
	case r.PullRequest != nil:
		what, n, kind = "pr.comment", r.PullRequest.Number, "review-comment"
	}
	if n == 0 {
		return
	}
	r.add(r.key(kind, number(c.ID)), what, r.numbered(n), c.CreatedAt, c.User, whodid.Data{"number": n, "forge_id": c.ID, "url": c.HTMLURL})
}

// push reads a push. When it was, only the repository's own time says.
func (r *reader) push() {
	if r.Ref == "" || forge.SHA(r.Before) == "" && forge.SHA(r.After) == "" {
		return
	}
	name, tag := forge.Ref(r.Ref)
	data := whodid.Data{
		"branch": name, "tag": tag, "sha": forge.SHA(r.After), "before": forge.SHA(r.Before),
		"force": r.Forced, "created": r.Created, "deleted": r.Deleted, "count": int64(len(r.Commits)),
	}
	var shas, messages []string
	for i := range r.Commits {
		if sha := forge.SHA(r.Commits[i].ID); sha != "" {
			shas = append(shas, sha)
		}
		messages = append(messages, r.Commits[i].Message)
	}
	data["shas"] = forge.Listed(shas)
	forge.Origin(data, messages...)
	r.add(r.key("push", forge.Digest(r.Ref, r.Before, r.After)), "commit.push",
		r.at(name+tag), r.Repository.PushedAt, r.Sender, data)
}

func (r *reader) deployment() {
	d := r.Deployment
	if d == nil || d.ID == 0 || r.Action != "created" {
		return
	}
	r.add(r.key("deployment", number(d.ID)), "deploy", r.Repository.FullName, d.CreatedAt, d.Creator, d.data())
}

func (d *deployment) data() whodid.Data {
	name, _ := forge.Ref(d.Ref)
	return whodid.Data{"forge_id": d.ID, "sha": forge.SHA(d.SHA), "branch": name, "environment": d.Environment}
}

func (r *reader) deploymentStatus() {
	d, s := r.Deployment, r.Status
	if d == nil || s == nil || d.ID == 0 || s.ID == 0 {
		return
	}
	data := d.data()
	data["status"], data["state"] = s.ID, s.State
	if s.Environment != "" {
		data["environment"] = s.Environment
	}
	e := r.add(r.key("deployment", number(d.ID), "status", number(s.ID)), "deploy.status", r.Repository.FullName, s.CreatedAt, s.Creator, data)
	e.Result = forge.Result(s.State)
}

// workflowRun reads the end of a workflow's run.
func (r *reader) workflowRun() {
	w := r.WorkflowRun
	if w == nil || w.ID == 0 || w.Status != "completed" {
		return
	}
	data := w.data()
	data["attempt"], data["trigger"] = max(w.Attempt, 1), w.Event
	if w.Name == "" {
		data["name"] = w.Path
	}
	by := r.Sender
	if w.Actor != nil {
		by = *w.Actor
	}
	e := r.add(r.key("run", number(w.ID), number(max(w.Attempt, 1))), "ci.run", r.at(w.HeadBranch), w.UpdatedAt, by, data)
	e.Result = forge.Result(w.Conclusion)
}

// checkRun reads the end of a check.
func (r *reader) checkRun() {
	c := r.CheckRun
	if c == nil || c.ID == 0 || c.Status != "completed" {
		return
	}
	if c.CheckSuite != nil && c.HeadBranch == "" {
		c.HeadBranch = c.CheckSuite.HeadBranch
	}
	e := r.add(r.key("check", number(c.ID), c.CompletedAt.Stamp()), "ci.check", r.at(c.HeadBranch), c.CompletedAt, r.Sender, c.data())
	e.Result = forge.Result(c.Conclusion)
}

func (w *run) data() whodid.Data {
	data := whodid.Data{
		"forge_id": w.ID, "name": w.Name, "sha": forge.SHA(w.HeadSHA), "branch": w.HeadBranch, "state": w.Conclusion, "url": w.HTMLURL,
	}
	if len(w.PullRequests) > 0 {
		data["number"] = w.PullRequests[0].Number
	}
	return data
}

func (r *reader) release() {
	v := r.Release
	if v == nil || v.ID == 0 || r.Action != "published" {
		return
	}
	r.add(r.key("release", number(v.ID)), "release.publish", r.at(v.TagName), v.PublishedAt, r.Sender,
		whodid.Data{"forge_id": v.ID, "version": v.TagName, "url": v.HTMLURL, "author": r.Actor(Source, v.Author.user())})
}
