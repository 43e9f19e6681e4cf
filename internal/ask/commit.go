package ask

import (
	"slices"
	"time"

	"github.com/whodid/whodid"
	"github.com/whodid/whodid/internal/gitindex/gitlog"
	"github.com/whodid/whodid/internal/store"
)

// Commit is one commit and what is known of who made it. What is not known is
// null or empty.
type Commit struct {
	Commit      string     `json:"commit"`
	Repository  string     `json:"repository"`
	AuthoredAt  *time.Time `json:"authored_at"`
	CommittedAt *time.Time `json:"committed_at"`
	// Kind is agent, assisted, bot or human. Evidence is what that rests on, the
	// strongest first: trailers, block, note (ours, and they name runs), then
	// git-ai-note, entire-checkpoint, co-author, identity, assisted-by. Form is
	// the shape of ours.
	Kind     string   `json:"kind"`
	Evidence []string `json:"evidence"`
	Form     string   `json:"form"`
	// Author is the author's pseudonym as an actor, "human:p…"; empty where the
	// key that makes pseudonyms is not at hand.
	Author string `json:"author"`
	// Runs are what the commit says of the runs that made it.
	Runs []CommitRun `json:"runs"`
	// Credits are agents that other conventions name, Model what they say of it.
	Credits []string `json:"credits"`
	Model   string   `json:"model"`
	// PullRequest is the number that the commit names.
	PullRequest  *int64        `json:"pull_request"`
	Parents      int           `json:"parents"`
	FilesChanged *int64        `json:"files_changed"`
	LinesAdded   *int64        `json:"lines_added"`
	LinesRemoved *int64        `json:"lines_removed"`
	Files        []ChangedFile `json:"files"`
	// Related are commits that it names, as "reverts ID".
	Related []string `json:"related"`
	// EventID is the event that proves what is said here of an agent's commit.
	EventID string `json:"event_id"`
}

// CommitRun is one run as a commit names it by the five trailers. It is what the
// commit says: that it is so, the trail tells.
type CommitRun struct {
	Agent       string `json:"agent"`
	Squad       string `json:"squad"`
	Trigger     string `json:"trigger"`
	ExecutionID string `json:"execution_id"`
	Model       string `json:"model"`
}

// ChangedFile is a file that a commit changed; the counts of lines are null for
// a binary file.
type ChangedFile struct {
	Path    string `json:"path"`
	Added   *int64 `json:"added"`
	Removed *int64 `json:"removed"`
}

// Who is whom to name for a commit in one word: the agent, or the person.
func (c *Commit) Who() string {
	for _, r := range c.Runs {
		if r.Agent != "" {
			return r.Agent
		}
	}
	switch {
	case len(c.Credits) > 0:
		return c.Credits[0]
	case c.Author != "":
		return c.Author
	default:
		return c.Kind
	}
}

// Executions are the ids of the runs that the commit names, each once.
func (c *Commit) Executions() []string {
	var ids []string
	for _, r := range c.Runs {
		if r.ExecutionID != "" && !slices.Contains(ids, r.ExecutionID) {
			ids = append(ids, r.ExecutionID)
		}
	}
	return ids
}

// newCommit is a commit as the index has it.
func newCommit(c *store.Commit) Commit {
	out := Commit{
		Commit: c.ID, Repository: c.Repository, AuthoredAt: moment(c.AuthoredAt), CommittedAt: moment(c.CommittedAt),
		Kind: c.Kind, Evidence: orEmpty(c.Evidence), Form: c.Form, Author: person(c.Author), Runs: make([]CommitRun, len(c.Origins)),
		Credits: orEmpty(c.Credits), Model: c.Model, PullRequest: optional(c.Pull > 0, c.Pull), Parents: c.Parents,
		FilesChanged: optional(c.FilesKnown, c.FilesChanged), LinesAdded: optional(c.FilesKnown, c.LinesAdded),
		LinesRemoved: optional(c.FilesKnown, c.LinesRemoved), Files: make([]ChangedFile, len(c.Files)),
		Related: orEmpty(c.Related), EventID: c.Event,
	}
	for i, o := range c.Origins {
		out.Runs[i] = CommitRun{Agent: o.Agent, Squad: o.Squad, Trigger: o.Trigger, ExecutionID: o.Execution, Model: o.Model}
	}
	for i, f := range c.Files {
		out.Files[i] = ChangedFile{Path: f.Path, Added: optional(f.Added >= 0, int64(f.Added)), Removed: optional(f.Removed >= 0, int64(f.Removed))}
	}
	return out
}

// describe is a commit as git tells of it now.
func (g *Git) describe(c *gitlog.Commit, notes gitlog.CommitNotes) Commit {
	a := gitlog.Attribute(c, notes)
	out := Commit{
		Commit: c.ID, Repository: g.name, AuthoredAt: moment(c.AuthoredAt), CommittedAt: moment(c.CommittedAt),
		Kind: string(a.Kind), Evidence: make([]string, len(a.Evidence)), Author: person(g.pseudonym(c)), Runs: make([]CommitRun, len(a.Origins)),
		Credits: orEmpty(a.Credits), Model: a.Model, PullRequest: optional(a.Pull > 0, a.Pull), Parents: len(c.Parents),
		Files: []ChangedFile{}, Related: make([]string, len(a.References)),
	}
	if a.Strongest().Ours() {
		out.Form = a.Form.String()
	}
	for i, e := range a.Evidence {
		out.Evidence[i] = string(e)
	}
	for i, o := range a.Origins {
		squad := o.Squad
		if squad == "" {
			squad = whodid.Squad(o.Agent)
		}
		out.Runs[i] = CommitRun{Agent: o.Agent, Squad: squad, Trigger: o.Trigger, ExecutionID: o.Execution, Model: o.Model}
	}
	for i, r := range a.References {
		out.Related[i] = string(r.Relation) + " " + r.Commit
	}
	return out
}

// pseudonym names the author of a commit, or nobody without the key.
func (g *Git) pseudonym(c *gitlog.Commit) string {
	if g.Pseudonym == nil {
		return ""
	}
	return g.Pseudonym(gitlog.IdentityOf(c.AuthorName, c.AuthorEmail))
}

func person(pseudonym string) string {
	if pseudonym == "" {
		return ""
	}
	return whodid.HumanActor(pseudonym)
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
