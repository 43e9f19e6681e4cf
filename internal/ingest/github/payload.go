package github

import (
	"github.com/whodid/whodid/internal/ingest/forge"
)

// payload is what of a delivery is read; of its texts only the runs that they
// name are kept.
type payload struct {
	Action     string     `json:"action"`
	Sender     user       `json:"sender"`
	Repository repository `json:"repository"`

	Issue       *issue      `json:"issue"`
	PullRequest *pull       `json:"pull_request"`
	Review      *review     `json:"review"`
	Comment     *comment    `json:"comment"`
	Deployment  *deployment `json:"deployment"`
	Status      *status     `json:"deployment_status"`
	WorkflowRun *run        `json:"workflow_run"`
	CheckRun    *run        `json:"check_run"`
	Release     *release    `json:"release"`
	Hooked      *struct {
		Events []string `json:"events"`
	} `json:"hook"`
	HookID int64 `json:"hook_id"`

	// Of a push.
	Ref     string   `json:"ref"`
	Before  string   `json:"before"`
	After   string   `json:"after"`
	Forced  bool     `json:"forced"`
	Created bool     `json:"created"`
	Deleted bool     `json:"deleted"`
	Commits []commit `json:"commits"`
}

type user struct {
	ID    int64  `json:"id"`
	Login string `json:"login"`
	Type  string `json:"type"`
}

func (u user) user() forge.User { return forge.User{ID: u.ID, Login: u.Login, Bot: u.Type == "Bot"} }

type repository struct {
	ID       int64      `json:"id"`
	FullName string     `json:"full_name"`
	HTMLURL  string     `json:"html_url"`
	PushedAt forge.Time `json:"pushed_at"`
}

type issue struct {
	Number      int64      `json:"number"`
	HTMLURL     string     `json:"html_url"`
	Body        string     `json:"body"`
	User        user       `json:"user"`
	StateReason string     `json:"state_reason"`
	CreatedAt   forge.Time `json:"created_at"`
	UpdatedAt   forge.Time `json:"updated_at"`
	ClosedAt    forge.Time `json:"closed_at"`
	PullRequest *struct{}  `json:"pull_request"`
}

type pull struct {
	Number         int64      `json:"number"`
	HTMLURL        string     `json:"html_url"`
	Body           string     `json:"body"`
	User           user       `json:"user"`
	Draft          bool       `json:"draft"`
	Merged         bool       `json:"merged"`
	MergedBy       *user      `json:"merged_by"`
	MergeCommitSHA string     `json:"merge_commit_sha"`
	CreatedAt      forge.Time `json:"created_at"`
	UpdatedAt      forge.Time `json:"updated_at"`
	ClosedAt       forge.Time `json:"closed_at"`
	MergedAt       forge.Time `json:"merged_at"`
	Commits        int64      `json:"commits"`
	Additions      int64      `json:"additions"`
	Deletions      int64      `json:"deletions"`
	ChangedFiles   int64      `json:"changed_files"`
	Head           branch     `json:"head"`
	Base           branch     `json:"base"`
}

type branch struct {
	Ref string `json:"ref"`
	SHA string `json:"sha"`
}

type review struct {
	ID          int64      `json:"id"`
	User        user       `json:"user"`
	State       string     `json:"state"`
	CommitID    string     `json:"commit_id"`
	HTMLURL     string     `json:"html_url"`
	SubmittedAt forge.Time `json:"submitted_at"`
}

type comment struct {
	ID        int64      `json:"id"`
	User      user       `json:"user"`
	HTMLURL   string     `json:"html_url"`
	CreatedAt forge.Time `json:"created_at"`
}

type commit struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

type deployment struct {
	ID          int64      `json:"id"`
	SHA         string     `json:"sha"`
	Ref         string     `json:"ref"`
	Environment string     `json:"environment"`
	Creator     user       `json:"creator"`
	CreatedAt   forge.Time `json:"created_at"`
}

type status struct {
	ID          int64      `json:"id"`
	State       string     `json:"state"`
	Environment string     `json:"environment"`
	Creator     user       `json:"creator"`
	CreatedAt   forge.Time `json:"created_at"`
}

// run is a workflow's run or a check.
type run struct {
	ID           int64      `json:"id"`
	Name         string     `json:"name"`
	Path         string     `json:"path"`
	HTMLURL      string     `json:"html_url"`
	HeadSHA      string     `json:"head_sha"`
	HeadBranch   string     `json:"head_branch"`
	Event        string     `json:"event"`
	Attempt      int64      `json:"run_attempt"`
	Status       string     `json:"status"`
	Conclusion   string     `json:"conclusion"`
	Actor        *user      `json:"triggering_actor"`
	UpdatedAt    forge.Time `json:"updated_at"`
	CompletedAt  forge.Time `json:"completed_at"`
	PullRequests []struct {
		Number int64 `json:"number"`
	} `json:"pull_requests"`
	CheckSuite *struct {
		HeadBranch string `json:"head_branch"`
	} `json:"check_suite"`
}

type release struct {
	ID          int64      `json:"id"`
	TagName     string     `json:"tag_name"`
	HTMLURL     string     `json:"html_url"`
	Author      user       `json:"author"`
	PublishedAt forge.Time `json:"published_at"`
}
