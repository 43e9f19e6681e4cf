package gitlab

import (
	"strings"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/ingest/forge"
)

// issue reads the opening and closing of an issue.
func (r *reader) issue() {
	a := &r.Attributes
	if a.Number == 0 {
		return
	}
	data := whodid.Data{"number": a.Number, "url": a.URL}
	if a.AuthorID != 0 {
		data["author"] = r.Actor(Source, forge.User{ID: a.AuthorID})
	}
	key := func(parts ...string) string { return r.key(append([]string{"issue", number(a.Number)}, parts...)...) }
	switch a.Action {
	case "open":
		forge.Origin(data, a.Description)
		r.add(key("created"), "issue.create", r.numbered("#", a.Number), a.CreatedAt, data)
	case "close":
		at := forge.Time{Time: forge.First(a.ClosedAt, a.UpdatedAt)}
		r.add(key("closed", at.Stamp()), "issue.close", r.numbered("#", a.Number), at, data)
	case "reopen":
		r.add(key("reopened", a.UpdatedAt.Stamp()), "issue.reopen", r.numbered("#", a.Number), a.UpdatedAt, data)
	}
}

// mergeRequest reads what became of a merge request.
func (r *reader) mergeRequest() {
	a := &r.Attributes
	if a.Number == 0 {
		return
	}
	head := forge.SHA(a.LastCommit.ID)
	switch a.Action {
	case "open":
		r.addMerge("pr.create", a.CreatedAt, "created")
	case "reopen":
		r.addMerge("pr.reopen", a.UpdatedAt, "reopened", a.UpdatedAt.Stamp())
	case "close":
		at := forge.Time{Time: forge.First(a.ClosedAt, a.UpdatedAt)}
		r.addMerge("pr.close", at, "closed", at.Stamp())
	case "merge":
		e := r.addMerge("pr.merge", forge.Time{Time: forge.First(a.MergedAt, a.UpdatedAt)}, "merged")
		if sha := forge.SHA(a.MergeCommitSHA); sha != "" {
			e.Data["sha"] = sha
		}
	case "update":
		// Only what has an old revision got other commits.
		if before := forge.SHA(a.OldRevision); before != "" {
			e := r.addMerge("pr.update", a.UpdatedAt, "head", head, a.UpdatedAt.Stamp())
			e.Data["before"] = before
		}
	case "approved", "approval":
		e := r.addMerge("pr.review", a.UpdatedAt, "approved", r.reviewer(), a.UpdatedAt.Stamp())
		e.Data["state"], e.Data["sha"], e.Result = "approved", head, whodid.ResultApproved
		e.Data = reviewOf(e.Data)
	case "unapproved", "unapproval":
		e := r.addMerge("pr.dismiss", a.UpdatedAt, "unapproved", r.reviewer(), a.UpdatedAt.Stamp())
		e.Data["state"], e.Data["sha"] = "unapproved", head
		e.Data = reviewOf(e.Data)
	}
}

// reviewer stands in a key for who approved.
func (r *reader) reviewer() string {
	who := r.who()
	return forge.Digest(r.Actor(Source, who))
}

// reviewOf keeps of a merge request's metadata what a review has.
func reviewOf(d whodid.Data) whodid.Data {
	for _, name := range []string{"branch", "base", "draft", "executions", "agents"} {
		delete(d, name)
	}
	return d
}

func (r *reader) addMerge(what string, at forge.Time, key ...string) *whodid.Event {
	a := &r.Attributes
	data := whodid.Data{
		"number": a.Number, "url": a.URL, "head": forge.SHA(a.LastCommit.ID),
		"branch": a.SourceBranch, "base": a.TargetBranch, "draft": a.Draft,
	}
	if a.AuthorID != 0 {
		data["author"] = r.Actor(Source, forge.User{ID: a.AuthorID})
	}
	forge.Origin(data, a.Description, a.LastCommit.Message)
	return r.add(r.key(append([]string{"mr", number(a.Number)}, key...)...), what, r.numbered("!", a.Number), at, data)
}

// note reads a comment. Those that GitLab writes itself are none.
func (r *reader) note() {
	a := &r.Attributes
	if a.ID == 0 || a.System {
		return
	}
	data := whodid.Data{"forge_id": a.ID, "url": a.URL}
	switch {
	case r.MergeRequest != nil && r.MergeRequest.Number != 0:
		data["number"] = r.MergeRequest.Number
		r.add(r.key("note", number(a.ID)), "pr.comment", r.numbered("!", r.MergeRequest.Number), a.CreatedAt, data)
	case r.Issue != nil && r.Issue.Number != 0:
		data["number"] = r.Issue.Number
		r.add(r.key("note", number(a.ID)), "issue.comment", r.numbered("#", r.Issue.Number), a.CreatedAt, data)
	}
}

// push reads a push. No field says when it was; the time of its arrival does.
func (r *reader) push() {
	if r.Ref == "" || forge.SHA(r.Before) == "" && forge.SHA(r.After) == "" {
		return
	}
	name, tag := forge.Ref(r.Ref)
	data := whodid.Data{
		"branch": name, "tag": tag, "sha": forge.SHA(r.After), "before": forge.SHA(r.Before),
		"created": forge.ZeroSHA(r.Before), "deleted": forge.ZeroSHA(r.After), "count": max(r.Total, int64(len(r.Commits))),
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
	r.add(r.key("push", forge.Digest(r.Ref, r.Before, r.After)), "commit.push", r.at(name+tag), forge.Time{}, data)
}

// pipeline reads the end of a pipeline.
func (r *reader) pipeline() {
	a := &r.Attributes
	switch a.Status {
	case "success", "failed", "canceled", "skipped":
	default:
		return
	}
	if a.ID == 0 {
		return
	}
	trigger, _ := a.Source.(string)
	data := whodid.Data{"forge_id": a.ID, "sha": forge.SHA(a.SHA), "branch": a.Ref, "state": a.Status, "trigger": trigger, "url": a.URL}
	if r.MergeRequest != nil {
		data["number"] = r.MergeRequest.Number
	}
	// A pipeline that is run again keeps its number.
	e := r.add(r.key("pipeline", number(a.ID), a.Status, a.FinishedAt.Stamp()), "ci.run", r.at(a.Ref), a.FinishedAt, data)
	e.Result = forge.Result(a.Status)
}

func (r *reader) deployment() {
	if r.Deployment == 0 || r.Status == "" {
		return
	}
	// The whole commit id is only in the address of the commit.
	_, sha, _ := strings.Cut(r.CommitURL, "/commit/")
	data := whodid.Data{"forge_id": r.Deployment, "sha": forge.SHA(sha), "environment": r.Environment, "state": r.Status}
	if branch, tag := forge.Ref(r.Ref); branch+tag != "" {
		data["branch"] = branch
	}
	e := r.add(r.key("deployment", number(r.Deployment), r.Status), "deploy.status", r.Project.Path, r.ChangedAt, data)
	e.Result = forge.Result(r.Status)
}

func (r *reader) release() {
	if r.ID == 0 || r.Action != "create" {
		return
	}
	r.add(r.key("release", number(r.ID)), "release.publish", r.at(r.Tag), r.ReleasedAt, whodid.Data{"forge_id": r.ID, "version": r.Tag, "url": r.URL})
}
