package whodid

import "slices"

// forgeKinds are what a forge itself says happened. They are no actions: they
// confirm or contradict the actions that agents told of, each called like the
// action behind "forge.".
func forgeKinds() []Kind {
	kind := func(name, meaning string, more ...Field) Kind {
		return Kind{Name: "forge." + name, Meaning: meaning, Class: ClassRun, Fields: slices.Concat(forgeFields(), more)}
	}
	number := Field{"number", Int, Technical, "Number of the issue or pull request."}
	head := Field{"head", String, Technical, "Commit at which the pull request stood."}
	sha := Field{"sha", String, Technical, "Commit id."}
	before := Field{"before", String, Technical, "Commit at which the branch or pull request stood before."}
	branch := Field{"branch", String, Linkable, "Branch."}
	base := Field{"base", String, Linkable, "Branch into which it is to be merged."}
	draft := Field{"draft", Bool, Technical, "True of a draft."}
	author := Field{"author", String, Linkable, "Who opened it, as an actor."}
	environment := Field{"environment", String, Technical, "Environment that was deployed to."}
	name := Field{"name", String, Linkable, "Name of the workflow, check or pipeline."}
	state := Field{"state", String, Technical, "State, in the forge's own word."}
	run := Field{"forge_id", Int, Technical, "The forge's id of the run, check, pipeline, review, comment or deployment."}
	attempt := Field{"attempt", Int, Technical, "Which attempt of the run it was."}
	trigger := Field{"trigger", String, Technical, "The event that started the run, in the forge's own word."}
	origin := []Field{
		{"executions", List, Technical, "Runs that the trailers of its commits or of its text name."},
		{"agents", List, Technical, "Agents that they name."},
	}
	pull := append([]Field{
		number, head, before, sha, branch, base, draft, author, state,
		{"commits", Int, Technical, "How many commits it has."},
		{"files", Int, Technical, "How many files it changes."},
		{"lines_added", Int, Technical, "Lines added."},
		{"lines_removed", Int, Technical, "Lines removed."},
	}, origin...)
	return []Kind{
		kind("hook", "A webhook of a repository was heard of: from now on the forge confirms what is done there.",
			Field{"events", List, Technical, "What it tells of, if the forge said so."}),
		kind("unhook", "A webhook of a repository is gone: from now on the forge's silence says nothing."),
		kind("issue.create", "An issue was opened.", append([]Field{number, author}, origin...)...),
		kind("issue.close", "An issue was closed.", number, state, author),
		kind("issue.reopen", "An issue was opened again.", number, author),
		kind("issue.comment", "An issue was commented on.", number, run),
		kind("pr.create", "A pull request was opened.", pull...),
		kind("pr.update", "A pull request got other commits; approvals of the ones before are stale.", pull...),
		kind("pr.ready", "A draft of a pull request became ready for review.", pull...),
		kind("pr.reopen", "A pull request was opened again.", pull...),
		kind("pr.close", "A pull request was closed without merging.", pull...),
		kind("pr.merge", "A pull request was merged.", pull...),
		kind("pr.comment", "A pull request was commented on.", number, run),
		kind("pr.review", "A pull request was reviewed; an approval holds for its commit alone.", number, sha, head, state, run, author),
		kind("pr.dismiss", "A review of a pull request was taken back.", number, sha, head, state, run, author),
		kind("commit.push", "Commits were pushed, or a branch or tag was made or deleted.", append([]Field{
			sha, before, branch,
			{"tag", String, Linkable, "Tag."},
			{"force", Bool, Technical, "True if the branch's history was rewritten."},
			{"created", Bool, Technical, "True if the branch or tag is new."},
			{"deleted", Bool, Technical, "True if the branch or tag is gone."},
			{"count", Int, Technical, "How many commits were pushed."},
			{"shas", List, Technical, "Their ids, the last ones."},
		}, origin...)...),
		kind("deploy", "A deployment was asked for.", sha, branch, environment, run),
		kind("deploy.status", "A deployment got on, succeeded or failed.", sha, branch, environment, run, state,
			Field{"status", Int, Technical, "The forge's id of the status."}),
		kind("ci.run", "A workflow or pipeline ended.", sha, branch, name, run, attempt, trigger, state, number),
		kind("ci.check", "A check of a commit ended.", sha, branch, name, run, state, number),
		kind("release.publish", "A release was published.", run, author,
			Field{"version", String, Technical, "Its tag."}),
	}
}

// forgeFields are the metadata of every fact of a forge.
func forgeFields() []Field {
	return []Field{
		{"repository", String, Linkable, "Repository as owner/name."},
		{"url", String, Linkable, "Where it is on the forge."},
		{"hook", String, Technical, "Name of the webhook that told it."},
		{"delivery", String, Technical, "The forge's id of the delivery that told it first; absent if it was read from the forge's API."},
	}
}
